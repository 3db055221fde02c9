"""PostgreSQL: shapes of tables, rights, sessions that are left as found, and what only a server can do to a count."""

from __future__ import annotations

import json
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from calibgit.engine import postgres
from calibgit.engine.open import open_source
from calibgit.errors import CalibgitError
from tests.engine.contract import CANARY, require_same
from tests.support.postgres import Schema
from tests.support.postgres_tables import HIDDEN, NAMES, TextTable, TypedTable
from tests.support.results import COLUMN_OF, GOOD, collect, edge_rows, margin, plain, settings, sums

SECRET = "correct-horse"
HOLD = "CROSS JOIN (SELECT pg_advisory_lock(42) OFFSET 0) AS waits"


def fault(source: object, **over: Any) -> CalibgitError:
    with pytest.raises(CalibgitError) as caught:
        collect(source, **over)
    error = caught.value
    assert error.fix
    assert (error.__cause__, error.__context__) == (None, None)
    text = "".join(traceback.format_exception(error)) + str(error.as_dict())
    assert SECRET not in text
    assert CANARY not in text
    return error


def edge_table(schema: Schema) -> str:
    return str(TextTable(schema).write(edge_rows()))


# Shapes of tables.


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_are_read_like_tables(database: Schema, kind: str) -> None:
    wanted = collect(edge_table(database))
    database.run(
        "ALTER TABLE scan_results RENAME TO all_results",
        f"CREATE {kind} scan_results AS SELECT * FROM all_results",
    )
    assert collect(database.url()) == wanted


def test_a_partitioned_table_in_another_schema_with_names_in_capitals(database: Schema) -> None:
    wanted = collect(edge_table(database))
    fields = ", ".join(f'{name} AS "Camel_{name}"' for name in NAMES)
    database.run(
        f"CREATE TABLE whole AS SELECT {fields} FROM scan_results",
        'CREATE TABLE "Scan_Results" (LIKE whole) PARTITION BY LIST ("Camel_cohort")',
        "CREATE TABLE part1 PARTITION OF \"Scan_Results\" FOR VALUES IN ('north')",
        'CREATE TABLE part2 PARTITION OF "Scan_Results" DEFAULT',
        'INSERT INTO "Scan_Results" SELECT * FROM whole',
    )
    columns = {role: f"Camel_{name}" for role, name in COLUMN_OF.items()}
    found = collect(database.server.url(), settings(table=f"{database.name}.Scan_Results", columns=columns))
    assert (found.rows, found.roles) == (wanted.rows, wanted.roles)
    assert fault(database.server.url(), line=settings(table="nowhere.scan_results")).code == "NO_TABLE"
    assert fault(database.server.url(), line=settings(table="scan_results")).code == "NO_TABLE"


def test_arrays_of_composites_are_read_as_json_is(database: Schema) -> None:
    rows = [
        {**GOOD, "flags": flags, "category_scores": scores}
        for flags in (None, "[]", '[{"type": "evasion", "severity": "critical"}, {"type": null, "severity": "low"}]')
        for scores in (None, '{"expertise": 57.58, "reasoning": 1.5}', '{"expertise": null, "reasoning": 101}')
    ]
    require_same(TextTable(database).write(rows), rows)
    wanted = collect(database.url())
    database.run(
        "CREATE TYPE flag AS (type text, severity text)",
        "CREATE TYPE scores AS (expertise numeric, reasoning float8)",
        "ALTER TABLE scan_results RENAME TO old_results",
        """CREATE VIEW scan_results AS SELECT created_at, overall_score, subject, logic_version, category,
             CASE WHEN category_scores IS NOT NULL
                  THEN jsonb_populate_record(NULL::scores, category_scores::jsonb) END AS category_scores,
             confidence_score,
             CASE WHEN red_flags IS NOT NULL THEN ARRAY(SELECT jsonb_populate_record(NULL::flag, e)
               FROM jsonb_array_elements(red_flags::jsonb) AS e) END AS red_flags,
             data_sufficiency, conflict_density, escalation_reason, tier, outcome, feedback, cohort FROM old_results""",
    )
    assert collect(database.url()) == wanted


