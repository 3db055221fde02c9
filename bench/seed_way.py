"""Collecting against the seed's way (`bench/row_by_row`): ten loads of all rows through the ORM, the same families.

Each is a process of its own, and so its memory is told. Both stores hold the same rows; the counts are equal. Two sizes
show that the seed's way grows as the rows do, in time and in memory. The CPU time of the server counts for both.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench import server
from bench.clock import Cost, cost_of
from bench.families import families_of, require_same
from bench.results import collected, table

SIZES = (25_000, 100_000)


def measure() -> Iterator[tuple[str, str, str]]:
    yield from _in("SQLite", {size: f"sqlite:///{table(size, '.sqlite')}" for size in SIZES}, lambda: 0.0)
    with server.serving() as running:
        urls = {size: server.load(running, table(size, ".duckdb"), "json") for size in SIZES}
        yield from _in("PostgreSQL", urls, lambda: server.cpu(running))


def _in(store: str, urls: dict[int, str], clock: Callable[[], float]) -> Iterator[tuple[str, str, str]]:
    costs = {}
    with tempfile.TemporaryDirectory() as name:
        for size, url in urls.items():
            out = Path(name) / f"{store}.json"
            costs[size] = _cost(clock, "bench.row_by_row", url, str(out))
            require_same(out, families_of(collected(url)))
        small, large = SIZES
        source, out = urls[large], Path(name) / "counts.json"
        ours = _cost(clock, "bench.results", source, str(out))
        files = _cost(lambda: 0.0, "bench.results", str(table(large, ".parquet")), str(out))
    theirs = costs[large]
    growth = theirs.cpu / costs[small].cpu * small / large
    yield (
        f"the seed's way, {large:,} rows in {store}, CPU", f"{theirs.cpu:.1f} s",
        f"{theirs.memory / 2**20:.0f} MiB; {growth:.2f}x the time per row of {small:,} rows",
    )  # fmt: skip
    yield (
        f"collect the same rows from {store}, CPU", f"{ours.cpu:.2f} s",
        f"{theirs.cpu / ours.cpu:.0f}x faster, {theirs.memory / ours.memory:.0f}x less memory",
    )  # fmt: skip
    yield (
        "collect the same rows from Parquet, CPU", f"{files.cpu:.2f} s",
        f"{theirs.cpu / files.cpu:.0f}x faster than the seed's way in {store}",
    )  # fmt: skip


def _cost(clock: Callable[[], float], module: str, source: str, out: str) -> Cost:
    before = clock()
    cost = cost_of(sys.executable, "-m", module, source, out, rounds=1)
    return replace(cost, cpu=cost.cpu + clock() - before)
