"""Fault injection: a child process of git cannot start, or its answer is lost, at every place in turn.

After every fault the log holds, nothing is half-written, and doing it again ends where an undisturbed run ends.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from calibgit.errors import CalibgitError, EnvironmentFault
from calibgit.jobs import govern as jobs
from calibgit.jobs import start
from calibgit.model.ids import Version, evidence_branch
from calibgit.repo import executor
from tests.support.governed import BASE, LINE, Clock, Governed, govern
from tests.support.world import Template, World

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)


def launcher(popen: Callable[..., Any]) -> SimpleNamespace:
    """The module `subprocess` as the executor uses it, with another Popen."""
    names = ("PIPE", "DEVNULL", "TimeoutExpired")
    return SimpleNamespace(Popen=popen, **{name: getattr(subprocess, name) for name in names})


class Faulty:
    """Stands in for the executor's launcher: the child number `at` fails before it starts, or after it has run."""

    def __init__(self, at: int, error: type[BaseException], *, ran: bool) -> None:
        self.at, self.error, self.ran = at, error, ran
        self.count = 0
        self.fired = False

    def popen(self, *argv: Any, **options: Any) -> Any:
        self.count += 1
        if self.count != self.at:
            return subprocess.Popen(*argv, **options)
        if not self.ran:
            raise self.fault()
        child = subprocess.Popen(*argv, **options)
        whole = child.communicate

        def lost(*words: Any, **more: Any) -> Any:
            whole(*words, **more)
            raise self.fault()

        child.communicate = lost  # type: ignore[method-assign]
        return child

    def fault(self) -> BaseException:
        self.fired = True
        if issubclass(self.error, CalibgitError):
            return self.error("REMOTE_UNREACHABLE", "the line went dead")
        return self.error("a fault for the test")

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(executor, "subprocess", launcher(self.popen))


def release(running: Governed) -> None:
    jobs.release(running.workspace("bob"), V120, reason="approved")


def activate(running: Governed) -> None:
    jobs.activate(running.workspace("bob"), BASE, env="staging")


def rollback(running: Governed) -> None:
    jobs.rollback(running.workspace("alice"), env="production", to=None, reason="too strict")


def seal(running: Governed) -> None:
    start.seal(running.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)


ACTIONS = {"release": release, "activate": activate, "rollback": rollback, "seal": seal}


@pytest.fixture(scope="module")
def ready(
    template: Template, running_template: tuple[World, int], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[World, int]]:
    """A world before each action, never changed."""
    original, now = running_template
    worlds = {}
    for action in ("release", "activate", "rollback"):
        governed = copied(original, now, tmp_path_factory.mktemp(action) / "world")
        if action == "release":
            governed.merge(governed.propose("1.2.0", author="carol", good=68), by="alice")
        if action == "rollback":
            governed.merge(governed.propose("1.2.0", author="carol", good=68), by="alice")
            jobs.release(governed.workspace("bob"), V120, reason="approved")
            jobs.activate(governed.workspace("bob"), V120, env="production")
        worlds[action] = (governed.world, governed.clock.now)
    fresh = govern(template.copy(tmp_path_factory.mktemp("seal") / "world"), seal=False)
    return worlds | {"seal": (fresh.world, fresh.clock.now)}


def copied(world: World, now: int, root: Path) -> Governed:
    shutil.copytree(world.root, root, symlinks=True)
    return Governed(World(root, root / "remote.git", root / "clone", world.keys, world.signers), Clock(now))


def outcome(running: Governed) -> tuple[Any, ...]:
    """What a new reader sees, without what may differ between runs: times and ids."""
    reader = running.workspace(path=running.world.second_clone("reader"))
    result = reader.verification()
    shutil.rmtree(reader.repo.work_tree)
    assert result.ok
    remote = running.world.remote_git("for-each-ref", "--format=%(refname)").split()
    files: list[str] = []
    branch = f"refs/heads/{evidence_branch(LINE)}"
    if branch in remote:
        files = running.world.remote_git("ls-tree", "-r", "--name-only", branch).split()
    # Nothing is half-written: every event has all its names on the remote, and its report when it has one.
    named = {name for event in result.events for name in event.payload["refs"]}
    assert named == {name for name in remote if name.startswith("refs/tags/")}
    reports = [
        f"rollbacks/rollback_report_v{e.payload['from_version']}_{e.seq:08d}.json"
        for e in result.events
        if e.kind == "revert"
    ]
    assert [name for name in files if name.endswith(".json")] == reports
    events = [(event.seq, event.kind, event.payload.get("version")) for event in result.events]
    return events, dict(result.state.now), remote, files


