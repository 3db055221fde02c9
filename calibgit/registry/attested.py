"""Approval evidence of kind `github-pr`: a key with the role `attest` says who approved which commit. Pure.

Besides what all evidence needs (`approval`):

a. the merge is a merge commit of the reviewed head, or one commit that holds what the head holds (squash);
b. the signed record names a pull request, its opener, its approvers and its authors, and what the repository shows of
   them agrees with it.

The commits need no signature here: the code host knew who pushed them, and the attesting key answers for that. The
record becomes proof of its own once the approvers have co-signed it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from calibgit.errors import GateClosed
from calibgit.model.policy import Policy
from calibgit.registry.approval import (
    NOBODY,
    Judgement,
    MergeFacts,
    Scope,
    named_authors,
    people_named,
    refuse,
    require_content,
    require_four_eyes,
    require_human,
    require_initiator,
    require_owners,
)
from calibgit.registry.merge_signed import schedule_claimed
from calibgit.repo.objects import Commit


@dataclass(frozen=True, slots=True)
class Claim:
    """What a code host says of a merged request.

    Attributes:
        forge: host, repository and number of the request.
        opener: person, or the login of somebody whom the policy does not know.
        head: the reviewed commit.
        approvers: people whose approval of exactly that commit stands.
    """

    forge: Mapping[str, Any]
    opener: str
    head: str
    approvers: tuple[str, ...]

    @classmethod
    def of(cls, approval: Mapping[str, Any]) -> Claim:
        """The claim inside a signed record."""
        return cls(approval["forge"], approval["opener"], approval["head"], tuple(approval["approvers"]))


def judge(facts: MergeFacts, policy: Policy, scope: Scope, claim: Claim, seq: int) -> Judgement:
    """The approval that a claim is, where the repository agrees with it.

    Args:
        facts: what the repository says of the merge, for the reviewed head of the claim.
        policy: in force before the release event.
        scope: the paths that the proposal may touch.
        claim: what the attesting key answers for.
        seq: number of the release event; whoever has no good key by then approves nothing.

    Raises:
        GateClosed: NOT_MERGED, OUT_OF_SCOPE, NOT_AS_REVIEWED, NOT_HUMAN, APPROVER_ENDED, NO_CODEOWNERS, NOT_OWNER,
            NO_INITIATOR, SCHEDULE_CLAIMED, NO_APPROVAL, REBASED or FOUR_EYES.
    """
    _require_merge(facts, claim)
    require_content(facts, scope)
    _require_whole(facts)
    initiator = require_initiator(facts)
    if initiator == NOBODY and not _is_machine(claim.opener, policy):
        raise schedule_claimed(claim.opener)
    if not claim.approvers:
        raise refuse(
            "NO_APPROVAL",
            f"nobody approved {claim.head[:12]}",
            "A request that was merged without a review has no approval behind it.",
            "have a code owner approve the head that is merged",
        )
    for approver in claim.approvers:
        require_human(policy, approver, "the approval is by")
        _require_key(policy, approver, seq)
    require_owners(facts, policy, claim.approvers)
    authors = named_authors(facts, policy, claim.opener)
    require_four_eyes(policy, claim.approvers, authors)
    record = {
        "kind": "github-pr",
        "forge": dict(claim.forge),
        "opener": claim.opener,
        "base": facts.merge.parents[0],
        "head": claim.head,
        "merge": facts.merge.oid,
        "initiator": initiator,
        "summary_sha256": facts.summary_sha256,
        "authors": sorted(authors),
        "approvers": sorted(set(claim.approvers)),
    }
    return Judgement(record, frozenset())


def _require_merge(facts: MergeFacts, claim: Claim) -> None:
    """The commit is a merge of the claimed head, or may be its squash, and the head is news to the branch."""
    merge = facts.merge
    squashed = len(merge.parents) == 1
    if not squashed and (len(merge.parents) != 2 or merge.parents[1] != claim.head):
        raise refuse(
            "NOT_MERGED",
            f"commit {merge.oid[:12]} does not merge the reviewed commit {claim.head[:12]}",
            "What was reviewed must be what was merged.",
            "release from the merge of the reviewed head",
        )
    if not facts.commits:
        raise refuse(
            "NOT_MERGED",
            f"the reviewed commit {claim.head[:12]} lay on the branch before the merge",
            "A review of what is there already approves nothing new.",
            "release from the merge of a reviewed head",
        )


def _require_whole(facts: MergeFacts) -> None:
    """After a rebase, the commit before the last is no base: it holds half of the request, CODEOWNERS perhaps."""
    merge = facts.merge
    if len(merge.parents) != 1:
        return
    if facts.proposed != frozenset(facts.changed):
        raise _rebased(f"commit {merge.oid[:12]} brings only a part of what the reviewed head changes")
    if any(commit.oid == merge.oid for commit in facts.commits):
        raise _rebased(f"commit {merge.oid[:12]} belongs to the reviewed head itself: it was pushed, not merged")
    if facts.base is not None and _authorship(facts.base) in {_authorship(commit) for commit in facts.commits}:
        raise _rebased(f"commit {facts.base.oid[:12]}, the base of {merge.oid[:12]}, is a copy of a reviewed commit")


def _authorship(commit: Commit) -> tuple[bytes, str]:
    """What a rebase keeps of a commit: its author line, with the time, and its message."""
    found = re.search(rb"^author .*$", commit.signed_payload, re.MULTILINE)
    return found[0] if found else b"", commit.message.strip()


def _rebased(what: str) -> GateClosed:
    return refuse(
        "REBASED",
        what,
        "The base of a merge must hold nothing of the request, so a rebase is no evidence.",
        "merge with a merge commit, or squash",
    )


def _require_key(policy: Policy, approver: str, seq: int) -> None:
    """An account outlives a key: whoever left, or was robbed, may still be signed in at the code host."""
    if all(policy.key_ended(key, seq) for key in policy.people[approver].keys):
        raise refuse(
            "APPROVER_ENDED",
            f"the approval is by {approver}, whose every key has ended",
            "Whoever can sign nothing for this registry approves nothing in it either.",
            "have a code owner with a good key approve it",
        )


def _is_machine(opener: str, policy: Policy) -> bool:
    people = people_named(opener, policy)
    return bool(people) and all(name in policy.people and policy.people[name].kind == "ci" for name in people)


def is_proven(approval: Mapping[str, Any], people: Collection[str]) -> bool:
    """Whether the approvers signed for it themselves: the merge, or the event that attests it."""
    return approval["kind"] == "merge-signed" or set(approval["approvers"]) <= set(people)
