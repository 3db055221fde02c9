"""Attacks by somebody who may do one thing, alone: what one role, one key or one rule does to the others."""

from __future__ import annotations

import pytest

from calibgit.errors import CalibgitError, DocumentError, IntegrityError
from calibgit.jobs import govern as jobs
from calibgit.jobs import read, upkeep
from calibgit.model.ids import Version
from calibgit.model.policy import read_policy
from tests.attacks.raw import (
    codes,
    forge,
    payload,
    plant,
    read_tag,
    share,
    sign,
    slot,
    stopped,
    target_of,
    unsigned,
    write,
)
from tests.attacks.test_policies import change, deprecation, ended, hire, merge_policy, shown
from tests.jobs.test_races import overtaken, second
from tests.support.events import policy_toml
from tests.support.governed import BASE, LINE, Governed

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)
NOWHERE = {"oid": "1" * 40, "sha256": "1" * 64}


def behind_a_hole(running: Governed, by: str, seq: int = 9) -> None:
    """An event whose predecessor nobody has ever seen."""
    forge(running, deprecation(running, seq=seq, prev=NOWHERE), by=by)


@pytest.mark.parametrize("seq", [4, 9])
def test_a_member_without_the_role_makes_no_gap(running: Governed, seq: int) -> None:
    """Any key of the policy could stop everybody for ever: a gap cannot be voided, junk can."""
    hire(running)
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by="alice")
    share(running, slot(4))
    behind_a_hole(running, "dave", seq + 1)
    result = running.verification()
    assert (result.ok, result.state.seq) == (seq == 9, 4)
    if seq == 4:
        share(running, slot(5))
        upkeep.void(running.workspace("alice"), reason="no role")
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.verification().ok


@pytest.mark.slow
def test_an_ended_key_makes_no_gap(running: Governed) -> None:
    """Bob's key is retired; what it signs later is junk, whatever it is said to follow."""
    merge_policy(running, *ended(running, "bob", 4))
    upkeep.policy(running.workspace("alice"), reason="bob left")
    behind_a_hole(running, "bob")
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 4)


@pytest.mark.slow
def test_a_threshold_that_is_not_met_makes_no_gap(running: Governed) -> None:
    """One of two people is nobody."""
    section = '[roles.deprecate]\npeople = ["alice", "bob", "carol"]\nthreshold = '
    merge_policy(running, section + "1", section + "2")
    upkeep.policy(running.workspace("alice"), reason="two")
    behind_a_hole(running, "bob")
    assert running.verification().ok


@pytest.mark.slow
def test_a_gap_by_somebody_with_the_role_is_not_voided_and_ends_with_its_tag(running: Governed) -> None:
    """It might be real: whoever holds the event before it would see it deleted. So only its tag's removal helps."""
    behind_a_hole(running, "bob")
    share(running, slot(9))
    stopped(running, "GAP", 4, good=3)
    with pytest.raises(CalibgitError, match="GAP"):
        upkeep.void(running.workspace("alice"), reason="x")
    for place in (running.world.git, running.world.remote_git):
        place("update-ref", "-d", slot(9))
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.verification().state.seq == 4


