"""The state machine against a reference model of its own, move by move, by the thousand; no signature is made."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from calibgit.errors import CalibgitError
from calibgit.model.event import KINDS, Event
from calibgit.model.state import RegistryState
from calibgit.registry import steps
from calibgit.registry.authority import refuse_role
from calibgit.registry.fold import apply
from calibgit.registry.policy_change import added_keys, require_sound_change
from calibgit.registry.steps import Checked
from calibgit.registry.transitions import refuse_transition, rollback_target
from tests.support.comparing import require_rising, require_same
from tests.support.events import signer
from tests.support.moves import ENVS, LINES, Ledger, entry, policy_of
from tests.support.reference import HOLDERS, OWNER_OF_KEY, Move, Rules, number

VERSIONS = ("1.0.0", "1.0.10", "1.0.9", "1.1.0", "2.0.0", "2.0.1", "10.0.0")
KEYS = tuple(OWNER_OF_KEY)
EVERYBODY = ("alice", "bob", "carol", "robot")
SOUND = (("alpha", "1.0.0", ("production", "staging")), ("beta", "1.0.9", ("production",)))

lines, envs, versions = st.sampled_from(LINES), st.sampled_from(ENVS), st.sampled_from(VERSIONS)
picks = st.sampled_from(range(100))  # the most of it leads to what may be allowed, the rest anywhere
delays = st.sampled_from((1, 1, 1, 1, 0, 7, -1))
baselines = st.lists(
    st.tuples(lines, st.sampled_from(VERSIONS[:3]), st.sets(envs).map(lambda found: tuple(sorted(found)))), max_size=4
).map(tuple)


def refusal(state: RegistryState, event: Event, move: Move, rules: Rules) -> str | None:
    """What steps 3, 6 and 9 say, without signatures and approvals."""
    before = policy_of(rules)
    try:
        steps._step_3_chain(event, state)
        refused: CalibgitError | None = refuse_role(
            before, event.payload, move.people, steps.authors_of(event.payload, state)
        )
        if refused is None and move.kind == "policy":
            assert move.rules is not None
            require_sound_change(event, before, policy_of(move.rules), state)
        refused = refused or refuse_transition(state, event, move.people)
    except CalibgitError as error:
        return error.code
    return refused.code if refused else None


class Registry(RuleBasedStateMachine):
    """Each rule offers one event to the tool and to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RegistryState()
        self.ledger = Ledger()
        self.accepted: list[tuple[Checked, RegistryState]] = []
        self.reached: set[tuple[str, str]] = set()

    @property
    def book(self) -> Any:
        return self.ledger.book

    def offer(self, move: Move) -> bool:
        expected = self.book.judge(move, evidence=False)
        if self.book.judge(move) != expected or (expected is not None and expected[0] == 5):
            return False  # signatures and approvals are read from real bytes elsewhere
        event = self.ledger.plain(move)
        if move.kind == "policy":
            assert move.rules is not None
            added = added_keys(policy_of(self.book.rules), policy_of(move.rules))
            wanted = [key for key in move.shown if signer(key).public_key in added]
            event.payload["possession"].extend(entry(dict(event.payload), key, "calibgit-possession") for key in wanted)
        rules = move.rules if move.kind == "genesis" and move.rules else self.book.rules
        before = copy.deepcopy(self.state)
        found = refusal(self.state, event, move, rules)
        assert self.state == before, "judging changes nothing"
        assert found == (expected[1] if expected else None), move
        self.reached.add((move.kind, found or ""))
        if expected is not None:
            return False
        checked = Checked(
            event,
            move.people,
            frozenset(signer(key).public_key for key in move.keys),
            policy_of(rules),
            policy_of(move.rules or rules),
        )
        apply(self.state, checked)
        self.ledger.record(move, event)
        self.accepted.append((checked, copy.deepcopy(self.state)))
        return True

    # choices

    def signer(self, pick: int, role: str, env: str = "", *, but: tuple[str, ...] = ()) -> str:
        """A key that may do it, or any key."""
        rules, holders = self.book.rules, HOLDERS.get(f"{role}:{env}", HOLDERS[role])
        good = [key for key in KEYS if OWNER_OF_KEY[key] in holders and rules.is_good(key, self.book.seq + 1)]
        good = [key for key in good if OWNER_OF_KEY[key] not in {OWNER_OF_KEY[name] for name in but}]
        return good[pick % len(good)] if good and pick < 90 else KEYS[pick % len(KEYS)]

    def signers(self, pick: int, role: str, env: str = "") -> dict[str, Any]:
        """A writer, and half of the time a co-signer."""
        by = self.signer(pick, role, env)
        others = (self.signer(pick // 2, role, env, but=(by,)),) if pick % 2 else ()
        return {"by": by, "others": others}

    def known(self, pick: int, line: str) -> str:
        """A released version, or any version."""
        released = sorted(self.book.released(line))
        return str(released[pick % len(released)]) if released and pick < 90 else VERSIONS[pick % len(VERSIONS)]

    def people(self, pick: int) -> dict[str, Any]:
        """Authors and approvers of a release."""
        if pick < 80:
            return {"authors": ("carol",), "approvers": ("alice", "bob")[pick % 2 : pick % 2 + 1]}
        return {"authors": EVERYBODY[pick % 3 : pick % 3 + 2], "approvers": EVERYBODY[pick % 4 :]}

    # the events

    @initialize(baseline=baselines, retired=st.booleans())
    def start(self, baseline: Any, retired: bool) -> None:
        rules = Rules(ended=(("robot", 4, False),)) if retired else Rules()
        self.offer(Move("genesis", by="carol", rules=rules, baseline=SOUND))
        if not self.offer(Move("genesis", by="alice", rules=rules, baseline=baseline)):
            assert self.offer(Move("genesis", by="alice", rules=rules, baseline=SOUND))

    @rule(line=lines, pick=picks, ahead=st.integers(0, 2), delay=delays, signed=st.booleans())
    def release(self, line: str, pick: int, ahead: int, delay: int, signed: bool) -> None:
        highest = max(map(number, self.book.released(line)), default=(0,))
        above = [version for version in VERSIONS if number(version) > highest]
        version = above[min(ahead, len(above) - 1)] if above and pick < 90 else VERSIONS[pick % len(VERSIONS)]
        evidence = "merge-signed" if signed else "github-pr"
        signing = self.signers(pick, "release" if signed else "attest")
        people = self.people(pick)
        if signed:  # a merge has one signer
            people["approvers"] = people["approvers"][:1]
        self.offer(Move("release", **signing, line=line, version=version, evidence=evidence, **people, delay=delay))

    @rule(line=lines, version=versions, pick=picks)
    def reject(self, line: str, version: str, pick: int) -> None:
        self.offer(Move("reject", self.signer(pick, "release"), line=line, version=version))

    @rule(
        line=lines,
        env=envs,
        pick=picks,
        which=picks,
        override=st.sampled_from(((), (), ("again",), ("breaking",), ("again", "breaking"))),
        said=st.sampled_from(("the truth",) * 6 + (None, *VERSIONS[:2])),
        delay=delays,
    )
    def activate(self, line: str, env: str, pick: int, which: int, override: Any, said: str | None, delay: int) -> None:
        leaving = self.book.active(line, env) if said == "the truth" else said
        signing = self.signers(pick, "breaking" if override else "activate", "" if override else env)
        fields: dict[str, Any] = {"line": line, "version": self.known(which, line), "env": env, "leaving": leaving}
        self.offer(Move("activate", **signing, **fields, override=override, delay=delay))

    @rule(line=lines, env=envs, pick=picks)
    def activate_what_may_be(self, line: str, env: str, pick: int) -> None:
        signing = self.signers(pick, "activate", env)
        for version in sorted(self.book.released(line), key=number, reverse=True):
            move = Move("activate", **signing, line=line, version=version, env=env, leaving=self.book.active(line, env))
            if self.book.judge(move, evidence=False) is None:
                assert self.offer(move)
                return

    @rule(line=lines, env=envs, pick=picks, which=picks, leaving=st.one_of(st.none(), st.none(), versions))
    def revert(self, line: str, env: str, pick: int, which: int, leaving: str | None) -> None:
        leaving = leaving or self.book.active(line, env) or VERSIONS[0]
        signing = self.signers(pick, "rollback")
        self.offer(Move("revert", **signing, line=line, version=self.known(which, line), env=env, leaving=leaving))

    @rule(line=lines, env=envs, pick=picks)
    def roll_back_by_default(self, line: str, env: str, pick: int) -> None:
        wanted = self.book.rollback_target(line, env)
        found = rollback_target(self.state, line, env)
        assert (str(found.version) if found else None) == wanted
        if wanted is not None:
            signing = self.signers(pick, "rollback")
            self.offer(
                Move("revert", **signing, line=line, version=wanted, env=env, leaving=self.book.active(line, env))
            )

    @rule(which=picks, pick=picks, lie=st.sampled_from(("", "", "", "line", "digest", "event")))
    def ratify(self, which: int, pick: int, lie: str) -> None:
        rollbacks = [at for at, move in self.book.moves.items() if move.kind == "revert"]
        about = rollbacks[which % len(rollbacks)] if rollbacks and lie != "event" else self.book.seq
        move = self.book.moves[about]
        line = move.line or LINES[0]
        if lie == "line":
            line = next(name for name in LINES if name != line)
        digest_of = 1 if lie == "digest" else about
        env = move.env or ENVS[0]
        if about > 1:
            by = self.signer(pick, "activate", env, but=(move.by,) if pick % 3 else ())
            self.offer(Move("ratify", by, line=line, env=env, about=about, digest_of=digest_of))

    @rule(line=lines, which=picks, pick=picks, other=st.one_of(st.just(""), st.just(""), versions))
    def deprecate(self, line: str, which: int, pick: int, other: str) -> None:
        signing = self.signers(pick, "deprecate")
        self.offer(Move("deprecate", **signing, line=line, version=self.known(which, line), bytes_of=other))

    @rule(line=lines, which=picks, env=envs, other=versions)
    def other_bytes(self, line: str, which: int, env: str, other: str) -> None:
        version, active = self.known(which, line), self.book.active(line, env)
        self.offer(Move("activate", "alice", (), line, version, env, leaving=active, bytes_of=other))
        self.offer(Move("revert", "alice", (), line, version, env, leaving=active or version, bytes_of=other))

    @rule(pick=picks, hours=st.sampled_from((72, 72, 1, 744, 0, -1, 745)), delay=delays)
    def checkpoint(self, pick: int, hours: int, delay: int) -> None:
        self.offer(Move("checkpoint", self.signer(pick, "checkpoint"), hours=hours, delay=delay))

    @rule(pick=picks, junk=st.integers(1, 3), shift=st.sampled_from((0, 0, 0, 0, -1, 1)))
    def void(self, pick: int, junk: int, shift: int) -> None:
        first = self.book.seq + 1 + shift
        if first > 1:
            self.offer(Move("void", self.signer(pick, "recover"), first=first, junk=junk))

    @rule(
        pick=picks,
        listed=st.sets(st.sampled_from(("bob2", "dave"))),
        dropped=st.sampled_from(("", "", "", "robot", "bob")),
        pair=st.booleans(),
        lacks=st.sampled_from(("", "", "", "", "", "policy", "recover", "deprecate")),
        shown=st.sampled_from((KEYS, KEYS, (), ("bob2",))),
    )
    def other_people(self, pick: int, listed: Any, dropped: str, pair: bool, lacks: str, shown: Any) -> None:
        ends = self.book.ended()
        found = tuple(key for key in KEYS if key != dropped and (key in EVERYBODY or key in listed))
        ended = tuple(end for end in self.book.rules.ended if end[0] in found)
        missing = [(key, ends[key], False) for key in found if key in ends and key not in {end[0] for end in ended}]
        ended = (*ended, *missing) if pick < 70 else ended
        self.offer(Move("policy", self.signer(pick, "policy"), rules=Rules(found, ended, pair, lacks), shown=shown))

    @rule(
        pick=picks,
        key=st.sampled_from(("bob", "bob2", "carol", "robot")),
        back=st.integers(-1, 6),
        stolen=st.booleans(),
    )
    def end_a_key(self, pick: int, key: str, back: int, stolen: bool) -> None:
        rules, since = self.book.rules, self.book.seq + 2 - back
        if key in rules.keys and since > 1:
            ended = (*(end for end in rules.ended if end[0] != key), (key, since, stolen))
            by = self.signer(pick, ("policy", "recover")[pick % 2])
            self.offer(Move("policy", by, rules=Rules(rules.keys, ended, rules.pair, rules.lacks)))

    @rule(pick=picks, key=st.sampled_from(("bob", "bob2", "carol", "robot")))
    def revive_a_key(self, pick: int, key: str) -> None:
        rules = self.book.rules
        if rules.ends(key) is not None:
            ended = tuple(end for end in rules.ended if end[0] != key)
            by = self.signer(pick, "policy")
            assert not self.offer(Move("policy", by, rules=Rules(rules.keys, ended, rules.pair, rules.lacks)))

    @invariant()
    def the_state_is_what_the_model_says(self) -> None:
        if self.book.moves:
            require_same(self.state, self.book)
            require_rising(self.state)

    def teardown(self) -> None:
        """Every prefix, folded again, gives the state that was there; a statement acted once; the digests chain."""
        again = RegistryState()
        seen, before = [], None
        for checked, then in self.accepted:
            apply(again, checked)
            assert again == then
            payload = checked.event.payload
            assert payload["prev"] == (None if before is None else {"oid": before.oid, "sha256": before.sha256})
            seen += [self.book.prefix(checked.event.seq - 1).statement(self.book.moves[checked.event.seq])] * (
                "cosignatures" in payload
            )
            before = checked.event
        assert len(seen) == len({repr(each) for each in seen})


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def one_move(machine: Registry, chance: random.Random) -> None:
    """Any move, the ones that change something more often."""
    line, env, pick, which = chance.choice(LINES), chance.choice(ENVS), chance.randrange(100), chance.randrange(100)
    delay, version = chance.choice((1, 1, 1, 1, 1, 0, -1)), chance.choice(VERSIONS)
    moves: list[tuple[int, Callable[[], Any]]] = [
        (4, lambda: machine.release(line, pick, which % 2, delay, which % 3 > 0)),
        (1, lambda: machine.reject(line, version, pick)),
        (6, lambda: machine.activate_what_may_be(line, env, pick)),
        (4, lambda: machine.activate(line, env, pick, which, (), "the truth", delay)),
        (3, lambda: machine.activate(line, env, pick, which, ("again",), "the truth", delay)),
        (6, lambda: machine.roll_back_by_default(line, env, pick)),
        (1, lambda: machine.revert(line, env, pick, which, None)),
        (4, lambda: machine.ratify(which, pick, "")),
        (1, lambda: machine.deprecate(line, which, pick, "")),
        (1, lambda: machine.checkpoint(pick, 72, delay)),
        (1, lambda: machine.void(pick, 2, 0)),
        (1, lambda: machine.other_people(pick, {"bob2"} if which % 2 else set(), "", which % 3 == 0, "", KEYS)),
        (1, lambda: machine.end_a_key(pick, ("bob", "bob2", "robot")[which % 3], which % 7 - 1, which % 2 == 0)),
    ]
    chance.choices([each for _, each in moves], [weight for weight, _ in moves])[0]()


def walk(seed: int, length: int, kind: type[Registry] = Registry) -> Registry:
    """A long chain of moves, most of which may be made: what a search that prefers short examples does not reach."""
    chance, machine = random.Random(seed), kind()  # noqa: S311  a walk, no secret
    machine.start(baseline=(("alpha", "1.0.0", ()),) if seed % 3 == 0 else SOUND, retired=seed % 5 == 0)
    for _ in range(length):
        one_move(machine, chance)
    machine.the_state_is_what_the_model_says()
    machine.teardown()
    return machine


REACHED = {
    ("activate", code)
    for code in (
        *("ALREADY_ACTIVE", "AUTHOR_ONLY", "DEPRECATED", "NOT_AUTHORISED", "NOT_RELEASED", "ROLLED_BACK"),
        *("STATEMENT_REUSED", "THRESHOLD", "TIME_REVERSED"),
    )
} | {
    *(("ratify", code) for code in ("ALREADY_RATIFIED", "AUTHOR_ONLY", "OWN_ROLLBACK", "NOT_A_ROLLBACK")),
    *(("release", code) for code in ("CONFIG_REJECTED", "VERSION_NOT_GREATER", "VERSION_TAKEN", "NOT_AUTHORISED")),
    ("revert", "NOT_A_ROLLBACK_TARGET"),
    *(("reject", code) for code in ("ALREADY_REJECTED", "VERSION_TAKEN")),
    *(("policy", code) for code in ("KEY_REVIVED", "FROM_SEQ_AHEAD", "POLICY_UNCHANGED")),
    *((kind, "") for kind in KINDS),
}


def test_long_walks() -> None:
    """Hundreds of events of every kind; the refusals that matter really came up."""
    reached: set[tuple[str, str]] = set()
    for seed in range(80):
        reached |= walk(seed, 60).reached
    assert sorted(REACHED - reached) == []


@pytest.mark.slow
def test_thousands_of_long_walks() -> None:
    for seed in range(1000, 2500):
        walk(seed, 100)


@pytest.mark.slow
def test_many_moves() -> None:
    at_length = settings(max_examples=1000, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(Registry, settings=at_length)
