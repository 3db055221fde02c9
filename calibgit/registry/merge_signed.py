"""Approval evidence of kind `merge-signed`: proven by the signature of the merge commit. Pure.

Besides what all evidence needs (`approval`):

a. the merge commit has two parents: the protected branch before, and the reviewed head;
b. it is SSH-signed by a human of the policy, who is the approver;
c. every commit that it brings is SSH-signed by a person of the policy, so that nobody can write under another name.
"""

from __future__ import annotations

from calibgit.errors import GateClosed, IntegrityError
from calibgit.model.event import NAMESPACE_GIT
from calibgit.model.policy import Policy
from calibgit.registry import sshsig
from calibgit.registry.approval import (
    NOBODY,
    Judgement,
    MergeFacts,
    Scope,
    named_authors,
    refuse,
    require_content,
    require_four_eyes,
    require_human,
    require_initiator,
    require_owners,
)
from calibgit.repo.objects import Commit


def judge(facts: MergeFacts, policy: Policy, scope: Scope, seq: int) -> Judgement:
    """The approval that a signed merge is.

    Args:
        facts: what the repository says.
        policy: in force before the release event.
        scope: the paths that the proposal may touch.
        seq: number of the release event; a key that ended by then approves nothing.

    Raises:
        GateClosed: NOT_MERGED, OUT_OF_SCOPE, NOT_AS_REVIEWED, UNSIGNED_MERGE, NOT_HUMAN, NO_CODEOWNERS,
            NOT_OWNER, NO_INITIATOR, UNSIGNED_COMMIT, SCHEDULE_CLAIMED or FOUR_EYES.
    """
    merge = facts.merge
    if len(merge.parents) != 2:
        raise refuse(
            "NOT_MERGED",
            f"commit {merge.oid[:12]} is not a merge of a reviewed branch",
            "The approval is the merge commit; a direct push or a rebase has none.",
            "merge the proposal's branch with a signed merge commit (git merge --no-ff -S)",
        )
    require_content(facts, scope)
    key, approver = _approver(merge, policy, seq)
    require_human(policy, approver, f"merge commit {merge.oid[:12]} is signed by")
    require_owners(facts, policy, (approver,))
    initiator = require_initiator(facts)
    signed = [_commit_signer(commit, policy, seq) for commit in facts.commits]
    authors = named_authors(facts, policy) | {person for _, person in signed}
    _require_schedule(initiator, frozenset(person for _, person in signed), policy)
    require_four_eyes(policy, (approver,), authors)
    record = {
        "kind": "merge-signed",
        "base": merge.parents[0],
        "head": merge.parents[1],
        "merge": merge.oid,
        "initiator": initiator,
        "summary_sha256": facts.summary_sha256,
        "authors": sorted(authors),
        "approvers": [approver],
    }
    return Judgement(record, frozenset({key, *(each for each, _ in signed)}))


def _approver(merge: Commit, policy: Policy, seq: int) -> tuple[str, str]:
    try:
        return _signer(merge, policy, seq)
    except IntegrityError as error:
        raise refuse(
            "UNSIGNED_MERGE",
            f"merge commit {merge.oid[:12]}: {error.what}",
            "The signature on the merge is the proof of who approved.",
            "have a code owner merge with a current key: git merge --no-ff -S BRANCH",
        ) from error


def _commit_signer(commit: Commit, policy: Policy, seq: int) -> tuple[str, str]:
    try:
        return _signer(commit, policy, seq)
    except IntegrityError as error:
        raise refuse(
            "UNSIGNED_COMMIT",
            f"commit {commit.oid[:12]} of the proposal proves no author: {error.what}",
            "Anybody can write any name into a commit; the signature says who wrote it.",
            "commit with -S and a key of trust.toml, or propose with: calibgit propose",
        ) from error


def _signer(commit: Commit, policy: Policy, seq: int) -> tuple[str, str]:
    """The key that signed a commit, and whose it is."""
    if commit.signature is None:
        raise IntegrityError("UNSIGNED", "it carries no SSH signature")
    key = sshsig.verify(commit.signature, commit.signed_payload, namespace=NAMESPACE_GIT, keys=policy.keys)
    if policy.key_ended(key, seq):
        raise IntegrityError("KEY_ENDED", "its key had ended")
    return key, policy.keys[key]


def _require_schedule(initiator: str, signed: frozenset[str], policy: Policy) -> None:
    if initiator == NOBODY and not any(policy.people[person].kind == "ci" for person in signed):
        raise schedule_claimed(", ".join(sorted(signed)) or "nobody")


def schedule_claimed(who: str) -> GateClosed:
    """The refusal of a change that claims to have started by itself."""
    return refuse(
        "SCHEDULE_CLAIMED",
        f"the change says that a schedule started it, but {who} wrote it",
        "Only a CI system can speak for a schedule; a person started their own change.",
        "propose it again without --initiator schedule",
    )