@pytest.mark.slow
def test_the_author_of_what_a_rollback_restored_does_not_ratify_it(running: Governed) -> None:
    """Carol wrote 1.1.0. Bob alone goes back to it; carol's word is no second pair of eyes on her own change."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), V120, reason="approved")
    jobs.activate(running.workspace("bob"), V120, env="production")
    jobs.rollback(running.workspace("bob"), env="production", to=None, reason="too strict")
    with pytest.raises(CalibgitError, match="AUTHOR_ONLY"):
        upkeep.ratify(running.workspace("carol"), 6, reason="mine")
    digest = running.verification().events[5].sha256
    fields = {"line": LINE, "env": "production", "ratifies": {"seq": 6, "sha256": digest}}
    forge(running, payload(running, "ratify", target={"commit": running.tip()}, **fields), by="carol")
    stopped(running, "AUTHOR_ONLY", 7, good=6)
    running.world.git("update-ref", "-d", slot(7))
    upkeep.ratify(running.workspace("alice"), 6, reason="looked at it")
    assert running.verification().state.unratified() == []


@pytest.mark.slow
def test_whoever_deprecates_takes_a_rollback_target_away_and_nothing_else(running: Governed) -> None:
    """One of the limits: the only version to go back to is deprecated. What is active stays, and it is told."""
    jobs.deprecate(running.workspace("bob"), BASE, reason="hostile")
    with pytest.raises(CalibgitError, match="NO_ROLLBACK_TARGET"):
        jobs.rollback(running.workspace("alice"), env="production", to=None, reason="x")
    jobs.deprecate(running.workspace("bob"), V110, reason="hostile, too")
    assert read.status(running.workspace())["lines"][LINE]["active"] == {"production": "1.1.0"}
    fields = {"line": LINE, "version": "1.0.0", "from_version": "1.1.0", "env": "production", "report_sha256": "0" * 64}
    forge(running, payload(running, "revert", **fields, target=target_of(running)))
    stopped(running, "NOT_A_ROLLBACK_TARGET", 6, good=5)


@pytest.mark.slow
def test_an_activation_loses_the_race_against_the_end_of_its_key(running: Governed) -> None:
    """Bob has signed; before his push arrives, alice's policy event ends his key."""
    merge_policy(running, *ended(running, "bob", 4))
    other = second(running, "alice")
    mine = overtaken(running, "bob", lambda: upkeep.policy(other, reason="bob left"))
    with pytest.raises(IntegrityError, match="KEY_ENDED"):
        jobs.activate(mine, BASE, env="production", reason="quick")
    result = running.verification()
    assert (result.ok, result.state.seq, result.state.now[LINE, "production"]) == (True, 4, V110)


@pytest.mark.slow
def test_one_policy_may_end_the_key_that_signs_it_and_add_another(running: Governed) -> None:
    """Bob hands over to dave: the event is bob's last, and dave's key is shown."""
    world = running.world
    gone = ended(running, "bob", 5)
    person = f'[people.dave]\nkind = "human"\nkeys = ["{world.public_key("dave")}"]\n\n'
    merge_policy(running, gone[0], gone[1])
    merge_policy(running, "[roles.release]", person + "[roles.release]")
    merge_policy(running, "[roles.deprecate]\npeople = [", '[roles.deprecate]\npeople = ["dave", ')
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by="bob")
    assert running.verification().ok
    event = deprecation(running)
    forge(running, event, by="bob")
    assert codes(running.verification()) == ["KEY_ENDED"]
    forge(running, event, by="dave")
    assert running.verification().ok


@pytest.mark.slow
def test_a_policy_does_not_end_a_key_and_give_it_to_somebody_else(running: Governed) -> None:
    """Bob's stolen key comes back as dave's in the same breath; the thief can show that he holds it."""
    world = running.world
    stolen = f'keys = ["{world.public_key("bob")}"]'
    merge_policy(running, stolen, f'keys = ["{world.public_key("robot")}"]')
    merge_policy(running, "[roles.release]", f'[people.dave]\nkind = "human"\n{stolen}\n\n[roles.release]')
    value = change(running)
    proofs = [shown(running, value, name) for name in ("robot", "bob")]
    forge(running, value | {"possession": proofs}, by="alice")
    assert running.verification().ok, "a key may change hands when the new holder shows it"
    merge_policy(running, stolen + "\n", stolen.replace(world.public_key("bob"), world.public_key("dave")) + "\n")
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by="alice")
    assert running.verification().ok
    merge_policy(running, "[roles.release]", f'[people.eve]\nkind = "human"\n{stolen}\n\n[roles.release]')
    value = change(running)
    forge(running, value | {"possession": [shown(running, value, "bob")]}, by="alice")
    stopped(running, "KEY_REVIVED", 6, good=5)


