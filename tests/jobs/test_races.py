"""Two people write at once: one takes the slot, the other plans again or hears why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from calibgit.errors import CalibgitError, Conflict, EnvironmentFault, GateClosed
from calibgit.jobs import govern as jobs
from calibgit.jobs import start
from calibgit.model.ids import Version
from tests.support import governed as support
from tests.support.governed import BASE, Clock, Governed, govern
from tests.support.world import World

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)


class Overtaken(Clock):
    """A clock that is asked between planning and pushing; the first time, somebody else is faster."""

    def __init__(self, now: int, meanwhile: Callable[[], Any], times: int = 1) -> None:
        super().__init__(now)
        self.meanwhile = meanwhile
        self.times = times

    def __call__(self) -> float:
        if self.times:
            self.times -= 1
            self.meanwhile()
        return super().__call__()


def overtaken(running: Governed, person: str, meanwhile: Callable[[], Any], times: int = 1) -> Any:
    """The clone of `person`, who is overtaken by `meanwhile` while writing."""
    space = running.workspace(person)
    space._clock = Overtaken(running.clock.now, meanwhile, times)
    return space


def second(running: Governed, person: str) -> Any:
    """A clone of somebody else."""
    return running.workspace(person, path=running.world.second_clone(f"clone-of-{person}"))


def slots(running: Governed) -> list[str]:
    return sorted(name for name in running.remote_tags() if "/e/" in name)


def test_the_loser_plans_again_and_takes_the_next_number(running: Governed) -> None:
    other = second(running, "alice")
    mine = overtaken(running, "bob", lambda: jobs.deprecate(other, BASE, reason="first"))
    written = jobs.deprecate(mine, V110, reason="second")
    assert written.event.seq == 5
    assert len(slots(running)) == 5
    assert running.verification().ok
    assert running.verification().people[4] == ("alice",)


def test_the_loser_who_wanted_the_same_is_told_so(running: Governed) -> None:
    other = second(running, "alice")
    mine = overtaken(running, "bob", lambda: jobs.deprecate(other, BASE, reason="first"))
    with pytest.raises(GateClosed, match="DEPRECATED"):
        jobs.deprecate(mine, BASE, reason="second")
    assert len(slots(running)) == 4


def test_two_releases_of_one_version_make_one(running: Governed) -> None:
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    other = second(running, "alice")
    mine = overtaken(running, "bob", lambda: jobs.release(other, V120, reason="first"))
    with pytest.raises(GateClosed, match="VERSION_TAKEN"):
        jobs.release(mine, V120, reason="second")
    assert len(slots(running)) == 4
    assert running.verification().ok


def test_two_activations_follow_each_other_and_name_what_they_replace(running: Governed) -> None:
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), V120, reason="approved")
    other = second(running, "alice")
    mine = overtaken(running, "bob", lambda: jobs.activate(other, V120, env="production"))
    written = jobs.activate(mine, BASE, env="production", reason="back to the start")
    assert written.event.payload["from_version"] == "1.2.0"
    assert running.verification().ok


def test_two_rollbacks_at_once_go_back_one_version_only(running: Governed) -> None:
    """Both press the button for v1.2.0; the second must not take out v1.1.0 as well."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), V120, reason="approved")
    jobs.activate(running.workspace("bob"), V120, env="production")
    other = second(running, "alice")
    mine = overtaken(running, "bob", lambda: jobs.rollback(other, env="production", to=None, reason="first"))
    with pytest.raises(Conflict, match="ALREADY_ROLLED_BACK"):
        jobs.rollback(mine, env="production", to=None, reason="second")
    assert running.verification().state.now["scoring", "production"] == V110
    written, _ = jobs.rollback(running.workspace("bob"), env="production", to=None, reason="further, on purpose")
    assert written.event.payload["version"] == "1.0.0"


