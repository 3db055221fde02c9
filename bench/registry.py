"""Full verification of a log, cold, as a whole process, against stock `git verify-tag` on the same tags.

Half of the events are releases with a signed merge and a signed commit, half are activations. 100,000 events are
measured only where CALIBGIT_BENCH_LARGE is set, because building them takes minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.clock import Cost, cost_of, cpu_of
from bench.registry_world import Growth, build

SIZES = (1_000, 10_000)
LARGE = 100_000
_SAMPLE = 50


def measure() -> Iterator[tuple[str, str, str]]:
    sizes = (*SIZES, LARGE) if os.environ.get("CALIBGIT_BENCH_LARGE") else SIZES
    first = 0.0
    for size in sizes:
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            grown = build(Path(name), patch, size)
            grown.grow(size)
            used = status_cost(grown.clone, rounds=5 if size <= SIZES[0] else 2)
            stock = _verify_tag(grown) * size
        first = first or used.cpu / size
        yield f"status of {size:,} events, all verified, CPU", f"{used.cpu:.2f} s", f"{used.wall:.2f} s wall"
        yield f"status of {size:,} events, verify-tag, CPU", f"{stock:.2f} s", f"{stock / used.cpu:.1f}x status"
        yield (
            f"status of {size:,} events, peak memory",
            f"{used.memory / 2**20:.0f} MiB",
            f"{used.cpu / size / first:.2f}x the CPU per event of {sizes[0]:,}",
        )


def status_cost(clone: Path, *, rounds: int = 5) -> Cost:
    """What `calibgit status --format json` of a clone costs."""
    return cost_of(sys.executable, "-m", "calibgit", "--repo", str(clone), "status", "--format", "json", rounds=rounds)


def _verify_tag(grown: Growth) -> float:
    """CPU seconds of stock git for one tag."""
    signers = grown.governed.world.allowed_signers("alice", "bob", "carol")
    one = f"gpg.ssh.allowedSignersFile={signers}"
    sample = [f"calib/e/{seq:08d}" for seq in range(1, _SAMPLE + 1)]
    return cpu_of("git", "-C", str(grown.clone), "-c", one, "verify-tag", *sample) / _SAMPLE
