"""The search for a proposal: exhaustive, deterministic, bounded; "no change" always competes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.canonical import digest
from calibgit.model.proposal import Decision, HeldOut, SearchRecord
from calibgit.model.report import CalibrationReport
from calibgit.model.settings import Line
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from calibgit.propose.board import Board
from calibgit.propose.bootstrap import seed_of
from calibgit.propose.drivers import Drivers, blocking, drivers
from calibgit.propose.explain import accepted
from calibgit.propose.no_change import with_evidence
from calibgit.propose.rank import rank
from calibgit.propose.tuning import NOT_HELD, Tuning, tune


def decide(
    snapshot: MetricsSnapshot,
    report: CalibrationReport,
    *,
    config_data: Mapping[str, Any],
    settings: Line,
) -> Decision:
    """The best set of cuts that the report supports, or no change with its reason.

    The objective is the sum of all class shares' distances from their ranges and, for each cut with a crowding
    breach, the share of assessments within two points of it; both from published counts. A change is returned
    only if it beats "no change" in `selection_frequency` of the multinomial resamples of the published cells. Where the
    snapshot has two halves of the subjects, all this is done on one, and the change must gain on the other as well.

    Raises:
        UsageError: WRONG_CONFIG or WRONG_REPORT when the inputs do not belong together.
    """
    version = _require_together(snapshot, report, config_data)
    stratum = snapshot.stratum(version)
    decision = _decided(snapshot, report, config_data, settings, stratum)
    return with_evidence(decision, report, stratum)


def _decided(
    snapshot: MetricsSnapshot,
    report: CalibrationReport,
    config_data: Mapping[str, Any],
    settings: Line,
    stratum: Stratum | None,
) -> Decision:
    version = snapshot.config.version
    block = blocking(report, version)
    if block is not None:
        return unchanged(f"Proposals are blocked: {block.description} ({block.id})")
    gates = semantics.gates(config_data)
    found = drivers(report, version, gates.bands)
    if not found.by_cut:
        return unchanged("No finding of severity medium or above concerns a cut.")
    board = Board.of(stratum, gates) if stratum is not None else None
    if stratum is None or board is None:
        return unchanged("The snapshot publishes no scores of the version under review.")
    tuning, reason = tune(board, stratum, gates, found, settings, snapshot.privacy.threshold)
    if tuning is None:
        return unchanged(reason)
    seed = seed_of(snapshot.digest(), report.digest(), digest(config_data))
    return _best(stratum, tuning, config_data, found, settings, seed)


def _best(
    stratum: Stratum, tuning: Tuning, config_data: Mapping[str, Any], found: Drivers, settings: Line, seed: bytes
) -> Decision:
    gates = semantics.gates(config_data)
    outcome = rank(tuning.space, tuning.tuned, settings.proposal, seed)
    search, held = outcome.record(tuning.space, gates), tuning.record(outcome.winner)
    if outcome.winner == tuning.space.unchanged:
        return unchanged(outcome.reason, search, held)
    if not tuning.holds(outcome.winner):
        return unchanged(f"{outcome.reason} {NOT_HELD}", search, held)
    return accepted(
        stratum=stratum,
        config_data=config_data,
        cuts=[tuning.space.board.grid.value(edge) for edge in tuning.space.at(outcome.winner)],
        drivers=found,
        settings=settings,
        reason=f"{outcome.reason} {tuning.words(outcome.winner)}",
        search=search,
        held=(tuning.folds, held),
        tuned=tuning.tuned,
    )


def unchanged(reason: str, search: SearchRecord | None = None, held: HeldOut | None = None) -> Decision:
    """The decision to change nothing."""
    return Decision(changes=(), reason=f"No change. {reason}", search=search, held_out=held)


def _require_together(snapshot: MetricsSnapshot, report: CalibrationReport, config_data: Mapping[str, Any]) -> str:
    version = str(config_data["logic_version"])
    if version != snapshot.config.version or tuple(config_data["compatibility_thresholds"]) != snapshot.bands:
        raise UsageError(
            "WRONG_CONFIG",
            f"the snapshot was taken under config {snapshot.config.version}, not under {version}",
            why="Published caps and edges have a meaning only under the config that they were counted with.",
            fix=f"use --config {snapshot.config.version}, or collect again",
        )
    if report.snapshot_sha256 != snapshot.digest():
        raise UsageError(
            "WRONG_REPORT",
            "the report was made from another snapshot",
            why="A proposal argues from one set of counts.",
            fix="run calibgit analyze on this snapshot",
        )
    return version
