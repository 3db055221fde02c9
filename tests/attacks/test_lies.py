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
from tests.attacks.raw import Evidence, codes, odd_commit, plant, released_from, slot, warned, write
from tests.support.governed import BASE, Governed
from tests.support.world import run_git

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)


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


def test_a_commit_graph_that_lies_changes_nothing(released: Governed) -> None:
    """The graph says that the tip has no parent: stock git believes it, and the whole past is gone."""
    clone = released.world.clone
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
    result = released.verification()
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


@pytest.mark.parametrize("what", ["event", "merge", "head", "config"])
def test_bytes_under_the_name_of_others_are_noticed(released: Governed, tmp_path: Path, what: str) -> None:
    """An event, the commits that were reviewed and merged, the config: what is read is hashed."""
    clone = released.world.clone
    result = released.verification()
    record = result.state.line("scoring")[V110]
    kind, oid = {
        "event": ("tag", released.world.head(slot(2))),
        "merge": ("commit", record.commit),
        "head": ("commit", result.events[1].payload["approval"]["head"]),
        "config": ("blob", released.world.git("rev-parse", f"{record.commit}:{config_path(V110)}")),
    }[what]
    unpack(clone)
    exchange(clone, oid, kind, raw(clone, kind, oid) + b"\n")
    assert "OBJECT_CORRUPT" in _refusal(released)
    with pytest.raises(CalibgitError, match="OBJECT_CORRUPT"):
        pin(released.workspace(), "1.1.0", tmp_path / "pin", trust_root=result.state.registry)


@pytest.mark.slow
def test_an_alternate_adds_objects_and_believes_none(released: Governed, tmp_path: Path) -> None:
    """The attacker's store lies behind the clone's own and has a config under the signed one's name."""
    record = released.verification().state.line("scoring")[V110]
    oid = released.world.git("rev-parse", f"{record.commit}:{config_path(V110)}")
    evil = tmp_path / "evil"
    run_git(tmp_path, "init", "--quiet", str(evil))
    other = write(evil, "blob", b"{}")
    place = evil / ".git" / "objects" / oid[:2]
    place.mkdir(exist_ok=True)
    (place / oid[2:]).write_bytes(stored(evil, other).read_bytes())
    unpack(released.world.clone)
    (released.world.clone / ".git" / "objects" / "info" / "alternates").write_text(f"{evil}/.git/objects\n")
    assert released.verification().ok
    stored(released.world.clone, oid).unlink()
    assert "OBJECT_CORRUPT" in _refusal(released)


def _refusal(released: Governed) -> str:
    try:
        return " ".join(codes(released.verification()))
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
def test_a_replacement_of_an_events_tag_or_of_what_it_names_is_ignored(released: Governed) -> None:
    """Replace refs for every event's tag, in a circle."""
    clean = released.verification().state
    for seq, other in ((1, 2), (2, 3), (3, 2)):
        name = f"refs/replace/{released.world.head(slot(seq))}"
        plant(released.world.clone, {name: released.world.head(slot(other))})
    assert released.verification().state == clean
    jobs.deprecate(released.workspace("bob"), BASE, reason="x")
    assert released.verification().state.seq == 4


def hidden_author(released: Governed, evidence: Evidence) -> tuple[str, str]:
    """Alice wrote the first commit of 1.2.0, carol the second; alice approves. Returns the head and what is merged."""
    head = odd_commit(released, [released.propose("1.2.0", author="alice", good=68)], {}, by="carol")
    released.world.git("update-ref", "refs/keep/head", head)
    merged = evidence.merge(released, head)
    evidence.release(released, released_from(released, merged, V120, **evidence.record(head, authors=["carol"])))
    return head, merged


def test_history_that_is_cut_off_while_it_is_read_hides_no_author(released: Governed, evidence: Evidence) -> None:
    """The clone was whole when it was opened; then a fetch beside it, or an attacker, writes .git/shallow."""
    head, merged = hidden_author(released, evidence)
    base = released.world.git("rev-parse", f"{merged}^1")
    space = released.workspace("bob")
    assert space.repo.work_tree == released.world.clone
    (released.world.clone / ".git" / "shallow").write_text(head + "\n")
    assert run_git(released.world.clone, "rev-list", "--count", f"{base}..{head}") == "1", "it works on stock git"
    for tip in (released.tip(), released.world.git("rev-parse", f"{base}^1")):
        facts = History(space.repo, tip).merge_facts(merged, "scoring", V120, head)
        assert [commit.author_email for commit in facts.commits] == ["carol@example.org", "alice@example.org"]
    assert codes(space.verification()) == ["FOUR_EYES"]
    before = released.world.remote_git("for-each-ref")
    with pytest.raises(CalibgitError, match="FOUR_EYES"):
        jobs.release(space, V120, reason="x")
    assert released.world.remote_git("for-each-ref") == before


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
