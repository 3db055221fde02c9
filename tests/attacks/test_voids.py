"""Attacks with junk in the next slots, and on the event that clears it away."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import upkeep
from calibgit.model.ids import Version
from calibgit.registry.format import parse_event
from calibgit.registry.steps import check_event
from calibgit.registry.write import Situation, write_event
from calibgit.release import plan as release_plans
from calibgit.release import upkeep as plans
from tests.attacks.raw import (
    codes,
    forge,
    payload,
    plant,
    read_tag,
    released_from,
    share,
    sign,
    slot,
    stopped,
    target_of,
    unsigned,
    warned,
    write,
)
from tests.support.governed import BASE, LINE, Governed

V110 = Version(1, 1, 0)


def junk(running: Governed, *seqs: int) -> list[dict[str, Any]]:
    """Bare names in the slots, here and on the remote; their list as a void names them."""
    oid = running.tip()
    plant(running.world.clone, {slot(seq): oid for seq in seqs})
    share(running, *(slot(seq) for seq in seqs))
    return [{"seq": seq, "oid": oid} for seq in seqs]


def void(running: Governed, entries: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """The payload of a void that lists `entries`."""
    seq = running.verification().state.seq + 1 + len(entries)
    fields = {"target": {"commit": running.tip()}, "void": entries, "seq": seq}
    return payload(running, "void", **(fields | changes))


def deprecation(running: Governed, **changes: Any) -> dict[str, Any]:
    return payload(running, "deprecate", line=LINE, version="1.0.0", target=target_of(running), **changes)


def hidden(running: Governed) -> None:
    """Junk stands where an event was removed: both are told, nothing may be voided, and nothing is written."""
    result = running.verification()
    assert codes(result) == ["LIGHTWEIGHT", "GAP"]
    assert (result.state.seq, result.foreign) == (3, [])
    before = running.remote_tags()
    with pytest.raises(CalibgitError, match="LIGHTWEIGHT"):
        upkeep.void(running.workspace("alice"), reason="junk")
    assert running.remote_tags() == before


def judged(running: Governed, name: str) -> None:
    """Hold one tag against the verifier's own steps."""
    result = running.verification()
    event = parse_event(running.world.head(name), read_tag(running.world.clone, name))
    assert result.policy is not None
    check_event(event, result.state, result.policy, running.workspace("alice").history(result.policy))


def test_a_void_by_hand_of_junk_is_believed(running: Governed) -> None:
    """The attacks below differ from this in one thing each."""
    forge(running, void(running, junk(running, 4, 5)), by="alice")
    result = running.verification()
    assert (result.ok, result.state.seq, warned(result)) == (True, 6, ["VOIDED", "VOIDED"])
    assert result.state.voided == {4: running.tip(), 5: running.tip()}


def test_a_valid_event_is_not_voided(running: Governed) -> None:
    """Bob's deprecation stands; alice jumps over it by hand."""
    value = deprecation(running)
    before = void(running, [{"seq": 4, "oid": running.tip()}])
    oid = forge(running, value)
    share(running, slot(4))
    forge(running, before | {"void": [{"seq": 4, "oid": oid}]}, by="alice")
    stopped(running, "VOID_OF_EVENT", 5, good=4)
    running.world.git("update-ref", "-d", slot(5))
    with pytest.raises(CalibgitError, match="NOTHING_TO_VOID"):
        upkeep.void(running.workspace("alice"), reason="x")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seqs", "code"),
    [
        ([5], "CHAIN"),
        ([], "MALFORMED"),
        ([4], "MALFORMED"),
        ([5, 4], "MALFORMED"),
        ([4, 4], "MALFORMED"),
        ([4, 6], "MALFORMED"),
        ([1, 2, 3, 4, 5], "MALFORMED"),
        ([2, 3, 4, 5], "VOID_OF_EVENT"),
        ([3, 4, 5], "VOID_OF_EVENT"),
    ],
    ids=str,
)
def test_a_void_lists_every_slot_in_between_and_no_other(running: Governed, seqs: list[int], code: str) -> None:
    """Two slots are occupied, and the void stands in the one behind them: what is wrong with it makes it junk, too."""
    value = void(running, junk(running, 4, 5)) | {"void": [{"seq": seq, "oid": running.tip()} for seq in seqs]}
    forge(running, value, by="alice")
    result = running.verification()
    assert result.state.seq == 3
    assert codes(result) == ["LIGHTWEIGHT"], "the first occupant is what stops the log"
    assert [each.seq for each in result.foreign] == [4, 5, 6]
    for seq in (4, 5):
        running.world.git("update-ref", "-d", slot(seq))
    alone = running.verification()
    assert (alone.state.seq, warned(alone)) == (3, ["FOREIGN_SLOT"])
    with pytest.raises(CalibgitError, match=code):
        judged(running, slot(6))


