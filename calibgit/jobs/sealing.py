"""Seal a registry: sign genesis, which puts the merged policy in force and adopts the configs in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from calibgit.errors import GateClosed, UsageError
from calibgit.jobs.cosigning import CoSigned, leave_signature
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.jobs.written import Written
from calibgit.model.event import NAMESPACE_STATEMENT
from calibgit.model.ids import TAG_NAMESPACE, Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.registry.pending import PREFIX
from calibgit.registry.powers import unsound
from calibgit.registry.refresh import refresh
from calibgit.registry.write import Plan, Situation, Writer, is_home, require_home, situation, write_event
from calibgit.release import plan
from calibgit.repo.network import Remote
from calibgit.repo.refs import list_refs
from calibgit.repo.remote import remote_refs


class Adopted(NamedTuple):
    """A version that is in use when the registry starts, and where; without a line, it is of the workspace's."""

    version: Version
    envs: Sequence[str]
    line: str | None = None


Adoptions = Sequence[Adopted | tuple[Version, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What both who seal and who co-sign start from."""

    policy: Policy
    writer: Writer
    planned: Plan


def seal(workspace: Workspace, *, adopt: Adoptions, reason: str, dry_run: bool) -> Written:
    """Sign genesis on the protected branch's tip.

    Args:
        workspace: the clone, with the policy merged on its remote.
        adopt: versions already in use, each with the environments where it is active.
        reason: in the words of whoever seals.
        dry_run: write nothing.

    Raises:
        DocumentError: NO_POLICY.
        GateClosed: ALREADY_SEALED, FORMER_LOG, NO_SUCH_CONFIG, POLICY_DIFFERS, NO_HOLDER, NO_SPARE, UNPLACED_LINE.
        PermissionRefused: WRONG_HOME, NOT_AUTHORISED, THRESHOLD.
    """
    ready = _prepared(workspace, adopt, reason)
    event = write_event(ready.writer, ready.policy.branch_ref, ready.planned, dry_run=dry_run)
    workspace.forget()
    return Written.of(event, ready.policy, ready.writer.signer.public_key, dry_run=dry_run)


def cosign_seal(workspace: Workspace, *, adopt: Adoptions, reason: str, dry_run: bool) -> CoSigned:
    """Sign beforehand the genesis that somebody else will seal, where a change of policy takes several people.

    Raises:
        CalibgitError: as `seal`; PermissionRefused NOT_A_SIGNER.
    """
    ready = _prepared(workspace, adopt, reason)
    person = ready.policy.person_of_key(ready.writer.signer.public_key)
    now = situation(ready.writer, ready.policy.branch_ref)
    capacity = (NAMESPACE_STATEMENT, person)
    return leave_signature(workspace, ready.writer, now, ready.planned, capacity, ready.policy, dry_run=dry_run)


def _prepared(workspace: Workspace, adopt: Adoptions, reason: str) -> _Prepared:
    policy = workspace.unsealed_policy()
    writer = workspace.writer()
    require_home(writer.remote, policy)
    _require_no_leftovers(workspace, writer.remote)
    refresh(workspace.repo, writer.remote, policy.branch_ref)
    workspace.forget()
    _require_no_former_log(workspace, writer.remote)
    adoptions = [_adoption(workspace, policy, Adopted(*each)) for each in adopt]

    def planned(situation: Situation) -> Mapping[str, Any]:
        fields = plan.genesis(situation, policy_path=POLICY_FILE, policy=policy, adoptions=adoptions, reason=reason)
        for problem in unsound(policy):
            raise GateClosed(
                problem.code,
                problem.message,
                why="A registry that one lost key can stop should not start.",
                fix=problem.fix,
            )
        merged = situation.history.blob(situation.history.tip, POLICY_FILE)
        if merged is None or read_policy(merged) != policy:
            raise GateClosed(
                "POLICY_DIFFERS",
                f"{POLICY_FILE} in your work tree is not the one on {policy.branch}",
                why="Genesis puts the merged policy in force, and you should have read what you sign.",
                fix=f"git switch {policy.branch} && git pull, then repeat the command",
            )
        return fields

    return _Prepared(policy, writer, planned)


def _adoption(workspace: Workspace, policy: Policy, adopted: Adopted) -> plan.Adoption:
    line = adopted.line or workspace.line_name
    place = policy.lines.get(line)
    if place is None:
        raise UsageError(
            "UNKNOWN_LINE",
            f"there is no line {line!r}",
            why=f"{POLICY_FILE} governs: {', '.join(policy.lines)}.",
            fix=f"--adopt {next(iter(policy.lines))}:{adopted.version}",
        )
    return plan.Adoption(line, adopted.version, config_path(adopted.version, place.configs), tuple(adopted.envs))


def _require_no_leftovers(workspace: Workspace, remote: Remote) -> None:
    """Names of a log without its first event, here or on the remote, belong to no registry that could start there."""
    here = [ref.name for ref in list_refs(workspace.repo, TAG_NAMESPACE)]
    there = remote_refs(workspace.repo, remote, TAG_NAMESPACE + "*")
    first = TAG_NAMESPACE + "e/00000001"
    for names, where in ((list(there), remote.name), (here, "this clone")):
        left = sorted(name for name in names if not name.startswith(PREFIX))
        if left and first not in {*here, *there}:
            raise _former_log(f"{left[0]} is on {where}" if where == remote.name else f"{left[0]} is in {where}")


def _require_no_former_log(workspace: Workspace, remote: Remote) -> None:
    """A log whose own policy has its home elsewhere is that of the registry that was forked."""
    verification = workspace.verification()
    policy = verification.policy
    if policy is not None and not is_home(remote.url, policy):
        raise _former_log(f"this clone holds the registry {verification.state.registry}, which lives elsewhere")


def _former_log(what: str) -> GateClosed:
    return GateClosed(
        "FORMER_LOG",
        f"names of another log are in the way: {what}",
        why="A new registry starts in the first slot, and a tag is never moved or removed by itself.",
        fix="calibgit init --fork --dry-run says how to take them away; or seal from a fresh clone without them",
    )
