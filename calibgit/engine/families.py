"""What a column is declared to hold, in words that every store shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from calibgit.engine.base import Family

_OF_KIND: Final[Mapping[str, Family]] = {
    "boolean": "boolean",
    "integer": "number",
    "decimal": "number",
    "float": "number",
    "single": "number",
    "timestamp": "time",
    "timestamptz": "time",
    "date": "time",
    "text": "text",
    "json": "json",
    "oldjson": "json",
    "jsonb": "json",
    "variant": "json",
    "nested": "nested",
}
_DUCKDB: Final[tuple[tuple[str, Family], ...]] = (
    (r".*\]|(STRUCT|MAP|UNION)\b.*", "nested"),
    (r"BOOLEAN", "boolean"),
    (r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\b.*", "number"),
    (r"TIMESTAMP\b.*|TIMESTAMP(TZ)?_.*|DATE", "time"),
    (r"VARCHAR|UUID|ENUM\b.*", "text"),
    (r"JSON|VARIANT", "json"),
)
# SQLite takes any word as a type; these parts of words are those of its own rules, and the usual ones for time.
_SQLITE: Final[tuple[tuple[str, Family], ...]] = (
    (r"", "unknown"),
    (r".*BOOL.*", "boolean"),
    (r".*JSON.*", "json"),
    (r".*(DATE|TIME).*", "time"),
    (r".*(INT|REAL|FLOA|DOUB|NUM|DEC).*", "number"),
    (r".*(CHAR|CLOB|TEXT|STRING|UUID|ENUM).*", "text"),
)


def of_kind(kind: str) -> Family:
    """The family of a kind as `Column.kind` has it."""
    return _OF_KIND.get(kind, "other")


def of_duckdb(declared: str) -> Family:
    """The family of a type of DuckDB."""
    return _first(_DUCKDB, declared)


def of_sqlite(declared: str) -> Family:
    """The family of a declared type of SQLite, which binds no value to it."""
    return _first(_SQLITE, declared.upper())


def _first(rules: tuple[tuple[str, Family], ...], declared: str) -> Family:
    return next((family for rule, family in rules if re.fullmatch(rule, declared, re.DOTALL)), "other")
