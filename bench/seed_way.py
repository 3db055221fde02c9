"""Collecting against the seed's way (`bench/row_by_row`): ten loads of all rows through the ORM, the same families.

Each is a process of its own, and so its memory is told. All stores hold the same rows; the counts are equal. Two sizes
show that the seed's way grows as the rows do, in time and in memory, so that what the starts cost can be left out: the
time per further row is what counts at a million rows. The CPU time of the server counts for both.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import server
from bench.clock import Cost, cost_of
from bench.families import families_of, require_same
from bench.results import MILLION, collected, table

SMALL, LARGE = 25_000, 100_000
ROUNDS = 2
Clock = Callable[[], float]


@dataclass(frozen=True)
class Two:
    """The costs of two sizes."""

    small: Cost
    large: Cost
    rows: int

    @property
    def per_million(self) -> float:
        """CPU seconds of a million further rows."""
        return (self.large.cpu - self.small.cpu) / self.rows * MILLION


def measure() -> Iterator[tuple[str, str, str]]:
    files = _costs("bench.results", {size: str(table(size, ".parquet")) for size in (LARGE, MILLION)})
    yield from _in("SQLite", {size: f"sqlite:///{table(size, '.sqlite')}" for size in (SMALL, LARGE)}, files)
    with server.serving() as running:
        urls = {size: server.load(running, table(size, ".duckdb"), "json") for size in (SMALL, LARGE)}
        yield from _in("PostgreSQL", urls, files, lambda: server.cpu(running))


def _in(store: str, urls: dict[int, str], files: Two, clock: Clock = lambda: 0.0) -> Iterator[tuple[str, str, str]]:
    theirs = _costs("bench.row_by_row", urls, clock, same=True)
    ours = _costs("bench.results", urls, clock)
    linear = theirs.large.cpu / theirs.small.cpu * SMALL / LARGE
    yield (
        f"the seed's way, {LARGE:,} rows in {store}, CPU", f"{theirs.large.cpu:.1f} s",
        f"{linear:.2f}x the time per row of {SMALL:,}; {theirs.small.mebibytes} and {theirs.large.mebibytes}",
    )  # fmt: skip
    yield (
        f"collect the same rows from {store}, CPU", f"{ours.large.cpu:.2f} s",
        f"{theirs.large.cpu / ours.large.cpu:.0f}x faster, {theirs.per_million / ours.per_million:.0f}x per further "
        f"row; {ours.large.mebibytes}",
    )  # fmt: skip
    yield (
        f"collect {MILLION:,} rows from Parquet, CPU", f"{files.large.cpu:.2f} s",
        f"{theirs.per_million / files.large.cpu:.0f}x faster than the seed's way would be in {store}, "
        f"{theirs.per_million / files.per_million:.0f}x per further row; {files.large.mebibytes}",
    )  # fmt: skip


def _costs(module: str, sources: dict[int, str], clock: Clock = lambda: 0.0, *, same: bool = False) -> Two:
    found: list[Cost] = []
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "counts.json"
        for source in sources.values():
            found.append(_cost(module, source, out, clock, rounds=1 if same else ROUNDS))
            if same:
                require_same(out, families_of(collected(source)))
    few, many = sources
    return Two(found[0], found[1], many - few)


def _cost(module: str, source: str, out: Path, clock: Clock, rounds: int) -> Cost:
    """The best of several; each round is taken alone, because the server's time is no child's."""
    costs = []
    for _ in range(rounds):
        before = clock()
        cost = cost_of(sys.executable, "-m", module, source, str(out), rounds=1)
        costs.append(replace(cost, cpu=cost.cpu + clock() - before))
    return min(costs, key=lambda cost: cost.cpu)
