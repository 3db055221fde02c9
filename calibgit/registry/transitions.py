"""Verification step 9, second half: what the state machine refuses. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile

from calibgit.errors import GateClosed
from calibgit.model.canonical import sha256_hex, strict_canonical
from calibgit.model.event import Event, statement
from calibgit.model.ids import Version
from calibgit.model.state import RegistryState, VersionRecord

MAX_CHECKPOINT = timedelta(days=31)


def statement_digest(event: Event) -> str:
    """SHA-256 of what co-signers of an event sign."""
    return sha256_hex(strict_canonical(statement(event.payload)))


def refuse_transition(state: RegistryState, event: Event, people: tuple[str, ...]) -> GateClosed | None:
    """Why the state machine does not allow `event`, signed by `people`, now; None when it does. Pure."""
    if event.at < state.head_at and event.kind != "policy":
        return GateClosed(
            "TIME_REVERSED",
            f"event {event.seq} says {event.at}, before its predecessor's {state.head_at}",
            why="Time in the log may stand still but not run back; only a change of policy sets a false time right.",
            fix="check the clock of the machine that signs",
        )
    if event.payload.get("cosignatures") and statement_digest(event) in state.statements:
        return GateClosed(
            "STATEMENT_REUSED",
            f"event {event.seq} carries co-signatures that an earlier event used",
            why="A signature given once must not act twice.",
            fix="have the co-signers sign again, with a reason of its own",
        )
    if event.kind == "ratify":
        return _ratify(state, event, people)
    rule = _RULES.get(event.kind)
    return rule(state, event) if rule else None


def _genesis(state: RegistryState, event: Event) -> GateClosed | None:
    del state
    baseline = event.payload["baseline"]
    versions = [(entry["line"], entry["version"]) for entry in baseline]
    places = [(entry["line"], env) for entry in baseline for env in entry["envs"]]
    if len(set(versions)) == len(versions) and len(set(places)) == len(places):
        return None
    return GateClosed(
        "BASELINE_CLASH",
        "genesis adopts a version twice, or two versions as active in one environment",
        why="One version of a line is active in an environment, and a number names one config.",
        fix="adopt each version once: calibgit init --seal --adopt VERSION=ENV",
    )


def _release(state: RegistryState, event: Event) -> GateClosed | None:
    known = state.line(event.line)
    if event.payload["target"]["sha256"] in state.rejected.get(event.line, {}):
        return GateClosed(
            "CONFIG_REJECTED",
            f"these bytes of {event.line} v{event.version} were rejected",
            why="A rejected config may not come back under any number.",
            fix=f"propose a different config; see: calibgit log --line {event.line}",
        )
    if event.version in known:
        return GateClosed(
            "VERSION_TAKEN",
            f"{event.line} v{event.version} is already {known[event.version].status}",
            why="A version number names one config for ever.",
            fix="propose under a new version number",
        )
    highest = max(known, default=None)
    if highest is not None and event.version < highest:
        return GateClosed(
            "VERSION_NOT_GREATER",
            f"{event.line} v{event.version} is below v{highest}, which the registry already knows",
            why="Numbers only go up, so that newer always sorts higher.",
            fix=f"propose a version above {highest}",
        )
    return None


def _reject(state: RegistryState, event: Event) -> GateClosed | None:
    record = state.line(event.line).get(event.version)
    if record is not None:
        return GateClosed(
            "VERSION_TAKEN",
            f"{event.line} v{event.version} is already {record.status}",
            why="Only a version that was never released can be rejected.",
            fix=f"calibgit deprecate {event.version} --reason TEXT",
        )
    if event.payload["config_sha256"] in state.rejected.get(event.line, {}):
        return GateClosed(
            "ALREADY_REJECTED",
            f"these bytes of {event.line} v{event.version} are rejected already",
            why="The event would change nothing.",
            fix="calibgit status",
        )
    return None


def _require_released(state: RegistryState, event: Event) -> VersionRecord | GateClosed:
    record = state.line(event.line).get(event.version)
    if record is None:
        return GateClosed(
            "NOT_RELEASED",
            f"{event.line} v{event.version} is not released",
            why="Only a released version has an approval behind it.",
            fix=f"calibgit release {event.version}",
        )
    target = event.payload["target"]
    if (target["commit"], target["path"], target["sha256"], target["size"]) != (
        record.commit,
        record.path,
        record.sha256,
        record.size,
    ):
        return GateClosed(
            "OTHER_BYTES",
            f"event {event.seq} names other bytes than the release of v{event.version}",
            why="An event may only speak of the bytes that were approved.",
            fix="find out who wrote it; calibgit takes the target from the release",
        )
    return record


def _activate(state: RegistryState, event: Event) -> GateClosed | None:
    record = _require_released(state, event)
    if isinstance(record, GateClosed):
        return record
    if record.status != "released":
        return GateClosed(
            "DEPRECATED" if record.status == "deprecated" else "NOT_RELEASED",
            f"{event.line} v{event.version} is {record.status}",
            why="A version that was taken back is not activated anew.",
            fix="activate another version; see: calibgit status",
        )
    current = state.active(event.line, event.env)
    again = current is not None and current.version == event.version
    if again and state.alarm(event.line, event.env) is None:
        return GateClosed(
            "ALREADY_ACTIVE",
            f"{event.line} v{event.version} is already active in {event.env}",
            why="The event would change nothing.",
            fix="calibgit status",
        )
    stated = event.payload.get("from_version")
    if stated != (str(current.version) if current else None):
        return GateClosed(
            "OTHER_PREDECESSOR",
            f"event {event.seq} says that it replaces {stated or 'nothing'}, but "
            f"{current.version if current else 'nothing'} is active in {event.env}",
            why="Whoever signs an activation must know what it replaces.",
            fix="repeat the command",
        )
    if record.envs.get(event.env) == "rolled_back" and "again" not in event.payload.get("override", ()):
        return GateClosed(
            "ROLLED_BACK",
            f"{event.line} v{event.version} was rolled back in {event.env}",
            why="What failed once comes back only on purpose.",
            fix=f"calibgit activate {event.version} --env {event.env} --again --reason TEXT",
        )
    return None


def _revert(state: RegistryState, event: Event) -> GateClosed | None:
    record = _require_released(state, event)
    if isinstance(record, GateClosed):
        return record
    current = state.active(event.line, event.env)
    leaving = Version.parse(event.payload["from_version"])
    if current is None or current.version != leaving:
        return GateClosed(
            "OTHER_PREDECESSOR",
            f"{event.line} v{leaving} is not active in {event.env}",
            why="Only the active version can be rolled back.",
            fix="calibgit status",
        )
    if record.status != "released" or record.envs.get(event.env) != "superseded":
        return GateClosed(
            "NOT_A_ROLLBACK_TARGET",
            f"{event.line} v{event.version} is not a version that was active in {event.env} and still stands",
            why="A rollback needs no new approval because it returns to something that ran there before.",
            fix=_other_target(state, event),
        )
    return None


def _other_target(state: RegistryState, event: Event) -> str:
    """What restores something that stands, if anything does."""
    target = rollback_target(state, event.line, event.env)
    if target is None:
        return "release and activate a corrected version"
    return f"calibgit rollback --env {event.env} --to {target.version} --line {event.line} --reason TEXT"


def _deprecate(state: RegistryState, event: Event) -> GateClosed | None:
    record = _require_released(state, event)
    if isinstance(record, GateClosed):
        return record
    if record.status == "deprecated":
        return GateClosed(
            "DEPRECATED",
            f"{event.line} v{event.version} is already deprecated",
            why="The event would change nothing.",
            fix="calibgit status",
        )
    return None


def _checkpoint(state: RegistryState, event: Event) -> GateClosed | None:
    del state
    if timedelta(0) < moment(event.payload["expires"]) - moment(event.at) <= MAX_CHECKPOINT:
        return None
    return GateClosed(
        "BAD_EXPIRY",
        f"the checkpoint of {event.at} is to be good until {event.payload['expires']}",
        why=f"A checkpoint says that nothing newer exists; that is worth something for {MAX_CHECKPOINT.days} days.",
        fix="calibgit checkpoint --hours 72",
    )


def moment(text: str) -> datetime:
    """A UTC time of the log, `YYYY-MM-DDTHH:MM:SSZ`."""
    return datetime.fromisoformat(text)


def _ratify(state: RegistryState, event: Event, people: tuple[str, ...]) -> GateClosed | None:
    named = event.payload["ratifies"]
    steps = takewhile(lambda step: step.seq >= named["seq"], reversed(state.steps))  # a rollback is ratified soon
    step = next((step for step in steps if step.seq == named["seq"] and step.kind == "revert"), None)
    if (
        step is None
        or state.digests.get(named["sha256"]) != step.seq
        or (step.line, step.env) != (event.line, event.env)
    ):
        return GateClosed(
            "NOT_A_ROLLBACK",
            f"event {named['seq']} is no rollback of {event.line} in {event.env}",
            why="Only a rollback is ratified: it is the one change that needs no approval beforehand.",
            fix="calibgit audit",
        )
    if step.seq in state.ratified or len(step.people) > 1:
        return GateClosed(
            "ALREADY_RATIFIED",
            f"the rollback of event {step.seq} already stands on two people",
            why="The event would change nothing.",
            fix="calibgit audit",
        )
    if people[0] in step.people:
        return GateClosed(
            "OWN_ROLLBACK",
            f"{people[0]} cannot ratify event {step.seq}, which {people[0]} signed",
            why="A ratification is the second pair of eyes.",
            fix="have somebody else with the role activate run it",
        )
    return None


_RULES = {
    "genesis": _genesis,
    "release": _release,
    "reject": _reject,
    "activate": _activate,
    "revert": _revert,
    "deprecate": _deprecate,
    "checkpoint": _checkpoint,
}


def rollback_target(state: RegistryState, line: str, env: str) -> VersionRecord | None:
    """The latest version that was active in `env` before and is neither rolled back nor deprecated."""
    for step in reversed(state.steps):
        if (step.line, step.env) == (line, env):
            record = state.versions[line][step.version]
            if record.status == "released" and record.envs.get(env) == "superseded":
                return record
    return None
