"""Verification step 9, first half: approval evidence of kind `merge-signed`, judged from facts. Pure.

A merge commit on the protected branch is the approval. It counts when:

a. it has two parents: the protected branch before, and the reviewed head;
b. it brings the config, and everything that it brings lies in the proposal's scope, byte for byte as in the
   reviewed head;
c. it is SSH-signed by a human of the policy;
d. that person owns every changed path by the CODEOWNERS of the base;
e. every commit that it brings is SSH-signed by a person of the policy, so that nobody can write under another name;
f. the approver is no author of the proposal (unless the registry states `four_eyes = false`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from calibgit.errors import GateClosed, IntegrityError
from calibgit.model.event import NAMESPACE_GIT
from calibgit.model.ids import Version, proposal_directory
from calibgit.model.policy import Policy
from calibgit.registry import sshsig
from calibgit.registry.owners import CodeOwners
from calibgit.repo.objects import Commit

NOBODY = "schedule"
_CO_AUTHOR = re.compile(r"^co-authored-by:\s*[^<\n]*<([^>\n]+)>\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What the repository says of a merge.

    Attributes:
        merge: the merge commit.
        commits: every commit of `base..head`.
        changed: paths that differ between base and merge.
        altered: paths that differ between head and merge.
        owners: CODEOWNERS at the base, or None.
        initiator: who started the proposal, from its change summary; None when the summary is missing.
        summary_sha256: SHA-256 of the change summary's bytes.
    """

    merge: Commit
    commits: tuple[Commit, ...]
    changed: tuple[str, ...]
    altered: frozenset[str]
    owners: CodeOwners | None
    initiator: str | None
    summary_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The paths that a proposal of one version may touch."""

    config_path: str
    directory: str

    @classmethod
    def of(cls, line: str, version: Version, path: str) -> Scope:
        """Scope of `version` of `line`, whose config lies at `path`."""
        return cls(path, proposal_directory(line, version) + "/")

    def holds(self, path: str) -> bool:
        """Whether `path` belongs to the proposal."""
        return path == self.config_path or path.startswith(self.directory)


def judge(facts: MergeFacts, policy: Policy, scope: Scope, seq: int) -> dict[str, Any]:
    """The approval record of a merge, as it stands in the signed payload.

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
        raise _refuse(
            "NOT_MERGED",
            f"commit {merge.oid[:12]} is not a merge of a reviewed branch",
            "The approval is the merge commit; a direct push or a rebase has none.",
            "merge the proposal's branch with a signed merge commit (git merge --no-ff -S)",
        )
    _require_content(facts, scope)
    approver = _signer(facts, policy, seq)
    _require_owner(facts, policy, approver)
    authors = author_set(facts, policy, seq)
    if policy.four_eyes and approver in authors:
        raise _refuse(
            "FOUR_EYES",
            f"{approver} merged a change that {approver} wrote or started",
            "Nobody approves their own change: a config decides about people.",
            f"have another code owner merge it; authors: {', '.join(sorted(authors))}",
        )
    return {
        "kind": "merge-signed",
        "base": merge.parents[0],
        "head": merge.parents[1],
        "merge": merge.oid,
        "initiator": facts.initiator,
        "summary_sha256": facts.summary_sha256,
        "authors": sorted(authors),
        "approvers": [approver],
    }


def _require_content(facts: MergeFacts, scope: Scope) -> None:
    outside = sorted(path for path in facts.changed if not scope.holds(path))
    if outside:
        raise _refuse(
            "OUT_OF_SCOPE",
            f"the merge also changes {outside[0]}" + (f" and {len(outside) - 1} more" if outside[1:] else ""),
            "A proposal may touch its own config and its own documents only.",
            "move the other change to a merge of its own",
        )
    if scope.config_path not in facts.changed:
        raise _refuse(
            "NOT_MERGED",
            f"merge commit {facts.merge.oid[:12]} does not bring {scope.config_path}",
            "A merge approves what it brings, not what lay on the branch before.",
            "have a code owner merge the proposal that brings this config",
        )
    altered = sorted(facts.altered & set(facts.changed))
    if altered:
        raise _refuse(
            "NOT_AS_REVIEWED",
            f"{altered[0]} is not the same in the merge as in the reviewed head",
            "What was reviewed must be what was merged, byte for byte.",
            "merge again without editing in the merge commit",
        )


