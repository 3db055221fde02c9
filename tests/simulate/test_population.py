from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import pytest

from calibgit.engine.table import COLUMNS
from calibgit.model import semantics
from calibgit.model.config import read_config
from calibgit.model.settings import Analysis
from calibgit.simulate.population import FLAG_TYPES, HEALTHY, Faults, simulate
from tests.support.results import CONFIG, ROOT

START = dt.date(2024, 1, 1)
OTHER: dict[str, Any] = {
    "schema": "calibgit/scoring-config/1",
    "logic_version": "2.3.4",
    "score_range": {"min": 1, "max": 10},
    "category_weights": {"a": 2, "b": 1},
    "deal_breaker_penalties": {"severe_violation": -2},
    "compatibility_thresholds": {"top": {"min_score": 7}, "middle": {"min_score": 4}, "low": {"min_score": 1}},
    "red_flag_severity_thresholds": {"severe": {"min_occurrences": 1}},
    "scoring_adjustments": {},
    "metadata": {},
}


def draw(
    rows: int = 3000, faults: Faults = HEALTHY, config: dict[str, Any] = CONFIG, seed: int = 7
) -> list[dict[str, Any]]:
    return list(simulate(config, rows=rows, seed=seed, start=START, days=30, faults=faults))


def share(rows: list[dict[str, Any]], test: Any) -> float:
    return sum(bool(test(row)) for row in rows) / len(rows)


def implied(row: dict[str, Any], config: dict[str, Any]) -> str:
    counts: dict[str, int] = {}
    for flag in row["red_flags"]:
        counts[flag["severity"]] = counts.get(flag["severity"], 0) + 1
    return semantics.evaluate(
        config, semantics.Assessment(row["category_scores"], row["confidence_score"], counts)
    ).band


def test_the_demonstration_config_is_sound() -> None:
    read_config((ROOT / "configs/scoring_config_v1.0.0.json").read_bytes(), "config")
    assert semantics.faults(OTHER) == []


def test_the_same_seed_gives_the_same_bytes() -> None:
    def digest(seed: int) -> str:
        return hashlib.sha256(json.dumps(draw(200, seed=seed)).encode()).hexdigest()

    assert digest(1) == digest(1) != digest(2)


def test_the_stream_is_frozen() -> None:
    """Documents that quote simulated numbers rely on it."""
    digest = hashlib.sha256(json.dumps(draw(200)).encode()).hexdigest()
    assert digest == "1914b4ed2d565102eaa4e6cd539bc3165aafe1ff1ce9c35628c1b852d0707b4e"


@pytest.mark.parametrize("config", [CONFIG, OTHER], ids=["demo", "other"])
def test_recorded_band_and_score_are_what_the_config_implies(config: dict[str, Any]) -> None:
    for row in draw(500, config=config):
        assert row["category"] == implied(row, config)
        assert config["score_range"]["min"] <= row["overall_score"] <= config["score_range"]["max"]
        assert set(COLUMNS) == set(row)
        assert row["logic_version"] == config["logic_version"]


def test_a_healthy_population_keeps_the_default_limits() -> None:
    rows = draw()
    limits: Any = Analysis()
    for band in CONFIG["compatibility_thresholds"]:
        found = share(rows, lambda row, band=band: row["category"] == band)
        assert limits.class_share.min + 0.005 < found < limits.class_share.max - 0.02
    for name in FLAG_TYPES:
        assert share(rows, lambda row, name=name: name in {f["type"] for f in row["red_flags"]}) < 0.15
    assert (
        share(rows, lambda row: "critical" in {f["severity"] for f in row["red_flags"]})
        < limits.critical_flag_share.max / 2
    )
    assert share(rows, lambda row: row["escalation_reason"]) < limits.escalation_rate.max - 0.03
    assert share(rows, lambda row: row["data_sufficiency"] is False) < limits.insufficient_rate.max - 0.05
    assert share(rows, lambda row: row["data_sufficiency"] is None) < limits.absent_rate.max / 2
    known = [row for row in rows if row["outcome"] is not None]
    for low, high in ((0.5, 0.7), (0.7, 0.8), (0.8, 1.0)):
        part = [row for row in known if low <= row["confidence_score"] < high]
        gap = sum(row["outcome"] - row["confidence_score"] for row in part) / len(part)
        assert abs(gap) < limits.confidence_gap


def test_times_lie_in_the_days_asked_for() -> None:
    times = [row["created_at"] for row in draw(300)]
    assert times == sorted(times)
    assert times[0].startswith("2024-01-01T")
    assert "2024-01-30T00:00:00Z" < times[-1] < "2024-01-31T00:00:00Z"


def test_faults_do_what_they_say() -> None:
    piled = draw(faults=Faults(pile_up_at=65, pile_up_share=0.1))
    near = share(piled, lambda row: 65 <= row["overall_score"] <= 68)
    assert near > share(draw(), lambda row: 65 <= row["overall_score"] <= 68) + 0.07
    flagged = draw(faults=Faults(flag_type="evasion", flag_rate=0.45))
    assert 0.42 < share(flagged, lambda row: "evasion" in {f["type"] for f in row["red_flags"]}) < 0.48
    assert 0.27 < share(draw(faults=Faults(escalation_rate=0.3)), lambda row: row["escalation_reason"]) < 0.33
    wrong = draw(faults=Faults(label_disagreement=0.04))
    assert 0.025 < share(wrong, lambda row: row["category"] != implied(row, CONFIG)) < 0.055
    hot = [row for row in draw(faults=Faults(confidence_hot=0.15)) if row["outcome"] is not None]
    assert 0.08 < sum(row["confidence_score"] - row["outcome"] for row in hot) / len(hot) < 0.2
