"""Fault injection: a child process of git cannot start, or its answer is lost, at every place in turn.

After every fault the log holds, nothing is half-written, and doing it again ends where an undisturbed run ends.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from calibgit.cli.main import LazyGroup
from calibgit.errors import CalibgitError, EnvironmentFault
from calibgit.jobs import govern as jobs
from calibgit.model.ids import evidence_branch
from calibgit.registry.refresh import refresh
from calibgit.registry.verify import Verification
from calibgit.repo import executor
from tests.support.governed import BASE, LINE, Governed
from tests.support.world import run_git
from tests.support.writers import WRITERS, Worlds, Writer, opened


def launcher(popen: Callable[..., Any]) -> SimpleNamespace:
    """The module `subprocess` as the executor uses it, with another Popen."""
    names = ("PIPE", "DEVNULL", "TimeoutExpired")
    return SimpleNamespace(Popen=popen, **{name: getattr(subprocess, name) for name in names})


def subcommand(words: Sequence[str]) -> str:
    """What a child is asked to do: git's subcommand, or another program's name."""
    rest = iter(words[1:])
    pairs = {"-c", "--shallow-file"}
    found = [word for word in rest if not (word.startswith("--git-dir") or (word in pairs and [next(rest)]))]
    return found[0] if words[0] == "git" and found else words[0]


class Faulty:
    """Stands in for the executor's launcher: the child number `at` fails before it starts, or after it has run."""

    def __init__(self, at: int, error: type[BaseException], *, ran: bool) -> None:
        self.at, self.error, self.ran = at, error, ran
        self.count = 0
        self.started: list[str] = []
        self.fired = False

    def popen(self, *argv: Any, **options: Any) -> Any:
        self.count += 1
        self.started.append(subcommand(argv[0]))
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


FILES_ONLY = {"collect", "analyze", "pin"}  # they write where the user says, and nothing into a repository


def test_no_writer_is_forgotten() -> None:
    """Every command that can be rehearsed writes; whoever adds one says here what a crash leaves behind."""
    group = LazyGroup()
    context = click.Context(group)
    writing = {
        name
        for name in group.list_commands(context)
        if any(option.name == "dry_run" for option in (group.get_command(context, name) or group).params)
    }
    assert {name.partition(" ")[0] for name in WRITERS} - {"status"} == writing - FILES_ONLY


def outcome(governed: Governed, place: Path) -> dict[str, Any]:
    """What a new reader and the writer's own clone see, without what may differ between runs: times and ids."""
    reader = place / "reader"
    run_git(governed.world.root, "clone", "--quiet", "remote.git", str(reader))
    run_git(reader, "config", "remote.origin.url", "../remote.git")
    result = governed.workspace("dave", path=reader).verification()
    shutil.rmtree(reader)
    remote = governed.world.remote_git("for-each-ref", "--format=%(refname) %(objecttype)").split("\n")
    names = {line.partition(" ")[0] for line in remote}
    require_whole(governed, result, names)
    local = governed.world.git("for-each-ref", "--format=%(refname) %(objecttype)").split("\n")
    tracked = {line.replace("refs/remotes/origin/", "refs/heads/") for line in local if "refs/remotes/" in line}
    assert tracked <= {*remote, "refs/heads/HEAD commit"}
    branch = f"refs/heads/{evidence_branch(LINE)}"
    files = governed.world.remote_git("ls-tree", "-r", "--name-only", branch).split() if branch in names else []
    return {
        "log": [(event.seq, event.kind, event.payload.get("version")) for event in result.events],
        "errors": [problem.code for problem in result.errors],
        "active": dict(result.state.now),
        "remote": remote,
        "evidence": files,
        "local": [line for line in local if not line.startswith("refs/remotes/")],
        "files": governed.world.git("status", "--porcelain", "--untracked-files=all").split("\n"),
    }


def require_whole(governed: Governed, result: Verification, names: set[str]) -> None:
    """Nothing is half-written: every event has all its names on the remote, and its report when it has one."""
    assert {name for event in result.events for name in event.payload["refs"]} <= names
    for event in result.events:
        if event.kind == "revert":
            path = f"rollbacks/rollback_report_v{event.payload['from_version']}_{event.seq:08d}.json"
            governed.world.remote_git("cat-file", "-e", f"refs/heads/{evidence_branch(LINE)}:{path}")
    assert governed.world.remote_git("fsck", "--connectivity-only", "--no-dangling", "--no-progress") == ""


