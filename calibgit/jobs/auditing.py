"""Audit a clone: verify, look up what verification leaves to the writer, and assemble the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from calibgit.audit.assemble import Looked, assemble, policy_before
from calibgit.errors import CalibgitError
from calibgit.jobs.evidence import LEDGER
from calibgit.jobs.govern import contracts
from calibgit.jobs.workspace import Workspace
from calibgit.model.audit import AuditReport
from calibgit.model.canonical import read_json, sha256_hex
from calibgit.model.config_data import read_config_data
from calibgit.model.contracts import broken
from calibgit.model.event import Event
from calibgit.model.ids import evidence_branch, summary_path
from calibgit.registry.history import History
from calibgit.registry.verification import Verification
from calibgit.repo.history import list_files, resolve
from calibgit.repo.objects import read_blob

Report = Literal["found", "missing", "not checked"]


def audit(workspace: Workspace) -> AuditReport:
    """Everything that the log and this clone tell, without the network.

    Raises:
        GateClosed: NOT_SEALED.
        IntegrityError: WRONG_ROOT, LOG_MISSING.
    """
    verification = workspace.verification()
    if verification.ok:
        verification.require()
    lines = sorted({event.line for event in verification.events if event.line})
    branches = {line: _evidence(workspace, line) for line in lines}
    looked = Looked(
        reports=_reports(workspace, verification, branches),
        documents=_documents(workspace, verification, branches),
        contracts=_contracts(workspace, verification),
        not_checked=tuple(
            f"reports and measurements of {line}: this clone does not hold the branch {evidence_branch(line)}"
            for line, tip in branches.items()
            if tip is None
        ),
    )
    return assemble(verification, looked, trust_root="checked" if workspace.trust_root else "not given")


def _evidence(workspace: Workspace, line: str) -> str | None:
    """Tip of a line's evidence branch as this clone knows it."""
    name = evidence_branch(line)
    return resolve(workspace.repo, f"refs/remotes/{workspace.remote_name}/{name}") or resolve(
        workspace.repo, f"refs/heads/{name}"
    )


def _reports(workspace: Workspace, verification: Verification, branches: Mapping[str, str | None]) -> dict[int, Report]:
    digests: dict[str, set[str]] = {}
    for line, tip in branches.items():
        paths = list_files(workspace.repo, tip, "rollbacks/") if tip else []
        found = (read_blob(workspace.repo, tip, path) for path in paths if tip)
        digests[line] = {sha256_hex(data) for data in found if data is not None}
    return {
        event.seq: _held(branches[event.line], event.payload["report_sha256"], digests[event.line])
        for event in verification.events
        if event.kind == "revert"
    }


def _held(tip: str | None, digest: str, digests: set[str]) -> Report:
    if tip is None:
        return "not checked"
    return "found" if digest in digests else "missing"


def _documents(workspace: Workspace, verification: Verification, branches: Mapping[str, str | None]) -> dict[int, str]:
    """For each release: whether the counts behind the proposal are in the published ledger."""
    found: dict[int, str] = {}
    for event in verification.events:
        if event.kind == "release":
            found[event.seq] = _measured(workspace, event, branches[event.line])
    return found


def _measured(workspace: Workspace, event: Event, tip: str | None) -> str:
    path = summary_path(event.line, event.version)
    try:
        data = read_blob(workspace.repo, event.payload["target"]["commit"], path)
        summary = read_json(data or b"{}", path)
        named = {item["name"].rpartition("/")[2]: item["sha256"] for item in summary["reproduce"]["inputs"]}
        snapshot = read_blob(
            workspace.repo,
            event.payload["target"]["commit"],
            path.rpartition("/")[0] + "/metrics_snapshot.json",
        )
    except (CalibgitError, KeyError, TypeError, AttributeError):
        return "none named"
    if snapshot is None or "metrics_snapshot.json" not in named:
        return "none named"
    if sha256_hex(snapshot) != named["metrics_snapshot.json"]:
        return "another snapshot than the summary names"
    if tip is None:
        return "not checked"
    held = {
        sha256_hex(blob)
        for name in list_files(workspace.repo, tip, "runs/")
        if name.endswith("/metrics_snapshot.json") and (blob := read_blob(workspace.repo, tip, name)) is not None
    }
    return f"in the ledger ({LEDGER})" if sha256_hex(snapshot) in held else "not in the ledger"


def _contracts(workspace: Workspace, verification: Verification) -> dict[int, Sequence[str]]:
    """Activations and rollbacks that broke a contract of their time, without the override that allows it."""
    found: dict[int, Sequence[str]] = {}
    versions = verification.state.versions
    for event in verification.events:
        if event.kind not in {"activate", "revert"} or "breaking" in event.payload.get("override", ()):
            continue
        place = policy_before(verification, event).lines.get(event.line)
        record = versions[event.line][event.version]
        replaced = event.payload.get("from_version")
        current = next((r for v, r in versions[event.line].items() if str(v) == replaced), None)
        history = History(workspace.repo, event.payload["branch"]["head"])
        if place is None:
            continue
        data = history.require_blob(record.commit, record.path, record.sha256, record.size)
        try:
            problems = broken(contracts(history, place.contracts, current), read_config_data(data, record.path))
        except CalibgitError as error:
            problems = [error.what]
        if problems:
            found[event.seq] = problems
    return found
