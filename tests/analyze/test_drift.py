"""Drift against populations that move by a known amount."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from calibgit.analyze.drift import Common, distance, in_common, tolerated
from calibgit.analyze.effects import Distance
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, GridSpec

GRID = GridSpec(min=0, step=1, bins=101, scale=1)
EDGES = (*range(0, 100, 5), 101)
LIMIT = 0.02


def scores(chance: np.random.Generator, shift: float, n: int) -> list[int]:
    drawn = np.clip(chance.normal(60 + shift, 16, n), 0, 100.9)
    return [int(k) for k in np.histogram(drawn, EDGES)[0]]


def share_of_alarms(shift: float, n: int, windows: int = 200) -> float:
    chance = np.random.default_rng([n, int(10 * shift)])
    alarms = 0
    for _ in range(windows):
        new, old = scores(chance, shift, n), scores(chance, 0.0, n)
        found = distance(new, old)
        assert found is not None
        alarms += found.p_above(tolerated([Common(EDGES, new, old)], GRID, LIMIT)) < 0.05
    return alarms / windows


@pytest.mark.parametrize("n", [300, 3_000, 30_000])
def test_a_shift_as_large_as_is_tolerated_alarms_as_often_as_it_may(n: int) -> None:
    assert share_of_alarms(0.0, n) <= 0.05
    assert share_of_alarms(2.0, n) <= 0.09  # 5%, and what 200 windows add by chance


def test_more_data_prove_a_larger_shift() -> None:
    found = [share_of_alarms(4.0, n) for n in (300, 1_000, 3_000, 10_000)]
    assert found == sorted(found)
    assert found[-1] == 1.0


@pytest.mark.parametrize(
    ("new", "old"), [((10, 20, 30), (30, 20, 10)), ((100, 0, 50), (80, 10, 60)), ((5, 5), (50, 5))]
)
def test_the_statistic_is_that_of_scipy(new: Sequence[int], old: Sequence[int]) -> None:
    found = distance(new, old)
    assert found is not None
    expected = stats.chi2_contingency([new, old], correction=False)
    assert (found.statistic, found.df) == pytest.approx((expected.statistic, expected.dof))
    assert found.p_above(0.0) == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("statistic", [5.0, 20.0, 60.0])
def test_bounds_and_p_are_inversions_of_each_other(statistic: float) -> None:
    found = Distance(statistic, 10, 500.0)
    low, high = found.bounds(0.05)
    assert 0 <= low <= found.estimate <= high
    if low > 0:
        assert found.p_above(low) == pytest.approx(0.05, abs=1e-6)
    if statistic > 10:
        assert found.p_below(high) == pytest.approx(0.05, abs=1e-6)


def test_windows_without_two_bins_in_common_have_no_distance() -> None:
    assert distance((5, 0), (7, 0)) is None
    assert distance((0, 0), (7, 3)) is None


def row(groups: tuple[int, ...], edges: Sequence[int], counts: Sequence[int]) -> GridRow:
    cells = zip(edges, edges[1:], counts, strict=False)
    return GridRow(groups=groups, cells=tuple(GridCell(lo=lo, hi=hi, n=n) for lo, hi, n in cells))


def block(*rows: GridRow) -> GridBlock:
    return GridBlock(status="present", grid=GRID, rows=rows)


def test_a_coarse_row_does_not_coarsen_the_others() -> None:
    """A small cap is published in one cell; nobody loses resolution to it."""
    fine = tuple(range(0, 101, 10))
    now = block(row((0,), fine, [100] * 10), row((1, 2), (0, 100), [100]))
    then = block(row((0,), (0, 50, 100), [500, 500]), row((1,), (0, 100), [60]), row((2,), (0, 50, 100), [20, 20]))
    found = in_common(now, then, GRID)
    assert [(tuple(each.new), tuple(each.old)) for each in found] == [((500, 500), (500, 500)), ((100,), (100,))]
    same = in_common(now, now, GRID)
    assert tuple(same[0].edges) == (*fine[:-1], 101)


def test_bins_hold_enough_of_both_windows() -> None:
    now = block(row((0,), tuple(range(101)), [10] * 100))
    (found,) = in_common(now, now, GRID)
    assert sum(found.new) == 1_000
    assert all(n >= 30 for n in found.new)
    assert len(found.new) > 20
