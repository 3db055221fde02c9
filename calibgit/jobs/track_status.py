"""The track record of a line as `status` tells it. Where there is nothing to score, no type of document is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calibgit.errors import CalibgitError
from calibgit.model.ids import evidence_branch
from calibgit.model.state import Problem, RegistryState
from calibgit.repo.refs import list_refs

if TYPE_CHECKING:
    from calibgit.jobs.workspace import Workspace


def known_tip(workspace: Workspace, line: str) -> str | None:
    """The newest commit of a line's evidence branch that this clone has fetched; the network is not asked."""
    name = f"refs/remotes/{workspace.remote_name}/{evidence_branch(line)}"
    return next((ref.oid for ref in list_refs(workspace.repo, name) if ref.name == name), None)


def track_record(workspace: Workspace, state: RegistryState, line: str, *, until: str | None = None) -> dict[str, Any]:
    """What the released versions of a line promised, and what came.

    Args:
        workspace: the clone.
        state: the fold, up to the moment that is asked about.
        line: the line.
        until: UTC time; windows that end later are not looked at.

    Returns:
        JSON data with the keys `evidence` (commit of the evidence branch, or None), `note` (why something could not be
        scored), `held`, `missed`, `not_assessable`, `versions` and `triggers`.
    """
    nothing: dict[str, Any] = {"held": 0, "missed": 0, "not_assessable": 0, "versions": [], "triggers": []}
    tip = None
    try:
        tip = known_tip(workspace, line)
        if all(record.evidence == "baseline" for record in state.line(line).values()):
            return {"evidence": tip, "note": "", **nothing}
        if tip is None:
            branch = evidence_branch(line)
            return {"evidence": None, "note": f"nothing has been scored: this clone has no {branch}", **nothing}
        from calibgit.jobs.tracking import told  # noqa: PLC0415  kept off the path of readers

        return {"evidence": tip, **told(workspace, state, line, tip, until)}
    except CalibgitError as error:
        return {"evidence": tip, "note": f"nothing could be scored: {error.code}: {error.what}", **nothing}


def fired(line: str, record: dict[str, Any]) -> list[Problem]:
    """TRIGGER_FIRED for every rollback trigger of an active version whose bound was passed."""
    return [
        Problem(
            "TRIGGER_FIRED",
            f"{line} v{entry['version']}, active in {entry['env']}: {entry['metric']} is {entry['direction']} "
            f"{100 * entry['bound']:.1f}% on {entry['came']['n']} assessments of the window up to "
            f"{entry['came']['window']['end'][:10]}",
            fix=entry["command"],
        )
        for entry in record["triggers"]
        if entry["fired"]
    ]
