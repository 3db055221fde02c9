"""The results table in PostgreSQL, with the kinds of columns that people give it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from calibgit.errors import PermissionRefused
from tests.support.postgres import Schema
from tests.support.reference_collect import moment
from tests.support.results import COLUMN_OF

HIDDEN = "note"
NAMES = [*COLUMN_OF.values(), HIDDEN]
PLANS = ("basic", "standard", "premium", "Premium", "gold")
Row = Mapping[str, Any]


class TextTable:
    """All columns hold text, so that every odd value survives as it is."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def holds(self, role: str, value: object) -> bool:
        del role, value
        return True

    def types(self, more: Sequence[str] = (HIDDEN,)) -> dict[str, str]:
        return dict.fromkeys([*COLUMN_OF.values(), *more], "text")

    def value(self, role: str, value: object) -> object:
        del role
        return None if value is None else str(value)

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        self.schema.run("DROP TABLE IF EXISTS scan_results")
        self.schema.table(self.types(more), [self._values(row, more) for row in rows])
        return self.schema.url()

    def add(self, row: Row) -> bool:
        marks = ", ".join("%s" for _ in NAMES)
        with psycopg.connect(self.schema.url(), autocommit=True) as connection:
            connection.execute(f"INSERT INTO scan_results VALUES ({marks})".encode(), self._values(row))
        return True

    def refused(self) -> frozenset[str]:
        return frozenset()

    def require_reads(self, source: Any, columns: Collection[str], act: Callable[[Any], object]) -> None:
        """By a role with the right to read these columns: one that reads another is refused."""
        del source
        act(self.source_of(self.role(columns)))
        for column in columns:
            with pytest.raises(PermissionRefused):
                act(self.source_of(self.role(other for other in columns if other != column)))

    def role(self, columns: Iterable[str]) -> str:
        return self.schema.url(self.schema.role(f"SELECT ({', '.join(columns)}) ON scan_results"))

    def source_of(self, url: str) -> Any:
        return url

    def _values(self, row: Row, more: Sequence[str] = (HIDDEN,)) -> list[object]:
        return [self.value(role, row.get(role)) for role in [*COLUMN_OF, *more]]


class TypedTable(TextTable):
    """Each column has the type that a careful person gives it, and JSON is `jsonb` or `json`.

    It holds a value of the edge table where its type does, with the same meaning.
    """

    def __init__(self, schema: Schema, json_type: str, kinds: Mapping[str, str]) -> None:
        super().__init__(schema)
        self.json_type = json_type
        self.kinds = {"flags": json_type, "category_scores": json_type, **kinds}

    def types(self, more: Sequence[str] = (HIDDEN,)) -> dict[str, str]:
        return super().types(more) | {COLUMN_OF[role]: self.kinds.get(role, "text") for role in COLUMN_OF}

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        plans = ", ".join(f"'{plan}'" for plan in PLANS)
        self.schema.run(
            "DROP TABLE IF EXISTS scan_results",
            "DROP TYPE IF EXISTS plan",
            "DROP DOMAIN IF EXISTS letters CASCADE",
            f"CREATE TYPE plan AS ENUM ({plans})",
            "CREATE DOMAIN letters AS varchar(80)",
            "CREATE DOMAIN word AS letters",
        )
        return super().write(rows, more)

    def holds(self, role: str, value: object) -> bool:
        try:
            self._typed(role, value)
        except (ValueError, TypeError, OverflowError):
            return False
        return True

    def value(self, role: str, value: object) -> object:
        return self._typed(role, value)

    def _typed(self, role: str, value: object) -> object:
        return typed(self.kinds.get(role, "text"), value)


def typed(kind: str, value: object) -> object:
    """A value of the edge table as one of a type.

    Raises:
        ValueError, TypeError, OverflowError: the type cannot hold it with the meaning that it has there.
    """
    return None if value is None else _READERS.get(kind, _text)(value)


def _text(value: object) -> str:
    return str(value)


def _instant(value: object) -> str:
    if (at := moment(value)) is None:
        raise ValueError(value)
    return at.isoformat()


def _midnight(value: object) -> str:
    at = moment(value)
    if at is None or at.isoformat()[11:] != "00:00:00+00:00":
        raise ValueError(value)
    return at.isoformat()[:10]


def _double(value: object) -> float:
    if isinstance(value, str) and value != "NaN":
        raise TypeError(value)
    return float(str(value)) if value != "NaN" else _refuse(value)


def _refuse(value: object) -> float:
    raise ValueError(value)


def _single(value: object) -> float:
    exact = _double(value)
    if len(str(exact)) > 7:
        raise ValueError(value)
    return exact


def _decimal(value: object) -> Decimal:
    return Decimal(str(_double(value)))


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(value)
    return value


def _boolean(value: object) -> bool:
    return {"true": True}[value] if value == "true" else bool(_refuse(value))


def _plan(value: object) -> str:
    return str(value) if value in PLANS else str(_refuse(value))


def _padded(value: object) -> str:
    text = str(value)
    if text != text.rstrip():
        raise ValueError(value)
    return text


def _json(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, allow_nan=False)
    try:
        json.loads(text, parse_constant=_refuse)
    except RecursionError:
        _refuse(value)
    return text


def _jsonb(value: object) -> str:
    text = _json(value)
    json.dumps(json.loads(text), ensure_ascii=False).encode()  # half a surrogate is refused, and so is NUL
    return text if "\\u0000" not in text else str(_refuse(value))


_READERS: Mapping[str, Any] = {
    "timestamptz": _instant,
    "timestamp": lambda value: _instant(value)[:-6],
    "date": _midnight,
    "double precision": _double,
    "real": _single,
    "numeric": _decimal,
    "smallint": _whole,
    "bigint": _whole,
    "boolean": _boolean,
    "plan": _plan,
    "char(12)": _padded,
    "varchar(20)": _text,
    "json": _json,
    "jsonb": _jsonb,
}
