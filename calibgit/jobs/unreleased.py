"""Versions that no event has released: rejected, merged, or proposed on a branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calibgit.jobs.workspace import Workspace
from calibgit.model.ids import Version, parse_config_path, parse_release_name
from calibgit.model.state import RegistryState
from calibgit.repo.history import list_files
from calibgit.repo.refs import list_refs


def unreleased(workspace: Workspace, state: RegistryState, lines: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Versions without a release, by line: rejected by an event; merged or proposed by unsigned branches."""
    found: dict[str, dict[Version, tuple[str, str]]] = {line: {} for line in lines}
    prefix = f"refs/remotes/{workspace.remote_name}/"
    for ref in list_refs(workspace.repo, f"{prefix}calibgit/"):
        name = parse_release_name("calib/" + ref.name.removeprefix(f"{prefix}calibgit/"))
        if name is not None and name[0] in found:
            found[name[0]][name[1]] = ("proposed", ref.oid)
    policy = workspace.verification().policy
    line_of = {policy.lines[line].configs: line for line in lines if line in policy.lines} if policy else {}
    if policy is not None and line_of:
        tip = workspace.history(policy).tip
        for path in list_files(workspace.repo, tip, *line_of):
            configs = path.rpartition("/")[0]
            version = parse_config_path(path, configs) if configs in line_of else None
            if version is not None:
                found[line_of[configs]][version] = ("merged", tip)
    return {line: _without_release(found[line], state, line) for line in lines}


def _without_release(found: dict[Version, tuple[str, str]], state: RegistryState, line: str) -> list[dict[str, Any]]:
    found |= dict.fromkeys(state.rejected.get(line, {}).values(), ("rejected", ""))
    return [
        {
            "version": str(version),
            "state": state_name,
            "envs": {},
            "tag": None,
            "commit": commit or None,
            "sha256": None,
            "signer": None,
            "approvers": [],
            "evidence": "none" if state_name == "rejected" else "unverified",
        }
        for version, (state_name, commit) in sorted(found.items())
        if version not in state.line(line)
    ]
