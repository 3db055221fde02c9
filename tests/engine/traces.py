"""Which columns of the results a collection makes a driver read, seen from below calibgit."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from tests.engine.contract import HIDDEN
from tests.support.results import COLUMN_OF

Act = Callable[[], object]
TABLE = "scan_results"
NAMES = frozenset({*COLUMN_OF.values(), HIDDEN})


class _Duck:
    """A connection of DuckDB that explains each statement before it runs it."""

    def __init__(self, inner: Any, plans: list[Any]) -> None:
        self._inner, self._plans = inner, plans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def execute(self, sql: str, *given: Any) -> Any:
        if sql.startswith("SELECT DISTINCT unnest(json_keys(json))"):
            pass  # lines have no other catalog: only the names of their keys come out
        elif sql.startswith(("SELECT", "WITH")):
            self._plans.extend(json.loads(self._inner.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()[0][1]))
        else:
            assert sql.startswith(("SET ", "BEGIN ", "DESCRIBE "))  # the last asks names and types, and reads no row
        return self._inner.execute(sql, *given)


def by_duckdb(act: Act) -> set[str]:
    """What the scans of all plans project or filter by."""
    plans: list[Any] = []
    connect = duckdb.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", lambda *given, **named: _Duck(connect(*given, **named), plans))
        act()
    read: set[str] = set()
    for scan in _leaves(plans):
        about = scan["extra_info"]
        if about.get("Table", "").endswith(TABLE) or about.get("Function", "").startswith("READ_"):
            columns = about.get("Projections") or []
            read.update([columns] if isinstance(columns, str) else columns)
            read.update(NAMES & {*re.findall(r"\w+", json.dumps(about.get("Filters", "")))})
    assert read
    return read


def _leaves(plans: list[Any]) -> Iterator[Any]:
    for plan in plans:
        if plan["children"]:
            yield from _leaves(plan["children"])
        else:
            yield plan


def by_sqlite(act: Act) -> set[str]:
    """What SQLite asks its authorizer for."""
    read: set[str] = set()

    def watch(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table == TABLE and column:
            read.add(column)
        return sqlite3.SQLITE_OK

    connect = sqlite3.connect

    def watched(*given: Any, **named: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*given, **named)
        made.set_authorizer(watch)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", watched)
        patch.setattr(sqlite3.dbapi2, "connect", watched)
        act()
    return read


def by_spark(act: Act) -> set[str]:
    """What the leaves of Spark's physical plans put out: the scans of files read no other column."""
    from pyspark.sql import SparkSession  # noqa: PLC0415

    plans: list[Any] = []
    run = SparkSession.sql

    def watched(session: Any, *given: Any, **named: Any) -> Any:
        frame = run(session, *given, **named)
        plans.append(frame._jdf.queryExecution().sparkPlan())
        return frame

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SparkSession, "sql", watched)
        act()
    read: set[str] = set()
    for plan in plans:
        leaves = plan.collectLeaves()
        for at in range(leaves.size()):
            output = leaves.apply(at).output()
            read.update(output.apply(place).name() for place in range(output.size()))
    return read
