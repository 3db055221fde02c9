"""Verification steps 3 to 9 of one event.

The whole protocol, as the specification numbers it.

Steps 1 and 2 read the refs; then for each number in order:

1.  names and sizes: one slot a number, no gap, every name on one object, size capped before reading
2.  strict parse
3.  chain: registry, number, predecessor
4.  policy digest in force
5.  signature and co-signatures
6.  role, threshold, people
7.  the target lies on the protected branch, which only grows
8.  bytes hash to the signed digests
9.  approval evidence, then the state machine
10. high-water mark: not kept by this version; a reader who needs it compares `seq` and `head` itself

The first step that fails decides the event's one error code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.errors import DocumentError, IntegrityError
from calibgit.model.config import read_config
from calibgit.model.event import Event
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.model.state import RegistryState
from calibgit.registry.approval import Scope, judge
from calibgit.registry.authority import refuse_role, signers
from calibgit.registry.facts import Facts
from calibgit.registry.history import schema_path
from calibgit.registry.transitions import refuse_transition

SUPPORTED_KINDS = frozenset({"genesis", "release", "reject", "activate", "revert", "deprecate"})


def check_event(
    event: Event, state: RegistryState, policy: Policy | None, facts: Facts
) -> tuple[tuple[str, ...], Policy]:
    """Steps 3 to 9 for one parsed event against the state left by its predecessor. Changes nothing.

    Returns:
        The people who signed, and the policy in force after the event.

    Raises:
        CalibgitError: the first step that fails.
    """
    _step_3_chain(event, state)
    after = _step_4_policy(event, state, policy, facts)
    people = signers(event, after)  # step 5
    _step_6_authority(event, state, after, people)
    _require_supported(event)
    if facts.has_commits:
        _step_7_branch(event, state, after, facts)
        _step_8_bytes(event, after, facts)
        _step_9_evidence(event, after, facts)
    _step_9_state(event, state)
    return people, after


def _step_3_chain(event: Event, state: RegistryState) -> None:
    expected = {"oid": state.head_oid, "sha256": state.head_sha256} if state.seq else None
    if event.seq != state.seq + 1 or event.payload["prev"] != expected:
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
        data = facts.require_blob(target["commit"], target["path"], target["sha256"], target["size"])
        try:
            policy = read_policy(data, target["path"])
        except DocumentError as error:
            raise IntegrityError("POLICY_UNREADABLE", error.what, why=error.why, fix=error.fix) from error
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


def _step_6_authority(event: Event, state: RegistryState, policy: Policy, people: tuple[str, ...]) -> None:
    refusal = refuse_role(policy, event.payload, people, authors_of(event.payload, state))
    if refusal is not None:
        raise refusal


def authors_of(payload: Mapping[str, Any], state: RegistryState) -> frozenset[str]:
    """Who wrote the version that a payload speaks of."""
    if "approval" in payload:
        return frozenset(payload["approval"]["authors"])
    if "version" not in payload:
        return frozenset()
    record = state.line(payload["line"]).get(Version.parse(payload["version"]))
    return frozenset(record.authors) if record else frozenset()


def _require_supported(event: Event) -> None:
    if event.kind not in SUPPORTED_KINDS:
        raise IntegrityError(
            "KIND_NOT_SUPPORTED",
            f"event {event.seq} is of a kind that this version cannot verify: {event.kind}",
            why="What cannot be verified is not believed.",
            fix="install a newer calibgit",
        )


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


def _step_8_bytes(event: Event, policy: Policy, facts: Facts) -> None:
    payload, target = event.payload, event.payload["target"]
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
        config, _ = read_config(data, path)
    except DocumentError as error:
        raise IntegrityError("CONFIG_UNREADABLE", error.what, why=error.why, fix=error.fix) from error
    if config.version != version:
        raise IntegrityError(
            "OTHER_VERSION",
            f"{path} says that it is v{config.logic_version}",
            why="A version's number and its bytes belong together.",
            fix=f"propose it again with logic_version {version}",
        )


def _step_9_evidence(event: Event, policy: Policy, facts: Facts) -> None:
    if event.kind == "release":
        approval, target = event.payload["approval"], event.payload["target"]
        if approval["kind"] != "merge-signed":
            raise IntegrityError(
                "EVIDENCE_NOT_SUPPORTED",
                f"event {event.seq} rests on {approval['kind']}, which this version cannot verify",
                why="What cannot be verified is not believed.",
                fix="install a newer calibgit",
            )
        merge = facts.merge_facts(target["commit"], event.line, event.version)
        judged = judge(merge, policy, Scope.of(event.line, event.version, target["path"]), event.seq)
        if dict(approval) != judged:
            raise IntegrityError(
                "EVIDENCE_DIFFERS",
                f"event {event.seq} records another approval than the repository shows",
                why="The record must say who really approved what.",
                fix="calibgit show " + str(event.version),
            )


def _step_9_state(event: Event, state: RegistryState) -> None:
    refusal = refuse_transition(state, event)
    if refusal is not None:
        raise refusal
