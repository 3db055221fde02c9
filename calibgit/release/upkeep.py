"""Plan the events that keep the registry itself: a new policy, a checkpoint, a void, a ratification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from calibgit.errors import GateClosed, UsageError
from calibgit.model.canonical import sha256_hex
from calibgit.model.state import Step
from calibgit.registry.transitions import moment
from calibgit.registry.write import Situation

MAX_VOIDED = 2000
LONGER = timedelta(minutes=10)  # what a second checkpoint in a row must add; less is the same command, repeated


def policy(situation: Situation, *, path: str, reason: str) -> Mapping[str, Any]:
    """Put in force the policy that lies on the protected branch's tip.

    Raises:
        GateClosed: NOT_SEALED or NO_POLICY.
    """
    situation.sealed()
    history = situation.history
    data = history.blob(history.tip, path)
    if data is None:
        raise GateClosed(
            "NO_POLICY",
            f"there is no {path} at {history.tip[:12]}",
            why="A policy event signs the digest of a file that is on the protected branch.",
            fix=f"merge {path} into the protected branch first",
        )
    target = {"commit": history.tip, "path": path, "sha256": sha256_hex(data), "size": len(data)}
    return {"kind": "policy", "target": target, "possession": [], "reason": reason}


def checkpoint(situation: Situation, *, expires: str, reason: str) -> Mapping[str, Any]:
    """Promise that nothing newer than this event exists, until `expires` (UTC, `YYYY-MM-DDTHH:MM:SSZ`).

    Raises:
        GateClosed: CHECKPOINT_STANDS when the last event promises as much.
    """
    situation.sealed()
    last = situation.state.checkpoint
    if last is not None and last.seq == situation.state.seq and moment(expires) < moment(last.expires) + LONGER:
        raise GateClosed(
            "CHECKPOINT_STANDS",
            f"the last event, {last.seq}, is a checkpoint that is good until {last.expires}",
            why="Nothing happened since, so another one would promise nothing more.",
            fix="calibgit status",
        )
    return {"kind": "checkpoint", "target": {"commit": situation.history.tip}, "expires": expires, "reason": reason}


def void(situation: Situation, *, reason: str) -> Mapping[str, Any]:
    """Jump over what occupies the next slots without being an event.

    Raises:
        GateClosed: NOTHING_TO_VOID or TOO_MUCH_TO_VOID.
    """
    situation.sealed()
    if not situation.foreign:
        raise GateClosed(
            "NOTHING_TO_VOID",
            "nothing foreign occupies the next slot",
            why="A void event only clears the way of the next event.",
            fix="calibgit verify",
        )
    if len(situation.foreign) > MAX_VOIDED:
        raise GateClosed(
            "TOO_MUCH_TO_VOID",
            f"{len(situation.foreign):,} slots in a row are occupied; one event voids {MAX_VOIDED:,}",
            why="An event has a size limit, and a void must reach the next free slot.",
            fix="have an administrator delete some of these tags on the remote, then repeat the command",
        )
    entries = [{"seq": slot.seq, "oid": slot.oid} for slot in situation.foreign]
    return {"kind": "void", "target": {"commit": situation.history.tip}, "void": entries, "reason": reason}


def ratify(situation: Situation, *, seq: int, reason: str) -> Mapping[str, Any]:
    """Accept, as a second person, a rollback that one person signed.

    Raises:
        UsageError: NOT_A_ROLLBACK.
    """
    situation.sealed()
    step = next((step for step in situation.state.steps if step.seq == seq and step.kind == "revert"), None)
    if step is None:
        raise UsageError(
            "NOT_A_ROLLBACK",
            f"event {seq} is not a rollback",
            why="Only a rollback is ratified: it is the one change that needs no approval beforehand.",
            fix=f"choose one of: {_listed(situation.state.unratified()) or 'none is open'}",
        )
    return {
        "kind": "ratify",
        "target": {"commit": situation.history.tip},
        "line": step.line,
        "env": step.env,
        "ratifies": {"seq": seq, "sha256": next(d for d, at in situation.state.digests.items() if at == seq)},
        "reason": reason,
    }


def _listed(steps: list[Step]) -> str:
    return ", ".join(str(step.seq) for step in steps)
