"""Jobs that write one event each: release, reject, activate, deprecate, rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibgit.errors import Conflict, GateClosed
from calibgit.jobs.code_host import claim_of
from calibgit.jobs.evidence import rollback_commit
from calibgit.jobs.workspace import Workspace
from calibgit.jobs.written import Written
from calibgit.model.canonical import sha256_hex
from calibgit.model.config import read_config
from calibgit.model.contracts import broken
from calibgit.model.event import Event
from calibgit.model.ids import Version, config_path, proposal_branch
from calibgit.model.rollback import RollbackReport, rollback_report
from calibgit.model.state import VersionRecord
from calibgit.registry.history import History, schema_path
from calibgit.registry.pending import KEPT_HEADS
from calibgit.registry.write import Alongside, Plan, Situation, write_event
from calibgit.release import plan
from calibgit.repo.history import list_files
from calibgit.repo.remote import fetch, remote_refs


def release(
    workspace: Workspace, version: Version, *, reason: str, attest: bool = False, dry_run: bool = False
) -> Written:
    """Release a merged version: it may be activated from now on.

    Args:
        workspace: the clone.
        version: its number.
        reason: in the words of whoever releases.
        attest: take the approval from the code host's reviews, and answer for it.
        dry_run: write nothing.

    Raises:
        GateClosed: NOT_MERGED and the codes of the approval rules and the state machine.
        PermissionRefused: NOT_A_SIGNER, NOT_AUTHORISED.
    """
    planned = release_plan(workspace, version, reason=reason, attest=attest)
    return _write(workspace, planned, alongside=_kept_head if attest else None, dry_run=dry_run)


def release_plan(workspace: Workspace, version: Version, *, reason: str, attest: bool) -> Plan:
    """What a release of `version` will say."""
    line = workspace.line_name

    def planned(situation: Situation) -> Mapping[str, Any]:
        claim = None
        if attest:
            claim = claim_of(workspace, situation.sealed(), version)
            fetch(workspace.repo, workspace.remote, [claim.head])
        configs = workspace.place.configs
        fields = plan.release(situation, line=line, version=version, configs=configs, reason=reason, claim=claim)
        target = fields["target"]
        data = situation.history.require_blob(target["commit"], target["path"], target["sha256"], target["size"])
        config, _ = read_config(data, target["path"])
        if config.version != version:
            raise GateClosed(
                "OTHER_VERSION",
                f"{target['path']} says that it is v{config.logic_version}",
                why="A version's number and its bytes belong together.",
                fix=f"propose it again with logic_version {version}",
            )
        return fields

    return planned


def _kept_head(event: Event) -> Mapping[str, str]:
    """Keep the reviewed commit reachable: after a squash no branch leads to it, and readers compare with it."""
    head = event.payload["approval"]["head"]
    return {KEPT_HEADS + head: head}


def reject(workspace: Workspace, version: Version, *, reason: str, dry_run: bool = False) -> Written:
    """Reject the proposed bytes of a version for good.

    Raises:
        GateClosed: NOT_PROPOSED, VERSION_TAKEN.
    """
    return _write(workspace, reject_plan(workspace, version, reason=reason), dry_run=dry_run)


def reject_plan(workspace: Workspace, version: Version, *, reason: str) -> Plan:
    """What a rejection of `version` will say: the bytes on its branch, or else on the protected one."""
    line, branch = workspace.line_name, proposal_branch(workspace.line_name, version)
    ref = f"refs/heads/{branch}"

    def planned(situation: Situation) -> Mapping[str, Any]:
        repo, remote = workspace.repo, workspace.remote
        path = config_path(version, workspace.place.configs)
        head = remote_refs(repo, remote, ref).get(ref)  # a tracking branch may outlive the branch
        if head is not None:
            fetch(repo, remote, [f"+{ref}:refs/remotes/{remote.name}/{branch}"])
        data = situation.history.blob(head or situation.history.tip, path)
        if data is None:
            raise GateClosed(
                "NOT_PROPOSED",
                f"{line} v{version} is proposed nowhere: no branch {branch} holds {path}",
                why="A rejection names the exact bytes that are rejected.",
                fix="calibgit status",
            )
        return plan.reject(situation, line=line, version=version, config=data, reason=reason)

    return planned


def activate(
    workspace: Workspace,
    version: Version,
    *,
    env: str,
    reason: str = "",
    override: Sequence[str] = (),
    dry_run: bool = False,
) -> Written:
    """Make a released version active in `env`.

    Raises:
        GateClosed: NOT_RELEASED, BREAKING, ROLLED_BACK, ALREADY_ACTIVE, DEPRECATED.
    """
    line = workspace.line_name

    def planned(situation: Situation) -> Mapping[str, Any]:
        fields = plan.activate(situation, line=line, version=version, env=env, override=override, reason=reason)
        if "breaking" not in override:
            _require_compatible(workspace, situation, version, env)
        return fields

    return _write(workspace, planned, dry_run=dry_run)


def deprecate(workspace: Workspace, version: Version, *, reason: str, dry_run: bool = False) -> Written:
    """Forbid new activations of a version."""
    line = workspace.line_name
    return _write(
        workspace,
        lambda situation: plan.deprecate(situation, line=line, version=version, reason=reason),
        dry_run=dry_run,
    )


def rollback(
    workspace: Workspace, *, env: str, to: Version | None, reason: str, dry_run: bool = False
) -> tuple[Written, RollbackReport]:
    """Take the active version out of `env` and restore an earlier one, with a report on the evidence branch.

    Raises:
        GateClosed: NOTHING_ACTIVE, NO_ROLLBACK_TARGET, BREAKING.
        Conflict: ALREADY_ROLLED_BACK when somebody did so since this clone last fetched.
    """
    reports: list[RollbackReport] = []
    seen = workspace.verification().state.seq

    def planned(situation: Situation) -> Mapping[str, Any]:
        _require_no_news(situation, workspace.line_name, env, seen)
        _require_no_repeat(situation, workspace.line_name, env, reason)
        leaving, restored = plan.choose_rollback(situation.state, line=workspace.line_name, env=env, to=to)
        _require_compatible(workspace, situation, restored.version, env)
        report = _report(workspace, situation, leaving, restored, env, reason)
        reports.append(report)
        return plan.revert(
            leaving=leaving,
            restored=restored,
            env=env,
            reason=reason,
            report=sha256_hex(report.pretty()),
        )

    written = _write(workspace, planned, alongside=lambda _: rollback_commit(workspace, reports[-1]), dry_run=dry_run)
    return written, reports[-1]


def _require_no_news(situation: Situation, line: str, env: str, seen: int) -> None:
    """Two people who press the button at once, or one who presses it again, must not go back two versions."""
    for step in situation.state.steps:
        if step.kind == "revert" and step.seq > seen and (step.line, step.env) == (line, env):
            raise Conflict(
                "ALREADY_ROLLED_BACK",
                f"{step.signer} has just rolled back {line} in {env} with event {step.seq}: v{step.version} is active",
                why="This clone had not seen it, so going back once more may not be what you want.",
                fix="look at: calibgit status; to go back further, repeat the command",
            )


def _require_no_repeat(situation: Situation, line: str, env: str, reason: str) -> None:
    """Whoever repeats a command that was cut off must not go back two versions."""
    last = next((s for s in reversed(situation.state.steps) if (s.line, s.env) == (line, env)), None)
    if last is not None and last.kind == "revert" and (last.signer, last.reason) == (situation.person, reason):
        raise Conflict(
            "ALREADY_ROLLED_BACK",
            f"you rolled back {line} in {env} with event {last.seq} for this reason: v{last.version} is active",
            why="The same rollback twice is one rollback; the first may have been written although it was cut off.",
            fix="look at: calibgit status; to go back further, give a reason of its own",
        )


def _report(
    workspace: Workspace,
    situation: Situation,
    leaving: VersionRecord,
    restored: VersionRecord,
    env: str,
    reason: str,
) -> RollbackReport:
    policy = situation.sealed()
    return rollback_report(
        state=situation.state,
        leaving=leaving,
        restored=restored,
        env=env,
        reason=reason,
        by=situation.person,
        old=workspace.config_of(leaving, policy).value,
        new=workspace.config_of(restored, policy).value,
    )


def _require_compatible(workspace: Workspace, situation: Situation, version: Version, env: str) -> None:
    """Every consumer contract and the replaced version's schema must accept what becomes active."""
    state, history = situation.state, situation.history
    record = state.line(workspace.line_name)[version]
    config = workspace.config_of(record, situation.sealed())
    current = state.active(workspace.line_name, env)
    problems = broken(contracts(history, workspace.place.contracts, current), config.value)
    if problems:
        raise GateClosed(
            "BREAKING",
            f"{workspace.line_name} v{version} breaks its readers: {problems[0]}"
            + (f" (and {len(problems) - 1} more)" if problems[1:] else ""),
            why="A runtime that cannot read its config decides wrongly or not at all.",
            fix=f"release a compatible version, or: calibgit activate {version} --env {env} --breaking --reason TEXT",
        )


