"""`collect` in a terminal of its own: the bar, its colours, and Ctrl-C."""

from __future__ import annotations

import datetime as dt
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

from calibgit.engine.table import write_results
from calibgit.simulate.population import simulate
from tests.support.governed import Governed
from tests.support.results import COLUMN_OF

PATIENCE = 120.0  # seconds, after which a test fails instead of waiting on
CTRL_C = b"\x03"
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
SUBMIT = "--master local[2] --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false pyspark-shell"
HIDDEN, SHOWN = "\x1b[?25l", "\x1b[?25h"  # the cursor
# The child gets the terminal as its own, so that Ctrl-C is a signal, and hears it even below a shell's background job.
START = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "calibgit", *sys.argv[1:]])
"""


class Terminal:
    """A child in a terminal, and what it has shown so far."""

    def __init__(self, child: subprocess.Popen[bytes], keyboard: int, errors: int | None) -> None:
        self.child = child
        self.shown = ""
        self.errors = ""
        self._keyboard = keyboard
        self._deadline = time.monotonic() + PATIENCE
        self._open = {keyboard} | ({errors} if errors is not None else set())

    def type(self, keys: bytes) -> None:
        os.write(self._keyboard, keys)

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            assert self._open, f"it ended without {text!r}: {self.shown!r} {self.errors!r}"
            self._read()

    def end(self) -> int:
        """Read all that is still to come; the exit status."""
        while self._open:
            self._read()
        return self.child.wait(PATIENCE)

    def _read(self) -> None:
        left = max(0.0, self._deadline - time.monotonic())
        ready, _, _ = select.select(sorted(self._open), [], [], left)
        assert ready, f"it did not end: {self.shown[-1000:]!r} {self.errors!r}"
        for number in ready:
            try:
                data = os.read(number, 65536)
            except OSError:  # how Linux says that nobody has the other end of a terminal open
                data = b""
            if not data:
                self._open.remove(number)
            elif number == self._keyboard:
                self.shown += data.decode(errors="replace")
            else:
                self.errors += data.decode(errors="replace")


@contextmanager
def terminal(*words: str, environ: Mapping[str, str], errors_apart: bool = False) -> Iterator[Terminal]:
    keyboard, screen = pty.openpty()
    termios.tcsetwinsize(screen, (40, 160))
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            stdin=screen, stdout=screen, stderr=subprocess.PIPE if errors_apart else screen,
            start_new_session=True, env=environ, cwd=environ["HOME"],
        )  # fmt: skip
    finally:
        os.close(screen)
    try:
        yield Terminal(child, keyboard, child.stderr.fileno() if child.stderr else None)
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(PATIENCE)
        if child.stderr:
            child.stderr.close()
        os.close(keyboard)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What a terminal sets, with a directory for temporary files that can be looked into."""
    (tmp_path / "tmp").mkdir()
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLORTERM"}}
    return {**plain, "TERM": "xterm-256color", "TMPDIR": str(tmp_path / "tmp")}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def words(governed: Governed, source: Path, place: Path) -> list[str]:
    files = ["-o", str(place / "public.json"), "--private", str(place / "private.json")]
    return ["--repo", str(governed.world.clone), "collect", "--source", str(source), "--as-of", "2024-04-01", *files]


@pytest.fixture
def source(governed: Governed, tmp_path: Path) -> Path:
    path = tmp_path / "results.sqlite"
    write_results(path, simulate(governed.config(), rows=400, seed=1, start=dt.date(2024, 3, 1), days=30))
    return path


def endless(path: Path) -> Path:
    """A table whose rows, all before the window, never come to an end."""
    others = ", ".join(f"NULL AS {name}" for name in COLUMN_OF.values() if name not in {"created_at", "overall_score"})
    if path.suffix == ".sqlite":
        rows = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
        moment = "datetime(n % 1000, 'unixepoch')"
    else:
        rows = "WITH c (n) AS (SELECT * FROM range(1000000000000000))"
        moment = "make_timestamp(n % 1000)"
    view = (
        f"CREATE VIEW scan_results AS {rows} SELECT {moment} AS created_at, n % 100 AS overall_score, {others} FROM c"
    )
    connection = sqlite3.connect(path) if path.suffix == ".sqlite" else duckdb.connect(str(path))
    connection.execute(view)
    connection.close()
    return path


def test_a_terminal_shows_a_bar_and_the_result(
    governed: Governed, source: Path, place: Path, environ: dict[str, str]
) -> None:
    with terminal(*words(governed, source, place), environ=environ) as screen:
        screen.read_until("counting")
        assert screen.end() == 0
    assert COLOUR.search(screen.shown)
    assert f"wrote {place / 'public.json'}" in screen.shown
    assert screen.shown.rindex(SHOWN) > screen.shown.rindex(HIDDEN)
    assert sorted(path.name for path in place.iterdir()) == ["private.json", "public.json"]


def test_no_color_takes_the_colours_and_leaves_the_bar(
    governed: Governed, source: Path, place: Path, environ: dict[str, str]
) -> None:
    with terminal(*words(governed, source, place), environ={**environ, "NO_COLOR": "1"}) as screen:
        assert screen.end() == 0
    assert "counting" in screen.shown
    assert not COLOUR.search(screen.shown)


def test_there_is_no_bar_where_stderr_is_a_pipe(
    governed: Governed, source: Path, place: Path, environ: dict[str, str]
) -> None:
    with terminal(*words(governed, source, place), environ=environ, errors_apart=True) as screen:
        assert screen.end() == 0
    assert screen.errors == f"{place / 'private.json'} holds exact counts: keep it private\n"
    assert "counting" not in screen.shown
    assert "\x1b" not in screen.shown


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
@pytest.mark.parametrize("by", ["key", "signal"])
def test_ctrl_c_ends_a_collection_that_would_never_end(
    governed: Governed, place: Path, environ: dict[str, str], suffix: str, by: str
) -> None:
    (place / "public.json").write_bytes(b"the one before")
    source = endless(place.parent / f"endless.{suffix}")
    with terminal(*words(governed, source, place), environ=environ) as screen:
        screen.read_until("0:00:01")  # so the bar moves while a statement runs
        if by == "key":
            screen.type(CTRL_C)
        else:
            os.killpg(screen.child.pid, signal.SIGINT)
        assert screen.end() == 130
    assert "interrupted; nothing is half-written" in screen.shown
    assert "Traceback" not in screen.shown
    assert screen.shown.rindex(SHOWN) > screen.shown.rindex(HIDDEN)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {"public.json": b"the one before"}
    assert list((place.parent / "tmp").iterdir()) == []


@pytest.mark.slow
@pytest.mark.spark
def test_ctrl_c_ends_a_collection_by_spark_and_the_java_behind_it(
    governed: Governed, place: Path, environ: dict[str, str]
) -> None:
    if "CALIBGIT_REQUIRE_SPARK" not in os.environ and not (find_spec("pyspark") and shutil.which("java")):
        pytest.skip("there is no pyspark or no Java")
    path = place.parent / "results.parquet"
    write_results(path, simulate(governed.config(), rows=400, seed=1, start=dt.date(2024, 3, 1), days=30))
    call = words(governed, Path(f"spark:{path}"), place)
    with terminal(*call, environ={**environ, "PYSPARK_SUBMIT_ARGS": SUBMIT}) as screen:
        screen.read_until("counting counted")
        screen.type(CTRL_C)
        assert screen.end() == 130  # the terminal ends with the last process that has it
    assert "interrupted; nothing is half-written" in screen.shown
    assert "Traceback" not in screen.shown
    assert list(place.iterdir()) == []
