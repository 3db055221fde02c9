"""The fold over the whole log: step 1 as the refs show it, step 2, then `steps.check_event` for each number.

The first failure stops the fold: the state of the last good event stands, with the error beside it. What occupies the
next slot and fails is *foreign*; a later `void` event that follows the last good event jumps over it. Three things are
never jumped over: a valid event, an event that only this clone cannot judge (step 7, or a missing object), and an
event by somebody who may write it whose predecessor is not here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from calibgit.errors import CalibgitError, EnvironmentFault, IntegrityError
from calibgit.model.event import Event
from calibgit.model.state import Problem
from calibgit.registry.authority import refuse_role, signers
from calibgit.registry.facts import Facts
from calibgit.registry.fold import apply
from calibgit.registry.format import parse_event
from calibgit.registry.steps import Checked, authors_of, check_event
from calibgit.registry.verification import Moment, Slot, Verification

__all__ = ["MAX_LISTED", "Moment", "Slot", "Verification", "problem_of", "verify_log"]

MAX_LISTED = 20
_AHEAD_BYTES = 256 * 1024
_SLOT_BYTES = 512  # what a slot without an event costs
_LATER = "nothing yet; once the log has come to this number: calibgit void --reason TEXT"
_ONLY_HERE = frozenset({"HEAD_MISSING", "NO_BRANCH", "NO_SUCH_COMMIT", "OBJECT_CORRUPT", "UNREADABLE"})


def verify_log(
    slots: Iterable[Slot],
    names: Mapping[str, str],
    bodies: Callable[[list[str]], Iterator[bytes | None]],
    facts_of: Callable[[Event], Facts],
    *,
    moment: Moment | None = None,
) -> Verification:
    """Fold the whole log.

    Args:
        slots: occupied slots in order, as step 1 saw them.
        names: full ref name to object id, for every name below `refs/tags/calib/`.
        bodies: object ids to an iterator of their bytes, in order; None for one that could not be read.
        facts_of: an event to what this reader knows of the world behind it.
        moment: also keep the state as of then, in `past`.
    """
    fold = _Fold(names, facts_of, moment)
    wanted = list(slots)
    for slot, parsed in _parsed(zip(wanted, bodies([slot.oid for slot in wanted]), strict=True)):
        if not fold.take(slot, parsed):
            break
    return fold.finish()


def _parsed(found: Iterator[tuple[Slot, bytes | None]]) -> Iterator[tuple[Slot, Event | CalibgitError]]:
    """Steps 1 and 2, some slots ahead of the other steps: the same work on many events at once is quicker."""
    size = _AHEAD_BYTES
    while size >= _AHEAD_BYTES:
        batch: list[tuple[Slot, Event | CalibgitError]] = []
        size, failure = 0, None
        try:
            for slot, body in found:
                batch.append((slot, _parse(slot, body)))
                size += _SLOT_BYTES + len(body or b"")
                if size >= _AHEAD_BYTES:
                    break
        except CalibgitError as error:  # the repository cannot be read any further
            failure = error
        yield from batch
        if failure is not None:
            raise failure


class _Fold:
    """The walk over the slots, in order."""

    def __init__(self, names: Mapping[str, str], facts_of: Callable[[Event], Facts], moment: Moment | None) -> None:
        self.result = Verification()
        self._names = names
        self._facts_of = facts_of
        self._moment = moment
        self._disbelieved: list[Problem] = []
        self._more = 0
        self._unreachable: Problem | None = None

    def take(self, slot: Slot, parsed: Event | CalibgitError) -> bool:
        """Look at the next occupied slot, after steps 1 and 2; False when nothing behind it can count."""
        event: Event | None = None
        try:
            if isinstance(parsed, CalibgitError):
                raise parsed
            event = parsed
            _require_names(event, slot, self._names)
            self._believe(event)
        except EnvironmentFault:
            raise  # says something of this machine, not of the event
        except CalibgitError as error:
            problem = problem_of(error, slot)
            if problem.step == 7 or problem.code in _ONLY_HERE or (problem.step == 1 and self._is_sound(event)):
                self.result.errors.append(problem)
                return False
            self._disbelieve(slot, problem, event)
        return True

    def _check(self, event: Event) -> Checked:
        try:
            facts = self._facts_of(event)
        except IntegrityError as error:
            raise _numbered(7, error) from error
        return check_event(event, self.result.state, self.result.policy, facts)

    def _believe(self, event: Event) -> None:
        result = self.result
        checked = self._check(event)
        if event.kind == "void" and self._unreachable is not None:
            raise _numbered(9, void_of_event(event, self._unreachable))
        self._look_back(event)
        if event.at < result.state.head_at:
            text = f"event {event.seq} set the log's clock back from {result.state.head_at} to {event.at}"
            result.warnings.append(Problem("CLOCK_SET_BACK", text, event.seq))
        for entry in event.payload.get("void", ())[:MAX_LISTED]:
            text = f"slot {entry['seq']} holds no event; event {event.seq} voids it"
            result.warnings.append(Problem("VOIDED", text, entry["seq"]))
        self._disbelieved, self._more, result.foreign = [], 0, []
        apply(result.state, checked)
        if checked.after is not result.policy:
            result.policy = result.policies[event.seq] = checked.after
        result.events.append(event)
        result.people[event.seq] = checked.people

    def _look_back(self, event: Event) -> None:
        """Keep the state before the first event that came after the moment; after a false time, the next such one."""
        if self._moment is None:
            return
        if not self._moment.is_past(event):
            self.result.past = None
        elif self.result.past is None:
            self.result.past = copy.deepcopy(self.result.state)

    def _disbelieve(self, slot: Slot, problem: Problem, event: Event | None) -> None:
        if event is not None and problem.step in {1, 3} and self._is_unreachable(event):
            self._unreachable = self._unreachable or Problem(
                "GAP",
                f"event {self.result.state.seq + 1} is missing: event {event.seq} follows an event that is not here",
                self.result.state.seq + 1,
                slot.ref,
                "git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'; if that changes nothing, an event was removed",
                3,
            )
            return
        if slot.seq == self.result.state.seq + 1 + len(self.result.foreign):
            self.result.foreign.append(slot)
        if len(self._disbelieved) < MAX_LISTED:
            self._disbelieved.append(problem)
        else:
            self._more += 1

    def _is_unreachable(self, event: Event) -> bool:
        """Whether somebody who may write the event signed it, and its predecessor is not among the believed ones.

        Without a genesis no signature can be judged, and any later event shows that one was removed.
        """
        prev = event.payload["prev"]
        if self.result.policy is None:
            return event.seq > 1
        return prev is not None and prev["sha256"] not in self.result.state.digests and self._is_authorised(event)

    def _is_sound(self, event: Event | None) -> bool:
        """Whether only the names of the event are damaged: with them it would be believed, or not judged here."""
        if event is None:
            return False
        try:
            self._check(event)
        except EnvironmentFault:
            raise
        except CalibgitError as error:
            return error.step == 7 or error.code in _ONLY_HERE
        return True

    def _is_authorised(self, event: Event) -> bool:
        """Whether the policy in force gives the signers the role: a mere member's word stops nobody."""
        policy, state = self.result.policy, self.result.state
        if policy is None or event.payload["registry"] != state.registry:
            return False
        try:
            people = signers(event, policy).people
        except IntegrityError:
            return False
        return refuse_role(policy, event.payload, people, authors_of(event.payload, state)) is None

    def finish(self) -> Verification:
        """The result, with what was not believed as error or warning."""
        result = self.result
        if self._moment is not None and result.past is None:
            result.past = copy.deepcopy(result.state)
        if result.errors:
            return result
        if result.foreign:
            result.errors.append(_with_way_out(self._disbelieved[0]))
        elif self._disbelieved and self._unreachable is None:
            result.warnings += [
                Problem("FOREIGN_SLOT", f"{p.ref} is occupied, but not by an event: {p.message}", p.seq, p.ref, _LATER)
                for p in self._disbelieved
            ]
            if self._more:
                result.warnings.append(Problem("FOREIGN_SLOT", f"{self._more:,} more slots hold no event"))
        if self._unreachable is not None:
            result.errors.append(self._unreachable)
            result.foreign = []
        return result


