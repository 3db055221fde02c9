"""Files that were asked for: whenever Ctrl-C comes, each is the old one or the whole new one, and nothing else stays."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from calibgit.errors import EnvironmentFault
from calibgit.jobs.outputs import write_files

OLD, NEW = b"old", b"new" * 10_000


def interrupted_at(line: int, act: Callable[[], object]) -> bool:
    """Whether Ctrl-C came while `act` ran: before the line or the return of this number.

    It runs in a thread of its own: an exception of a trace can leave another one behind as the one that is handled.
    """
    left = itertools.count(line, -1)
    stopped: list[bool] = []

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if event in {"line", "return"} and next(left) == 0:
            raise KeyboardInterrupt
        return trace

    def run() -> None:
        sys.settrace(trace)
        try:
            act()
        except KeyboardInterrupt:
            stopped.append(True)
        else:
            stopped.append(False)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    return stopped[0]


def held(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.filterwarnings("ignore:unclosed file", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("old", [{}, {"public": OLD, "private": OLD}], ids=["new", "there"])
def test_ctrl_c_at_any_line_leaves_whole_files_or_none(tmp_path: Path, old: Mapping[str, bytes]) -> None:
    seen = set()
    for line in itertools.count():
        folder = tmp_path / str(line)
        folder.mkdir()
        for name, data in old.items():
            (folder / name).write_bytes(data)
        wanted = {folder / "public": NEW, folder / "private": NEW}
        stopped = interrupted_at(line, partial(write_files, wanted))
        found = held(folder)
        assert found.keys() <= {"public", "private"}
        assert all(data == NEW or data == old.get(name) for name, data in found.items())
        assert found.keys() >= old.keys()
        seen.add(tuple(sorted(name for name, data in found.items() if data == NEW)))
        if not stopped:
            break
    assert seen == {(), ("public",), ("private", "public")}


def test_one_file_that_cannot_be_written_leaves_all_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "public").write_bytes(OLD)
    (tmp_path / "plain").write_bytes(OLD)
    with pytest.raises(EnvironmentFault, match="CANNOT_WRITE"):
        write_files({tmp_path / "public": NEW, tmp_path / "plain" / "private": NEW})
    assert held(tmp_path) == {"public": OLD, "plain": OLD}


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_files({tmp_path / "link": NEW})
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == NEW


def test_a_pipe_is_written_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    write_files({tmp_path / "pipe": NEW})
    reader.join(60)
    assert got == [NEW]
    assert (tmp_path / "pipe").is_fifo()
