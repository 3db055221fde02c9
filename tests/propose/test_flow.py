"""The flow matrix against row-level recomputation."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.model import semantics
from calibgit.propose.flow import flow, impact, share_bounds
from tests.support.snapshots import BANDS, Plan, config, generator, rows_of, smooth, stratum

cuts = st.lists(st.integers(1, 100), min_size=4, max_size=4, unique=True).map(
    lambda found: (*sorted(found, reverse=True), 0)
)
halves = st.lists(st.integers(2, 200), min_size=4, max_size=4, unique=True).map(
    lambda found: (*sorted((n / 2 for n in found), reverse=True), 0)
)
quiet = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def truth(plan: Plan, old: dict[str, Any], new: dict[str, Any]) -> dict[tuple[str, str], int]:
    rows = rows_of(plan)
    pairs = zip(rows.bands(old).tolist(), rows.bands(new).tolist(), strict=True)
    counts: dict[tuple[str, str], int] = {}
    for a, b in pairs:
        counts[BANDS[a], BANDS[b]] = counts.get((BANDS[a], BANDS[b]), 0) + 1
    return counts


@quiet
@given(old=cuts, new=st.one_of(cuts, halves), seed=st.integers(0, 99))
def test_unmerged_counts_give_the_exact_matrix(old: Any, new: Any, seed: Any) -> None:
    plan = Plan(scores=smooth(generator(seed), 400, 55, 25), seed=seed, k=1)
    before, after = config(old), config(new)
    found = flow(stratum(plan, before), semantics.gates(before), semantics.gates(after))
    real = truth(plan, before, after)
    by_pair = {(c.source, c.target): c for c in found.cells}
    assert set(real) <= set(by_pair)
    if all(float(cut).is_integer() for cut in new):
        assert found.exact
        assert {pair: cell.low for pair, cell in by_pair.items()} == real
    assert sum(real.values()) == found.n


@quiet
@given(
    old=cuts, new=cuts, seed=st.integers(0, 99), k=st.integers(5, 60), pools=st.sampled_from([None, ((0, 1),), ((0,), (1,))])
)  # fmt: skip
def test_merged_counts_give_intervals_that_hold_the_truth(old: Any, new: Any, seed: Any, k: Any, pools: Any) -> None:
    plan = Plan(scores=smooth(generator(seed), 600, 55, 25), seed=seed, k=k, pools=pools)
    before, after = config(old), config(new)
    gates = semantics.gates(before), semantics.gates(after)
    published = stratum(plan, before)
    found, real = flow(published, *gates), truth(plan, before, after)
    by_pair = {(c.source, c.target): c for c in found.cells}
    for pair, n in real.items():
        assert by_pair[pair].low <= n <= by_pair[pair].high
    assert all(cell.low == 0 for pair, cell in by_pair.items() if pair not in real)
    moved = sum(n for (a, b), n in real.items() if a != b)
    effect = impact(published, *gates)
    assert effect.moved_low <= moved <= effect.moved_high
    assert effect.n == found.n == 600


def test_no_move_is_all_on_the_diagonal() -> None:
    plan = Plan(scores=smooth(generator(1), 500))
    gates = semantics.gates(config())
    found = flow(stratum(plan), gates, gates)
    assert all(cell.source == cell.target for cell in found.cells)
    assert impact(stratum(plan), gates, gates).moved_high == 0


def test_shares_before_are_the_recorded_shares() -> None:
    plan = Plan(scores=smooth(generator(1), 1000))
    published = stratum(plan)
    gates = semantics.gates(config())
    low, high, _, _ = share_bounds(flow(published, gates, gates), "good")
    assert low == high == published.labels.counts["good"] / 1000
    assert np.isclose(low, published.labels.counts["good"] / 1000)
