"""Co-sign an event before it is written: build its statement, sign it, and leave the signature where writers look."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from calibgit.errors import Conflict, EnvironmentFault, GateClosed, PermissionRefused, UsageError
from calibgit.jobs.govern import reject_plan, release_plan
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_POSSESSION, NAMESPACE_STATEMENT, statement
from calibgit.model.ids import Version
from calibgit.model.policy import Policy, read_policy
from calibgit.registry.pending import Pending, one_line
from calibgit.registry.policy_change import added_keys
from calibgit.registry.read import pending_signatures
from calibgit.registry.refresh import refresh
from calibgit.registry.write import Plan, Situation, Writer, plan_payload, require_home, situation
from calibgit.release import plan, upkeep
from calibgit.repo.objects import write_object
from calibgit.repo.pushing import push
from calibgit.repo.tags import tag_object

Act = Literal["release", "reject", "activate", "rollback", "ratify", "deprecate", "policy", "void"]
ACTS: tuple[Act, ...] = ("release", "reject", "activate", "rollback", "ratify", "deprecate", "policy", "void")
NEED_REASON: tuple[Act, ...] = ("reject", "rollback", "ratify", "deprecate", "policy", "void")


@dataclass(frozen=True, slots=True)
class CoSigned:
    """A signature that waits for a writer; `fresh` is False when it was there already."""

    pending: Pending
    person: str
    kind: str
    fresh: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be co-signed, in the words of the command that will write it; `seq` is the rollback to ratify."""

    act: Act
    version: Version | None = None
    seq: int | None = None
    env: str = "production"
    reason: str = ""
    override: tuple[str, ...] = ()
    attest: bool = False


def countersign(workspace: Workspace, wanted: Wanted, *, dry_run: bool = False) -> CoSigned:
    """Sign the statement of an event that somebody else will write, and push the signature.

    A key of the policy in force co-signs; for a policy event, a key that the new policy adds shows that it is held.

    Raises:
        UsageError: NEEDS_VERSION, NEEDS_EVENT, NEEDS_REASON.
        PermissionRefused: NOT_A_SIGNER, WRONG_HOME.
        GateClosed: NAME_TAKEN when something else lies where the signature belongs.
        CalibgitError: why the event could not be written.
    """
    voiding = wanted.act == "void"
    writer = workspace.writer()
    policy = workspace.writing_policy()
    require_home(writer.remote, policy)
    workspace.refresh(policy.branch_ref)
    now = situation(writer, policy.branch_ref, voiding=voiding)
    capacity = _capacity(workspace, now.sealed(), wanted)
    return leave_signature(workspace, writer, now, _plan(workspace, wanted), capacity, policy, dry_run=dry_run)


def leave_signature(
    workspace: Workspace,
    writer: Writer,
    now: Situation,
    planned: Plan,
    capacity: tuple[str, str | None],
    policy: Policy,
    *,
    dry_run: bool = False,
) -> CoSigned:
    """Sign the statement of what `planned` describes, and push the signature to where writers look.

    Args:
        workspace: the clone.
        writer: who signs.
        now: the log as the plan sees it.
        planned: what somebody else will write.
        capacity: the namespace to sign in, and as whom.
        policy: names the protected branch.
        dry_run: push nothing.

    Raises:
        PermissionRefused: NOT_A_SIGNER.
        GateClosed: NAME_TAKEN.
        CalibgitError: why the event could not be written.
    """
    namespace, person = capacity
    if person is None:
        raise _not_a_signer()
    payload = plan_payload(writer, policy.branch_ref, planned, now)
    said = statement(payload)
    signature = one_line(writer.signer.sign(strict_canonical(said), namespace))
    pending = Pending(said, namespace, writer.signer.public_key, signature)
    fresh = dry_run or _push(workspace, writer, policy, pending)
    return CoSigned(pending, person, str(payload["kind"]), fresh, dry_run)


