"""init --from-source: a mapping from names and types alone, that the following collect can use as it is."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.engine import postgres
from calibgit.engine.duck import DuckEngine
from calibgit.engine.lite import SqliteEngine
from calibgit.engine.table import COLUMNS, write_results
from calibgit.jobs.first_mapping import draft_mapping
from calibgit.model.settings import Settings, read_settings
from calibgit.model.toml import quoted
from calibgit.simulate.population import simulate
from tests.cli.conftest import Command, Result
from tests.support.postgres import Schema
from tests.support.results import CONFIG
from tests.support.world import World

CANARY = "jane.roe@example.org"
SECRET = "hunter2"
ROWS = [
    {**row, "subject": f"{number}.{CANARY}", "escalation_reason": CANARY}
    for number, row in enumerate(simulate(CONFIG, rows=400, seed=4, start=dt.date(2024, 1, 1), days=30))
]
MAPPED = {
    "created_at": "created_at", "score": "overall_score", "subject": "subject", "logic_version": "logic_version",
    "label": "category", "category_scores": "category_scores", "confidence": "confidence_score", "flags": "red_flags",
    "sufficiency": "data_sufficiency", "conflict": "conflict_density", "escalation": "escalation_reason",
    "tier": "tier", "outcome": "outcome", "feedback": "feedback",
}  # fmt: skip


@pytest.fixture
def init(world: World, be: Callable[[str], None], calibgit: Command) -> Callable[..., Result]:
    be("alice")

    def called(source: str, *words: str) -> Result:
        return calibgit("--repo", world.clone, "init", "--solo", "--from-source", source, *words)

    return called


def read(world: World) -> Settings:
    return read_settings((world.clone / "calibgit.toml").read_bytes())


def exported(folder: Path, form: str) -> str:
    write_results(folder / "a.duckdb", ROWS)
    if form in {"duckdb", "sqlite"}:
        write_results(folder / "b.sqlite", ROWS)
        return str(folder / "a.duckdb") if form == "duckdb" else f"sqlite:///{folder}/b.sqlite"
    target = folder / f"results.{form}"
    options = {"parquet": "FORMAT parquet", "csv": "HEADER", "jsonl": "FORMAT json"}[form]
    with duckdb.connect(str(folder / "a.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY scan_results TO '{target}' ({options})")
    return str(target)


@pytest.fixture(params=["duckdb", "sqlite", "parquet", "csv", "jsonl", "postgresql"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param != "postgresql":
        return exported(tmp_path, request.param)
    schema: Schema = request.getfixturevalue("database")
    kinds = {
        **{name: kind.lower() for name, kind in COLUMNS.items()},
        "overall_score": "numeric", "confidence_score": "double precision", "conflict_density": "double precision",
        "category_scores": "jsonb", "red_flags": "jsonb", "created_at": "timestamptz",
    }  # fmt: skip
    rows = [
        [json.dumps(value) if isinstance(value := row.get(name), (dict, list)) else value for name in COLUMNS]
        for row in ROWS
    ]
    schema.table(kinds, rows)
    return schema.url(schema.role("SELECT ON scan_results", password=SECRET), SECRET)


def test_the_mapping_that_is_written_collects_from_the_same_table(
    source: str, init: Callable[..., Result], calibgit: Command, world: World, tmp_path: Path
) -> None:
    told = init(source, "--table", "scan_results")
    assert (told.status, told.err) == (0, "")
    assert "mapped 14 of 15 roles; columns without a role: 2" in told.out
    text = (world.clone / "calibgit.toml").read_text("utf-8")
    for word in (CANARY, SECRET, source):
        assert word not in text + told.out
    found = read(world).lines["scoring"].source
    assert (found.table, dict(found.columns) | {"group": None}) == ("scan_results", {**MAPPED, "group": None})
    snapshot = tmp_path / "snapshot.json"
    words = ("--as-of", "2024-01-31", "--config", "1.0.0", "-o", snapshot)
    assert calibgit("--repo", world.clone, "collect", "--source", source, *words).status == 0
    assert sum(stratum["n"] for stratum in json.loads(snapshot.read_bytes())["strata"]) == len(ROWS)
    # A file of one table, and a database with one table, need no --table; the answer is the same.
    assert dict(draft_mapping(source).mapping.chosen) == MAPPED


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Every statement that an engine runs, and its rows."""
    seen: list[tuple[str, list[tuple[Any, ...]]]] = []
    doors: tuple[tuple[Any, str], ...] = ((DuckEngine, "fetch"), (SqliteEngine, "fetch"), (postgres, "run"))
    for place, name in doors:
        original = getattr(place, name)

        def watched(first: Any, sql: str, *rest: Any, original: Any = original) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = original(first, sql, *rest)
            seen.append((sql, rows))
            return rows

        monkeypatch.setattr(place, name, watched)
    return seen


