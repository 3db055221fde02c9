"""What a sum and a sum of squares tell, alone and beside the histogram of the same values.

Three people of a cell with three values are counted one by one when both sums are known. So the question is, for every
value of every cell: could enough people have it, and all published numbers still be what they are? Without a histogram
few people always are far off; there the question is whether only few can stand off one value, or off two neighbours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Span:
    """`n` people with values from `lo` to `hi`, both included."""

    lo: int
    hi: int
    n: int


def few_have_a_value(spans: Sequence[Span], once: int, twice: int, least: int, grain: int) -> bool:
    """Whether somebody could have some value, and surely fewer than `least` people.

    Args:
        spans: the histogram; every end is a multiple of `grain`.
        once: the sum of all values.
        twice: the sum of their squares.
        least: how many are enough; no span holds fewer.
        grain: every value is guessed to be a multiple of it; a guess that does not fit the sums tells nothing.
    """
    if not _fit(spans, once, twice, grain):
        return False
    for at, span in enumerate(spans):
        if span.lo == span.hi or _many_fit_anywhere(spans, at, once, twice, least, grain):
            continue
        for value in range(span.lo, span.hi + 1, grain):
            fits = [
                _fit(_without(spans, at, people), once - people * value, twice - people * value**2, grain)
                for people in (least, 1)
            ]
            if fits == [False, True]:
                return True
    return False


def few_stand_off(whole: Span, once: int, twice: int, least: int, grain: int) -> bool:
    """Whether somebody, and surely fewer than `least` people, stand off some value or some two neighbours.

    Args:
        whole: everybody; both ends are multiples of `grain`.
        once: the sum of all values.
        twice: the sum of their squares.
        least: how many are enough.
        grain: see `few_have_a_value`.
    """
    if not _fit([whole], once, twice, grain):
        return False
    # Where fewer stand off, the others pull the mean to where they are.
    reach = least * (whole.hi - whole.lo) // whole.n + 2 * grain
    first, last = (once // whole.n + move for move in (-reach, reach))
    values = range(max(whole.lo, first // grain * grain), min(whole.hi, last) + 1, grain)
    return any(
        not _can_stand_off(whole, value, value + width, once, twice, least, grain)
        and _can_stand_off(whole, value, value + width, once, twice, 1, grain)
        for value in values
        for width in (0, grain)
    )


def _can_stand_off(whole: Span, first: int, last: int, once: int, twice: int, people: int, grain: int) -> bool:
    """Whether so many can stand below the first or above the last value; the others stand anywhere."""
    if people > whole.n:
        return False
    free = replace(whole, n=whole.n - people)
    for below in sorted(range(people + 1), key=lambda below: abs(2 * below - people)):
        sides = [Span(whole.lo, first - grain, below), Span(last + grain, whole.hi, people - below)]
        held = [side for side in sides if side.n]
        if all(side.lo <= side.hi for side in held) and _fit([*held, free], once, twice, grain):
            return True
    return False


def _many_fit_anywhere(spans: Sequence[Span], at: int, once: int, twice: int, people: int, grain: int) -> bool:
    """Whether so many can surely have any value of a span, by a look at its ends.

    The least sum of squares is convex in the value that they have. The most is concave but for their own squares.
    """
    rest, ends = _without(spans, at, people), (spans[at].lo, spans[at].hi)
    sums = [once - people * value for value in ends]
    own = [people * value**2 for value in ends]
    if not all(sum(s.n * s.lo for s in rest) <= each <= sum(s.n * s.hi for s in rest) for each in sums):
        return False
    low = max(_least_squares(rest, each, grain) + mine for each, mine in zip(sums, own, strict=True))
    return low <= twice <= min(_most_squares(rest, each) for each in sums) + min(own)


def _without(spans: Sequence[Span], at: int, people: int) -> list[Span]:
    return [replace(span, n=span.n - people) if place == at else span for place, span in enumerate(spans)]


def _fit(spans: Sequence[Span], once: int, twice: int, grain: int) -> bool:
    """Whether values in these spans can have this sum and this sum of squares."""
    if not sum(s.n * s.lo for s in spans) <= once <= sum(s.n * s.hi for s in spans):
        return False
    return _least_squares(spans, once, grain) <= twice <= _most_squares(spans, once)


def _least_squares(spans: Sequence[Span], once: int, grain: int) -> int:
    """The sum of squares when everybody stands as near to one level as the span allows."""

    def total(step: int) -> int:
        level = low + step * grain
        return sum(s.n * min(max(level, s.lo), s.hi) for s in spans)

    low, high = min(s.lo for s in spans), max(s.hi for s in spans)
    step = bisect_right(range((high - low) // grain + 1), once, key=total) - 1
    level = low + step * grain
    squares = sum(s.n * min(max(level, s.lo), s.hi) ** 2 for s in spans)
    return squares + (once - total(step)) * (2 * level + grain)


def _most_squares(spans: Sequence[Span], once: int) -> int:
    """The sum of squares when everybody stands at an end of the span, and the upper ends are where most is gained."""
    squares, left = sum(s.n * s.lo**2 for s in spans), once - sum(s.n * s.lo for s in spans)
    for span in sorted(spans, key=lambda s: -(s.lo + s.hi)):
        moved = min(left, span.n * (span.hi - span.lo))
        squares, left = squares + moved * (span.lo + span.hi), left - moved
    return squares
