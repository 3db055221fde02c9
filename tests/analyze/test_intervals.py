"""Intervals and tests against independent implementations, and against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats import proportion  # type: ignore[import-untyped]

from calibgit.analyze import intervals
from calibgit.analyze.effects import Asymptotic, Difference, Distance, Gap, LogRatio, Rate

COUNTS = [(0, 20), (1, 30), (9, 100), (10, 100), (50, 100), (199, 200), (200, 200), (360, 1000)]


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_wilson_agrees_with_statsmodels(k: Any, n: Any) -> None:
    assert intervals.wilson(k, n) == pytest.approx(proportion.proportion_confint(k, n, method="wilson"), abs=1e-9)


@pytest.mark.parametrize(("k", "n"), COUNTS)
def test_clopper_pearson_agrees_with_statsmodels(k: Any, n: Any) -> None:
    assert intervals.clopper_pearson(k, n) == pytest.approx(
        proportion.proportion_confint(k, n, method="beta"), abs=1e-9
    )


@pytest.mark.parametrize(("k", "n"), [(3, 50), (0, 10), (50, 50)])
def test_exact_p_agrees_with_scipy(k: Any, n: Any) -> None:
    expected = stats.binomtest(k, n, 0.1, alternative="greater").pvalue
    assert intervals.exact_p_above(k, n, 0.1) == pytest.approx(expected, rel=1e-9)


def test_score_p_agrees_with_statsmodels() -> None:
    _, expected = proportion.proportions_ztest(360, 1000, value=0.3, alternative="larger", prop_var=0.3)
    assert intervals.score_p_above(360, 1000, 0.3) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [(50, 400, 40, 500), (3, 100, 9, 120), (90, 100, 60, 100)])
def test_newcombe_agrees_with_statsmodels(counts: Any) -> None:
    k, n, k_before, n_before = counts
    expected = proportion.confint_proportions_2indep(k, n, k_before, n_before, method="newcomb", compare="diff")
    assert intervals.newcombe(*counts) == pytest.approx(expected, abs=1e-9)


def test_two_proportion_p_agrees_with_statsmodels() -> None:
    _, expected = proportion.proportions_ztest([50, 40], [400, 500])
    assert intervals.two_proportion_p(50, 400, 40, 500) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [(5, 40, 200, 755), (0, 10, 90), (300, 300)])
def test_simultaneous_shares_are_those_of_statsmodels(counts: tuple[int, ...]) -> None:
    expected = proportion.multinomial_proportions_confint(counts, alpha=0.05, method="goodman")
    assert np.array(intervals.goodman(counts)) == pytest.approx(np.array(expected), abs=1e-9)


def test_no_event_keeps_the_rule_of_three() -> None:
    assert intervals.rule_of_three(300) == pytest.approx(0.01)
    assert intervals.clopper_pearson(0, 300, 0.05)[1] == pytest.approx(intervals.rule_of_three(300), rel=0.01)


rates = st.tuples(st.integers(1, 500), st.floats(0, 1)).map(lambda t: Rate(int(t[0] * t[1]), int(t[0] * t[1]), t[0]))
effects = st.one_of(
    rates,
    st.builds(lambda r, design: replace(r, design=design), rates, st.floats(1, 4)),
    st.builds(Distance, st.floats(0.5, 200), st.integers(1, 30), st.floats(20, 5_000)),
    st.builds(lambda r, m, w: Gap(m, min(1.0, m + w), r), rates, st.floats(0, 1), st.floats(0, 0.1)),
    st.builds(lambda a, b: Difference(a.k_low, a.n, b.k_low, b.n), rates, rates),
    st.builds(LogRatio, st.floats(-2, 2), st.floats(0.01, 1), st.integers(4, 30)),
    st.builds(Asymptotic, st.floats(-0.9, 0.9), st.floats(0.01, 0.5), st.just("gamma")),
)


@given(effects, st.floats(0.01, 0.99), st.floats(1e-4, 0.05))
def test_an_interval_leaves_out_a_limit_exactly_when_its_test_rejects_it(effect: Any, limit: Any, tail: Any) -> None:
    lower, upper = effect.bounds(tail)
    assume(abs(lower - limit) > 1e-7 and abs(upper - limit) > 1e-7)
    assert (effect.p_above(limit) < tail) == (lower > limit)
    assert (effect.p_below(limit) < tail) == (upper < limit)


@given(rates, st.floats(1e-4, 0.05))
def test_a_hidden_count_only_widens_the_interval(rate: Any, tail: Any) -> None:
    hidden = Rate(rate.k_low // 2, rate.k_low, rate.n)
    assert hidden.bounds(tail)[0] <= rate.bounds(tail)[0] + 1e-12
    assert hidden.bounds(tail)[1] == rate.bounds(tail)[1]
