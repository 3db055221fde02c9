"""Attacks on the log's length: what was seen once is missed, and what was never seen is not made up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import checking, read
from calibgit.jobs import govern as jobs
from calibgit.model.canonical import pretty_json
from calibgit.model.ids import Version
from calibgit.repo.commits import commit_files
from tests.attacks.raw import blob, codes, forge, land, odd_commit, payload, plant, slot, stopped, target_of, warned
from tests.support.governed import BASE, LINE, Governed
from tests.support.world import run_git

pytestmark = pytest.mark.slow

SUMMARY = "proposals/scoring/v1.2.0/change_summary_v1.2.0.json"


def marks(running: Governed, person: str) -> Path:
    """Where a person's memory of this registry lies."""
    folder = running.world.root / f"home-{person}" / ".local" / "state" / "calibgit" / "marks"
    return folder / running.verification().state.registry


def cut(running: Governed) -> None:
    """Event 4 is written, seen by bob, and removed everywhere."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.workspace("bob").verification().state.seq == 4
    for place in (running.world.clone, running.world.remote):
        run_git(place, "update-ref", "-d", slot(4))


def forget(running: Governed, *people: str) -> None:
    """These people have never read the log."""
    for person in people:
        shutil.rmtree(running.world.root / f"home-{person}" / ".local", ignore_errors=True)


def witnessed(running: Governed, **head: Any) -> None:
    """Merge, past every review, a summary of an unreleased proposal that names a head of the log."""
    space = running.workspace("alice")
    made = commit_files(
        space.repo,
        parents=[running.tip()],
        files={SUMMARY: pretty_json({"log_head": head})},
        message="x",
        author=running.world.identity("alice"),
        when=space.now(),
    )
    running.world.git("push", "--quiet", "origin", f"{made}:refs/heads/main")
    running.fetch()


def test_whoever_saw_a_longer_log_refuses_a_shorter_one(running: Governed) -> None:
    """Case 8. Nothing is written on the shorter log, and a reader without memory believes it."""
    cut(running)
    forget(running, "carol", "alice")
    before = running.remote_tags()
    space = running.workspace("bob")
    assert codes(space.verification()) == ["ROLLBACK"]
    assert space.verification().state.seq == 3
    assert not read.status(space)["ok"]
    with pytest.raises(CalibgitError, match="ROLLBACK"):
        jobs.deprecate(running.workspace("bob"), BASE, reason="x")
    assert running.remote_tags() == before
    assert running.workspace("carol").verification().ok


def test_two_homes_remember_for_themselves(running: Governed) -> None:
    """One machine's memory is not the other's; each keeps its own highest mark."""
    cut(running)
    forget(running, "carol")
    assert running.workspace("carol").verification().ok
    assert [path.name[:8] for path in marks(running, "carol").iterdir()] == ["00000003"]
    assert [path.name[:8] for path in marks(running, "bob").iterdir()] == ["00000004"]
    assert codes(running.workspace("bob").verification()) == ["ROLLBACK"]
    assert [path.name[:8] for path in marks(running, "bob").iterdir()] == ["00000004"], "a refusal lowers no mark"


def test_another_event_of_the_same_number_is_refused(running: Governed) -> None:
    """The last event is replaced by another one, properly signed."""
    cut(running)
    forget(running, "alice")
    forge(running, payload(running, "deprecate", line=LINE, version="1.0.0", target=target_of(running)), by="carol")
    result = running.workspace("bob").verification()
    assert (codes(result), result.errors[0].seq) == (["ROLLBACK"], 4)
    assert running.workspace("alice").verification().ok


def test_another_event_is_refused_even_under_a_longer_log(running: Governed) -> None:
    """More events on top do not hide the one that was exchanged."""
    cut(running)
    forget(running, "alice")
    for version in ("1.0.0", "1.1.0"):
        target = dict(running.verification().events[1].payload["target"]) if version == "1.1.0" else target_of(running)
        forge(running, payload(running, "deprecate", line=LINE, version=version, target=target), by="carol")
    assert running.workspace("alice").verification().state.seq == 5
    assert codes(running.workspace("bob").verification()) == ["ROLLBACK"]


@pytest.mark.parametrize("state", ["unwritable", "a file", "missing home", "relative"])
def test_a_memory_that_cannot_be_kept_stops_nobody(
    running: Governed, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full, odd or read-only home costs the protection, not the reading."""
    forget(running, "bob")
    place = running.world.root / "state"
    if state == "unwritable":
        place.mkdir()
        (place / "calibgit").write_text("")
    if state == "a file":
        place.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", {"relative": "state", "missing home": "/proc/none"}.get(state, str(place)))
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.workspace("bob").verification().state.seq == 4


