"""The one meaning of a config: every rule on its own, all small tables exhaustively, generated configs at large."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.model import semantics
from calibgit.model.config import ScoringConfig
from calibgit.model.semantics import Assessment, Gates

ROOT = Path(__file__).parents[2]
Config = dict[str, Any]


def shipped() -> Config:
    value: Config = json.loads((ROOT / "configs/scoring_config_v1.0.0.json").read_text(encoding="utf-8"))
    return value


def tiny(**parts: Any) -> Config:
    """Two bands over 0 to 100 and nothing else; `parts` replace whole sections."""
    return {
        "schema": "calibgit/scoring-config/1",
        "logic_version": "1.0.0",
        "score_range": {"min": 0, "max": 100},
        "category_weights": {"a": 1},
        "deal_breaker_penalties": {},
        "compatibility_thresholds": {"high": {"min_score": 50}, "low": {"min_score": 0}},
        "red_flag_severity_thresholds": {},
        "scoring_adjustments": {},
        "metadata": {},
        **parts,
    }


# --- rules 1 to 5, one by one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "scores", "expected"),
    [
        ({"a": 1, "b": 3}, {"a": 80, "b": 40}, 50),
        ({"a": 2, "b": 6}, {"a": 80, "b": 40}, 50),
        ({"a": 1, "b": 3}, {"a": 80}, 80),
        ({"a": 1}, {"a": 80, "unknown": 0}, 80),
        ({"a": 1, "default": 1}, {"a": 80, "unknown": 0}, 40),
        ({"default": 2}, {"x": 30, "y": 60}, 45),
        ({"a": 0, "b": 1}, {"a": 100, "b": 10}, 10),
        ({"a": 1, "default": 5}, {"a": 70}, 70),
    ],
)
def test_the_composite_is_the_mean_weighted_over_the_categories_that_are_there(
    weights: Mapping[str, float], scores: Mapping[str, float], expected: float
) -> None:
    assert semantics.composite(tiny(category_weights=weights), scores) == expected


@pytest.mark.parametrize(("weights", "scores"), [({}, {"a": 90}), ({"a": 0}, {"a": 90}), ({"a": 1}, {}), ({}, {})])
def test_without_a_weighted_category_the_composite_is_the_bottom_of_the_range(
    weights: Mapping[str, float], scores: Mapping[str, float]
) -> None:
    config = tiny(category_weights=weights, score_range={"min": 1, "max": 10})
    assert semantics.composite(config, scores) == 1


def test_a_category_called_default_is_scored_with_the_default_weight() -> None:
    assert semantics.composite(tiny(category_weights={"default": 1}), {"default": 30, "x": 60}) == 45


@pytest.mark.parametrize("minimum", [1, 2, 3])
@pytest.mark.parametrize("count", range(5))
def test_flags_of_a_severity_count_all_together_from_their_least_number_on(minimum: int, count: int) -> None:
    config = tiny(red_flag_severity_thresholds={"high": {"min_occurrences": minimum}})
    expected = {"high": count} if count >= minimum and count > 0 else {}
    assert semantics.effective_flags(config, {"high": count}) == expected


def test_a_severity_without_a_rule_counts_from_the_first_flag() -> None:
    assert semantics.effective_flags(tiny(), {"odd": 1, "none": 0}) == {"odd": 1}


def test_every_effective_flag_adds_its_severity_s_penalty() -> None:
    config = tiny(deal_breaker_penalties={"high_violation": -8, "low_violation": -1})
    assert semantics.penalty(config, {"high": 2, "low": 3, "unpriced": 7}) == -19
    assert semantics.penalty(config, {}) == 0


def test_flags_below_their_least_number_cost_nothing() -> None:
    config = tiny(
        deal_breaker_penalties={"high_violation": -8},
        red_flag_severity_thresholds={"high": {"min_occurrences": 2}},
    )
    scores = {"a": 60}
    assert semantics.score(config, Assessment(scores, flags={"high": 1})) == 60
    assert semantics.score(config, Assessment(scores, flags={"high": 2})) == 44


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (1, 5), (0.5, 2.5), (9, 5), (-1, -4), (-9, -4), (-0.2, -1)])
def test_an_adjustment_is_weight_times_value_inside_its_bounds(value: float, expected: float) -> None:
    config = tiny(scoring_adjustments={"c": {"weight": 5, "min": -4, "max": 5}})
    assert semantics.adjustment(config, {"c": value}) == expected


def test_an_adjustment_without_input_adds_nothing_even_where_its_bounds_exclude_zero() -> None:
    config = tiny(scoring_adjustments={"c": {"weight": 5, "min": 1, "max": 5}})
    assert semantics.adjustment(config, {}) == 0
    assert semantics.adjustment(config, {"unknown": 3}) == 0
    assert semantics.adjustment(config, {"c": 0}) == 1


def test_adjustments_add_up() -> None:
    rule = {"weight": 1, "min": -10, "max": 10}
    config = tiny(scoring_adjustments={"c": rule, "d": rule})
    assert semantics.adjustment(config, {"c": 3, "d": -1}) == 2


@pytest.mark.parametrize(
    ("score", "bump", "expected"), [(95, 50, 100), (5, -50, 0), (50, 0, 50), (100, 0, 100), (0, 0, 0)]
)
def test_the_score_is_held_inside_the_range(score: float, bump: float, expected: float) -> None:
    config = tiny(scoring_adjustments={"c": {"weight": 1, "min": -99, "max": 99}})
    assert semantics.score(config, Assessment({"a": score}, adjustments={"c": bump})) == expected


@pytest.mark.parametrize(("score", "expected"), [(64.994, 64.99), (64.996, 65.0), (64.9949, 64.99), (33.333333, 33.33)])
def test_the_score_is_rounded_to_two_decimals_before_any_gate_sees_it(score: float, expected: float) -> None:
    thresholds = {"high": {"min_score": 65}, "low": {"min_score": 0}}
    verdict = semantics.evaluate(tiny(compatibility_thresholds=thresholds), Assessment({"a": score}))
    assert verdict.score == expected
    assert verdict.band == ("high" if expected >= 65 else "low")


def test_a_score_without_recorded_flags_has_no_penalty() -> None:
    config = tiny(deal_breaker_penalties={"high_violation": -8})
    assert semantics.score(config, Assessment({"a": 60}, flags=None)) == 60


# --- rule 6 ---------------------------------------------------------------------------------------------------------


def test_missing_values_pass_only_where_no_gate_asks_for_them() -> None:
    table = Gates(("a", "b", "c"), (2.0, 1.0, 0.0), (0.5, None, None), {"high": (0, 2, None)})
    assert semantics.confidence_cap(table, None) == 1
    assert semantics.flag_cap(table, None) == 2
    assert semantics.flag_cap(table, {}) == 0
    assert semantics.flag_cap(table, {"unknown": 9}) == 0


def test_the_last_band_lets_everything_through() -> None:
    table = Gates(("a", "b"), (2.0, 0.0), (0.5, 0.0), {"high": (0, 999)})
    assert semantics.band_index(table, -1.0, None, None) == 1
    assert semantics.band_index(table, 5.0, 0.9, {"high": 10_000}) == 1


def test_a_gate_is_passed_at_its_very_limit() -> None:
    table = Gates(("a", "b"), (50.0, 0.0), (0.5, None), {"high": (2, None)})
    assert semantics.band_index(table, 50.0, 0.5, {"high": 2}) == 0
    assert semantics.band_index(table, 49.99, 0.5, {"high": 2}) == 1
    assert semantics.band_index(table, 50.0, 0.4999, {"high": 2}) == 1
    assert semantics.band_index(table, 50.0, 0.5, {"high": 3}) == 1


def test_only_an_effective_flag_of_an_escalating_severity_escalates() -> None:
    rules = {
        "critical": {"min_occurrences": 2, "auto_escalate": True},
        "high": {"min_occurrences": 1, "auto_escalate": False},
    }
    config = tiny(red_flag_severity_thresholds=rules)
    escalates = {
        json.dumps(flags): semantics.evaluate(config, Assessment({"a": 60}, flags=flags)).escalate
        for flags in ({}, {"high": 5}, {"critical": 1}, {"critical": 2}, {"unknown": 3}, None)
    }
    assert [text for text, escalated in escalates.items() if escalated] == ['{"critical": 2}']


def reference(table: Gates, score: float, confidence: float | None, flags: Mapping[str, int] | None) -> int:
    """The first band whose every gate passes; the last one asks for nothing."""
    for index in range(len(table.bands) - 1):
        limit = table.confidence[index]
        passes = score >= table.cuts[index]
        passes &= limit is None or (confidence is not None and confidence >= limit)
        for severity, limits in table.flags.items():
            most = limits[index]
            passes &= most is None or (flags is not None and flags.get(severity, 0) <= most)
        if passes:
            return index
    return len(table.bands) - 1


def _config_of(table: Gates, low: float, high: float) -> Config:
    rows: Config = {}
    for index, band in enumerate(table.bands):
        row: Config = {"min_score": table.cuts[index]}
        if table.confidence[index] is not None:
            row["min_confidence"] = table.confidence[index]
        row |= {f"max_red_flags_{s}": limits[index] for s, limits in table.flags.items() if limits[index] is not None}
        rows[band] = row
    return tiny(compatibility_thresholds=rows, score_range={"min": low, "max": high})


def sound_by_definition(table: Gates, low: float, high: float) -> bool:
    """Soundness in the words of the documentation, checked in the plainest way."""
    inf = float("inf")
    confidence = [-inf if limit is None else limit for limit in table.confidence]
    ladders = [[inf if limit is None else limit for limit in limits] for limits in table.flags.values()]
    return (
        low < high
        and all(better > worse for better, worse in itertools.pairwise(table.cuts))
        and all(low <= cut <= high for cut in table.cuts)
        and table.cuts[-1] == low
        and all(better >= worse for better, worse in itertools.pairwise(confidence))
        and confidence[-1] <= 0
        and all(better <= worse for ladder in ladders for better, worse in itertools.pairwise(ladder))
        and all(ladder[-1] >= semantics.UNLIMITED_FLAGS for ladder in ladders)
    )


def small_tables() -> list[Gates]:
    cuts = list(itertools.product((0.0, 1.0, 2.0), repeat=3))
    gates = list(itertools.product((None, 0, 0.5), repeat=3))
    flags = list(itertools.product((None, 0, 1), repeat=3))
    names = ("x", "y", "z")
    return [Gates(names, c, g, {"s": f}) for c in cuts for g in gates for f in flags]


def test_faults_names_every_unsound_small_table_and_no_sound_one() -> None:
    sound = 0
    for table in small_tables():
        config = _config_of(table, 0, 2)
        read = semantics.gates(config)
        assert (semantics.faults(config) == []) == sound_by_definition(read, 0, 2), config
        sound += sound_by_definition(read, 0, 2)
    assert sound > 10


def test_on_every_sound_small_table_the_band_is_the_first_whose_gates_all_pass() -> None:
    scores, confidences = (0.0, 0.5, 1.0, 1.5, 2.0), (None, 0.0, 0.3, 0.5, 1.0)
    flags: tuple[Mapping[str, int] | None, ...] = (None, {}, {"s": 1}, {"s": 2}, {"other": 3})
    seen = 0
    for table in small_tables():
        read = semantics.gates(_config_of(table, 0, 2))
        if not sound_by_definition(read, 0, 2):
            continue
        for case in itertools.product(scores, confidences, flags):
            assert semantics.band_index(read, *case) == reference(read, *case), (read, case)
            seen += 1
    assert seen > 1000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score_range": {"min": 5, "max": 5}}, "score_range"),
        ({"score_range": {"min": 9, "max": 5}}, "score_range"),
        ({"compatibility_thresholds": {"h": {"min_score": 0}, "l": {"min_score": 0}}}, "h.min_score"),
        ({"compatibility_thresholds": {"h": {"min_score": 101}, "l": {"min_score": 0}}}, "outside"),
        ({"compatibility_thresholds": {"h": {"min_score": 9}, "l": {"min_score": -1}}}, "outside"),
        ({"compatibility_thresholds": {"h": {"min_score": 9}, "l": {"min_score": 1}}}, "without a band"),
    ],
)
def test_a_fault_names_the_place(change: Config, words: str) -> None:
    assert any(words in fault for fault in semantics.faults(tiny(**change)))


def test_the_shipped_config_is_sound() -> None:
    assert semantics.faults(shipped()) == []


# --- generated configs: range, names and bands are data --------------------------------------------------------------

RANGES = ((0, 100), (1, 10), (0, 1))
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True)


@st.composite
def sound_configs(draw: st.DrawFn) -> Config:
    low, high = draw(st.sampled_from(RANGES))
    count = draw(st.integers(2, 6))
    bands = draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))
    inner = draw(st.lists(st.integers(1, 100), min_size=count - 1, max_size=count - 1, unique=True))
    cuts = [low + (high - low) * part / 100 for part in sorted(inner, reverse=True)] + [low]
    severities = draw(st.lists(NAMES, max_size=3, unique=True))
    rows: Config = {band: {"min_score": cut} for band, cut in zip(bands, cuts, strict=True)}
    asking = draw(st.integers(0, count - 1))
    steps = sorted(draw(st.lists(st.integers(0, 100), min_size=asking, max_size=asking)), reverse=True)
    for band, step in zip(bands, steps, strict=False):
        rows[band]["min_confidence"] = step / 100
    for severity in severities:
        asking = draw(st.integers(0, count - 1))
        limits = sorted(draw(st.lists(st.integers(0, 4), min_size=asking, max_size=asking)))
        for band, limit in zip(bands, limits, strict=False):
            rows[band][f"max_red_flags_{severity}"] = limit
    return tiny(
        score_range={"min": low, "max": high},
        category_weights=draw(st.dictionaries(NAMES | st.just("default"), st.integers(0, 9), max_size=4)),
        deal_breaker_penalties={f"{s}_violation": -draw(st.integers(0, 5)) * (high - low) / 100 for s in severities},
        compatibility_thresholds=rows,
        red_flag_severity_thresholds={
            s: {"min_occurrences": draw(st.integers(1, 3)), "auto_escalate": draw(st.booleans())} for s in severities
        },
        scoring_adjustments=draw(st.dictionaries(NAMES, st.just({"weight": 1, "min": -1, "max": 1}), max_size=2)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Config, Assessment]:
    config = draw(sound_configs())
    low, high = config["score_range"]["min"], config["score_range"]["max"]
    names = [*config["category_weights"], "extra"]
    severities = [*config["red_flag_severity_thresholds"], "extra"]
    level = st.integers(0, 400).map(lambda part: low + (high - low) * part / 400)
    flags = draw(st.none() | st.dictionaries(st.sampled_from(severities), st.integers(0, 6)))
    confidence = draw(st.none() | st.integers(0, 100).map(lambda part: part / 100))
    inputs = st.dictionaries(st.sampled_from([*config["scoring_adjustments"], "extra"]), st.floats(-3, 3))
    return config, Assessment(draw(st.dictionaries(st.sampled_from(names), level)), confidence, flags, draw(inputs))


@given(cases())
def test_a_verdict_follows_the_plain_reading_of_the_rules(case: tuple[Config, Assessment]) -> None:
    config, assessment = case
    assert semantics.faults(config) == []
    ScoringConfig.of(config, "generated")
    weights, rules = config["category_weights"], config["red_flag_severity_thresholds"]
    weighted = [(weights.get(name, weights.get("default", 0)), s) for name, s in assessment.category_scores.items()]
    total = sum(weight for weight, _ in weighted)
    low, high = config["score_range"]["min"], config["score_range"]["max"]
    expected = sum(weight * s for weight, s in weighted) / total if total else low
    counting = {
        name: n
        for name, n in (assessment.flags or {}).items()
        if n > 0 and n >= (rules[name]["min_occurrences"] if name in rules else 1)
    }
    expected += sum(n * config["deal_breaker_penalties"].get(f"{name}_violation", 0) for name, n in counting.items())
    expected += sum(
        max(-1, min(1, v)) for name, v in assessment.adjustments.items() if name in config["scoring_adjustments"]
    )
    verdict = semantics.evaluate(config, assessment)
    table = semantics.gates(config)
    assert verdict.score == pytest.approx(max(low, min(high, expected)), abs=0.00501)
    flags = None if assessment.flags is None else counting
    assert verdict.band == table.bands[reference(table, verdict.score, assessment.confidence, flags)]
    assert verdict.escalate == any(rules.get(name, {}).get("auto_escalate", False) for name in counting)


@given(cases())
def test_a_band_is_the_worst_of_the_caps_and_never_better_than_any(case: tuple[Config, Assessment]) -> None:
    config, assessment = case
    order = list(config["compatibility_thresholds"])
    verdict = semantics.evaluate(config, assessment)
    places = [order.index(band) for band in verdict.caps.values()]
    assert set(verdict.caps) == {"score", "confidence", "flags"}
    assert order.index(verdict.band) == max(places)


@given(sound_configs(), st.data())
def test_more_score_more_confidence_or_fewer_flags_never_make_a_band_worse(config: Config, data: st.DataObject) -> None:
    table = semantics.gates(config)
    low, high = config["score_range"]["min"], config["score_range"]["max"]
    scores = sorted(data.draw(st.lists(st.floats(low, high), min_size=2, max_size=2)))
    confidences = sorted(data.draw(st.lists(st.floats(0, 1), min_size=2, max_size=2)))
    less = {severity: data.draw(st.integers(0, 5)) for severity in table.flags}
    more = {severity: n + data.draw(st.integers(0, 3)) for severity, n in less.items()}
    best = semantics.band_index(table, scores[1], confidences[1], less)
    assert best <= semantics.band_index(table, scores[0], confidences[1], less)
    assert best <= semantics.band_index(table, scores[1], confidences[0], less)
    assert best <= semantics.band_index(table, scores[1], confidences[1], more)
    assert best <= semantics.band_index(table, scores[1], None, less)
    assert best <= semantics.band_index(table, scores[1], confidences[1], None)


@given(sound_configs(), st.data())
def test_better_category_scores_never_lower_the_score(config: Config, data: st.DataObject) -> None:
    low, high = config["score_range"]["min"], config["score_range"]["max"]
    level = st.integers(0, 100).map(lambda part: low + (high - low) * part / 100)
    scores = data.draw(st.dictionaries(st.sampled_from([*config["category_weights"], "extra"]), level, min_size=1))
    raised = {name: max(value, data.draw(level)) for name, value in scores.items()}
    assert semantics.score(config, Assessment(scores)) <= semantics.score(config, Assessment(raised))


@given(sound_configs(), st.data())
def test_faults_finds_each_single_disorder_in_a_sound_config(config: Config, data: st.DataObject) -> None:
    rows = config["compatibility_thresholds"]
    bands = list(rows)
    worse = data.draw(st.integers(1, len(bands) - 1))
    better, below = rows[bands[worse - 1]], rows[bands[worse]]
    disorder = data.draw(st.sampled_from(["equal cuts", "stricter confidence", "stricter flags", "uncovered bottom"]))
    if disorder == "equal cuts":
        better["min_score"] = below["min_score"]
    elif disorder == "stricter confidence":
        better["min_confidence"], below["min_confidence"] = 0.2, 0.3
    elif disorder == "stricter flags":
        better["max_red_flags_new"], below["max_red_flags_new"] = 2, 1
    else:
        rows[bands[-1]]["min_score"] += 0.001
    assert semantics.faults(config) != []
