"""Collecting from DuckDB, against reading and parsing the same JSON columns once; and disclosure control by itself."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from bench.clock import wall
from calibgit.engine.table import write_results
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.measure import Subject, collect, publish
from calibgit.model.ids import Version
from calibgit.model.settings import read_settings
from calibgit.simulate.population import simulate

ROOT = Path(__file__).parents[1]
ROWS = 100_000


def measure() -> Iterator[tuple[str, str, str]]:
    data = (ROOT / "configs/scoring_config_v1.0.0.json").read_bytes()
    settings = (ROOT / "calibgit/jobs/templates/calibgit.toml").read_text("utf-8").replace("LINE", "scoring")
    subject = Subject(
        "scoring",
        read_settings(settings.encode()).lines["scoring"],
        "0" * 64,
        "configs",
        ActiveConfig(Version(1, 0, 0), data, json.loads(data)),
    )
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "results.duckdb"
        rows = simulate(subject.config.value, rows=ROWS, seed=1, start=dt.date(2024, 3, 1), days=30)
        write_results(path, rows)
        used = wall(lambda: collect(subject, str(path), as_of="2024-04-01"))
        floor = _parse_once(path)
        yield (
            f"collect {ROWS:,} rows with JSON from DuckDB",
            f"{ROWS / used / 1e6:.2f}M rows/s",
            f"{used / floor:.1f}x one parse of the JSON",
        )
        exact, _ = collect(subject, str(path), as_of="2024-04-01")
        alone = wall(lambda: publish(subject, exact))
        yield (f"disclosure control of {ROWS:,} rows", f"{alone:.2f} s", f"{alone / used:.0%} of collecting them")


def _parse_once(path: Path) -> float:
    best = float("inf")
    with duckdb.connect(str(path), read_only=True) as connection:
        for _ in range(3):
            start = time.perf_counter()
            connection.execute(
                "select count(*) filter (json_valid(category_scores)), "
                "count(*) filter (json_valid(red_flags)) from scan_results"
            ).fetchall()
            best = min(best, time.perf_counter() - start)
    return best
