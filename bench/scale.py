"""A million rows and ten millions, from a DuckDB file and from Parquet: speed, memory, and how soon Ctrl-C ends it.

Each collection is a process of its own: its memory is told, and its start counts. Every row has a subject of its own,
which is the worst case: what is counted over subjects needs a group for each. So the same is measured without a column
of subjects, too.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.clock import cost_of
from bench.results import MILLION, table

SIZES = (MILLION, 10 * MILLION)
_BEFORE_CTRL_C = (1.5, 3.0, 5.0, 7.0)


def measure() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "counts.json"
        yield from _growth("DuckDB", ".duckdb", out)
        yield from _growth("Parquet", ".parquet", out)
        yield from _growth("Parquet, no subjects", ".parquet", out, "alone")
        for suffix in (".duckdb", ".parquet"):
            waits = [_ctrl_c(table(SIZES[1], suffix), out, seconds) for seconds in _BEFORE_CTRL_C]
            longest, status = max(waits)
            yield (
                f"Ctrl-C while collecting {SIZES[1]:,} rows ({suffix[1:]}), wall", f"{longest:.2f} s",
                f"the longest of {len(waits)} moments; exit status {status}",
            )  # fmt: skip


def _growth(store: str, suffix: str, out: Path, *words: str) -> Iterator[tuple[str, str, str]]:
    small = None
    for size in SIZES:
        program = (sys.executable, "-m", "bench.results", str(table(size, suffix)), str(out), *words)
        cost = cost_of(*program, rounds=3 if size == SIZES[0] else 1)
        _require_all(out, size)
        small = small or cost
        what = f"{size:,} rows from {store}"
        yield (
            f"{what}, rows per second of CPU", f"{size / cost.cpu / 1e6:.2f}M",
            f"{cost.cpu:.1f} s CPU, {cost.wall:.1f} s wall; {cost.cpu / small.cpu:.1f}x that of {SIZES[0]:,}",
        )  # fmt: skip
        yield (
            f"{what}, memory", cost.mebibytes,
            f"{cost.memory / small.memory:.2f}x that of {SIZES[0]:,}",
        )  # fmt: skip


def _require_all(out: Path, size: int) -> None:
    rows = json.loads(out.read_bytes())["rows"]
    counted = sum(row["n"] for row in rows if row["block"] == "score")
    assert counted == size, f"{counted:,} rows were counted instead of {size:,}"


def _ctrl_c(path: Path, out: Path, after: float) -> tuple[float, int]:
    """Seconds from the signal to the end of the process, and its exit status."""
    words = [sys.executable, "-m", "bench.results", str(path), str(out)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    try:
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as running:
            time.sleep(after)
            assert running.poll() is None, "it ended before it could be stopped"
            start = time.perf_counter()
            running.send_signal(signal.SIGINT)
            running.wait()
            return time.perf_counter() - start, running.returncode
    finally:
        signal.signal(signal.SIGINT, before)
