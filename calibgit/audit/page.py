"""The audit report as Markdown for people. Every value from the log is escaped: reasons are anybody's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calibgit.model.audit import AuditPeriod, AuditRelease, AuditReport
from calibgit.model.markdown import code, table, text

_WEIGHTS = {"broken": "Broken", "look": "To look at", "note": "Note"}


def page(report: AuditReport) -> str:
    """The whole report: findings first, then what was active when, then everything else."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: AuditReport) -> Iterator[str]:
    yield "# Audit of a calibgit registry"
    yield ""
    yield f"Registry {code(report.registry or 'none')}, {report.seq} events, head {code(report.head or 'none')}."
    yield (
        "Every signature, approval and digest was verified."
        if report.ok
        else ("**The log does not hold.** This report covers what was believed before the first error.")
    )
    trust = "was checked against the trust root" if report.trust_root == "checked" else "was not compared with anything"
    yield f"The registry id {trust}."
    if not report.four_eyes:
        yield "**Single-person registry: nobody else approves here.**"
    yield from _findings(report)
    yield from _active(report.periods)
    yield from _releases(report.releases)
    yield from _rollbacks(report)
    yield from _policies(report)
    yield from _events(report)
    if report.not_checked:
        yield from ("", "## Not checked", "")
        yield from (f"- {text(item)}" for item in report.not_checked)


def _findings(report: AuditReport) -> Iterator[str]:
    yield from ("", "## Findings", "")
    if not report.findings:
        yield "Nothing."
        return
    order = list(_WEIGHTS)
    rows = [
        (_WEIGHTS[f.weight], code(f.code), str(f.seq or ""), text(f.message), text(f.fix))
        for f in sorted(report.findings, key=lambda f: order.index(f.weight))
    ]
    yield from table(("", "code", "event", "what", "fix"), rows, frozenset({2}))


def _active(periods: Sequence[AuditPeriod]) -> Iterator[str]:
    yield from ("", "## What was active when", "")
    rows = [
        (
            text(p.line),
            text(p.env),
            f"v{text(p.version)}",
            f"{p.from_at} (event {p.from_seq})",
            f"{p.until_at} (event {p.until_seq})" if p.until_at else "still",
            f"{p.how} by {text(', '.join(p.by))}",
        )
        for p in sorted(periods, key=lambda p: (p.line, p.env, p.from_seq))
    ]
    yield from table(("line", "environment", "version", "from", "until", "how"), rows, frozenset())


def _releases(releases: Sequence[AuditRelease]) -> Iterator[str]:
    yield from ("", "## Who proposed and who approved", "")
    rows = [
        (
            f"{text(r.line)} v{text(r.version)}",
            text(r.state),
            (text(", ".join(r.authors)) or "unknown") + _asked(r),
            text(", ".join(r.approvers)) or "nobody",
            f"**{r.evidence}**{_request(r)}",
            f"{text(', '.join((r.signer, *r.cosigners)))} (event {r.seq})",
            code(r.sha256),
            text(r.documents),
        )
        for r in releases
    ]
    head = ("version", "state", "written by", "approved by", "evidence", "signed by", "SHA-256", "measurements")
    yield from table(head, rows, frozenset())
    yield ""
    yield "*Proven* means that the approver signed it. *Attested* means that a key with the role attest says that these"
    yield "people approved it on the code host. *Baseline* was in use before the registry started. *Measurements* says"
    yield "whether the counts behind a proposal are among those on the evidence branch, which nobody signs: *not in the"
    yield "ledger* means that only the proposal itself shows them."


def _asked(release: AuditRelease) -> str:
    """Who asked for the proposal, and who opened the request for it, unless one person did it all."""
    approval = release.approval or {}
    asked = [(how, approval.get(key)) for how, key in (("asked for by", "initiator"), ("opened by", "opener"))]
    return "".join(f", {how} {text(str(who))}" for how, who in asked if who and release.authors != (who,))


def _request(release: AuditRelease) -> str:
    approval = release.approval or {}
    forge = approval.get("forge")
    where = f", request {forge['number']} of {text(forge['repository'])} at {text(forge['host'])}" if forge else ""
    merge = f", merge {code(str(approval['merge'])[:12])}" if approval else ""
    return where + merge


def _rollbacks(report: AuditReport) -> Iterator[str]:
    if not report.rollbacks:
        return
    yield from ("", "## Rollbacks", "")
    rows = [
        (
            str(r.seq),
            f"{text(r.line)} in {text(r.env)}: v{text(r.from_version)} taken out, v{text(r.version)} restored",
            text(", ".join(r.by)),
            text(r.reason),
            r.report,
            _accepted(r.ratified_by, len(r.by)),
        )
        for r in report.rollbacks
    ]
    yield from table(("event", "what", "by", "reason", "report", "second person"), rows, frozenset({0}))


def _accepted(ratified_by: str | None, signers: int) -> str:
    if signers > 1:
        return "signed by two"
    return f"ratified by {text(ratified_by)}" if ratified_by else "**nobody yet**"


def _policies(report: AuditReport) -> Iterator[str]:
    yield from ("", "## Who may do what, and since when", "")
    for policy in report.policies:
        yield f"From event {policy.seq} ({policy.at}), policy {code(policy.sha256)}:"
        yield ""
        yield from (f"- {text(change)}" for change in policy.changes)
        yield ""


def _events(report: AuditReport) -> Iterator[str]:
    yield from ("## Every event", "")
    rows = [
        (
            str(e.seq),
            e.at,
            text(e.what) + (f", **overriding {text(', '.join(e.override))}**" if e.override else ""),
            text(", ".join(e.signers)),
            f"{e.role}, {e.threshold} needed",
            text(e.reason),
            code(e.sha256[:16]),
        )
        for e in report.events
    ]
    yield from table(("event", "at", "what", "signed by", "role", "reason", "SHA-256"), rows, frozenset({0}))
