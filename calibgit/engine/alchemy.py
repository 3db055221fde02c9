"""Sessions, engines and connections of SQLAlchemy over a database that calibgit reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from calibgit.engine.base import Engine
from calibgit.engine.faults import missing_extra, unsupported
from calibgit.engine.lite import read_transaction
from calibgit.engine.postgres import connected, reading

NAME = "the SQLAlchemy source"
_FILE = "give the path of the {} file itself as the source"
_RUN_SYNC = "give what run_sync hands to a function: await session.run_sync(FUNCTION)"


@contextmanager
def open_sqlalchemy(source: Any) -> Iterator[Engine]:
    """One snapshot of a Session, Engine or Connection over SQLite or PostgreSQL, which is left as found.

    A session or connection inside a transaction is read as that transaction sees the data.

    Raises:
        UsageError: UNSUPPORTED_SOURCE, WEAK_ISOLATION.
        CalibgitError: see `open_source`.
    """
    try:
        from sqlalchemy import engine, orm  # noqa: PLC0415
    except ImportError:
        raise missing_extra("sqlalchemy") from None
    bind = _bind(source)
    with ExitStack() as stack:
        if isinstance(source, orm.Session) and source.in_transaction():
            connection = source.connection()
        elif isinstance(bind, engine.Connection):
            connection = bind
        else:
            connection = stack.enter_context(connected(bind, NAME))
        if bind.dialect.name == "postgresql":
            yield stack.enter_context(reading(connection, NAME))
            return
        driver: Any = connection.connection.driver_connection
        if not hasattr(driver, "in_transaction") or not hasattr(driver, "set_authorizer"):
            raise unsupported(f"a SQLAlchemy source with the driver {bind.dialect.driver}")
        yield stack.enter_context(read_transaction(driver, NAME))


def _bind(source: Any) -> Any:
    """The engine or connection behind a source, if it is one that is read."""
    from sqlalchemy import engine, orm  # noqa: PLC0415

    kind = type(source)
    bind = source.get_bind() if isinstance(source, orm.Session) else source
    if kind.__module__.startswith("sqlalchemy.ext.asyncio"):
        raise unsupported(f"an object of type {kind.__name__}", _RUN_SYNC)
    if not isinstance(bind, (engine.Engine, engine.Connection)):
        raise unsupported(f"an object of type {kind.__name__}")
    dialect = bind.dialect
    if dialect.name == "duckdb":
        raise unsupported("a SQLAlchemy source with the dialect duckdb", _FILE.format("DuckDB"))
    if dialect.name not in {"sqlite", "postgresql"}:
        raise unsupported(f"a SQLAlchemy source with the dialect {dialect.name}")
    if dialect.name == "sqlite" and dialect.is_async:
        raise unsupported(f"a SQLAlchemy source with the driver {dialect.driver}", _FILE.format("SQLite"))
    return bind
