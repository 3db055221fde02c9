"""Collect and analyze: from a results table to findings. Rows stay in the data engine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibgit.analyze.run import analyze as analyze_snapshot
from calibgit.collect.disclose import disclose
from calibgit.collect.exact import collect_exact
from calibgit.collect.window import resolve_window
from calibgit.engine.open import open_source
from calibgit.errors import DocumentError, EnvironmentFault
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.workspace import Workspace
from calibgit.model.report import CalibrationReport
from calibgit.model.settings import Line
from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot

OUTPUT = "analytics_output"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is measured: a line with its settings, the directory of its configs, and the config in force."""

    line: str
    settings: Line
    settings_sha256: str
    configs: str
    config: ActiveConfig


def subject_of(workspace: Workspace, config: ActiveConfig) -> Subject:
    """The line of a workspace under one config."""
    return Subject(workspace.line_name, workspace.line, workspace.settings_sha256, workspace.place.configs, config)


def collect(
    subject: Subject, source: Any, *, as_of: str, days: int | None = None
) -> tuple[ExactSnapshot, MetricsSnapshot]:
    """Count one window.

    Args:
        subject: line and config.
        source: a path, URL, or SQLAlchemy Session, Engine or Connection.
        as_of: UTC date YYYY-MM-DD; the window is the last complete one before it.
        days: length; None for the line's own.

    Returns:
        The exact private snapshot and the published one.

    Raises:
        UsageError: BAD_WINDOW, UNSUPPORTED_SOURCE.
        EnvironmentFault: EMPTY_WINDOW, NO_SOURCE, NO_TABLE, MISSING_COLUMN, LOCKED_SOURCE, SOURCE_FAILED,
            SOURCE_UNREADABLE, MISSING_EXTRA.
    """
    window = resolve_window(as_of, days or subject.settings.window.days, subject.settings.window.anchor)
    with open_source(source) as engine:
        exact = collect_exact(
            engine,
            line=subject.line,
            settings=subject.settings,
            settings_sha256=subject.settings_sha256,
            config=subject.config.ref,
            config_data=subject.config.value,
            window=window,
        )
    return exact, disclose(exact, settings=subject.settings, config_data=subject.config.value)


def analyze(subject: Subject, snapshot: MetricsSnapshot, previous: MetricsSnapshot | None = None) -> CalibrationReport:
    """Findings of a published snapshot.

    Raises:
        UsageError: WRONG_CONFIG.
    """
    return analyze_snapshot(snapshot, config_data=subject.config.value, settings=subject.settings, previous=previous)


def read_snapshot(path: Path) -> MetricsSnapshot:
    """A published snapshot from a file.

    Raises:
        EnvironmentFault: CANNOT_READ.
        DocumentError: see `Document.read`.
    """
    return MetricsSnapshot.read(read_file(path), path.name)


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
    for path in sorted(beside.glob("*.json")):
        with suppress(DocumentError, EnvironmentFault):
            snapshot = read_snapshot(path)
            if snapshot.digest() == wanted:
                return snapshot
    raise DocumentError(
        "NO_SNAPSHOT",
        f"no file in {beside} is the snapshot with digest {wanted[:12]} that the report was made from",
        why="A proposal is computed from the published counts, not from the findings alone.",
        fix="give it with --snapshot FILE",
    )


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


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write each file whole or not at all, in order.

    Raises:
        EnvironmentFault: CANNOT_WRITE.
    """
    for path, data in files.items():
        temporary = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise EnvironmentFault(
                "CANNOT_WRITE",
                f"{path} cannot be written: {error.strerror}",
                why="Nothing half-written is left behind.",
                fix="free some space or choose another place with -o",
            ) from error
