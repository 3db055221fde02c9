"""What the next window should show, and when to roll back.

A share predicted from `n` assessments for a window of `m` has the error of both samples: with share `p` and design
effect `d`, `sqrt(d p (1 - p) (1/n + 1/m))`. In it, `p` is drawn to the middle by half a squared normal quantile on each
side (Agresti and Coull 1998), so that a band that nobody is in yet is not predicted to stay empty for certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from calibgit.model.proposal import Flow, Prediction, RollbackTrigger
from calibgit.model.rounding import six_digits
from calibgit.model.settings import Line
from calibgit.model.snapshot import Stratum
from calibgit.model.track import CLASS_SHARE
from calibgit.propose.flow import share_bounds

LEVEL = 0.9
_Z = 1.6448536269514722
_Z_TRIGGER = 3.0


@dataclass(frozen=True, slots=True)
class Basis:
    """What a share is predicted from.

    Attributes:
        found: flow of the assessments that nothing was tuned on.
        rest: flow of those that stand in both folds, whose part of all is known; or None.
        part: their part of all.
        next_n: size of the window that is predicted.
        effects: design effect by indicator, in hundredths.
    """

    found: Flow
    next_n: int
    stratum: Stratum
    rest: Flow | None = None
    part: float = 0.0

    def share(self, band: str) -> tuple[float, float]:
        """Least and greatest share of a band after the change, 0 to 1."""
        _, _, low, high = share_bounds(self.found, band)
        if self.rest is None or self.rest.n == 0:
            return low, high
        _, _, rest_low, rest_high = share_bounds(self.rest, band)
        return low + self.part * (rest_low - low), high + self.part * (rest_high - high)

    def error(self, band: str, share: float) -> float:
        """Standard error of the difference between the share here and in the next window."""
        effects = self.stratum.design.effects
        design = max(effects.get(f"label:{band}", max(effects.values(), default=100)), 100) / 100
        n = max(self.found.n, 1)
        drawn = (share * n + _Z**2 / 2) / (n + _Z**2)
        return math.sqrt(design * drawn * (1 - drawn) * (1 / n + 1 / max(self.next_n, 1)))


def basis(found: Flow, stratum: Stratum) -> Basis:
    """All of a window, to predict a next one of the same size."""
    return Basis(found, found.n, stratum)


def predictions(found: Flow, known: Basis) -> tuple[Prediction, ...]:
    """Share of every band that somebody leaves or enters, with a 90% interval.

    The interval holds the sampling of this window and of the next one; where the flow is an interval, it spans it.

    Args:
        found: who moves where.
        known: what the shares are predicted from.
    """
    if found.n == 0 or known.found.n == 0:
        return ()
    moves = [cell for cell in found.cells if cell.source != cell.target and cell.high]
    touched = {name for cell in moves for name in (cell.source, cell.target)}
    order = dict.fromkeys(band for cell in found.cells for band in (cell.source, cell.target))
    result = []
    for band in (band for band in order if band in touched):
        low, high = known.share(band)
        result.append(
            Prediction(
                metric=CLASS_SHARE + band,
                stratum=found.stratum,
                point=six_digits((low + high) / 2),
                lower=six_digits(max(0.0, low - _Z * known.error(band, low))),
                upper=six_digits(min(1.0, high + _Z * known.error(band, high))),
                level=LEVEL,
            )
        )
    return tuple(result)


def trigger(found: Flow, known: Basis, predicted: Sequence[Prediction], settings: Line) -> RollbackTrigger | None:
    """Roll back when the band that gains most gains three standard errors more than was predicted."""

    def gain(prediction: Prediction) -> float:
        before_low, before_high, _, _ = share_bounds(found, prediction.metric.removeprefix(CLASS_SHARE))
        return six_digits(prediction.point - (before_low + before_high) / 2)

    if not predicted:
        return None
    most = max(predicted, key=gain)
    band = most.metric.removeprefix(CLASS_SHARE)
    _, high = known.share(band)
    return RollbackTrigger(
        metric=most.metric,
        bound=six_digits(min(1.0, high + _Z_TRIGGER * known.error(band, high))),
        direction="above",
        min_n=settings.analysis.min_n,
    )
