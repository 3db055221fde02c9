"""Collector, analyzer and proposal generator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from calibgit.api.place import workspace
from calibgit.errors import UsageError
from calibgit.jobs import measure
from calibgit.jobs.drafting import Evidence
from calibgit.jobs.measure import subject_of
from calibgit.jobs.outputs import write_files
from calibgit.jobs.proposing import Proposed, Wish, propose
from calibgit.jobs.tracking import record_of
from calibgit.model.ids import Version, config_path, summary_path
from calibgit.model.report import CalibrationReport
from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot


class AggregateMetricsCollector:
    """Counts of one window; only what may be published comes back.

    Args:
        db: SQLAlchemy Session, Engine or Connection, a path or a URL.
        time_window_days: length of the window.
        as_of: UTC date YYYY-MM-DD; the window is the last complete one before it; None for today.
        repo: a directory of the governed clone; None for the current one.
        line: the line; None for the only one.
    """

    def __init__(
        self,
        db: Any,
        time_window_days: int = 30,
        *,
        as_of: str | None = None,
        repo: str | Path | None = None,
        line: str | None = None,
    ) -> None:
        self._db = db
        self._days = time_window_days
        self._as_of = as_of
        self._workspace = workspace(repo, line)
        self._found: tuple[ExactSnapshot, MetricsSnapshot] | None = None

    def collect_all_metrics(self) -> MetricsSnapshot:
        """Count the window. Raises what `jobs.measure.collect` raises."""
        subject = subject_of(self._workspace, self._workspace.config(None))
        as_of = self._as_of or datetime.now(UTC).date().isoformat()
        self._found = measure.collect(subject, self._db, as_of=as_of, days=self._days)
        return self._found[1]

    def save_metrics(self) -> Path:
        """Write the published snapshot below `analytics_output/` and return its path."""
        snapshot = self._found[1] if self._found else self.collect_all_metrics()
        path = self._workspace.repo.work_tree / measure.OUTPUT / f"metrics_snapshot_{snapshot.window.stamp}.json"
        write_files({path: snapshot.pretty()})
        return path


class CalibrationAnalyzer:
    """Findings of a published snapshot, under the config that it was counted with.

    Args:
        metrics: the snapshot.
        previous: the snapshot of an earlier, disjoint window.
        repo: a directory of the governed clone; None for the current one.
    """

    def __init__(
        self, metrics: MetricsSnapshot, *, previous: MetricsSnapshot | None = None, repo: str | Path | None = None
    ) -> None:
        self._metrics = metrics
        self._previous = previous
        self._workspace = workspace(repo, metrics.line)
        self._report: CalibrationReport | None = None

    def analyze_all(self) -> CalibrationReport:
        """All findings. Raises what `jobs.measure.analyze` raises."""
        subject = subject_of(self._workspace, self._workspace.config(self._metrics.config.version))
        record = record_of(self._workspace, subject.line)
        self._report = measure.analyze(subject, self._metrics, self._previous, record=record)
        return self._report

    def save_report(self) -> Path:
        """Write the report below `analytics_output/`, beside its snapshot, and return its path."""
        report = self._report or self.analyze_all()
        directory = self._workspace.repo.work_tree / measure.OUTPUT
        path = directory / f"calibration_report_{report.window.stamp}.json"
        counts = directory / f"metrics_snapshot_{report.window.stamp}.json"
        write_files({counts: self._metrics.pretty(), path: report.pretty()})
        return path


class ConfigProposalGenerator:
    """A proposed config with the argument for it.

    Args:
        report: the findings.
        snapshot: the counts behind them; None to look for them below `analytics_output/`.
        repo: a directory of the governed clone; None for the current one.
    """

    def __init__(
        self,
        report: CalibrationReport,
        *,
        snapshot: MetricsSnapshot | None = None,
        repo: str | Path | None = None,
    ) -> None:
        self._report = report
        self._workspace = workspace(repo, report.line)
        beside = self._workspace.repo.work_tree / measure.OUTPUT
        self._snapshot = snapshot or measure.find_snapshot(report, beside)
        self._wish = Wish()

    def generate_proposal(
        self,
        *,
        proposed_version: str,
        base_version: str,
        created_by: str,
        changes: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> Proposed:
        """Decide what to change; nothing is written.

        Args:
            proposed_version: number of the new version.
            base_version: the version that is changed; it must be the one that the counts were taken under.
            created_by: who asks for it; recorded as the initiator, who cannot approve it.
            changes: an engineer's own change, dotted path to value, with `reason`; None to search for one.
            reason: why.

        Raises:
            UsageError: WRONG_BASE.
        """
        if base_version != self._report.config.version:
            raise UsageError(
                "WRONG_BASE",
                f"the findings are about v{self._report.config.version}, not about v{base_version}",
                why="A proposal changes the version that was measured.",
                fix=f"use base_version={self._report.config.version!r}",
            )
        self._wish = Wish(
            version=Version.parse(proposed_version),
            assignments=changes,
            reason=reason,
            initiator=created_by,
            push=True,
            merge_request=True,
        )
        dry = Wish(version=self._wish.version, assignments=changes, reason=reason, initiator=created_by, dry_run=True)
        return self._propose(dry)

    def save_proposal(self, proposal: Proposed) -> dict[str, str]:
        """Commit the proposal on its branch, push it and open a merge request.

        Returns:
            Repository paths `config_path` and `summary_path`, on branch `branch`.

        Raises:
            UsageError: NO_CHANGE when the search found nothing better than what is.
        """
        if proposal.draft is None:
            raise UsageError(
                "NO_CHANGE",
                f"there is nothing to save: {proposal.decision.reason}",
                why="No change is a result too: it has nothing to review.",
                fix='give changes={"PATH": VALUE} and a reason to propose your own',
            )
        saved = self._propose(self._wish)
        line, version = self._report.line, proposal.draft.version
        return {
            "config_path": config_path(version, self._workspace.place.configs),
            "summary_path": summary_path(line, version),
            "branch": saved.branch,
        }

    def _propose(self, wish: Wish) -> Proposed:
        subject = subject_of(self._workspace, self._workspace.config(self._report.config.version))
        return propose(self._workspace, subject, Evidence(self._snapshot, self._report), wish)