@pytest.mark.parametrize("kind", ["text", "json"])
def test_json_that_jsonb_refuses_is_mended(database: Schema, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = [
        '[{"type": "evasion", "severity": "critical", "evidence": "a\\u0000b"}]',
        '[{"type": "evasion", "severity": "critical", "evidence": "half \\ud83d, back\\\\u0000slash"}]',
    ]
    scores = [
        '{"expertise": 1e200000, "reasoning": 5}', '{"expertise": 1e-200000, "reasoning": 5}',
        '{"expertise": ' + "9" * 400 + ', "reasoning": 5}', '{"expertise": 0.' + "3" * 400 + ', "reasoning": 5}',
    ]  # fmt: skip
    rows = [{**GOOD, "flags": text} for text in flags] + [{**GOOD, "category_scores": text} for text in scores]
    table = TextTable(database)
    types = dict.fromkeys(NAMES, "text") | dict.fromkeys(("red_flags", "category_scores"), kind)
    monkeypatch.setattr(table, "types", lambda _: types)
    require_same(table.write(rows), rows)


def test_numbers_at_the_edge_of_the_type(database: Schema) -> None:
    texts = ("'NaN'", "'Infinity'", "'-Infinity'", "1e400", "-1e400", "1e-400", "0.0", "70.50", "1e5000", "NULL")
    database.run(
        "CREATE TABLE scan_results (created_at timestamptz, overall_score numeric, outcome numeric)",
        *(f"INSERT INTO scan_results VALUES ('2024-01-10 12:00+00', {text}, 1.00)" for text in texts),
        "INSERT INTO scan_results VALUES ('infinity', 5, 1), ('-infinity', 5, 1), (NULL, 5, 1)",
    )
    columns = {"created_at": "created_at", "score": "overall_score", "outcome": "outcome"}
    exact = collect(database.url(), settings(columns=columns, logic_version="1.0.0"))
    assert {(key[2], n) for key, n in plain(exact).items() if key[0] == "dropped"} == {
        (("score_missing",), 2), (("score_invalid",), 5), (("time_unreadable",), 1),
    }  # fmt: skip
    assert margin(exact, "outcome_score", "outcome") == {("1",): 3}


def test_scalars_in_jsonb_columns(database: Schema) -> None:
    good = {"score": 70.0, "label": "good", "confidence": 0.8, "conflict": {"conflict_score": 0.4}, "outcome": True}
    odd: list[Mapping[str, Any]] = [
        good, {**good, "score": None}, {**good, "score": "70"}, {**good, "label": 7}, {**good, "confidence": [1]},
        {**good, "conflict": {"conflict_score": "0.4"}}, {**good, "conflict": 0.2}, {**good, "outcome": "false"},
    ]  # fmt: skip
    database.run(
        "CREATE TABLE scan_results (at date, score jsonb, label jsonb, confidence jsonb, conflict jsonb, outcome jsonb)"
    )
    with psycopg.connect(database.url(), autocommit=True) as connection:
        for row in odd:
            connection.execute(
                "INSERT INTO scan_results VALUES ('2024-01-10', %s, %s, %s, %s, %s)",
                [json.dumps(value) for value in row.values()],
            )
    columns = {"created_at": "at", **{role: role for role in good}}
    exact = collect(database.url(), settings(columns=columns, logic_version="1.0.0"))
    assert margin(exact, "outcome_score", "outcome") == {("1",): 5, ("0",): 1}
    assert margin(exact, "conflict", "conflict") == {("ok",): 5, ("invalid",): 1}
    assert margin(exact, "confidence", "label", "confidence") == {
        ("good", "ok"): 4, ("__other__", "ok"): 1, ("good", "invalid"): 1,
    }  # fmt: skip


def test_a_wrong_column_type_is_counted_and_stops_nothing(database: Schema) -> None:
    types = dict.fromkeys(COLUMN_OF, "boolean") | {"created_at": "timestamptz", "score": "integer", "flags": "bytea"}
    fields = ", ".join(f"{COLUMN_OF[role]} {kind}" for role, kind in types.items())
    database.run(
        f"CREATE TABLE scan_results ({fields})",
        "INSERT INTO scan_results (created_at, overall_score, confidence_score, red_flags, category)"
        " VALUES ('2024-01-10', 70, true, '[]', true)",
    )
    exact = collect(database.url())
    assert margin(exact, "confidence", "label", "confidence") == {("__other__", "invalid"): 1}
    assert margin(exact, "traits", "worst") == {("__missing__",): 1}


def test_an_older_server_reads_jsonb_and_json_and_names_text(database: Schema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "CAN_TEST_TEXT", 10**9)
    table = TextTable(database)
    rows = [GOOD, {**GOOD, "flags": '[{"severity": "critical", "evidence": "\\u0000"}]'}]
    url = table.write(rows)
    error = fault(url)
    assert error.code == "UNTESTABLE_JSON"
    database.run(
        "ALTER TABLE scan_results ALTER red_flags TYPE json USING red_flags::json,"
        " ALTER category_scores TYPE jsonb USING category_scores::jsonb,"
        " ALTER conflict_density TYPE float8 USING conflict_density::float8"
    )
    require_same(url, rows)


# Rights.


def test_a_role_that_may_only_select_the_mapped_columns_is_enough(database: Schema) -> None:
    wanted = collect(edge_table(database))
    role = database.role(f"SELECT ({', '.join(COLUMN_OF.values())}) ON scan_results")
    assert collect(database.url(role)) == wanted
    with psycopg.connect(database.url(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT {HIDDEN} FROM scan_results".encode())


@pytest.mark.parametrize("json_type", ["text", "jsonb"])
def test_a_read_only_role_without_temporary_tables_counts_the_same(database: Schema, json_type: str) -> None:
    """Also where groups and sorts do not fit into the memory of the server, which then writes files of its own."""
    table = TextTable(database) if json_type == "text" else TypedTable(database, json_type, {})
    rows = [row for row in edge_rows() if all(table.holds(name, row[name]) for name in COLUMN_OF)]
    wanted = collect(table.write(rows))
    require_same(database.url(), rows)
    role = database.role("SELECT ON scan_results")
    database.run(
        f"ALTER ROLE {role} SET default_transaction_read_only = on",
        f"ALTER ROLE {role} SET work_mem = '64kB'",
    )
    with psycopg.connect(database.url(role), autocommit=True) as connection:
        rights = (
            "has_database_privilege(current_database(), 'TEMPORARY'), has_schema_privilege(current_schema(), 'CREATE')"
        )
        assert connection.execute(f"SELECT {rights}".encode()).fetchall() == [(False, False)]
        assert connection.execute("SHOW default_transaction_read_only").fetchall() == [("on",)]
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TEMPORARY TABLE a (b int)")
    assert collect(database.url(role)) == wanted
    engine = sa.create_engine(database.url(role).replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with Session(engine) as session:
        assert collect(session) == wanted
    with Session(engine.execution_options(isolation_level="REPEATABLE READ")) as session:
        session.execute(sa.text("SELECT 1"))
        assert collect(session) == wanted


def test_a_role_without_the_right_to_select_is_refused_by_name(database: Schema) -> None:
    edge_table(database)
    role = database.role()
    assert fault(database.url(role)).code == "SOURCE_REFUSED"
    database.run(f"REVOKE USAGE ON SCHEMA {database.name} FROM {role}")
    assert (
        fault(database.server.url(role), line=settings(table=f"{database.name}.scan_results")).code == "SOURCE_REFUSED"
    )


def test_nothing_is_written(database: Schema) -> None:
    with open_source(edge_table(database)) as engine:
        for sql in ("DELETE FROM scan_results", "CREATE TEMP TABLE a (b int)"):
            with pytest.raises(CalibgitError, match=r"SOURCE_FAILED|SOURCE_REFUSED"):
                engine.fetch(sql)
    assert database.run("SELECT count(*) FROM scan_results") == [(len(edge_rows()),)]


# Errors. A password is in each of these addresses, and in none of the errors.


@pytest.mark.parametrize("query", ["", "&password=" + SECRET, "&sslmode=nonsense"])
def test_a_password_is_never_repeated(database: Schema, query: str, capfd: pytest.CaptureFixture[str]) -> None:
    edge_table(database)
    role = database.role("SELECT ON scan_results", password="another")
    url = database.url(role, SECRET) + query
    assert fault(url).code in {"SOURCE_REFUSED", "SOURCE_UNREACHABLE"}
    assert SECRET not in "".join(capfd.readouterr())
    assert collect(database.url(role, "another")).rows


def test_refusals_of_a_server_are_named(database: Schema) -> None:
    place = database.server.place
    for url in (
        f"postgresql://nobody_here:{SECRET}@/postgres?host={place}",
        f"postgres://postgres:{SECRET}@/no_such_database?host={place}",
    ):
        assert fault(url).code == "SOURCE_REFUSED"
    for url in (
        f"postgresql+psycopg://postgres:{SECRET}@127.0.0.1:1/postgres",
        f"postgresql://postgres:{SECRET}@/postgres?host=/nowhere",
    ):
        assert fault(url).code == "SOURCE_UNREACHABLE"
    for url in (
        f"postgresql://a:{SECRET}@b:port/c",
        f"postgresql+psycopg2://a:{SECRET}@b/c",
        f"mysql://a:{SECRET}@b/c",
    ):
        assert fault(url).code == "UNSUPPORTED_SOURCE"


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(CalibgitError) as caught:
        collect(f"postgresql://a:{SECRET}@b/c")
    assert (caught.value.code, caught.value.fix) == ("MISSING_EXTRA", "pip install 'calibgit[postgres]'")


@contextmanager
def waiting(schema: Schema, act: Callable[[int, psycopg.Connection[Any]], object]) -> Iterator[str]:
    """A table whose reading waits for a lock; `act` is called with the process id once a reader waits for it."""
    TextTable(schema).write([GOOD])
    schema.run(
        "ALTER TABLE scan_results RENAME TO all_results",
        f"CREATE VIEW scan_results AS SELECT all_results.* FROM all_results {HOLD}",
    )
    with schema.server.connect() as holder, schema.server.connect() as watcher:
        holder.execute("SELECT pg_advisory_lock(42)")

        def watch() -> None:
            for _ in range(100_000):
                found = watcher.execute(
                    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                ).fetchone()
                if found:
                    act(found[0], watcher)
                    return

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield schema.url()
        finally:
            holder.execute("SELECT pg_advisory_unlock_all()")
            thread.join()


def test_a_lost_connection_is_named(database: Schema) -> None:
    with waiting(database, lambda pid, db: db.execute("SELECT pg_terminate_backend(%s)", [pid])) as url:
        assert fault(url).code == "SOURCE_LOST"


def test_a_statement_that_an_administrator_cancels_is_named(database: Schema) -> None:
    with waiting(database, lambda pid, db: db.execute("SELECT pg_cancel_backend(%s)", [pid])) as url:
        assert fault(url).code == "SOURCE_STOPPED"


@pytest.mark.parametrize(
    ("setting", "code"), [("statement_timeout", "SOURCE_STOPPED"), ("lock_timeout", "LOCKED_SOURCE")]
)
def test_time_limits_of_the_server_are_kept_and_named(database: Schema, setting: str, code: str) -> None:
    with waiting(database, lambda *_: None) as url:
        assert fault(url + f"%20-c{setting}%3D50").code == code


def test_ctrl_c_cancels_the_statement_on_the_server(database: Schema, request: pytest.FixtureRequest) -> None:
    def interrupt(pid: int, _: psycopg.Connection[Any]) -> None:
        seen.append(pid)
        os.kill(os.getpid(), signal.SIGINT)

    seen: list[int] = []
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a background shell hands down that it is ignored
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with waiting(database, interrupt) as url, pytest.raises(KeyboardInterrupt):
        collect(url)
    running = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
    with database.server.connect() as connection:
        assert connection.execute(running, seen).fetchone() == (0,)


# Sessions are left as found.


@pytest.fixture
def alchemy(database: Schema) -> Iterator[sa.Engine]:
    edge_table(database)
    made = sa.create_engine(database.url().replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    yield made
    made.dispose()


def state(connection: sa.Connection) -> tuple[Any, ...]:
    names = ("TimeZone", "jit", "enable_sort", "transaction_isolation", "transaction_read_only")
    return tuple(connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names)


def test_engines_connections_and_sessions_give_the_same_and_are_left_as_found(
    database: Schema, alchemy: sa.Engine
) -> None:
    wanted = collect(database.url())
    assert collect(alchemy) == wanted
    with alchemy.connect() as connection:
        assert collect(connection) == wanted
        assert not connection.in_transaction()
        connection.exec_driver_sql("SET TimeZone = 'Asia/Tokyo'")
        before = state(connection)
        connection.commit()
        assert collect(connection) == wanted
        assert state(connection) == before
    with Session(alchemy) as session:
        assert collect(session) == wanted
        assert not session.in_transaction()


def test_a_session_inside_a_stable_transaction_shows_what_it_sees(database: Schema, alchemy: sa.Engine) -> None:
    wanted = collect(database.url())
    with Session(alchemy.execution_options(isolation_level="REPEATABLE READ")) as session:
        session.execute(sa.text("DELETE FROM scan_results WHERE category = 'excellent'"))
        before = state(session.connection())
        assert collect(session) != wanted
        assert session.in_transaction()
        assert state(session.connection()) == before
        assert fault(session, line=settings(table="nothing")).code == "NO_TABLE"
        assert session.execute(sa.text("SELECT count(*) FROM scan_results")).scalar_one() > 0
        session.rollback()
        assert collect(session) == wanted


def test_a_transaction_without_one_snapshot_is_refused_by_name(alchemy: sa.Engine) -> None:
    with Session(alchemy) as session:
        session.execute(sa.text("SELECT 1"))
        error = fault(session)
        assert error.code == "WEAK_ISOLATION"
        assert session.execute(sa.text("SELECT 1")).scalar_one() == 1
    with alchemy.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert fault(connection).code == "WEAK_ISOLATION"


def test_time_zones_of_server_and_session_change_nothing(database: Schema) -> None:
    database.run(
        "CREATE TABLE scan_results (created_at timestamptz, overall_score float8)",
        "INSERT INTO scan_results VALUES ('2023-12-31 23:59:59+00', 1), ('2024-01-01 00:00:00+00', 2),"
        " ('2024-01-30 23:59:59.999999+00', 3), ('2024-01-31 00:00:00+00', 4), ('2024-01-31 01:00:00+02', 5)",
    )
    line = settings(columns={"created_at": "created_at", "score": "overall_score"}, logic_version="1.0.0")
    found = collect(database.url() + "%20-cTimeZone%3DAsia/Tokyo", line)
    assert {row.bin for row in found.rows if row.block == "score"} == {2, 3, 5}
    assert sums(found) == {}
