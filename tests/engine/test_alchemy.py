"""SQLAlchemy over other drivers: the engine contract, the same refusals, and a name for what is not read."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from calibgit.engine.server_faults import lost_or_refused
from calibgit.errors import CalibgitError, UsageError
from tests.engine.contract import CANARY, EngineContract, Store, TableContract
from tests.engine.test_postgres import SessionTable
from tests.engine.test_postgres_server import SECRET, edge_table, fault, waiting
from tests.support.postgres import Schema
from tests.support.results import GOOD, collect, write_text_table

DRIVERS = ("psycopg", "psycopg2", "pg8000")
REQUIRED = "CALIBGIT_REQUIRE_DRIVERS" in os.environ  # before a test is walled in


def needs(package: str) -> Any:
    """A package of the extra `drivers`."""
    if REQUIRED:
        return importlib.import_module(package)
    return pytest.importorskip(package, reason=f"{package} is not installed: pip install 'calibgit[drivers]'")


@pytest.fixture
def aio() -> Any:
    """The half of SQLAlchemy that waits; it needs a package of its own."""
    needs("greenlet")
    return importlib.import_module("sqlalchemy.ext.asyncio")


def engine_of(url: str, driver: str) -> sa.Engine:
    """An engine with this driver for a URL as `Schema.url` gives it."""
    needs(driver)
    found = sa.make_url(url)
    if driver != "pg8000":
        return sa.create_engine(found.set(drivername=f"postgresql+{driver}"), poolclass=NullPool)
    path = str(found.query["options"]).partition("=")[2]
    given = {"unix_sock": f"{found.query['host']}/.s.PGSQL.5432", "startup_params": {"search_path": path}}
    plain = found.set(drivername="postgresql+pg8000", query={})
    return sa.create_engine(plain, connect_args=given, poolclass=NullPool)


class DriverTable(SessionTable):
    """The text table, read through a session over one of the drivers."""

    def __init__(self, schema: Schema, driver: str) -> None:
        super().__init__(schema)
        self.driver = driver

    def source_of(self, url: str) -> Any:
        self.sessions.append(Session(engine_of(url, self.driver)))
        return self.sessions[-1]


class DriverContract(EngineContract, TableContract):
    too_deep = "SOURCE_TOO_DEEP"
    driver = ""

    @pytest.fixture
    def store(self, database: Schema) -> Iterator[Store]:
        store = DriverTable(database, self.driver)
        yield store
        store.close()


@pytest.mark.slow
class TestPsycopg2(DriverContract):
    driver = "psycopg2"


@pytest.mark.slow
class TestPg8000(DriverContract):
    driver = "pg8000"


@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
def test_engines_connections_and_sessions_give_the_same(database: Schema, driver: str) -> None:
    wanted = collect(edge_table(database))
    engine = engine_of(database.url(), driver)
    assert collect(engine) == wanted
    with engine.connect() as connection:
        assert collect(connection) == wanted
        assert not connection.in_transaction()
    with Session(engine.execution_options(isolation_level="REPEATABLE READ")) as session:
        session.execute(sa.text("SELECT 1"))
        assert collect(session) == wanted
        assert session.in_transaction()


@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
def test_refusals_have_the_same_names(database: Schema, driver: str) -> None:
    edge_table(database)
    engine = engine_of(database.url(), driver)
    assert fault(engine_of(database.url(database.role()), driver)).code == "SOURCE_REFUSED"
    guarded = database.role("SELECT ON scan_results", password="another")
    refused = fault(engine_of(database.url(guarded, SECRET), driver)).code
    assert refused == "SOURCE_REFUSED" or (driver, refused) == ("pg8000", "SOURCE_UNREACHABLE")  # it may not read why
    assert fault(sa.create_engine(f"postgresql+{driver}://a:{SECRET}@127.0.0.1:1/b")).code == "SOURCE_UNREACHABLE"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert fault(connection).code == "WEAK_ISOLATION"
    with Session(engine) as session:
        session.execute(sa.text("SELECT 1"))
        assert fault(session).code == "WEAK_ISOLATION"
        assert session.execute(sa.text("SELECT 1")).scalar_one() == 1


@pytest.mark.slow
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(("ends", "code"), [("terminate", "SOURCE_LOST"), ("cancel", "SOURCE_STOPPED")])
def test_ends_of_a_statement_have_the_same_names(database: Schema, driver: str, ends: str, code: str) -> None:
    def end(pid: int, watcher: psycopg.Connection[Any]) -> None:
        watcher.execute(f"SELECT pg_{ends}_backend(%s)".encode(), [pid])

    engine = engine_of(database.url(), driver)
    with waiting(database, end):
        assert fault(engine).code == code


@pytest.mark.parametrize(
    ("state", "connecting", "code"),
    [
        ("42501", False, "SOURCE_REFUSED"),
        ("28P01", True, "SOURCE_REFUSED"),
        ("57014", False, "SOURCE_STOPPED"),
        ("54001", False, "SOURCE_TOO_DEEP"),
        ("22P02", False, "SOURCE_FAILED"),
    ],
)
def test_a_state_among_the_fields_of_a_message_is_read(state: str, connecting: bool, code: str) -> None:
    error = DBAPIError("SELECT 1", None, Exception({"S": "ERROR", "C": state, "M": CANARY}))
    named = lost_or_refused("a server", error, connecting=connecting)
    assert named.code == code
    assert CANARY not in str(named.as_dict())


# What is not read is named, with what to do instead.


class _Dialect(sa.engine.default.DefaultDialect):
    name = "duckdb"
    driver = "duckdb_engine"

    @classmethod
    def import_dbapi(cls) -> Any:
        import sqlite3  # noqa: PLC0415

        return sqlite3


def test_an_engine_over_duckdb_is_refused_with_a_way_out() -> None:
    sa.dialects.registry.register("duckdb", __name__, "_Dialect")
    error = fault(sa.create_engine("duckdb://"))
    assert (error.code, "dialect duckdb" in error.what) == ("UNSUPPORTED_SOURCE", True)
    assert error.fix == "give the path of the DuckDB file itself as the source"


@pytest.mark.slow
def test_an_async_engine_or_session_is_refused_with_a_way_out(aio: Any) -> None:
    engine = aio.create_async_engine(f"postgresql+psycopg://a:{SECRET}@127.0.0.1:1/b", poolclass=NullPool)
    for source in (engine, aio.AsyncSession(engine), engine.connect()):
        error = fault(source)
        assert (error.code, "run_sync" in str(error.fix)) == ("UNSUPPORTED_SOURCE", True)


@pytest.mark.slow
def test_what_run_sync_hands_on_is_read(database: Schema, aio: Any) -> None:
    wanted = collect(edge_table(database))
    engine = aio.create_async_engine(database.url().replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)

    async def both() -> None:
        async with aio.AsyncSession(engine) as session:
            assert await session.run_sync(collect) == wanted
        async with engine.connect() as connection:
            assert await connection.run_sync(collect) == wanted

    asyncio.run(both())


def test_an_async_driver_of_sqlite_is_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = sa.create_engine(f"sqlite:///{write_text_table(tmp_path / 'a.sqlite', [GOOD])}")
    assert collect(engine).rows
    monkeypatch.setattr(engine.dialect, "is_async", True)
    with pytest.raises(CalibgitError) as caught:
        collect(engine)
    assert isinstance(caught.value, UsageError)
    assert caught.value.fix == "give the path of the SQLite file itself as the source"
