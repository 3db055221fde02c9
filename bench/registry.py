"""Full verification of a log, cold, as a whole process, beside what its signatures alone cost, and `git verify-tag`.

Two compositions: a log as it grows (1 release in 25 events; activations, daily checkpoints, some rollbacks, their
ratifications, deprecations), and the worst case, half of it releases, each with a signed merge and a signed commit.
The *floor* is the number of signatures times one ed25519 verification by the same library in the same run.
100,000 events are measured only where CALIBGIT_BENCH_LARGE is set: that takes a few minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.clock import Cost, cost_of, cpu_of
from bench.registry_world import GROWN, WORST, Growth, build

SIZES = (1_000, 10_000)
LARGE = 100_000
_SAMPLE = 50
_VERIFICATIONS = 500


def measure() -> Iterator[tuple[str, str, str]]:
    sizes = (*SIZES, LARGE) if os.environ.get("CALIBGIT_BENCH_LARGE") else SIZES
    for composition in (GROWN, WORST):
        first = 0.0
        for size in sizes:
            with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
                grown = build(Path(name), patch, size, composition)
                grown.grow(size)
                what = f"status of {size:,} events, {composition.name}"
                used = status_cost(grown.clone, rounds=5 if size <= SIZES[0] else 2 if size < LARGE else 1)
                floor = one_verification() * grown.signatures
                first = first or used.cpu / size
                yield (
                    f"{what}, CPU", f"{used.cpu:.2f} s",
                    f"{used.cpu / floor:.1f}x the floor: {grown.signatures:,} signatures, {floor:.2f} s",
                )  # fmt: skip
                yield (
                    f"{what}, memory", used.mebibytes,
                    f"{used.cpu / size / first:.2f}x the CPU per event of {sizes[0]:,}; {used.wall:.2f} s wall",
                )  # fmt: skip
                if size == SIZES[0] and composition is GROWN:
                    yield from _others(grown, used)


def _others(grown: Growth, used: Cost) -> Iterator[tuple[str, str, str]]:
    """The other readers of a log, and stock git on the same tags."""
    stock = _verify_tag(grown) * grown.state.seq
    yield f"git verify-tag of {grown.state.seq:,} tags, CPU", f"{stock:.2f} s", f"{stock / used.cpu:.0f}x status"
    line, version = grown.newest
    bundle = str(grown.clone.parent / "bundle")
    tag = ("pin", f"calib/{line}/v{version}", "--trust-root", grown.state.registry, "-o", bundle)
    for words in (("verify",), ("log",), tag):
        cost = _calibgit(grown.clone, *words, rounds=5)
        yield (
            f"{words[0]} of {grown.state.seq:,} events, CPU",
            f"{cost.cpu:.2f} s",
            f"{cost.cpu / used.cpu:.2f}x status",
        )


def status_cost(clone: Path, *, rounds: int = 5) -> Cost:
    """What `calibgit status --format json` of a clone costs."""
    return _calibgit(clone, "status", rounds=rounds)


def _calibgit(clone: Path, *words: str, rounds: int) -> Cost:
    program = (sys.executable, "-m", "calibgit", "--repo", str(clone))
    return cost_of(*program, *words, "--format", "json", rounds=rounds)


def one_verification() -> float:
    """CPU seconds of one ed25519 verification, best of several runs."""
    key = Ed25519PrivateKey.generate()
    message = b"SSHSIG" + bytes(100)
    public, signature = key.public_key(), key.sign(message)
    costs = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(_VERIFICATIONS):
            public.verify(signature, message)
        costs.append(time.process_time() - start)
    return min(costs) / _VERIFICATIONS


def _verify_tag(grown: Growth) -> float:
    """CPU seconds of stock git for one tag."""
    signers = grown.governed.world.allowed_signers("alice", "bob", "carol")
    one = f"gpg.ssh.allowedSignersFile={signers}"
    sample = [f"calib/e/{seq:08d}" for seq in range(1, _SAMPLE + 1)]
    return cpu_of("git", "-C", str(grown.clone), "-c", one, "verify-tag", *sample) / _SAMPLE
