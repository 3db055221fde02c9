"""The append-only evidence branch: what every run and every rollback leaves behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibgit import __version__
from calibgit.errors import CalibgitError, Conflict, DocumentError, GateClosed
from calibgit.jobs.track_status import known_tip
from calibgit.jobs.workspace import Workspace
from calibgit.model.canonical import read_json
from calibgit.model.history import MOST_WINDOWS, History
from calibgit.model.ids import evidence_branch
from calibgit.model.report import CalibrationReport
from calibgit.model.rollback import RollbackReport
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.repo.commits import commit_files
from calibgit.repo.identity import user_identity
from calibgit.repo.objects import blob_data, read_blob, read_objects
from calibgit.repo.pushing import push
from calibgit.repo.remote import fetch, remote_refs
from calibgit.repo.repository import Repository

LEDGER = "ledger.jsonl"
ATTEMPTS = 5


def rollback_commit(workspace: Workspace, report: RollbackReport) -> dict[str, str]:
    """A commit that carries a rollback report, and the branch that it belongs on. Nothing is pushed yet."""
    files = {
        f"rollbacks/{report.name}.json": report.pretty(),
        f"rollbacks/{report.name}.md": report.markdown().encode(),
    }
    subject = f"calibgit: rollback of {report.line} v{report.from_version} in {report.env}"
    return _commit(workspace, _tip(workspace), files, subject)


def publish_run(
    workspace: Workspace,
    snapshot: MetricsSnapshot,
    report: CalibrationReport,
    previous: MetricsSnapshot | None = None,
    history: History | None = None,
) -> str | None:
    """Append snapshot, report and ledger line of one run; None when the ledger already has exactly this run.

    Whatever is published with it, a proposal's copy included, is judged by this ledger first.

    Args:
        workspace: the clone.
        snapshot: its counts.
        report: its findings.
        previous: an earlier snapshot that is going to be published beside it.
        history: rates of earlier snapshots that are, too.

    Raises:
        GateClosed: WINDOW_PUBLISHED when other counts of an overlapping window are there already; NOT_PUBLISHED when
            `previous`, or a window of `history`, is not there.
        Conflict: LOST_RACE when other writers were faster several times.
    """
    for _ in range(ATTEMPTS):
        tip = _tip(workspace)
        ledger = _ledger(workspace, tip)
        entries = _entries(ledger)
        _refuse_overlap(snapshot, entries)
        _require_published(previous, history, entries)
        if _is_there(snapshot, report, entries):
            return None
        folder = f"runs/{snapshot.window.stamp}-{report.digest()[:12]}"
        files = {
            f"{folder}/metrics_snapshot.json": snapshot.pretty(),
            f"{folder}/calibration_report.json": report.pretty(),
            LEDGER: ledger + ledger_line(snapshot, report, entries),
        }
        updates = _commit(workspace, tip, files, f"calibgit: run of {snapshot.line} up to {snapshot.window.end}")
        try:
            push(workspace.repo, workspace.remote, updates)
        except Conflict:
            continue
        return next(iter(updates.values()))
    raise Conflict(
        "LOST_RACE",
        f"{ATTEMPTS} other writers were faster",
        why="The evidence branch only grows, one writer at a time.",
        fix="repeat the command",
    )


def _is_there(snapshot: MetricsSnapshot, report: CalibrationReport, entries: Sequence[Mapping[str, Any]]) -> bool:
    digests = snapshot.digest(), report.digest()
    return any((entry["snapshot_sha256"], entry["report_sha256"]) == digests for entry in entries)


def _refuse_overlap(snapshot: MetricsSnapshot, entries: Sequence[Mapping[str, Any]]) -> None:
    """Two publications that share a day could be subtracted from each other, down to single rows."""
    window = _overlapped(snapshot, entries)
    if window is not None:
        raise GateClosed(
            "WINDOW_PUBLISHED",
            f"counts of {window['start']} to {window['end']} are published already, and these differ from them",
            why="The difference of two overlapping publications could show single rows.",
            fix="wait for the next window; --dry-run shows this one without publishing",
        )


def _overlapped(snapshot: MetricsSnapshot, entries: Sequence[Mapping[str, Any]]) -> Mapping[str, str] | None:
    """The first published window that shares days with a snapshot and is not that snapshot itself."""
    for entry in entries:
        window: Mapping[str, str] = entry["window"]
        same = entry["snapshot_sha256"] == snapshot.digest()
        if not same and window["start"] < snapshot.window.end and snapshot.window.start < window["end"]:
            return window
    return None


def known_overlap(workspace: Workspace, snapshot: MetricsSnapshot) -> str | None:
    """A published window that shares days with other counts in `snapshot`, as START to END, by what this clone knows.

    The network is not asked: a clone that has not fetched for long knows less.

    Raises:
        DocumentError: LEDGER_MALFORMED, NOT_JSON.
    """
    try:
        tip = known_tip(workspace, workspace.line_name)
    except CalibgitError:
        return None
    window = _overlapped(snapshot, _entries(_ledger(workspace, tip)))
    return None if window is None else f"{window['start']} to {window['end']}"


def _require_published(
    previous: MetricsSnapshot | None, history: History | None, entries: Sequence[Mapping[str, Any]]
) -> None:
    """Counts that only come along would escape the ledger."""
    there = {entry["snapshot_sha256"] for entry in entries}
    along = [(each.snapshot_sha256, each.window) for each in history.windows] if history is not None else []
    along += [(previous.digest(), previous.window)] if previous is not None else []
    window = next((window for digest, window in along if digest not in there), None)
    if window is not None:
        raise GateClosed(
            "NOT_PUBLISHED",
            f"the earlier snapshot, of {window.start} to {window.end}, is not on the evidence branch",
            why="A proposal publishes what it was made from, and every publication is checked against the others.",
            fix="leave --previous out; or publish every run: calibgit calibrate --source URL",
        )


def ledger_line(snapshot: MetricsSnapshot, report: CalibrationReport, entries: Sequence[Mapping[str, Any]]) -> bytes:
    """One line of the ledger: window, digests, the tool, and the snapshot that was published before it (or null)."""
    entry = {
        "window": snapshot.window.data(),
        "config_sha256": snapshot.config.sha256,
        "snapshot_sha256": snapshot.digest(),
        "report_sha256": report.digest(),
        "previous_snapshot_sha256": _before(snapshot.digest(), entries),
        "tool": f"calibgit {__version__}",
    }
    return (json.dumps(entry, sort_keys=True) + "\n").encode()


def _before(digest: str, entries: Sequence[Mapping[str, Any]]) -> str | None:
    """The last other snapshot among some lines of the ledger."""
    others = [entry["snapshot_sha256"] for entry in entries if entry["snapshot_sha256"] != digest]
    return str(others[-1]) if others else None


@dataclass(frozen=True, slots=True)
class Published:
    """A published window, half-open in UTC, and where its snapshot lies on the evidence branch."""

    start: str
    end: str
    path: str


def published(repo: Repository, tip: str) -> list[Published]:
    """Every published window, oldest first, by the ledger at a commit of the evidence branch.

    Raises:
        DocumentError: LEDGER_MALFORMED, NOT_JSON.
    """
    found: dict[str, Published] = {}
    for entry in _entries(read_blob(repo, tip, LEDGER) or b""):
        start, end = entry["window"]["start"], entry["window"]["end"]
        stamp = end.replace("-", "").replace(":", "").replace("T", "_").rstrip("Z")
        path = f"runs/{stamp}-{entry['report_sha256'][:12]}/metrics_snapshot.json"
        found.setdefault(end, Published(start, end, path))
    return [found[end] for end in sorted(found)]


def earlier_snapshots(workspace: Workspace, before: str) -> list[MetricsSnapshot]:
    """The last published snapshots whose windows ended at or before `before`, from the evidence branch, oldest first.

    Raises:
        DocumentError: LEDGER_MALFORMED, NOT_JSON, and what `Document.read` refuses.
    """
    tip = _tip(workspace)
    earlier = [each for each in published(workspace.repo, tip) if each.end <= before] if tip else []
    paths = [each.path for each in earlier[-MOST_WINDOWS:]]
    found = read_objects(workspace.repo, [f"{tip}:{path}" for path in paths])
    blobs = ((path, blob_data(blob, path)) for path, (_, blob) in zip(paths, found, strict=True))
    return [MetricsSnapshot.read(data, path) for path, data in blobs if data is not None]


def _ledger(workspace: Workspace, tip: str | None) -> bytes:
    return (read_blob(workspace.repo, tip, LEDGER) or b"") if tip else b""


def _entries(ledger: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in ledger.split(b"\n")[:-1]:
        entry = _entry(line)
        if entry["previous_snapshot_sha256"] != _before(entry["snapshot_sha256"], found):
            raise _malformed("a line that does not follow on the one before it")
        found.append(entry)
    return found


def _entry(line: bytes) -> dict[str, Any]:
    """A line of the ledger. The branch is not signed, so nothing is taken for granted."""
    value = read_json(line, LEDGER)
    try:
        texts = [value["window"]["start"], value["window"]["end"], value["report_sha256"], value["snapshot_sha256"]]
        if {type(text) for text in texts} == {str} and "previous_snapshot_sha256" in value:
            return dict(value)
    except (KeyError, TypeError, IndexError):
        pass
    raise _malformed("a line that is no run")


def _malformed(what: str) -> DocumentError:
    return DocumentError(
        "LEDGER_MALFORMED",
        f"{LEDGER} on the evidence branch has {what}",
        why="Somebody else than calibgit wrote to that branch.",
        fix=f"look at it with: git log -p -- {LEDGER}",
    )


def _tip(workspace: Workspace) -> str | None:
    ref = f"refs/heads/{evidence_branch(workspace.line_name)}"
    tip = remote_refs(workspace.repo, workspace.remote, ref).get(ref)
    if tip is not None:
        name = ref.removeprefix("refs/heads/")
        fetch(workspace.repo, workspace.remote, [f"+{ref}:refs/remotes/{workspace.remote.name}/{name}"])
    return tip


def _commit(workspace: Workspace, tip: str | None, files: Mapping[str, bytes | None], message: str) -> dict[str, str]:
    oid = commit_files(
        workspace.repo,
        parents=[tip] if tip else [],
        files=files,
        message=message,
        author=user_identity(workspace.environ),
        when=workspace.now(),
    )
    return {f"refs/heads/{evidence_branch(workspace.line_name)}": oid}
