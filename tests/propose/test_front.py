"""Trade-offs and sensitivity: the front against every pair, bounded and repeatable; neighbours against the flow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.analyze.run import analyze
from calibgit.model import semantics
from calibgit.propose.flow import impact
from calibgit.propose.front import MOST_POINTS, front
from calibgit.propose.manual import decide_manual
from calibgit.propose.search import decide
from calibgit.propose.sections import front_lines, sensitivity_lines
from tests.support.snapshots import Plan, config, generator, line, smooth, window

TIGHT = {
    "class_shares": {"moderate": {"min": 0.0, "max": 0.36}, "good": {"max": 0.3}},
    "class_share": {"min": 0.0, "max": 1.0},
}
small = st.integers(0, 3)
GOOD = "compatibility_thresholds.good.min_score"


@given(st.lists(st.tuples(small, small, small), min_size=1, max_size=40))
def test_exactly_the_unbeaten_are_on_the_front(rows: Any) -> None:
    values = np.array(rows, dtype=np.float64) / 10
    found = front((values[:, 0], values[:, 1], values[:, 2]), np.arange(len(rows)), ())
    unbeaten = {
        row for row in rows if not any(o != row and all(a <= b for a, b in zip(o, row, strict=True)) for o in rows)
    }
    assert found.size == len(unbeaten)
    assert {rows[c] for c in found.shown} <= unbeaten
    assert len(found.shown) == min(len(unbeaten), MOST_POINTS)


def decided() -> Any:
    limits, taken = (
        line(analysis=TIGHT, proposal={"max_moved_share": 0.2}),
        window(Plan(scores=smooth(generator(1), 10_000))),
    )
    report = analyze(taken, config_data=config(), settings=limits)
    return decide(taken, report, config_data=config(), settings=limits), taken.strata[0]


def test_the_front_holds_no_change_and_the_choice_and_repeats() -> None:
    decision, _ = decided()
    search = decision.search
    assert len(search.front) <= MOST_POINTS
    assert search.front[0].changes == {}
    assert search.front[0].moved_share == 0
    (chosen,) = [point for point in search.front if point.chosen]
    assert chosen.changes == {change.path: change.new for change in decision.changes}
    moved = [point.moved_share for point in search.front]
    assert moved == sorted(moved)
    assert search == decided()[0].search
    page = "\n".join(front_lines(search))
    assert "no change" in page
    assert "chosen" in page


def test_neighbours_say_what_the_flow_says() -> None:
    decision, published = decided()
    old = semantics.gates(config())
    assert decision.sensitivity
    for beside in decision.sensitivity:
        data = config()
        for change in decision.changes:
            data["compatibility_thresholds"][change.path.split(".")[1]]["min_score"] = change.new
        band = beside.path.split(".")[1]
        own = data["compatibility_thresholds"][band]["min_score"]
        assert (beside.value > own) == (beside.steps > 0)
        data["compatibility_thresholds"][band]["min_score"] = beside.value
        effect = impact(published, old, semantics.gates(data))
        assert (beside.moved_low, beside.moved_high) == (effect.moved_low, effect.moved_high)
        assert beside.objective is not None
    best = min(beside.objective for beside in decision.sensitivity)
    assert best >= decision.search.objective_after or decision.search.alternatives
    assert "Objective" in sensitivity_lines(decision.sensitivity)[0]


@pytest.mark.parametrize(("value", "known"), [(67, True), (66.5, True)])
def test_a_cut_by_hand_has_neighbours_too(value: float, known: bool) -> None:
    taken = window(Plan(scores=smooth(generator(1), 5000)))
    decision = decide_manual(
        taken, config_data=config(), settings=line(analysis=TIGHT), assignments={GOOD: value}, reason="panel"
    )
    assert [each.steps for each in decision.sensitivity] == [-2, -1, 1, 2]
    assert all((each.objective is not None) == known for each in decision.sensitivity)
    assert [each.value for each in decision.sensitivity if each.steps == 1] == [68 if value == 67 else 67]


def test_neighbours_stay_between_the_other_cuts() -> None:
    taken = window(Plan(scores=smooth(generator(1), 5000)))
    decision = decide_manual(taken, config_data=config(), settings=line(), assignments={GOOD: 84}, reason="panel")
    assert [each.steps for each in decision.sensitivity] == [-2, -1]
