"""A million words that no vocabulary has: counted as one, in memory that does not grow with them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from calibgit.engine import duck
from calibgit.errors import EnvironmentFault
from calibgit.model.snapshot import OTHER, ExactSnapshot
from tests.support.postgres import Schema
from tests.support.results import COLUMN_OF, ROOT, collect

MANY = 1_000_000
SHAPES = {"one in a row": (MANY, 1), "a hundred in a row": (10_000, 100), "a thousand in a row": (1_000, 1_000)}
VALUES = {
    "created_at": "timestamp '2024-01-10 12:00:00'", "score": "70", "subject": "concat('s', i)", "logic_version": "'1.0.0'",
    "label": "'good'", "category_scores": "'{}'", "confidence": "0.8e0", "flags": "{flags}", "sufficiency": "'true'",
    "conflict": "0.1e0", "escalation": "''", "tier": "'basic'", "outcome": "'1'", "feedback": "4", "group": "'north'",
}  # fmt: skip
FLAG = """'{"type": "kind ' || i || ' ' || j || '", "severity": "low"}'"""
KNOWN = """'{"type": "evasion", "severity": "critical"}'"""
MEBIBYTES = {"duckdb": 450, "parquet": 450, "sqlite": 200}
COLLECT = """
import sys
from pathlib import Path
from tests.support.results import collect
sys.stdout.write(collect(sys.argv[1]).pretty().decode())
lines = Path("/proc/self/status").read_text().splitlines()
sys.stderr.write(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def select(rows: int, each: int, series: Callable[[int], str]) -> str:
    """Rows with flags of types that are nowhere twice, and one known type in each."""
    flags = f"(SELECT '[' || string_agg({FLAG}, ',') || ',' || {KNOWN} || ']' FROM {series(each)} AS b (j))"
    fields = ", ".join(f"{value} AS {COLUMN_OF[role]}" for role, value in VALUES.items())
    return f"SELECT {fields.replace('{flags}', flags)} FROM {series(rows)} AS a (i)"


def of_duckdb(n: int) -> str:
    return f"range({n})"


def duckdb_file(folder: Path, rows: int, each: int) -> str:
    with duckdb.connect(str(folder / "a.duckdb")) as connection:
        connection.execute(f"CREATE TABLE scan_results AS {select(rows, each, of_duckdb)}")
    return str(folder / "a.duckdb")


def parquet_file(folder: Path, rows: int, each: int) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select(rows, each, of_duckdb)}) TO '{folder}/a.parquet'")
    return str(folder / "a.parquet")


def sqlite_file(folder: Path, rows: int, each: int) -> str:
    names = ", ".join(COLUMN_OF[role] for role in VALUES)
    with sqlite3.connect(folder / "a.sqlite") as file, duckdb.connect() as connection:
        file.execute(f"CREATE TABLE scan_results ({names})")
        marks = ", ".join("?" for _ in VALUES)
        found = connection.execute(
            f"SELECT * REPLACE (created_at::VARCHAR AS created_at) FROM ({select(rows, each, of_duckdb)})"
        )
        while batch := found.fetchmany(10_000):
            file.executemany(f"INSERT INTO scan_results VALUES ({marks})", batch)
    file.close()
    return str(folder / "a.sqlite")


FILES: Mapping[str, Callable[[Path, int, int], str]] = {
    "duckdb": duckdb_file,
    "parquet": parquet_file,
    "sqlite": sqlite_file,
}


def require_counted(exact: ExactSnapshot, rows: int, each: int) -> None:
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for row in exact.rows:
        found.setdefault(row.block, Counter())[row.keys] += row.n
    assert found["flag_occurrences"] == {("evasion", "1"): rows, (OTHER, str(min(each, 5))): rows}
    assert found["flag_severities"] == {("evasion", "critical"): rows, (OTHER, "low"): rows}
    assert sum(found["score"].values()) == rows
    assert "kind" not in exact.pretty().decode()


@pytest.mark.parametrize("store", ["duckdb", "parquet"])
def test_a_thousand_types_in_each_of_a_thousand_rows(tmp_path: Path, store: str) -> None:
    """More than a vector of DuckDB has room for at first."""
    rows, each = SHAPES["a thousand in a row"]
    require_counted(collect(FILES[store](tmp_path, rows, each)), rows, each)


@pytest.mark.slow
@pytest.mark.parametrize("store", FILES)
def test_a_million_types_in_one_value(tmp_path: Path, store: str) -> None:
    source = FILES[store](tmp_path, 1, MANY)
    require_counted(collect(source), 1, MANY)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a child is read as Linux tells it")
@pytest.mark.parametrize(
    ("store", "shape"),
    [
        ("duckdb", "one in a row"),
        ("parquet", "one in a row"),
        *((store, "a hundred in a row") for store in FILES),
        ("sqlite", "a thousand in a row"),
    ],
)
def test_a_million_types_take_no_memory_in_files(tmp_path: Path, store: str, shape: str) -> None:
    rows, each = SHAPES[shape]
    source = FILES[store](tmp_path, rows, each)
    child = subprocess.run([sys.executable, "-c", COLLECT, source], cwd=ROOT, capture_output=True, check=True)
    require_counted(ExactSnapshot.model_validate_json(child.stdout), rows, each)
    assert int(child.stderr) < MEBIBYTES[store] * 1024


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_a_million_types_on_a_server(database: Schema, shape: str) -> None:
    rows, each = SHAPES[shape]
    database.run(f"CREATE TABLE scan_results AS {select(rows, each, lambda n: f'generate_series(1, {n})')}")
    require_counted(collect(database.url()), rows, each)


def test_what_does_not_fit_the_second_time_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck, "_THREAD_MEGABYTES", 5)
    monkeypatch.setattr(duck, "_ROOMY_MEGABYTES", 20)
    with pytest.raises(EnvironmentFault, match="SOURCE_TOO_LARGE"):
        collect(duckdb_file(tmp_path, 1_000, 1_000))