def test_junk_in_the_memory_is_no_mark(running: Governed) -> None:
    """Names that look almost like marks, folders, and marks of other registries."""
    assert running.workspace("bob").verification().ok
    folder = marks(running, "bob")
    digest = "0" * 64
    for name in (
        f"9-{digest}",
        f"00000009-{digest[:-1]}",
        f"00000009-{digest}~",
        f"00000009-{digest.replace('0', 'G')}",
    ):
        (folder / name).write_text("x")
    (folder / "\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0669-x").mkdir()
    other = folder.parent / digest
    other.mkdir()
    (other / f"00000009-{digest}").touch()
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.workspace("bob").verification().ok
    assert f"9-{digest}" in {path.name for path in folder.iterdir()}


def test_a_fresh_reader_believes_a_later_witness(running: Governed) -> None:
    """Case 9: a merged proposal names event 4, and the log that is served ends at event 3."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    state = running.verification().state
    witnessed(running, registry=state.registry, seq=4, sha256=state.head_sha256)
    assert running.verification().ok
    for place in (running.world.clone, running.world.remote):
        run_git(place, "update-ref", "-d", slot(4))
    forget(running, "alice", "bob", "carol")
    stopped(running, "ROLLBACK", 4, good=3)


def test_a_witness_of_another_event_of_that_number_is_believed(running: Governed) -> None:
    """The log has event 3, but the protected branch knows another one."""
    witnessed(running, registry=running.verification().state.registry, seq=3, sha256="0" * 64)
    stopped(running, "ROLLBACK", 3, good=3)


@pytest.mark.parametrize(
    "head",
    [
        {"registry": "0" * 64, "seq": 99, "sha256": "0" * 64},
        {"registry": None, "seq": 99, "sha256": "0" * 64},
        {"seq": 99, "sha256": "0" * 64},
        {"registry": "", "seq": 99, "sha256": "0" * 64},
    ],
)
def test_a_witness_of_another_registry_says_nothing(running: Governed, head: dict[str, Any]) -> None:
    """A proposal that was copied over from a fork."""
    witnessed(running, **head)
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.verification().ok


def test_a_witness_of_an_odd_shape_crashes_nobody(running: Governed) -> None:
    """It is none, unless it is a number and a digest."""
    registry = running.verification().state.registry
    for seq, sha256 in (
        (0, "0" * 64),
        (-1, ""),
        (True, "x"),
        ("4", "x"),
        (None, "x"),
        ([4], "x"),
        (2**60, "x"),
        (9, 7),
    ):
        witnessed(running, registry=registry, seq=seq, sha256=sha256)
        assert (seq, codes(running.verification())) == (seq, [])


def test_a_witness_on_a_side_branch_says_nothing(running: Governed) -> None:
    """Anybody may push a branch; only what is merged is a witness."""
    space = running.workspace("alice")
    head = {"registry": running.verification().state.registry, "seq": 99, "sha256": "0" * 64}
    made = commit_files(
        space.repo,
        parents=[running.tip()],
        files={SUMMARY: pretty_json({"log_head": head})},
        message="x",
        author=running.world.identity("alice"),
        when=space.now(),
    )
    running.world.git("push", "--quiet", "origin", f"{made}:refs/heads/calibgit/scoring/v1.2.0")
    running.fetch()
    result = running.verification()
    assert (result.ok, warned(result)) == (True, [])


def test_a_mark_beside_junk_keeps_the_junk_from_being_voided(running: Governed) -> None:
    """Bob has seen event 4; now something else lies in its slot."""
    cut(running)
    plant(running.world.clone, {slot(4): running.tip()})
    result = running.workspace("bob").verification()
    assert (codes(result), result.foreign) == (["LIGHTWEIGHT"], [])


def proposed(running: Governed, **head: Any) -> list[tuple[str, str]]:
    """What the gate says of a proposal whose summary names a head of the log: failed checks and their codes."""
    number = Version(1, 2, 0)
    data = running.summary(number, "carol@example.org", good=68) | {"log_head": head or None}
    running.world.remote_git("update-ref", "-d", "refs/heads/calibgit/scoring/v1.2.0")
    made = running.propose("1.2.0", good=68, files={SUMMARY: pretty_json(data)})
    reports = checking.check(running.workspace("carol"), head=made)
    return [(result.check, result.code) for report in reports for result in report.results if result.check == "log"]


def test_a_proposal_that_names_an_event_which_never_was_does_not_pass_the_gate(running: Governed) -> None:
    """Merged, it would stop every reader; one that names a real event passes."""
    state = running.verification().state
    sound = {"registry": state.registry, "seq": 3, "sha256": state.head_sha256}
    assert proposed(running, **sound) == [("log", "")]
    first = running.verification().events[0].sha256
    for spoilt in ({"seq": 99}, {"sha256": first}, {"registry": "0" * 64}, {"seq": 3.0}, {"seq": True}):
        assert proposed(running, **(sound | spoilt)) == [("log", "LOG_HEAD_UNKNOWN")]
    assert proposed(running) == [("log", "LOG_HEAD_UNKNOWN")]


def test_a_release_of_such_a_proposal_is_refused_and_a_revert_of_the_merge_helps(running: Governed) -> None:
    """It was merged past the gate. The readers stop, as they must; then the file goes by a merged request."""
    data = running.summary(Version(1, 2, 0), "carol@example.org", good=68)
    data |= {"log_head": {"registry": running.verification().state.registry, "seq": 99, "sha256": "0" * 64}}
    base = running.tip()
    merge = running.merge(running.propose("1.2.0", good=68, files={SUMMARY: pretty_json(data)}))
    with pytest.raises(CalibgitError, match="ROLLBACK") as refusal:
        jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="x")
    assert SUMMARY in refusal.value.what
    undone = odd_commit(running, [merge], {}, tree=base, by="alice", text="Revert")
    land(running, odd_commit(running, [merge, undone], {}, tree=undone, by="bob", text="Merge the revert"))
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.verification().ok


HOSTILE: dict[str, bytes] = {
    "junk": b"\xff\x00",
    "a key twice": b'{"log_head": {"registry": "%s", "seq": 3, "sha256": "x"}, "log_head": null}',
    "an older head": b'{"log_head": {"registry": "%s", "seq": 1, "sha256": "%s"}}',
    "nested": b"[" * 5000,
    "a link": b"change_summary_v1.2.0.json",
}


def test_a_hostile_summary_hides_no_other_witness_and_makes_none_up(running: Governed) -> None:
    """Files of every odd kind are merged beside the true witness of event 4, which is then removed from the log."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    state = running.verification().state
    witnessed(running, registry=state.registry, seq=4, sha256=state.head_sha256)
    first = running.verification().events[0].sha256
    entries: dict[str, tuple[str, str] | None] = {}
    for number, (name, data) in enumerate(HOSTILE.items()):
        for path in (
            f"proposals/scoring/v0.{number}.0/change_summary_v0.{number}.0.json",
            f"proposals/scoring/v2.{number}.0/change_summary_v2.{number}.0.json",
            f"proposals/exam/v1.{number}.0/change_summary_v1.{number}.0.json",
        ):
            text = data.replace(b"%s", state.registry.encode(), 1).replace(b"%s", first.encode())
            entries[path] = ("120000" if name == "a link" else "100644", blob(running, text))
    entries["proposals/scoring/v3.0.0/change_summary_v3.0.0.json"] = ("160000", "1" * 40)
    entries["proposals/scoring/v3.1.0/change_summary_v3.1.0.json/x"] = ("100644", blob(running, b"{}"))
    land(running, odd_commit(running, [running.tip()], entries, by="carol"))
    assert running.verification().ok
    for place in (running.world.clone, running.world.remote):
        run_git(place, "update-ref", "-d", slot(4))
    forget(running, "alice", "bob", "carol")
    stopped(running, "ROLLBACK", 4, good=3)
