"""A bare remote and two clones, driven by the real jobs at random, against the reference model.

Neither clone knows what the other has written before it fetches; every job has to cope with that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from calibgit.errors import CalibgitError
from calibgit.jobs import cosigning, govern, read, upkeep
from calibgit.jobs.cosigning import Wanted
from calibgit.jobs.workspace import Workspace
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot, write
from tests.support.governed import LINE, Governed
from tests.support.reference import Book, Move, Rules
from tests.support.world import run_git
from tests.support.writers import Worlds, on_main

ENVS = ("production", "staging")
VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0")
people, envs, versions = st.sampled_from(("alice", "bob")), st.sampled_from(ENVS), st.sampled_from(VERSIONS)


class Repositories(RuleBasedStateMachine):
    """Alice works in one clone, bob in the other; carol proposes, and clears the way when junk lies there."""

    def __init__(self, governed: Governed) -> None:
        super().__init__()
        self.governed = governed
        self.clones = {"alice": governed.world.clone, "bob": governed.world.root / "bobs"}
        self.book = Book()
        self.book.record(Move("genesis", "alice", rules=Rules(), baseline=((LINE, "1.0.0", ("production",)),)))
        self.seen = dict.fromkeys(self.clones, 1)
        self.merged: list[str] = []
        self.junk = 0
        self.words = (f"reason {number}" for number in itertools.count())

    def space(self, person: str, clone: str = "") -> Workspace:
        return self.governed.workspace(person, path=self.clones[clone or person])

    def offer(self, move: Move, act: Callable[[], Any], *, early: str = "", first: str = "", clone: str = "") -> None:
        """Do it, and compare with what the model says; `first` is what the job itself refuses before."""
        verdict = self.book.judge(move)
        blocked = "TARGET_TYPE" if self.junk and move.kind != "void" else ""
        expected = blocked or first or (verdict[1] if verdict else "")
        before = self.governed.world.remote_git("for-each-ref")
        code = ""
        try:
            act()
        except CalibgitError as error:
            code = error.code
        assert code == expected, move
        if not expected:
            self.book.record(move)
            self.junk = 0
        else:
            assert self.governed.world.remote_git("for-each-ref") == before, "refused, and wrote"
        self.seen[clone or move.by] = self.book.seq

    # proposals

    @precondition(lambda self: len(self.merged) + 1 < len(VERSIONS) and not self.junk)
    @rule()
    def propose_and_merge(self) -> None:
        version = VERSIONS[len(self.merged) + 1]
        self.governed.merge(self.governed.propose(version, author="carol", good=66 + len(self.merged)), by="alice")
        on_main(self.governed)
        self.merged.append(version)

    @rule(version=versions, person=people)
    def release(self, version: str, person: str) -> None:
        missing = "" if version in {"1.0.0", *self.merged} else "NOT_MERGED"
        taken = "VERSION_TAKEN" if version in self.book.released(LINE) else ""
        move = Move("release", person, line=LINE, version=version)
        reason = next(self.words)
        self.offer(
            move,
            lambda: govern.release(self.space(person), Version.parse(version), reason=reason),
            first=missing or taken,
        )

    @rule(person=people)
    def release_what_waits(self, person: str) -> None:
        waiting = [version for version in self.merged if version not in self.book.released(LINE)]
        if waiting:
            self.release(waiting[0], person)

    @rule(version=versions, person=people)
    def reject(self, version: str, person: str) -> None:
        missing = "" if version in {"1.0.0", *self.merged} else "NOT_PROPOSED"
        reason = next(self.words)
        self.offer(
            Move("reject", person, line=LINE, version=version),
            lambda: govern.reject(self.space(person), Version.parse(version), reason=reason),
            first=missing,
        )

    # what is active

    @rule(version=versions, env=envs, person=people, again=st.booleans())
    def activate(self, version: str, env: str, person: str, again: bool) -> None:
        override = ("again",) if again else ()
        move = Move(
            "activate",
            person,
            line=LINE,
            version=version,
            env=env,
            leaving=self.book.active(LINE, env),
            override=override,
        )
        reason = next(self.words)
        self.offer(
            move,
            lambda: govern.activate(
                self.space(person), Version.parse(version), env=env, override=override, reason=reason
            ),
        )

    @rule(env=envs, person=people)
    def activate_the_newest(self, env: str, person: str) -> None:
        self.activate(max(self.book.released(LINE)), env, person, False)

    @precondition(lambda self: not self.junk)
    @rule(env=envs)
    def activate_together(self, env: str) -> None:
        """Alice signs beforehand in her clone, bob writes from his."""
        version, reason = max(self.book.released(LINE)), next(self.words)
        active = self.book.active(LINE, env)
        move = Move("activate", "bob", ("alice",), LINE, version, env, leaving=active, reason=reason)
        cosigning.countersign(self.space("alice"), Wanted("activate", Version.parse(version), env=env, reason=reason))
        self.seen["alice"] = self.book.seq
        self.offer(move, lambda: govern.activate(self.space("bob"), Version.parse(version), env=env))

    @rule(env=envs, person=people)
    def roll_back(self, env: str, person: str) -> None:
        active, target = self.book.active(LINE, env), self.book.rollback_target(LINE, env)
        news = [at for at, kind, _ in self.book.steps(LINE, env) if kind == "revert" and at > self.seen[person]]
        first = "ALREADY_ROLLED_BACK" if news else ""
        first = first or ("NOTHING_ACTIVE" if active is None else "") or ("NO_ROLLBACK_TARGET" if not target else "")
        move = Move("revert", person, line=LINE, version=target or "1.0.0", env=env, leaving=active)
        reason = next(self.words)
        self.offer(move, lambda: govern.rollback(self.space(person), env=env, to=None, reason=reason), first=first)

    @rule(person=people)
    def ratify(self, person: str) -> None:
        rollbacks = [at for at, move in self.book.moves.items() if move.kind == "revert"]
        if rollbacks:
            about, env = rollbacks[-1], self.book.moves[rollbacks[-1]].env
            move = Move("ratify", person, line=LINE, env=env, about=about, digest_of=about)
            self.offer(move, lambda: upkeep.ratify(self.space(person), about, reason="it was right"))

    @rule(version=versions, person=people)
    def deprecate(self, version: str, person: str) -> None:
        move = Move("deprecate", person, line=LINE, version=version)
        reason = next(self.words)
        self.offer(move, lambda: govern.deprecate(self.space(person), Version.parse(version), reason=reason))

    # the registry itself

    @rule()
    def checkpoint(self) -> None:
        stands = "CHECKPOINT_STANDS" if self.book.moves[self.book.seq].kind == "checkpoint" else ""
        self.offer(Move("checkpoint", "alice"), lambda: upkeep.checkpoint(self.space("alice")), first=stands)

    @precondition(lambda self: "dave" not in self.book.rules.keys and not self.junk)
    @rule()
    def a_person_joins(self) -> None:
        world = self.governed.world
        on_main(self.governed)
        entry = (
            f'[people.dave]\nkind = "human"\nkeys = ["{world.public_key("dave")}"]\nemails = ["dave@example.org"]\n\n'
        )
        text = (world.clone / "trust.toml").read_text()
        world.commit({"trust.toml": text.replace("[roles.release]", entry + "[roles.release]")}, "Dave joins")
        world.git("push", "--quiet", "origin", "HEAD:main")
        rules = Rules((*Rules().keys, "dave"))
        move = Move("policy", "bob", rules=rules)
        self.offer(move, lambda: upkeep.policy(self.space("bob"), reason="dave joins"))
        cosigning.countersign(self.space("dave", "alice"), Wanted("policy", reason="dave joins"))
        self.seen["alice"] = self.book.seq
        shown = Move("policy", "bob", rules=rules, shown=("dave",))
        self.offer(shown, lambda: upkeep.policy(self.space("bob"), reason="dave joins"))

    @precondition(lambda self: self.junk < 2)
    @rule()
    def somebody_pushes_junk(self) -> None:
        remote, seq = self.governed.world.remote, self.book.seq + 1 + self.junk
        plant(remote, {slot(seq): write(remote, "blob", b"junk %d" % seq)})
        self.junk += 1

    @rule(clone=people)
    def void(self, clone: str) -> None:
        """Carol clears the way, whoever's clone she sits at."""
        self.space(clone).refresh("refs/heads/main")
        move = Move("void", "carol", first=self.book.seq + 1, junk=max(self.junk, 1))
        nothing = "" if self.junk else "NOTHING_TO_VOID"
        self.offer(move, lambda: upkeep.void(self.space("carol", clone), reason="junk"), first=nothing, clone=clone)

    @rule()
    def compare(self) -> None:
        """Both clones fetch, and say what the model says."""
        for person, path in self.clones.items():
            heads, tags = "+refs/heads/*:refs/remotes/origin/*", "refs/tags/calib/*:refs/tags/calib/*"
            run_git(path, "fetch", "--quiet", "origin", heads, tags)
            require_status(read.status(self.space(person)), self.book, sound=not self.junk)
            self.seen[person] = self.book.seq

    def teardown(self) -> None:
        self.compare()
        before = self.space("alice").verification().state
        assert all(self.space(person).verification().state == before for person in self.clones)
        for seq in self.book.moves:
            past = read.status(self.space("bob"), at=str(seq))
            require_status(past, self.book.prefix(seq), sound=not self.junk, now=False)


