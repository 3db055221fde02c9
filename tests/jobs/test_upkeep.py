"""Policy changes, co-signatures, voids, checkpoints and ratifications over a real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibgit.errors import CalibgitError, GateClosed, IntegrityError, PermissionRefused
from calibgit.jobs import cosigning, govern, pinning, read, upkeep
from calibgit.jobs.cosigning import Wanted
from calibgit.jobs.doctor import doctor
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot, write
from tests.support.governed import BASE, Governed
from tests.support.governed import govern as govern_world
from tests.support.world import World

V110 = Version(1, 1, 0)
V120 = Version(1, 2, 0)
TRUST = "trust.toml"


def change_policy(governed: Governed, old: str, new: str) -> None:
    """Merge a changed trust.toml; it is not in force before a policy event."""
    path = governed.world.clone / TRUST
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    governed.world.git("add", TRUST)
    governed.world.git("commit", "--quiet", "-m", "Another policy")
    governed.world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()


def on_main(governed: Governed) -> None:
    governed.world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")


def threshold(governed: Governed, role: str, people: int) -> None:
    """Ask for `people` people for a role."""
    text = (governed.world.clone / TRUST).read_text()
    section = text[text.index(f"[roles.{role}]") :]
    section = section[: section.index("threshold = 1") + len("threshold = 1")]
    change_policy(governed, section, section.replace("threshold = 1", f"threshold = {people}"))
    upkeep.policy(governed.workspace("alice"), reason="two people")


def member(governed: Governed, name: str) -> str:
    return (
        f'[people.{name}]\nkind = "human"\nkeys = ["{governed.world.public_key(name)}"]\n'
        f'emails = ["{name}@example.org"]\nowners = ["@{name}"]\n\n'
    )


def hire(governed: Governed, name: str) -> None:
    """Merge a policy that lists one person more."""
    change_policy(governed, "[roles.release]", member(governed, name) + "[roles.release]")


@pytest.fixture
def governed(world: World) -> Governed:
    return govern_world(world)


@pytest.fixture
def released(governed: Governed) -> Governed:
    governed.merge(governed.propose("1.1.0"), by="alice")
    govern.release(governed.workspace("bob"), V110, reason="ready")
    on_main(governed)
    return governed


def refused(code: str, job: object) -> None:
    with pytest.raises(CalibgitError, match=code):
        job()  # type: ignore[operator]


def test_two_people_sign_one_event(released: Governed) -> None:
    threshold(released, '"activate:production"', 2)
    refused("THRESHOLD", lambda: govern.activate(released.workspace("bob"), V110, env="production"))
    done = cosigning.countersign(released.workspace("alice"), Wanted("activate", V110, reason="both agree"))
    assert (done.person, done.fresh) == ("alice", True)
    again = cosigning.countersign(released.workspace("alice"), Wanted("activate", V110, reason="both agree"))
    assert not again.fresh
    written = govern.activate(released.workspace("bob"), V110, env="production")
    assert written.event.payload["reason"] == "both agree"
    result = released.verification()
    assert result.ok
    assert result.people[result.state.seq] == ("bob", "alice")


def test_two_people_reject_and_two_people_ratify(released: Governed) -> None:
    """Whatever takes two people can be done by two."""
    govern.activate(released.workspace("bob"), V110, env="production")
    written, _ = govern.rollback(released.workspace("bob"), env="production", to=None, reason="too strict")
    seq = written.event.seq
    threshold(released, '"activate:production"', 2)
    threshold(released, "release", 2)
    released.propose("1.2.0", good=68)
    refused("THRESHOLD", lambda: upkeep.ratify(released.workspace("alice"), seq, reason="right"))
    cosigning.countersign(released.workspace("carol"), Wanted("ratify", seq=seq, reason="right"))
    upkeep.ratify(released.workspace("alice"), seq, reason="right")
    assert not released.verification().state.unratified()
    refused("THRESHOLD", lambda: govern.reject(released.workspace("alice"), Version(1, 2, 0), reason="no"))
    cosigning.countersign(released.workspace("carol"), Wanted("reject", Version(1, 2, 0), reason="no"))
    govern.reject(released.workspace("alice"), Version(1, 2, 0), reason="no")
    refused("NEEDS_EVENT", lambda: cosigning.countersign(released.workspace("carol"), Wanted("ratify", reason="x")))


def test_a_clone_that_saw_the_junk_goes_on_when_somebody_else_has_voided_it(released: Governed) -> None:
    """What this clone knows is judged after fetching, not before."""
    other = released.world.second_clone("bobs")
    junk = write(released.world.remote, "blob", b"junk")
    plant(released.world.remote, {slot(3): junk})
    refused("TARGET_TYPE", lambda: govern.activate(released.workspace("bob", path=other), V110, env="production"))
    upkeep.void(released.workspace("alice"), reason="somebody pushed junk")
    govern.activate(released.workspace("bob", path=other), V110, env="production")
    assert released.workspace(path=other).verification().ok


def test_a_co_signature_of_other_words_counts_for_nothing(released: Governed) -> None:
    threshold(released, '"activate:production"', 2)
    cosigning.countersign(released.workspace("alice"), Wanted("activate", V110, reason="one thing"))
    refused(
        "THRESHOLD",
        lambda: govern.activate(released.workspace("bob"), V110, env="production", reason="another thing"),
    )


def test_a_new_person_shows_their_key_before_they_count(governed: Governed) -> None:
    hire(governed, "dave")
    refused("NO_POSSESSION", lambda: upkeep.policy(governed.workspace("alice"), reason="dave joins"))
    shown = cosigning.countersign(governed.workspace("dave"), Wanted("policy", reason="dave joins"))
    assert (shown.person, shown.pending.namespace) == ("dave", "calibgit-possession")
    upkeep.policy(governed.workspace("alice"), reason="dave joins")
    result = governed.verification()
    assert result.ok
    assert result.policy is not None
    assert "dave" in result.policy.people


def test_a_new_policy_is_put_in_force_by_the_old_one(governed: Governed) -> None:
    """Attack 45: whoever the new policy adds cannot bring it in force."""
    hire(governed, "dave")
    cosigning.countersign(governed.workspace("dave"), Wanted("policy", reason="me"))
    refused("NOT_A_SIGNER", lambda: upkeep.policy(governed.workspace("dave"), reason="me"))


def test_a_merged_policy_changes_nothing_before_its_event(released: Governed) -> None:
    text = (released.world.clone / TRUST).read_text()
    change_policy(
        released,
        text[text.index("[roles.deprecate]") :].split("\n\n")[0],
        '[roles.deprecate]\npeople = ["carol"]\nthreshold = 1',
    )
    govern.deprecate(released.workspace("bob"), V110, reason="still allowed")
    assert released.verification().ok


def test_a_retired_key_keeps_its_past_and_signs_nothing_new(released: Governed) -> None:
    bob = released.world.public_key("bob")
    entry = f'ended = [{{ key = "{bob}", from_seq = 3 }}]\n'
    change_policy(released, f'keys = ["{bob}"]\n', f'keys = ["{bob}"]\n{entry}')
    upkeep.policy(released.workspace("alice"), reason="bob's key retires")
    result = released.verification()
    assert result.ok
    assert not result.state.suspects
    refused("KEY_ENDED", lambda: govern.deprecate(released.workspace("bob"), V110, reason="no"))
    change_policy(released, entry, "")
    refused("KEY_REVIVED", lambda: upkeep.policy(released.workspace("alice"), reason="bob again"))


def test_a_compromised_key_raises_an_alarm_until_somebody_looks(released: Governed) -> None:
    govern.activate(released.workspace("bob"), V110, env="production")
    bob = released.world.public_key("bob")
    entry = f'ended = [{{ key = "{bob}", from_seq = 2, compromised = true }}]\n'
    change_policy(released, f'keys = ["{bob}"]\n', f'keys = ["{bob}"]\n{entry}')
    upkeep.policy(released.workspace("alice"), reason="bob's laptop was stolen")
    state = released.verification().state
    assert sorted(state.suspects) == [2, 3]
    assert state.now["scoring", "production"] == V110, "what is active stays active"
    assert state.alarm("scoring", "production") == 3
    govern.activate(released.workspace("alice"), V110, env="production", reason="looked at it, it is ours")
    state = released.verification().state
    assert state.alarm("scoring", "production") is None
    refused("ALREADY_ACTIVE", lambda: govern.activate(released.workspace("alice"), V110, env="production"))


def alarms(governed: Governed) -> list[tuple[int, str]]:
    warnings = read.status(governed.workspace())["warnings"]
    return [(each["seq"], each["message"]) for each in warnings if each["code"] == "SUSPECT"]


def test_what_a_stolen_key_brought_into_the_policy_is_alarmed_until_it_is_gone_or_somebody_looks(
    released: Governed,
) -> None:
    threshold(released, "policy", 2)
    hire(released, "dave")
    wanted = Wanted("policy", reason="dave joins")
    cosigning.countersign(released.workspace("dave"), wanted)
    cosigning.countersign(released.workspace("bob"), wanted)
    upkeep.policy(released.workspace("alice"), reason="dave joins")
    bob = released.world.public_key("bob")
    entry = f'ended = [{{ key = "{bob}", from_seq = 4, compromised = true }}]\n'
    change_policy(released, f'keys = ["{bob}"]\n', f'keys = ["{bob}"]\n{entry}')
    assert alarms(released) == []
    upkeep.policy(released.workspace("alice"), reason="bob's laptop was stolen")
    ((seq, told),) = alarms(released)
    assert seq == 4
    assert "a key of bob" in told
    assert "dave joins as a person with the key" in told
    assert any(
        told == finding["what"] for finding in doctor(released.workspace())["checks"] if finding["status"] == "fail"
    )
    change_policy(released, "[roles.release]", "# dave is ours, alice looked\n[roles.release]")
    upkeep.policy(released.workspace("alice"), reason="looked at it")
    assert alarms(released) == []


def test_junk_in_the_next_slot_is_voided_and_the_log_goes_on(released: Governed, tmp_path: Path) -> None:
    world = released.world
    for place in (world.clone, world.remote):
        plant(place, {slot(3): released.tip()})
    junk = write(world.clone, "blob", b"junk")
    plant(world.clone, {slot(4): junk})
    world.git("push", "--quiet", "origin", slot(4))
    refused("LIGHTWEIGHT", lambda: govern.activate(released.workspace("bob"), V110, env="production"))
    done = upkeep.void(released.workspace("alice"), reason="somebody pushed junk")
    assert done.event.seq == 5
    assert [entry["seq"] for entry in done.event.payload["void"]] == [3, 4]
    result = released.verification()
    assert (result.ok, [p.code for p in result.warnings]) == (True, ["VOIDED", "VOIDED"])
    govern.activate(released.workspace("bob"), V110, env="production")
    result = released.verification()
    assert (result.ok, result.state.seq) == (True, 6)
    pinned = pinning.pin(released.workspace(), "1.1.0", tmp_path / "pin", trust_root=result.state.registry)
    assert pinning.check_bundle(tmp_path / "pin", trust_root=result.state.registry).lock == pinned.lock
    for seq in (3, 4):
        world.git("update-ref", "-d", slot(seq))
    assert released.verification().ok, "removing the junk afterwards changes nothing"


def test_a_valid_event_cannot_be_voided(released: Governed) -> None:
    refused("NOTHING_TO_VOID", lambda: upkeep.void(released.workspace("alice"), reason="x"))


def test_an_event_after_a_removed_one_cannot_be_voided(released: Governed) -> None:
    govern.activate(released.workspace("bob"), V110, env="production")
    govern.deprecate(released.workspace("bob"), BASE, reason="old")
    world = released.world
    for place in (world.clone, world.remote):
        plant(place, {slot(3): released.tip()})
    result = released.workspace("dave").verification()
    assert [p.code for p in result.errors] == ["LIGHTWEIGHT", "GAP"]
    with pytest.raises(IntegrityError, match="LIGHTWEIGHT"):
        upkeep.void(released.workspace("dave"), reason="x")


def test_only_recovery_people_void(governed: Governed) -> None:
    text = (governed.world.clone / TRUST).read_text()
    block = text[text.index("[roles.recover]") :]
    change_policy(governed, block, '[roles.recover]\npeople = ["alice"]\nthreshold = 1\n')
    upkeep.policy(governed.workspace("alice"), reason="alice recovers")
    plant(governed.world.clone, {slot(3): governed.tip()})
    governed.world.git("push", "--quiet", "origin", slot(3))
    with pytest.raises(PermissionRefused, match="NOT_AUTHORISED"):
        upkeep.void(governed.workspace("bob"), reason="x")
    upkeep.void(governed.workspace("alice"), reason="x")


def test_a_checkpoint_has_an_end(governed: Governed) -> None:
    upkeep.checkpoint(governed.workspace("bob"), hours=72)
    point = governed.verification().state.checkpoint
    assert point is not None
    assert point.at < point.expires
    refused("BAD_EXPIRY", lambda: upkeep.checkpoint(governed.workspace("bob"), hours=745))


def test_a_rollback_by_one_person_is_ratified_by_another(released: Governed) -> None:
    govern.activate(released.workspace("bob"), V110, env="production")
    written, _ = govern.rollback(released.workspace("bob"), env="production", to=None, reason="too strict")
    seq = written.event.seq
    assert [step.seq for step in released.verification().state.unratified()] == [seq]
    with pytest.raises(GateClosed, match="OWN_ROLLBACK"):
        upkeep.ratify(released.workspace("bob"), seq, reason="me again")
    upkeep.ratify(released.workspace("alice"), seq, reason="it was right")
    assert not released.verification().state.unratified()
    with pytest.raises(GateClosed, match="ALREADY_RATIFIED"):
        upkeep.ratify(released.workspace("carol"), seq, reason="me too")


def test_a_rollback_to_what_no_longer_stands_names_what_does(released: Governed) -> None:
    """Advice that would be refused, too, is no advice."""
    govern.activate(released.workspace("bob"), V110, env="production")
    note = "there is nothing to roll scoring in production back to"
    assert not any(note in each["what"] for each in doctor(released.workspace())["checks"])
    released.merge(released.propose("1.2.0", good=66), by="alice")
    govern.release(released.workspace("bob"), V120, reason="ready")
    with pytest.raises(GateClosed, match="NOT_A_ROLLBACK_TARGET") as refusal:
        govern.rollback(released.workspace("bob"), env="production", to=V120, reason="x")
    assert refusal.value.fix == "calibgit rollback --env production --to 1.0.0 --line scoring --reason TEXT"
    govern.deprecate(released.workspace("bob"), BASE, reason="old")
    with pytest.raises(GateClosed, match="NOT_A_ROLLBACK_TARGET") as refusal:
        govern.rollback(released.workspace("bob"), env="production", to=V120, reason="x")
    assert refusal.value.fix == "release and activate a corrected version"
    assert any(note in each["what"] for each in doctor(released.workspace())["checks"])


def test_a_rollback_that_was_cut_off_and_is_repeated_goes_back_once(released: Governed) -> None:
    govern.activate(released.workspace("bob"), V110, env="production")
    released.merge(released.propose("1.2.0", good=68), by="alice")
    govern.release(released.workspace("bob"), Version(1, 2, 0), reason="ready")
    govern.activate(released.workspace("bob"), Version(1, 2, 0), env="production")
    govern.rollback(released.workspace("bob"), env="production", to=None, reason="too strict")
    refused(
        "ALREADY_ROLLED_BACK",
        lambda: govern.rollback(released.workspace("bob"), env="production", to=None, reason="too strict"),
    )
    assert released.verification().state.now["scoring", "production"] == V110
    govern.rollback(released.workspace("bob"), env="production", to=None, reason="that one is too strict as well")
    assert released.verification().state.now["scoring", "production"] == BASE


def test_a_branch_that_is_gone_from_the_remote_is_not_rejected_from_memory(governed: Governed) -> None:
    governed.propose("1.1.0")
    governed.fetch()
    governed.world.remote_git("update-ref", "-d", "refs/heads/calibgit/scoring/v1.1.0")
    refused("NOT_PROPOSED", lambda: govern.reject(governed.workspace("bob"), V110, reason="no"))