@pytest.mark.slow
def test_genesis_is_no_event_of_another_slot(running: Governed) -> None:
    """The first event once more, under the next number: as it is, and signed anew."""
    for body in (
        read_tag(running.world.clone, slot(1)),
        sign(unsigned(dict(running.verification().events[0].payload), by="alice"), running.world.signer("alice")),
    ):
        plant(running.world.clone, {slot(4): write(running.world.clone, "tag", body)})
        stopped(running, "NAME_MISMATCH", 4, good=3)


@pytest.mark.slow
def test_a_second_genesis_in_the_first_slot_is_another_registry(running: Governed) -> None:
    """Alice signs another beginning. Old clones keep the known one; a reader with a root refuses; the rest is foreign."""
    root = running.verification().state.registry
    value = dict(running.verification().events[0].payload) | {"reason": "another beginning"}
    text = unsigned(value, by="alice")
    oid = write(running.world.clone, "tag", sign(text, running.world.signer("alice")))
    running.world.git("push", "--quiet", "--force", "origin", f"{oid}:{slot(1)}")
    with pytest.raises(CalibgitError, match="MOVED"):
        jobs.deprecate(running.workspace("bob"), BASE, reason="x")
    fresh = running.workspace("dave", path=running.world.second_clone())
    assert codes(fresh.verification()) == ["CHAIN"]
    assert fresh.verification().state.now == {(LINE, "production"): BASE}
    with pytest.raises(IntegrityError, match="WRONG_ROOT"):
        running.workspace("dave", path=running.world.root / "second", trust_root=root).verification()


@pytest.mark.slow
@pytest.mark.parametrize(("count", "code"), [(10_000, "TOO_LARGE"), (600, "TWICE_SIGNED")])
def test_a_crowd_of_co_signatures_counts_as_one_person(running: Governed, count: int, code: str) -> None:
    """Ten thousand are never read; as many as fit are one person's."""
    event = deprecation(running)
    entry = shown(running, event, "carol", "calibgit-statement")
    forge(running, event | {"cosignatures": [entry] * count})
    stopped(running, code, 4, good=3)


@pytest.mark.slow
def test_an_environment_does_not_become_production_under_a_machines_hands(running: Governed) -> None:
    """Robot may activate in staging; a policy that calls staging production gives it nothing."""
    robot = f'[people.robot]\nkind = "ci"\nkeys = ["{running.world.public_key("robot")}"]\n\n'
    role = '[roles."activate:staging"]\npeople = ["robot"]\nthreshold = 1\n\n'
    merge_policy(running, "[roles.release]", robot + role + "[roles.release]")
    value = change(running)
    forge(running, value | {"possession": [shown(running, value, "robot")]}, by="alice")
    assert running.verification().ok
    merge_policy(running, "production = [", 'production = ["staging", ')
    forge(running, change(running), by="alice")
    stopped(running, "POLICY_UNREADABLE", 5, good=4)


CLASHES = {
    "one e-mail after folding": (b'emails = ["bob@', 'emails = ["stra\u00dfe@x", "STRASSE@x", "bob@'.encode()),
    "one e-mail of two people": (b'emails = ["bob@example.org"', b'emails = ["ALICE@Example.org"'),
    "one place for the contracts of two lines": (
        b"[people.alice]",
        b'[lines.exam]\nconfigs = "exam"\ncontracts = "configs/contracts"\n[people.alice]',
    ),
    "the contracts of one line are the configs of another": (
        b"[people.alice]",
        b'[lines.exam]\nconfigs = "configs/contracts"\ncontracts = "exam"\n[people.alice]',
    ),
    "one key of two people": (b"[people.bob]", b"[people.bob]"),
}


@pytest.mark.parametrize("name", CLASHES)
def test_a_policy_in_which_two_are_one_is_no_policy(name: str) -> None:
    """Two people with one address, two lines with one place: whose it is would depend on who asks first."""
    old, new = CLASHES[name]
    text = policy_toml()
    if name == "one key of two people":
        keys = [line for line in text.split(b"\n") if line.startswith(b"keys = ")]
        old, new = keys[1], keys[0]
    assert old in text
    with pytest.raises(DocumentError):
        read_policy(text.replace(old, new, 1))
    read_policy(text)
