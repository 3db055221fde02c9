"""SQLite, read where it is with its own SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibgit.engine.base import Column, Dialect
from calibgit.engine.families import of_sqlite
from calibgit.engine.faults import failed
from calibgit.engine.fragments import dotted, identifier, literal, undotted
from calibgit.errors import CalibgitError

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS = 5.0
_STEPS = 50_000  # of SQLite's machine between two looks for a signal; a few milliseconds


class SqliteEngine:
    """An Engine over one SQLite connection that is already inside a read transaction."""

    dialect: Dialect = "sqlite"
    one_snapshot = True

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def columns(self, table: str) -> Mapping[str, Column] | None:
        """The columns of a table or view; None when there is none with this name."""
        schema, _, name = table.rpartition(".")
        inside = f", {literal(schema)}" if schema else ""
        names = self.fetch(f"SELECT name, type FROM pragma_table_info({literal(name)}{inside})")  # noqa: S608  quoted
        return {name: Column(identifier(name), family=of_sqlite(declared)) for name, declared in names} or None

    def rows(self, table: str, columns: Collection[str]) -> str:
        """The table: a statement reads the columns that it names."""
        del columns
        return dotted(table)

    def tables(self) -> list[str]:
        """The tables and views."""
        return undotted(
            (schema, name)
            for schema, name in self.fetch(
                "SELECT '', name FROM sqlite_master WHERE type IN ('table', 'view')"
                " AND substr(name, 1, 7) <> 'sqlite_' ORDER BY 2"
            )
        )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one SELECT."""
        fault: CalibgitError | KeyboardInterrupt | None = None
        rows: list[tuple[Any, ...]] = []
        cursor = self._connection.cursor()
        cursor.row_factory = None
        try:
            rows = cursor.execute(sql).fetchall()
        except Exception as error:  # noqa: BLE001  every driver error becomes a named one, without its words
            stopped = getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
            fault = KeyboardInterrupt() if stopped else failed(self._name, error)
        finally:
            cursor.close()
        if fault is not None:
            raise fault
        return rows


@contextmanager
def open_sqlite(path: Path) -> Iterator[SqliteEngine]:
    """Open a SQLite file read-only, inside one read transaction."""
    import sqlite3  # noqa: PLC0415

    fault: CalibgitError | None = None
    try:
        connection = sqlite3.connect(
            path.resolve().as_uri() + "?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
    except Exception as error:  # noqa: BLE001
        fault = failed(path.name, error)
    if fault is not None:
        raise fault
    # Python looks for signals when it runs its own code, so Ctrl-C stops a statement at the next call.
    connection.set_progress_handler(lambda: 0, _STEPS)
    try:
        with read_transaction(connection, path.name) as engine:
            yield engine
    finally:
        connection.close()


@contextmanager
def read_transaction(connection: sqlite3.Connection, name: str) -> Iterator[SqliteEngine]:
    """One snapshot on a connection; a transaction that the caller already has is used and left open."""
    engine = SqliteEngine(connection, name)
    begun = not connection.in_transaction
    if begun:
        engine.fetch("BEGIN")
    try:
        engine.fetch("SELECT count(*) FROM sqlite_master")
        yield engine
    finally:
        if begun:
            engine.fetch("ROLLBACK")
