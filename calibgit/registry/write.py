"""Write one event: plan against the verified head, sign, check with the reader's own steps, push atomically.

The slot's ref name is the lock: two writers cannot both create it. Whoever loses plans again against the new head.
No local ref is created before the remote has accepted the event.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from calibgit.errors import Conflict, EnvironmentFault, GateClosed, PermissionRefused
from calibgit.model.event import (
    NAMESPACE_GIT,
    NAMESPACE_POSSESSION,
    NAMESPACE_STATEMENT,
    SCHEMA,
    Event,
    expected_refs,
    statement,
)
from calibgit.model.ids import TAG_NAMESPACE
from calibgit.model.policy import Policy, read_policy
from calibgit.model.state import RegistryState
from calibgit.registry.branch import protected_tip
from calibgit.registry.clock import moment_of_writing
from calibgit.registry.format import message, parse_event
from calibgit.registry.highwater import Mark
from calibgit.registry.history import History
from calibgit.registry.pending import Pending, matching, same_act
from calibgit.registry.read import name_blocked, pending_signatures, read_registry, require_free
from calibgit.registry.refresh import refresh, require_continued
from calibgit.registry.second_signature import tell
from calibgit.registry.steps import authors_of, check_event
from calibgit.registry.verify import Slot
from calibgit.repo.identity import Identity
from calibgit.repo.network import Remote
from calibgit.repo.objects import write_object
from calibgit.repo.pushing import push
from calibgit.repo.remote import remote_refs
from calibgit.repo.repository import Repository
from calibgit.repo.signing import Signer
from calibgit.repo.tags import tag_object

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, from where, to which remote, and what the clock says (seconds since 1970, UTC)."""

    repo: Repository
    remote: Remote
    signer: Signer
    tagger: Identity
    clock: Callable[[], int]
    memory: Callable[[str], Iterable[Mark]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class Situation:
    """What a plan may look at: the verified state, the policy in force, the signer's name, the branch.

    `foreign` is what occupies the next slots without being an event.
    """

    state: RegistryState
    policy: Policy | None
    person: str
    history: History
    foreign: tuple[Slot, ...] = ()

    def sealed(self) -> Policy:
        """The policy in force.

        Raises:
            GateClosed: NOT_SEALED before genesis.
        """
        if self.policy is None:
            raise GateClosed(
                "NOT_SEALED",
                "this repository has no registry yet",
                why="Without a signed genesis nobody is named who may release anything.",
                fix="calibgit init --seal",
            )
        return self.policy


Plan = Callable[[Situation], Mapping[str, Any]]
Alongside = Callable[[Event], Mapping[str, str]]


def write_event(
    writer: Writer,
    branch_ref: str,
    plan: Plan,
    *,
    alongside: Alongside | None = None,
    voiding: bool = False,
    dry_run: bool = False,
) -> Event:
    """Write the event that `plan` describes, or raise without having written anything.

    Args:
        writer: who and where.
        branch_ref: full ref name of the protected branch; the policy's own name decides once there is one.
        plan: gives the fields of the payload that depend on the kind. It runs again after a lost race, and
            raises where the event is no longer right.
        alongside: refs and commits that the remote must accept together with the event, or neither.
        voiding: the event clears the next slots, so what occupies them does not stop it.
        dry_run: do everything except pushing.

    Raises:
        CalibgitError: what the plan or a verification step raises; Conflict LOST_RACE; NAME_TAKEN; WRONG_HOME;
            NOT_A_SIGNER.
    """
    refused = 0
    for _ in range(ATTEMPTS):
        refresh(writer.repo, writer.remote, branch_ref)
        body = _build(writer, branch_ref, plan, voiding=voiding)
        event = parse_event("0" * writer.repo.sha_length, body)
        if dry_run:
            return event
        oid = write_object(writer.repo, "tag", body)
        more = alongside(event) if alongside else {}
        try:
            _push(writer, {**dict.fromkeys(event.payload["refs"], oid), **more})
        except Conflict as error:
            if error.code == "REF_TAKEN" and event.seq == refused:
                raise _name_taken(error) from error
            refused = event.seq
            continue
        with suppress(EnvironmentFault):  # it is written; the next command fetches it
            refresh(writer.repo, writer.remote, branch_ref)
        return parse_event(oid, body)
    raise Conflict(
        "LOST_RACE",
        f"{ATTEMPTS} other writers were faster",
        why="Every event takes the next number, and somebody else took it each time.",
        fix="repeat the command",
    )


def situation(writer: Writer, branch_ref: str, *, voiding: bool = False) -> Situation:
    """The verified log as a plan sees it.

    Raises:
        CalibgitError: the first error of the log, NO_BRANCH or WRONG_HOME.
    """
    verification = read_registry(writer.repo, remote=writer.remote.name, memory=writer.memory)
    if not (voiding and verification.foreign) and not verification.ok:
        verification.require()
    policy = verification.policy
    tip = protected_tip(writer.repo, policy.branch_ref if policy else branch_ref, writer.remote.name)
    person = ""
    if policy is not None:
        require_home(writer.remote, policy)
        person = policy.person_of_key(writer.signer.public_key) or ""
    return Situation(verification.state, policy, person, History(writer.repo, tip), tuple(verification.foreign))


def _build(writer: Writer, branch_ref: str, plan: Plan, *, voiding: bool) -> bytes:
    now = situation(writer, branch_ref, voiding=voiding)
    if now.policy is not None and not now.person:
        raise PermissionRefused(
            "NOT_A_SIGNER",
            "your signing key is not in trust.toml",
            why="Only people of the policy may write events.",
            fix="sign with a listed key: --key PATH, or have your key added to trust.toml",
        )
    payload = plan_payload(writer, branch_ref, plan, now)
    pending = pending_signatures(writer.repo)
    policy = now.policy or _first_policy(payload, now.history)
    person = policy.person_of_key(writer.signer.public_key) or ""
    embed_signatures(payload, pending, policy, person)
    names = expected_refs(payload)
    require_free(writer.repo, payload["refs"])
    unsigned = tag_object(
        object_oid=payload["target"]["commit"],
        tag=names[1],
        tagger=writer.tagger,
        when=writer.clock(),
        message=message(payload),
    )
    body = unsigned + writer.signer.sign(unsigned, NAMESPACE_GIT).encode()
    try:
        checked = check_event(parse_event("0" * writer.repo.sha_length, body), now.state, now.policy, now.history)
    except PermissionRefused as error:
        tell(error, payload, policy, person, pending, authors_of(payload, now.state))
        raise
    if checked.after.branch_ref != checked.before.branch_ref:
        require_continued(writer.repo, writer.remote, checked.after.branch_ref, now.history.tip)
    return body


def _first_policy(payload: Mapping[str, Any], history: History) -> Policy:
    """Genesis is signed under the policy that it brings."""
    target = payload["target"]
    return read_policy(history.require_blob(target["commit"], target["path"], target["sha256"], target["size"]))


def plan_payload(writer: Writer, branch_ref: str, plan: Plan, now: Situation) -> dict[str, Any]:
    """The whole payload that `plan` describes, without co-signatures."""
    branch_ref = now.policy.branch_ref if now.policy else branch_ref
    fields = plan(now)
    at = moment_of_writing(now.state, datetime.fromtimestamp(writer.clock(), UTC), fields["kind"])
    return payload_of(fields, now.state, branch_ref, now.history.tip, at)


def embed_signatures(payload: dict[str, Any], pending: Sequence[Pending], policy: Policy, person: str) -> None:
    """Put into `payload` what others have signed of it: one co-signature a person, and proofs of possession.

    A writer who gives no reason takes the one that was co-signed, where there is only one.
    """
    others = [each for each in pending if _is_anothers(each, policy, person, payload["seq"])]
    if not payload["reason"]:
        act = {name: value for name, value in statement(payload).items() if name != "reason"}
        reasons = {text for each in same_act(others, act) if isinstance(text := each.statement.get("reason"), str)}
        payload["reason"] = reasons.pop() if len(reasons) == 1 else ""
    if payload["kind"] == "policy":
        payload["possession"] = [each.entry for each in matching(pending, payload, NAMESPACE_POSSESSION)]
    signed: dict[str, Pending] = {}
    for each in matching(others, payload, NAMESPACE_STATEMENT):
        signed.setdefault(policy.keys[each.key], each)
    if signed:
        payload["cosignatures"] = [signed[name].entry for name in sorted(signed)]


def _is_anothers(pending: Pending, policy: Policy, person: str, seq: int) -> bool:
    """Whether somebody of the policy other than `person` signed it, with a key that is good for event `seq`."""
    return policy.person_of_key(pending.key) not in {None, person} and not policy.key_ended(pending.key, seq)


def payload_of(fields: Mapping[str, Any], state: RegistryState, branch_ref: str, tip: str, at: str) -> dict[str, Any]:
    """The whole payload: what the plan says, and its place in the log."""
    payload: dict[str, Any] = {
        "schema": SCHEMA,
        "registry": state.registry or None,
        "seq": state.seq + 1 + len(fields.get("void", ())),
        "prev": {"oid": state.head_oid, "sha256": state.head_sha256} if state.seq else None,
        "branch": {"ref": branch_ref, "head": tip},
        "policy_sha256": state.policy_sha256 or fields["target"]["sha256"],
        "at": at,
        **fields,
    }
    payload["refs"] = expected_refs(payload)[0]
    return payload


def require_home(remote: Remote, policy: Policy) -> None:
    """Refuse to write anywhere but to a canonical remote.

    Raises:
        PermissionRefused: WRONG_HOME.
    """
    if not is_home(remote.url, policy):
        raise PermissionRefused(
            "WRONG_HOME",
            f"the remote {remote.name} is not a home of this registry",
            why="Events of one registry must not end up in a fork. trust.toml lists its homes.",
            fix=f"git remote set-url {remote.name} {shlex.quote(policy.home[0])}",
        )


def is_home(url: str, policy: Policy) -> bool:
    """Whether `url` is one of the canonical remotes, ignoring a trailing slash or `.git`."""
    return _plain(url) in {_plain(home) for home in policy.home}


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix(".git").rstrip("/")


def _push(writer: Writer, updates: Mapping[str, str]) -> None:
    """Push all or nothing. Where the answer was lost, what the remote holds decides."""
    try:
        push(writer.repo, writer.remote, updates)
    except EnvironmentFault:
        name, oid = next(iter(updates.items()))
        root = TAG_NAMESPACE.rstrip("/")
        with suppress(EnvironmentFault):
            if remote_refs(writer.repo, writer.remote, name).get(name) == oid:
                return
            if remote_refs(writer.repo, writer.remote, root):  # no fetch of the log brings it, and it blocks every name
                raise name_blocked(name, root) from None
        raise


def _name_taken(error: Conflict) -> GateClosed:
    return GateClosed(
        "NAME_TAKEN",
        f"{error.what}, and it is no event's",
        why="A name is given once; whoever pushed this one burnt it.",
        fix="find out who pushed it; then propose under the next version number",
    )
