"""Attacks with the files inside .git: what git keeps to be faster, or to cut off, must change no answer."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from pathlib import Path

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs.pinning import pin
from calibgit.model.ids import Version, config_path
from calibgit.registry.branch import LogOnBranch
from calibgit.registry.history import History
from tests.attacks.raw import codes, land, odd_commit, plant, slot, warned, write
from tests.support.governed import BASE, Governed
from tests.support.world import run_git

V110 = Version(1, 1, 0)


def unpack(clone: Path) -> None:
    """Every object in a file of its own, so that one can be exchanged."""
    folder = clone / ".git" / "objects"
    for pack in (folder / "pack").glob("*.pack"):
        moved = clone.parent / pack.name
        pack.rename(moved)
        subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, input=moved.read_bytes(), check=True)
        for rest in (folder / "pack").glob(pack.stem + ".*"):
            rest.unlink()


def stored(clone: Path, oid: str) -> Path:
    """The file of a loose object, made writable."""
    path = clone / ".git" / "objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    return path


def exchange(clone: Path, oid: str, kind: str, data: bytes) -> None:
    """Let the name of one object lead to the bytes of another."""
    other = write(clone, kind, data)
    stored(clone, oid).write_bytes(stored(clone, other).read_bytes())


def raw(clone: Path, kind: str, oid: str) -> bytes:
    return subprocess.run(["git", "cat-file", kind, oid], cwd=clone, capture_output=True, check=True).stdout


def resealed(data: bytearray) -> bytes:
    """A file of git's with its checksum made right."""
    return bytes(data[:-20]) + hashlib.sha1(bytes(data[:-20]), usedforsecurity=False).digest()


def test_a_commit_graph_that_lies_changes_nothing(running: Governed) -> None:
    """The graph says that the tip has no parent: stock git believes it, and the whole past is gone."""
    clone = running.world.clone
    run_git(clone, "commit-graph", "write", "--reachable")
    path = clone / ".git" / "objects" / "info" / "commit-graph"
    data = bytearray(path.read_bytes())
    start = _chunks(data)[b"CDAT"]
    names = _chunks(data)[b"OIDL"]
    entries = (start - names) // 20
    for number in range(entries):
        data[start + 36 * number + 20 : start + 36 * number + 28] = bytes.fromhex("7000000070000000")
    path.chmod(0o644)
    path.write_bytes(resealed(data))
    assert run_git(clone, "rev-list", "--count", "refs/remotes/origin/main") == "1", "the lie works on stock git"
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 3)


def _chunks(data: bytes | bytearray) -> dict[bytes, int]:
    """Chunks of a commit-graph or multi-pack-index by name, and where each begins."""
    first = 8 if data[:4] == b"CGPH" else 12
    table = (bytes(data[first + 12 * n : first + 12 * n + 12]) for n in range(data[6]))
    return {row[:4]: int.from_bytes(row[4:], "big") for row in table}


@pytest.mark.slow
def test_a_multi_pack_index_that_lies_changes_nothing(running: Governed) -> None:
    """It sends every object's name to the place of another one."""
    clone = running.world.clone
    clean = subprocess.run(
        ["git", "log", "--oneline", "origin/main"], cwd=clone, capture_output=True, check=True
    ).stdout
    run_git(clone, "multi-pack-index", "write")
    path = clone / ".git" / "objects" / "pack" / "multi-pack-index"
    data = bytearray(path.read_bytes())
    chunks = _chunks(data)
    places, names = chunks[b"OOFF"], chunks[b"OIDL"]
    count = (places - names) // 20
    rows = [bytes(data[places + 8 * n : places + 8 * n + 8]) for n in range(count)]
    data[places : places + 8 * count] = b"".join(rows[1:] + rows[:1])
    path.chmod(0o644)
    path.write_bytes(resealed(data))
    stock = subprocess.run(["git", "log", "--oneline", "origin/main"], cwd=clone, capture_output=True, check=False)
    assert stock.stdout != clean, "the lie works on stock git"
    assert running.verification().ok


@pytest.mark.slow
def test_a_bitmap_that_lies_is_not_asked(running: Governed) -> None:
    """Somebody wrote junk into the file that tells which objects a commit reaches."""
    clone = running.world.clone
    run_git(clone, "repack", "-adbq")
    (path,) = (clone / ".git" / "objects" / "pack").glob("*.bitmap")
    path.chmod(0o644)
    path.write_bytes(resealed(bytearray(path.read_bytes()[:60] + bytes(200))))
    assert running.verification().ok


@pytest.mark.parametrize("kind", ["tag", "commit", "blob"])
def test_bytes_under_the_name_of_others_are_noticed(running: Governed, tmp_path: Path, kind: str) -> None:
    """An event, the merge that approved, the config itself: whatever is read is hashed, also from an alternate."""
    clone = running.world.clone
    result = running.verification()
    record = result.state.line("scoring")[V110]
    oid = {
        "tag": running.world.head(slot(2)),
        "commit": record.commit,
        "blob": running.world.git("rev-parse", f"{record.commit}:{config_path(V110)}"),
    }[kind]
    unpack(clone)
    exchange(clone, oid, kind, raw(clone, kind, oid) + b"\n")
    assert "OBJECT_CORRUPT" in _refusal(running)
    with pytest.raises(CalibgitError):
        pin(running.workspace(), "1.1.0", tmp_path / "pin", trust_root=result.state.registry)


