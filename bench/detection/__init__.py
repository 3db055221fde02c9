"""How often the pipeline cries for nothing, and what it finds, disclosure control and multiplicity included.

`python -m bench detection` draws 20 windows of each kind; CALIBGIT_BENCH_REPLICATES says another number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from bench.detection.replicates import Run, walk
from bench.detection.scenarios import FAULTS, NULLS, Scenario

REPLICATES = 20


def measure() -> Iterator[tuple[str, str, str]]:
    replicates = int(os.environ.get("CALIBGIT_BENCH_REPLICATES", REPLICATES))
    for scenario, n, runs in walk((*NULLS, *FAULTS), replicates):
        yield f"{scenario.name}, n = {n:,}", *(_found(scenario, runs) if scenario.finds else _false(runs))


def _false(runs: Sequence[Run]) -> tuple[str, str]:
    alarms, originally = _share(runs, lambda r: bool(r.alarms)), _share(runs, lambda r: bool(r.original))
    proposed = _share(runs, lambda r: r.proposed)
    what = sorted({name for run in runs for name in run.alarms})
    return f"{alarms:.0%} alarmed", f"original {originally:.0%}; proposals {proposed:.0%}; {', '.join(what) or 'none'}"


def _found(scenario: Scenario, runs: Sequence[Run]) -> tuple[str, str]:
    def right(ids: frozenset[str]) -> bool:
        return any(name.startswith(scenario.finds) for name in ids)

    power, originally = _share(runs, lambda r: right(r.alarms)), _share(runs, lambda r: right(r.original))
    silent = _share(runs, lambda r: right(r.silent) and not right(r.alarms))
    fine, proposed = _share(runs, lambda r: r.fine), _share(runs, lambda r: r.proposed)
    others = _share(runs, lambda r: any(not name.startswith(scenario.finds) for name in r.alarms))
    rest = f"original {originally:.0%}; not assessable {silent:.0%}; one-point grid {fine:.0%}"
    return f"{power:.0%} found", f"{rest}; proposals {proposed:.0%}; other alarms {others:.0%}"


def _share(runs: Sequence[Run], holds: Callable[[Run], bool]) -> float:
    return sum(map(holds, runs)) / len(runs)