def knows(running: Governed, seq: int) -> bool:
    """Whether the clone shows event `seq`: whoever looks at it does not repeat the command."""
    return running.world.git("for-each-ref", f"refs/tags/calib/e/{seq:08d}") != ""


def children(monkeypatch: pytest.MonkeyPatch, running: Governed, action: Callable[[Governed], None]) -> int:
    """How many children an undisturbed run starts."""
    counter = Faulty(0, OSError, ran=False)
    with monkeypatch.context() as patch:
        counter.install(patch)
        action(running)
    return counter.count


def disturb(
    name: str,
    ready: dict[str, tuple[World, int]],
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
    *,
    ran: bool,
    step: int = 1,
    first: int = 1,
) -> None:
    action = ACTIONS[name]
    calm = copied(*ready[name], place / "calm")
    total = children(monkeypatch, calm, action)
    expected = outcome(calm)
    assert total > 10
    for at in range(first, total + 1, step):
        running = copied(*ready[name], place / f"run-{at}")
        fault = Faulty(at, error, ran=ran)
        with monkeypatch.context() as patch:
            fault.install(patch)
            with suppress(error):
                action(running)
        outcome(running)
        if fault.fired and not knows(running, expected[0][-1][0]):
            with suppress(CalibgitError):  # it may have been written although the answer was lost
                action(running)
        assert outcome(running) == expected, at
        shutil.rmtree(running.world.root)


FAULTS = [
    pytest.param(OSError, False, id="cannot start"),
    pytest.param(EnvironmentFault, True, id="answer lost"),
    pytest.param(KeyboardInterrupt, False, id="Ctrl-C before"),
    pytest.param(KeyboardInterrupt, True, id="Ctrl-C after"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("error", "ran"), FAULTS)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_fault_at_any_child_leaves_nothing_half_done(
    action: str,
    error: type[BaseException],
    ran: bool,
    ready: dict[str, tuple[World, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disturb(action, ready, tmp_path, monkeypatch, error, ran=ran)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_fault_at_some_children_leaves_nothing_half_done(
    action: str, ready: dict[str, tuple[World, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturb(action, ready, tmp_path, monkeypatch, KeyboardInterrupt, ran=True, step=31, first=9)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_lost_answer_to_the_push_is_no_failure(
    action: str, ready: dict[str, tuple[World, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote took the event and the line went dead: what the remote holds decides."""
    running = copied(*ready[action], tmp_path / "world")
    lost: list[str] = []

    def popen(words: list[str], **options: Any) -> Any:
        child = subprocess.Popen(words, **options)
        if "push" in words:
            whole = child.communicate

            def hung_up(*given: Any) -> Any:
                whole(*given)
                lost.append("push")
                child.returncode = 128
                return b"", b"fatal: the remote end hung up unexpectedly"

            child.communicate = hung_up  # type: ignore[method-assign, assignment]
        return child

    with monkeypatch.context() as patch:
        patch.setattr(executor, "subprocess", launcher(popen))
        ACTIONS[action](running)
    assert lost == ["push"]
    assert knows(running, outcome(running)[0][-1][0])


def test_ctrl_c_leaves_no_child_behind(running: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every child that was started is waited for."""
    started: list[subprocess.Popen[bytes]] = []

    def popen(*argv: Any, **options: Any) -> Any:
        child = subprocess.Popen(*argv, **options)
        started.append(child)
        if "hash-object" in argv[0]:
            child.communicate = interrupted  # type: ignore[method-assign, assignment]
        return child

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(executor, "subprocess", launcher(popen))
        with pytest.raises(KeyboardInterrupt):
            activate(running)
    assert len(started) > 9
    assert all(child.returncode is not None for child in started)
