"""Collecting: rows per second of CPU from DuckDB, Parquet and SQLite, against reading and parsing the same JSON columns
once; and disclosure control by itself, whose cost does not grow with the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from bench.clock import ROUNDS
from bench.results import MILLION, collected, subject, table
from calibgit.jobs.measure import publish

FEW = 100_000
BUDGET = 600_000
SQLITE_BUDGET = 30_000


def measure() -> Iterator[tuple[str, str, str]]:
    path = table(MILLION, ".duckdb")
    used, floor = _in_turns(lambda: collected(path), lambda: _parse_once(path))
    yield _speed("DuckDB", MILLION, used, f"{used / floor:.1f}x one parse of the JSON; budget {BUDGET / 1e6:.1f}M")
    parquet, used = _in_turns(lambda: collected(table(MILLION, ".parquet")), lambda: collected(path))
    yield _speed("Parquet", MILLION, parquet, f"{parquet / used:.2f}x DuckDB's own file")
    lite, used = _in_turns(lambda: collected(table(FEW, ".sqlite")), lambda: collected(table(FEW, ".duckdb")), rounds=2)
    yield _speed("SQLite", FEW, lite, f"{lite / used:.0f}x DuckDB; budget {SQLITE_BUDGET / 1e6:.2f}M")
    measured, exact = subject(), collected(path)
    alone, _ = _in_turns(lambda: publish(measured, exact), lambda: None, rounds=2)
    yield f"disclosure control of {MILLION:,} rows, CPU", f"{alone:.2f} s", f"{len(exact.rows):,} counts"


def _speed(store: str, rows: int, seconds: float, against: str) -> tuple[str, str, str]:
    return f"collect {rows:,} rows from {store}, rows per second of CPU", f"{rows / seconds / 1e6:.3f}M", against


def _in_turns(one: Callable[[], object], other: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """CPU seconds of two calls in this process, best of several, in turns."""
    best = [float("inf")] * 2
    for _ in range(rounds):
        for place, call in enumerate((one, other)):
            start = time.process_time()
            call()
            best[place] = min(best[place], time.process_time() - start)
    return best[0], best[1]


def _parse_once(path: Path) -> None:
    with duckdb.connect(str(path), read_only=True) as connection:
        counts = ", ".join(f"count(*) FILTER (json_valid({name}))" for name in ("category_scores", "red_flags"))
        connection.execute(f"SELECT {counts} FROM scan_results").fetchall()  # noqa: S608
