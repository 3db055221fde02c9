"""What the benchmarks compare with counts what calibgit counts: the hand-written SQL, and the seed's way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg
import pytest

from bench import row_by_row
from bench.families import families_of, require_same
from bench.handwritten import count, counts_of
from bench.results import collected, draw
from calibgit.engine.table import COLUMNS, write_results
from tests.support.postgres import Schema

ROWS = 4_000
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few assessments, some of them with what a careful hand still thinks of."""
    rows = [dict(row) for row in draw(ROWS)]
    rows[0] |= {"confidence_score": None, "conflict_density": None, "tier": None, "category": None, "subject": None}
    rows[1] |= {"tier": "gold", "category": "superb", "logic_version": "9.9.9", "escalation_reason": ""}
    rows[2]["red_flags"] = [{"type": "evasion", "severity": "critical"}, {"type": "evasion", "severity": "low"}] * 3
    rows[3]["red_flags"] = [{"type": "unheard", "severity": "odd"}, {"severity": "high"}]
    rows[4] |= {"subject": rows[5]["subject"], "red_flags": None, "outcome": None}
    rows[6]["created_at"] = "2024-02-29T23:59:59Z"
    rows[7]["created_at"] = "2024-03-31T00:00:00Z"
    place = tmp_path_factory.mktemp("results") / "results.duckdb"
    write_results(place, rows)
    return place


def test_duckdb(path: Path) -> None:
    with duckdb.connect(str(path), read_only=True) as connection:
        counts = count(lambda sql: connection.execute(sql).fetchall(), "duckdb")
    assert counts == counts_of(collected(str(path)))


def test_postgresql(path: Path, database: Schema) -> None:
    kinds = {"DOUBLE": "float8", "VARCHAR": "text"}
    types = {name: kinds.get(kind, kind) for name, kind in COLUMNS.items()}
    types |= {"category_scores": "jsonb", "red_flags": "jsonb"}
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(f"SELECT {', '.join(types)} FROM scan_results").fetchall()
    database.table(types, rows)
    with psycopg.connect(database.url()) as served:
        counts = count(lambda sql: served.execute(sql.encode()).fetchall(), "postgresql")
    assert counts == counts_of(collected(database.url()))


def test_the_seeds_way(tmp_path: Path) -> None:
    rows = [{**row, "created_at": str(row["created_at"])[:19].replace("T", " ")} for row in draw(ROWS)]
    write_results(tmp_path / "results.sqlite", rows)
    row_by_row.main(f"sqlite:///{tmp_path}/results.sqlite", str(tmp_path / "counts.json"))
    require_same(tmp_path / "counts.json", families_of(collected(tmp_path / "results.sqlite")))
