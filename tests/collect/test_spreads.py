"""What sums and sums of squares tell beside a histogram, against a solver."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from calibgit.collect.spreads import Span, few_have_a_value, few_stand_off

LEAST = 4


def most(spans: list[Span], values: list[int], place: tuple[int, int], grain: int) -> float:
    """The most people, or parts of them, that have one value of one span."""
    cells = [(at, v) for at, span in enumerate(spans) for v in range(span.lo, span.hi + 1, grain)]
    equations = [[float(at == span) for at, _ in cells] for span in range(len(spans))]
    equations += [[float(v) for _, v in cells], [float(v * v) for _, v in cells]]
    sums = [float(span.n) for span in spans] + [float(sum(values)), float(sum(v * v for v in values))]
    goal = [-float(cell == place) for cell in cells]
    found = linprog(goal, A_eq=equations, b_eq=sums, method="highs")
    assert found.status == 0, found.message
    return -float(found.fun)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_it_says_what_a_solver_says(data: st.DataObject) -> None:
    grain = data.draw(st.sampled_from([1, 5]))
    edges = sorted(data.draw(st.sets(st.integers(1, 11), max_size=4)) | {0, 12})
    values: list[int] = []
    spans = []
    for low, high in pairwise(edges):
        held = data.draw(st.lists(st.integers(low, high - 1), min_size=LEAST, max_size=12))
        spans.append(Span(low * grain, (high - 1) * grain, len(held)))
        values += [v * grain for v in held]
    rare = False
    for at, span in enumerate(spans):
        for value in range(span.lo, span.hi + 1, grain) if span.lo < span.hi else ():
            rare = rare or 1 - 1e-6 <= most(spans, values, (at, value), grain) < LEAST - 1e-6
    event(f"rare: {rare}")
    once, twice = sum(values), sum(v * v for v in values)
    assert few_have_a_value(spans, once, twice, LEAST, grain) == rare


def test_three_values_with_two_sums_are_counted_one_by_one() -> None:
    """One, three and eight people: nothing else has their number, sum and squares."""
    spans = [Span(1, 3, 12), Span(4, 4, 30), Span(5, 5, 58)]
    once, twice = 1 + 6 + 24 + 120 + 290, 1 + 12 + 72 + 480 + 1450
    assert few_have_a_value(spans, once, twice, 10, 1)
    assert not few_have_a_value([Span(4, 4, 42), Span(5, 5, 58)], 42 * 4 + 58 * 5, 42 * 16 + 58 * 25, 10, 1)


def test_a_guess_that_does_not_fit_tells_nothing() -> None:
    spans = [Span(0, 20, 30)]
    assert not few_have_a_value(spans, 30 * 10, 30 * 101, 10, 10)


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.integers(0, 12), min_size=12, max_size=40), tight=st.sampled_from([1, 3, 12]))
def test_sums_of_squares_do_not_say_that_few_stand_off_a_value(values: list[int], tight: int) -> None:
    """A solver that knows number, sum and sum of squares: the most that can be off any value, or any two neighbours."""
    values = [min(value, tight) for value in values]
    once, twice = sum(values), sum(value * value for value in values)
    equations = [[1.0] * 13, [float(v) for v in range(13)], [float(v * v) for v in range(13)]]
    most = []
    for width in (1, 2):
        for low in range(14 - width):
            goal = [-float(not low <= v < low + width) for v in range(13)]
            found = linprog(goal, A_eq=equations, b_eq=[len(values), once, twice], method="highs")
            most.append(-found.fun)
    told = any(1 - 1e-6 <= n < 10 - 1e-6 for n in most)
    event(f"told: {told}")
    assert few_stand_off(Span(0, 12, len(values)), once, twice, 10, 1) or not told
    if few_stand_off(Span(0, 12, len(values)), once, twice, 10, 1):
        assert any(n < 11 for n in most), "parts of people are the only difference to the solver"
