"""Jobs that only read: status, log, show, diff, verify. Nothing asks the network."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from calibgit.errors import GateClosed, UsageError
from calibgit.jobs.track_status import fired, track_record
from calibgit.jobs.unreleased import unreleased
from calibgit.jobs.workspace import Workspace
from calibgit.model.event import Event
from calibgit.model.ids import Version, proposal_branch
from calibgit.model.state import Problem, RegistryState, VersionRecord
from calibgit.pin.resolve import wanted_version
from calibgit.registry import allowed_signers as signers
from calibgit.registry.clock import far_ahead
from calibgit.registry.format import subject
from calibgit.registry.standing import standing
from calibgit.registry.verify import Moment, Verification


def status(workspace: Workspace, *, line: str | None = None, at: str | None = None) -> dict[str, Any]:
    """What is active where, every version with its state, and what came of what they promised.

    Args:
        workspace: the clone.
        line: one line; None for every line that the log or `calibgit.toml` knows.
        at: an event number or a UTC time `YYYY-MM-DDTHH:MM:SSZ`; None for now.

    Raises:
        UsageError: BAD_MOMENT or UNKNOWN_LINE.
        GateClosed: NOT_SEALED.
    """
    verification = workspace.verification(None if at is None else moment_of(at))
    state = verification.past or verification.state
    _require_reached(verification, at)
    names = sorted({*state.versions, *workspace.line_names})
    if line is not None:
        names = [line if line in names else workspace.line_name]
    waiting = unreleased(workspace, state, names) if at is None else {}
    lines = {
        name: _line(state, name, waiting.get(name, []))
        | {"track_record": track_record(workspace, state, name, until=None if at is None else state.head_at)}
        for name in names
    }
    return {
        "schema": "calibgit/status/1",
        "registry": state.registry,
        "ok": verification.ok,
        "seq": state.seq,
        "head": state.head_oid,
        "trust_root": trust_of(workspace),
        "four_eyes": state.four_eyes,
        "high_water": high_water(verification),
        "checkpoint": None if state.checkpoint is None else asdict(state.checkpoint),
        "suspects": [{"seq": seq, "person": s.person} for seq, s in sorted(state.suspects.items())],
        "unratified": [step.seq for step in state.unratified()],
        "lines": lines,
        "errors": [problem.as_dict() for problem in verification.errors],
        "warnings": [
            problem.as_dict()
            for problem in (*verification.warnings, *_standing(workspace, verification, at), *_fired(lines))
        ],
    }


def _line(state: RegistryState, name: str, waiting: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "active": {
            env: str(record.version)
            for env in state.environments(name)
            if (record := state.active(name, env)) is not None
        },
        "alarms": {env: seq for env in state.environments(name) if (seq := state.alarm(name, env)) is not None},
        "versions": [_version(record) for _, record in sorted(state.line(name).items())] + waiting,
    }


def _fired(lines: dict[str, dict[str, Any]]) -> list[Problem]:
    return [problem for name, line in lines.items() for problem in fired(name, line["track_record"])]


def _standing(workspace: Workspace, verification: Verification, at: str | None) -> list[Problem]:
    """What a person has to look at; what lies ahead of this machine's clock, only for now."""
    state = verification.past or verification.state
    ahead = far_ahead(state, datetime.fromtimestamp(workspace.now(), UTC)) if at is None else None
    return standing(state, verification.policies) + ([ahead] if ahead else [])


def trust_of(workspace: Workspace) -> str:
    """Whether the reader knew which registry to expect."""
    return "not given" if workspace.trust_root is None else "checked"


def high_water(verification: Verification) -> str:
    """Whether this reader would have noticed a log that became shorter."""
    return "kept" if verification.marked else "no-history"


def moment_of(at: str) -> Moment:
    """An event number or a UTC time.

    Raises:
        UsageError: BAD_MOMENT.
    """
    if at.isascii() and at.isdecimal():
        return Moment(seq=int(at))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", at, re.ASCII) is None:
        raise UsageError(
            "BAD_MOMENT",
            f"{at!r} is neither an event number nor a UTC time",
            why="The log is ordered by number; a time means the last event up to it.",
            fix="calibgit status --at 12, or --at 2026-01-31T00:00:00Z",
        )
    return Moment(at=at)


