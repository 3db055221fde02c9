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
    step: int | None = None

    def as_dict(self) -> dict[str, object]:
        """JSON data with the keys code, step, seq, ref, message, fix."""
        return {
            "code": self.code,
            "step": self.step,
            "seq": self.seq,
            "ref": self.ref,
            "message": self.message,
            "fix": self.fix,
        }


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
    people: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """An event that a key signed which event `declared` called compromised from an earlier number on."""

    person: str
    declared: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last promise that nothing newer existed: made by event `seq` at `at`, good until `expires`."""

    seq: int
    at: str
    expires: str


@dataclass(slots=True)
class RegistryState:
    """The fold of all believed events. `registry.fold.apply` alone changes it, and only while it is being folded.

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
        digests: digest of every believed event, to its number.
        signed_with: key to the numbers of the events that rest on it, by signature or by approval.
        ended: key to the number from which it is good for nothing, for every key that ever ended.
        suspects: number of a believed event to why it is suspect.
        checkpoint: the last one, or None.
        ratified: number of a rollback to the person who accepted it afterwards.
        voided: number of a slot to the object that a void event named there.
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
    digests: dict[str, int] = field(default_factory=dict)
    signed_with: dict[str, list[int]] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    suspects: dict[int, Suspect] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    ratified: dict[int, str] = field(default_factory=dict)
    voided: dict[int, str] = field(default_factory=dict)

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

    def alarm(self, line: str, env: str) -> int | None:
        """The suspect event that what is active in `env` rests on, or None.

        An activation or a rollback that was signed after the key was declared compromised clears the alarm: a person
        has looked since.
        """
        if not self.suspects:
            return None
        step = next((step for step in reversed(self.steps) if (step.line, step.env) == (line, env)), None)
        if step is None:
            return None
        release = self.versions[line][step.version].seq
        for seq in (step.seq, release):
            suspect = self.suspects.get(seq)
            if suspect is not None and step.seq < suspect.declared:
                return seq
        return None

    def unratified(self) -> list[Step]:
        """Rollbacks that one person signed and nobody else has accepted, oldest first."""
        if not self.four_eyes:
            return []
        return [
            step
            for step in self.steps
            if step.kind == "revert" and len(step.people) < 2 and step.seq not in self.ratified
        ]
