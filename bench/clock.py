"""How time is taken: CPU seconds of whole processes, best of several, and wall seconds inside one."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

ROUNDS = 5


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
