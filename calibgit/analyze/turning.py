"""What would change a verdict: the estimate, or about how many assessments, at which it would be another one.

For a rate the estimate is exact. Elsewhere both come from the interval as it is: its half on the side of the limit
keeps its width, and shrinks with the root of the number of assessments. So they are near, not exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from calibgit.analyze.draft import Draft
from calibgit.analyze.effects import Effect, Rate
from calibgit.model.report import Scalar, Test
from calibgit.model.rounding import two_digits_up

MOST_ROWS = 10_000_000


def turning_point(draft: Draft, effect: Effect, test: Test, tail: float, show: Callable[[float], str]) -> str:
    """One sentence.

    Args:
        draft: the finding.
        effect: its effect.
        test: its printed test.
        tail: one-sided error probability at which it is, or would be, a breach.
        show: a value of the effect in words.
    """
    high = _is_high(test)
    limit = test.limit_high if high else test.limit_low
    if limit is None or tail <= 0:
        return ""
    lower, upper = effect.bounds(tail)
    near = lower if high else upper
    ratio = draft.limits.unit == "ratio"
    needed = (
        _rate_beyond(effect, limit, tail, high=high)
        if isinstance(effect, Rate)
        else _beyond(limit, effect.estimate, near, ratio=ratio)
    )
    if needed is None or not math.isfinite(needed):
        return ""
    side = "above" if high else "below"
    if test.adjusted:
        back = "below" if high else "above"
        return f"An estimate {back} about {show(needed)} on as many assessments would be no breach."
    sentence = f"An estimate {side} about {show(needed)} on as many assessments would be a breach"
    rows = _rows(limit, effect.estimate, near, draft.n, high=high, ratio=ratio)
    return f"{sentence}, or this one on about {rows:,}." if rows else f"{sentence}."


def rows_needed(evidence: dict[str, Scalar]) -> str:
    """What would make it assessable."""
    needed = evidence.get("rows_needed")
    return f"It takes about {needed:,} assessments in the window." if isinstance(needed, int) and needed else ""


def _is_high(test: Test) -> bool:
    """Whether the upper limit is the nearer one."""
    if test.limit_high is None or test.limit_low is None:
        return test.limit_high is not None
    return abs(test.limit_high - test.estimate) <= abs(test.estimate - test.limit_low)


def _rate_beyond(effect: Rate, limit: float, tail: float, *, high: bool) -> float | None:
    """The first rate of so many assessments that would be a breach; None where none would."""

    def breach(k: int) -> bool:
        found = replace(effect, k_low=k, k_high=k)
        return (found.p_above(limit) if high else found.p_below(limit)) <= tail

    low, high_k = 0, effect.n
    if not breach(high_k if high else low):
        return None
    while high_k - low > 1:
        middle = (low + high_k) // 2
        low, high_k = (low, middle) if breach(middle) == high else (middle, high_k)
    return (high_k if high else low) / effect.n


def _beyond(limit: float, estimate: float, near: float, *, ratio: bool) -> float | None:
    """The estimate whose bound is the limit."""
    if ratio:
        return limit * estimate / near if near > 0 else None
    return limit + (estimate - near)


def _rows(limit: float, estimate: float, near: float, n: int, *, high: bool, ratio: bool) -> int | None:
    """Assessments at which this estimate's bound would be the limit; None where it lies inside."""
    if (estimate <= limit) if high else (estimate >= limit):
        return None
    if ratio and min(limit, near, estimate) <= 0:
        return None
    half, gap = (
        (math.log(estimate / near), math.log(estimate / limit)) if ratio else (estimate - near, estimate - limit)
    )
    if gap == 0:
        return None
    rows = n * (half / gap) ** 2
    return two_digits_up(rows) if rows < MOST_ROWS else None
