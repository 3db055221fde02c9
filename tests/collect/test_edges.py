"""The same integers from every engine, and from plain Python."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from calibgit.engine.open import open_source
from calibgit.engine.table import write_results
from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.simulate.population import simulate
from tests.engine.contract import Watched
from tests.support.reference_collect import Reference
from tests.support.results import (
    COLUMN_OF,
    CONFIG,
    GOOD,
    ODD,
    WINDOW,
    collect,
    collect_from,
    edge_rows,
    plain,
    settings,
    sums,
    write_text_table,
)

REFERENCE = Reference(settings(), CONFIG, "1.0.0", WINDOW).add_all(edge_rows())


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_every_edge_case_is_counted_as_plain_python_counts_it(tmp_path: Path, suffix: str) -> None:
    exact = collect(str(write_text_table(tmp_path / f"results.{suffix}", edge_rows())))
    assert plain(exact) == {key: n for key, n in REFERENCE.counts.items() if n}
    assert sums(exact) == {key: total for key, total in REFERENCE.totals.items() if total}


@pytest.mark.parametrize("role", sorted(ODD))
@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_each_odd_value_alone_is_counted_as_plain_python_counts_it(tmp_path: Path, suffix: str, role: str) -> None:

    rows = [{**GOOD, role: value} for value in ODD[role]]
    exact = collect(str(write_text_table(tmp_path / f"results.{suffix}", rows)))
    assert plain(exact) == dict(Reference(settings(), CONFIG, "1.0.0", WINDOW).add_all(rows).counts)


def test_a_session_gives_the_same_snapshot_and_is_left_as_it_was(tmp_path: Path) -> None:

    path = write_text_table(tmp_path / "results.sqlite", edge_rows())
    wanted = collect(str(path))
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        assert collect(engine) == wanted
        with engine.connect() as connection:
            assert collect(connection) == wanted
            assert not connection.in_transaction()
        with Session(engine) as session:
            assert collect(session) == wanted
            assert not session.in_transaction()
            session.execute(sa.text("DELETE FROM scan_results WHERE category = 'excellent'"))
            assert collect(session) != wanted
            assert session.in_transaction()
            session.rollback()
            assert collect(session) == wanted
    finally:
        engine.dispose()


def test_files_of_text_give_the_same_snapshot(tmp_path: Path) -> None:

    rows = [row for row in edge_rows() if "" not in row.values()]
    wanted = collect(str(write_text_table(tmp_path / "results.duckdb", rows)))

    named = [{COLUMN_OF[role]: value for role, value in row.items()} for row in rows]
    (tmp_path / "parts").mkdir()
    for part in range(2):
        half = named[part::2]
        with (tmp_path / "parts" / f"{part}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(COLUMN_OF.values()))
            writer.writeheader()
            writer.writerows(half)
        lines = "\n".join(json.dumps({k: v if v is None else str(v) for k, v in row.items()}) for row in half)
        (tmp_path / "parts" / f"{part}.jsonl").write_text(lines + "\n", encoding="utf-8")
    assert collect(str(tmp_path / "parts" / "*.csv")) == wanted
    assert collect(str(tmp_path / "parts" / "*.jsonl")) == wanted


def test_nested_parquet_gives_the_same_snapshot_as_json_text(tmp_path: Path) -> None:

    rows = list(simulate(CONFIG, rows=500, seed=4, start=dt.date(2024, 1, 1), days=30))
    write_results(tmp_path / "a.duckdb", rows)
    with duckdb.connect(str(tmp_path / "a.duckdb"), read_only=True) as connection:
        connection.execute(
            'COPY (SELECT * REPLACE (from_json(red_flags, \'[{"type": "VARCHAR", "severity": "VARCHAR"}]\') AS red_flags,'
            ' from_json(category_scores, \'{"expertise": "DOUBLE", "reasoning": "DOUBLE", "communication": "DOUBLE",'
            ' "reliability": "DOUBLE", "collaboration": "DOUBLE"}\') AS category_scores, confidence_score::FLOAT AS confidence_score)'
            f" FROM scan_results) TO '{tmp_path}/a.parquet' (FORMAT parquet)"
        )
    assert collect(str(tmp_path / "a.parquet")) == collect(str(tmp_path / "a.duckdb"))


def test_empty_window_is_named(tmp_path: Path) -> None:

    path = write_text_table(tmp_path / "results.sqlite", edge_rows())
    late = WINDOW.model_copy(update={"start": "2030-01-01T00:00:00Z", "end": "2030-01-31T00:00:00Z"})
    with pytest.raises(EnvironmentFault, match="EMPTY_WINDOW"):
        collect(str(path), window=late)


@pytest.mark.parametrize("at", range(1, 7))
def test_a_file_that_grows_between_two_statements_is_refused(tmp_path: Path, at: int) -> None:
    path = tmp_path / "results.csv"
    line = ",".join(str(value) for value in (GOOD["created_at"], GOOD["score"], GOOD["subject"], "[]"))
    path.write_text("created_at,score,subject,flags\n" + f"{line}\n" * 20, encoding="utf-8")
    columns = {role: role for role in ("created_at", "score", "subject", "flags")}
    line_settings = settings(columns=columns, logic_version="1.0.0")
    statement = iter(range(7))

    def grow() -> None:
        if next(statement) == at:
            with path.open("a", encoding="utf-8") as stream:
                stream.write(f"{line}\n")

    with pytest.raises(IntegrityError, match="TOTALS_DISAGREE"), open_source(str(path)) as engine:
        collect_from(Watched(engine, grow), line_settings)
    assert list(statement) == []