CATALOG = (
    "FROM duckdb_columns() ", "FROM pragma_table_info(", "FROM sqlite_master", "FROM pg_catalog.pg_class ",
    "FROM pg_catalog.pg_attribute ", "SELECT current_setting(",
)  # fmt: skip
NAMES_OF_FILES = ("DESCRIBE SELECT * FROM read_", "SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects(")
SILENT = ("SET ", "BEGIN", "ROLLBACK")


def test_only_the_catalog_is_asked_and_no_value_is_seen(
    source: str, spied: list[tuple[str, list[tuple[Any, ...]]]]
) -> None:
    draft = draft_mapping(source)
    assert len(spied) >= 2
    for sql, rows in spied:
        asked = " ".join(sql.split())
        if asked.startswith(NAMES_OF_FILES):
            assert {row[0] for row in rows} == set(COLUMNS)
        elif not any(table in asked for table in CATALOG):
            assert asked.startswith(SILENT)
            assert not any(value for row in rows for value in row)  # a setting made, and no row of the table
        assert CANARY not in repr(rows)
        assert "FROM scan_results" not in asked
    assert CANARY not in repr(draft)


def sqlite(folder: Path, *statements: str) -> str:
    connection = sqlite3.connect(folder / "made.sqlite")
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return str(folder / "made.sqlite")


NO_SCORE = "CREATE TABLE people (name TEXT, born DATE)"
RESULTS = "CREATE TABLE results (at DATETIME, score REAL)"


@pytest.mark.parametrize(
    ("statements", "words", "code", "status"),
    [
        ((), (), "NO_SOURCE", 3),
        (("CREATE TABLE a (b)", "DROP TABLE a"), (), "NO_TABLE", 3),
        ((RESULTS,), ("--table", "other"), "NO_TABLE", 3),
        ((RESULTS,), ("--table", "a.b.c"), "NO_TABLE", 3),
        ((RESULTS, "CREATE VIEW latest AS SELECT * FROM results"), (), "WHICH_TABLE", 2),
        ((NO_SCORE,), (), "NO_SCORE_COLUMN", 3),
        (("CREATE TABLE a (score BOOLEAN)",), (), "NO_SCORE_COLUMN", 3),
    ],
)
def test_what_cannot_be_mapped_is_named_and_nothing_is_written(
    statements: tuple[str, ...], words: tuple[str, ...], code: str, status: int,
    init: Callable[..., Result], world: World, tmp_path: Path,
) -> None:  # fmt: skip
    source = sqlite(tmp_path, *statements) if statements else str(tmp_path / "nothing.sqlite")
    told = init(source, *words, "--format", "json")
    assert (told.status, told.error["code"]) == (status, code)
    assert not (world.clone / "calibgit.toml").exists()
    assert not (world.clone / "trust.toml").exists()


def test_a_wrong_password_is_refused_and_not_repeated(
    init: Callable[..., Result], database: Schema, world: World
) -> None:
    told = init(database.url(database.role(password="right"), SECRET))
    assert told.status == 4
    assert "SOURCE_REFUSED" in told.err
    assert SECRET not in told.err + told.out


def test_tables_of_other_schemas_are_listed_with_theirs_and_unreadable_ones_not_at_all(database: Schema) -> None:
    role = database.role()
    database.run("CREATE TABLE hidden (score numeric)", "CREATE TABLE results (created_at date, score numeric)")
    database.run(f"GRANT SELECT (score) ON results TO {role}")
    draft = draft_mapping(database.url(role))
    assert (draft.table, draft.mapping.chosen, draft.mapping.columns) == ("results", {"score": "score"}, 1)
    assert draft_mapping(database.url(), "results").mapping.columns == 2
    assert draft_mapping(database.server.url(role)).table == f"{database.name}.results"


def test_existing_settings_are_never_overwritten(init: Callable[..., Result], world: World, tmp_path: Path) -> None:
    (world.clone / "calibgit.toml").write_text("mine")
    told = init(sqlite(tmp_path, RESULTS))
    assert (told.status, "SETTINGS_EXIST" in told.err) == (2, True)
    assert (world.clone / "calibgit.toml").read_text() == "mine"
    assert not (world.clone / "trust.toml").exists()