def undisturbed(name: str, worlds: Worlds, place: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    """The outcome of a run that nothing disturbs, and the words of every child that it starts."""
    writer = WRITERS[name]
    calm = worlds.copy(writer.world, place / "calm")
    counter = Faulty(0, OSError, ran=False)
    with monkeypatch.context() as patch:
        counter.install(patch)
        writer.act(opened(calm, writer.by))
    return outcome(calm, place), counter.started


def disturb(
    name: str,
    worlds: Worlds,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: Callable[[int, str], Sequence[Fault]],
    chosen: Callable[[list[str]], Iterable[int]],
) -> None:
    """Fail at every chosen child; run the command again unless it had come to its end; compare."""
    writer = WRITERS[name]
    expected, started = undisturbed(name, worlds, place, monkeypatch)
    for at in chosen(started):
        for error, ran in faults(at, started[at - 1]):
            governed = worlds.copy(writer.world, place / "run")
            fault = Faulty(at, error, ran=ran)
            with monkeypatch.context() as patch:
                fault.install(patch)
                cut_off = fails(lambda: writer.act(opened(governed, writer.by)), error)  # noqa: B023  called at once
            if cut_off:
                repeat(writer, governed)
            elif error is EnvironmentFault:
                catch_up(governed)  # the event is at the remote; only the fetch behind it may have failed
            assert outcome(governed, place) == expected, (at, started[at - 1], error)
            shutil.rmtree(governed.world.root)


def catch_up(governed: Governed) -> None:
    """What every next command does first."""
    workspace = governed.workspace()
    refresh(workspace.repo, workspace.remote, "refs/heads/main")


def fails(act: Callable[[], Any], error: type[BaseException]) -> bool:
    """Whether the action was cut off by the fault."""
    try:
        act()
    except error:
        return True
    return False


def repeat(writer: Writer, governed: Governed) -> None:
    """Once more; it may have been written although the answer was lost, and says so by name."""
    try:
        writer.act(opened(governed, writer.by))
    except CalibgitError as error:
        if error.code not in writer.done:
            raise


Fault = tuple[type[BaseException], bool]
CANNOT_START: Fault = (OSError, False)
ANSWER_LOST: Fault = (EnvironmentFault, True)
KILLED_BEFORE: Fault = (KeyboardInterrupt, False)
KILLED_AFTER: Fault = (KeyboardInterrupt, True)

FAULTS = (KILLED_BEFORE, ANSWER_LOST, CANNOT_START, KILLED_AFTER)
READING = frozenset({"cat-file", "config", "diff-tree", "for-each-ref", "ls-files", "ls-tree", "rev-list", "rev-parse"})


def faults_at(at: int, word: str) -> Sequence[Fault]:
    """Every fault where a child may write. Children that only read take turns, so that each place has one fault."""
    return [FAULTS[at % len(FAULTS)]] if word in READING else FAULTS


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("name", WRITERS)
def test_after_a_fault_at_any_child_a_second_run_ends_where_an_undisturbed_one_does(
    name: str, half: int, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturb(name, worlds, tmp_path, monkeypatch, faults_at, lambda started: range(1 + half, len(started) + 1, 2))


@pytest.mark.parametrize("name", WRITERS)
def test_whoever_is_killed_around_the_push_finishes_with_a_second_run(
    name: str, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last push has gone through and nobody heard of it: the place where a second run could do it twice."""

    def around(started: list[str]) -> list[int]:
        pushes = [at for at, word in enumerate(started, start=1) if word == "push"]
        return [pushes[-1]] if pushes else [len(started)]

    disturb(name, worlds, tmp_path, monkeypatch, lambda *_: [KILLED_AFTER], around)


@pytest.mark.parametrize("name", ["release", "rollback", "void", "init --seal"])
def test_a_lost_answer_to_the_push_is_no_failure(
    name: str, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote took the event and the line went dead: what the remote holds decides."""
    writer = WRITERS[name]
    governed = worlds.copy(writer.world, tmp_path / "world")
    before = len(outcome(governed, tmp_path)["log"])
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
        writer.act(opened(governed, writer.by))
    assert lost == ["push"]
    found = outcome(governed, tmp_path)
    assert (found["errors"], len(found["log"])) == ([], before + 1)
    assert set(found["remote"]) >= {line for line in found["local"] if "refs/tags/calib/" in line}


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
            jobs.activate(running.workspace("bob"), BASE, env="staging")
    assert len(started) > 9
    assert all(child.returncode is not None for child in started)
