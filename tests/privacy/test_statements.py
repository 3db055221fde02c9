"""No text of a person leaves the source: not in a snapshot, not in an error, not in a statement's result."""

from __future__ import annotations

import json
import sqlite3
import traceback
from pathlib import Path
from typing import Any

import pytest

from calibgit.collect.disclose import disclose
from calibgit.collect.exact import collect_exact
from calibgit.collect.plan import make_plan
from calibgit.engine.lite import SqliteEngine
from calibgit.engine.open import open_source
from calibgit.engine.relations import statements
from calibgit.errors import CalibgitError
from calibgit.model.snapshot import ConfigRef
from tests.support.results import COLUMN_OF, CONFIG, GOOD, WINDOW, collect, margin, settings, write_text_table

CANARIES = ("roe.j@example.org", "+1-202-555-0143", "Jane Roe", "unicorn_flag", "77.77")
ALL = " ".join(CANARIES)
FLAG = {"type": "unicorn_flag", "severity": ALL, "category": ALL, "signal": ALL, "evidence": ALL, ALL: ALL}
CANARY_ROWS: list[dict[str, Any]] = [
    {
        **GOOD,
        "score": 77.77,
        "subject": ALL,
        "logic_version": ALL,
        "label": ALL,
        "tier": ALL,
        "sufficiency": ALL,
        "outcome": ALL,
        "conflict": ALL,
        "confidence": ALL,
        "escalation": ALL,
        "flags": json.dumps([FLAG]),
        "category_scores": json.dumps({ALL: 77.77, "expertise": ALL}),
        "note": ALL,
    },
    {**GOOD, "score": ALL, "created_at": ALL, "note": ALL},
    {**GOOD, "score": ALL, "note": ALL},
    {**GOOD, "escalation": f"Pattern recurrence: {ALL}", "flags": f"[{ALL}", "category_scores": f"{{{ALL}"},
]
ROWS = [*[{**GOOD, "score": 40 + i % 50, "note": "x", "subject": f"s{i}"} for i in range(300)], *CANARY_ROWS * 12]


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_canaries_are_in_no_snapshot(tmp_path: Path, suffix: str) -> None:
    exact = collect(str(write_text_table(tmp_path / f"a.{suffix}", ROWS, extra=["note"])))
    published = disclose(exact, settings=settings(), config_data=CONFIG)
    assert leaks(exact.pretty().decode()) == []
    assert leaks(published.pretty().decode()) == []
    assert published.strata[0].flag_types.counts["evasion"] == 0
    assert any(row.stratum == "__other__" for row in exact.rows)


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
@pytest.mark.parametrize(
    "change",
    [{"table": "missing"}, {"columns": {**COLUMN_OF, "tier": "missing"}}, {"created_at_as": "year"}],
)
def test_canaries_are_in_no_error(tmp_path: Path, suffix: str, change: dict[str, Any]) -> None:
    path = write_text_table(tmp_path / f"a.{suffix}", ROWS, extra=["note"])
    with pytest.raises(CalibgitError) as caught:
        collect(str(path), settings(**change))
    assert leaks("".join(traceback.format_exception(caught.value)) + str(caught.value.as_dict())) == []


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_a_failing_statement_repeats_no_value(tmp_path: Path, suffix: str) -> None:
    path = write_text_table(tmp_path / f"a.{suffix}", ROWS, extra=["note"])
    sql = {
        "duckdb": "SELECT CAST(subject AS INTEGER) FROM scan_results",
        "sqlite": "SELECT json_extract(note, '$.' || subject) FROM scan_results",
    }[suffix]
    with open_source(str(path)) as engine, pytest.raises(CalibgitError) as caught:
        engine.fetch(sql)
    assert caught.value.code in {"SOURCE_FAILED", "SOURCE_UNREADABLE"}
    assert leaks("".join(traceback.format_exception(caught.value)) + str(caught.value.as_dict())) == []


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_unmapped_columns_change_no_byte(tmp_path: Path, suffix: str) -> None:
    first = collect(str(write_text_table(tmp_path / f"a.{suffix}", ROWS, extra=["note"])))
    other = [{**row, "note": str(index) * 9} for index, row in enumerate(ROWS)]
    second = collect(str(write_text_table(tmp_path / f"b.{suffix}", other, extra=["note"])))
    assert first.pretty() == second.pretty()


def test_sqlite_reads_only_the_mapped_columns(tmp_path: Path) -> None:
    path = write_text_table(tmp_path / "a.sqlite", ROWS, extra=["note"])
    connection = sqlite3.connect(path)
    read: set[str] = set()

    def watch(action: int, table: str | None, column: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and table == "scan_results" and column:
            read.add(column)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(watch)
    try:
        collect_exact(
            SqliteEngine(connection, "a.sqlite"), line="scoring", settings=settings(), settings_sha256="0" * 64,
            config=ConfigRef(version="1.0.0", sha256="1" * 64), config_data=CONFIG, window=WINDOW,
        )  # fmt: skip
    finally:
        connection.close()
    assert read == set(COLUMN_OF.values())


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_statements_name_only_mapped_columns_and_return_only_counts(tmp_path: Path, suffix: str) -> None:
    path = write_text_table(tmp_path / f"a.{suffix}", ROWS, extra=["note"])
    plan = make_plan("scoring", settings(), CONFIG, "1.0.0", WINDOW)
    with open_source(str(path)) as engine:
        for sql in statements(engine, plan).values():
            assert '"note"' not in sql
            assert leaks(repr(engine.fetch(sql))) == []
            assert len(engine.fetch(sql)) < len(ROWS)


def test_closed_words_with_quotes_cannot_leave_their_literal(tmp_path: Path) -> None:
    line = settings()
    words = line.vocabulary.model_copy(
        update={"escalation": (line.vocabulary.escalation[0].model_copy(update={"contains": "o'clock'); DROP"}),)}
    )
    rows = [{**GOOD, "escalation": "At 5 O'CLOCK'); drop it"}] * 3
    for suffix in ("duckdb", "sqlite"):
        exact = collect(
            str(write_text_table(tmp_path / f"a.{suffix}", rows)), line.model_copy(update={"vocabulary": words})
        )
        assert margin(exact, "traits", "escalation") == {("pattern",): 3}
