"""The fold over the whole log: step 1 as the refs show it, step 2, then `steps.check_event` for each number.

The first failure stops the fold: the state of the last good event stands, with the error beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from calibgit.errors import CalibgitError, EnvironmentFault, GateClosed, IntegrityError
from calibgit.model.event import Event, expected_refs
from calibgit.model.policy import Policy
from calibgit.model.state import Problem, RegistryState
from calibgit.registry.facts import Facts
from calibgit.registry.fold import apply
from calibgit.registry.format import parse_event
from calibgit.registry.steps import check_event


@dataclass(frozen=True, slots=True)
class Slot:
    """An occupied slot as the refs show it, before anything is read: step 1 has passed it or says why not."""

    seq: int
    oid: str
    ref: str
    problem: Problem | None = None


@dataclass(slots=True)
class Verification:
    """The result: state and policy after the last believed event, the events, what stopped it, what looked odd."""

    state: RegistryState = field(default_factory=RegistryState)
    policy: Policy | None = None
    events: list[Event] = field(default_factory=list)
    people: dict[int, tuple[str, ...]] = field(default_factory=dict)
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

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
                why="Without a signed genesis nobody is named who may release anything.",
                fix="calibgit init --seal",
            )
        return self.state, self.policy


def verify_log(
    slots: list[Slot],
    names: Mapping[str, str],
    bodies: Callable[[list[str]], Iterator[bytes | None]],
    facts_of: Callable[[str], Facts],
    *,
    until: int | None = None,
) -> Verification:
    """Fold the whole log.

    Args:
        slots: occupied slots in order, as step 1 saw them.
        names: full ref name to object id, for every name below `refs/tags/calib/`.
        bodies: object ids to an iterator of their bytes, in order; None for one that could not be read.
        facts_of: full ref name of the protected branch to what this reader knows behind the events.
        until: last event number to look at.
    """
    result = Verification()
    wanted = [slot for slot in slots if until is None or slot.seq <= until]
    facts: Facts | None = None
    for slot, body in zip(wanted, bodies([slot.oid for slot in wanted]), strict=True):
        if slot.problem is not None:
            result.errors.append(slot.problem)
            break
        try:
            event = _read(slot, body, names)
            facts = facts or facts_of(event.payload["branch"]["ref"])
            people, result.policy = check_event(event, result.state, result.policy, facts)
        except EnvironmentFault:
            raise  # says something of this machine, not of the event
        except CalibgitError as error:
            result.errors.append(problem_of(error, slot))
            break
        apply(result.state, event, people)
        result.events.append(event)
        result.people[event.seq] = people
    return result


def _read(slot: Slot, body: bytes | None, names: Mapping[str, str]) -> Event:
    if body is None:
        raise IntegrityError(
            "UNREADABLE",
            f"the object of event {slot.seq} cannot be read",
            why="An event that is not here cannot be believed.",
            fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'",
        )
    event = parse_event(slot.oid, body)
    if event.seq != slot.seq:
        raise IntegrityError(
            "NAME_MISMATCH",
            f"slot {slot.seq} holds event {event.seq}",
            why="A signed tag under another name would say something that nobody signed.",
            fix="find out who pushed it; only calibgit writes events",
        )
    for name in expected_refs(event.payload)[0]:
        if names.get(name) != slot.oid:
            raise IntegrityError(
                "NAME_MISMATCH",
                f"{name} is missing or names another object than event {slot.seq}",
                why="An event and all its names go together.",
                fix=f"git fetch --force origin '{name}:{name}'",
            )
    return event


def problem_of(error: CalibgitError, slot: Slot) -> Problem:
    """An error of one event as a value."""
    return Problem(error.code, error.what, slot.seq, slot.ref, error.fix)
