"""Many tests, one error budget: false discovery rate and the intervals that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """What the step-up procedure selected.

    Attributes:
        q: adjusted p, one a test, in the order given.
        rejected: whether each test is rejected.
        tail: one-sided error probability of a selected test's interval bound, `R x rate / m`.
    """

    q: tuple[float, ...]
    rejected: tuple[bool, ...]
    tail: float


def benjamini_hochberg(p: Sequence[float], rate: float) -> Selection:
    """Select at false discovery rate `rate` (Benjamini and Hochberg 1995).

    The tail is that of intervals with false coverage rate `rate` (Benjamini and Yekutieli 2005) for one-sided
    selection: a bound at this tail excludes the limit exactly when its test is rejected.
    """
    m = len(p)
    order = sorted(range(m), key=lambda index: p[index])
    adjusted = [1.0] * m
    smallest = 1.0
    for rank in range(m, 0, -1):
        index = order[rank - 1]
        smallest = min(smallest, p[index] * m / rank)
        adjusted[index] = smallest
    count = max((rank for rank in range(1, m + 1) if p[order[rank - 1]] <= rank * rate / m), default=0)
    if rate <= 0:
        count = 0
    chosen = set(order[:count])
    return Selection(
        q=tuple(adjusted),
        rejected=tuple(index in chosen for index in range(m)),
        tail=count * rate / m if m else 0.0,
    )
