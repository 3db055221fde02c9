"""Which cuts may move to which published edges: the candidates of a search."""

from __future__ import annotations

import math
from collections.abc import Sequence

from calibgit.model import semantics
from calibgit.model.settings import Line, Range
from calibgit.model.snapshot import Stratum
from calibgit.propose.board import RISK_POINTS, Board
from calibgit.propose.drivers import Drivers
from calibgit.propose.space import Space, thinned


def build_space(
    board: Board,
    stratum: Stratum,
    gates: semantics.Gates,
    found: Drivers,
    settings: Line,
    k: int,
    edges: Sequence[Sequence[int]] | None = None,
) -> tuple[Space | None, str]:
    """The candidates, or None with the reason why there are none but the present cuts.

    Args:
        board: published scores of all assessments.
        stratum: the counts behind it.
        gates: gate table in force.
        found: which cuts may move, and why.
        settings: the line's settings.
        k: smallest published count.
        edges: by cut, the only edges to consider, or None for all.
    """
    step = settings.proposal.max_step
    axes = {cut: _allowed(board, cut, step, crowded=cut in found.crowded) for cut in found.by_cut}
    if edges is not None:
        axes = {cut: tuple(edge for edge in options if edge in edges[cut]) for cut, options in axes.items()}
    if all(len(options) <= 1 for options in axes.values()):
        raw = {cut: len(board.options(cut, step)) for cut in found.by_cut}
        if max(raw.values()) > 1:
            return None, "Every published edge lies towards the local density, where no crowded cut is moved."
        if all(board.cuts[cut] is None for cut in found.by_cut) or board.steps(step) < 1:
            return None, (
                f"No step of the score grid leads from {_names(gates, found)} to another edge within {step:g} points; "
                "more assessments would not change that."
            )
        needed = max(board.rows_needed(cut, step, k) for cut in found.by_cut)
        return None, (
            f"The resolution is too coarse: no other published edge within {step:g} points of "
            f"{_names(gates, found)}. It takes about {needed} assessments."
        )
    axes = {cut: options for cut, options in axes.items() if len(options) > 1}
    fixed = _edges(board, gates)
    offsets = _offsets(board, stratum, gates.bands, fixed)
    return Space(board, thinned(axes, fixed), fixed, found.crowded, _ranges(settings, gates), offsets), ""


def policy_space(board: Board, stratum: Stratum, gates: semantics.Gates, settings: Line, edges: Sequence[int]) -> Space:
    """Nothing to choose: cuts at these edges, for their policy violation alone."""
    offsets = _offsets(board, stratum, gates.bands, _edges(board, gates))
    return Space(board, {}, (*edges, 0), frozenset(), _ranges(settings, gates), offsets)


def _names(gates: semantics.Gates, found: Drivers) -> str:
    return ", ".join(f"{gates.bands[cut]}.min_score" for cut in found.by_cut)


def _edges(board: Board, gates: semantics.Gates) -> tuple[int, ...]:
    """The bins from which on the cuts in force are reached, best band first, and 0 for the last band."""
    grid = board.grid
    return (*(math.ceil((cut * grid.scale - grid.min) / grid.step - 1e-9) for cut in gates.cuts[:-1]), 0)


def _ranges(settings: Line, gates: semantics.Gates) -> tuple[Range, ...]:
    limits = settings.analysis
    return tuple(limits.class_shares.get(band, limits.class_share) for band in gates.bands)


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
