"""Attacks on names: tags moved, deleted, swapped, flattened, squatted, or dressed up as others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calibgit.errors import CalibgitError, Conflict, GateClosed, IntegrityError
from calibgit.jobs import govern as jobs
from calibgit.jobs import pinning, read
from calibgit.model.event import MAX_EVENT_BYTES
from calibgit.model.ids import Version
from tests.attacks.raw import codes, plant, read_tag, slot, warned, write
from tests.support.governed import Governed
from tests.support.world import run_git

V110 = Version(1, 1, 0)
RELEASE = "refs/tags/calib/scoring/v1.1.0"


def refused(running: Governed, code: str, seq: int, *, good: int) -> None:
    """The error and the state of the last good event; nobody writes on top of it."""
    result = running.verification()
    assert codes(result) == [code]
    assert result.errors[0].seq == seq
    assert result.state.seq == good
    status = read.status(running.workspace())
    assert not status["ok"]
    with pytest.raises(CalibgitError):
        jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="x")
    with pytest.raises(IntegrityError, match=code):
        running.workspace().verification().require()


def test_a_copy_is_sound(running: Governed) -> None:
    result = running.verification()
    assert result.ok
    assert result.state.seq == 3
    assert result.warnings == []


def test_a_signed_tag_under_another_versions_name_is_not_that_version(running: Governed, tmp_path: Path) -> None:
    """Whoever may push tags points v9.9.9 at the signed object of v1.1.0, which git verify-tag calls good."""
    plant(running.world.clone, {"refs/tags/calib/scoring/v9.9.9": running.world.head(RELEASE)})
    result = running.verification()
    assert result.ok
    assert warned(result) == ["FOREIGN_NAME"]
    with pytest.raises(GateClosed, match="NOT_RELEASED"):
        pinning.pin(running.workspace(), "calib/scoring/v9.9.9", tmp_path / "pin", trust_root=result.state.registry)


def test_a_friendly_name_that_points_elsewhere_stops_the_log(running: Governed) -> None:
    """Runtimes pin the friendly name, so it must not lead to another event than the slot."""
    plant(running.world.clone, {RELEASE: running.world.head(slot(3))})
    refused(running, "NAME_MISMATCH", 2, good=1)


def test_a_friendly_name_that_is_deleted_stops_the_log(running: Governed) -> None:
    """A version that vanishes by its name must be missed."""
    running.world.git("update-ref", "-d", RELEASE)
    result = running.verification()
    assert codes(result) == ["NAME_MISMATCH"]
    assert result.state.seq == 1


def test_a_moved_slot_stops_the_log(running: Governed) -> None:
    """An old event under a later number would replay it."""
    plant(running.world.clone, {slot(3): running.world.head(slot(2))})
    refused(running, "NAME_MISMATCH", 3, good=2)


def test_a_slot_moved_on_the_remote_is_refused_and_the_known_one_kept(running: Governed) -> None:
    """Somebody force-pushes another object under a taken number."""
    known = running.world.head(slot(3))
    plant(running.world.remote, {slot(3): running.world.head(slot(2))})
    with pytest.raises(Conflict, match="MOVED"):
        jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="x")
    assert running.world.head(slot(3)) == known
    assert running.verification().ok
    fresh = running.world.second_clone()
    assert codes(running.workspace(path=fresh).verification()) == ["NAME_MISMATCH"]


def test_a_middle_event_that_is_deleted_is_a_gap(running: Governed) -> None:
    """An activation is taken out of history."""
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")
    running.world.git("update-ref", "-d", slot(3))
    result = running.verification()
    assert codes(result) == ["GAP"]
    assert result.errors[0].seq == 3
    assert result.state.seq == 2


def test_a_missing_first_event_is_a_gap(running: Governed) -> None:
    """Without genesis there is no trust at all."""
    running.world.git("update-ref", "-d", slot(1))
    result = running.verification()
    assert codes(result) == ["GAP"]
    assert result.policy is None


def test_a_cut_tail_goes_unnoticed_by_a_fresh_reader_and_is_noticed_by_a_bundle(
    running: Governed, tmp_path: Path
) -> None:
    """The remote serves a shorter log: a reader without memory believes it; one with memory or a bundle does not."""
    root = running.verification().state.registry
    pinning.pin(running.workspace(), "1.1.0", tmp_path / "pin", trust_root=root)
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")
    pinning.pin(running.workspace(), "1.1.0", tmp_path / "pin", trust_root=root)
    running.world.remote_git("update-ref", "-d", slot(4))
    clone = running.world.second_clone()
    assert codes(running.workspace(path=clone).verification()) == ["ROLLBACK"]
    fresh = running.workspace("dave", path=clone)
    assert fresh.verification().ok
    assert fresh.verification().state.seq == 3
    with pytest.raises(IntegrityError, match="DOWNGRADE"):
        pinning.pin(fresh, "1.1.0", tmp_path / "pin", trust_root=root)


def test_after_a_cut_tail_the_next_event_shows_the_gap_to_everybody(running: Governed) -> None:
    """Whoever still knows the deleted event writes on top of it, so that it is missed from then on."""
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")
    running.world.remote_git("update-ref", "-d", slot(4))
    jobs.deprecate(running.workspace("bob"), V110, reason="more")
    fresh = running.workspace(path=running.world.second_clone()).verification()
    assert codes(fresh) == ["GAP"]
    assert fresh.errors[0].seq == 4


def test_a_bundle_refuses_another_log_of_the_same_length(running: Governed, tmp_path: Path) -> None:
    """The last event is replaced by another, properly signed one."""
    root = running.verification().state.registry
    twin = tmp_path / "twin"
    shutil.copytree(running.world.root, twin)
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="one")
    pinning.pin(running.workspace(), "1.1.0", tmp_path / "pin", trust_root=root)
    other = running.workspace("carol", path=twin / "clone")
    jobs.deprecate(other, Version(1, 0, 0), reason="another")
    with pytest.raises(IntegrityError, match="DOWNGRADE"):
        pinning.pin(other, "1.1.0", tmp_path / "pin", trust_root=root)


def test_events_that_change_places_are_refused(running: Governed) -> None:
    """Activation before release: same objects, other order."""
    two, three = running.world.head(slot(2)), running.world.head(slot(3))
    plant(running.world.clone, {slot(2): three, slot(3): two})
    refused(running, "NAME_MISMATCH", 2, good=1)


@pytest.mark.parametrize(
    ("what", "code"),
    [("commit", "LIGHTWEIGHT"), ("tree", "TARGET_TYPE"), ("blob", "TARGET_TYPE"), ("tag", "TARGET_TYPE")],
)
def test_a_slot_names_a_tag_of_a_commit_and_nothing_else(running: Governed, what: str, code: str) -> None:
    """A bare name carries no signature; tags of tags, trees and blobs pass git verify-tag."""
    clone = running.world.clone
    oid = {
        "commit": lambda: running.world.head("HEAD"),
        "tree": lambda: running.world.head("HEAD^{tree}"),
        "blob": lambda: running.world.head("HEAD:trust.toml"),
        "tag": lambda: write(
            clone,
            "tag",
            read_tag(clone, slot(3))
            .replace(b"type commit", b"type tag")
            .replace(b"object " + read_tag(clone, slot(3))[7:47], b"object " + running.world.head(slot(3)).encode()),
        ),
    }[what]()
    plant(clone, {slot(4): oid})
    refused(running, code, 4, good=3)


def test_a_flattened_log_is_named_as_such(running: Governed) -> None:
    """Some CI checkouts turn annotated tags into lightweight ones."""
    for seq in (1, 2, 3):
        plant(running.world.clone, {slot(seq): running.world.head(slot(seq) + "^{commit}")})
    result = running.verification()
    assert codes(result) == ["LIGHTWEIGHT"]
    assert "--fetch" in result.errors[0].fix


@pytest.mark.parametrize("size", [MAX_EVENT_BYTES + 1, 40 * 1024 * 1024])
def test_a_huge_tag_is_refused_by_its_size_before_it_is_read(running: Governed, size: int) -> None:
    """Somebody pushes megabytes under the next number to exhaust every reader."""
    body = read_tag(running.world.clone, slot(3))
    plant(running.world.clone, {slot(4): write(running.world.clone, "tag", body + b"x" * (size - len(body)))})
    refused(running, "TOO_LARGE", 4, good=3)


IGNORED = [
    "refs/tags/calib/e/-0000004",
    "refs/tags/calib/e/--upload-pack=x",
    "refs/tags/calib/e/4",
    "refs/tags/calib/e/00000000",
    "refs/tags/calib/e/000000004",
    "refs/tags/calib/e/00000004x",
    "refs/tags/calib/E/00000004",
    "refs/tags/calib/e/\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0664",
    "refs/tags/calib/e/00000003/x",
    "refs/tags/calib/scoring/v01.1.0",
    "refs/tags/calib/scoring/V1.1.0",
    "refs/tags/calib/scoring/v1.1.0-rc1",
    "refs/tags/calib/sc\u043ering/v1.1.0",
    "refs/tags/calib/scoring'/v1.1.0",
    'refs/tags/calib/"scoring"/v1.1.0',
    "refs/tags/calib/$(id)/v1.1.0",
    "refs/tags/calib/`id`",
    "refs/tags/calib/-x",
    "refs/tags/calib/" + "a" * 40,
    "refs/tags/calib/refs/tags/calib/e/00000004",
    "refs/tags/calib/e;rm/x",
    "refs/tags/calib/\u202ev1.1.0",
]


@pytest.mark.parametrize("name", [name for name in IGNORED if not name.endswith("3/x")])
def test_a_look_alike_name_is_ignored_with_a_warning(running: Governed, name: str) -> None:
    """Names that look like slots or releases to people, to shells or to sloppy parsers."""
    plant(running.world.clone, {name: running.world.head(slot(3))})
    result = running.verification()
    assert result.ok
    assert result.state.seq == 3
    assert warned(result) == ["FOREIGN_NAME"]
    assert result.warnings[0].message.isascii()
    assert result.warnings[0].message.isprintable()


def test_a_look_alike_name_on_the_remote_stops_no_writer(running: Governed) -> None:
    """The names arrive with the log, so fetching must cope with them."""
    names = [name for name in IGNORED if not name.endswith(("3/x", "E/00000004"))]
    plant(running.world.remote, dict.fromkeys(names, running.world.head(slot(3))))
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")
    result = running.verification()
    assert result.ok
    assert result.state.seq == 4
    assert len(result.warnings) == len(names)


def test_a_branch_of_the_tags_name_changes_nothing(running: Governed) -> None:
    """Short names prefer the one or the other; only full names are used."""
    other = running.world.head("HEAD~1")
    names = ["calib/scoring/v1.1.0", "calib/e/00000003", "refs/tags/calib/e/00000004", "origin/main", "main"]
    plant(running.world.clone, {f"refs/heads/{name}": other for name in names})
    plant(running.world.clone, {"refs/tags/main": other, "refs/tags/origin/main": other, "refs/tags/HEAD": other})
    result = running.verification()
    assert result.ok
    assert result.state.seq == 3
    assert result.warnings == []


def test_a_pending_co_signature_is_read_by_no_verifier(running: Governed) -> None:
    """Anybody may leave something there for a writer."""
    plant(running.world.clone, {"refs/tags/calib/p/000000000000/00000000": running.world.head("HEAD")})
    assert running.verification().ok
    assert running.verification().warnings == []


def test_a_squatted_release_name_burns_that_number_and_is_named(running: Governed) -> None:
    """Somebody takes v1.2.0 before the release does."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    plant(running.world.remote, {"refs/tags/calib/scoring/v1.2.0": running.tip()})
    before = running.remote_tags()
    with pytest.raises(GateClosed, match="NAME_TAKEN"):
        jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="approved")
    assert running.remote_tags() == before
    assert running.verification().ok


