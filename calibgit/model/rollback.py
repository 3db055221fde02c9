"""The report that goes with every rollback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.state import RegistryState, Step, VersionRecord


class ChangedValue(Document):
    """A path that differs between the version taken out and the one restored."""

    path: str
    was: Any = None
    now: Any = None


class RollbackReport(Document):
    """Why a version was taken out, what replaced it, and what to do next."""

    schema_: Literal["calibgit/rollback-report/1"] = Field(default="calibgit/rollback-report/1", alias="schema")
    line: str
    env: str
    seq: int
    from_version: str
    version: str
    reason: str
    evidence: dict[str, str]
    by: str
    digests: dict[str, str]
    active_from: str
    active_until: str
    diff: tuple[ChangedValue, ...]
    next_steps: tuple[str, ...]

    @property
    def name(self) -> str:
        """File name without its ending."""
        return f"rollback_report_v{self.from_version}_{self.seq:08d}"

    def markdown(self) -> str:
        """The report for people."""
        rows = "".join(f"| {_code(item.path)} | {_code(item.was)} | {_code(item.now)} |\n" for item in self.diff)
        steps = "".join(f"{place}. {step}\n" for place, step in enumerate(self.next_steps, start=1))
        return (
            f"# Rollback of {self.line} v{self.from_version} in {self.env}\n\n"
            f"**v{self.version} is active again**, restored by {self.by} with event {self.seq}.\n\n"
            f"> {_plain(self.reason)}\n\n"
            f"v{self.from_version} was active from {self.active_from} until {self.active_until}.\n"
            f"The restored config has the SHA-256 `{self.digests['version']}`.\n\n"
            f"| changed back | was | is again |\n|---|---|---|\n{rows}\n## Next\n\n{steps}"
        )


def rollback_report(
    *,
    state: RegistryState,
    leaving: VersionRecord,
    restored: VersionRecord,
    env: str,
    reason: str,
    by: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> RollbackReport:
    """The report of taking `leaving` out of `env` after the state's last event.

    Args:
        state: before the rollback.
        leaving: the version taken out.
        restored: the version that is active again.
        env: where.
        reason: in the words of whoever rolls back.
        by: that person's name.
        old: JSON data of the config taken out.
        new: JSON data of the config restored.
    """
    since = next(
        (s for s in reversed(state.steps) if (s.line, s.env, s.version) == (leaving.line, env, leaving.version)),
        None,
    )
    return RollbackReport(
        line=leaving.line,
        env=env,
        seq=state.seq + 1,
        from_version=str(leaving.version),
        version=str(restored.version),
        reason=reason,
        evidence={
            "release": leaving.tag,
            "approvers": ", ".join(leaving.approvers),
            "strength": leaving.evidence,
        },
        by=by,
        digests={"from_version": leaving.sha256, "version": restored.sha256},
        active_from=_event_of(since),
        active_until=f"event {state.seq + 1}",
        diff=tuple(_differences(old, new, "")),
        next_steps=_next_steps(state, leaving, restored, env),
    )


def _next_steps(state: RegistryState, leaving: VersionRecord, restored: VersionRecord, env: str) -> tuple[str, ...]:
    return (
        f"Check that runtimes follow: calibgit status --line {leaving.line}",
        f"Let runtimes fetch it: calibgit pin calib/{leaving.line}/v{restored.version} --trust-root "
        f"{state.registry} --env {env} -o DIR",
        "Find the cause, then propose a corrected version: calibgit propose",
        f"If v{leaving.version} must never come back: calibgit deprecate {leaving.version} --reason TEXT",
    )


def _event_of(step: Step | None) -> str:
    return f"event {step.seq} ({step.at})" if step else "unknown"


def _differences(old: Any, new: Any, path: str) -> list[ChangedValue]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = sorted({*old, *new})
        return [
            item
            for key in keys
            for item in _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if old == new else [ChangedValue(path=path, was=old, now=new)]


def _plain(text: str) -> str:
    return " ".join(text.splitlines()).replace("|", "\\|").replace("<", "&lt;")


def _code(value: Any) -> str:
    """A value as inline code in a table cell; long ones are cut."""
    text = " ".join(str(value).splitlines()).replace("`", "'").replace("|", "\\|")
    return f"`{text[:120]}`"
