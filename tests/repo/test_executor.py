"""Child processes: what they see, and that they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import EnvironmentFault
from calibgit.repo.executor import environment, execute, git_version, sanitised, start, stop
from tests.support.world import World


def test_the_environment_is_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "x")
    monkeypatch.setenv("SSH_AUTH_SOCK", "sock")
    monkeypatch.setenv("GIT_DIR", "x")
    local, network = environment(), environment(network=True)
    assert set(local) == {
        *("PATH", "HOME", "LC_ALL", "GIT_NO_REPLACE_OBJECTS", "GIT_NO_LAZY_FETCH", "GIT_GRAFT_FILE"),
        *("GIT_TERMINAL_PROMPT", "GIT_OPTIONAL_LOCKS", "GIT_LITERAL_PATHSPECS", "GIT_PROXY_COMMAND"),
        *("GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL", "GIT_ALLOW_PROTOCOL"),
    } | ({"TMPDIR"} & set(os.environ))
    assert network["SSH_AUTH_SOCK"] == "sock"
    assert "GIT_CONFIG_GLOBAL" not in network
    assert network["GIT_ALLOW_PROTOCOL"] == "file:git:https:ssh"


def test_git_version() -> None:
    assert git_version() >= (2, 38)


def test_complaints_are_sanitised() -> None:
    said = b"warning: x\nhint: y\nfatal: \x1b[31mhttps://u:p@h/x\x1b[0m\n" + b"z" * 500
    assert sanitised(said) == "fatal: [31mhttps://h/x [0m"
    assert sanitised(b"ssh://token@h and 'https://a:b@c'") == "ssh://h and 'https://c'"
    assert len(sanitised(b"x" * 999)) == 300
    assert sanitised(b"") == "no reason given"


class Interrupted(BaseException):
    pass


def test_an_interrupt_ends_the_child_and_goes_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception arrives while the child still runs; the child must not outlive it."""
    children: list[subprocess.Popen[bytes]] = []
    ready = tmp_path / "ready"
    os.mkfifo(ready)

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            children.append(self)
            ready.read_text()
            signal.setitimer(signal.ITIMER_REAL, 0.001)

    def interrupt(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(subprocess, "Popen", Watched)
    before = signal.signal(signal.SIGALRM, interrupt)
    program = f"import time; open({str(ready)!r}, 'w').close(); time.sleep(600)"
    try:
        with pytest.raises(Interrupted):
            execute([sys.executable, "-c", program], env=environment())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert children[0].returncode == -signal.SIGTERM


def test_a_child_that_ignores_the_request_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibgit.repo.executor._GRACE_SECONDS", 0.05)
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    child = start([sys.executable, "-c", program], env=environment())
    assert child.stdout is not None
    child.stdout.readline()
    stop(child)
    assert child.returncode == -signal.SIGKILL


def test_programs_that_are_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for program, code in {"git": "NO_GIT", "ssh-keygen": "NO_SSH_KEYGEN", "other": "NO_PROGRAM"}.items():
        with pytest.raises(EnvironmentFault) as caught:
            execute([program], env=environment())
        assert caught.value.code == code


def test_nothing_temporary_is_left(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    repo = world.repository()
    with pytest.raises(EnvironmentFault):
        repo.run("ls-remote", str(world.root / "gone"), network=True)
    with repo.clean_directory() as clean:
        assert clean.path.parent == scratch
    assert list(scratch.iterdir()) == []
