"""Effects: what a test estimates, with the interval and the one-sided p that belong together.

An effect knows its bounds at any tail and its p against any limit, and the two are inversions of each other, so
that a status and the interval printed beside it cannot disagree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from calibgit.analyze import intervals

NO_DISTANCE = 1e-9


class Effect(Protocol):
    """What is estimated. `bounds(tail)` leaves out `tail` on each side."""

    @property
    def estimate(self) -> float:
        """Point estimate."""
        ...

    @property
    def method(self) -> str:
        """Name of the test and of the interval that inverts it."""
        ...

    def bounds(self, tail: float) -> tuple[float, float]:
        """Lower and upper bound, each with error probability `tail`."""
        ...

    def p_above(self, limit: float) -> float:
        """One-sided p of "the effect is at most `limit`"."""
        ...

    def p_below(self, limit: float) -> float:
        """One-sided p of "the effect is at least `limit`"."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """A proportion of `n`: between `k_low` and `k_high` events, equal unless publication hides the count.

    `design` is the design effect, at least 1: how many times the binomial's the variance is, because one subject can
    have several assessments (Kish 1965). Counts and size are divided by it.
    """

    k_low: int
    k_high: int
    n: int
    design: float = 1.0

    @property
    def estimate(self) -> float:
        """Share, 0 to 1; the middle where the count is hidden."""
        return (self.k_low + self.k_high) / 2 / self.n

    @property
    def method(self) -> str:
        """Which of the two intervals is used."""
        small = any(intervals.is_small(k / self.design, self.n / self.design) for k in (self.k_low, self.k_high))
        return ("clopper-pearson" if small else "wilson-score") + ("" if self.design == 1 else "/design-effect")

    def bounds(self, tail: float) -> tuple[float, float]:
        """Lower and upper bound, 0 to 1."""
        lower, _ = intervals.rate_bounds(self.k_low / self.design, self.n / self.design, tail)
        _, upper = intervals.rate_bounds(self.k_high / self.design, self.n / self.design, tail)
        return lower, upper

    def p_above(self, limit: float) -> float:
        """P of "at most `limit`"."""
        return intervals.rate_p_above(self.k_low / self.design, self.n / self.design, limit)

    def p_below(self, limit: float) -> float:
        """P of "at least `limit`"."""
        return intervals.rate_p_below(self.k_high / self.design, self.n / self.design, limit)


@dataclass(frozen=True, slots=True)
class Gap:
    """Mean confidence minus observed rate; the mean lies between two cell edges."""

    mean_low: float
    mean_high: float
    observed: Rate

    @property
    def estimate(self) -> float:
        """Positive when confidence runs hot, -1 to 1."""
        return (self.mean_low + self.mean_high) / 2 - self.observed.estimate

    @property
    def method(self) -> str:
        """Name of the interval."""
        return f"calibration-gap/{self.observed.method}"

    def bounds(self, tail: float) -> tuple[float, float]:
        """Bounds that hold wherever inside the published cells the confidences lie."""
        lower, upper = self.observed.bounds(tail)
        return self.mean_low - upper, self.mean_high - lower

    def p_above(self, limit: float) -> float:
        """P of "confidence exceeds the observed rate by at most `limit`"."""
        return self.observed.p_below(self.mean_low - limit)

    def p_below(self, limit: float) -> float:
        """P of "the gap is at least `limit`"."""
        return self.observed.p_above(self.mean_high - limit)


@dataclass(frozen=True, slots=True)
class Difference:
    """Rate now minus rate before, from disjoint windows."""

    k: int
    n: int
    k_before: int
    n_before: int

    @property
    def estimate(self) -> float:
        """Difference of shares, -1 to 1."""
        return self.k / self.n - self.k_before / self.n_before

    @property
    def method(self) -> str:
        """Name of the interval, which the test inverts."""
        return "newcombe-score"

    def bounds(self, tail: float) -> tuple[float, float]:
        """Newcombe's interval."""
        return intervals.newcombe(self.k, self.n, self.k_before, self.n_before, tail)

    def p_above(self, limit: float) -> float:
        """P of "grew by at most `limit`"."""
        return intervals.newcombe_p_above(self.k, self.n, self.k_before, self.n_before, limit)

    def p_below(self, limit: float) -> float:
        """P of "fell by at most `-limit`"."""
        return intervals.newcombe_p_above(self.k_before, self.n_before, self.k, self.n, -limit)


