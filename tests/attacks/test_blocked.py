"""Attacks with names that leave no room for others: below an event's name, above it, or too long for a clone."""

from __future__ import annotations

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import upkeep
from calibgit.model.ids import Version
from tests.attacks.raw import codes, plant, slot, warned
from tests.support.governed import BASE, Governed

PREFIX = "refs/tags/calib/"


def squat(running: Governed, name: str) -> None:
    """Somebody pushes a tag."""
    plant(running.world.remote, {name: running.tip()})


@pytest.mark.parametrize("below", ["x", "x/y", "00000004"])
def test_a_name_below_the_next_slot_is_junk_in_it(running: Governed, below: str) -> None:
    """Git could not create the slot beside it, so nobody could ever write again."""
    squat(running, f"{slot(4)}/{below}")
    with pytest.raises(CalibgitError, match="NAME_BLOCKED"):
        jobs.deprecate(running.workspace("bob"), BASE, reason="x")
    result = running.verification()
    assert (codes(result), result.state.seq) == (["NAME_BLOCKED"], 3)
    upkeep.void(running.workspace("alice"), reason="junk")
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert (running.verification().ok, running.verification().state.seq) == (True, 6)


@pytest.mark.slow
def test_names_below_slots_to_come_are_told_and_cleared_when_they_are_due(running: Governed) -> None:
    """Three of them at once, one of them two slots ahead."""
    for seq in (5, 6, 9):
        squat(running, f"{slot(seq)}/x")
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert codes(running.verification()) == ["NAME_BLOCKED"]
    upkeep.void(running.workspace("alice"), reason="junk")
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 7)
    assert warned(result).count("VOIDED") == 2
    assert "FOREIGN_SLOT" in warned(result)


@pytest.mark.parametrize("name", ["scoring/revert", "scoring/revert/v1.1.0-00000004/x"])
def test_a_name_in_the_way_of_a_rollback_is_named_with_its_removal(running: Governed, name: str) -> None:
    """The emergency brake would not work, and nobody would know why."""
    squat(running, PREFIX + name)
    before = running.remote_tags()
    with pytest.raises(CalibgitError, match="NAME_BLOCKED") as refusal:
        jobs.rollback(running.workspace("bob"), env="production", to=None, reason="too strict")
    assert running.remote_tags() == before
    for part in refusal.value.fix.split(" && "):
        running.world.git(*part.replace("'", "").split()[1:])
    jobs.rollback(running.workspace("bob"), env="production", to=None, reason="too strict")
    assert running.verification().ok


def test_a_name_above_the_whole_log_is_named(running: Governed) -> None:
    """No fetch of the log brings it, so no reader sees it; the remote refuses every name below."""
    for name in running.remote_tags():
        running.world.remote_git("update-ref", "-d", name)
    squat(running, "refs/tags/calib")
    with pytest.raises(CalibgitError, match="NAME_BLOCKED") as refusal:
        jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert "refs/tags/calib'" in refusal.value.what
    assert "git push origin --delete 'refs/tags/calib'" in refusal.value.fix


@pytest.mark.slow
def test_a_name_in_the_way_of_a_release_is_named(running: Governed) -> None:
    """Below the number that is due."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    squat(running, PREFIX + "scoring/v1.2.0/x")
    with pytest.raises(CalibgitError, match="NAME_BLOCKED"):
        jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="approved")
    assert running.verification().ok


@pytest.mark.parametrize(("parts", "kept"), [(1, True), (4, False), (21, False)])
def test_a_name_that_is_too_long_for_a_clone_stops_no_writer(running: Governed, parts: int, kept: bool) -> None:
    """How long a path may be depends on where a clone lies: what a server holds may fit into no clone."""
    name = PREFIX + "/".join(["x" * 201] * parts)
    _pack(running, name)
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 4)
    assert warned(result) == (["FOREIGN_NAME"] if kept else [])


def _pack(running: Governed, name: str) -> None:
    """A server that keeps refs in one file takes any length."""
    path = running.world.remote / "packed-refs"
    lines = [line for line in path.read_text().splitlines() if line[:1] not in {"#", "^"}]
    names = sorted([*(line.split(" ", 1)[::-1] for line in lines), [name, running.tip()]])
    path.write_text("# pack-refs with: sorted \n" + "".join(f"{oid} {each}\n" for each, oid in names))
