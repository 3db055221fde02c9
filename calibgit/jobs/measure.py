"""Collect and analyze: from a results table to findings. Rows stay in the data engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from calibgit.analyze.charts import LEAST_WINDOWS
from calibgit.analyze.run import analyze as analyze_snapshot
from calibgit.collect.disclose import disclose
from calibgit.collect.exact import Progress, collect_exact
from calibgit.collect.merging import merge_all
from calibgit.collect.window import resolve_window
from calibgit.engine.base import Engine
from calibgit.engine.open import open_source
from calibgit.errors import DocumentError, EnvironmentFault, UsageError
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.workspace import Workspace
from calibgit.model.base import Document
from calibgit.model.history import History
from calibgit.model.report import CalibrationReport
from calibgit.model.settings import Line
from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot, TimeWindow
from calibgit.model.track import VersionTrack

OUTPUT = "analytics_output"
D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a line with its settings, the directory of its configs, the config in force and the one before.

    The cuts of the config before stay edges of published grids, so that windows under both can be compared.
    """

    line: str
    settings: Line
    settings_sha256: str
    configs: str
    config: ActiveConfig
    before: ActiveConfig | None = None


def subject_of(workspace: Workspace, config: ActiveConfig) -> Subject:
    """The line of a workspace under one config."""
    line, configs = workspace.line_name, workspace.place.configs
    before = workspace.config_before(config.version)
    return Subject(line, workspace.line, workspace.settings_sha256, configs, config, before)


def collect(
    subject: Subject, source: Any, *, as_of: str, days: int | None = None, progress: Progress = lambda *_: None
) -> tuple[ExactSnapshot, MetricsSnapshot]:
    """Count one window.

    Args:
        subject: line and config.
        source: a path, URL, or SQLAlchemy Session, Engine or Connection.
        as_of: UTC date YYYY-MM-DD; the window is the last complete one before it.
        days: length; None for the line's own.
        progress: see `collect_exact`.

    Returns:
        The exact private snapshot and the published one.

    Raises:
        UsageError: BAD_WINDOW, UNSUPPORTED_SOURCE.
        EnvironmentFault: EMPTY_WINDOW, NO_SOURCE, NO_TABLE, MISSING_COLUMN, LOCKED_SOURCE, SOURCE_FAILED,
            SOURCE_UNREADABLE, SOURCE_CHANGED, MISSING_EXTRA.
    """
    window = resolve_window(as_of, days or subject.settings.window.days, subject.settings.window.anchor)
    with open_source(source) as engine:
        exact = count(subject, engine, window, progress)
    return exact, publish(subject, exact)


def count(subject: Subject, engine: Engine, window: TimeWindow, progress: Progress = lambda *_: None) -> ExactSnapshot:
    """The exact private snapshot of one window of an open source.

    Raises:
        EnvironmentFault: see `collect_exact`.
    """
    return collect_exact(
        engine,
        line=subject.line,
        settings=subject.settings,
        settings_sha256=subject.settings_sha256,
        config=subject.config.ref,
        config_data=subject.config.value,
        window=window,
        progress=progress,
    )


def merge_counts(subject: Subject, shards: Sequence[ExactSnapshot]) -> tuple[ExactSnapshot, MetricsSnapshot]:
    """The snapshot of disjoint tables, or of windows without a gap, that were collected apart under one config.

    Args:
        subject: line and config; its settings say whether one subject may stand in several tables.
        shards: at least one exact snapshot, each of other assessments.

    Returns:
        The exact private snapshot of all and the published one.

    Raises:
        UsageError: NOT_MERGEABLE, OTHER_SETTINGS.
    """
    share = subject.settings.source.shards_share_subjects
    whole = merge_all(shards, share_subjects=share)
    return whole, publish(subject, whole)


def publish(subject: Subject, exact: ExactSnapshot) -> MetricsSnapshot:
    """The shareable snapshot of exact counts.

    Raises:
        UsageError: OTHER_SETTINGS when they were counted for another line, or with other settings or another config.
    """
    expected = {"line": subject.line, "settings_sha256": subject.settings_sha256, "config": subject.config.ref}
    for name, value in expected.items():
        if getattr(exact, name) != value:
            raise UsageError(
                "OTHER_SETTINGS",
                f"the counts were collected with another {name.removesuffix('_sha256')}",
                why="Grids, words and gates come from there; under others the counts would say something else.",
                fix="collect again with calibgit.toml as it is here, or name the config with --config VERSION",
            )
    before = subject.before.value if subject.before else None
    return disclose(exact, settings=subject.settings, config_data=subject.config.value, previous=before)


