"""The registry of one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibgit.api.place import workspace
from calibgit.errors import PermissionRefused, UsageError
from calibgit.jobs import govern, read
from calibgit.jobs.written import Written
from calibgit.model.ids import Version
from calibgit.model.policy import PRODUCTION


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What a person says of a change. The facts are in the change summary."""

    description: str
    date: str
    impact: str
    affected_components: Sequence[str]


class VersionRegistry:
    """The registry of one line. Reading verifies the log; writing signs an event.

    Args:
        repo: a directory of the governed clone.
        line: the line; None for the only one.
        key: private key to sign with; None for the configured one.
        env: the environment that is activated.
    """

    def __init__(
        self,
        repo: str | Path | None = None,
        *,
        line: str | None = None,
        key: str | Path | None = None,
        env: str = PRODUCTION,
    ) -> None:
        self._workspace = workspace(repo, line, key)
        self._env = env

    def register_version(
        self,
        *,
        version: str,
        description: str,
        changes: Sequence[VersionChange] = (),
        requires_approval: bool = True,
    ) -> dict[str, Any]:
        """Look the merged proposal up; nothing is written, because a merge cannot be claimed.

        Returns:
            The version's entry: `merged` and unverified before its release.

        Raises:
            UsageError: APPROVAL_REQUIRED when `requires_approval` is false: there is no other way.
        """
        if not requires_approval:
            raise UsageError(
                "APPROVAL_REQUIRED",
                "every version requires an approval",
                why="Nobody may change a config unseen.",
                fix="requires_approval=True",
            )
        self._workspace.refresh(self._workspace.verification().require()[1].branch_ref)
        entry = next((e for e in self.get_version_history() if e["version"] == version), None)
        said = [_said(change) for change in changes]
        return {**(entry or {"version": version, "state": "unknown"}), "description": description, "changes": said}

    def approve_version(self, *, version: str, approved_by: str, approval_reason: str = "") -> Written:
        """Release a merged version. `approved_by` must be the person whose key signs, by name or e-mail.

        Raises:
            GateClosed: NOT_MERGED, FOUR_EYES and the other codes of a release.
            PermissionRefused: OTHER_PERSON, NOT_A_SIGNER, NOT_AUTHORISED.
        """
        _, policy = self._workspace.verification().require()
        key = self._workspace.writer().signer.public_key
        claimed = approved_by if approved_by in policy.people else policy.person_of_email(approved_by)
        if claimed is None or claimed != policy.person_of_key(key):
            raise PermissionRefused(
                "OTHER_PERSON",
                f"{approved_by} is not the person whose key would sign",
                why="Nobody releases in another person's name.",
                fix="sign with that person's key, or name the person whose key this is",
            )
        return govern.release(self._workspace, Version.parse(version), reason=approval_reason)

    def activate_version(self, version: str, *, reason: str = "") -> Written:
        """Make a released version active; going back to one that was active before writes a rollback."""
        wanted = Version.parse(version)
        state, _ = self._workspace.verification().require()
        record = state.line(self._workspace.line_name).get(wanted)
        if record is not None and record.envs.get(self._env) == "superseded":
            words = reason or f"return to v{version}"
            return govern.rollback(self._workspace, env=self._env, to=wanted, reason=words)[0]
        return govern.activate(self._workspace, wanted, env=self._env, reason=reason)

    def can_activate_version(self, version: str) -> bool:
        """Whether the version is released, stands, and is not active already."""
        state, _ = self._workspace.verification().require()
        record = state.line(self._workspace.line_name).get(Version.parse(version))
        return (
            record is not None
            and record.status == "released"
            and record.envs.get(self._env) not in {"active", "rolled_back"}
            and self.is_backward_compatible(version)
        )

    def deprecate_version(self, version: str, *, reason: str = "") -> Written:
        """Forbid new activations of a version; what is active stays active."""
        return govern.deprecate(self._workspace, Version.parse(version), reason=reason)

    def get_active_version(self) -> str | None:
        """The active version, or None."""
        state, _ = self._workspace.verification().require()
        record = state.active(self._workspace.line_name, self._env)
        return None if record is None else str(record.version)

    def get_version_history(self) -> list[dict[str, Any]]:
        """Every version with its state, approvers and evidence, oldest first."""
        value = read.status(self._workspace)
        entries: list[dict[str, Any]] = value["lines"][self._workspace.line_name]["versions"]
        return entries

    def is_backward_compatible(self, version: str) -> bool:
        """Whether every consumer contract and the active version's schema accept the version."""
        return govern.is_backward_compatible(self._workspace, Version.parse(version), self._env)

    def get_change_log(self) -> list[dict[str, Any]]:
        """Every event of the line, oldest first."""
        line = self._workspace.line_name
        return [event for event in read.log(self._workspace)["events"] if event["line"] in {None, line}]


def _said(change: VersionChange) -> dict[str, Any]:
    """A change as JSON data."""
    return {
        "description": change.description,
        "date": change.date,
        "impact": change.impact,
        "affected_components": list(change.affected_components),
    }


def get_version_registry(
    repo: str | Path | None = None, *, line: str | None = None, key: str | Path | None = None, env: str = PRODUCTION
) -> VersionRegistry:
    """The registry of a line of the governed clone that holds `repo`, or the current directory."""
    return VersionRegistry(repo, line=line, key=key, env=env)
