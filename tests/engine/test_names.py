"""Tables and columns of any name: quoted by every dialect, one line in every message, never a place of a template."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calibgit.engine import postgres
from calibgit.engine.faults import no_source
from calibgit.errors import CalibgitError
from calibgit.model.settings import Line
from tests.support.postgres import Schema
from tests.support.results import COLUMN_OF, collect, edge_rows, plain, settings, write_text_table

NAMES = {
    "created_at": 'created "at"',
    "score": "overall\nscore",
    "subject": "select",
    "logic_version": "{low}",
    "label": "c\u0430tegory",
    "category_scores": "100%s :name",
    "confidence": "{x} {number:score}",
    "flags": "flags'); DROP TABLE t --",
    "sufficiency": "`tick`",
    "conflict": "a.b",
    "escalation": " ",
    "tier": "\\t",
    "outcome": "ORDER",
    "feedback": "\u202e\U0001f600",
    "group": "[group]",
}
TABLE = 'scan "r\u00e9sults";\n{low} --'
ROWS = edge_rows()[::7]


def renamed() -> Line:
    return settings(table=TABLE, columns=NAMES)


def texts() -> tuple[list[str], list[list[Any]]]:
    return list(NAMES.values()), [[None if row[r] is None else str(row[r]) for r in NAMES] for row in ROWS]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def in_duckdb(folder: Path) -> str:
    names, values = texts()
    with duckdb.connect(str(folder / "odd.duckdb")) as connection:
        connection.execute(f"CREATE TABLE {quoted(TABLE)} ({', '.join(f'{quoted(n)} VARCHAR' for n in names)})")
        connection.executemany(f"INSERT INTO {quoted(TABLE)} VALUES ({', '.join('?' for _ in names)})", values)
    return str(folder / "odd.duckdb")


def in_sqlite(folder: Path) -> str:
    names, values = texts()
    connection = sqlite3.connect(folder / "odd.sqlite")
    with connection:
        connection.execute(f"CREATE TABLE {quoted(TABLE)} ({', '.join(f'{quoted(n)} TEXT' for n in names)})")
        connection.executemany(f"INSERT INTO {quoted(TABLE)} VALUES ({', '.join('?' for _ in names)})", values)
    connection.close()
    return str(folder / "odd.sqlite")


def expected(folder: Path) -> dict[Any, int]:
    return plain(collect(str(write_text_table(folder / "plain.duckdb", ROWS))))


@pytest.mark.parametrize("write", [in_duckdb, in_sqlite])
def test_names_of_any_kind_are_read_from_files(write: Callable[[Path], str], tmp_path: Path) -> None:
    assert plain(collect(write(tmp_path), renamed())) == expected(tmp_path)


def test_names_of_any_kind_are_read_from_postgresql(database: Schema, tmp_path: Path) -> None:
    names, values = texts()
    database.table(dict.fromkeys(names, "text"), values, TABLE)
    assert plain(collect(database.url(), renamed())) == expected(tmp_path)


@pytest.mark.parametrize("password", ["hun@hunter2", "hun/hunter2", "hun:hunter2", "hun?hunter2", "hun#hunter2"])
def test_a_password_that_is_not_escaped_is_not_repeated(password: str) -> None:
    engine, name = postgres._engine(f"postgresql://alice:{password}@db.example.org:5433/results")
    engine.dispose()
    assert name == "the database results at db.example.org:5433"


def test_a_missing_name_is_told_on_one_line_of_ascii(tmp_path: Path) -> None:
    path = str(write_text_table(tmp_path / "plain.duckdb", ROWS[:1]))
    for line in (settings(table=TABLE), settings(columns={**COLUMN_OF, "score": NAMES["feedback"] + "\n"})):
        with pytest.raises(CalibgitError) as caught:
            collect(path, line)
        assert caught.value.what.isascii()
        assert caught.value.what.isprintable()


@pytest.mark.parametrize(
    "text", ["postgres:alice:hunter2@host/db", "host=x password=hunter2", "x PASSWD = hunter2", "token=hunter2"]
)
def test_a_mistyped_address_is_no_file_and_its_password_is_not_repeated(text: str) -> None:
    with pytest.raises(CalibgitError, match="NO_SOURCE") as caught:
        collect(text)
    assert "hunter2" not in str(caught.value.as_dict())
    assert "2024=a/b@c.parquet" in no_source("2024=a/b@c.parquet").what
