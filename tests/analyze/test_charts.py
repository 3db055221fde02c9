"""Control charts against windows whose rates vary by more than chance, and against ones that moved."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from calibgit.analyze.charts import LEAST_WINDOWS, Point, Shift, moving_average, p_chart

TOLERATED = 0.03
WINDOWS = 2_000


def drawn(chance: np.random.Generator, rates: NDArray[np.float64], n: int, spread: float) -> list[Point]:
    """Windows with these mean rates; `spread` is the standard deviation of a window's own rate."""
    if spread:
        size = rates * (1 - rates) / spread**2 - 1
        rates = chance.beta(rates * size, (1 - rates) * size)
    return [Point(int(k), n) for k in chance.binomial(n, rates)]


def alarms(chart: str, windows: int, shift: float, n: int, spread: float) -> float:
    """How often the last window, or those after the eighth, are said to lie above the tolerated shift."""
    chance = np.random.default_rng([windows, n, int(1000 * shift), int(1000 * spread)])
    count = 0
    for _ in range(WINDOWS):
        rates = np.full(windows, 0.10)
        rates[-1 if chart == "p" else LEAST_WINDOWS :] += shift
        points = drawn(chance, rates, n, spread)
        found = (p_chart if chart == "p" else moving_average)(points[:-1], points[-1])
        assert found is not None
        count += found.p_above(TOLERATED) < 0.05
    return count / WINDOWS


@pytest.mark.parametrize("chart", ["p", "ewma"])
@pytest.mark.parametrize("spread", [0.0, 0.02])
@pytest.mark.parametrize("windows", [9, 16, 30])
def test_a_tolerated_shift_alarms_as_often_as_it_may(chart: str, windows: int, spread: float) -> None:
    assert alarms(chart, windows, 0.0, 2_000, spread) <= 0.02
    assert alarms(chart, windows, TOLERATED, 2_000, spread) <= 0.07


def test_without_laneys_factor_restless_windows_would_alarm() -> None:
    """The same windows by a test that knows only the chance of a draw."""
    chance = np.random.default_rng(4)
    naive = 0
    for _ in range(500):
        *past, now = drawn(chance, np.full(16, 0.10), 2_000, 0.03)
        rate, size = sum(p.k for p in past) / sum(p.n for p in past), sum(p.n for p in past)
        error = np.sqrt(rate * (1 - rate) * (1 / now.n + 1 / size))
        naive += stats.norm.sf((now.k / now.n - rate) / error) < 0.05
    assert naive / 500 > 0.2


def test_what_is_there_is_found() -> None:
    assert alarms("p", 16, 0.08, 2_000, 0.01) >= 0.9
    assert alarms("ewma", 16, 0.06, 2_000, 0.01) >= 0.9
    slow = np.concatenate([np.full(8, 0.10), 0.10 + 0.008 * np.arange(1, 13)])
    chance = np.random.default_rng(1)
    points = [drawn(chance, slow, 1_500, 0.01) for _ in range(200)]
    drift = [moving_average(each[:-1], each[-1]) for each in points]
    assert np.mean([each is not None and each.p_above(TOLERATED) < 0.05 for each in drift]) > 0.8


def test_too_few_windows_and_rates_of_nothing_have_no_chart() -> None:
    quiet = [Point(0, 100)] * 10
    assert p_chart([Point(5, 100)] * (LEAST_WINDOWS - 1), Point(5, 100)) is None
    assert p_chart(quiet, Point(5, 100)) is None
    assert moving_average([Point(100, 100)] * 10, Point(5, 100)) is None


@pytest.mark.parametrize(("value", "error", "df"), [(0.02, 0.01, 7), (-0.05, 0.02, 20)])
def test_bounds_and_p_are_those_of_student(value: float, error: float, df: int) -> None:
    found = Shift(value, error, df, "x")
    low, high = found.bounds(0.05)
    assert (low, high) == pytest.approx(stats.t.interval(0.9, df, loc=value, scale=error))
    assert found.p_above(low) == pytest.approx(0.05)
    assert found.p_below(high) == pytest.approx(0.05)
