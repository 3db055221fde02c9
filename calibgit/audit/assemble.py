"""From a verified log to the audit report. Pure: what needs the repository comes in as `Looked`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from calibgit.model.audit import (
    AuditEvent,
    AuditFinding,
    AuditPeriod,
    AuditPolicy,
    AuditRelease,
    AuditReport,
    AuditRollback,
)
from calibgit.model.event import Event
from calibgit.model.policy import ROLES_OF_KIND, Grant, Policy
from calibgit.model.state import RegistryState, Step
from calibgit.registry.format import subject
from calibgit.registry.policy_words import policy_changes
from calibgit.registry.standing import standing
from calibgit.registry.verification import Verification

_WEIGHTS: Mapping[str, Literal["note", "look", "broken"]] = {
    "UNRATIFIED": "look",
    "SUSPECT": "look",
    "VOIDED": "note",
    "FOREIGN_SLOT": "look",
    "FOREIGN_NAME": "note",
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked up in the repository besides the log.

    Attributes:
        reports: number of a rollback to whether its report is on the evidence branch with the signed digest.
        documents: number of a release to what is known of its snapshot and report.
        contracts: number of an activation to the contracts that it broke.
        not_checked: what could not be looked up, and why.
    """

    reports: Mapping[int, Literal["found", "missing", "not checked"]] = field(default_factory=dict)
    documents: Mapping[int, str] = field(default_factory=dict)
    contracts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()


def assemble(verification: Verification, looked: Looked, *, trust_root: Literal["checked", "not given"]) -> AuditReport:
    """The report of everything that was believed, and of what stopped belief."""
    state = verification.state
    return AuditReport(
        registry=state.registry,
        trust_root=trust_root,
        ok=verification.ok,
        four_eyes=state.four_eyes,
        seq=state.seq,
        head=state.head_sha256,
        findings=tuple(_findings(verification, looked, trust_root)),
        releases=tuple(_releases(verification, looked)),
        periods=tuple(_periods(state.steps)),
        rollbacks=tuple(_rollbacks(verification, looked)),
        policies=tuple(_policies(verification)),
        events=tuple(_event(event, verification) for event in verification.events),
        not_checked=looked.not_checked,
    )


def _findings(verification: Verification, looked: Looked, trust_root: str) -> Iterator[AuditFinding]:
    state = verification.state
    for problem in verification.errors:
        yield AuditFinding(
            code=problem.code, weight="broken", seq=problem.seq, message=problem.message, fix=problem.fix
        )
    yield from _faults(looked)
    alarms = standing(state, verification.policies)
    for problem in (*alarms, *verification.warnings):
        weight = _WEIGHTS.get(problem.code, "note")
        yield AuditFinding(code=problem.code, weight=weight, seq=problem.seq, message=problem.message, fix=problem.fix)
    yield from _suspects(verification, told={problem.seq for problem in alarms if problem.code == "SUSPECT"})
    yield from _beyond_the_rule(verification)
    if verification.events and not state.four_eyes:
        text = "one person may do everything alone: nobody else approves here"
        yield AuditFinding(code="SINGLE_PERSON", weight="note", message=text)
    yield from _weak_evidence(state)
    if verification.events and state.checkpoint is None:
        text = "no checkpoint says that this log is all there is"
        yield AuditFinding(code="NO_CHECKPOINT", weight="note", message=text, fix="calibgit checkpoint")
    if trust_root == "not given":
        text = "no trust root was given: the log holds in itself, but it could be another registry"
        yield AuditFinding(code="NO_TRUST_ROOT", weight="note", message=text, fix="calibgit audit --trust-root ID")


def _suspects(verification: Verification, told: set[int | None]) -> Iterator[AuditFinding]:
    """Every event that a stolen key signed, but for those `told` already: what is active rests on them."""
    for event in verification.events:
        suspect = verification.state.suspects.get(event.seq)
        if suspect is not None and event.seq not in told:
            text = (
                f"event {event.seq} ({_subject(event)}) was signed by {suspect.person} "
                f"with a key that was stolen by then, as event {suspect.declared} says"
            )
            fix = "look at what it changed, and undo what nobody wanted"
            yield AuditFinding(code="SUSPECT", weight="look", seq=event.seq, message=text, fix=fix)


def _beyond_the_rule(verification: Verification) -> Iterator[AuditFinding]:
    """What the policy allows for an emergency, or to those who say so in the event."""
    for event in (_event(event, verification) for event in verification.events):
        if event.kind == "policy" and event.role == "recover":
            text = f"event {event.seq} changed the policy as recovery, by {', '.join(event.signers)}"
            fix = "see what it changed, and why the holders of the role policy did not sign"
            yield AuditFinding(code="EMERGENCY_POLICY", weight="look", seq=event.seq, message=text, fix=fix)
        if event.override:
            text = f"event {event.seq} ({event.what}) overrode a rule: {', '.join(event.override)}"
            yield AuditFinding(code="OVERRIDDEN", weight="note", seq=event.seq, message=text)


