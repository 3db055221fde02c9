"""Faults that a config's meaning once had elsewhere: dead limits, refused perfect rows, lexical versions."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from calibgit.model.ids import Version
from calibgit.model.semantics import FLAG_GATE, Assessment, evaluate

CONFIG: dict[str, Any] = json.loads((Path(__file__).parents[2] / "configs/scoring_config_v1.0.0.json").read_bytes())
PERFECT = dict.fromkeys((name for name in CONFIG["category_weights"] if name != "default"), 100.0)


def band(config: dict[str, Any], **parts: Any) -> str:
    return evaluate(config, Assessment(**{"category_scores": PERFECT, "confidence": 0.95, "flags": {}, **parts})).band


def test_a_perfect_row_is_in_the_best_band() -> None:
    assert band(CONFIG) == next(iter(CONFIG["compatibility_thresholds"]))


GATES = [
    (name, key, limit)
    for name, row in list(CONFIG["compatibility_thresholds"].items())[:-1]
    for key, limit in row.items()
    if key.startswith(FLAG_GATE)
]


@pytest.mark.parametrize(("name", "key", "limit"), GATES)
def test_no_flag_limit_is_dead(name: str, key: str, limit: int) -> None:
    """One flag more than a band allows leads out of it."""
    severity = key.removeprefix(FLAG_GATE)
    config = copy.deepcopy(CONFIG)
    config["deal_breaker_penalties"] = {}
    config["red_flag_severity_thresholds"][severity]["min_occurrences"] = 1
    order = list(config["compatibility_thresholds"])
    assert order.index(band(config, flags={severity: limit})) <= order.index(name)
    assert order.index(band(config, flags={severity: limit + 1})) > order.index(name)


@pytest.mark.parametrize("severity", sorted(CONFIG["red_flag_severity_thresholds"]))
def test_no_severity_rule_is_dead(severity: str) -> None:
    """The flags of a severity cost points from `min_occurrences` on, and not before."""
    least = CONFIG["red_flag_severity_thresholds"][severity]["min_occurrences"]
    scores = [evaluate(CONFIG, Assessment(PERFECT, 0.95, {severity: count})).score for count in (0, least - 1, least)]
    assert scores[0] == scores[1] > scores[2]


def test_versions_order_by_number_and_not_by_text() -> None:
    assert Version.parse("1.10.0") > Version.parse("1.9.0")
    assert Version.parse("10.0.0") > Version.parse("9.0.0")