@pytest.mark.parametrize("words", [("--seal",), ("--fork",)])
def test_a_mapping_is_for_the_first_files(words: tuple[str, ...], init: Callable[..., Result]) -> None:
    assert init("a.csv", *words).status == 2


def test_a_table_alone_is_a_usage_error(calibgit: Command, world: World) -> None:
    told = calibgit("--repo", world.clone, "init", "--table", "results")
    assert (told.status, "--from-source" in told.err) == (2, True)


def test_what_is_not_certain_is_left_to_a_person(init: Callable[..., Result], world: World, tmp_path: Path) -> None:
    source = sqlite(
        tmp_path,
        "CREATE TABLE results (created_at INTEGER, score REAL, final_score REAL, cohort TEXT, jane_roe_note TEXT)",
    )
    told = init(source)
    text = (world.clone / "calibgit.toml").read_text("ascii")
    assert told.status == 0
    assert '# score: choose one of "final_score", "score"\n' in text
    assert '# created_at: "created_at" has the name, but a type that this role does not read\n' in text
    assert '# group: "cohort" may be it; list the groups' in text
    assert "# subject: no column is called subject, " in text
    assert 'logic_version = "1.0.0"' in text
    assert "# Only these columns are ever selected. Columns without a role: 5.\n" in text
    assert "before anything can be collected, map in calibgit.toml: created_at, score" in told.out
    assert "jane_roe" not in text + told.out
    source_of = tomllib.loads(text)["lines"]["scoring"]["source"]
    assert source_of == {"table": "results", "logic_version": "1.0.0", "columns": {}}


def test_a_csv_without_a_header_shows_no_value(init: Callable[..., Result], world: World, tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text(f"2024-01-01,{CANARY},71.5\n2024-01-02,{CANARY},72.5\n")
    told = init(str(tmp_path / "raw.csv"))
    assert told.status == 0
    assert CANARY not in told.out + told.err + (world.clone / "calibgit.toml").read_text()


ODD = ('Created "At"', "overall\nscore", "Logic Version", "red-flags'; --", "ORDER", "sc\u043ere", "{low}")


def odd_tables() -> Iterator[str]:
    kinds = ("TEXT", "REAL", "TEXT", "TEXT", "TEXT", "REAL", "REAL")
    fields = ", ".join('"{}" {}'.format(n.replace('"', '""'), kind) for n, kind in zip(ODD, kinds, strict=True))
    yield f'CREATE TABLE "select ""\nr\u00e9sults" ({fields})'
    yield "INSERT INTO \"select \"\"\nr\u00e9sults\" VALUES ('2024-01-10', 71.5, '1.0.0', '[]', '', 1, 2)"


def test_odd_names_are_valid_toml_and_collect(
    init: Callable[..., Result], calibgit: Command, world: World, tmp_path: Path
) -> None:
    source = sqlite(
        tmp_path, *odd_tables(), *['INSERT INTO "select ""\nr\u00e9sults" SELECT * FROM "select ""\nr\u00e9sults"'] * 5
    )
    told = init(source, "--line", "exam")
    assert told.status == 0
    assert (world.clone / "calibgit.toml").read_bytes().isascii()
    found = read(world).lines["exam"].source
    assert found.table == 'select "\nr\u00e9sults'
    assert {role: name for role, name in found.columns if name} == dict(
        zip(("created_at", "score", "logic_version", "flags"), ODD, strict=False)
    )
    words = ("--as-of", "2024-01-31", "--config", "1.0.0", "--format", "json")
    collected = calibgit("--repo", world.clone, "collect", "--source", source, *words)
    assert [stratum["n"] for stratum in collected.data["strata"]] == [32]


def test_a_dry_run_writes_nothing_and_json_has_the_mapping(
    init: Callable[..., Result], world: World, tmp_path: Path
) -> None:
    told = init(sqlite(tmp_path, RESULTS), "--dry-run", "--format", "json")
    assert told.data["mapping"]["columns"] == {"score": "score"}
    assert told.data["mapping"]["undecided"] == ["created_at"]
    assert told.data["mapping"]["columns_without_role"] == 1
    assert not (world.clone / "calibgit.toml").exists()


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_is_read_back_as_it_was_on_one_line_of_ascii(text: str) -> None:
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}
    assert quoted(text).isascii()
    assert quoted(text).isprintable()
