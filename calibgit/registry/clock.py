"""The time in the log is its writers' word. It never runs back, except where a change of policy sets it right. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from calibgit.errors import GateClosed
from calibgit.model.state import Problem, RegistryState

MAX_LEAD = timedelta(minutes=10)


def far_ahead(state: RegistryState, now: datetime) -> Problem | None:
    """CLOCK_AHEAD when the last event's time lies far ahead of the reader's clock. It stops no reader.

    Args:
        state: of the whole log.
        now: the reader's clock, UTC.
    """
    if state.head_at <= utc(now + MAX_LEAD):
        return None
    return Problem(
        "CLOCK_AHEAD",
        f"event {state.seq} says {state.head_at}, and it is {utc(now)} here",
        state.seq,
        fix="find out who signed it: calibgit log; a change of policy that ends a key that lied sets the time right",
    )


def utc(moment: datetime) -> str:
    """A UTC time as events spell it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of_writing(state: RegistryState, now: datetime, kind: str) -> str:
    """The later of the clock and the predecessor's time; a change of policy sets a time that is far ahead right.

    Raises:
        GateClosed: CLOCK_BEHIND.
    """
    ahead = far_ahead(state, now)
    if ahead is None:
        return max(utc(now), state.head_at)
    if kind == "policy":
        return utc(now)
    raise GateClosed(
        "CLOCK_BEHIND",
        f"the log's last event says {state.head_at}, more than 10 minutes ahead of this machine",
        why="One of the two clocks is wrong.",
        fix="check this machine's clock: date -u; if it is right, end the key that lied (calibgit log) in trust.toml, "
        "merge that, and run: calibgit policy --reason TEXT",
    )
