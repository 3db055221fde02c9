"""Plain data against the shipped JSON Schema of its document. Standard library only, so that it is read at once.

What the verification of the log reads is checked here: `trust.toml` and the scoring configs. It is stricter than JSON
Schema in one thing, 1.0 is no integer, and it knows the keywords that these schemas use and no others.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from calibgit.errors import DocumentError

# Where something does not fit, outermost name first, and what is wrong there; None where everything fits.
Fault: TypeAlias = tuple[tuple[str, ...], str] | None
Check: TypeAlias = Callable[[Any], Fault]
_Node: TypeAlias = Mapping[str, Any]

_SCHEMAS = Path(__file__).with_name("schema")
_SPOKEN = frozenset({"$schema", "$id", "$defs", "title", "description", "default"})


def require_shape(document: str, value: Any, name: str) -> None:
    """Refuse data that does not keep the schema of `document`, for example `trust`.

    Raises:
        DocumentError: SCHEMA, naming the first field that does not fit. Values are not repeated.
    """
    fault = _schema(document)(value)
    if fault is not None:
        raise shape_error(name, ".".join(fault[0]), fault[1])


def shape_error(name: str, place: str, what: str) -> DocumentError:
    """The named refusal of the document `name`; an empty place is the document as a whole."""
    place = place or "the document"
    return DocumentError(
        "SCHEMA",
        f"{name}: {place}: {what}",
        why="A document that does not keep its schema could mean anything.",
        fix=f"mend {place} in {name}",
    )


@cache
def _schema(document: str) -> Check:
    schema = json.loads((_SCHEMAS / f"{document}.schema.json").read_bytes())
    return _check(schema, schema.get("$defs", {}))


def _check(node: _Node, definitions: Mapping[str, _Node]) -> Check:
    if "$ref" in node:
        return _check(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    if "anyOf" in node:
        _require_keywords(node, "anyOf")
        return _any_of([_check(each, definitions) for each in node["anyOf"]])
    if node["type"] == "object":
        return _table(node, definitions)
    if node["type"] == "array":
        _require_keywords(node, "type", "items", "minItems")
        return _list(_check(node["items"], definitions), node.get("minItems", 0))
    return _KINDS[node["type"]](node)


def _require_keywords(node: _Node, *known: str) -> None:
    unknown = node.keys() - _SPOKEN - set(known)
    if unknown:
        raise NotImplementedError(f"the keyword {min(unknown)} of a schema")


def _any_of(checks: list[Check]) -> Check:
    def check(value: Any) -> Fault:
        faults = [check(value) for check in checks]
        return None if None in faults else faults[0]

    return check


def _table(node: _Node, definitions: Mapping[str, _Node]) -> Check:
    _require_keywords(
        node, "type", "properties", "required", "patternProperties", "additionalProperties", "minProperties"
    )
    known = {name: _check(each, definitions) for name, each in node.get("properties", {}).items()}
    required, least = node.get("required", ()), node.get("minProperties", 0)
    patterns = [(_pattern(text), _check(each, definitions)) for text, each in node.get("patternProperties", {}).items()]
    rest = node["additionalProperties"]
    other = _anything if rest is True else _unknown if rest is False else _check(rest, definitions)

    def check(value: Any) -> Fault:
        if not isinstance(value, dict):
            return (), "it is not a table"
        if len(value) < least:
            return (), f"it has fewer than {least} entries"
        for name in required:
            if name not in value:
                return (name,), "it is missing"
        for name, item in value.items():
            fits = known.get(name) or next((each for pattern, each in patterns if pattern.fullmatch(name)), other)
            fault = fits(item)
            if fault is not None:
                return (str(name), *fault[0]), fault[1]
        return None

    return check


def _anything(_: Any) -> Fault:
    return None


def _unknown(_: Any) -> Fault:
    return (), "no such name is allowed here"


def _list(item: Check, least: int) -> Check:
    def check(value: Any) -> Fault:
        if not isinstance(value, list):
            return (), "it is not a list"
        if len(value) < least:
            return (), f"it has fewer than {least} entries"
        for place, each in enumerate(value):
            fault = item(each)
            if fault is not None:
                return (str(place), *fault[0]), fault[1]
        return None

    return check


def _text(node: _Node) -> Check:
    _require_keywords(node, "type", "pattern", "enum", "const")
    pattern = _pattern(node["pattern"]) if "pattern" in node else None
    allowed = [node["const"]] if "const" in node else node.get("enum")

    def check(value: Any) -> Fault:
        if not isinstance(value, str):
            return (), "it is not a text"
        if allowed is not None and value not in allowed:
            return (), f"it is not {' or '.join(allowed)}"
        if pattern is not None and pattern.fullmatch(value) is None:
            return (), f"it does not have the form {pattern.pattern}"
        return None

    return check


def _pattern(text: str) -> re.Pattern[str]:
    if not (text.startswith("^") and text.endswith("$")):
        raise NotImplementedError("a pattern that does not speak of the whole text")
    return re.compile(text)


def _number(*kinds: type) -> Callable[[_Node], Check]:
    def of(node: _Node) -> Check:
        _require_keywords(node, "type", "minimum", "maximum")
        low, high = node.get("minimum", -math.inf), node.get("maximum", math.inf)

        def check(value: Any) -> Fault:
            if type(value) not in kinds or not math.isfinite(value):
                return (), "it is not a whole number" if kinds == (int,) else "it is not a number"
            if not low <= value <= high:
                return (), f"it is below {low}" if value < low else f"it is above {high}"
            return None

        return check

    return of


def _only(kind: type, what: str) -> Callable[[_Node], Check]:
    def of(node: _Node) -> Check:
        _require_keywords(node, "type")
        return lambda value: None if type(value) is kind else ((), f"it is not {what}")

    return of


_KINDS: Mapping[str, Callable[[_Node], Check]] = {
    "string": _text,
    "integer": _number(int),
    "number": _number(int, float),
    "boolean": _only(bool, "true or false"),
    "null": _only(type(None), "null"),
}