def _faults(looked: Looked) -> Iterator[AuditFinding]:
    for seq, broken in sorted(looked.contracts.items()):
        text = f"the activation of event {seq} broke its readers: {broken[0]}"
        yield AuditFinding(code="READERS_BROKEN", weight="broken", seq=seq, message=text)
    for seq, report in sorted(looked.reports.items()):
        if report == "missing":
            text = f"the report of the rollback of event {seq} is not on the evidence branch with the signed digest"
            yield AuditFinding(code="REPORT_MISSING", weight="broken", seq=seq, message=text)


def _weak_evidence(state: RegistryState) -> Iterator[AuditFinding]:
    for line in sorted(state.versions):
        for version, record in sorted(state.versions[line].items()):
            if record.evidence != "proven":
                code = "BASELINE" if record.evidence == "baseline" else "ATTESTED_ONLY"
                said = "was in use before the registry started; nobody approved it here"
                if record.evidence == "attested":
                    said = f"is approved by {', '.join(record.approvers)} as {record.signer} says; they did not sign it"
                yield AuditFinding(code=code, weight="note", seq=record.seq, message=f"{line} v{version} {said}")


def _releases(verification: Verification, looked: Looked) -> Iterator[AuditRelease]:
    approvals = {event.seq: dict(event.payload["approval"]) for event in verification.events if event.kind == "release"}
    for line in sorted(verification.state.versions):
        for version, record in sorted(verification.state.versions[line].items()):
            yield AuditRelease(
                line=line,
                version=str(version),
                state=record.status,
                seq=record.seq,
                tag=record.tag,
                path=record.path,
                sha256=record.sha256,
                signer=record.signer,
                cosigners=verification.people[record.seq][1:],
                authors=record.authors,
                approvers=record.approvers,
                evidence=record.evidence,
                approval=approvals.get(record.seq),
                documents=looked.documents.get(record.seq, "none"),
            )


def _periods(steps: Sequence[Step]) -> list[AuditPeriod]:
    how = {"baseline": "adopted at the start", "activate": "activated", "revert": "restored by a rollback"}
    found: list[AuditPeriod] = []
    after: dict[tuple[str, str], Step] = {}
    for step in reversed(steps):
        end = after.get((step.line, step.env))
        found.append(
            AuditPeriod(
                line=step.line,
                env=step.env,
                version=str(step.version),
                how=how[step.kind],
                by=step.people or (step.signer,),
                from_seq=step.seq,
                from_at=step.at,
                until_seq=end.seq if end else None,
                until_at=end.at if end else None,
            )
        )
        after[step.line, step.env] = step
    return found[::-1]


def _rollbacks(verification: Verification, looked: Looked) -> Iterator[AuditRollback]:
    for event in verification.events:
        if event.kind == "revert":
            yield AuditRollback(
                seq=event.seq,
                line=event.line,
                env=event.env,
                from_version=event.payload["from_version"],
                version=event.payload["version"],
                by=verification.people[event.seq],
                reason=event.payload["reason"],
                report_sha256=event.payload["report_sha256"],
                report=looked.reports.get(event.seq, "not checked"),
                ratified_by=verification.state.ratified.get(event.seq),
            )


def _policies(verification: Verification) -> Iterator[AuditPolicy]:
    before: Policy | None = None
    for event in verification.events:
        after = verification.policies.get(event.seq)
        if after is not None:
            digest = event.payload["target"]["sha256"]
            yield AuditPolicy(seq=event.seq, at=event.at, sha256=digest, changes=policy_changes(before, after))
            before = after


def policy_before(verification: Verification, event: Event) -> Policy:
    """The policy that judged a believed event; genesis is judged by its own."""
    seqs = [seq for seq in verification.policies if seq < event.seq]
    return verification.policies[max(seqs) if seqs else min(verification.policies)]


def _subject(event: Event) -> str:
    return subject(event.payload).removeprefix("calibgit: ")


def _carries(grant: Grant, people: Sequence[str]) -> bool:
    """Whether the signers reach the threshold of a role that the writer holds."""
    return people[0] in grant.people and sum(person in grant.people for person in people) >= grant.threshold


def _event(event: Event, verification: Verification) -> AuditEvent:
    policy, people = policy_before(verification, event), verification.people[event.seq]
    grants = [(role, policy.grant(role, event.env)) for role in ROLES_OF_KIND[event.kind]]
    role, grant = next((role, grant) for role, grant in grants if grant is not None and _carries(grant, people))
    own = f"{role}:{event.env}"
    return AuditEvent(
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        what=_subject(event),
        signers=people,
        role=own if own in policy.roles else role,
        threshold=grant.threshold,
        policy_sha256=event.payload["policy_sha256"],
        override=tuple(event.payload.get("override", ())),
        reason=event.payload["reason"],
        sha256=event.sha256,
    )