def _push(workspace: Workspace, writer: Writer, policy: Policy, pending: Pending) -> bool:
    """Leave the signature on the remote; False when it was there already."""
    body = tag_object(
        object_oid=pending.statement["target"]["commit"],
        tag=pending.ref.removeprefix("refs/tags/"),
        tagger=writer.tagger,
        when=writer.clock(),
        message=pending.message(),
    )
    fresh = True
    try:
        push(workspace.repo, writer.remote, {pending.ref: write_object(workspace.repo, "tag", body)})
    except Conflict as error:
        fresh = False
        refresh(workspace.repo, writer.remote, policy.branch_ref)
        if not any(_is_same(each, pending) for each in pending_signatures(workspace.repo)):
            raise _name_taken(pending) from error
    with suppress(EnvironmentFault):  # it is left there; the next command fetches it
        refresh(workspace.repo, writer.remote, policy.branch_ref)
    return fresh


def _is_same(one: Pending, other: Pending) -> bool:
    """Whether both are signatures of one statement by one key; the bytes of some signatures differ each time."""
    return (one.ref, one.namespace) == (other.ref, other.namespace)


def _name_taken(pending: Pending) -> GateClosed:
    return GateClosed(
        "NAME_TAKEN",
        f"{pending.ref} exists already, and it is not your signature",
        why="Whoever pushed it keeps your signature away from the writer.",
        fix="have an administrator delete that tag on the remote, or co-sign with another reason",
    )


def _capacity(workspace: Workspace, policy: Policy, wanted: Wanted) -> tuple[str, str]:
    """The namespace to sign in, and as whom."""
    key = workspace.signer().public_key
    person = policy.person_of_key(key)
    if person is not None:
        return NAMESPACE_STATEMENT, person
    if wanted.act == "policy":
        history = workspace.history(policy)
        merged = history.blob(history.tip, POLICY_FILE)
        added = added_keys(policy, read_policy(merged)) if merged is not None else {}
        if key in added:
            return NAMESPACE_POSSESSION, added[key]
    raise _not_a_signer()


def _not_a_signer() -> PermissionRefused:
    return PermissionRefused(
        "NOT_A_SIGNER",
        "your signing key is neither in the policy in force nor in the merged one",
        why="A co-signature counts for a person whom the policy knows.",
        fix="sign with a listed key: --key PATH, or have your key added to trust.toml",
    )


def _plan(workspace: Workspace, wanted: Wanted) -> Plan:
    """What the writing command would plan, without what follows from the place in the log."""
    act, reason = wanted.act, wanted.reason
    if act in NEED_REASON and not reason.strip():
        raise UsageError(
            "NEEDS_REASON",
            f"to co-sign a {act} needs the reason that will be signed",
            why="Both signatures are under the same words.",
            fix=f"calibgit countersign --for {act} --reason TEXT",
        )
    if act == "policy":
        return lambda now: upkeep.policy(now, path=POLICY_FILE, reason=reason)
    if act == "void":
        return lambda now: upkeep.void(now, reason=reason)
    if act == "ratify":
        return _ratify(wanted)
    line = workspace.line_name
    if act == "rollback":
        return lambda now: _revert(now, line, wanted)
    if wanted.version is None:
        raise UsageError(
            "NEEDS_VERSION",
            f"to {act} is about one version, and none was named",
            why="A co-signer names exactly what they agree to.",
            fix=f"calibgit countersign VERSION --for {act}",
        )
    version = wanted.version
    plans: Mapping[str, Plan] = {
        "release": release_plan(workspace, version, reason=reason, attest=wanted.attest),
        "reject": reject_plan(workspace, version, reason=reason),
        "activate": lambda now: plan.activate(
            now, line=line, version=version, env=wanted.env, override=wanted.override, reason=reason
        ),
        "deprecate": lambda now: plan.deprecate(now, line=line, version=version, reason=reason),
    }
    return plans[act]


def _ratify(wanted: Wanted) -> Plan:
    seq = wanted.seq
    if seq is None:
        raise UsageError(
            "NEEDS_EVENT",
            "to ratify is about one rollback, and none was named",
            why="A co-signer names exactly what they agree to.",
            fix="calibgit countersign --for ratify --event SEQ --reason TEXT",
        )
    return lambda now: upkeep.ratify(now, seq=seq, reason=wanted.reason)


def _revert(now: Situation, line: str, wanted: Wanted) -> Mapping[str, Any]:
    leaving, restored = plan.choose_rollback(now.state, line=line, env=wanted.env, to=wanted.version)
    return plan.revert(leaving=leaving, restored=restored, env=wanted.env, reason=wanted.reason, report="0" * 64)
