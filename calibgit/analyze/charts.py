"""Control charts of a rate over windows: is this window, or the recent ones together, unlike the earlier ones?

Rates of windows vary by more than chance alone, so their standard error is Laney's (2002): the binomial's, times the
spread of the standardised rates by their mean moving range, never less than one. The p-chart compares one window with
all before it. The exponentially weighted mean (Roberts 1959) follows a slow drift from the first windows. Both are
estimates with an interval, tested against a tolerated shift like any other; the spread is estimated from few windows,
so they follow Student's distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

LEAST_WINDOWS: Final = 8
WEIGHT: Final = 0.2
MOVING_RANGE: Final = 2 / math.sqrt(math.pi)  # mean distance of two standard normals


@dataclass(frozen=True, slots=True)
class Point:
    """`k` events among `n` assessments of one window; n is at least 1."""

    k: int
    n: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference of rates whose standard error has few degrees of freedom."""

    value: float
    error: float
    df: int
    method: str

    @property
    def estimate(self) -> float:
        """The difference, -1 to 1."""
        return self.value

    def bounds(self, tail: float) -> tuple[float, float]:
        """Student's bounds, held inside -1 to 1."""
        from scipy import special  # noqa: PLC0415  kept off the start-up path

        half = float(special.stdtrit(self.df, 1 - tail)) * self.error
        return max(-1.0, self.value - half), min(1.0, self.value + half)

    def p_above(self, limit: float) -> float:
        """P of "it is at most `limit`"."""
        from scipy import special  # noqa: PLC0415

        return float(special.stdtr(self.df, (limit - self.value) / self.error))

    def p_below(self, limit: float) -> float:
        """P of "it is at least `limit`"."""
        return 1 - self.p_above(limit)


def p_chart(past: Sequence[Point], now: Point) -> Shift | None:
    """This window's rate less that of the windows before; None where these are too few or all alike at 0 or 1."""
    base = _baseline(past)
    if base is None:
        return None
    rate, spread, size = base
    error = spread * math.sqrt(rate * (1 - rate) * (1 / now.n + 1 / size))
    return Shift(now.k / now.n - rate, error, len(past) - 1, "laney-p-chart")


def moving_average(past: Sequence[Point], now: Point) -> Shift | None:
    """The exponentially weighted rate of the windows after the first eight, less the rate of these.

    Its weights sum to one from the first such window on, so an early estimate is not drawn towards zero.
    """
    base = _baseline(past[:LEAST_WINDOWS])
    if base is None:
        return None
    rate, spread, size = base
    since = [*past[LEAST_WINDOWS:], now]
    weights = [WEIGHT * (1 - WEIGHT) ** age for age in reversed(range(len(since)))]
    whole = math.fsum(weights)
    shares = [weight / whole for weight in weights]
    mean = math.fsum(share * point.k / point.n for share, point in zip(shares, since, strict=True))
    variance = math.fsum(share**2 / point.n for share, point in zip(shares, since, strict=True)) + 1 / size
    error = spread * math.sqrt(rate * (1 - rate) * variance)
    return Shift(mean - rate, error, LEAST_WINDOWS - 1, "ewma")


def _baseline(past: Sequence[Point]) -> tuple[float, float, int] | None:
    """Rate, Laney's factor, and size of some windows."""
    if len(past) < LEAST_WINDOWS:
        return None
    size = sum(point.n for point in past)
    rate = sum(point.k for point in past) / size
    if not 0 < rate < 1:
        return None
    scores = [(point.k / point.n - rate) / math.sqrt(rate * (1 - rate) / point.n) for point in past]
    ranges = [abs(b - a) for a, b in pairwise(scores)]
    return rate, max(1.0, math.fsum(ranges) / len(ranges) / MOVING_RANGE), size
