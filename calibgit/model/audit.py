"""The audit: what an outsider can follow without knowing the tool. Same log, same bytes; it holds no clock."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from calibgit.model.base import Document

Weight = Literal["note", "look", "broken"]


class AuditFinding(Document):
    """Something that deserves a look. `note` is information, `look` wants a person, `broken` is a fault."""

    code: str
    weight: Weight
    seq: int | None = None
    message: str
    fix: str = ""


class AuditEvent(Document):
    """One believed event: who signed it, by which role, under which policy, and what rules it overrode in words."""

    seq: int
    at: str
    kind: str
    what: str
    signers: tuple[str, ...]
    role: str
    threshold: int
    policy_sha256: str
    override: tuple[str, ...] = ()
    reason: str
    sha256: str


class AuditRelease(Document):
    """One version: who proposed it, who approved it, on what evidence, who signed it (`signer`, and co-signers)."""

    line: str
    version: str
    state: str
    seq: int
    tag: str
    path: str
    sha256: str
    signer: str
    cosigners: tuple[str, ...] = ()
    authors: tuple[str, ...]
    approvers: tuple[str, ...]
    evidence: str
    approval: dict[str, Any] | None = None
    documents: str


class AuditPeriod(Document):
    """A version that was active in an environment, from one event until another; `until_seq` is None for now."""

    line: str
    env: str
    version: str
    how: str
    by: tuple[str, ...]
    from_seq: int
    from_at: str
    until_seq: int | None = None
    until_at: str | None = None


class AuditRollback(Document):
    """A rollback, its report and its second pair of eyes."""

    seq: int
    line: str
    env: str
    from_version: str
    version: str
    by: tuple[str, ...]
    reason: str
    report_sha256: str
    report: Literal["found", "missing", "not checked"]
    ratified_by: str | None = None


class AuditPolicy(Document):
    """A policy that came in force, and what it changed, in words."""

    seq: int
    at: str
    sha256: str
    changes: tuple[str, ...]


class AuditReport(Document):
    """The whole history of a registry, as far as it is believed."""

    schema_: Literal["calibgit/audit/1"] = Field(default="calibgit/audit/1", alias="schema")
    registry: str
    trust_root: Literal["checked", "not given"]
    ok: bool
    four_eyes: bool
    seq: int
    head: str
    findings: tuple[AuditFinding, ...]
    releases: tuple[AuditRelease, ...]
    periods: tuple[AuditPeriod, ...]
    rollbacks: tuple[AuditRollback, ...]
    policies: tuple[AuditPolicy, ...]
    events: tuple[AuditEvent, ...]
    not_checked: Annotated[tuple[str, ...], Field(description="What this run could not look at, and why.")]