def _require_reached(verification: Verification, at: str | None) -> None:
    """A number that no event has yet is a mistake, and not another word for now."""
    if verification.ok:
        verification.require()
    if verification.ok and at is not None and at.isdecimal() and not 1 <= int(at) <= verification.state.seq:
        raise UsageError(
            "BAD_MOMENT",
            f"there is no event {at}: the log holds the events 1 to {verification.state.seq}",
            why="The state as of an event can only be told once it is written.",
            fix=f"calibgit status --at {verification.state.seq}, or without --at for now",
        )


def _version(record: VersionRecord) -> dict[str, Any]:
    return {
        "version": str(record.version),
        "state": record.status,
        "envs": dict(sorted(record.envs.items())),
        "tag": record.tag,
        "commit": record.commit,
        "sha256": record.sha256,
        "signer": record.signer,
        "approvers": list(record.approvers),
        "evidence": record.evidence,
    }


def log(workspace: Workspace) -> dict[str, Any]:
    """Every believed event, oldest first.

    Raises:
        GateClosed: NOT_SEALED.
    """
    verification = workspace.verification()
    if verification.ok:
        verification.require()
    return {
        "schema": "calibgit/log/1",
        "ok": verification.ok,
        "four_eyes": verification.state.four_eyes,
        "events": [_event(event, verification) for event in verification.events],
        "errors": [problem.as_dict() for problem in verification.errors],
    }


def _event(event: Event, verification: Verification) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind,
        "line": event.line or None,
        "version": event.payload.get("version"),
        "env": event.env or None,
        "from_version": event.payload.get("from_version"),
        "signers": list(verification.people[event.seq]),
        "subject": subject(event.payload),
        "reason": event.payload["reason"],
        "oid": event.oid,
        "sha256": event.sha256,
    }


def show(workspace: Workspace, wanted: str) -> dict[str, Any]:
    """Everything about one version: record, approval, the events that speak of it, and the config.

    Raises:
        UsageError: BAD_VERSION or OTHER_LINE.
        GateClosed: NOT_RELEASED.
    """
    version = wanted_version(workspace.line_name, wanted)
    verification = workspace.verification()
    state, policy = verification.require()
    record = state.line(workspace.line_name).get(version)
    if record is None:
        raise GateClosed(
            "NOT_RELEASED",
            f"{workspace.line_name} v{version} is not released",
            why="The registry only vouches for what was released.",
            fix="calibgit status",
        )
    events = [e for e in verification.events if e.line == workspace.line_name and _speaks_of(e, version)]
    approval = next((dict(e.payload["approval"]) for e in events if e.kind == "release"), None)
    return {
        "schema": "calibgit/version/1",
        "four_eyes": state.four_eyes,
        "line": workspace.line_name,
        **_version(record),
        "path": record.path,
        "authors": list(record.authors),
        "approval": approval,
        "branch": proposal_branch(workspace.line_name, version),
        "events": [_event(event, verification) for event in events],
        "config": workspace.config_of(record, policy).value,
    }


def _speaks_of(event: Event, version: Version) -> bool:
    return str(version) in {event.payload.get("version"), event.payload.get("from_version")}


def diff(workspace: Workspace, old: str, new: str) -> dict[str, Any]:
    """What changes in meaning between two released versions."""
    from calibgit.check.compat import differences, level  # noqa: PLC0415  kept off the start-up path

    before = workspace.config(str(wanted_version(workspace.line_name, old)))
    after = workspace.config(str(wanted_version(workspace.line_name, new)))
    found = differences(before.value, after.value)
    return {
        "schema": "calibgit/diff/1",
        "line": workspace.line_name,
        "from_version": str(before.version),
        "version": str(after.version),
        "level": level(found),
        "changes": [{"path": d.path, "what": d.what, "old": d.old, "new": d.new, "level": d.level} for d in found],
    }


def verify(workspace: Workspace) -> dict[str, Any]:
    """Verify the whole log.

    Raises:
        IntegrityError: WRONG_ROOT.
        GateClosed: NOT_SEALED.
    """
    verification = workspace.verification()
    if verification.ok:
        verification.require()
    return {
        "schema": "calibgit/verify/1",
        "ok": verification.ok,
        "events": verification.state.seq,
        "registry": verification.state.registry,
        "trust_root": trust_of(workspace),
        "four_eyes": verification.state.four_eyes,
        "high_water": high_water(verification),
        "errors": [problem.as_dict() for problem in verification.errors],
        "warnings": [problem.as_dict() for problem in verification.warnings],
    }


def allowed_signers(workspace: Workspace) -> str:
    """OpenSSH's allowed-signers file of the policy in force, so that stock `git verify-tag` can check the tags."""
    state, policy = workspace.verification().require()
    return signers.allowed_signers(policy, state.seq)
