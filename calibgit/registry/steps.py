"""Verification steps 3 to 9 of one event.

The whole protocol, as the specification numbers it.

Steps 1 and 2 read the refs (`read`, `verify`, `format`); then for each number in order:

1.  names and sizes: one slot a number, every name on one object, size capped before reading
2.  strict parse
3.  chain: registry, number, predecessor
4.  policy digest in force
5.  signature and co-signatures
6.  role, threshold, people
7.  the target lies on the protected branch, which only grows
8.  bytes hash to the signed digests
9.  approval evidence, then the state machine
10. high-water mark, once at the end (`highwater`)

The first step that fails decides the event's one error code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibgit.errors import CalibgitError, DocumentError, IntegrityError
from calibgit.model.config_data import read_config_data, version_of
from calibgit.model.event import Event
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.model.state import RegistryState
from calibgit.registry import attested, merge_signed
from calibgit.registry.approval import Judgement, Scope
from calibgit.registry.authority import refuse_role, signers
from calibgit.registry.facts import Facts
from calibgit.registry.history import schema_path
from calibgit.registry.policy_change import require_sound_change
from calibgit.registry.transitions import refuse_transition


@dataclass(frozen=True, slots=True)
class Checked:
    """An event that passed every step.

    Attributes:
        event: as parsed.
        people: who signed it, the writer first.
        keys: every key that it rests on, by signature or by the approval that it records.
        before, after: the policy in force before it (which judged it) and after it.
    """

    event: Event
    people: tuple[str, ...]
    keys: frozenset[str]
    before: Policy
    after: Policy


def check_event(event: Event, state: RegistryState, policy: Policy | None, facts: Facts) -> Checked:
    """Steps 3 to 9 for one parsed event against the state left by its predecessor. Changes nothing.

    Raises:
        CalibgitError: the first step that fails; its number is in `step`.
    """
    step = 3
    try:
        _step_3_chain(event, state)
        step = 4
        before = _step_4_policy(event, state, policy, facts)
        step = 5
        signed = signers(event, before)
        step = 6
        _step_6_authority(event, state, before, signed.people)
        keys = frozenset(signed.keys)
        step = 7
        if facts.has_commits:
            _step_7_branch(event, state, before, facts)
        step = 8
        after = _step_8_bytes(event, before, facts)
        step = 9
        if event.kind == "release" and facts.has_commits:
            keys |= _step_9_evidence(event, before, facts)
        if event.kind == "policy":
            require_sound_change(event, before, after, state)
        _step_9_state(event, state, signed.people)
    except CalibgitError as error:
        error.step = step
        raise
    return Checked(event, signed.people, keys, before, after)


def _step_3_chain(event: Event, state: RegistryState) -> None:
    expected = {"oid": state.head_oid, "sha256": state.head_sha256} if state.seq else None
    voided = event.payload.get("void", ())
    if voided and voided[0]["seq"] <= state.seq:
        raise IntegrityError(
            "VOID_OF_EVENT",
            f"event {event.seq} voids event {voided[0]['seq']}, which is valid",
            why="Only what is no event can be voided; a valid one is undone by a later event.",
            fix="find out who wrote it",
        )
    if event.seq != state.seq + 1 + len(voided) or event.payload["prev"] != expected:
        raise IntegrityError(
            "CHAIN",
            f"event {event.seq} does not follow event {state.seq}",
            why="Every event names its predecessor's digest, so nothing can be dropped or reordered.",
            fix="fetch all tags from the repository's home and run: calibgit verify",
        )
    if event.kind != "genesis" and event.payload["registry"] != state.registry:
        raise IntegrityError(
            "WRONG_REGISTRY",
            f"event {event.seq} belongs to another registry",
            why="An event of a fork or another repository says nothing here.",
            fix="find out who pushed it",
        )


def _step_4_policy(event: Event, state: RegistryState, policy: Policy | None, facts: Facts) -> Policy:
    payload = event.payload
    if event.kind == "genesis":
        target = payload["target"]
        policy = _policy_of(target, facts)
        if payload["policy_sha256"] == target["sha256"] and payload["four_eyes"] == policy.four_eyes:
            return policy
    elif policy is not None and payload["policy_sha256"] == state.policy_sha256:
        return policy
    raise IntegrityError(
        "POLICY_MISMATCH",
        f"event {event.seq} was written under another policy than the one in force",
        why="The policy that counts is the one in force just before the event.",
        fix="repeat the command that wrote it",
    )


def _policy_of(target: Mapping[str, Any], facts: Facts) -> Policy:
    """The policy that lies at the target of a genesis or policy event."""
    data = facts.require_blob(target["commit"], target["path"], target["sha256"], target["size"])
    try:
        return read_policy(data, target["path"])
    except DocumentError as error:
        raise IntegrityError("POLICY_UNREADABLE", error.what, why=error.why, fix=error.fix) from error


def _step_6_authority(event: Event, state: RegistryState, policy: Policy, people: tuple[str, ...]) -> None:
    refusal = refuse_role(policy, event.payload, people, authors_of(event.payload, state))
    if refusal is not None:
        raise refusal


def authors_of(payload: Mapping[str, Any], state: RegistryState) -> frozenset[str]:
    """Who wrote the version that a payload speaks of; for a ratification, the one that the rollback restored."""
    if "approval" in payload:
        return frozenset(payload["approval"]["authors"])
    if "ratifies" in payload:
        named = payload["ratifies"]["seq"]
        restored = (step for step in state.steps if step.seq == named and step.kind == "revert")
        return frozenset(name for step in restored for name in state.versions[step.line][step.version].authors)
    if "version" not in payload:
        return frozenset()
    record = state.line(payload["line"]).get(Version.parse(payload["version"]))
    return frozenset(record.authors) if record else frozenset()


def _step_7_branch(event: Event, state: RegistryState, policy: Policy, facts: Facts) -> None:
    branch, commit = event.payload["branch"], event.payload["target"]["commit"]
    if branch["ref"] != policy.branch_ref:
        raise IntegrityError(
            "WRONG_BRANCH",
            f"event {event.seq} speaks of {branch['ref']}, not of {policy.branch_ref}",
            why="The policy names one protected branch.",
            fix="repeat the command that wrote it",
        )
    known = facts.on_first_parent_line(branch["head"], facts.tip)
    if not known and not (facts.exists(branch["head"]) and facts.descends(facts.tip, branch["head"])):
        raise IntegrityError(
            "BRANCH_BEHIND",
            f"event {event.seq} was written when {policy.branch} was at {branch['head'][:12]}, "
            "which is not part of the branch here",
            why="Either this clone is behind, or history was rewritten.",
            fix="git fetch origin, then: calibgit verify",
        )
    if not known:
        raise IntegrityError(
            "NOT_ON_BRANCH",
            f"event {event.seq} names {branch['head'][:12]}, which was never the tip of {policy.branch}",
            why="What was merged on a side branch was approved by nobody who guards the protected one.",
            fix="find out who wrote it, and whether the branch's first-parent line was rewritten",
        )
    if state.branch_head and not facts.on_first_parent_line(state.branch_head, branch["head"]):
        raise IntegrityError(
            "BRANCH_REWOUND",
            f"between event {state.seq} and {event.seq} the branch {policy.branch} lost commits",
            why="The protected branch only grows.",
            fix="find out who rewrote the branch, and restore it",
        )
    if not facts.on_first_parent_line(commit, branch["head"]):
        raise IntegrityError(
            "NOT_ON_BRANCH",
            f"the target {commit[:12]} of event {event.seq} was never the tip of {policy.branch}",
            why="Only what was merged into the protected branch was approved there.",
            fix="merge the proposal into the protected branch",
        )


def _step_8_bytes(event: Event, policy: Policy, facts: Facts) -> Policy:
    """The policy in force after the event."""
    payload, target = event.payload, event.payload["target"]
    if event.kind == "policy":
        return _policy_of(target, facts)
    if not facts.has_commits:
        return policy
    if event.kind == "genesis":
        for entry in payload["baseline"]:
            _require_config(event, policy, facts, {**entry, "commit": target["commit"]})
    if event.kind == "release":
        _require_config(event, policy, facts, {**payload, **target})
        if facts.schema_sha256(target["commit"], target["path"]) != payload["schema_sha256"]:
            raise IntegrityError(
                "SCHEMA_DIGEST",
                f"{schema_path(target['path'])} is not the schema that event {event.seq} was written under",
                why="The schema belongs to what was approved.",
                fix="fetch the repository anew from its home and run: calibgit verify",
            )
    return policy


def _require_config(event: Event, policy: Policy, facts: Facts, entry: Mapping[str, Any]) -> None:
    """The signed bytes lie where the policy puts the line's configs, parse strictly, and are that version."""
    line, version, path = entry["line"], Version.parse(entry["version"]), entry["path"]
    place = policy.lines.get(line)
    if place is None or path != config_path(version, place.configs):
        raise IntegrityError(
            "WRONG_PATH",
            f"event {event.seq} takes {line} v{version} from {path}",
            why="A version's config has one place, which trust.toml names: number, bytes and owners belong together.",
            fix="find out who wrote it",
        )
    data = facts.require_blob(entry["commit"], path, entry["sha256"], entry["size"])
    try:
        config = read_config_data(data, path)
    except DocumentError as error:
        raise IntegrityError("CONFIG_UNREADABLE", error.what, why=error.why, fix=error.fix) from error
    if version_of(config) != version:
        raise IntegrityError(
            "OTHER_VERSION",
            f"{path} says that it is v{version_of(config)}",
            why="A version's number and its bytes belong together.",
            fix=f"propose it again with logic_version {version}",
        )


