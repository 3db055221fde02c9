"""How time is taken: CPU seconds and memory of whole processes, best of several, and wall seconds inside one."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5
# A process counts its parent's memory as its own until it starts its program, so a small parent starts it.
_PARENT = """
import json, os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, 1, 0)])
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - start
print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, wall, used.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and its children cost: CPU and wall in seconds, the largest one's memory in bytes."""

    cpu: float
    wall: float
    memory: int

    @property
    def mebibytes(self) -> str:
        """The memory in whole mebibytes, with the unit."""
        return f"{self.memory / 2**20:.0f} MiB"


def cost_of(program: str, *words: str, rounds: int = ROUNDS) -> Cost:
    """The cost of a child process, the best of `rounds`, after one that fills Python's cache of byte code.

    A single round is long, so that what it spends on byte code does not matter: nothing runs before it.
    """
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        costs = [_cost_once((program, *words), env) for _ in range(rounds + (rounds > 1))][-rounds:]
    return Cost(min(cost.cpu for cost in costs), min(cost.wall for cost in costs), min(cost.memory for cost in costs))


def _cost_once(words: tuple[str, ...], env: dict[str, str]) -> Cost:
    parent = [sys.executable, "-I", "-S", "-c", _PARENT, *words]
    done = subprocess.run(parent, env=env, check=True, capture_output=True)
    status, cpu, wall, kibibytes = json.loads(done.stdout)
    if status != 0:
        raise AssertionError(f"{words[0]} ended with status {status}: {done.stderr.decode()[-500:]}")
    return Cost(cpu, wall, kibibytes * 1024)


def cpu_of(*words: str) -> float:
    """CPU seconds of a child process, best of ROUNDS."""
    return min(_cpu_once(words) for _ in range(ROUNDS))


def _cpu_once(words: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def python(code: str) -> float:
    """CPU seconds of a Python process that runs `code`."""
    return cpu_of(sys.executable, "-c", code)


def wall(function: Callable[[], object], *, times: int = 1) -> float:
    """Wall seconds of one call, best of ROUNDS runs of `times` calls."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            function()
        best = min(best, (time.perf_counter() - start) / times)
    return best
