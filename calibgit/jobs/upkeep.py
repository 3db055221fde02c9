"""Jobs that keep the registry itself: a new policy, a checkpoint, a void, a ratification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from calibgit.errors import UsageError
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.jobs.written import Written
from calibgit.registry.transitions import MAX_CHECKPOINT
from calibgit.registry.write import Plan, Situation, write_event
from calibgit.release import upkeep


def policy(workspace: Workspace, *, reason: str, dry_run: bool = False) -> Written:
    """Put the merged `trust.toml` in force. Where the log's time is far ahead of the clock, this sets it right.

    Raises:
        GateClosed: NO_POLICY, POLICY_UNCHANGED, NO_POSSESSION, KEY_REVIVED, FROM_SEQ_AHEAD, BRANCH_NOT_CONTINUED.
        PermissionRefused: NOT_AUTHORISED, THRESHOLD.
    """
    before: list[str] = []

    def planned(now: Situation) -> Mapping[str, Any]:
        before.append(now.state.head_at)
        return upkeep.policy(now, path=POLICY_FILE, reason=reason)

    written = write(workspace, planned, dry_run=dry_run)
    if written.event.at >= before[-1]:
        return written
    return replace(written, note=f"the log's clock is set back from {before[-1]} to {written.event.at}")


def checkpoint(workspace: Workspace, *, hours: int = 72, reason: str = "", dry_run: bool = False) -> Written:
    """Promise that nothing newer exists, for `hours` hours.

    Raises:
        UsageError: BAD_EXPIRY.
        GateClosed: CHECKPOINT_STANDS.
    """
    if not 1 <= hours <= MAX_CHECKPOINT.days * 24:
        raise UsageError(
            "BAD_EXPIRY",
            f"{hours} hours is not a life of a checkpoint",
            why=f"A checkpoint is worth something for one hour to {MAX_CHECKPOINT.days} days.",
            fix="calibgit checkpoint --hours 72",
        )

    def expires() -> str:
        moment = datetime.fromtimestamp(workspace.now(), UTC) + timedelta(hours=hours)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    return write(workspace, lambda now: upkeep.checkpoint(now, expires=expires(), reason=reason), dry_run=dry_run)


def void(workspace: Workspace, *, reason: str, dry_run: bool = False) -> Written:
    """Jump over what occupies the next slots without being an event.

    Raises:
        GateClosed: NOTHING_TO_VOID, TOO_MUCH_TO_VOID.
    """
    return write(workspace, lambda now: upkeep.void(now, reason=reason), voiding=True, dry_run=dry_run)


def ratify(workspace: Workspace, seq: int, *, reason: str, dry_run: bool = False) -> Written:
    """Accept, as a second person, the rollback of event `seq`.

    Raises:
        UsageError: NOT_A_ROLLBACK.
        GateClosed: ALREADY_RATIFIED, OWN_ROLLBACK.
    """
    return write(workspace, lambda now: upkeep.ratify(now, seq=seq, reason=reason), dry_run=dry_run)


def write(workspace: Workspace, planned: Plan, *, voiding: bool = False, dry_run: bool = False) -> Written:
    """Write the event that `planned` describes under the policy in force."""
    known = workspace.writing_policy()
    writer = workspace.writer()
    event = write_event(writer, known.branch_ref, planned, voiding=voiding, dry_run=dry_run)
    workspace.forget()
    return Written.of(event, known, writer.signer.public_key, dry_run=dry_run)
