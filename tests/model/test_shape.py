"""The reader of shipped schemas: `trust.toml` and configs, no more lenient than JSON Schema, and no keyword unknown."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from calibgit.errors import DocumentError
from calibgit.model import policy
from calibgit.model.schemas import schema_bytes
from calibgit.model.shape import _check, require_shape
from tests.model.test_policy import A, document

TRUST = json.loads(schema_bytes("trust"))
VALIDATOR = Draft202012Validator(TRUST)
JUNK: tuple[Any, ...] = (
    None, True, 0, 1, 2, -1, 1.5, "", "x", "a b", "@x", "a@b", [], [1], [""], ["x"], {}, {"x": 1}, {"": {}},
)  # fmt: skip


def whole() -> dict[str, Any]:
    """A policy in which every field stands."""
    value = document()
    value["people"]["alice"] |= {
        "accounts": [{"host": "git.example.org", "login": "alice", "id": 7}],
        "ended": [{"key": A, "from_seq": 2, "compromised": True}],
    }
    value["roles"]["activate"]["non_author"] = True
    return value


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


def mutants(value: Any) -> Iterator[Any]:
    """The value with every place replaced, removed, or given one more name."""
    for path in list(places(value))[1:]:
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
            if isinstance(place, dict) and junk is not ...:
                place["more"] = place.pop(path[-1])
                yield changed


def fits(value: Any) -> bool:
    try:
        require_shape("trust", value, "trust.toml")
    except DocumentError:
        return False
    return True


def test_a_policy_is_judged_as_json_schema_judges_it() -> None:
    assert fits(whole())
    refused = 0
    for mutant in mutants(whole()):
        assert fits(mutant) == VALIDATOR.is_valid(mutant), mutant
        refused += not fits(mutant)
    assert refused > 500


@pytest.mark.parametrize("value", [1.0, math.inf, math.nan, True])
def test_no_other_spelling_of_a_whole_number(value: float) -> None:
    changed = whole()
    changed["roles"]["policy"]["threshold"] = value
    with pytest.raises(DocumentError, match=r"SCHEMA.*roles\.policy\.threshold"):
        require_shape("trust", changed, "trust.toml")


def test_a_text_with_a_newline_at_its_end_does_not_fit() -> None:
    changed = whole()
    changed["branch"] = "main\n"
    with pytest.raises(DocumentError, match="branch"):
        require_shape("trust", changed, "trust.toml")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 3},
        {"type": "integer", "exclusiveMinimum": 3},
        {"type": "array", "items": {"type": "null"}, "uniqueItems": True},
        {"type": "object", "additionalProperties": False, "dependentRequired": {}},
        {"anyOf": [], "not": {}},
        {"type": "boolean", "const": True},
        {"type": "string", "pattern": "^a"},
    ],
)
def test_a_keyword_that_would_be_overlooked_stops_the_program(schema: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        _check(schema, {})


@pytest.mark.parametrize("name", ["Account", "KeyEnd", "Person", "Place", "Grant", "Policy"])
def test_the_policy_has_the_fields_of_its_schema(name: str) -> None:
    schema = TRUST["$defs"].get(name, TRUST)
    fields = {each.name: each for each in dataclasses.fields(getattr(policy, name))}
    assert fields.keys() == schema["properties"].keys() - {"schema"}
    required = {field for field, each in fields.items() if each.default is dataclasses.MISSING}
    assert required == set(schema["required"]) - {"schema"}
    defaults = {field: each["default"] for field, each in schema["properties"].items() if "default" in each}
    assert defaults == {
        field: list(each.default) if each.default == () else each.default
        for field, each in fields.items()
        if each.default is not dataclasses.MISSING
    }
