"""Any table of two words: an attacker with its margins, its shown counts and a linear program learns no hidden one."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import assume, event, example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from calibgit.collect.audit import Published, bounds, tells_of_few
from calibgit.collect.hiding import protect

LEAST = 10
COUNTS = st.one_of(st.integers(0, 14), st.integers(0, 60), st.just(0))


@st.composite
def tables(draw: st.DrawFn) -> list[list[int]]:
    """Tables whose margins are 0 or large, as tallies make them."""
    rows, columns = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    table = [[draw(COUNTS) for _ in range(columns)] for _ in range(rows)]
    margins = [*map(sum, table), *map(sum, zip(*table, strict=True))]
    assume(all(n == 0 or n >= LEAST for n in margins))
    return table


@settings(max_examples=120, deadline=None)
@given(tables())
@example([[3, 40, 20], [20, 3, 30], [30, 20, 3]])
@example([[1, 30], [30, 30]])
def test_hidden_counts_stay_wide_and_shown_ones_large(table: list[list[int]]) -> None:
    found = protect(table, LEAST)
    event("withheld" if found is None else f"{len(found.widths)} hidden")
    if found is None:
        return
    shown = found.counts
    for r, c in product(range(len(table)), range(len(table[0]))):
        n = shown[r][c]
        if n is not None:
            assert n == table[r][c]
            assert n == 0 or n >= LEAST
        else:
            low, high = _interval(table, shown, (r, c))
            assert low - 1e-6 <= table[r][c] <= high + 1e-6
            assert high - low >= LEAST - 1e-6


def _interval(table: list[list[int]], shown: tuple[tuple[int | None, ...], ...], at: tuple[int, int]) -> list[float]:
    """The fewest and the most, by a solver that shares nothing with the audit."""
    hidden = [(r, c) for r, row in enumerate(shown) for c, n in enumerate(row) if n is None]
    equations, sums = [], []
    for axis in (0, 1):
        for line in {place[axis] for place in hidden}:
            inside = [place for place in hidden if place[axis] == line]
            equations.append([float(place in inside) for place in hidden])
            sums.append(sum(table[r][c] for r, c in inside))
    goal = np.array([float(place == at) for place in hidden])
    found = []
    for sign in (1, -1):
        result = linprog(sign * goal, A_eq=np.array(equations), b_eq=sums, method="highs")
        assert result.status == 0, result.message
        found.append(sign * result.fun)
    return found


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_audit_finds_the_intervals_of_a_solver(data: st.DataObject) -> None:
    """Overlapping sums of any shape, not of tables only."""
    size = data.draw(st.integers(2, 14))
    held = data.draw(st.lists(st.integers(0, 25), min_size=size, max_size=size))
    sets = data.draw(st.lists(st.frozensets(st.integers(0, size - 1), min_size=1), max_size=12))
    sets.append(frozenset(range(size)))
    published = [Published(cells, sum(held[at] for at in cells)) for cells in sets]
    matrix = [[float(at in cells) for at in range(size)] for cells in sets]
    sums = [each.n for each in published]
    exact = bounds(range(size), published)
    most = []
    for at in range(size):
        goal = np.eye(size)[at]
        low = linprog(goal, A_eq=matrix, b_eq=sums, method="highs").fun
        high = -linprog(-goal, A_eq=matrix, b_eq=sums, method="highs").fun
        most.append(high)
        assert exact[at] == (int(np.ceil(low - 1e-6)), int(np.floor(high + 1e-6)))
    whole = [int(np.floor(n + 1e-6)) for n in most]
    assert tells_of_few(published, LEAST) == any(0 < n < LEAST for n in whole)
