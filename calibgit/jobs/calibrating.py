"""The whole calibration run: collect, analyze, propose, publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calibgit.jobs import measure
from calibgit.jobs.drafting import Evidence
from calibgit.jobs.evidence import latest_snapshot, publish_run
from calibgit.jobs.measure import subject_of
from calibgit.jobs.proposing import Proposed, Wish, propose
from calibgit.jobs.workspace import Workspace
from calibgit.model.report import CalibrationReport
from calibgit.model.snapshot import MetricsSnapshot


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One run: what was counted, found and proposed, and the evidence commit (None: nothing new)."""

    snapshot: MetricsSnapshot
    report: CalibrationReport
    proposed: Proposed
    evidence: str | None


def calibrate(workspace: Workspace, source: Any, *, as_of: str, days: int | None, wish: Wish) -> Calibrated:
    """Run all stages on one window and publish the evidence, "no change" included.

    Raises:
        CalibgitError: whatever a stage refuses.
    """
    subject = subject_of(workspace, workspace.config(None))
    exact, snapshot = measure.collect(subject, source, as_of=as_of, days=days)
    earlier = latest_snapshot(workspace, exact.window.start)
    previous = MetricsSnapshot.read(earlier, "the previous snapshot") if earlier else None
    if previous is not None and previous.bands != snapshot.bands:
        previous = None
    report = measure.analyze(subject, snapshot, previous)
    published = None if wish.dry_run else publish_run(workspace, snapshot, report)
    proposed = propose(workspace, subject, Evidence(snapshot, report, previous), wish)
    return Calibrated(snapshot, report, proposed, published)