@dataclass(frozen=True, slots=True)
class LogRatio:
    """`exp(theta)`, with a t distribution of `df` degrees of freedom for theta."""

    theta: float
    error: float
    df: int

    @property
    def estimate(self) -> float:
        """The ratio, above 0."""
        return math.exp(self.theta)

    @property
    def method(self) -> str:
        """Name of the fit."""
        return "quasi-poisson-log-quadratic"

    def bounds(self, tail: float) -> tuple[float, float]:
        """Bounds of the ratio."""
        from scipy import special  # noqa: PLC0415  kept off the start-up path

        half = float(special.stdtrit(self.df, 1 - tail)) * self.error
        return math.exp(self.theta - half), math.exp(min(self.theta + half, 700.0))

    def p_above(self, limit: float) -> float:
        """P of "the ratio is at most `limit`"."""
        from scipy import special  # noqa: PLC0415

        return float(special.stdtr(self.df, -(self.theta - math.log(limit)) / self.error))

    def p_below(self, limit: float) -> float:
        """P of "the ratio is at least `limit`"."""
        return 1 - self.p_above(limit)


@dataclass(frozen=True, slots=True)
class Asymptotic:
    """A statistic that is normal in large samples, with its standard error, inside a range."""

    value: float
    error: float
    method: str
    least: float = -1.0
    most: float = 1.0

    @property
    def estimate(self) -> float:
        """The statistic."""
        return self.value

    def bounds(self, tail: float) -> tuple[float, float]:
        """Normal bounds, held inside the range."""
        half = intervals.normal_quantile(1 - tail) * self.error
        return max(self.least, self.value - half), min(self.most, self.value + half)

    def p_above(self, limit: float) -> float:
        """P of "it is at most `limit`"."""
        if self.error <= 0:
            return 1.0 if self.value <= limit else 0.0
        return intervals.normal_cdf(-(self.value - limit) / self.error)

    def p_below(self, limit: float) -> float:
        """P of "it is at least `limit`"."""
        if self.error <= 0:
            return 1.0 if self.value >= limit else 0.0
        return intervals.normal_cdf((self.value - limit) / self.error)


@dataclass(frozen=True, slots=True)
class Distance:
    """Root of the chi-square distance of two samples, per assessment, from a statistic of homogeneity.

    Attributes:
        statistic: chi-square of `df` degrees of freedom where the populations are alike.
        df: degrees of freedom.
        size: the noncentrality is `size` times the squared distance.
    """

    statistic: float
    df: int
    size: float

    @property
    def estimate(self) -> float:
        """The distance without what chance adds to it, 0 or more."""
        return math.sqrt(max(0.0, (self.statistic - self.df) / self.size))

    @property
    def method(self) -> str:
        """Name of the test."""
        return "noncentral-chi-square"

    def bounds(self, tail: float) -> tuple[float, float]:
        """Bounds of the distance, by inversion of the noncentral chi-square; held about the estimate."""
        from scipy import special  # noqa: PLC0415  kept off the start-up path

        low, high = (float(special.chndtrinc(self.statistic, self.df, p)) for p in (1 - tail, tail))
        low, high = (math.sqrt(nc / self.size) if math.isfinite(nc) and nc > NO_DISTANCE else 0.0 for nc in (low, high))
        return min(low, self.estimate), max(high, self.estimate)

    def p_above(self, limit: float) -> float:
        """P of "the distance is at most `limit`"."""
        from scipy import special  # noqa: PLC0415

        return 1 - float(special.chndtr(self.statistic, self.df, self.size * limit**2))

    def p_below(self, limit: float) -> float:
        """P of "the distance is at least `limit`"."""
        return 1 - self.p_above(limit)