def _signer(facts: MergeFacts, policy: Policy, seq: int) -> str:
    merge = facts.merge
    keys = [key for person in policy.people.values() for key in person.keys]
    try:
        if merge.signature is None:
            raise IntegrityError("UNSIGNED", "the merge commit carries no SSH signature")
        key = sshsig.verify(merge.signature, merge.signed_payload, namespace=NAMESPACE_GIT, keys=keys)
    except IntegrityError as error:
        raise _refuse(
            "UNSIGNED_MERGE",
            f"merge commit {merge.oid[:12]}: {error.what}",
            "The signature on the merge is the proof of who approved.",
            "have a code owner merge with: git merge --no-ff -S BRANCH",
        ) from error
    person = policy.person_of_key(key)
    if person is None or policy.key_ended(key, seq):
        raise _refuse(
            "UNSIGNED_MERGE",
            f"merge commit {merge.oid[:12]} is signed by a key that had ended",
            "A retired or compromised key approves nothing new.",
            "have a code owner merge with a current key",
        )
    if policy.people[person].kind != "human":
        raise _refuse(
            "NOT_HUMAN",
            f"merge commit {merge.oid[:12]} is signed by {person}, which is a machine",
            "A config decides about people, so a person approves it.",
            "have a code owner merge it",
        )
    return person


def _require_owner(facts: MergeFacts, policy: Policy, approver: str) -> None:
    if facts.owners is None:
        raise _refuse(
            "NO_CODEOWNERS",
            f"there was no CODEOWNERS at {facts.merge.parents[0][:12]}, the base of the merge",
            "Without it nobody is named who may approve.",
            "add CODEOWNERS on the protected branch first",
        )
    for path in facts.changed:
        ownership = facts.owners.owners_of(path)
        people = {person for owner in ownership.owners for person in policy.people_of_owner(owner)}
        if approver not in people:
            names = ", ".join(ownership.owners) or "nobody"
            raise _refuse(
                "NOT_OWNER",
                f"{approver} merged {path}, which belongs to {names}",
                "Only a code owner's merge is an approval; owners are read at the base of the merge.",
                f"have one of them merge it: {', '.join(sorted(people)) or 'nobody in trust.toml'}",
            )


def author_set(facts: MergeFacts, policy: Policy, seq: int) -> frozenset[str]:
    """Everybody who had a part: signers, authors and committers of the commits, co-authors, the initiator.

    A member is a person's name, or the e-mail or name of somebody whom the policy does not know. An e-mail can be
    forged, a signature cannot: every commit must carry one.

    Raises:
        GateClosed: NO_INITIATOR, UNSIGNED_COMMIT or SCHEDULE_CLAIMED.
    """
    if facts.initiator is None:
        raise _refuse(
            "NO_INITIATOR",
            "the merge carries no change summary, so nobody knows who started the change",
            "Authors are a set, and whoever started the change belongs to it.",
            "propose the change with: calibgit propose",
        )
    signed = {_commit_signer(commit, policy, seq) for commit in facts.commits}
    if facts.initiator == NOBODY and not any(policy.people[person].kind == "ci" for person in signed):
        raise _refuse(
            "SCHEDULE_CLAIMED",
            f"the change says that a schedule started it, but {', '.join(sorted(signed)) or 'nobody'} wrote it",
            "Only a CI system's key can speak for a schedule; a person started their own change.",
            "propose it again without --initiator schedule",
        )
    mails = [
        mail
        for commit in facts.commits
        for mail in (commit.author_email, commit.committer_email, *_CO_AUTHOR.findall(commit.message))
    ]
    people = set(signed)
    for text in (*mails, *([] if facts.initiator == NOBODY else [facts.initiator])):
        people |= _people(text.strip(), policy)
    return frozenset(people)


def _commit_signer(commit: Commit, policy: Policy, seq: int) -> str:
    keys = [key for person in policy.people.values() for key in person.keys]
    try:
        if commit.signature is None:
            raise IntegrityError("UNSIGNED", "it carries no SSH signature")
        key = sshsig.verify(commit.signature, commit.signed_payload, namespace=NAMESPACE_GIT, keys=keys)
    except IntegrityError as error:
        raise _unsigned(commit, error.what) from error
    person = policy.person_of_key(key)
    if person is None or policy.key_ended(key, seq):
        raise _unsigned(commit, "its key had ended")
    return person


def _unsigned(commit: Commit, what: str) -> GateClosed:
    return _refuse(
        "UNSIGNED_COMMIT",
        f"commit {commit.oid[:12]} of the proposal proves no author: {what}",
        "Anybody can write any name into a commit; the signature says who wrote it.",
        "commit with -S and a key of trust.toml, or propose with: calibgit propose",
    )


def _people(text: str, policy: Policy) -> set[str]:
    """Everybody whom a name, address, login or CODEOWNERS alias may mean; the text itself when that is nobody."""
    wanted = text.casefold().removeprefix("@")
    known = {
        name
        for name, person in policy.people.items()
        for alias in (name, *person.emails, *person.owners, *(account.login for account in person.accounts))
        if alias.casefold().removeprefix("@") == wanted
    }
    return known or ({text.casefold()} if text else set())


def _refuse(code: str, what: str, why: str, fix: str) -> GateClosed:
    return GateClosed(code, what, why=why, fix=fix)
