"""The scoring config document: what is accepted, and each refusal with its code and place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import DocumentError
from calibgit.model.config import ScoringConfig, read_config
from calibgit.model.config_data import MAX_CONFIG_BYTES

ROOT = Path(__file__).parents[2]
RAW = (ROOT / "configs/scoring_config_v1.0.0.json").read_bytes()
Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> bytes:
    value = json.loads(RAW)
    edit(value)
    return json.dumps(value).encode()


def at(path: str, value: Any) -> Edit:
    """Set the dotted `path` to `value`."""

    def edit(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        document[last] = value

    return edit


def without(path: str) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            document = document[name]
        del document[last]

    return edit


BANDS = "compatibility_thresholds"
RULES = "red_flag_severity_thresholds"
BAD: dict[str, tuple[Edit, str, str]] = {
    "another schema": (at("schema", "calibgit/scoring-config/2"), "SCHEMA", "schema"),
    "no schema": (without("schema"), "SCHEMA", "schema"),
    "schema under its Python name": (lambda d: d.update(schema_=d.pop("schema")), "SCHEMA", "schema"),
    "unknown key": (at("extra", 1), "SCHEMA", "extra"),
    "no version": (without("logic_version"), "SCHEMA", "logic_version"),
    "two-part version": (at("logic_version", "1.0"), "SCHEMA", "logic_version"),
    "version with a leading zero": (at("logic_version", "01.0.0"), "SCHEMA", "logic_version"),
    "version in other digits": (at("logic_version", "١.0.0"), "SCHEMA", "logic_version"),
    "version with a newline": (at("logic_version", "1.0.0\n"), "SCHEMA", "logic_version"),
    "version as a number": (at("logic_version", 1), "SCHEMA", "logic_version"),
    "range with a text": (at("score_range.min", "0"), "SCHEMA", "score_range.min"),
    "range with a truth value": (at("score_range.min", False), "SCHEMA", "score_range.min"),
    "range without an end": (without("score_range.max"), "SCHEMA", "score_range.max"),
    "range upside down": (at("score_range.max", -5), "CONFIG_MEANING", "score_range"),
    "negative weight": (at("category_weights.expertise", -0.1), "SCHEMA", "category_weights.expertise"),
    "weight as text": (at("category_weights.expertise", "1"), "SCHEMA", "category_weights.expertise"),
    "empty category name": (at("category_weights", {"": 1}), "SCHEMA", "category_weights"),
    "category name with a space": (at("category_weights", {"a b": 1}), "SCHEMA", "category_weights"),
    "category name with a newline": (at("category_weights", {"a\n": 1}), "SCHEMA", "category_weights"),
    "category name too long": (at("category_weights", {"a" * 65: 1}), "SCHEMA", "category_weights"),
    "positive penalty": (at("deal_breaker_penalties.high_violation", 1), "SCHEMA", "high_violation"),
    "one band": (at(BANDS, {"only": {"min_score": 0}}), "SCHEMA", BANDS),
    "band without a cut": (without(f"{BANDS}.good.min_score"), "SCHEMA", "good.min_score"),
    "unknown gate": (at(f"{BANDS}.good.min_age", 3), "SCHEMA", "good"),
    "gate without a severity": (at(f"{BANDS}.good.max_red_flags_", 3), "SCHEMA", "good"),
    "gate with an odd severity": (at(f"{BANDS}.excellent.max_red_flags_é", 3), "SCHEMA", "excellent"),
    "negative flag limit": (at(f"{BANDS}.good.max_red_flags_high", -1), "SCHEMA", "max_red_flags_high"),
    "half a flag": (at(f"{BANDS}.good.max_red_flags_high", 0.5), "SCHEMA", "max_red_flags_high"),
    "truth value as flag limit": (at(f"{BANDS}.good.max_red_flags_high", True), "SCHEMA", "max_red_flags_high"),
    "confidence above one": (at(f"{BANDS}.good.min_confidence", 1.1), "SCHEMA", "min_confidence"),
    "confidence below zero": (at(f"{BANDS}.good.min_confidence", -0.1), "SCHEMA", "min_confidence"),
    "bands out of order": (at(f"{BANDS}.good.min_score", 99), "CONFIG_MEANING", "excellent"),
    "two equal cuts": (at(f"{BANDS}.good.min_score", 45), "CONFIG_MEANING", "good"),
    "cut outside the range": (at(f"{BANDS}.excellent.min_score", 100.5), "CONFIG_MEANING", "outside"),
    "uncovered bottom": (at(f"{BANDS}.poor.min_score", 1), "CONFIG_MEANING", "without a band"),
    "stricter gate further down": (at(f"{BANDS}.fair.min_confidence", 0.65), "CONFIG_MEANING", "fair"),
    "stricter flags further down": (at(f"{BANDS}.weak.max_red_flags_high", 1), "CONFIG_MEANING", "weak"),
    "last band that asks": (at(f"{BANDS}.poor.min_confidence", 0.1), "CONFIG_MEANING", "poor"),
    "zero occurrences": (at(f"{RULES}.high.min_occurrences", 0), "SCHEMA", "min_occurrences"),
    "escalation as text": (at(f"{RULES}.high.auto_escalate", "no"), "SCHEMA", "auto_escalate"),
    "escalation as a number": (at(f"{RULES}.high.auto_escalate", 0), "SCHEMA", "auto_escalate"),
    "adjustment without bounds": (without("scoring_adjustments.consistency.max"), "SCHEMA", "consistency.max"),
    "metadata as a list": (at("metadata", []), "SCHEMA", "metadata"),
    "no metadata": (without("metadata"), "SCHEMA", "metadata"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_config_is_refused_with_its_code_and_place(name: str) -> None:
    edit, code, place = BAD[name]
    with pytest.raises(DocumentError) as caught:
        read_config(edited(edit), "the config")
    assert caught.value.code == code
    assert place in caught.value.what
    assert caught.value.what.startswith("the config")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NOT_JSON"),
        (b"[]", "SCHEMA"),
        (b"null", "SCHEMA"),
        (b"1", "SCHEMA"),
        (RAW + b" ", None),
        (b"\xef\xbb\xbf" + RAW, "NOT_JSON"),
        (RAW.replace(b"expertise", b"\xff"), "NOT_UTF8"),
        (RAW.replace(b'"min": 0', b'"min": NaN'), "NOT_JSON"),
        (RAW.replace(b'"min": 0', b'"min": 0, "min": 0'), "NOT_JSON"),
        (RAW.replace(b'"max": 100', b'"max": 1e999'), "NOT_JSON"),
        (RAW + b" " * MAX_CONFIG_BYTES, "TOO_LARGE"),
    ],
)
def test_bytes_that_are_no_config_are_refused_by_name(data: bytes, code: str | None) -> None:
    if code is None:
        assert read_config(data, "the config")[0].version == (1, 0, 0)
        return
    with pytest.raises(DocumentError) as caught:
        read_config(data, "the config")
    assert caught.value.code == code


def test_a_refusal_names_the_first_field_and_counts_the_rest() -> None:
    with pytest.raises(DocumentError, match=r"\(and 1 more\)"):
        read_config(edited(lambda d: d.update(logic_version="x", metadata=3)), "c")


def test_the_order_of_the_bands_is_kept() -> None:
    config, value = read_config(RAW, "c")
    assert config.bands == ("excellent", "good", "fair", "weak", "poor") == tuple(value["compatibility_thresholds"])


def test_a_config_cannot_be_changed() -> None:
    config, _ = read_config(RAW, "c")
    with pytest.raises(ValueError, match="frozen"):
        config.logic_version = "9.9.9"  # type: ignore[misc]
    with pytest.raises(ValueError, match="frozen"):
        config.compatibility_thresholds["good"].min_score = 1  # type: ignore[misc]


def test_a_config_s_data_is_what_was_read() -> None:
    config, value = read_config(RAW, "c")
    assert config.data() == value
    assert ScoringConfig.read(config.pretty(), "again") == config
    assert json.loads(config.pretty()) == json.loads(RAW)


@pytest.mark.parametrize(("low", "high"), [(0, 100), (1, 10), (0, 1), (-5.5, 5.5)])
def test_the_score_range_and_the_bands_are_data(low: float, high: float) -> None:
    def edit(document: dict[str, Any]) -> None:
        middle = (low + high) / 2
        document["score_range"] = {"min": low, "max": high}
        document["compatibility_thresholds"] = {"yes": {"min_score": middle}, "no": {"min_score": low}}

    assert read_config(edited(edit), "c")[0].bands == ("yes", "no")