def analyze(
    subject: Subject,
    snapshot: MetricsSnapshot,
    previous: MetricsSnapshot | None = None,
    history: History | None = None,
    record: Sequence[VersionTrack] = (),
) -> CalibrationReport:
    """Findings of a published snapshot; see `analyze.run.analyze`.

    Raises:
        UsageError: WRONG_CONFIG, WRONG_HISTORY.
    """
    return analyze_snapshot(
        snapshot,
        config_data=subject.config.value,
        settings=subject.settings,
        previous=previous,
        history=history,
        record=record,
    )


def earlier_of(
    snapshot: MetricsSnapshot, earlier: Sequence[MetricsSnapshot]
) -> tuple[MetricsSnapshot | None, History | None]:
    """The window just before one, and the history of its version, from snapshots in any order.

    None where no window is before; no history where there are too few windows for a chart.
    """
    ordered = sorted((each for each in earlier if each.bands == snapshot.bands), key=lambda each: each.window.end)
    version = snapshot.config.version
    enough = sum(each.stratum(version) is not None for each in ordered) >= LEAST_WINDOWS
    history = History.of_snapshots(snapshot.line, version, ordered) if enough else None
    return (ordered[-1] if ordered else None), history


def read_snapshot(path: Path) -> MetricsSnapshot:
    """A published snapshot from a file.

    Raises:
        EnvironmentFault: CANNOT_READ.
        DocumentError: see `Document.read`.
    """
    return MetricsSnapshot.read(read_file(path), path.name)


def read_exact(path: Path) -> ExactSnapshot:
    """Exact counts from a file.

    Raises:
        EnvironmentFault: CANNOT_READ.
        DocumentError: see `Document.read`.
    """
    return ExactSnapshot.read(read_file(path), path.name)


def read_report(path: Path) -> CalibrationReport:
    """A calibration report from a file.

    Raises:
        EnvironmentFault: CANNOT_READ.
        DocumentError: see `Document.read`.
    """
    return CalibrationReport.read(read_file(path), path.name)


def find_snapshot(report: CalibrationReport, beside: Path, digest: str | None = None) -> MetricsSnapshot:
    """The published snapshot that a report was made from, looked for in the report's directory.

    Raises:
        DocumentError: NO_SNAPSHOT.
    """
    wanted = digest or report.snapshot_sha256
    found = _find(MetricsSnapshot, beside, wanted)
    if found is not None:
        return found
    raise DocumentError(
        "NO_SNAPSHOT",
        f"no file in {beside} is the snapshot with digest {wanted[:12]} that the report was made from",
        why="A proposal is computed from the published counts, not from the findings alone.",
        fix="give it with --snapshot FILE",
    )


def find_history(report: CalibrationReport, beside: Path) -> History | None:
    """The history that a report was made with, looked for in the report's directory; None where it needs none.

    Raises:
        DocumentError: NO_SNAPSHOT.
    """
    wanted = report.history_sha256
    found = _find(History, beside, wanted) if wanted else None
    if wanted and found is None:
        raise DocumentError(
            "NO_SNAPSHOT",
            f"no file in {beside} is the history with digest {wanted[:12]} that the report was made with",
            why="A proposal is recomputed from everything that its report was made from.",
            fix="run calibgit analyze again, with --previous for each earlier snapshot",
        )
    return found


def _find(kind: type[D], beside: Path, digest: str) -> D | None:
    for path in sorted(beside.glob("*.json")):
        with suppress(DocumentError, EnvironmentFault):
            found = kind.read(read_file(path), path.name)
            if found.digest() == digest:
                return found
    return None


def read_file(path: Path) -> bytes:
    """Bytes of a file that the user named.

    Raises:
        EnvironmentFault: CANNOT_READ.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(
            "CANNOT_READ",
            f"{path} cannot be read: {error.strerror}",
            why="The command needs it.",
            fix=f"ls {path.parent}",
        ) from error
