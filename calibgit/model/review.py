"""What people did to a change, independent of the code host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """A request to merge `head` of `branch` into `target`.

    Attributes:
        number: number on the code host, from 1.
        title, body: text for reviewers.
        opener: who opened it.
        state: open, merged or closed.
    """

    number: int
    branch: str
    target: str
    head: str
    title: str
    body: str
    opener: str
    state: Literal["open", "merged", "closed"] = "open"


Verdict = Literal["approved", "changes_requested", "commented"]


@dataclass(frozen=True, slots=True)
class Review:
    """What somebody said of exactly one commit.

    Attributes:
        reviewer: login on the code host.
        verdict: a comment decides nothing.
        head: the reviewed commit.
    """

    reviewer: str
    verdict: Verdict
    head: str


def standing(reviews: Iterable[Review], head: str) -> dict[str, Verdict]:
    """The last decisive word of each reviewer about `head`; what was said of other commits does not count.

    Args:
        reviews: in the order they were given.
        head: the commit to be merged.
    """
    said: dict[str, Verdict] = {}
    for review in reviews:
        if review.head == head and review.verdict != "commented":
            said[review.reviewer] = review.verdict
    return said


def approvers(reviews: Iterable[Review], head: str) -> tuple[str, ...]:
    """Logins whose last decisive word about `head` is an approval, sorted; nobody while somebody objects."""
    said = standing(reviews, head)
    if "changes_requested" in said.values():
        return ()
    return tuple(sorted(said))
