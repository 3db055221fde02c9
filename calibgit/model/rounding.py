"""Six significant digits: what a document shows and what a decision compares."""

from __future__ import annotations

import math


def six_digits(value: float) -> float:
    """`value` to six significant digits. Minus zero becomes zero. Finite values only."""
    return float(f"{value:.6g}") + 0.0


def percent(value: float) -> str:
    """A share of 0 to 1 as a percentage with one decimal."""
    return f"{100 * value:.1f}%"


def two_digits_up(value: float) -> int:
    """`value`, at least 1, rounded up to two significant digits: for a rough "about so many"."""
    unit: int = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit
