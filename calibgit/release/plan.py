"""Plan an event from the verified state. Pure apart from reading recorded commits through `Situation.history`.

Every function returns the kind-specific fields of the payload and raises where the gate is closed. The verifier's
own steps run again on the result before it is pushed; the plans only add the reasons that a person needs first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibgit.errors import GateClosed, UsageError
from calibgit.model.canonical import sha256_hex
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy
from calibgit.model.state import RegistryState, VersionRecord
from calibgit.registry import attested, merge_signed
from calibgit.registry.approval import MergeFacts, Scope
from calibgit.registry.attested import Claim
from calibgit.registry.history import History, schema_path
from calibgit.registry.transitions import rollback_target
from calibgit.registry.write import Situation


@dataclass(frozen=True, slots=True)
class Adoption:
    """A config that is in use when the registry starts: adopted as it is, and labelled baseline."""

    line: str
    version: Version
    path: str
    envs: tuple[str, ...]


def genesis(
    situation: Situation, *, policy_path: str, policy: Policy, adoptions: Sequence[Adoption], reason: str
) -> Mapping[str, Any]:
    """The first event, on the protected branch's tip.

    Raises:
        GateClosed: ALREADY_SEALED, NO_POLICY or NO_SUCH_CONFIG.
    """
    if situation.state.seq:
        raise GateClosed(
            "ALREADY_SEALED",
            "this registry already has its genesis",
            why="A registry starts once.",
            fix="calibgit status",
        )
    history = situation.history
    return {
        "kind": "genesis",
        "target": _file(history, history.tip, policy_path, "NO_POLICY"),
        "four_eyes": policy.four_eyes,
        "baseline": [_baseline(history, adoption) for adoption in adoptions],
        "reason": reason,
    }


def _baseline(history: History, adoption: Adoption) -> dict[str, Any]:
    found = _file(history, history.tip, adoption.path, "NO_SUCH_CONFIG")
    return {
        "line": adoption.line,
        "version": str(adoption.version),
        "path": found["path"],
        "sha256": found["sha256"],
        "size": found["size"],
        "envs": sorted(adoption.envs),
    }


def release(
    situation: Situation, *, line: str, version: Version, configs: str, reason: str, claim: Claim | None = None
) -> Mapping[str, Any]:
    """Release the version that an approved merge brought to the protected branch.

    Args:
        situation: the verified log.
        line: its line.
        version: its number.
        configs: where the line's configs lie.
        reason: in the words of whoever releases.
        claim: what a code host says of the merged request; without it the merge's signature is the approval.

    Raises:
        GateClosed: NOT_MERGED, NO_SCHEMA, or a code of `merge_signed.judge` or `attested.judge`.
    """
    policy = situation.sealed()
    history = situation.history
    path = config_path(version, configs)
    merge = find_merge(history, path)
    if merge is None:
        raise GateClosed(
            "NOT_MERGED",
            f"{line} v{version} is not merged into {policy.branch}: there is no {path}",
            why="The merge by a code owner is the approval; without it there is nothing to release.",
            fix=f"have a code owner merge the proposal of v{version}, then repeat the command",
        )
    record = situation.state.line(line).get(version)
    if record is not None:
        raise GateClosed(
            "VERSION_TAKEN",
            f"{line} v{version} is already {record.status}",
            why="A version number names one config for ever.",
            fix="calibgit status",
        )
    facts = history.merge_facts(merge, line, version, claim.head if claim else None)
    scope = Scope.of(line, version, path)
    return {
        "kind": "release",
        "line": line,
        "version": str(version),
        "target": _file(history, merge, path, "NOT_MERGED"),
        "schema_sha256": _schema(history, merge, path),
        "approval": _approval(facts, policy, scope, claim, situation.state.seq + 1),
        "reason": reason,
    }


def _schema(history: History, merge: str, path: str) -> str:
    digest = history.schema_sha256(merge, path)
    if digest is None:
        raise GateClosed(
            "NO_SCHEMA",
            f"there is no {schema_path(path)} at the merge",
            why="The schema that a config was approved under is part of the record.",
            fix=f"calibgit schema scoring-config > {schema_path(path)}, and merge it first",
        )
    return digest


def _approval(facts: MergeFacts, policy: Policy, scope: Scope, claim: Claim | None, seq: int) -> dict[str, Any]:
    if claim is None:
        return merge_signed.judge(facts, policy, scope, seq).record
    return attested.judge(facts, policy, scope, claim, seq).record


def find_merge(history: History, path: str) -> str | None:
    """The commit of the protected branch's first-parent line that brought `path`, or None.

    A file that has been there since before its last change is released from the commit that brought these bytes.
    """
    wanted = history.blob(history.tip, path)
    if wanted is None:
        return None
    return history.introduced(path)


def reject(situation: Situation, *, line: str, version: Version, config: bytes, reason: str) -> Mapping[str, Any]:
    """Reject the bytes of a proposed config for good."""
    return {
        "kind": "reject",
        "line": line,
        "version": str(version),
        "config_sha256": sha256_hex(config),
        "target": {"commit": situation.history.tip},
        "reason": reason,
    }


def activate(
    situation: Situation, *, line: str, version: Version, env: str, override: Sequence[str], reason: str
) -> Mapping[str, Any]:
    """Make a released version active in an environment.

    Raises:
        GateClosed: NOT_RELEASED.
    """
    record = _record(situation.state, line, version)
    current = situation.state.active(line, env)
    fields: dict[str, Any] = {
        "kind": "activate",
        "line": line,
        "version": str(version),
        "env": env,
        "target": _target(record),
        "reason": reason,
    }
    if current is not None:
        fields["from_version"] = str(current.version)
    if override:
        fields["override"] = sorted(set(override))
    return fields


def deprecate(situation: Situation, *, line: str, version: Version, reason: str) -> Mapping[str, Any]:
    """Forbid new activations of a version; what is active stays active.

    Raises:
        GateClosed: NOT_RELEASED.
    """
    record = _record(situation.state, line, version)
    return {
        "kind": "deprecate",
        "line": line,
        "version": str(version),
        "target": _target(record),
        "reason": reason,
    }


def choose_rollback(
    state: RegistryState, *, line: str, env: str, to: Version | None
) -> tuple[VersionRecord, VersionRecord]:
    """The version to take out and the one to restore.

    Raises:
        GateClosed: NOTHING_ACTIVE, NO_ROLLBACK_TARGET or NOT_RELEASED.
        UsageError: SAME_VERSION.
    """
    current = state.active(line, env)
    if current is None:
        raise GateClosed(
            "NOTHING_ACTIVE",
            f"nothing of {line} is active in {env}",
            why="There is nothing to roll back.",
            fix="calibgit status",
        )
    if to is not None:
        if to == current.version:
            raise UsageError(
                "SAME_VERSION",
                f"{line} v{to} is what is active in {env} now",
                why="A rollback restores another version.",
                fix=f"calibgit rollback --env {env} --reason TEXT",
            )
        return current, _record(state, line, to)
    restored = rollback_target(state, line, env)
    if restored is None:
        raise GateClosed(
            "NO_ROLLBACK_TARGET",
            f"no earlier version of {line} that ran in {env} still stands",
            why="A rollback only returns to a version that was active there, not rolled back and not deprecated.",
            fix="release and activate a corrected version",
        )
    return current, restored


def revert(
    *,
    leaving: VersionRecord,
    restored: VersionRecord,
    env: str,
    reason: str,
    report: str,
) -> Mapping[str, Any]:
    """Roll back: `leaving` is taken out of `env`, `restored` is active again; `report` is the report's SHA-256."""
    return {
        "kind": "revert",
        "line": leaving.line,
        "version": str(restored.version),
        "from_version": str(leaving.version),
        "env": env,
        "target": _target(restored),
        "report_sha256": report,
        "reason": reason,
    }


def _record(state: RegistryState, line: str, version: Version) -> VersionRecord:
    record = state.line(line).get(version)
    if record is None:
        known = ", ".join(f"v{v}" for v in sorted(state.line(line))) or "none"
        raise GateClosed(
            "NOT_RELEASED",
            f"{line} v{version} is not released",
            why=f"Only a released version has an approval behind it. Known: {known}.",
            fix=f"calibgit release {version}",
        )
    return record


def _target(record: VersionRecord) -> dict[str, Any]:
    return {"commit": record.commit, "path": record.path, "sha256": record.sha256, "size": record.size}


def _file(history: History, commit: str, path: str, code: str) -> dict[str, Any]:
    data = history.blob(commit, path)
    if data is None:
        raise GateClosed(
            code,
            f"there is no {path} at {commit[:12]}",
            why="An event signs the digest of a file that is on the protected branch.",
            fix=f"merge {path} into the protected branch first",
        )
    return {"commit": commit, "path": path, "sha256": sha256_hex(data), "size": len(data)}
