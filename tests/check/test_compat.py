"""The level of a change: what breaks readers, what can alter a result, what only describes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibgit.check.compat import differences, level

OLD: dict[str, Any] = json.loads((Path(__file__).parents[2] / "configs/scoring_config_v1.0.0.json").read_bytes())
Edit = Callable[[dict[str, Any]], object]
BANDS, RULES = "compatibility_thresholds", "red_flag_severity_thresholds"


def changed(edit: Edit) -> dict[str, Any]:
    fresh = copy.deepcopy(OLD)
    edit(fresh)
    return fresh


def at(path: str, value: Any) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        document[last] = value

    return edit


def renamed(path: str, fresh: str) -> Edit:
    """Rename a key in its place, so that the order stays."""

    def edit(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        items = [(fresh if key == last else key, value) for key, value in document.items()]
        document.clear()
        document.update(items)

    return edit


def without(path: str) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        del document[last]

    return edit


def reordered(document: dict[str, Any]) -> None:
    items = list(document[BANDS].items())
    items[1], items[2] = items[2], items[1]
    document[BANDS] = dict(items)


def one_more_band(document: dict[str, Any]) -> None:
    items = list(document[BANDS].items())
    document[BANDS] = dict([*items[:2], ("middling", {"min_score": 55}), *items[2:]])


TABLE: dict[str, tuple[Edit, str]] = {
    "nothing": (lambda _: None, "none"),
    "the number alone": (at("logic_version", "2.0.0"), "none"),
    "an integer as an equal float": (at(f"{BANDS}.good.min_score", 65.0), "none"),
    "a zero with a sign": (at(f"{BANDS}.poor.min_score", -0.0), "none"),
    "a float as an equal integer": (at("category_weights.default", 0.0), "none"),
    "the order of categories": (
        lambda d: d.update(category_weights=dict(reversed(d["category_weights"].items()))),
        "none",
    ),
    "the order of sections": (lambda d: d.update(metadata=d.pop("metadata")), "none"),
    "a description": (at("metadata.description", "other words"), "patch"),
    "a new note": (at("metadata.note", {"deep": [1, 2]}), "patch"),
    "a note less": (without("metadata.created_at"), "patch"),
    "a note retyped": (at("metadata.description", 3), "patch"),
    "a note with a dot": (at("metadata", {**OLD["metadata"], "a.b": 1}), "patch"),
    "a cut": (at(f"{BANDS}.good.min_score", 66), "minor"),
    "a cut by a hair": (at(f"{BANDS}.good.min_score", 65.0000000000001), "minor"),
    "a weight by the last bit": (at("category_weights.expertise", 0.30000000000000004), "minor"),
    "a cut from whole to half": (at(f"{BANDS}.good.min_score", 65.5), "minor"),
    "a confidence gate": (at(f"{BANDS}.good.min_confidence", 0.61), "minor"),
    "a flag gate": (at(f"{BANDS}.good.max_red_flags_high", 2), "minor"),
    "a new gate": (at(f"{BANDS}.weak.max_red_flags_low", 9), "minor"),
    "a new category": (at("category_weights.wit", 0.1), "minor"),
    "a penalty": (at("deal_breaker_penalties.high_violation", -9), "minor"),
    "a new penalty": (at("deal_breaker_penalties.odd_violation", -1), "minor"),
    "least occurrences": (at(f"{RULES}.high.min_occurrences", 2), "minor"),
    "an escalation": (at(f"{RULES}.high.auto_escalate", True), "minor"),
    "a new severity": (at(f"{RULES}.odd", {"min_occurrences": 1, "auto_escalate": False}), "minor"),
    "an adjustment": (at("scoring_adjustments.consistency.max", 6), "minor"),
    "a new adjustment": (at("scoring_adjustments.wit", {"weight": 1, "min": 0, "max": 1}), "minor"),
    "a gate less": (without(f"{BANDS}.good.max_red_flags_high"), "major"),
    "a category less": (without("category_weights.expertise"), "major"),
    "a category renamed": (renamed("category_weights.expertise", "skill"), "major"),
    "a penalty less": (without("deal_breaker_penalties.low_violation"), "major"),
    "all penalties less": (at("deal_breaker_penalties", {}), "major"),
    "all penalties others": (at("deal_breaker_penalties", {"x_violation": -1}), "major"),
    "a severity less": (without(f"{RULES}.low"), "major"),
    "an adjustment less": (without("scoring_adjustments.consistency"), "major"),
    "a whole section less": (without("scoring_adjustments"), "major"),
    "a section of another type": (at("scoring_adjustments", []), "major"),
    "a number as text": (at(f"{BANDS}.good.min_score", "65"), "major"),
    "a truth value as number": (at(f"{RULES}.critical.auto_escalate", 1), "major"),
    "a number as truth value": (at(f"{RULES}.critical.min_occurrences", True), "major"),
    "a number as nothing": (at(f"{BANDS}.good.min_confidence", None), "major"),
    "a band less": (without(f"{BANDS}.fair"), "major"),
    "a band more": (one_more_band, "major"),
    "a band renamed": (renamed(f"{BANDS}.good", "fine"), "major"),
    "bands in another order": (reordered, "major"),
    "the range": (at("score_range.max", 10), "major"),
    "the schema": (at("schema", "calibgit/scoring-config/2"), "major"),
    "a patch and a minor": (lambda d: (at("metadata.x", 1)(d), at(f"{BANDS}.good.min_score", 66)(d)), "minor"),
    "a minor and a major": (lambda d: (without(f"{BANDS}.fair")(d), at(f"{BANDS}.good.min_score", 66)(d)), "major"),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_level_of_a_change_is_the_specified_one(name: str) -> None:
    edit, expected = TABLE[name]
    assert level(differences(OLD, changed(edit))) == expected


@pytest.mark.parametrize("name", TABLE)
def test_going_back_is_seen_too(name: str) -> None:
    edit, expected = TABLE[name]
    found = differences(changed(edit), OLD)
    assert (found == []) == (expected == "none")


def test_a_difference_names_the_path_and_both_values() -> None:
    found = differences(OLD, changed(lambda d: (at(f"{BANDS}.good.min_score", 66)(d), without(f"{BANDS}.fair")(d))))
    assert [(d.path, d.what, d.old, d.new, d.level) for d in found] == [
        (f"{BANDS}.fair", "removed", OLD[BANDS]["fair"], None, "major"),
        (f"{BANDS}.good.min_score", "changed", 65, 66, "minor"),
    ]


def test_an_integer_that_becomes_another_float_is_a_change_of_value_and_not_of_type() -> None:
    found = differences(OLD, changed(at(f"{BANDS}.good.min_score", 65.5)))
    assert [(d.what, d.old, d.new) for d in found] == [("changed", 65, 65.5)]


def test_differences_come_sorted_and_do_not_depend_on_key_order() -> None:
    fresh = changed(lambda d: (at(f"{BANDS}.good.min_score", 66)(d), at("category_weights.expertise", 0.4)(d)))
    turned = json.loads(json.dumps(fresh, sort_keys=True))
    turned[BANDS] = {band: turned[BANDS][band] for band in fresh[BANDS]}
    assert [d.path for d in differences(OLD, fresh)] == sorted(d.path for d in differences(OLD, turned))


def test_the_inputs_stay_as_they_are() -> None:
    old, fresh = copy.deepcopy(OLD), changed(reordered)
    kept = copy.deepcopy(fresh)
    differences(old, fresh)
    assert old == OLD
    assert list(fresh[BANDS]) == list(kept[BANDS])
