"""Every fault of the original proposal generator, each as the test that it would fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from calibgit.analyze.run import analyze
from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.ids import Version
from calibgit.propose.document import next_config
from calibgit.propose.manual import decide_manual
from calibgit.propose.search import decide
from tests.support.snapshots import CUTS, Plan, config, generator, line, piled, smooth, stratum, window


def decided(plan: Any, data: Any = None, proposal: Any = None, **analysis: Any) -> Any:
    limits, taken, data = line(analysis=analysis, proposal=proposal), window(plan), data or config()
    taken = taken.model_copy(update={"strata": (stratum(plan, data),)})
    report = analyze(taken, config_data=data, settings=limits)
    return decide(taken, report, config_data=data, settings=limits)


@pytest.mark.parametrize("centre", [66, 67, 68])
def test_a_median_beside_a_cut_moves_nothing_and_lists_no_empty_change(centre: Any) -> None:
    decision = decided(Plan(scores=smooth(generator(1), 5000, centre, 15)), class_share={"max": 1.0})
    assert decision.changes == ()


def test_no_listed_change_is_a_no_op() -> None:
    for seed in range(5):
        decision = decided(Plan(scores=smooth(generator(seed), 8000), seed=seed), class_share={"max": 0.36})
        assert all(change.old != change.new for change in decision.changes)


def test_a_crowded_cut_never_moves_into_the_crowd() -> None:
    for seed in range(4):
        scores = piled(generator(seed + 50), smooth(generator(seed), 20_000, 50, 18), 65, 0.08)
        decision = decided(Plan(scores=scores, seed=seed), None, {"max_moved_share": 0.2}, class_share={"max": 1.0})
        assert all(change.new > change.old for change in decision.changes)
        assert len(decision.changes) == 1


def test_words_and_sign_of_a_change_agree() -> None:
    change: Any = decide_manual(
        None, config_data=config(), settings=line(), reason="x",
        assignments={"compatibility_thresholds.good.min_score": 60},
    ).changes[0]  # fmt: skip
    assert change.new < change.old


def test_a_share_below_its_range_reaches_the_search() -> None:
    low = {"class_shares": {"high_potential": {"min": 0.10}}, "class_share": {"max": 1.0}}
    decision = decided(Plan(scores=smooth(generator(1), 10_000)), **low)
    assert [change.path for change in decision.changes] == ["compatibility_thresholds.high_potential.min_score"]
    assert decision.changes[0].new < 85


def test_what_is_proposed_depends_on_the_present_value() -> None:
    tight = {"class_shares": {"moderate": {"min": 0.0, "max": 0.36}}, "class_share": {"max": 1.0}}
    plan = Plan(scores=smooth(generator(1), 10_000))
    first, second = decided(plan, **tight), decided(plan, config((85, 64, 46, 25, 0)), **tight)
    olds = [{change.path: change.old for change in decision.changes} for decision in (first, second)]
    for found, cuts in zip(olds, (CUTS, (85, 64, 46, 25, 0)), strict=True):
        data = config(cuts)
        assert all(
            data["compatibility_thresholds"][path.split(".")[1]]["min_score"] == old for path, old in found.items()
        )


def test_steps_never_make_bands_cross() -> None:
    narrow = (68, 65, 62, 59, 0)
    plan = Plan(scores=smooth(generator(1), 10_000, 63, 6))
    decision = decided(plan, config(narrow), {"max_moved_share": 1.0}, class_share={"max": 0.15})
    cuts = dict(zip(config()["compatibility_thresholds"], narrow, strict=True))
    cuts |= {change.path.split(".")[1]: change.new for change in decision.changes}
    assert semantics.faults(config(tuple(cuts.values()))) == []


def test_two_findings_on_one_cut_make_one_change() -> None:
    scores = piled(generator(9), smooth(generator(1), 20_000), 65, 0.08)
    shares = {"moderate": {"max": 0.30}, "good": {"max": 0.30}}
    decision = decided(
        Plan(scores=scores), None, {"max_moved_share": 0.3}, class_shares=shares, class_share={"max": 1.0}
    )
    paths = [change.path for change in decision.changes]
    assert len(paths) == len(set(paths))


def test_impact_is_counted_not_a_constant() -> None:
    tight = {"class_shares": {"moderate": {"min": 0.0, "max": 0.36}}, "class_share": {"max": 1.0}}
    notes = {
        decided(Plan(scores=smooth(generator(s), 10_000), seed=s), **tight).changes[0].impact_note for s in range(3)
    }
    assert len(notes) == 3


def test_a_knob_that_nothing_reads_cannot_pass_as_an_effect() -> None:
    change: Any = decide_manual(
        None, config_data=config(), settings=line(), reason="x",
        assignments={"deal_breaker_penalties.unread": -5},
    ).changes[0]  # fmt: skip
    assert change.impact_note.startswith("descriptive")


def test_versions_order_by_number() -> None:
    text = next_config(config(version="1.9.0"), (), "1.10.0")
    assert Version.parse(json.loads(text)["logic_version"]) > Version.parse("1.9.0")
    with pytest.raises(UsageError, match="BAD_VERSION"):
        next_config(config(), (), "1.10")