def judge(payload: Mapping[str, Any], policy: Policy, facts: Facts, seq: int) -> Judgement:
    """What the approval of a release is worth, whichever kind of evidence it records.

    Raises:
        GateClosed: a code of `merge_signed.judge` or `attested.judge`.
    """
    approval, target = payload["approval"], payload["target"]
    version = Version.parse(payload["version"])
    scope = Scope.of(payload["line"], version, target["path"])
    if approval["kind"] == "merge-signed":
        return merge_signed.judge(facts.merge_facts(target["commit"], payload["line"], version), policy, scope, seq)
    merge = facts.merge_facts(target["commit"], payload["line"], version, approval["head"])
    return attested.judge(merge, policy, scope, attested.Claim.of(approval))


def _step_9_evidence(event: Event, policy: Policy, facts: Facts) -> frozenset[str]:
    """The keys that the approval rests on."""
    judged = judge(event.payload, policy, facts, event.seq)
    if dict(event.payload["approval"]) != judged.record:
        raise IntegrityError(
            "EVIDENCE_DIFFERS",
            f"event {event.seq} records another approval than the repository shows",
            why="The record must say who really approved what.",
            fix="calibgit show " + str(event.version),
        )
    return judged.keys


def _step_9_state(event: Event, state: RegistryState, people: tuple[str, ...]) -> None:
    refusal = refuse_transition(state, event, people)
    if refusal is not None:
        raise refusal
