"""Columns of the wrong type: counted in a word or refused by a name, and never the words of a driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from calibgit.errors import CalibgitError, EnvironmentFault
from tests.support.odd_types import LIST, NAN, OBJECT, ODD_COLUMNS, ONE, TRUE, UNREAD, states
from tests.support.postgres import Schema
from tests.support.results import COLUMN_OF, collect, settings

TWO = settings(columns={"created_at": "created_at", "score": "overall_score"}, logic_version="1.0.0")


def require_two(source: object, role: str, kind: str, value: str, wanted: Mapping[str, str]) -> None:
    """A table of one row, in which the score or the moment has the odd type."""
    if role == "score":
        read = wanted["confidence"] == "ok" or wanted["feedback"] == "3"
    else:
        read = kind.lower().startswith(("date", "timestamp")) and value != "'infinity'"
    if read:
        assert collect(source, TWO).rows
    else:
        with pytest.raises(EnvironmentFault, match="EMPTY_WINDOW"):
            collect(source, TWO)


DUCKDB: list[tuple[str, str, Mapping[str, str]]] = [
    ("BLOB", "'\\xFF\\x00'", UNREAD), ("BOOLEAN", "true", TRUE), ("TINYINT", "1", ONE), ("UHUGEINT", "1", ONE),
    ("HUGEINT", "170141183460469231731687303715884105727", UNREAD), ("DECIMAL(6, 3)", "0.290", UNREAD | {"confidence": "ok", "conflict": "ok"}),
    ("FLOAT", "'NaN'", NAN), ("DOUBLE", "'NaN'", NAN), ("FLOAT", "'inf'", UNREAD), ("DOUBLE", "'-inf'", UNREAD),
    ("DATE", "'2024-01-10'", UNREAD), ("TIMESTAMP", "'infinity'", UNREAD), ("TIMESTAMPTZ", "'2024-01-10 12:00:00+00'", UNREAD),
    ("TIME", "'12:00:00'", UNREAD), ("INTERVAL", "'1 day'", UNREAD), ("UUID", "'0b9de3a4-6f1d-4e6c-9a47-35a1e2f0c7d8'", UNREAD),
    ("BIT", "'101'", UNREAD), ("ENUM ('a', 'b')", "'a'", UNREAD), ("INTEGER[]", "[1, 2]", LIST), ("INTEGER[2]", "[1, 2]", LIST),
    ("STRUCT(type BLOB)[]", "[{'type': 'a'::BLOB}]", LIST), ("STRUCT(a INTEGER)", "{'a': 1}", OBJECT),
    ("MAP(INTEGER, INTEGER)", "MAP {1: 1}", OBJECT), ("JSON", "'3'", UNREAD | {"feedback": "3"}), ("JSON", "'{}'", OBJECT),
]  # fmt: skip


@pytest.mark.parametrize("parquet", [False, True], ids=["database", "parquet"])
@pytest.mark.parametrize(("kind", "value", "wanted"), DUCKDB)
def test_types_of_duckdb_and_parquet(
    tmp_path: Path, kind: str, value: str, wanted: Mapping[str, str], parquet: bool
) -> None:
    fields = ", ".join(f"CAST({value} AS {kind}) AS {name}" for name in ODD_COLUMNS)
    first = "SELECT TIMESTAMP '2024-01-10 12:00:00' AS created_at, 70 AS overall_score, 's' AS subject, '1.0.0' AS logic_version"
    source = _source(tmp_path, f"{first}, {fields}", parquet=parquet)
    assert states(collect(source)) == wanted
    for role, rest in (("score", "'2024-01-10' AS created_at"), ("created_at", "70 AS overall_score")):
        odd = _source(tmp_path, f"SELECT CAST({value} AS {kind}) AS {COLUMN_OF[role]}, {rest}", parquet=parquet)
        require_two(odd, role, kind, value, wanted)


def _source(folder: Path, select: str, *, parquet: bool) -> str:
    path = folder / f"a.{'parquet' if parquet else 'duckdb'}"
    path.unlink(missing_ok=True)
    with duckdb.connect(":memory:" if parquet else str(path)) as connection:
        connection.execute(f"CREATE TABLE scan_results AS {select}")
        if parquet:
            connection.execute(f"COPY scan_results TO '{path}'")
    return str(path)


def test_moments_of_every_precision_are_read_from_duckdb_and_parquet(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        known = {row[0] for row in connection.execute("SELECT logical_type FROM duckdb_types()").fetchall()}
    for kind in ("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ_NS"):
        if kind.endswith("Z_NS") and kind not in known:
            continue  # older than the type
        moments = ("2023-12-31 23:59:59", "2024-01-01 00:00:00", "2024-01-30 23:59:59", "2024-01-31 00:00:00")
        cells = ", ".join(f"('{moment}+00')" for moment in moments)
        select = f"SELECT CAST(CAST(m AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS {kind.replace('TZ', '')}) AS m FROM (VALUES {cells}) AS v (m)"
        zoned = f"SELECT CAST(m AS {kind}) AS m FROM (VALUES {cells}) AS v (m)"
        rows = f"SELECT m AS created_at, 70 AS overall_score FROM ({zoned if 'TZ' in kind else select})"
        for parquet in (False, True):
            exact = collect(_source(tmp_path, rows, parquet=parquet), TWO)
            assert (kind, sum(row.n for row in exact.rows if row.block == "score")) == (kind, 2)
            assert not [row for row in exact.rows if row.block == "dropped"]


def test_a_way_to_read_a_moment_that_is_none_is_refused() -> None:
    assert settings(created_at_as="year").source.created_at_as == "year"
    with pytest.raises(CalibgitError, match="SCHEMA"):
        settings(created_at_as="date")


DAYS = ("2023-12-31", "2024-01-01", "2024-01-30", "2024-01-31")


def require_two_days(source: object) -> None:
    exact = collect(source, TWO)
    assert {row.bin: row.n for row in exact.rows if row.block == "score"} == {2: 1, 3: 1}
    assert not [row for row in exact.rows if row.block == "dropped"]


@pytest.mark.parametrize("kind", ["DATE", "VARCHAR"])
def test_a_date_counts_at_the_start_of_its_day(tmp_path: Path, database: Schema, kind: str) -> None:
    cells = ", ".join(f"({n}, '{day}')" for n, day in enumerate(DAYS, start=1))
    select = f"SELECT n AS overall_score, CAST(day AS {kind}) AS created_at FROM (VALUES {cells}) AS v (n, day)"
    for parquet in (False, True):
        require_two_days(_source(tmp_path, select, parquet=parquet))
    database.run(f"CREATE TABLE scan_results AS {select}")
    require_two_days(database.url())
    file = sqlite3.connect(tmp_path / "a.sqlite")
    file.execute(f"CREATE TABLE scan_results (overall_score INTEGER, created_at {kind})")
    file.execute(f"INSERT INTO scan_results VALUES {cells}")
    file.commit()
    file.close()
    require_two_days(str(tmp_path / "a.sqlite"))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("x'ff00'", UNREAD), ("x'7b7d'", UNREAD), ("x'31'", UNREAD | {"sufficiency": "ok", "outcome": "1"}), ("1", ONE),
        ("1.0", ONE), ("0.29", UNREAD | {"confidence": "ok", "conflict": "ok"}), ("9e999", UNREAD), ("-9e999", UNREAD),
        ("9223372036854775807", UNREAD),
    ],
)  # fmt: skip
def test_kinds_of_values_of_sqlite(tmp_path: Path, value: str, wanted: Mapping[str, str]) -> None:
    """In columns of any declared type, as SQLite binds no value to it."""
    for declared in ("", "BLOB", "INTEGER", "REAL"):
        path = tmp_path / f"{declared}.sqlite"
        fields = ", ".join(f"{name} {declared}" for name in ODD_COLUMNS)
        connection = sqlite3.connect(path)
        connection.execute(f"CREATE TABLE scan_results (created_at, overall_score, subject, logic_version, {fields})")
        values = ", ".join([value] * len(ODD_COLUMNS))
        connection.execute(f"INSERT INTO scan_results VALUES ('2024-01-10', 70, 's', '1.0.0', {values})")
        connection.commit()
        assert states(collect(str(path))) == wanted
        for column in ("created_at", "overall_score"):
            connection.execute(
                f"UPDATE scan_results SET created_at = '2024-01-10', overall_score = 70, {column} = {value}"
            )
            connection.commit()
            if column == "overall_score" and wanted["confidence"] == "ok":
                assert collect(str(path)).rows
            else:
                with pytest.raises(EnvironmentFault, match="EMPTY_WINDOW"):
                    collect(str(path))
        connection.close()


POSTGRESQL: list[tuple[str, str, Mapping[str, str]]] = [
    ("bytea", r"'\xff00'", UNREAD), ("boolean", "true", TRUE), ("smallint", "1", ONE), ("oid", "1", ONE),
    ("numeric", "'NaN'", NAN), ("float8", "'NaN'", NAN), ("float4", "'NaN'", NAN), ("float8", "'Infinity'", UNREAD),
    ("float4", "'-Infinity'", UNREAD), ("numeric", "'Infinity'", UNREAD), ("numeric(6, 3)", "0.290", UNREAD | {"confidence": "ok", "conflict": "ok"}),
    ("money", "1", UNREAD), ("date", "'2024-01-10'", UNREAD), ("time", "'12:00'", UNREAD), ("timetz", "'12:00+01'", UNREAD),
    ("timestamp", "'infinity'", UNREAD), ("timestamptz", "'2024-01-10 12:00+00'", UNREAD), ("interval", "'1 day'", UNREAD),
    ("uuid", "'0b9de3a4-6f1d-4e6c-9a47-35a1e2f0c7d8'", UNREAD), ("inet", "'::1'", UNREAD), ("bit(3)", "B'101'", UNREAD),
    ("point", "'(1,1)'", UNREAD), ("int4range", "'[1,2)'", UNREAD), ("tsvector", "'a'", UNREAD),
    ("integer[]", "'{1,2}'", LIST), ("bytea[]", "ARRAY['a'::bytea]", LIST), ("float8[]", "'{NaN,Infinity}'", LIST),
    ("jsonb", "'3'", UNREAD | {"feedback": "3"}), ("json", "'{}'", OBJECT), ("jsonb", "'{}'", OBJECT), ("jsonpath", "'$.a'", UNREAD),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "wanted"), POSTGRESQL)
def test_types_of_postgresql(database: Schema, kind: str, value: str, wanted: Mapping[str, str]) -> None:
    fields = ", ".join(f"CAST({value} AS {kind}) AS {name}" for name in ODD_COLUMNS)
    first = "SELECT date '2024-01-10' AS created_at, 70 AS overall_score, 's' AS subject, '1.0.0' AS logic_version"
    database.run(f"CREATE TABLE scan_results AS {first}, {fields}")
    assert states(collect(database.url())) == wanted
    for role, rest in (("score", "'2024-01-10' AS created_at"), ("created_at", "70 AS overall_score")):
        database.run(
            "DROP TABLE scan_results",
            f"CREATE TABLE scan_results AS SELECT CAST({value} AS {kind}) AS {COLUMN_OF[role]}, {rest}",
        )
        require_two(database.url(), role, kind, value, wanted)
