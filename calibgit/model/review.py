"""What people did to a change, independent of the code host."""

from __future__ import annotations

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
