"""Collecting against the best hand-written SQL on the same engine, for the same blocks, in turns in one run.

Both count every block, and the integers are equal: that is asserted. The hand-written statements (`bench/handwritten`)
trust the types of the data, are written for one config, and may keep a million parsed rows in memory; calibgit's are
rendered from the settings, guard every value, and also ask which rows cannot be counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb

from bench import handwritten, server
from bench.results import MILLION, collected, table
from calibgit.model.snapshot import ExactSnapshot

ROUNDS = 5
SERVED = 200_000
BUDGET = 1.3


def measure() -> Iterator[tuple[str, str, str]]:
    path = str(table(MILLION, ".duckdb"))

    def hand() -> handwritten.Counts:
        with duckdb.connect(path, read_only=True) as connection:
            return handwritten.count(lambda sql: connection.execute(sql).fetchall(), "duckdb")

    yield _compared(f"collect {MILLION:,} rows from DuckDB, CPU", lambda: collected(path), hand, time.process_time)
    with server.serving() as running:
        url = server.load(running, table(SERVED, ".duckdb"))

        def served() -> handwritten.Counts:
            def fetch(sql: str) -> Sequence[Sequence[Any]]:
                return server.fetch(url, sql)

            return handwritten.count(fetch, "postgresql")

        def clock() -> float:
            return server.cpu(running) + time.process_time()

        yield _compared(f"collect {SERVED:,} rows from PostgreSQL, CPU", lambda: collected(url), served, clock)


def _compared(
    what: str, ours: Callable[[], ExactSnapshot], hand: Callable[[], handwritten.Counts], clock: Callable[[], float]
) -> tuple[str, str, str]:
    best = {"ours": float("inf"), "hand": float("inf")}
    for _ in range(ROUNDS):
        start = clock()
        exact = ours()
        middle = clock()
        counts = hand()
        end = clock()
        assert counts == handwritten.counts_of(exact), f"{what}: the hand-written SQL counts something else"
        best = {"ours": min(best["ours"], middle - start), "hand": min(best["hand"], end - middle)}
    ratio = best["ours"] / best["hand"]
    return what, f"{best['ours']:.2f} s", f"{ratio:.2f}x hand-written SQL ({best['hand']:.2f} s), budget {BUDGET}x"
