"""One window after the other through the whole pipeline: rows, exact counts, disclosure control, report, decision."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from bench.detection import original
from bench.detection.population import CUT, write
from bench.detection.scenarios import Scenario
from bench.results import collected, subject
from calibgit.analyze.run import analyze
from calibgit.collect.disclose import disclose
from calibgit.model.report import Finding
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.propose.search import decide


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one window.

    Attributes:
        alarms: ids of the findings of severity medium or above.
        silent: ids of the findings that could not be assessed.
        original: ids of what the original's rules find.
        proposed: whether a change was proposed.
        fine: whether the published grid is one point wide on both sides of the cut.
    """

    alarms: frozenset[str]
    silent: frozenset[str]
    original: frozenset[str]
    proposed: bool
    fine: bool


def runs(scenario: Scenario, n: int, replicates: int) -> list[Run]:
    """The windows of one size, drawn with the seeds 0, 1, and on."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return list(pool.map(partial(run, scenario, n), range(replicates), chunksize=4))


def run(scenario: Scenario, n: int, seed: int) -> Run:
    """One window."""
    measured = subject()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        write(path, measured.config.value, scenario.truth, n, seed)
        exact = collected(path)
        before = original.findings(path)
    snapshot = disclose(exact, settings=measured.settings, config_data=measured.config.value)
    report = analyze(snapshot, config_data=measured.config.value, settings=measured.settings)
    decision = decide(snapshot, report, config_data=measured.config.value, settings=measured.settings)
    return Run(
        alarms=_ids(f for f in report.findings if f.is_serious),
        silent=_ids(f for f in report.findings if f.status == "not_assessable"),
        original=before,
        proposed=bool(decision.changes),
        fine=_is_fine(snapshot),
    )


def _ids(found: Iterable[Finding]) -> frozenset[str]:
    return frozenset(finding.id for finding in found)


def _is_fine(snapshot: MetricsSnapshot) -> bool:
    """Whether cells one point wide lie three points to both sides of the cut."""
    grid = snapshot.strata[0].score.grid if snapshot.strata else None
    if grid is None:
        return False
    edges = {
        grid.value(edge) for row in snapshot.strata[0].score.rows for cell in row.cells for edge in (cell.lo, cell.hi)
    }
    return all(CUT + step in edges for step in range(-3, 4))


def walk(scenarios: Iterable[Scenario], replicates: int) -> Iterator[tuple[Scenario, int, list[Run]]]:
    """Every scenario at every size."""
    for scenario in scenarios:
        for n in scenario.sizes:
            yield scenario, n, runs(scenario, n, replicates)