def test_a_squatted_namespace_is_noticed(running: Governed) -> None:
    """A tag called calib leaves no room for calib/...: whoever pushes it first blocks the registry."""
    for name in running.remote_tags():
        running.world.remote_git("update-ref", "-d", name)
        running.world.git("update-ref", "-d", name)
    plant(running.world.clone, {"refs/tags/calib": running.world.head("HEAD")})
    result = running.verification()
    assert result.policy is None
    assert warned(result) == ["FOREIGN_NAME"]


@pytest.mark.parametrize("junk", ["lightweight", "unsigned"])
def test_junk_far_ahead_of_the_log_stops_nobody(running: Governed, junk: str) -> None:
    """Whoever may push tags can occupy a slot that is not due yet: that is told, and nothing else happens."""
    clone = running.world.clone
    oid = (
        running.world.head("HEAD")
        if junk == "lightweight"
        else write(
            clone,
            "tag",
            b"object " + running.world.head("HEAD").encode() + b"\ntype commit\ntag x\ntagger a <a@b> 0 +0000\n\nx\n",
        )
    )
    plant(clone, {slot(99_999_999): oid})
    result = running.verification()
    assert (result.ok, warned(result)) == (True, ["FOREIGN_SLOT"])
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")
    assert running.verification().state.seq == 4
    assert read.status(running.workspace())["lines"]["scoring"]["active"] == {"production": "1.1.0"}


ODD_BUT_LEGAL = [b"calib/x\xc2\x85y", b"calib/x\xe2\x80\xa8y", b"calib/x\xffy", b"calib/a./b"]


@pytest.mark.parametrize(
    "name", ODD_BUT_LEGAL, ids=lambda name: name.decode("latin-1").encode("unicode_escape").decode()
)
def test_a_name_that_git_allows_and_text_tools_stumble_over_stops_nobody(running: Governed, name: bytes) -> None:
    """One pushed tag with an odd name must not keep every reader and writer from working."""
    text = name.decode("utf-8", "surrogateescape")
    run_git(running.world.remote, "update-ref", f"refs/tags/{text}", running.tip())
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")
    assert running.verification().ok
    assert running.verification().state.seq == 4
