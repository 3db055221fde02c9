"""The command line's surface: help, exit statuses, error shapes, bugs and interruptions."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from calibgit import __version__
from calibgit.cli.main import COMMANDS, cli, run
from calibgit.errors import (
    CalibgitError,
    Conflict,
    DocumentError,
    EnvironmentFault,
    GateClosed,
    IntegrityError,
    PermissionRefused,
    UsageError,
)
from tests.cli.conftest import Command
from tests.support.story import Story

GOLDEN = Path(__file__).parents[1] / "golden/help"


def help_of(*words: str) -> str:
    """The help text at a fixed width, whatever the terminal."""
    settings = {**cli.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = click.Context(cli, info_name="calibgit", **settings)
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None
        command, context = found, click.Context(found, info_name=word, parent=context)
    return command.get_help(context)


def leaves() -> list[str]:
    """Every command, those of a group with the group's name before theirs."""
    found = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        inner = command.commands if isinstance(command, click.Group) else None
        found += [name] if inner is None else [f"{name} {each}" for each in inner]
    return found


def test_the_help_of_the_whole_is_golden(golden: Callable[[Path, bytes], None]) -> None:
    golden(GOLDEN / "calibgit.txt", (help_of() + "\n").encode())


@pytest.mark.parametrize("name", sorted({*COMMANDS, *leaves()}))
def test_the_help_of_every_command_is_golden(name: str, golden: Callable[[Path, bytes], None]) -> None:
    golden(GOLDEN / f"{name.replace(' ', '_')}.txt", (help_of(*name.split()) + "\n").encode())


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself(name: str, flag: str, calibgit: Command) -> None:
    result = calibgit(name, flag)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith(f"Usage: calibgit {name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_documented(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    silent = [p.opts for p in command.params if isinstance(p, click.Option) and not p.help and p.metavar is None]
    assert silent == []


def test_every_command_but_the_alias_is_listed_with_its_purpose(calibgit: Command) -> None:
    text = " ".join(calibgit("--help").out.split())
    for name, (_, purpose) in COMMANDS.items():
        assert (f"{name} {purpose}" in text) == (name != "approve"), name


def test_approve_is_release() -> None:
    assert COMMANDS["approve"][0] == COMMANDS["release"][0]


def test_the_version_is_told(calibgit: Command) -> None:
    assert calibgit("--version").out == f"calibgit, version {__version__}\n"


WRITERS = (
    "init",
    "release",
    "reject",
    "activate",
    "deprecate",
    "rollback",
    "pin",
    "propose",
    "calibrate",
    "collect",
    "analyze",
    "metrics merge",
)


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_has_a_dry_run(name: str) -> None:
    assert "--dry-run" in help_of(*name.split())


@pytest.mark.parametrize("name", [name for name in leaves() if name not in {"demo", "schema"}])
def test_every_result_can_be_had_as_json(name: str) -> None:
    assert re.search(r"--format \[text\|json", help_of(*name.split()))


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["--nonsense"],
        ["status", "--nonsense"],
        ["show"],
        ["status", "extra"],
        ["status", "--format", "xml"],
        ["pin"],
        ["init", "--adopt", "1.0.0"],
        ["schema"],
        ["collect"],
        ["rollback"],
        ["reject", "1.0.0"],
        [""],
        ["rollback", "--reason", ""],
        ["deprecate", "1.0.0", "--reason", "  "],
        ["activate", "1.0.0", "--again"],
    ],
)
def test_wrong_words_are_a_usage_error_on_stderr(words: list[str], calibgit: Command) -> None:
    result = calibgit(*words)
    assert result.status == 2
    assert result.out == ""
    assert "error USAGE: " in result.err
    assert "Traceback" not in result.err


def test_no_words_at_all_get_the_help_and_status_2(calibgit: Command) -> None:
    result = calibgit()
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("Usage: calibgit")
    assert result.err.count("Usage:") == 1
    assert "error" not in result.err


STATUSES: dict[type[CalibgitError], int] = {
    GateClosed: 1,
    DocumentError: 1,
    UsageError: 2,
    EnvironmentFault: 3,
    PermissionRefused: 4,
    Conflict: 5,
    IntegrityError: 6,
}


