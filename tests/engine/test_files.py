"""The engine contract over files: DuckDB, SQLite, Parquet, CSV and JSON lines, and sessions over SQLite."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from tests.engine.contract import HIDDEN, EngineContract, OddValues, Row, Store, TableContract
from tests.engine.traces import by_duckdb, by_sqlite
from tests.support.postgres_tables import typed
from tests.support.results import COLUMN_OF, write_text_table

NESTED = frozenset({"flags", "category_scores", "conflict", "sufficiency", "outcome"})
KINDS = {
    "created_at": "timestamptz", "score": "double precision", "confidence": "double precision", "sufficiency": "boolean",
    "conflict": "real", "outcome": "smallint", "feedback": "bigint", "flags": "json", "category_scores": "json",
}  # fmt: skip
HALF_PAIR = re.compile(r"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|[c-fC-F])")
CONSTANT = re.compile(r"NaN|Infinity")


def texts(row: Row, more: Sequence[str] = (HIDDEN,)) -> dict[str, str | None]:
    values = {COLUMN_OF.get(role, role): value for role, value in row.items() if role in COLUMN_OF}
    values |= {name: row.get(name) for name in more}
    return {name: None if value is None else str(value) for name, value in values.items()}


class Files:
    """What all file stores share: they hold every value, nobody adds to them, and DuckDB reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def holds(self, role: str, value: object) -> bool:
        del role, value
        return True

    def add(self, row: Row) -> bool:
        del row
        return False

    def refused(self) -> frozenset[str]:
        return frozenset()

    def require_reads(self, source: Any, columns: Collection[str], act: Callable[[Any], object]) -> None:
        assert by_duckdb(lambda: act(source)) == set(columns)


class DuckFile(Files):
    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        return str(write_text_table(self.folder / "a.duckdb", rows, extra=more))


class Parquet(Files):
    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        path = write_text_table(self.folder / "a.duckdb", rows, extra=more)
        for part in range(2):
            with duckdb.connect(str(path), read_only=True) as connection:
                where = f"WHERE rowid % 2 = {part}"
                connection.execute(
                    f"COPY (FROM scan_results {where}) TO '{self.folder}/{part}.parquet' (FORMAT parquet)"
                )
        return str(self.folder / "*.parquet")


class TypedDuckFile(DuckFile):
    """Each column has the type that a careful person gives it; it holds a value where its type does."""

    def holds(self, role: str, value: object) -> bool:
        try:
            text = typed(KINDS.get(role, "text"), value)
        except (ValueError, TypeError, OverflowError):
            return False
        return KINDS.get(role) != "json" or not HALF_PAIR.search(str(text).replace("\\\\", ""))

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        kinds = {COLUMN_OF[role]: kind for role, kind in KINDS.items()}
        cells = [{**row, **{role: typed(kind, row.get(role)) for role, kind in KINDS.items()}} for row in rows]
        path = super().write(cells, more)
        with duckdb.connect(path) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for name, kind in kinds.items():
                connection.execute(f"ALTER TABLE scan_results ALTER {name} TYPE {kind}")
        return path


class TypedParquet(TypedDuckFile):
    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        with duckdb.connect(super().write(rows, more), read_only=True) as connection:
            connection.execute(f"COPY scan_results TO '{self.folder}/a.parquet' (FORMAT parquet)")
        return str(self.folder / "a.parquet")


class OneText(Files):
    """One file of text that grows."""

    name: str

    def line(self, row: Row) -> str:
        raise NotImplementedError

    def add(self, row: Row) -> bool:
        with (self.folder / self.name).open("a", encoding="utf-8") as stream:
            stream.write(self.line(row))
        return True

    def refused(self) -> frozenset[str]:
        return frozenset({"TOTALS_DISAGREE"})


class Csv(OneText):
    name = "a.csv"

    def holds(self, role: str, value: object) -> bool:
        del role
        return value != ""  # which is NULL there

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        with (self.folder / "a.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, [*COLUMN_OF.values(), *more])
            writer.writeheader()
            writer.writerows(texts(row, more) for row in rows)
        return str(self.folder / "a.csv")

    def line(self, row: Row) -> str:
        text = io.StringIO()
        csv.writer(text).writerow(texts(row).values())
        return text.getvalue()


class JsonLines(OneText):
    name = "a.jsonl"

    def line(self, row: Row) -> str:
        return json.dumps(texts(row)) + "\n"

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        lines = "".join(json.dumps(texts(row, more)) + "\n" for row in rows)
        (self.folder / "a.jsonl").write_text(lines, encoding="utf-8")
        return str(self.folder / "a.jsonl")


class NativeLines(JsonLines):
    """JSON lines whose numbers, booleans, lists and objects are none of them texts."""

    def holds(self, role: str, value: object) -> bool:
        text = native(role, value)
        return not HALF_PAIR.search(text.replace("\\\\", ""))  # a line with one is no JSON, whatever else it has

    def line(self, row: Row, more: Sequence[str] = (HIDDEN,)) -> str:
        members = [(COLUMN_OF.get(name, name), native(name, row.get(name))) for name in [*COLUMN_OF, *more]]
        return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in members) + "}\n"

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> str:
        (self.folder / "a.jsonl").write_text("".join(self.line(row, more) for row in rows), encoding="utf-8")
        return str(self.folder / "a.jsonl")


def native(role: str, value: object) -> str:
    """A value of the edge table as JSON: a text that says an object, a list or a boolean is that."""
    if not isinstance(value, str) or role not in NESTED:
        return json.dumps(value)
    try:
        known = json.loads(value, parse_constant=float)
    except (ValueError, RecursionError):
        return json.dumps(value)
    whole = isinstance(known, (dict, list, bool)) and "\n" not in value.strip() and not CONSTANT.search(value)
    return value.strip() if whole else json.dumps(value)


class Sqlite(Files):
    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        path = write_text_table(self.folder / "a.sqlite", rows, extra=more)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        return str(path)

    def add(self, row: Row) -> bool:
        connection = sqlite3.connect(self.folder / "a.sqlite")
        with connection:
            values = [row.get(role) for role in [*COLUMN_OF, HIDDEN]]
            connection.execute(f"INSERT INTO scan_results VALUES ({', '.join('?' for _ in values)})", values)
        connection.close()
        return True

    def require_reads(self, source: Any, columns: Collection[str], act: Callable[[Any], object]) -> None:
        assert by_sqlite(lambda: act(source)) == set(columns)


class SqliteSession(Sqlite):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.engine = sa.create_engine(f"sqlite:///{folder}/a.sqlite", poolclass=NullPool)
        self.session = Session(self.engine)

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        self.close()
        super().write(rows, more)
        return self.session

    def close(self) -> None:
        self.session.close()
        self.engine.dispose()


class TestDuckFile(EngineContract, OddValues, TableContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return DuckFile(tmp_path)


class TestParquet(EngineContract, OddValues):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Parquet(tmp_path)


class TestTypedDuckFile(EngineContract, OddValues, TableContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return TypedDuckFile(tmp_path)


class TestTypedParquet(EngineContract, OddValues):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return TypedParquet(tmp_path)


class TestCsv(EngineContract, OddValues):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Csv(tmp_path)


class TestJsonLines(EngineContract, OddValues):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return JsonLines(tmp_path)


class TestNativeJsonLines(EngineContract, OddValues):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return NativeLines(tmp_path)


class TestSqlite(EngineContract, OddValues, TableContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Sqlite(tmp_path)


class TestSqliteSession(EngineContract, OddValues, TableContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteSession(tmp_path)
        yield store
        store.close()