def require_status(value: dict[str, Any], book: Book, *, sound: bool, now: bool = True) -> None:
    """What `status` prints is what the model says."""
    assert (value["ok"], value["seq"]) == (sound, book.seq)
    line = value["lines"][LINE]
    assert line["active"] == {env: version for env in ENVS if (version := book.active(LINE, env)) is not None}
    assert value["unratified"] == book.unratified()
    assert (value["checkpoint"] is not None) == any(move.kind == "checkpoint" for move in book.moves.values())
    known = {entry["version"]: entry for entry in line["versions"] if entry["state"] in {"released", "deprecated"}}
    assert sorted(known) == sorted(book.released(LINE))
    for version, entry in known.items():
        gone = book.happened("deprecate", LINE, version)
        assert entry["state"] == ("deprecated" if gone else "released")
        assert entry["envs"] == {env: said for env in ENVS if (said := book.status(LINE, version, env)) is not None}
    if now:
        rejected = {entry["version"] for entry in line["versions"] if entry["state"] == "rejected"}
        assert rejected == {move.version for move in book.moves.values() if move.kind == "reject"}


def drive(worlds: Worlds, root: Path, examples: int, steps: int) -> None:
    places = itertools.count()

    class InPlace(Repositories):
        def __init__(self) -> None:
            super().__init__(worlds.copy("two clones", root / str(next(places))))

    run_state_machine_as_test(
        InPlace,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=examples < 10,
        ),
    )


def test_two_clones_and_the_model_agree(worlds: Worlds, tmp_path: Path) -> None:
    drive(worlds, tmp_path, 6, 15)


@pytest.mark.slow
def test_two_clones_and_the_model_agree_at_length(worlds: Worlds, tmp_path: Path) -> None:
    drive(worlds, tmp_path, 60, 30)