@pytest.mark.parametrize("kind", STATUSES, ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_status_and_one_shape(
    kind: type[CalibgitError], story: Story, calibgit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise kind("SOME_CODE", "it happened", why="because of this", fix="do that")

    monkeypatch.setattr("calibgit.jobs.read.status", failing)
    clone = story.governed.world.clone
    plain = calibgit("--repo", clone, "status")
    assert plain.status == STATUSES[kind]
    assert plain.out == ""
    assert plain.err == "error SOME_CODE: it happened\n  why: because of this\n  fix: do that\n"
    for words in (["--format", "json"], ["--format=json"]):
        machine = calibgit("--repo", clone, "status", *words)
        assert machine.status == STATUSES[kind]
        assert machine.out == ""
        assert machine.error == {"code": "SOME_CODE", "what": "it happened", "why": "because of this", "fix": "do that"}


def test_an_error_without_reason_prints_no_empty_lines(
    story: Story, calibgit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise GateClosed("SOME_CODE", "it happened")

    monkeypatch.setattr("calibgit.jobs.read.status", failing)
    assert calibgit("--repo", story.governed.world.clone, "status").err == "error SOME_CODE: it happened\n"


@pytest.mark.parametrize("machine", [False, True])
def test_a_bug_is_status_70_with_a_log_file(
    machine: bool, story: Story, calibgit: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a detail that may be private")

    monkeypatch.setattr("calibgit.jobs.read.status", failing)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    words = ["--format", "json"] if machine else []
    result = calibgit("--repo", story.governed.world.clone, "status", *words)
    assert result.status == 70
    assert result.out == ""
    (log,) = tmp_path.glob("calibgit-*.log")
    if machine:
        assert result.error["code"] == "BUG"
    assert str(log) in result.err
    assert "private" not in result.err
    assert "Traceback" not in result.err
    text = log.read_text(encoding="utf-8")
    assert text.startswith(f"calibgit {__version__}\n")
    assert "ZeroDivisionError: a detail" in text
    assert log.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_is_status_130(story: Story, calibgit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("calibgit.jobs.read.status", interrupted)
    result = calibgit("--repo", story.governed.world.clone, "status")
    assert (result.status, result.out) == (130, "")
    assert "interrupted" in result.err
    assert "Traceback" not in result.err


def _process(*words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "calibgit", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def test_a_process_exits_with_the_status_and_keeps_the_streams_apart(story: Story) -> None:
    clone = str(story.governed.world.clone)
    good = _process("--repo", clone, "verify", "--trust-root", story.root)
    assert good.returncode == 0
    assert "nothing wrong" in good.stdout
    assert good.stderr.startswith("no-history: ")
    bad = _process("--repo", clone, "verify", "--trust-root", "0" * 64)
    assert bad.returncode == 6
    assert bad.stdout == ""
    assert "WRONG_ROOT" in bad.stderr


def test_a_reader_that_goes_away_is_no_error(story: Story) -> None:
    words = [sys.executable, "-m", "calibgit", "--repo", str(story.governed.world.clone), "log", "--format", "json"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert b"Traceback" not in done.stderr
    assert b"error" not in done.stderr


def _on_a_terminal(environ: dict[str, str], *words: str) -> bytes:
    """What a command writes to a terminal."""
    controller, terminal = pty.openpty()
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "calibgit", *words], stdout=terminal, stderr=terminal, stdin=terminal, env=environ
        )
        os.close(terminal)
        found = b""
        while True:
            try:
                data = os.read(controller, 65536)
            except OSError:
                break
            if not data:
                break
            found += data
        child.wait()
    finally:
        os.close(controller)
    return found


@pytest.mark.parametrize("words", [["show", "x"], ["status"]])
def test_colour_is_for_terminals_and_never_where_no_color_is_set(story: Story, words: list[str]) -> None:
    place = ["--repo", str(story.governed.world.clone)]
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "200"}
    assert b"\x1b[" not in _on_a_terminal({**environ, "NO_COLOR": "1"}, *place, *words)
    environ.pop("NO_COLOR")
    assert b"\x1b[" in _on_a_terminal(environ, *place, *words)
    assert "\x1b[" not in _process(*place, *words, environ=environ).stderr


def test_the_group_knows_no_unlisted_command() -> None:
    context = click.Context(cli)
    assert cli.get_command(context, "core") is None
    assert cli.list_commands(context) == [name for name in COMMANDS if name != "approve"]


@pytest.mark.parametrize("name", ["scoring-config", "trust", "settings", "change-summary", "calibration-report"])
def test_a_schema_can_be_printed(name: str, calibgit: Command) -> None:
    result = calibgit("schema", name)
    assert result.status == 0
    assert json.loads(result.out)["$id"] == f"calibgit/{name}/1"


def test_an_unknown_schema_is_a_usage_error(calibgit: Command) -> None:
    result = calibgit("schema", "nonsense")
    assert result.status == 2
    assert "UNKNOWN_SCHEMA" in result.err


def test_run_takes_no_words_from_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["calibgit", "nonsense"])
    assert run(["--version"]) == 0
