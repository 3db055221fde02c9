"""What other category weights would do: moments exactly, moves between bands only as an estimate.

From sums and sums of products of category scores, mean, variance and correlation of the composites under two sets of
weights follow exactly (they are linear and bilinear). The moves do not: they are taken from a bivariate normal of both
composites, of which only the change given the old score is used, with mean `m' - m + (b - 1)(x - m)`, `b` the slope of
the new composite on the old one, and the variance that the old one leaves; the old scores keep their own histogram. A
recorded score stands for its composite; penalties and adjustments are taken to stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from calibgit.model import semantics
from calibgit.model.blocks import MomentBlock
from calibgit.model.estimate import Composite, EstimatedMove, WeightEstimate
from calibgit.model.rounding import six_digits
from calibgit.model.snapshot import Stratum
from calibgit.propose.board import Board

SHADOW = "estimate; run it in shadow before it is approved"
DIGITS = 3


@dataclass(frozen=True, slots=True)
class Moments:
    """Means, variances and covariance of the old and the new composite."""

    old: float
    new: float
    var_old: float
    var_new: float
    both: float


def weight_estimate(
    stratum: Stratum | None, old_data: Mapping[str, Any], new_data: Mapping[str, Any]
) -> WeightEstimate:
    """The estimate for a change of weights; cuts may change with them.

    Args:
        stratum: published counts, or None.
        old_data: the config that they were counted under, as plain JSON.
        new_data: the changed config.
    """
    if stratum is None:
        return _unknown("no scores of this config are published")
    block = stratum.moments
    if block.status != "present" or block.n < 2:
        return _unknown("no sums of category scores are published")
    old, new = (_shares(data, block) for data in (old_data, new_data))
    if old is None or new is None:
        return _unknown("no category that is counted has a weight")
    found = _moments(block, old, new, float(old_data["score_range"]["min"]))
    if found.var_old <= 0:
        return _unknown("all composites are alike")
    gates = semantics.gates(old_data), semantics.gates(new_data)
    board = Board.of(stratum, gates[0])
    spread = math.sqrt(found.var_old * found.var_new)
    moves = () if board is None else _moves(board, gates, found)
    moved = math.fsum(move.share for move in moves if move.source != move.target)
    return WeightEstimate(
        status="estimated",
        reason=SHADOW,
        n=block.n,
        before=Composite(mean=six_digits(found.old), sd=six_digits(math.sqrt(found.var_old))),
        after=Composite(mean=six_digits(found.new), sd=six_digits(math.sqrt(found.var_new))),
        correlation=six_digits(max(-1.0, min(1.0, found.both / spread))) if spread > 0 else None,
        moved_share=None if board is None else round(moved, DIGITS),
        moves=moves,
    )


def _unknown(reason: str) -> WeightEstimate:
    return WeightEstimate(status="not_assessable", reason=reason)


def _shares(data: Mapping[str, Any], block: MomentBlock) -> tuple[float, ...] | None:
    """Weight of each category as its share of all; None where none has any."""
    table = data["category_weights"]
    weights = [float(table.get(name, table.get("default", 0.0))) for name in block.categories]
    whole = math.fsum(weights)
    return tuple(weight / whole for weight in weights) if whole > 0 else None


def _moments(block: MomentBlock, old: tuple[float, ...], new: tuple[float, ...], bottom: float) -> Moments:
    n, unit = block.n, block.scale

    def mean(weights: tuple[float, ...]) -> float:
        return bottom + math.fsum(w * s for w, s in zip(weights, block.sums, strict=True)) / n / unit

    def covariance(first: tuple[float, ...], second: tuple[float, ...]) -> float:
        pairs = product(enumerate(first), enumerate(second))
        return math.fsum(weight * other * block.covariance(a, b) for (a, weight), (b, other) in pairs) / unit**2

    return Moments(mean(old), mean(new), covariance(old, old), max(covariance(new, new), 0.0), covariance(old, new))


def _moves(board: Board, gates: tuple[semantics.Gates, semantics.Gates], found: Moments) -> tuple[EstimatedMove, ...]:
    before, after = gates
    slope = found.both / found.var_old
    left = math.sqrt(max(found.var_new - found.both**2 / found.var_old, 0.0))
    shares: dict[tuple[int, int], float] = {}
    for cell in board.cells:
        place = (board.grid.value(cell.lo) + board.grid.value(min(cell.hi, board.grid.bins - 1))) / 2
        centre = place + found.new - found.old + (slope - 1) * (place - found.old)
        reached = [*(_above(centre, left, cut) for cut in after.cuts[:-1]), 1.0]
        own = semantics.score_cap(before, place)
        for group in cell.groups:
            part = cell.n / board.n / len(cell.groups)
            for cap, (high, low) in enumerate(zip(reached, [0.0, *reached], strict=False)):
                key = max(own, group), max(cap, group)
                shares[key] = shares.get(key, 0.0) + part * max(high - low, 0.0)
    return tuple(
        EstimatedMove(source=before.bands[a], target=after.bands[b], share=round(share, DIGITS))
        for (a, b), share in sorted(shares.items())
        if round(share, DIGITS) > 0
    )


def _above(centre: float, spread: float, cut: float) -> float:
    """Probability of a normal value at or above a cut."""
    if spread <= 0:
        return float(centre >= cut)
    return 0.5 * math.erfc((cut - centre) / spread / math.sqrt(2))
