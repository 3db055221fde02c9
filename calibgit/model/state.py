"""What the log says: versions, where they are active, and what could not be believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from calibgit.model.ids import Version

VersionStatus = Literal["proposed", "merged", "released", "rejected", "deprecated"]
EnvStatus = Literal["active", "superseded", "rolled_back"]
Strength = Literal["proven", "attested", "baseline"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the verifier saw. Errors stop the fold; warnings do not."""

    code: str
    message: str
    seq: int | None = None
    ref: str = ""
    fix: str = ""

    def as_dict(self) -> dict[str, object]:
        """JSON data with the keys code, seq, ref, message, fix."""
        return {"code": self.code, "seq": self.seq, "ref": self.ref, "message": self.message, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A released, rejected or deprecated version.

    Attributes:
        commit, path, sha256, size: the config bytes.
        schema_sha256: digest of the schema at release; empty for a baseline.
        tag, tag_oid, seq: the release event.
        signer: person who signed it.
        authors, approvers: people of the approval evidence.
        evidence: how strong that evidence is.
        envs: environment to status there.
    """

    line: str
    version: Version
    status: VersionStatus
    commit: str
    path: str
    sha256: str
    size: int
    schema_sha256: str
    tag: str
    tag_oid: str
    seq: int
    signer: str
    authors: tuple[str, ...]
    approvers: tuple[str, ...]
    evidence: Strength
    envs: dict[str, EnvStatus] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of what is active: `version` became active in `env` by event `seq`."""

    seq: int
    line: str
    env: str
    version: Version
    kind: Literal["baseline", "activate", "revert"]
    at: str
    signer: str


@dataclass(slots=True)
class RegistryState:
    """The fold of all believed events.

    Attributes:
        registry: registry id; empty before genesis.
        seq, head_oid, head_sha256, head_at, branch_head: the last believed event.
        four_eyes: as genesis stated it.
        policy_sha256: digest of the policy in force.
        versions: by line, then version.
        rejected: line to digests of configs that may not be released, each with the version it was proposed as.
        now: (line, environment) to the version that is active there.
        steps: every change of what is active, in order.
        statements: digests of co-signed statements, each of which counts once.
    """

    registry: str = ""
    seq: int = 0
    head_oid: str = ""
    head_sha256: str = ""
    head_at: str = ""
    branch_head: str = ""
    four_eyes: bool = True
    policy_sha256: str = ""
    versions: dict[str, dict[Version, VersionRecord]] = field(default_factory=dict)
    rejected: dict[str, dict[str, Version]] = field(default_factory=dict)
    now: dict[tuple[str, str], Version] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    statements: set[str] = field(default_factory=set)

    def line(self, name: str) -> dict[Version, VersionRecord]:
        """The versions of a line; empty when the log does not know it."""
        return self.versions.get(name, {})

    def active(self, line: str, env: str) -> VersionRecord | None:
        """The version that is active in `env`, or None."""
        version = self.now.get((line, env))
        return None if version is None else self.versions[line][version]

    def environments(self, line: str) -> list[str]:
        """Every environment of a line, sorted."""
        return sorted({env for record in self.line(line).values() for env in record.envs})
