"""What the fold over the log takes and gives: slots, a moment to look back to, and the result."""

from __future__ import annotations

from dataclasses import dataclass, field

from calibgit.errors import GateClosed, IntegrityError
from calibgit.model.event import Event
from calibgit.model.policy import Policy
from calibgit.model.state import Problem, RegistryState


@dataclass(frozen=True, slots=True)
class Slot:
    """An occupied slot as the refs show it, before anything is read: step 1 has passed it or says why not."""

    seq: int
    oid: str
    ref: str
    problem: Problem | None = None


@dataclass(slots=True)
class Verification:
    """The result: state and policy after the last believed event, the events, what stopped it, what looked odd.

    Attributes:
        people: who signed each event.
        policies: number of an event that put a policy in force, to that policy.
        past: the state as of the asked number or time, where one was asked for.
        foreign: what occupies the slots right behind the last believed event, if it may be voided.
        marked: whether something was known of this log before, so that a shorter one would be noticed.
    """

    state: RegistryState = field(default_factory=RegistryState)
    policy: Policy | None = None
    events: list[Event] = field(default_factory=list)
    people: dict[int, tuple[str, ...]] = field(default_factory=dict)
    policies: dict[int, Policy] = field(default_factory=dict)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    past: RegistryState | None = None
    foreign: list[Slot] = field(default_factory=list)
    marked: bool = False

    @property
    def ok(self) -> bool:
        """Whether every event was believed."""
        return not self.errors

    def require(self) -> tuple[RegistryState, Policy]:
        """State and policy of a registry that exists and holds.

        Raises:
            IntegrityError: the code of the first error.
            GateClosed: NOT_SEALED when there is no genesis.
        """
        if self.errors:
            first = self.errors[0]
            raise IntegrityError(
                first.code,
                first.message,
                why="The registry does not hold, so nothing may be built on it.",
                fix=first.fix or "calibgit verify",
            )
        if self.policy is None:
            raise GateClosed(
                "NOT_SEALED",
                "this repository has no registry yet",
                why="Without a signed genesis nobody is named who may release anything; many checkouts leave tags out.",
                fix="fetch the tags, with --fetch or: git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'; "
                "or start one: calibgit init --seal",
            )
        return self.state, self.policy


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in the log to look back to: the last event up to number `seq`, or up to the time `at` (UTC)."""

    seq: int | None = None
    at: str | None = None

    def is_past(self, event: Event) -> bool:
        """Whether `event` came after this moment."""
        return event.seq > self.seq if self.seq is not None else event.at > (self.at or "")
