"""Collecting against polars (streaming) and pandas on the same Parquet file, each a process of its own.

Both are installed into an environment of their own while this runs; they are no dependencies. They count the metric
families of `bench.families`, which are margins of what calibgit counts: less work. The counts are equal.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.clock import Cost, cost_of
from bench.families import families_of, require_same
from bench.results import MILLION, ROOT, collected, table
from bench.venv import install

PINNED = ("polars==2.1.0", "pandas==3.1.1", "pyarrow==26.0.1")
ROUNDS = 3


def measure() -> Iterator[tuple[str, str, str]]:
    path = str(table(MILLION, ".parquet"))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        problem = install(root / "frames", *PINNED)
        if problem:
            yield "the metric families by polars and pandas", "not measured", problem
            return
        out = root / "counts.json"
        ours = cost_of(sys.executable, "-m", "bench.results", path, str(out), rounds=ROUNDS)
        expected = families_of(collected(path))
        yield f"collect {MILLION:,} rows from Parquet, CPU", f"{ours.cpu:.2f} s", _more(ours)
        for rival in ("polars", "pandas"):
            program = str(ROOT / f"bench/rivals/with_{rival}.py")
            theirs = cost_of(str(root / "frames/bin/python"), program, path, str(out), rounds=ROUNDS)
            require_same(out, expected)
            yield (
                f"the metric families by {rival}, CPU", f"{theirs.cpu:.2f} s",
                f"{_more(theirs)}; {theirs.cpu / ours.cpu:.2f}x our CPU, {theirs.memory / ours.memory:.1f}x our memory",
            )  # fmt: skip


def _more(cost: Cost) -> str:
    return f"{cost.wall:.2f} s wall, {cost.mebibytes}"