def test_only_recovery_people_void_by_hand(running: Governed) -> None:
    """A stranger's void is junk like any other."""
    value = void(running, junk(running, 4))
    forge(running, value, by="dave")
    result = running.verification()
    assert codes(result) == ["LIGHTWEIGHT"]
    assert [each.seq for each in result.foreign] == [4, 5]
    share(running, slot(5))
    upkeep.void(running.workspace("alice"), reason="both are junk")
    assert running.verification().state.seq == 6


def test_an_event_behind_a_removed_one_is_not_voided(running: Governed) -> None:
    """Event 4 is deleted and junk put in its place, so that a good-natured person voids it and event 5 with it."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="one")
    jobs.deprecate(running.workspace("bob"), V110, reason="two")
    for place in (running.world.clone, running.world.remote):
        plant(place, {slot(4): running.tip()})
    entries = [{"seq": 4, "oid": running.tip()}, {"seq": 5, "oid": running.world.head(slot(5))}]
    hidden(running)
    forge(running, void(running, entries), by="alice")
    hidden(running)


def test_a_removed_event_that_was_voided_and_returns_is_noticed(running: Governed) -> None:
    """The last event is replaced by junk before alice ever saw it; she voids the junk; then the event comes back."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="one")
    event = running.world.head(slot(4))
    shutil.rmtree(running.world.root / "home-alice")
    shutil.rmtree(running.world.root / "home-bob")
    for place in (running.world.clone, running.world.remote):
        plant(place, {slot(4): running.tip()})
    upkeep.void(running.workspace("alice"), reason="junk")
    assert running.verification().state.seq == 5
    assert codes(running.workspace("carol").verification()) == []
    plant(running.world.clone, {slot(4): event})
    result = running.workspace("dave").verification()
    assert codes(result) == ["VOID_OF_EVENT"]
    assert result.state.seq == 4


def test_whoever_saw_the_event_notices_its_void(running: Governed) -> None:
    """Bob wrote event 4; somebody replaces it by junk, and alice voids the junk in good faith."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="one")
    assert running.workspace("bob").verification().ok
    for place in (running.world.clone, running.world.remote):
        plant(place, {slot(4): running.tip()})
    with pytest.raises(CalibgitError, match="LIGHTWEIGHT"):
        upkeep.void(running.workspace("bob"), reason="junk")
    assert running.workspace("bob").verification().foreign == []
    upkeep.void(running.workspace("carol"), reason="junk")
    assert codes(running.workspace("bob").verification()) == ["ROLLBACK"]


def test_junk_that_changes_after_its_void_changes_nothing(running: Governed) -> None:
    """What lies in a voided slot is nobody's business, whatever it becomes."""
    junk(running, 4)
    upkeep.void(running.workspace("alice"), reason="junk")
    for oid in (
        running.world.head("HEAD:trust.toml"),
        running.world.head(slot(3)),
        write(running.world.clone, "tag", sign(unsigned(deprecation(running)), running.world.signer("dave"))),
    ):
        plant(running.world.clone, {slot(4): oid})
        result = running.verification()
        assert (result.ok, result.state.seq, warned(result)) == (True, 5, ["VOIDED"])


