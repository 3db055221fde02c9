"""Attacks by mass: memory and time of a reader stay bounded, whatever somebody with push rights leaves there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from calibgit.jobs import govern as jobs
from calibgit.jobs import upkeep
from calibgit.model.event import MAX_EVENT_BYTES
from tests.attacks.raw import codes, plant, read_tag, slot, stopped, warned, write
from tests.support.governed import BASE, Governed

READ = """
import os, pathlib, sys
from calibgit.jobs.workspace import Workspace
result = Workspace(pathlib.Path(sys.argv[1]), environ=dict(os.environ)).verification()
lines = pathlib.Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(result.state.seq, ",".join(problem.code for problem in result.errors), peak)
"""
HUNDRED_MB = 100 * 1024 * 1024

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")


def reader(running: Governed) -> tuple[int, str, int]:
    """A fresh process that verifies: last event, codes, and its peak of memory in kB."""
    words = [sys.executable, "-c", READ, str(running.world.clone)]
    done = subprocess.run(words, capture_output=True, check=True, cwd=Path(__file__).parents[2], text=True)
    seq, found, peak = done.stdout.rstrip("\n").split(" ")
    return int(seq), found, int(peak)


def padded(running: Governed, size: int) -> str:
    """A tag of `size` bytes, which begins as a real one does."""
    body = read_tag(running.world.clone, slot(3))
    return write(running.world.clone, "tag", body + bytes(size - len(body)))


def pack_refs(running: Governed, names: list[str], oid: str) -> None:
    """Write names straight into packed-refs, which a hundred thousand pushes would fill."""
    path = running.world.clone / ".git" / "packed-refs"
    known = [line for line in path.read_text().splitlines() if line and line[0] not in "#^"]
    pairs = sorted([line.split(" ", 1)[::-1] for line in known] + [[name, oid] for name in names])
    text = "# pack-refs with: sorted \n" + "".join(f"{oid} {name}\n" for name, oid in pairs)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))


@linux_only
@pytest.mark.slow
def test_a_tag_of_a_hundred_megabytes_is_never_read(running: Governed) -> None:
    """Case 41: the size is known before the bytes are asked for."""
    _, _, quiet = reader(running)
    plant(running.world.clone, {slot(4): padded(running, HUNDRED_MB)})
    seq, found, peak = reader(running)
    assert (seq, found) == (3, "TOO_LARGE")
    assert peak < 1.5 * quiet
    stopped(running, "TOO_LARGE", 4, good=3)


@linux_only
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["names", "slots"])
def test_a_hundred_thousand_foreign_tags_cost_a_bounded_reader_little(running: Governed, kind: str) -> None:
    """Case 41: names that belong to no event, and occupied slots far behind the log."""
    _, _, quiet = reader(running)
    names = {
        "names": [f"refs/tags/calib/junk{number:06d}" for number in range(100_000)],
        "slots": [slot(1000 + number) for number in range(100_000)],
    }
    pack_refs(running, names[kind], running.tip())
    seq, found, peak = reader(running)
    assert (seq, found) == (3, "")
    assert peak - quiet < 120_000  # 1.2 kB for each
    result = running.verification()
    assert len(result.warnings) == 21
    assert "FOREIGN" in warned(result)[0]


@linux_only
@pytest.mark.slow
def test_a_hundred_thousand_other_refs_are_not_even_listed(running: Governed) -> None:
    """A shared repository with many branches and tags of its own."""
    _, _, quiet = reader(running)
    pack_refs(running, [f"refs/tags/v{number:06d}" for number in range(100_000)], running.tip())
    seq, found, peak = reader(running)
    assert (seq, found) == (3, "")
    assert peak < 1.5 * quiet


@linux_only
@pytest.mark.slow
def test_five_hundred_tags_of_the_largest_size_are_read_in_parts(running: Governed) -> None:
    """A hundred and twenty megabytes of tags that are just small enough, all one object."""
    _, _, quiet = reader(running)
    oid = write(running.world.clone, "tag", b"object " + b"x" * (MAX_EVENT_BYTES - 7))
    pack_refs(running, [slot(1000 + number) for number in range(500)], oid)
    seq, found, peak = reader(running)
    assert (seq, found) == (3, "")
    assert peak < 4 * quiet


@pytest.mark.slow
def test_more_junk_than_one_void_holds_is_told_as_such(running: Governed) -> None:
    """Three thousand slots in a row: an administrator has to delete some, and the command says so."""
    pack_refs(running, [slot(4 + number) for number in range(3000)], running.tip())
    assert codes(running.verification()) == ["LIGHTWEIGHT"]
    before = running.remote_tags()
    with pytest.raises(Exception, match="TOO_MUCH_TO_VOID"):
        upkeep.void(running.workspace("alice"), reason="flood")
    assert running.remote_tags() == before


def test_a_size_just_over_the_limit_is_refused_and_one_at_the_limit_is_read(running: Governed) -> None:
    """The limit itself is no off-by-one."""
    for size, code in ((MAX_EVENT_BYTES, "MALFORMED"), (MAX_EVENT_BYTES + 1, "TOO_LARGE")):
        plant(running.world.clone, {slot(4): padded(running, size)})
        stopped(running, code, 4, good=3)


def test_a_thousand_foreign_names_stop_no_writer(running: Governed) -> None:
    """The names are in the clone, and the writer fetches and pushes past them."""
    pack_refs(running, [f"refs/tags/calib/junk{number:04d}" for number in range(1000)], running.tip())
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.verification().state.seq == 4
