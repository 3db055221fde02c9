"""The search: what it proposes, what it refuses, and that no change often wins."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.analyze.run import analyze
from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.blocks import Verdicts
from calibgit.propose.board import Board
from calibgit.propose.candidates import build_space
from calibgit.propose.drivers import drivers
from calibgit.propose.flow import impact
from calibgit.propose.search import decide
from tests.support.snapshots import BANDS, CUTS, Plan, config, generator, line, piled, smooth, stratum, window

WIDE = {"class_share": {"min": 0.0, "max": 1.0}}
TIGHT = {"class_shares": {"moderate": {"min": 0.0, "max": 0.36}}, "class_share": {"min": 0.0, "max": 1.0}}


def decided(plan: Plan, analysis: Any = None, proposal: Any = None, data: Any = None) -> Any:
    limits, taken = line(analysis=analysis, proposal=proposal), window(plan)
    data = data or config()
    report = analyze(taken, config_data=data, settings=limits)
    return decide(taken, report, config_data=data, settings=limits)


def new_cuts(decision: Any) -> tuple[float, ...]:
    found = dict(zip(BANDS, CUTS, strict=True))
    found |= {change.path.split(".")[1]: change.new for change in decision.changes}
    return tuple(found.values())


def test_a_quiet_window_changes_nothing() -> None:
    decision = decided(Plan(scores=smooth(generator(1), 4000)))
    assert decision.changes == ()
    assert decision.reason.startswith("No change. No finding of severity medium or above concerns a cut. Evidence: ")
    assert "tests on 4000 assessments" in decision.reason
    assert (decision.evidence.n, decision.evidence.gain) == (4000, None)


def test_a_band_beyond_its_range_moves_one_of_its_two_cuts() -> None:
    decision = decided(Plan(scores=smooth(generator(1), 10_000)), TIGHT)
    assert decision.changes
    assert {change.path for change in decision.changes} <= {
        "compatibility_thresholds.moderate.min_score", "compatibility_thresholds.good.min_score",
    }  # fmt: skip
    assert {change.finding for change in decision.changes} == {"share:moderate"}
    assert all(isinstance(change.new, int) for change in decision.changes)
    record = decision.search
    assert record is not None
    assert record.objective_after < record.objective_before
    assert record.selection_frequency >= 0.9
    assert any(other.changes == {} for other in record.alternatives)
    moved = sum(c.high for c in decision.flow[0].cells if c.source != c.target)
    assert moved <= 0.05 * decision.flow[0].n
    share = next(p for p in decision.prediction if p.metric == "class_share:moderate")
    assert share.lower < share.point < share.upper
    assert decision.rollback_trigger is not None


def test_deviating_labels_block_every_proposal() -> None:
    plan = Plan(scores=smooth(generator(1), 10_000), verdicts=Verdicts(label_conformance="deviates"))
    decision = decided(plan, TIGHT)
    assert decision.changes == ()
    assert "blocked" in decision.reason
    assert "labels:conformance" in decision.reason


def test_coarse_resolution_says_how_many_rows_it_takes() -> None:
    decision = decided(
        Plan(scores=smooth(generator(1), 3000), k=400), TIGHT | {"class_shares": {"moderate": {"max": 0.3}}}
    )
    assert decision.changes == ()
    assert "too coarse" in decision.reason
    assert "assessments" in decision.reason


def test_a_crowded_cut_moves_away_from_the_pile() -> None:
    for cut, band in ((25, "low_potential"), (85, "high_potential")):
        scores = piled(generator(2), smooth(generator(1), 20_000), cut, 0.08)
        decision = decided(Plan(scores=scores), WIDE, {"max_moved_share": 0.2})
        assert [change.path.split(".")[1] for change in decision.changes] == [band]
        new = decision.changes[0].new
        assert (new < cut) if cut == 25 else (new > cut)
        assert decision.search.objective_after < decision.search.objective_before


def test_noise_is_not_tuned() -> None:
    proposals = 0
    for seed in range(25):
        plan = Plan(scores=smooth(generator(seed), 1000), seed=seed)
        share = {"class_shares": {"moderate": {"min": 0.0, "max": 0.4375}}, "class_share": {"max": 1.0}}
        proposals += bool(decided(plan, share).changes)
    assert proposals <= 2


def test_a_gain_that_is_not_sure_is_not_taken() -> None:
    plan = Plan(scores=smooth(generator(1), 10_000))
    limits, taken = line(analysis=TIGHT), window(plan)
    report = analyze(taken, config_data=config(), settings=limits)
    share = taken.strata[0].labels.counts["moderate"] / 10_000
    nudged = {"class_shares": {"moderate": {"max": share - 0.0002}}, "class_share": {"max": 1.0}}
    unsure = decide(taken, report, config_data=config(), settings=line(analysis=nudged))
    assert unsure.changes == ()
    assert unsure.search is not None
    assert unsure.search.selection_frequency is not None
    assert unsure.search.selection_frequency < 0.9
    assert "needed" in unsure.reason
    assert unsure.evidence is not None
    assert unsure.evidence.gain is not None
    assert unsure.evidence.gain > 0
    assert unsure.evidence.frequency == unsure.search.selection_frequency
    assert "The best candidate within the limits gains" in unsure.reason
    assert any(other.reason == "its gain is not sure enough" for other in unsure.search.alternatives)


def test_a_base_that_is_already_too_narrow_may_stay_but_not_get_narrower() -> None:
    data = config((70, 65, 45, 25, 0))
    plan, limits = Plan(scores=smooth(generator(1), 10_000)), line(analysis=TIGHT, proposal={"max_moved_share": 0.5})
    taken = window(plan).model_copy(update={"strata": (stratum(plan, data),)})
    report = analyze(taken, config_data=data, settings=limits)
    decision = decide(taken, report, config_data=data, settings=limits)
    assert decision.changes
    cuts: dict[str, Any] = {"high_potential": 70, "good": 65} | {c.path.split(".")[1]: c.new for c in decision.changes}
    assert cuts["high_potential"] - cuts["good"] >= 5


def test_inputs_that_do_not_belong_together_are_refused() -> None:
    taken, other = window(Plan(scores=smooth(generator(1), 900))), window(Plan(scores=smooth(generator(2), 900)))
    report = analyze(taken, config_data=config(), settings=line())
    with pytest.raises(UsageError, match="WRONG_REPORT"):
        decide(other, report, config_data=config(), settings=line())
    with pytest.raises(UsageError, match="WRONG_CONFIG"):
        decide(taken, report, config_data=config(version="9.0.0"), settings=line())


def test_the_same_inputs_give_the_same_bytes() -> None:
    plan = Plan(scores=smooth(generator(1), 5000))
    assert decided(plan, TIGHT).pretty() == decided(plan, TIGHT).pretty()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    seed=st.integers(0, 999), n=st.integers(1500, 8000), centre=st.integers(30, 75), top=st.floats(0.05, 0.5),
    moved=st.floats(0, 0.3), step=st.integers(1, 12), gap=st.integers(1, 25), pools=st.sampled_from([None, ((0, 1),)]),
)  # fmt: skip
def test_hard_limits_hold_whatever_the_data(
    seed: Any, n: Any, centre: Any, top: Any, moved: Any, step: Any, gap: Any, pools: Any
) -> None:
    plan = Plan(scores=smooth(generator(seed), n, centre, 18), seed=seed, pools=pools)
    limits = {"max_moved_share": moved, "max_step": step, "min_band_gap": gap, "bootstrap_replicates": 20}
    decision = decided(plan, {"class_share": {"min": 0.0, "max": top}}, limits)
    cuts = new_cuts(decision)
    assert list(cuts) == sorted(cuts, reverse=True)
    assert len(set(cuts)) == len(cuts)
    assert semantics.faults(config(cuts)) == []
    for (a, b), (was_a, was_b) in zip(itertools.pairwise(cuts), itertools.pairwise(CUTS), strict=True):
        assert a - b >= min(gap, was_a - was_b)
    assert all(abs(a - b) <= step for a, b in zip(cuts, CUTS, strict=True))
    effect = impact(stratum(plan), semantics.gates(config()), semantics.gates(config(cuts)))
    assert effect.moved_high <= moved * effect.n + 1e-6
    for found in decision.flow:
        for cell in found.cells:
            assert abs(BANDS.index(cell.source) - BANDS.index(cell.target)) <= 1 or cell.high == 0


def test_the_objective_agrees_with_a_plain_computation() -> None:
    limits = line(analysis={"class_share": {"min": 0.05, "max": 0.3}}, proposal={"max_moved_share": 0.9})
    plan = Plan(scores=piled(generator(4), smooth(generator(4), 12_000), 85, 0.08))
    taken = window(plan)
    report = analyze(taken, config_data=config(), settings=limits)
    published, gates = taken.strata[0], semantics.gates(config())
    board: Any = Board.of(published, gates)
    found = drivers(report, "1.0.0", BANDS)
    space: Any = build_space(board, published, gates, found, limits, 10)[0]
    counts = np.array([[cell.n for cell in board.cells]], dtype=np.float64)
    values, moved = space.objective(counts)[0].ravel(), space.moved().ravel()
    rng = generator(1)
    for candidate in rng.choice(values.size, 20):
        cuts = [*(board.grid.value(edge) for edge in space.at(int(candidate))), 0]
        new = semantics.gates(config(cuts))
        shares = [0] * 5
        risk = 0.0
        for cell in board.cells:
            shares[max(semantics.score_cap(new, cell.lo), cell.groups[0])] += cell.n
            for cut in found.crowded:
                inside = max(0, min(cell.hi, cuts[cut] + 2) - max(cell.lo, cuts[cut] - 2)) / (cell.hi - cell.lo)
                risk += cell.n * inside * (cell.groups[0] <= cut)
        far = sum(max(0.0, s / board.n - 0.3) + max(0.0, 0.05 - s / board.n) for s in shares)
        assert values[candidate] == pytest.approx(far + risk / board.n, abs=1e-8)
        assert moved[candidate] >= impact(published, gates, new).moved_low


def test_all_combinations_are_searched() -> None:
    plan = Plan(scores=smooth(generator(3), 19_000, 50, 25))
    analysis = {"class_shares": {band: {"min": 0.0, "max": 0.15} for band in BANDS}}
    decision = decided(plan, analysis, {"max_moved_share": 0.5})
    assert decision.search.candidates > 10_000
