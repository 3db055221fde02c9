"""Intervals and one-sided tests of proportions. Every interval is the exact inversion of its test.

`tail` is the error probability of one side: 0.025 on both sides makes a 95% interval. Counts may be fractions: those
of clustered assessments are divided by their design effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

PLAIN_TAIL = 0.025
SMALL_COUNT = 10


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution; `probability` between 0 and 1."""
    from scipy import special  # noqa: PLC0415  kept off the start-up path

    return float(special.ndtri(probability))


def normal_cdf(value: float) -> float:
    """Distribution function of the standard normal."""
    return 0.5 * math.erfc(-value / math.sqrt(2))


def wilson(k: float, n: float, tail: float = PLAIN_TAIL) -> tuple[float, float]:
    """Score interval of a proportion, `k` of `n` (Wilson 1927). `n` is at least 1."""
    z = normal_quantile(1 - tail)
    share = k / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    lower = 0.0 if k == 0 else (centre - half) / scale
    upper = 1.0 if k == n else (centre + half) / scale
    return max(0.0, lower), min(1.0, upper)


def clopper_pearson(k: float, n: float, tail: float = PLAIN_TAIL) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper and Pearson 1934)."""
    from scipy import special  # noqa: PLC0415

    lower = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    upper = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))
    return lower, upper


def rule_of_three(n: float) -> float:
    """Upper 95% bound of a rate of which `n` assessments showed no event (Hanley and Lippman-Hand 1983)."""
    return min(1.0, 3 / n)


def score_p_above(k: float, n: float, limit: float) -> float:
    """One-sided p of "the rate is at most `limit`": the score test, which Wilson's interval inverts."""
    variance = limit * (1 - limit) / n
    if variance <= 0:
        return 1.0 if k / n <= limit else 0.0
    return normal_cdf(-(k / n - limit) / math.sqrt(variance))


def exact_p_above(k: float, n: float, limit: float) -> float:
    """One-sided p of "the rate is at most `limit`": P(X >= k), which Clopper-Pearson inverts."""
    from scipy import special  # noqa: PLC0415

    if k == 0:
        return 1.0
    return float(special.betainc(k, n - k + 1, limit))


def is_small(k: float, n: float) -> bool:
    """Whether the normal approximation is not trusted: fewer than ten events or non-events."""
    return min(k, n - k) < SMALL_COUNT


def rate_bounds(k: float, n: float, tail: float = PLAIN_TAIL) -> tuple[float, float]:
    """Wilson's interval, or Clopper-Pearson where events or non-events are few."""
    return clopper_pearson(k, n, tail) if is_small(k, n) else wilson(k, n, tail)


def rate_p_above(k: float, n: float, limit: float) -> float:
    """The one-sided p that `rate_bounds` inverts. No rate keeps a limit below 0; every rate keeps one from 1 on."""
    if not 0 <= limit < 1:
        return 0.0 if limit < 0 else 1.0
    return exact_p_above(k, n, limit) if is_small(k, n) else score_p_above(k, n, limit)


def rate_p_below(k: float, n: float, limit: float) -> float:
    """One-sided p of "the rate is at least `limit`"."""
    return rate_p_above(n - k, n, 1 - limit)


def goodman(counts: Sequence[float], error: float = 0.05) -> list[tuple[float, float]]:
    """Simultaneous intervals of the shares of a multinomial (Goodman 1965).

    Args:
        counts: one a kind; their sum is at least 1.
        error: the probability that any of the intervals misses its share.
    """
    n = sum(counts)
    z = normal_quantile(1 - error / (2 * max(len(counts), 1)))
    found = []
    for k in counts:
        half = z * math.sqrt(z * z + 4 * k * (n - k) / n)
        low, high = ((z * z + 2 * k + sign * half) / (2 * (n + z * z)) for sign in (-1, 1))
        found.append((max(0.0, low), min(1.0, high)))
    return found


def newcombe(k: float, n: float, k_before: float, n_before: float, tail: float = PLAIN_TAIL) -> tuple[float, float]:
    """Interval of the difference of two independent proportions (Newcombe 1998, method 10)."""
    now, before = k / n, k_before / n_before
    low, high = wilson(k, n, tail)
    low_before, high_before = wilson(k_before, n_before, tail)
    lower = now - before - math.hypot(now - low, high_before - before)
    upper = now - before + math.hypot(high - now, before - low_before)
    return max(-1.0, lower), min(1.0, upper)


def newcombe_p_above(k: float, n: float, k_before: float, n_before: float, limit: float) -> float:
    """One-sided p of "the difference is at most `limit`": the tail at which Newcombe's bound meets it."""
    beyond = k / n - k_before / n_before > limit
    low, high = 0.0, 38.0
    for _ in range(80):
        z = (low + high) / 2
        lower, upper = newcombe(k, n, k_before, n_before, max(normal_cdf(-z), 1e-300))
        inside = lower <= limit if beyond else upper >= limit
        low, high = (low, z) if inside else (z, high)
    return normal_cdf(-low) if beyond else normal_cdf(low)


def two_proportion_p(k: float, n: float, k_before: float, n_before: float) -> float:
    """Two-sided p of "nothing changed": the pooled score test of two proportions."""
    pooled = (k + k_before) / (n + n_before)
    variance = pooled * (1 - pooled) * (1 / n + 1 / n_before)
    if variance <= 0:
        return 1.0
    return 2 * normal_cdf(-abs(k / n - k_before / n_before) / math.sqrt(variance))