def contracts(history: History, directory: str, current: VersionRecord | None) -> dict[str, bytes]:
    """The schemas that a new config must keep: consumer contracts at the tip, and the replaced version's schema."""
    paths = list_files(history.repo, history.tip, directory + "/")
    names = [name for name in paths if name.endswith(".schema.json")]
    found = {name: data for name in names if (data := history.blob(history.tip, name)) is not None}
    if current is not None:
        name = schema_path(current.path)
        data = history.blob(current.commit, name)
        if data is not None:
            found[f"{name} of v{current.version}"] = data
    return found


def is_backward_compatible(workspace: Workspace, version: Version, env: str) -> bool:
    """Whether `version` could replace what is active in `env` without an override."""
    state, policy = workspace.verification().require()
    situation = Situation(state, policy, "", workspace.history(policy))
    try:
        _require_compatible(workspace, situation, version, env)
    except GateClosed:
        return False
    return True


def _write(workspace: Workspace, planned: Plan, *, alongside: Alongside | None = None, dry_run: bool) -> Written:
    policy = workspace.writing_policy()
    writer = workspace.writer()
    event = write_event(writer, policy.branch_ref, planned, alongside=alongside, dry_run=dry_run)
    workspace.forget()
    return Written.of(event, policy, writer.signer.public_key, dry_run=dry_run)
