"""The moves of the reference model as really signed tags, read by the verifier; then spoiled in every way.

Whatever is done to a sound log, the verifier believes a prefix of it and says that it stopped, or why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from calibgit.errors import IntegrityError
from calibgit.model.state import RegistryState
from calibgit.registry.format import BEGIN, parse_event
from calibgit.registry.highwater import Mark, refuse_marks
from calibgit.registry.verify import Moment, Slot, Verification, verify_log
from tests.registry.test_fold import SOUND, Registry, walk
from tests.support.comparing import require_rising, require_same
from tests.support.events import FakeFacts, Log, body_of
from tests.support.moves import Ledger
from tests.support.reference import OWNER_OF_KEY, Move, Rules


def verify(bodies: Mapping[int, bytes], facts: FakeFacts, **options: Any) -> Verification:
    """The verifier's result over what lies in the slots; every body has the names that it asks for, if they are free."""
    slots, names = [], {}
    for seq, body in sorted(bodies.items()):
        ref = f"refs/tags/calib/e/{seq:08d}"
        slots.append(Slot(seq, Log.oid(body), ref))
        names[ref] = Log.oid(body)
        try:
            asked = parse_event(Log.oid(body), body).payload["refs"]
        except IntegrityError:
            continue
        for name in asked:
            names.setdefault(name, Log.oid(body))  # a name is given once
    found = {Log.oid(body): body for body in bodies.values()}

    def read(oids: list[str]) -> Iterator[bytes | None]:
        return iter([found[each] for each in oids])

    return verify_log(slots, names, read, lambda _: facts, **options)