def test_a_flood_of_junk_is_voided_at_once(running: Governed) -> None:
    """Thirty slots in a row, of four kinds."""
    oids = [running.tip(), running.world.head("HEAD:trust.toml"), running.world.head("HEAD^{tree}")]
    oids.append(write(running.world.clone, "tag", sign(unsigned(deprecation(running)), running.world.signer("dave"))))
    names = {slot(4 + number): oids[number % 4] for number in range(30)}
    plant(running.world.clone, names)
    share(running, *names)
    stopped(running, "LIGHTWEIGHT", 4, good=3)
    upkeep.void(running.workspace("alice"), reason="flood")
    jobs.deprecate(running.workspace("bob"), BASE, reason="on we go")
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 35)


def racing(running: Governed, plan: Any, *seqs: int) -> Any:
    """`plan`, with junk pushed to the next of `seqs` each time it runs: after the log was read, before the push."""
    left = list(seqs)

    def planned(now: Situation) -> Mapping[str, Any]:
        if left:
            plant(running.world.remote, {slot(left.pop(0)): running.tip()})
        return plan(now)  # type: ignore[no-any-return]

    return planned


def test_junk_that_wins_a_race_against_a_writer_writes_nothing(running: Governed) -> None:
    """The writer reads the log again, finds junk, and stops with its name."""
    plan = racing(running, lambda now: release_plans.deprecate(now, line=LINE, version=BASE, reason="x"), 4)
    before = running.remote_tags()
    with pytest.raises(CalibgitError, match="LIGHTWEIGHT"):
        write_event(running.workspace("alice").writer(), "refs/heads/main", plan)
    assert running.remote_tags() == before | {slot(4): running.tip()}


def test_a_void_that_races_with_more_junk_takes_that_too(running: Governed) -> None:
    """Each push of junk costs the attacker a push; the void follows."""
    junk(running, 4)
    plan = racing(running, lambda now: plans.void(now, reason="junk"), 5, 6, 7)
    event = write_event(running.workspace("alice").writer(), "refs/heads/main", plan, voiding=True)
    assert (event.seq, [each["seq"] for each in event.payload["void"]]) == (8, [4, 5, 6, 7])
    assert running.verification().ok


def test_a_signed_event_whose_name_belongs_to_another_is_junk(running: Governed) -> None:
    """Bob signs the release of 1.1.0 a second time and pushes the slot only: its name can never be put right."""
    value = payload(
        running, "release", **released_from(running, running.tip(), V110, kind="merge-signed", head="0" * 40)
    )
    plant(
        running.world.clone,
        {slot(4): write(running.world.clone, "tag", sign(unsigned(value), running.world.signer("bob")))},
    )
    share(running, slot(4))
    stopped(running, "NAME_MISMATCH", 4, good=3)
    upkeep.void(running.workspace("alice"), reason="cannot be an event")
    jobs.deprecate(running.workspace("bob"), BASE, reason="on we go")
    assert running.verification().ok


def test_a_sound_event_whose_name_was_damaged_is_not_junk(running: Governed) -> None:
    """Whoever deletes or moves the name of a release must not get the release voided."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="approved")
    name = "refs/tags/calib/scoring/v1.2.0"
    running.world.git("update-ref", "-d", name)
    running.world.remote_git("update-ref", "-d", name)
    stopped(running, "NAME_MISMATCH", 4, good=3)
    with pytest.raises(CalibgitError, match="NAME_MISMATCH"):
        upkeep.void(running.workspace("alice"), reason="x")
    plant(running.world.remote, {name: running.tip()})
    running.fetch()
    stopped(running, "LIGHTWEIGHT", 4, good=3)


def test_a_void_cannot_jump_over_an_event_whose_name_is_damaged_behind_a_gap(running: Governed) -> None:
    """Event 4 and the name of the release that follows it are removed together."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="one")
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="approved")
    for place in (running.world.clone, running.world.remote):
        plant(place, {slot(4): running.tip(), "refs/tags/calib/scoring/v1.2.0": running.tip()})
    hidden(running)
