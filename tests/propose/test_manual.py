"""Changes by hand: same flow for cuts, honest words for the rest, named errors."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.snapshot import GridBlock
from calibgit.propose.flow import flow
from calibgit.propose.manual import decide_manual
from calibgit.propose.paths import locate, paths, value_at
from tests.support.snapshots import Plan, config, generator, line, smooth, stratum, window

GOOD = "compatibility_thresholds.good.min_score"


def by_hand(assignments: Any, snapshot: Any = None, data: Any = None, reason: Any = "panel decision") -> Any:
    return decide_manual(
        snapshot, config_data=data or config(), settings=line(), assignments=assignments, reason=reason
    )


def test_a_cut_by_hand_gets_the_flow_matrix() -> None:
    taken = window(Plan(scores=smooth(generator(1), 3000)))
    decision = by_hand({GOOD: 67}, taken)
    gates = semantics.gates(config()), semantics.gates(config((85, 67, 45, 25, 0)))
    assert decision.flow == (flow(taken.strata[0], *gates),)
    (change,) = decision.changes
    assert (change.old, change.new, change.finding, change.rationale) == (65, 67, None, "panel decision")
    assert change.impact is not None
    assert change.impact_note.startswith("exact")
    assert decision.rollback_trigger is not None


def test_a_cut_between_edges_gets_an_interval() -> None:
    decision = by_hand({GOOD: 66.5}, window(Plan(scores=smooth(generator(1), 3000))))
    assert decision.changes[0].impact.moved_low < decision.changes[0].impact.moved_high
    assert not decision.flow[0].exact


def test_limits_of_the_search_are_named_but_do_not_bind() -> None:
    decision = by_hand({GOOD: 75}, window(Plan(scores=smooth(generator(1), 3000))))
    assert "beyond max_moved_share" in decision.reason
    assert "beyond max_step" in decision.reason


def test_without_a_snapshot_nothing_is_claimed() -> None:
    decision = by_hand({GOOD: 67})
    assert decision.flow == ()
    assert decision.changes[0].impact is None
    assert "not estimated" in decision.changes[0].impact_note


@pytest.mark.parametrize(
    ("path", "value"), [("category_weights.values", 2.0), ("scoring_adjustments.consistency.weight", 2)]
)
def test_what_is_not_counted_gets_no_number_and_an_honest_note(path: Any, value: Any) -> None:
    (change,) = by_hand({path: value}, window(Plan(scores=smooth(generator(1), 1000)))).changes
    assert change.impact is None
    assert change.impact_note.startswith("not estimated")


@pytest.mark.parametrize(("path", "value"), [("metadata.note", "end"), ("deal_breaker_penalties.unread", -2)])
def test_what_semantics_never_reads_is_called_descriptive(path: Any, value: Any) -> None:
    (change,) = by_hand({path: value}, window(Plan(scores=smooth(generator(1), 1000)))).changes
    assert change.impact_note.startswith("descriptive")
    assert change.impact.moved_high == 0


@pytest.mark.parametrize(
    ("assignments", "code"),
    [
        ({"compatibility_thresholds.good.min_scor": 60}, "UNKNOWN_PATH"),
        ({"compatibility_thresholds.good": 60}, "UNKNOWN_PATH"),
        ({"logic_version": "2.0.0"}, "FIXED_PATH"),
        ({GOOD: "60"}, "WRONG_TYPE"),
        ({GOOD: True}, "WRONG_TYPE"),
        ({GOOD: None}, "WRONG_TYPE"),
        ({GOOD: 65}, "NO_EFFECT"),
        ({GOOD: 65.0}, "NO_EFFECT"),
        ({}, "NO_EFFECT"),
        ({GOOD: 90}, "BAD_VALUE"),
        ({"compatibility_thresholds.high_potential.min_confidence": 1.5}, "BAD_VALUE"),
        ({"red_flag_severity_thresholds.critical.min_occurrences": 1.5}, "BAD_VALUE"),
    ],
)
def test_a_change_that_cannot_be_meant_is_refused(assignments: Any, code: Any) -> None:
    with pytest.raises(UsageError) as caught:
        by_hand(assignments)
    assert caught.value.code == code
    assert caught.value.fix


def test_a_reason_is_needed_and_the_snapshot_must_fit() -> None:
    with pytest.raises(UsageError, match="NO_REASON"):
        by_hand({GOOD: 66}, reason=" ")
    with pytest.raises(UsageError, match="WRONG_CONFIG"):
        by_hand({GOOD: 66}, window(Plan(scores=smooth(generator(1), 300))), config(version="2.0.0"))


def test_every_scalar_path_leads_to_its_value_even_with_dots_in_names() -> None:
    data = config() | {"metadata": {"a.b": {"c": 1}, "a": {"b.c": 2}, "x": [1]}}
    for path in paths(data):
        assert locate(data, path) is not None
    assert value_at(data, locate(data, "metadata.x") or ("schema",)) == "calibgit/scoring-config/1"


def test_a_snapshot_without_scores_claims_nothing() -> None:
    bare = stratum(Plan(scores=smooth(generator(1), 300))).model_copy(update={"score": GridBlock(status="withheld")})
    taken = window(Plan(scores=smooth(generator(1), 300))).model_copy(update={"strata": (bare,)})
    assert by_hand({GOOD: 66}, taken).changes[0].impact is None
