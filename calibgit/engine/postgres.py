"""PostgreSQL, read where it is with its own SQL, over a connection of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from calibgit.engine.base import Column, Dialect
from calibgit.engine.families import of_kind
from calibgit.engine.faults import missing_extra, unsupported
from calibgit.engine.fragments import dotted, identifier, literal, undotted
from calibgit.engine.server_faults import lost_or_refused, weak_isolation
from calibgit.errors import CalibgitError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

T = TypeVar("T")
CAN_TEST_TEXT = 160_000  # the first server version that can test a text before it casts it
CONNECT_SECONDS = 10
_STABLE = frozenset({"repeatable read", "serializable"})
_SETTINGS = (
    "TimeZone = 'UTC'",
    "standard_conforming_strings = on",
    "extra_float_digits = 1",
    "jit = off",
    "enable_sort = off",  # few groups, many rows: without statistics of JSON the planner sorts them all
)
_KINDS = {
    "bool": "boolean",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "numeric": "decimal",
    "float8": "float",
    "float4": "single",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "date": "date",
    "jsonb": "jsonb",
}
# Name, type and grant of every column of a table, view or foreign table; a domain counts as what it stands on.
_COLUMNS = """\
WITH RECURSIVE types AS (
    SELECT a.attrelid, a.attnum, a.attname, t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = to_regclass({name}) AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
    SELECT d.attrelid, d.attnum, d.attname, t.oid, t.typname, t.typtype, t.typcategory, t.typbasetype
    FROM types AS d JOIN pg_catalog.pg_type AS t ON t.oid = d.typbasetype WHERE d.typtype = 'd'
)
SELECT attname, typname, typcategory IN ('A', 'C'), has_column_privilege(attrelid, attnum, 'SELECT')
FROM types WHERE typtype <> 'd' ORDER BY attnum"""
# What this role may read; a partition is read through its table.
_TABLES = """\
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE n.nspname END, c.relname
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
ORDER BY 1, 2"""


class PostgresEngine:
    """An Engine over one connection that is already inside a transaction with a stable snapshot.

    Args:
        connection: the connection.
        name: what errors call the source; never with a password.
        version: the server's version as a number, 180006 for 18.6.
    """

    dialect: Dialect = "postgresql"
    one_snapshot = True

    def __init__(self, connection: Connection, name: str, version: int) -> None:
        self._connection = connection
        self._name = name
        self._version = version

    def columns(self, table: str) -> Mapping[str, Column] | None:
        """The columns of a table, view, materialized view or foreign table; None when there is none with this name.

        Raises:
            CalibgitError: see `Engine.fetch`.
        """
        rows = self.fetch(_COLUMNS.replace("{name}", literal(dotted(table))))
        columns = {}
        for name, kind, nested, granted in rows:
            column = self._column(name, kind, nested=nested)
            columns[name] = replace(column, family=of_kind(column.kind), granted=granted)
        return columns or None

    def rows(self, table: str, columns: Collection[str]) -> str:
        """The table: a statement reads, and needs the right to read, the columns that it names."""
        del columns
        return dotted(table)

    def tables(self) -> list[str]:
        """The tables and views that this role may read; those of the search path by their bare names."""
        return undotted((schema, name) for schema, name in self.fetch(_TABLES))

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one SELECT."""
        return run(self._connection, sql, self._name)

    def _column(self, name: str, kind: str, *, nested: bool) -> Column:
        sql = identifier(name)
        if kind in _KINDS:
            return Column(sql, _KINDS[kind])
        if nested:
            return Column(sql, "nested")
        tested = self._version >= CAN_TEST_TEXT
        word = "text" if kind != "json" else "json" if tested else "oldjson"
        return Column(f'({sql}::text COLLATE "C")', word, can_hold_json=tested or kind == "json")


@contextmanager
def open_postgres(url: str) -> Iterator[PostgresEngine]:
    """Open `postgresql://...`: one connection, one read-only transaction, one snapshot.

    What the URL leaves out comes from the environment and the password file of libpq.
    """
    engine, name = _engine(url)
    try:
        with connected(engine, name) as connection, reading(connection, name) as opened:
            yield opened
    finally:
        engine.dispose()


@contextmanager
def connected(engine: Any, name: str) -> Iterator[Connection]:
    """A connection of a SQLAlchemy engine, given back afterwards.

    Raises:
        EnvironmentFault: SOURCE_UNREACHABLE.
        PermissionRefused: SOURCE_REFUSED.
    """
    connection = _named(name, engine.connect, connecting=True)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def reading(connection: Connection, name: str) -> Iterator[PostgresEngine]:
    """One snapshot on a connection, which is left as it was found.

    A transaction that the caller already has is used if its isolation keeps one snapshot. Settings are made inside a
    savepoint or a transaction of our own, and end with it.

    Raises:
        UsageError: WEAK_ISOLATION.
    """
    ours = not connection.in_transaction()
    transaction = _named(name, connection.begin if ours else connection.begin_nested)
    try:
        if ours:
            run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", name)
        for setting in _SETTINGS:
            run(connection, f"SET LOCAL {setting}", name)
        [(isolation, version)] = run(
            connection,
            "SELECT current_setting('transaction_isolation'), current_setting('server_version_num')::integer",
            name,
        )
        driver: Any = connection.connection.dbapi_connection
        if isolation not in _STABLE or getattr(driver, "autocommit", False):
            raise weak_isolation(name)
        yield PostgresEngine(connection, name, version)
    finally:
        _end(transaction)


def run(connection: Connection, sql: str, name: str) -> list[tuple[Any, ...]]:
    """Run one statement as it is; its rows, if it has any.

    Raises:
        CalibgitError: see `Engine.fetch`.
    """

    def rows() -> list[tuple[Any, ...]]:
        result = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        return [tuple(row) for row in result] if result.returns_rows else []

    return _named(name, rows)


def _named(name: str, call: Callable[[], T], *, connecting: bool = False) -> T:
    fault: CalibgitError
    try:
        return call()
    except Exception as error:  # noqa: BLE001  every driver error becomes a named one, without its words
        fault = lost_or_refused(name, error, connecting=connecting)
    raise fault


def _end(transaction: Any) -> None:
    with suppress(Exception):  # a lost connection has rolled back already
        transaction.rollback()


def _engine(url: str) -> tuple[Any, str]:
    try:
        import psycopg  # noqa: F401, PLC0415
        import sqlalchemy as sa  # noqa: PLC0415
    except ImportError:
        raise missing_extra("psycopg", "postgres") from None
    refused = False
    try:
        parsed = sa.make_url(url)
    except Exception:  # noqa: BLE001  its words repeat the URL, and so the password
        refused = True
    if refused:
        raise unsupported("a postgresql:// URL that cannot be read as one")
    options: dict[str, Any] = {"prepare_threshold": None, "fallback_application_name": "calibgit"}
    if "connect_timeout" not in parsed.query:
        options["connect_timeout"] = CONNECT_SECONDS
    host = (parsed.host or "").rpartition("@")[2]  # an @ in a password that is not escaped makes its end a host
    place = f"{host or 'the local server'}{f':{parsed.port}' if parsed.port else ''}"
    engine = sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        poolclass=sa.pool.NullPool,
        hide_parameters=True,
        connect_args=options,
    )
    return engine, f"the database {parsed.database or '(default)'} at {place}"
