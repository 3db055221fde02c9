"""Verification step 9, first half: approval evidence, judged from facts. Pure. What both kinds of evidence share.

Either kind needs all of this; `merge_signed` and `attested` add what makes each of them evidence:

a. the merge brings the config, and everything that it brings lies in the proposal's scope, byte for byte as in the
   reviewed head;
b. an approver owns every changed path by the CODEOWNERS of the base;
c. an approver is a human of the policy;
d. no approver is an author of the proposal (unless the registry states `four_eyes = false`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from calibgit.errors import GateClosed
from calibgit.model.ids import Version, proposal_directory
from calibgit.model.policy import Policy
from calibgit.registry.owners import CodeOwners
from calibgit.repo.objects import Commit

NOBODY = "schedule"
# Generous, because whoever is named too often only has to let somebody else approve.
_CO_AUTHOR = re.compile(r"\bco[- ]?authored[- ]?by\b([^\n]*(?:\n[ \t]+[^\n]*)*)", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>(),;:]+@[^\s<>(),;:]+")
_MOST_LETTERS = 254


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What the repository says of a merge.

    Attributes:
        merge: the merge commit.
        commits: every commit of `base..head`, where base is the merge's first parent.
        changed: paths that differ between base and merge.
        altered: paths that differ between head and merge.
        special: changed paths that the merge holds as anything but a plain file.
        owners: CODEOWNERS at the base, or None.
        initiator: who started the proposal, from its change summary; None when the summary is missing.
        summary_sha256: SHA-256 of the change summary's bytes.
        proposed: for a squash, the paths that differ between the head and where it left the branch; else None.
        base: for a squash, the commit before it; else None.
    """

    merge: Commit
    commits: tuple[Commit, ...]
    changed: tuple[str, ...]
    altered: frozenset[str]
    owners: CodeOwners | None
    initiator: str | None
    summary_sha256: str = ""
    special: frozenset[str] = frozenset()
    proposed: frozenset[str] | None = None
    base: Commit | None = None


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


@dataclass(frozen=True, slots=True)
class Judgement:
    """Evidence that counts: the approval record as it stands in the payload, and the keys that it rests on."""

    record: dict[str, Any]
    keys: frozenset[str]


def require_content(facts: MergeFacts, scope: Scope) -> None:
    """Rule a.

    Raises:
        GateClosed: OUT_OF_SCOPE, NOT_MERGED, NOT_A_FILE or NOT_AS_REVIEWED.
    """
    outside = sorted(path for path in facts.changed if not scope.holds(path))
    if outside:
        raise refuse(
            "OUT_OF_SCOPE",
            f"the merge also changes {outside[0]}" + (f" and {len(outside) - 1} more" if outside[1:] else ""),
            "A proposal may touch its own config and its own documents only.",
            "move the other change to a merge of its own",
        )
    if scope.config_path not in facts.changed:
        raise refuse(
            "NOT_MERGED",
            f"merge commit {facts.merge.oid[:12]} does not bring {scope.config_path}",
            "A merge approves what it brings, not what lay on the branch before.",
            "have a code owner merge the proposal that brings this config",
        )
    if facts.special:
        raise refuse(
            "NOT_A_FILE",
            f"the merge brings {min(facts.special)} as a link, a submodule or a program",
            "What a reviewer is shown of these is a name and not the content that would be believed.",
            "propose plain files only (mode 100644)",
        )
    altered = sorted(facts.altered & set(facts.changed))
    if altered:
        raise refuse(
            "NOT_AS_REVIEWED",
            f"{altered[0]} is not the same in the merge as in the reviewed head",
            "What was reviewed must be what was merged, byte for byte.",
            "merge again without editing in the merge commit",
        )


def require_owners(facts: MergeFacts, policy: Policy, approvers: Collection[str]) -> None:
    """Rule b: every changed path has an owner among the approvers.

    Raises:
        GateClosed: NO_CODEOWNERS, CODEOWNERS_TOO_LARGE or NOT_OWNER.
    """
    if facts.owners is None:
        raise refuse(
            "NO_CODEOWNERS",
            f"there was no CODEOWNERS at {facts.merge.parents[0][:12]}, the base of the merge",
            "Without it nobody is named who may approve.",
            "add CODEOWNERS on the protected branch first",
        )
    for path, ownership in facts.owners.ownership(facts.changed).items():
        people = {person for owner in ownership.owners for person in policy.people_of_owner(owner)}
        if people.isdisjoint(approvers):
            names = ", ".join(ownership.owners) or "nobody"
            raise refuse(
                "NOT_OWNER",
                f"{' and '.join(sorted(approvers)) or 'nobody'} approved {path}, which belongs to {names}",
                "Only a code owner's approval counts; owners are read at the base of the merge.",
                f"have one of them approve it: {', '.join(sorted(people)) or 'nobody in trust.toml'}",
            )


def require_human(policy: Policy, approver: str, what: str) -> None:
    """Rule c.

    Raises:
        GateClosed: NOT_HUMAN.
    """
    person = policy.people.get(approver)
    if person is None or person.kind != "human":
        raise refuse(
            "NOT_HUMAN",
            f"{what} {approver}, who is not a human of trust.toml",
            "A config decides about people, so a person approves it.",
            "have a code owner approve it",
        )


def require_four_eyes(policy: Policy, approvers: Iterable[str], authors: frozenset[str]) -> None:
    """Rule d.

    Raises:
        GateClosed: FOUR_EYES.
    """
    for approver in sorted(approvers):
        if policy.four_eyes and approver in authors:
            raise refuse(
                "FOUR_EYES",
                f"{approver} approved a change that {approver} wrote or started",
                "Nobody approves their own change: a config decides about people.",
                f"have another code owner approve it; authors: {', '.join(sorted(authors))}",
            )


def require_initiator(facts: MergeFacts) -> str:
    """Who started the proposal, by its change summary.

    Raises:
        GateClosed: NO_INITIATOR.
    """
    if facts.initiator is None:
        raise refuse(
            "NO_INITIATOR",
            "the merge carries no change summary, so nobody knows who started the change",
            "Authors are a set, and whoever started the change belongs to it.",
            "propose the change with: calibgit propose",
        )
    return facts.initiator


def named_authors(facts: MergeFacts, policy: Policy, *more: str) -> frozenset[str]:
    """Authors and committers of the commits by e-mail, co-authors, the initiator, and the names in `more`.

    A member is a person's name, or the e-mail or name of somebody whom the policy does not know.
    """
    mails = [
        mail
        for commit in facts.commits
        for mail in (commit.author_email, commit.committer_email, *_co_authors(commit.message))
    ]
    people: set[str] = set()
    for text in (*mails, facts.initiator or NOBODY, *more):
        if text != NOBODY:
            people |= people_named(text.strip(), policy)
    return frozenset(people)


def _co_authors(message: str) -> list[str]:
    """Addresses behind `Co-authored-by`, however it is spelt; the words themselves where there is no address."""
    found: list[str] = []
    for text in _CO_AUTHOR.findall(message):
        found += _ADDRESS.findall(text) or [text.strip(" \t\r\n:<>")[:_MOST_LETTERS]]
    return found


def people_named(text: str, policy: Policy) -> set[str]:
    """Everybody whom a name, address, login or CODEOWNERS alias may mean; the text itself when that is nobody."""
    known = set(policy.aliases.get(text.casefold().removeprefix("@"), ()))
    return known or ({text.casefold()} if text else set())


def refuse(code: str, what: str, why: str, fix: str) -> GateClosed:
    """The named refusal of an approval."""
    return GateClosed(code, what, why=why, fix=fix)
