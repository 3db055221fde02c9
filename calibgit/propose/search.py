"""The search for a proposal: exhaustive, deterministic, bounded; "no change" always competes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.canonical import digest
from calibgit.model.proposal import Decision, SearchRecord
from calibgit.model.report import CalibrationReport
from calibgit.model.settings import Line
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from calibgit.propose.board import RISK_POINTS, Board
from calibgit.propose.bootstrap import seed_of
from calibgit.propose.drivers import Drivers, blocking, drivers
from calibgit.propose.explain import accepted
from calibgit.propose.rank import rank
from calibgit.propose.space import Space, thinned


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
    only if it beats "no change" in `selection_frequency` of the multinomial resamples of the published cells.

    Raises:
        UsageError: WRONG_CONFIG or WRONG_REPORT when the inputs do not belong together.
    """
    version = _require_together(snapshot, report, config_data)
    block = blocking(report, version)
    if block is not None:
        return unchanged(f"Proposals are blocked: {block.description} ({block.id})")
    gates = semantics.gates(config_data)
    found = drivers(report, version, gates.bands)
    if not found.by_cut:
        return unchanged("No finding of severity medium or above concerns a cut.")
    stratum = snapshot.stratum(version)
    board = Board.of(stratum, gates) if stratum is not None else None
    if stratum is None or board is None:
        return unchanged("The snapshot publishes no scores of the version under review.")
    space, reason = build_space(board, stratum, gates, found, settings, snapshot.privacy.threshold)
    if space is None:
        return unchanged(reason)
    seed = seed_of(snapshot.digest(), report.digest(), digest(config_data))
    outcome = rank(space, settings.proposal, seed)
    record = outcome.record(space, gates)
    if outcome.winner == space.unchanged:
        return unchanged(outcome.reason, record)
    cuts = [space.board.grid.value(edge) for edge in space.at(outcome.winner)]
    return accepted(
        stratum=stratum,
        config_data=config_data,
        cuts=cuts,
        drivers=found,
        settings=settings,
        reason=outcome.reason,
        search=record,
    )


def unchanged(reason: str, search: SearchRecord | None = None) -> Decision:
    """The decision to change nothing."""
    return Decision(changes=(), reason=f"No change. {reason}", search=search)


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


def build_space(
    board: Board, stratum: Stratum, gates: semantics.Gates, found: Drivers, settings: Line, k: int
) -> tuple[Space | None, str]:
    """The candidates, or None with the reason why there are none but the present cuts."""
    step = settings.proposal.max_step
    axes = {cut: _allowed(board, cut, step, crowded=cut in found.crowded) for cut in found.by_cut}
    if all(len(options) <= 1 for options in axes.values()):
        raw = {cut: len(board.options(cut, step)) for cut in found.by_cut}
        if max(raw.values()) > 1:
            return None, "Every published edge lies towards the local density, where no crowded cut is moved."
        needed = max(board.rows_needed(cut, step, k) for cut in found.by_cut)
        return None, (
            f"The resolution is too coarse: no other published edge within {step:g} points of "
            f"{_names(gates, found)}. It takes about {needed} assessments."
        )
    axes = {cut: options for cut, options in axes.items() if len(options) > 1}
    fixed = (*(_edge(board, cut) for cut in gates.cuts[:-1]), 0)
    limits = settings.analysis
    ranges = tuple(limits.class_shares.get(band, limits.class_share) for band in gates.bands)
    offsets = _offsets(board, stratum, gates.bands, fixed)
    return Space(board, thinned(axes, fixed), fixed, found.crowded, ranges, offsets), ""


def _names(gates: semantics.Gates, found: Drivers) -> str:
    return ", ".join(f"{gates.bands[cut]}.min_score" for cut in found.by_cut)


def _edge(board: Board, cut: float) -> int:
    return math.ceil((cut * board.grid.scale - board.grid.min) / board.grid.step - 1e-9)


def _allowed(board: Board, cut: int, step: float, *, crowded: bool) -> tuple[int, ...]:
    """Published edges for a cut. A crowded cut never moves to the side on which the scores pile up."""
    options = board.options(cut, step)
    if not crowded or not options:
        return options
    own = board.cuts[cut] or 0
    side = _dense_side(board, cut, own, max(board.steps(step), 1))
    return tuple(edge for edge in options if edge == own or (edge > own) != (side > 0) or side == 0)


def _dense_side(board: Board, cut: int, own: int, reach: int) -> int:
    """-1 where scores are denser below the cut, 1 above, 0 where neither side is, beyond two standard errors.

    The two points next to the cut are asked first; where they are even, the surroundings as far as a cut may step.
    """
    for width in (RISK_POINTS * board.point, RISK_POINTS * board.point + reach):
        below = board.decided(cut, own - width, own)
        above = board.decided(cut, own, own + width)
        if abs(above - below) > 2 * math.sqrt(above + below):
            return 1 if above > below else -1
    return 0


def _offsets(board: Board, stratum: Stratum, bands: Sequence[str], fixed: Sequence[int]) -> tuple[float, ...]:
    """Recorded share of each band minus the share that the cells say; not zero where rows pool caps."""
    labels = stratum.labels
    size = sum(labels.counts.get(band, 0) for band in bands)
    conforms = stratum.verdicts.label_conformance == "conforms"
    if labels.status != "present" or labels.folded or not conforms or size == 0:
        return (0.0,) * len(bands)
    import numpy as np  # noqa: PLC0415

    counts = np.array([cell.n for cell in board.cells], dtype=np.float64)
    reached = [float(board.reaching(j, fixed[j]) @ counts) / board.n for j in range(len(bands) - 1)] + [1.0]
    shares = [high - low for high, low in zip(reached, [0.0, *reached[:-1]], strict=True)]
    return tuple(labels.counts.get(b, 0) / size - share for b, share in zip(bands, shares, strict=True))