class SignedRegistry(Registry):
    """The same moves; each is signed, put behind the log, and the whole log is read."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[int, bytes] = {}
        self.states: dict[int, RegistryState] = {}

    def offer(self, move: Move) -> bool:
        expected, seq = self.book.judge(move), self.book.next_seq(move)
        if move.kind == "release" and self.book.released(move.line).get(move.version, 0) > 1:
            expected = (1, "NAME_MISMATCH")  # the name is the first one's
        if seq <= self.book.seq:
            return False  # that slot is taken
        body = self.ledger.body(move)
        slots = self.bodies | {seq: body}
        if move.kind == "void":
            slots |= {at: b"junk %d" % at for at in range(max(move.first, self.book.seq + 1), seq)}
        result = verify(slots, self.ledger.facts)
        self.reached.add((move.kind, expected[1] if expected else ""))
        if expected is not None:
            refused = self.refused(result, seq)
            assert refused == expected or (move.kind == "void" and refused == (2, "MALFORMED")), move
            require_same(result.state, self.book)
            return False
        assert result.ok, (result.errors, move)
        self.bodies, self.state = slots, result.state
        self.ledger.record(move, parse_event(Log.oid(body), body))
        self.states[seq] = result.state
        assert result.people[seq] == move.people
        require_same(self.state, self.book)
        return True

    def refused(self, result: Verification, seq: int) -> tuple[int | None, str]:
        """Step and code of what stopped the log: before a void that fails, the junk; a slot not due is only told of."""
        found = [problem for problem in result.errors if problem.seq in {seq, self.book.seq + 1}]
        if found:
            return found[0].step, found[0].code
        told = [problem for problem in result.warnings if (problem.code, problem.seq) == ("FOREIGN_SLOT", seq)]
        assert told, "silently left out"
        return (3, "CHAIN")

    def teardown(self) -> None:
        """Every prefix is a sound log of its own, and looking back gives the same state."""
        for seq, state in self.states.items():
            prefix = {at: body for at, body in self.bodies.items() if at <= seq}
            assert verify(prefix, self.ledger.facts).state == state
            whole = verify(self.bodies, self.ledger.facts, moment=Moment(seq=seq))
            assert whole.past == state
            require_rising(state)


TestSignedRegistry = SignedRegistry.TestCase
TestSignedRegistry.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


def test_signed_walks() -> None:
    reached: set[tuple[str, str]] = set()
    for seed in range(4):
        reached |= walk(seed, 50, SignedRegistry).reached
    codes = {code for _, code in reached}
    assert {"NOT_OWNER", "UNSIGNED_MERGE", "KEY_ENDED", "UNKNOWN_KEY"} - codes == set()


@pytest.mark.slow
def test_many_signed_walks() -> None:
    for seed in range(1000, 1200):
        walk(seed, 80, SignedRegistry)


STORY = (
    Move("genesis", "alice", rules=Rules(), baseline=SOUND),
    Move("policy", "bob", rules=Rules(("alice", "bob", "bob2", "carol", "robot"), pair=True), shown=("bob2",)),
    Move("release", "bob", line="alpha", version="1.1.0"),
    Move("reject", "alice", line="alpha", version="1.2.0"),
    Move("activate", "alice", ("bob2",), "alpha", "1.1.0", "production", leaving="1.0.0"),
    Move("revert", "bob", line="alpha", version="1.0.0", env="production", leaving="1.1.0"),
    Move("ratify", "alice", ("carol",), line="alpha", env="production", about=6, digest_of=6),
    Move("void", "carol", first=8, junk=2),
    Move("release", "robot", ("alice",), line="beta", version="2.0.0", evidence="github-pr"),
    Move("deprecate", "bob", line="beta", version="2.0.0"),
    Move("checkpoint", "robot"),
)


@cache
def story() -> tuple[dict[int, bytes], FakeFacts, dict[int, RegistryState], dict[int, Move]]:
    """A sound log with every kind of event: bodies by slot, what lies behind, the state after each, the moves."""
    machine = SignedRegistry()
    for move in STORY:
        assert machine.offer(move), move
    return machine.bodies, machine.ledger.facts, machine.states, machine.book.moves


def good_before(seq: int) -> RegistryState:
    """The state of the last event before slot `seq`."""
    states = story()[2]
    return states[max((at for at in states if at < seq), default=0)] if seq > 1 else RegistryState()


def stopped_at(bodies: Mapping[int, bytes], seq: int) -> None:
    """The log is not believed from slot `seq` on, and says so."""
    result = verify(bodies, story()[1])
    assert not result.ok
    assert result.state == good_before(seq)
    assert all(event.seq < seq for event in result.events)


def believed() -> list[int]:
    return sorted(story()[2])


def changed_bytes(seq: int, *, every: bool = False) -> Iterator[bytes]:
    """The body of an event with one byte changed, for every byte; in the signature to every value, if wanted."""
    body = story()[0][seq]
    armour = body.index(BEGIN)
    for at, byte in enumerate(body):
        spelling = every and at >= armour  # where two spellings could mean one signature
        for value in range(256) if spelling else {byte ^ 1, byte ^ 0x20, byte ^ 0x80}:
            if value != byte:
                yield body[:at] + bytes([value]) + body[at + 1 :]


def spoiled(seq: int, body: bytes) -> None:
    """Judged in its place, with one event behind it: the chain is what makes even a last byte count."""
    whole = story()[0]
    after = {at: data for at, data in whole.items() if at <= seq}
    stopped_at(after | {seq: body}, seq)


@pytest.mark.parametrize("seq", believed())
def test_no_event_survives_a_change_of_one_byte(seq: int) -> None:
    for number, body in enumerate(changed_bytes(seq)):
        if number % 37 == seq % 37:
            spoiled(seq, body)


@pytest.mark.slow
@pytest.mark.parametrize("seq", believed())
def test_no_event_survives_a_change_of_many_a_byte(seq: int) -> None:
    for number, body in enumerate(changed_bytes(seq)):
        if number % 11 == seq % 11:
            spoiled(seq, body)


@pytest.mark.slow
def test_no_signature_survives_any_change_of_one_byte_to_any_value() -> None:
    for body in changed_bytes(1, every=True):
        spoiled(1, body)


@pytest.mark.parametrize("seq", believed())
def test_no_event_survives_being_cut_or_lengthened(seq: int) -> None:
    body = story()[0][seq]
    for other in (b"", body[:-1], body[1:], body + b"\n", body + body, b"\n" + body, body[: len(body) // 2]):
        spoiled(seq, other)


@pytest.mark.parametrize("seq", believed())
def test_a_dropped_event_stops_the_log_and_a_memory_notices_the_last(seq: int) -> None:
    bodies, facts, states, _ = story()
    result = verify({at: body for at, body in bodies.items() if at != seq}, facts)
    assert result.state == good_before(seq)
    if seq < max(states):
        assert result.errors
    else:
        mark = Mark(seq, states[seq].head_sha256, "memory", "x")
        problem = refuse_marks(result.events, [mark])
        assert problem is not None
        assert problem.code == "ROLLBACK"


@given(st.sampled_from(believed()), st.sampled_from(believed()))
@settings(max_examples=50, deadline=None)
def test_swapped_duplicated_and_renumbered_events_are_refused(one: int, other: int) -> None:
    bodies = story()[0]
    if one != other:
        first = min(one, other)
        stopped_at(bodies | {one: bodies[other], other: bodies[one]}, first)
        stopped_at(bodies | {one: bodies[other]}, one)
    end = max(bodies) + 1
    result = verify(bodies | {end: bodies[one]}, story()[1])
    assert [(problem.code, problem.seq) for problem in result.errors] == [("NAME_MISMATCH", end)]
    assert result.state == good_before(end)


@pytest.mark.parametrize("seq", believed())
@pytest.mark.parametrize("key", [*OWNER_OF_KEY, "mallory"])
def test_another_signer_is_somebody_else_or_nobody(seq: int, key: str) -> None:
    """The same words under another key: allowed to that person or not, and never taken for the first one's."""
    bodies, facts, _, moves = story()
    move = moves[seq]
    if key == move.by:
        return
    payload = dict(parse_event(Log.oid(bodies[seq]), bodies[seq]).payload)
    ledger = Ledger()
    ledger.book.moves |= {at: each for at, each in moves.items() if at < seq}
    other = Move(**{**move.__dict__, "by": key})
    verdict = (5, "UNKNOWN_KEY") if key == "mallory" else ledger.book.judge(other)
    prefix = {at: body for at, body in bodies.items() if at < seq}
    result = verify(prefix | {seq: body_of(payload, key)}, facts)
    if verdict is None:
        assert result.people[seq][0] == OWNER_OF_KEY[key]
        after = verify(bodies | {seq: body_of(payload, key)}, facts)
        assert after.ok == (seq == max(bodies)), "what follows names the event that was there"
    else:
        told = [(problem.step, problem.code) for problem in result.errors]
        assert told == ([(2, "MALFORMED")] if move.kind == "void" else [verdict]), "in front of a void lies its junk"
        assert result.state == good_before(seq)


@pytest.mark.parametrize("seq", believed())
def test_a_signature_of_another_event_signs_nothing_here(seq: int) -> None:
    bodies = story()[0]
    words = bodies[seq].partition(BEGIN)[0]
    for at in believed():
        if at != seq:
            spoiled(seq, words + BEGIN + bodies[at].partition(BEGIN)[2])
