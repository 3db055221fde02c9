"""Verification step 10: the log is not shorter, and no other, than what was seen before. Pure.

A mark says: event `seq` of this registry has this digest. Marks come from the reader's own memory of earlier readings,
and from the protected branch: a proposal records the log's head when it is first created, which makes its change
summary a *witness*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from calibgit.errors import CalibgitError
from calibgit.model.canonical import read_json
from calibgit.model.event import Event
from calibgit.model.state import Checkpoint, Problem
from calibgit.registry.clock import MAX_LEAD, utc


@dataclass(frozen=True, slots=True)
class Mark:
    """Event `seq` had the digest `sha256`, as `source` knows."""

    seq: int
    sha256: str
    source: Literal["memory", "witness"]
    where: str


def witness(summary: bytes, registry: str, where: str) -> Mark | None:
    """The mark that a change summary carries, or None when it carries none of this registry."""
    try:
        value = read_json(summary, where)
    except CalibgitError:
        return None
    head = value.get("log_head") if isinstance(value, dict) else None
    if not isinstance(head, dict) or head.get("registry") != registry:
        return None
    seq, sha256 = head.get("seq"), head.get("sha256")
    if type(seq) is not int or seq < 1 or not isinstance(sha256, str):
        return None
    return Mark(seq, sha256, "witness", where)


def refuse_marks(events: Iterable[Event], marks: Iterable[Mark]) -> Problem | None:
    """Why the log cannot be the one that the marks saw, or None.

    Args:
        events: every believed event of the log.
        marks: what was seen before, in any order.
    """
    digests = {event.seq: event.sha256 for event in events}
    for mark in sorted(marks, key=lambda mark: (-mark.seq, mark.source, mark.sha256)):
        if digests.get(mark.seq) == mark.sha256:
            continue
        last = max(digests, default=0)
        seen = "this machine has seen" if mark.source == "memory" else f"{mark.where} on the protected branch names"
        said = (
            f"the log ends at event {last}, but {seen} event {mark.seq}"
            if mark.seq > last
            else f"event {mark.seq} is not the one that {seen.removesuffix(' names').removesuffix(' has seen')} knows"
        )
        return Problem(
            "ROLLBACK",
            said,
            mark.seq,
            fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'; if that changes nothing, events were removed",
            step=10,
        )
    return None


def refuse_stale(checkpoint: Checkpoint | None, now: datetime, limit: timedelta) -> Problem | None:
    """Why the log may have been held back, or None when a checkpoint says that it was not.

    Args:
        checkpoint: the last one of the log.
        now: the reader's clock, UTC.
        limit: how old a checkpoint may be. One of the future is no better than none: its time is false.
    """
    fix = "git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'; if that changes nothing: calibgit checkpoint"
    if checkpoint is None:
        return Problem("STALE", "the log holds no checkpoint, so nobody says that it is all there is", fix=fix, step=10)
    moment = utc(now)
    oldest, newest = utc(now - limit), utc(now + MAX_LEAD)
    if checkpoint.expires >= moment and oldest <= checkpoint.at <= newest:
        return None
    said = f"the last checkpoint, event {checkpoint.seq} of {checkpoint.at}, was good until {checkpoint.expires}"
    return Problem(
        "STALE", f"{said}; it is {moment}, and it may be at most {limit} old", checkpoint.seq, fix=fix, step=10
    )