def void_of_event(event: Event, unreachable: Problem) -> IntegrityError:
    """The refusal of a void that would jump over a real event."""
    return IntegrityError(
        "VOID_OF_EVENT",
        f"event {event.seq} jumps over slots, but {unreachable.message}",
        why="An event was removed from the log; voiding what stands in its place would hide that.",
        fix=unreachable.fix,
    )


def _numbered(step: int, error: IntegrityError) -> IntegrityError:
    error.step = step
    return error


def _with_way_out(problem: Problem) -> Problem:
    """What occupies the next slot, with the way past it: readers cannot tell junk from a damaged copy, people can."""
    return replace(problem, fix=f"{problem.fix}; if the remote holds it too: calibgit void --reason TEXT".lstrip("; "))


def _parse(slot: Slot, body: bytes | None) -> Event | CalibgitError:
    """Step 1 as far as the slot shows it, and step 2: the event, or why it is none.

    That is what step 1 saw, UNREADABLE, NAME_MISMATCH, or a code of `parse_event`.
    """
    if slot.problem is not None:
        return _numbered(1, IntegrityError(slot.problem.code, slot.problem.message, fix=slot.problem.fix))
    if body is None:
        return _numbered(1, _unreadable(slot))
    try:
        event = parse_event(slot.oid, body)
    except CalibgitError as error:
        error.step = 2
        return error.with_traceback(None)
    if event.seq != slot.seq:
        return _numbered(1, _mismatch(f"slot {slot.seq} holds event {event.seq}", "find out who pushed it"))
    return event


def _require_names(event: Event, slot: Slot, names: Mapping[str, str]) -> None:
    """Step 1: every name of the event is there and on this object.

    Raises:
        IntegrityError: NAME_MISMATCH.
    """
    for name in event.payload["refs"]:
        if names.get(name) == event.payload["target"]["commit"]:
            raise _numbered(1, flattened(name))
        if names.get(name) != slot.oid:
            text = f"{name} is missing or names another object than event {slot.seq}"
            raise _numbered(1, _mismatch(text, f"git fetch --force origin '{name}:{name}'"))


def flattened(name: str) -> IntegrityError:
    """The refusal of a name that a checkout has turned into a bare commit."""
    return IntegrityError(
        "LIGHTWEIGHT",
        f"{name} is a bare name without a signed tag object",
        why="Some CI checkouts flatten the tag that they check out; what is left proves nothing.",
        fix=f"git fetch --force origin '{name}:{name}'; readers do it themselves with --fetch",
    )


def _unreadable(slot: Slot) -> IntegrityError:
    return IntegrityError(
        "UNREADABLE",
        f"the object of event {slot.seq} cannot be read",
        why="An event that is not here cannot be believed.",
        fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'",
    )


def _mismatch(what: str, fix: str) -> IntegrityError:
    why = "A signed tag under another name would say something that nobody signed."
    return IntegrityError("NAME_MISMATCH", what, why=why, fix=fix)


def problem_of(error: CalibgitError, slot: Slot) -> Problem:
    """An error of one event as a value."""
    return Problem(error.code, error.what, slot.seq, slot.ref, error.fix, error.step)
