"""Two people write at once: one takes the slot, the other plans again or hears why not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError, Conflict, EnvironmentFault, GateClosed
from calibgit.jobs import govern as jobs
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot, write
from tests.support import governed as support
from tests.support.governed import BASE, Clock, Governed, govern
from tests.support.world import World
from tests.support.writers import WRITERS, Worlds, opened

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


OPEN = [name for name, writer in WRITERS.items() if writer.slot and writer.world == "open"]
ELSEWHERE = [name for name, writer in WRITERS.items() if writer.slot and writer.world != "open"]
LOSERS = {  # who wrote second, who wrote first: why the second one is refused after planning again
    ("activate", "deprecate"): "DEPRECATED",
    **{(name, name): writer.done[0] for name, writer in WRITERS.items() if writer.slot},
}
KIND = {"rollback": "revert", "init --seal": "genesis", "release --attest": "release"}
PAIRS = [(second, first) for second in OPEN for first in OPEN] + [(name, name) for name in ELSEWHERE]
SOME = [(one, OPEN[(at + 3) % len(OPEN)]) for at, one in enumerate(OPEN)] + [("void", "void"), *list(LOSERS)[:1]]


def race(worlds: Worlds, place: Path, loser: str, winner: str) -> None:
    """Both plan the same slot; the winner, in a clone of its own, writes while the loser is about to."""
    slow, fast = WRITERS[loser], WRITERS[winner]
    governed = worlds.copy(slow.world, place / "world")
    before = governed.workspace().verification().state.seq
    elsewhere = opened(governed, fast.rival, governed.world.second_clone("rival"))
    clock = Overtaken(governed.clock.now + 60, lambda: fast.act(elsewhere))  # in one second one key says the same
    code = ""
    try:
        slow.act(opened(governed, slow.by, clock=clock))
    except CalibgitError as error:
        code = error.code
    assert clock.times == 0, "nobody was overtaken"
    assert code == LOSERS.get((loser, winner), "")
    governed.fetch()
    result = governed.workspace().verification()
    assert result.ok
    written = [(event.kind, result.people[event.seq]) for event in result.events if event.seq > before]
    expected = [(KIND.get(winner, winner), (fast.rival,)), (KIND.get(loser, loser), (slow.by,))]
    assert written == (expected[:1] if code else expected)
    assert governed.remote_tags().keys() >= {name for event in result.events for name in event.payload["refs"]}


@pytest.mark.parametrize(("loser", "winner"), SOME)
def test_of_two_who_want_one_slot_the_second_takes_the_next_or_hears_why_not(
    worlds: Worlds, tmp_path: Path, loser: str, winner: str
) -> None:
    race(worlds, tmp_path, loser, winner)


@pytest.mark.slow
@pytest.mark.parametrize(("loser", "winner"), [pair for pair in PAIRS if pair not in SOME])
def test_every_pair_of_writers_races(worlds: Worlds, tmp_path: Path, loser: str, winner: str) -> None:
    race(worlds, tmp_path, loser, winner)


def junk(governed: Governed, seq: int) -> None:
    """Somebody pushes what is no event into a slot."""
    plant(governed.world.remote, {slot(seq): write(governed.world.remote, "blob", b"junk %d" % seq)})


@pytest.mark.parametrize("name", ["rollback", pytest.param("policy", marks=pytest.mark.slow)])
def test_junk_that_takes_the_slot_is_named_voided_and_the_writer_goes_on(
    worlds: Worlds, tmp_path: Path, name: str
) -> None:
    writer = WRITERS[name]
    governed = worlds.copy("open", tmp_path / "world")
    seq = governed.verification().state.seq
    clock = Overtaken(governed.clock.now, lambda: junk(governed, seq + 1))
    with pytest.raises(CalibgitError, match="TARGET_TYPE"):
        writer.act(opened(governed, writer.by, clock=clock))
    assert governed.workspace().verification().state.seq == seq
    WRITERS["void"].act(opened(governed, "alice"))
    written = writer.act(opened(governed, writer.by))
    event = (written[0] if isinstance(written, tuple) else written).event
    assert event.seq == seq + 3
    assert governed.workspace().verification().ok


def test_a_void_that_is_overtaken_by_more_junk_voids_that_too(worlds: Worlds, tmp_path: Path) -> None:
    governed = worlds.copy("junk", tmp_path / "world")
    seq = governed.verification().state.seq
    clock = Overtaken(governed.clock.now, lambda: junk(governed, seq + 3))
    written = WRITERS["void"].act(opened(governed, "bob", clock=clock))
    assert [entry["seq"] for entry in written.event.payload["void"]] == [seq + 1, seq + 2, seq + 3]
    assert governed.workspace().verification().ok


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
