"""The whole calibration run: collect, analyze, propose, publish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calibgit.collect.exact import Progress
from calibgit.jobs import measure
from calibgit.jobs.drafting import Evidence
from calibgit.jobs.evidence import earlier_snapshots, publish_run
from calibgit.jobs.measure import Subject, subject_of
from calibgit.jobs.proposing import Proposed, Wish, propose
from calibgit.jobs.tracking import record_of
from calibgit.jobs.workspace import Workspace
from calibgit.model.report import CalibrationReport
from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot


@dataclass(frozen=True, slots=True)
class Calibrated:
    """One run: what was counted, found and proposed, and the evidence commit (None: nothing new)."""

    snapshot: MetricsSnapshot
    report: CalibrationReport
    proposed: Proposed
    evidence: str | None


def calibrate(
    workspace: Workspace,
    source: Any,
    *,
    as_of: str,
    days: int | None,
    wish: Wish,
    progress: Progress = lambda *_: None,
) -> Calibrated:
    """Run all stages on one window and publish the evidence, "no change" included.

    Raises:
        CalibgitError: whatever a stage refuses.
    """
    subject = subject_of(workspace, workspace.config(None))
    _, snapshot = measure.collect(subject, source, as_of=as_of, days=days, progress=progress)
    return _judge(workspace, subject, snapshot, wish)


def calibrate_counts(workspace: Workspace, exact: ExactSnapshot, wish: Wish) -> Calibrated:
    """The same from exact counts that were collected, and perhaps merged, before.

    Raises:
        CalibgitError: whatever a stage refuses.
    """
    subject = subject_of(workspace, workspace.config(None))
    return _judge(workspace, subject, measure.publish(subject, exact), wish)


def _judge(workspace: Workspace, subject: Subject, snapshot: MetricsSnapshot, wish: Wish) -> Calibrated:
    previous, history = measure.earlier_of(snapshot, earlier_snapshots(workspace, snapshot.window.start))
    report = measure.analyze(subject, snapshot, previous, history, record_of(workspace, subject.line))
    published = None if wish.dry_run else publish_run(workspace, snapshot, report)
    proposed = propose(workspace, subject, Evidence(snapshot, report, previous, history), wish)
    return Calibrated(snapshot, report, proposed, published)
