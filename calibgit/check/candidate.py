"""What the checks look at: one change of the governed repository, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calibgit.model.ids import Version, config_path, proposal_directory, summary_path
from calibgit.model.policy import Policy
from calibgit.registry.approval import Scope
from calibgit.registry.owners import CodeOwners


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that a change of it is judged by.

    Attributes:
        path: where the policy lies.
        policy: in force, as a policy event last put it there.
        sha256: of its bytes.
        seq: number of the next event.
        ended: every key that ever ended, to the number from which it is good for nothing.
    """

    path: str
    policy: Policy
    sha256: str
    seq: int
    ended: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change from `base` to `head`.

    Attributes:
        line, configs: the line, and the directory of its configs.
        base, head: commits.
        changed: repository paths that differ, sorted.
        special: those of them that are anything but a plain file at head.
        after: bytes of the changed files at head; None where there is none.
        version: the version that the change proposes, or None when it proposes none.
        base_version, base_config: the version active now, and its bytes.
        released: path to SHA-256 of every config that the registry knows.
        known: every version number that is taken.
        rejected: digests of rejected configs.
        registry, log: registry id, and number to digest of every event of the verified log.
        contracts: name to bytes of every JSON Schema that the new config must keep.
        owners: CODEOWNERS at the base.
        in_force: the policy that the registry knows.
        expected: path to bytes as recomputed from the committed inputs, or None when nothing could be recomputed.
        not_recomputed: why not.
    """

    line: str
    configs: str
    base: str
    head: str
    changed: tuple[str, ...]
    special: tuple[str, ...]
    after: Mapping[str, bytes | None]
    version: Version | None
    base_version: Version | None
    base_config: bytes | None
    released: Mapping[str, str]
    known: frozenset[Version]
    rejected: frozenset[str]
    registry: str
    log: Mapping[int, str]
    contracts: Mapping[str, bytes]
    owners: CodeOwners | None
    in_force: InForce
    expected: Mapping[str, bytes] | None
    not_recomputed: str = ""

    @property
    def config_path(self) -> str:
        """Path of the proposed config."""
        return config_path(self.version, self.configs) if self.version else ""

    @property
    def directory(self) -> str:
        """Directory of the proposal's documents, with a trailing slash."""
        return proposal_directory(self.line, self.version) + "/" if self.version else ""

    @property
    def summary_path(self) -> str:
        """Path of the change summary."""
        return summary_path(self.line, self.version) if self.version else ""

    def in_scope(self, path: str) -> bool:
        """Whether a path belongs to the proposal."""
        return self.version is not None and Scope.of(self.line, self.version, self.config_path).holds(path)