@pytest.mark.slow
def test_an_alternate_adds_objects_and_believes_none(running: Governed, tmp_path: Path) -> None:
    """The attacker's store lies behind the clone's own and has a config under the signed one's name."""
    record = running.verification().state.line("scoring")[V110]
    oid = running.world.git("rev-parse", f"{record.commit}:{config_path(V110)}")
    evil = tmp_path / "evil"
    run_git(tmp_path, "init", "--quiet", str(evil))
    other = write(evil, "blob", b"{}")
    place = evil / ".git" / "objects" / oid[:2]
    place.mkdir(exist_ok=True)
    (place / oid[2:]).write_bytes(stored(evil, other).read_bytes())
    unpack(running.world.clone)
    (running.world.clone / ".git" / "objects" / "info" / "alternates").write_text(f"{evil}/.git/objects\n")
    assert running.verification().ok
    stored(running.world.clone, oid).unlink()
    assert "OBJECT_CORRUPT" in _refusal(running)


def _refusal(running: Governed) -> str:
    try:
        return " ".join(codes(running.verification()))
    except CalibgitError as error:
        return error.code


@pytest.mark.slow
@pytest.mark.parametrize("lie", ["peeled", "unsorted", "double"])
def test_packed_refs_that_lie_invent_no_event(running: Governed, lie: str) -> None:
    """Peeled ids are not asked for; a file that is not sorted as it says can hide names, which is a gap or a cut."""
    path = running.world.clone / ".git" / "packed-refs"
    lines = [line for line in path.read_text().splitlines() if line[:1] not in {"#", "^"}]
    peeled = f"^{running.world.head('HEAD~1')}"
    text = {
        "peeled": [part for line in lines for part in ([line, peeled] if "/tags/" in line else [line])],
        "unsorted": lines[::-1],
        "double": [*lines, *lines],
    }[lie]
    head = "# pack-refs with: peeled fully-peeled sorted \n"
    path.write_text(head + "".join(line + "\n" for line in text))
    result = running.verification()
    assert result.state.seq <= 3
    assert [event.seq for event in result.events] == list(range(1, result.state.seq + 1))
    assert result.ok or lie != "peeled"


@pytest.mark.slow
def test_a_replacement_of_an_events_tag_or_of_what_it_names_is_ignored(running: Governed) -> None:
    """Replace refs for every event's tag, in a circle."""
    clean = running.verification().state
    for seq, other in ((1, 2), (2, 3), (3, 2)):
        name = f"refs/replace/{running.world.head(slot(seq))}"
        plant(running.world.clone, {name: running.world.head(slot(other))})
    assert running.verification().state == clean
    jobs.deprecate(running.workspace("bob"), BASE, reason="x")
    assert running.verification().state.seq == 4


def hidden_author(running: Governed) -> str:
    """Alice wrote the first commit of 1.2.0, carol the second; alice merges. Returns the merge."""
    first = running.propose("1.2.0", author="alice", good=68)
    second = odd_commit(running, [first], {}, by="carol")
    merge = odd_commit(running, [running.tip(), second], {}, by="alice", tree=second, text="Merge")
    land(running, merge)
    running.world.git("update-ref", "refs/keep/second", second)
    return merge


def test_history_that_is_cut_off_while_it_is_read_hides_no_author(running: Governed) -> None:
    """The clone was whole when it was opened; then a fetch beside it, or an attacker, writes .git/shallow."""
    merge = hidden_author(running)
    space = running.workspace("bob")
    second = running.world.git("rev-parse", f"{merge}^2")
    before = running.world.remote_git("for-each-ref")
    assert space.repo.work_tree == running.world.clone
    (running.world.clone / ".git" / "shallow").write_text(second + "\n")
    assert run_git(running.world.clone, "rev-list", "--count", f"{merge}^1..{second}") == "1", "it works on stock git"
    facts = History(space.repo, running.tip()).merge_facts(merge, "scoring", Version(1, 2, 0))
    assert [commit.author_email for commit in facts.commits] == ["carol@example.org", "alice@example.org"]
    off_the_line = History(space.repo, running.world.git("rev-parse", f"{merge}^1^1"))
    facts = off_the_line.merge_facts(merge, "scoring", Version(1, 2, 0))
    assert [commit.author_email for commit in facts.commits] == ["carol@example.org", "alice@example.org"]
    with pytest.raises(CalibgitError):
        jobs.release(space, Version(1, 2, 0), reason="x")
    assert running.world.remote_git("for-each-ref") == before


@pytest.mark.slow
def test_a_log_that_grows_while_it_is_read_is_read_as_it_was_or_as_it_is(running: Governed) -> None:
    """Three events arrive in the clone while another process reads it again and again."""
    stop, seen, faults = threading.Event(), [], []

    def reads() -> None:
        while not stop.is_set():
            try:
                result = running.workspace("carol").verification()
                seen.append((result.ok, result.state.seq))
            except CalibgitError as error:
                faults.append(error.code)

    reader = threading.Thread(target=reads)
    reader.start()
    try:
        jobs.deprecate(running.workspace("bob"), BASE, reason="one")
        running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
        jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="two")
        jobs.activate(running.workspace("bob"), Version(1, 2, 0), env="production")
    finally:
        stop.set()
        reader.join()
    assert faults == []
    assert all(ok for ok, _ in seen)
    assert [seq for _, seq in seen] == sorted(seq for _, seq in seen)


@pytest.mark.slow
def test_events_that_arrive_between_two_looks_of_one_reading(
    running: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the names were listed, and before the branch is looked up: both the guess and the fold keep to the list."""
    known = LogOnBranch.named_last

    def slow(log: LogOnBranch) -> str | None:
        monkeypatch.setattr(LogOnBranch, "named_last", known)
        running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
        jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="meanwhile")
        return known(log)

    monkeypatch.setattr(LogOnBranch, "named_last", slow)
    result = running.verification()
    assert (result.ok, result.state.seq, warned(result)) == (True, 3, [])
    assert running.verification().state.seq == 4