def test_a_rollback_from_a_clone_that_missed_one_is_refused_once(running: Governed) -> None:
    """Bob's clone still shows v1.2.0 as active although alice has rolled back."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), V120, reason="approved")
    jobs.activate(running.workspace("bob"), V120, env="production")
    jobs.rollback(second(running, "alice"), env="production", to=None, reason="first")
    with pytest.raises(Conflict, match="ALREADY_ROLLED_BACK"):
        jobs.rollback(running.workspace("bob"), env="production", to=None, reason="second")
    assert running.verification().state.now["scoring", "production"] == V110


def test_a_clone_that_missed_an_activation_may_roll_it_back(running: Governed) -> None:
    stale = second(running, "alice")
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), V120, reason="approved")
    jobs.activate(running.workspace("bob"), V120, env="production")
    written, _ = jobs.rollback(stale, env="production", to=None, reason="too strict")
    assert written.event.payload["from_version"] == "1.2.0"


@pytest.mark.slow
def test_whoever_loses_every_race_hears_it_and_has_written_nothing(running: Governed) -> None:
    other = second(running, "alice")
    turns = iter(range(100))

    def meanwhile() -> None:
        env = f"env{next(turns)}"
        jobs.activate(other, BASE, env=env)

    mine = overtaken(running, "bob", meanwhile, times=100)
    with pytest.raises(Conflict, match="LOST_RACE"):
        jobs.deprecate(mine, V110, reason="never")
    running.fetch()
    result = running.verification()
    assert result.ok
    assert {people for seq, people in result.people.items() if seq > 3} == {("alice",)}


def test_a_name_that_sorts_before_the_slots_is_no_burnt_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remote's answer may tell of the friendly name first; the loser still plans again."""
    monkeypatch.setattr(support, "LINE", "alpha")
    governed = govern(world)
    governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    other = second(governed, "alice")
    mine = overtaken(governed, "bob", lambda: jobs.release(other, V110, reason="first"))
    with pytest.raises(GateClosed, match="VERSION_TAKEN"):
        jobs.release(mine, V110, reason="second")


def test_many_threads_take_one_slot_each(running: Governed) -> None:
    """Six writers in three clones, no order: nobody fails but by name, and no number is lost or taken twice."""
    spaces = [second(running, person) for person in ("alice", "bob", "carol")]
    gate = threading.Barrier(len(spaces))
    outcomes: list[str] = []

    def work(space: Any, name: str) -> None:
        gate.wait()
        for env in (f"{name}-one", f"{name}-two"):
            try:
                jobs.activate(space, BASE, env=env)
                outcomes.append("written")
            except CalibgitError as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=work, args=(space, f"t{i}")) for i, space in enumerate(spaces)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running.fetch()
    result = running.verification()
    assert result.ok
    assert len(outcomes) == 6
    assert set(outcomes) <= {"written", "LOST_RACE"}
    assert result.state.seq == 3 + outcomes.count("written")
    assert outcomes.count("written") >= 3


def test_two_people_seal_and_one_registry_starts(world: World) -> None:
    governed = govern(world, seal=False)
    other = second(governed, "bob")
    mine = overtaken(governed, "alice", lambda: start.seal(other, adopt=[], reason="first", dry_run=False))
    with pytest.raises(GateClosed, match="ALREADY_SEALED"):
        start.seal(mine, adopt=[], reason="second", dry_run=False)
    assert len(slots(governed)) == 1


def refuse(running: Governed, text: str = "go away") -> None:
    """A rule of the code host."""
    hook = running.world.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit 1\n")
    hook.chmod(0o755)


ACTIONS: dict[str, Callable[[Governed], Any]] = {
    "deprecate": lambda running: jobs.deprecate(running.workspace("bob"), BASE, reason="x"),
    "activate": lambda running: jobs.activate(running.workspace("bob"), BASE, env="staging"),
    "rollback": lambda running: jobs.rollback(running.workspace("bob"), env="production", to=None, reason="x"),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_remote_that_refuses_is_named_and_nothing_is_written(running: Governed, action: str) -> None:
    refuse(running)
    before = running.world.remote_git("for-each-ref"), running.world.git("for-each-ref")
    with pytest.raises(EnvironmentFault, match=r"REMOTE_REFUSED.*go away"):
        ACTIONS[action](running)
    assert (running.world.remote_git("for-each-ref"), running.world.git("for-each-ref")) == before


@pytest.mark.parametrize("action", ACTIONS)
def test_a_remote_that_is_gone_is_named_and_the_clone_stays_as_it_was(running: Governed, action: str) -> None:
    running.world.remote.rename(running.world.root / "gone.git")
    before = running.world.git("for-each-ref")
    with pytest.raises(EnvironmentFault, match="REMOTE_UNREACHABLE"):
        ACTIONS[action](running)
    assert running.world.git("for-each-ref") == before
    assert running.verification().ok


@pytest.mark.parametrize("action", ACTIONS)
def test_a_dry_run_signs_the_same_event_and_writes_nothing(running: Governed, action: str) -> None:
    before = running.world.remote_git("for-each-ref"), running.world.git("for-each-ref")
    space = running.workspace("bob")
    if action == "deprecate":
        written = jobs.deprecate(space, BASE, reason="x", dry_run=True)
    elif action == "activate":
        written = jobs.activate(space, BASE, env="staging", dry_run=True)
    else:
        written, _ = jobs.rollback(space, env="production", to=None, reason="x", dry_run=True)
    assert written.dry_run
    assert written.event.seq == 4
    assert (running.world.remote_git("for-each-ref"), running.world.git("for-each-ref")) == before
