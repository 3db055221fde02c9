"""The shipped JSON Schemas: golden, valid, and of one mind with the types."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from calibgit.errors import DocumentError, UsageError
from calibgit.model.config import ScoringConfig, read_config
from calibgit.model.contracts import broken, violations
from calibgit.model.schemas import DOCUMENTS, SHIPPED, generate, schema_bytes
from calibgit.model.shape import require_shape

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "calibgit/model/schema"
CONFIG = ROOT / "configs/scoring_config_v1.0.0.json"
JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 0.5, -0.5, 1e300, 2, "", "x", "1", "a b", "1.0.0", "01.0.0", [], [1], {}, {"x": 1},
    {"min_score": 1}, {"a": {}, "b": {}}, {"": 1}, {"a\tb": 1},
)  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_shipped_schema_is_what_the_types_say(name: str, golden: Callable[[Path, bytes], None]) -> None:
    golden(GOLDEN / f"{name}.schema.json", generate(name))
    assert schema_bytes(name) == generate(name)


def test_no_schema_is_shipped_that_no_type_stands_behind() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.schema.json" for name in SHIPPED}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_schema_is_a_valid_schema_that_names_itself_and_refers_only_to_itself(name: str) -> None:
    schema = json.loads(schema_bytes(name))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"calibgit/{name}/1"
    assert schema["properties"]["schema"]["const"] == f"calibgit/{name}/1"
    assert schema["additionalProperties"] is False
    assert all(reference.startswith("#/$defs/") for reference in _references(schema))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for item in schema.values():
            yield from _references(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def test_an_unknown_schema_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="UNKNOWN_SCHEMA"):
        schema_bytes("../config")


def test_the_example_config_is_the_one_that_init_writes_and_it_is_valid() -> None:
    data = CONFIG.read_bytes()
    assert data == (files("calibgit.jobs") / "templates" / "scoring_config.json").read_bytes()
    _, value = read_config(data, CONFIG.name)
    assert broken({"s": schema_bytes("scoring-config")}, value) == []
    contract = (files("calibgit.jobs") / "templates" / "contract.json").read_bytes()
    assert violations(contract, "contract", value) == []


VALIDATOR = Draft202012Validator(json.loads(schema_bytes("scoring-config")))


def by_schema(value: Any) -> bool:
    return VALIDATOR.is_valid(value)


def by_type(value: Any) -> bool:
    try:
        ScoringConfig.of(value, "c")
    except DocumentError:
        return False
    return True


def by_reader(value: Any) -> bool:
    """What the verification of the log asks, which loads no other library."""
    try:
        require_shape("scoring-config", value, "c")
    except DocumentError as error:
        assert error.code == "SCHEMA"  # noqa: PT017
        return False
    return True


def _agree(value: Any) -> None:
    assert by_reader(value) == by_type(value), value
    if by_schema(value) != by_type(value):
        # JSON Schema calls 1.0 an integer; the types ask for one spelling.
        assert by_schema(_whole_floats_as_text(value)) == by_type(value), value


def _whole_floats_as_text(value: Any) -> Any:
    """The value with every whole float where an integer belongs turned into something that no schema accepts."""
    changed = copy.deepcopy(value)
    for band in changed.get("compatibility_thresholds", {}).values():
        for key, item in band.items() if isinstance(band, dict) else ():
            if key.startswith("max_red_flags_") and isinstance(item, float):
                band[key] = "float"
    for rule in changed.get("red_flag_severity_thresholds", {}).values():
        if isinstance(rule, dict) and isinstance(rule.get("min_occurrences"), float):
            rule["min_occurrences"] = "float"
    return changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from _paths(item, (*path, key))


def _mutants(value: Any) -> Iterator[Any]:
    for path in _paths(value):
        if not path or path[0] == "metadata":
            continue
        for junk in (*JUNK, ...):
            changed = copy.deepcopy(value)
            place = changed
            for key in path[:-1]:
                place = place[key]
            if junk is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = copy.deepcopy(junk)
            yield changed
        for name in ("new", "schema_", "min_confidence", "max_red_flags_x", "max_red_flags_", "", "a b", "é"):
            changed = copy.deepcopy(value)
            place = changed
            for key in path:
                place = place[key]
            if isinstance(place, dict):
                place[name] = 0
                yield changed


def test_schema_and_type_accept_and_refuse_the_same_configs_under_every_single_change() -> None:
    value = json.loads(CONFIG.read_bytes())
    assert by_schema(value)
    assert by_type(value)
    refused = 0
    for mutant in _mutants(value):
        _agree(mutant)
        refused += not by_type(mutant)
    assert refused > 500


@pytest.mark.parametrize("value", JUNK)
def test_schema_and_type_refuse_what_is_no_config_at_all(value: Any) -> None:
    assert not by_schema(value)
    assert not by_type(value)
    assert not by_reader(value)


@given(
    st.dictionaries(
        st.sampled_from(["min_score", "min_confidence", "max_red_flags_high", "max_red_flags_é", "other"]),
        st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2),
    ),
    st.dictionaries(st.text(max_size=3).filter(lambda text: "\n" not in text), st.integers(-1, 1), max_size=2),
)
def test_schema_and_type_agree_on_generated_bands_and_weights(band: dict[str, Any], weights: dict[str, int]) -> None:
    value = json.loads(CONFIG.read_bytes())
    value["compatibility_thresholds"]["good"] = band
    value["category_weights"] = weights
    _agree(value)


@pytest.mark.parametrize(
    "contract",
    [
        b'{"$ref": "https://example.org/schema.json"}',
        b'{"$ref": "file:///etc/passwd"}',
        b'{"$ref": "#/$defs/nowhere"}',
        b'{"$ref": "#"}',
        b'{"type": "objekt"}',
        b'{"pattern": "("}',
        b'{"properties": {"metadata": {"patternProperties": {"[": {}}}}}',
        b"[]",
        b"3",
    ],
)
def test_a_contract_that_cannot_be_evaluated_is_refused_and_nothing_is_fetched(contract: bytes) -> None:
    with pytest.raises(DocumentError, match="CONTRACT_INVALID"):
        violations(contract, "contract", json.loads(CONFIG.read_bytes()))


@pytest.mark.parametrize(("contract", "code"), [(b"{", "NOT_JSON"), (b"\xff", "NOT_UTF8")])
def test_a_contract_that_is_not_json_is_refused(contract: bytes, code: str) -> None:
    with pytest.raises(DocumentError, match=code):
        violations(contract, "contract", {})


def test_broken_names_the_contract_and_the_place() -> None:
    contract = b'{"properties": {"score_range": {"properties": {"max": {"maximum": 10}}}}}'
    found = broken({"b.json": contract, "a.json": b"true", "c.json": b"false"}, json.loads(CONFIG.read_bytes()))
    assert found[0] == "b.json: score_range.max: 100 is greater than the maximum of 10"
    assert found[1].startswith("c.json: the config: ")
