"""The proposal's documents: the next config and the change summary. No clock, no host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibgit import __version__
from calibgit.errors import UsageError
from calibgit.model.canonical import pretty_json
from calibgit.model.ids import Version, proposal_directory
from calibgit.model.proposal import Change, ChangeSummary, Decision, InputDigest, Level, Reproduce
from calibgit.model.report import CalibrationReport
from calibgit.model.track import tally
from calibgit.propose.paths import locate, with_values

CARRIED = (
    "changes",
    "flow",
    "estimate",
    "fairness",
    "search",
    "sensitivity",
    "held_out",
    "prediction",
    "rollback_trigger",
)


def next_config(config_data: Mapping[str, Any], changes: Sequence[Change], version: str) -> bytes:
    """The changed config as pretty JSON, key order kept, `logic_version` set.

    Raises:
        UsageError: UNKNOWN_PATH, or STALE_CHANGE where the config no longer has the old value.
    """
    values: dict[tuple[str, ...], Any] = {("logic_version",): str(Version.parse(version))}
    for change in changes:
        keys = locate(config_data, change.path)
        if keys is None:
            raise UsageError(
                "UNKNOWN_PATH",
                f"the config has no value at {change.path!r}",
                why="A change belongs to the config that it was computed from.",
                fix="compute the proposal again on this config",
            )
        place: Any = config_data
        for key in keys:
            place = place[key]
        if place != change.old or keys in values:
            raise UsageError(
                "STALE_CHANGE",
                f"{change.path} is not {change.old!r} any more, or is changed twice",
                why="Two changes of one value, or a change of another value, would hide what is approved.",
                fix="compute the proposal again on this config",
            )
        values[keys] = change.new
    return pretty_json(with_values(config_data, values))


def change_summary(
    *,
    line: str,
    proposed_version: str,
    base_version: str,
    created_by: str,
    initiator: str,
    level: Level,
    decision: Decision,
    report: CalibrationReport | None = None,
    inputs: Sequence[InputDigest] = (),
    libraries: Mapping[str, str] | None = None,
    log_head: Mapping[str, Any] | None = None,
    command: str | None = None,
) -> ChangeSummary:
    """The argument for a decision that changes something.

    Args:
        line: name of the line.
        proposed_version: version of the new config.
        base_version: version that it changes.
        created_by: who or which job made it.
        initiator: who asked for it.
        level: compatibility level of the change, computed by the check.
        decision: what was decided, with `report` as its evidence.
        report: the findings.
        inputs: every file that it was computed from.
        libraries: library to version.
        log_head: head of the registry's log.
        command: how to recompute it, where not by `calibgit propose`.

    Raises:
        UsageError: NO_CHANGE when the decision changes nothing.
    """
    _require_change(decision)
    return ChangeSummary(
        line=line,
        proposed_version=proposed_version,
        base_version=base_version,
        created_by=created_by,
        initiator=initiator,
        log_head=None if log_head is None else dict(log_head),
        compatibility=level,
        summary=_headline(decision.changes),
        rationale=_rationale(decision, report),
        **{name: getattr(decision, name) for name in CARRIED},
        track_record=tally(report.track_record) if report is not None and report.track_record else None,
        reproduce=_reproduce(command or _command(line, proposed_version), libraries or {}, inputs),
    )


def _reproduce(command: str, libraries: Mapping[str, str], inputs: Sequence[InputDigest]) -> Reproduce:
    return Reproduce(
        command=command,
        tool=f"calibgit {__version__}",
        libraries=dict(sorted(libraries.items())),
        inputs=tuple(sorted(inputs, key=lambda item: item.name)),
    )


def _command(line: str, version: str) -> str:
    directory = proposal_directory(line, Version.parse(version))
    return f"calibgit propose {directory}/calibration_report.json --version {version}"


def _require_change(decision: Decision) -> None:
    if not decision.changes:
        raise UsageError(
            "NO_CHANGE",
            decision.reason,
            why="A proposal must change something.",
            fix='change a value yourself with --set PATH=VALUE --reason "..."',
        )


def shown(value: object) -> str:
    """A scalar as people write it in JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _headline(changes: Sequence[Change]) -> str:
    first = "; ".join(f"{c.path} {shown(c.old)} to {shown(c.new)}" for c in changes[:3])
    more = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
    return f"{len(changes)} change{'s' if len(changes) > 1 else ''}: {first}{more}"


def _rationale(decision: Decision, report: CalibrationReport | None) -> str:
    named = {change.finding for change in decision.changes if change.finding}
    if report is None or not named:
        return decision.reason
    words = [finding.description for finding in report.findings if finding.id in named]
    return " ".join([decision.reason, *words])
