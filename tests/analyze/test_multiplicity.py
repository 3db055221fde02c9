"""The step-up procedure against scipy, and the intervals that belong to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from calibgit.analyze.multiplicity import benjamini_hochberg

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p_values)
def test_q_agrees_with_scipy(p: Any) -> None:
    assert benjamini_hochberg(p, 0.05).q == pytest.approx(tuple(false_discovery_control(p)), abs=1e-12)


@given(p_values, st.floats(0.01, 0.2))
def test_every_rejected_p_is_within_the_tail_of_its_interval(p: Any, rate: Any) -> None:
    found = benjamini_hochberg(p, rate)
    assert all((value <= found.tail) == chosen for value, chosen in zip(p, found.rejected, strict=True) if chosen)
    assert found.tail <= rate * (1 + 1e-12)


def test_no_tests_and_no_budget_reject_nothing() -> None:
    assert benjamini_hochberg([], 0.05).rejected == ()
    assert benjamini_hochberg([0.0, 0.5], 0.0).rejected == (False, False)


@given(p_values, st.randoms())
def test_order_does_not_matter(p: Any, random: Any) -> None:
    order = list(range(len(p)))
    random.shuffle(order)
    straight, shuffled = benjamini_hochberg(p, 0.05), benjamini_hochberg([p[i] for i in order], 0.05)
    assert shuffled.q == tuple(straight.q[i] for i in order)
