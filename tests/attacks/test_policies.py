"""Attacks on who may do what: policy events past the tool, and keys that ended, came back or were never shown."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import upkeep
from calibgit.model.canonical import sha256_hex, strict_canonical
from calibgit.model.event import NAMESPACE_POSSESSION, NAMESPACE_STATEMENT, statement
from calibgit.registry.pending import one_line
from tests.attacks.raw import (
    codes,
    file_at,
    forge,
    payload,
    plant,
    sign,
    slot,
    stopped,
    target_of,
    unsigned,
    write,
)
from tests.support.governed import BASE, LINE, Governed

pytestmark = pytest.mark.slow

TRUST = "trust.toml"


def merge_policy(running: Governed, old: str, new: str) -> None:
    """Bring a changed trust.toml to main; it is not in force."""
    world = running.world
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    text = (world.clone / TRUST).read_text()
    assert old in text
    world.commit({TRUST: text.replace(old, new, 1)}, "Another policy")
    world.git("push", "--quiet", "origin", "HEAD:main")
    running.fetch()


def hire(running: Governed, name: str = "dave") -> None:
    """Merge a policy that lists somebody new, without a role."""
    person = f'[people.{name}]\nkind = "human"\nkeys = ["{running.world.public_key(name)}"]\n\n'
    merge_policy(running, "[roles.release]", person + "[roles.release]")


def change(running: Governed, **changes: Any) -> dict[str, Any]:
    """The payload that puts the merged trust.toml in force."""
    data = file_at(running, running.tip(), TRUST)
    target = {"commit": running.tip(), "path": TRUST, "sha256": sha256_hex(data), "size": len(data)}
    return payload(running, "policy", **({"target": target, "possession": []} | changes))


def shown(
    running: Governed, value: dict[str, Any], by: str = "dave", namespace: str = NAMESPACE_POSSESSION
) -> dict[str, str]:
    """A proof that `by` holds their key."""
    signer = running.world.signer(by)
    return {"key": signer.public_key, "signature": one_line(signer.sign(strict_canonical(statement(value)), namespace))}


def ended(running: Governed, name: str, since: int, *, compromised: bool = False) -> tuple[str, str]:
    """What to replace in trust.toml, and by what, to end somebody's key."""
    keys = f'keys = ["{running.world.public_key(name)}"]\n'
    more = ", compromised = true" if compromised else ""
    return keys, keys + f'ended = [{{ key = "{running.world.public_key(name)}", from_seq = {since}{more} }}]\n'


def deprecation(running: Governed, **changes: Any) -> dict[str, Any]:
    return payload(running, "deprecate", line=LINE, version="1.0.0", target=target_of(running), **changes)


def test_a_policy_by_hand_with_a_shown_key_is_believed(running: Governed) -> None:
    """The attacks below differ from this in one thing each."""
    hire(running)
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by="alice")
    result = running.verification()
    assert result.ok
    assert result.policy is not None
    assert result.policy.person_of_key(running.world.public_key("dave")) == "dave"


@pytest.mark.parametrize(("by", "code"), [("dave", "UNKNOWN_KEY"), ("robot", "UNKNOWN_KEY")])
def test_the_new_key_does_not_put_itself_in_force(running: Governed, by: str, code: str) -> None:
    """Whoever got a trust.toml merged signs its policy event with the key that it adds."""
    hire(running)
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by=by)
    stopped(running, code, 4, good=3)


def possessions(running: Governed, value: dict[str, Any]) -> dict[str, tuple[list[dict[str, str]], str]]:
    """Proofs of possession that prove nothing."""
    sound = shown(running, value)
    return {
        "none": ([], "NO_POSSESSION"),
        "of another key": ([shown(running, value, "robot")], "NO_POSSESSION"),
        "of a known key": ([shown(running, value, "alice")], "NO_POSSESSION"),
        "of another statement": ([shown(running, value | {"reason": "other"})], "SIG_INVALID"),
        "of an older policy": ([shown(running, value | {"policy_sha256": "0" * 64})], "SIG_INVALID"),
        "of another file": ([shown(running, value | {"target": {**value["target"], "size": 1}})], "SIG_INVALID"),
        "a co-signature": ([shown(running, value, namespace=NAMESPACE_STATEMENT)], "SIG_NAMESPACE"),
        "signed for git": ([shown(running, value, namespace="git")], "SIG_NAMESPACE"),
        "by the key on it": ([{**shown(running, value, "robot"), "key": sound["key"]}], "UNKNOWN_KEY"),
        "a sound one and a broken one": ([sound, {**sound, "signature": "AAAA"}], "SIG_MALFORMED"),
    }


def test_a_new_key_is_shown_for_this_very_change(running: Governed) -> None:
    """Dave's key might be somebody else's, or a proof from another occasion."""
    hire(running)
    value = change(running)
    for name, (entries, code) in possessions(running, value).items():
        forge(running, value | {"possession": entries}, by="alice")
        result = running.verification()
        assert (name, codes(result), result.state.seq) == (name, [code], 3)
    stopped(running, "SIG_MALFORMED", 4, good=3)


def test_a_proof_is_not_replayed_after_the_person_left(running: Governed) -> None:
    """Dave joins, leaves, and is listed again with the proof of then."""
    hire(running)
    first = change(running)
    proof = shown(running, first)
    forge(running, first | {"possession": [proof]}, by="alice")
    text = file_at(running, running.tip(), TRUST).decode()
    block = text[text.index("[people.dave]") : text.index("[roles.release]")]
    merge_policy(running, block, "")
    forge(running, change(running), by="alice")
    assert running.verification().state.seq == 5
    merge_policy(running, "[roles.release]", block + "[roles.release]")
    forge(running, change(running, possession=[proof]), by="alice")
    stopped_codes = codes(running.verification())
    assert stopped_codes[0] in {"SIG_INVALID", "KEY_REVIVED"}
    again = change(running)
    forge(running, again | {"possession": [shown(running, again)]}, by="alice")
    assert codes(running.verification()) == ["KEY_REVIVED"]


def test_one_person_with_two_keys_is_one_person(running: Governed) -> None:
    """A policy asks for two people; bob has two keys and signs with both."""
    world = running.world
    keys = f'keys = ["{world.public_key("bob")}"]'
    merge_policy(running, keys, f'keys = ["{world.public_key("bob")}", "{world.public_key("dave")}"]')
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by="alice")
    section = '[roles.deprecate]\npeople = ["alice", "bob", "carol"]\nthreshold = '
    merge_policy(running, section + "1", section + "2")
    forge(running, change(running), by="alice")
    assert running.verification().ok
    event = deprecation(running)
    forge(running, event)
    assert codes(running.verification()) == ["THRESHOLD"]
    forge(running, event | {"cosignatures": [shown(running, event, "dave", NAMESPACE_STATEMENT)]})
    assert codes(running.verification()) == ["TWICE_SIGNED"]
    forge(running, event | {"cosignatures": [shown(running, event, "alice", NAMESPACE_STATEMENT)]})
    assert running.verification().ok


@pytest.mark.parametrize("compromised", [False, True])
def test_an_ended_key_does_not_sign_with_an_old_date(running: Governed, compromised: bool) -> None:
    """The tagger's date is the signer's own word; the number decides."""
    merge_policy(running, *ended(running, "bob", 4, compromised=compromised))
    forge(running, change(running), by="alice")
    assert running.verification().ok
    text = unsigned(deprecation(running)).replace(b"> 1700000000", b"> 1000000000")
    oid = write(running.world.clone, "tag", sign(text, running.world.signer("bob")))
    plant(running.world.clone, {slot(5): oid})
    stopped(running, "KEY_ENDED", 5, good=4)
    for by in ("bob", "carol"):
        cosigned = deprecation(running)
        entry = shown(running, cosigned, "carol" if by == "bob" else "bob", NAMESPACE_STATEMENT)
        forge(running, cosigned | {"cosignatures": [entry]}, by=by)
        assert codes(running.verification()) == ["KEY_ENDED"]


def test_the_past_of_an_ended_key_stands(running: Governed) -> None:
    """Case 18: bob released and activated 1.1.0 before his key was retired."""
    merge_policy(running, *ended(running, "bob", 4))
    upkeep.policy(running.workspace("alice"), reason="bob's key retires")
    result = running.verification()
    assert result.ok
    assert not result.state.suspects
    assert str(result.state.now[LINE, "production"]) == "1.1.0"


def test_a_compromised_key_makes_its_events_suspect_from_that_number_on(running: Governed) -> None:
    """Case 20: what is active stays, with an alarm; the thief cannot clear it, a clean activation does."""
    merge_policy(running, *ended(running, "bob", 3, compromised=True))
    upkeep.policy(running.workspace("alice"), reason="stolen")
    state = running.verification().state
    assert sorted(state.suspects) == [3]
    assert state.alarm(LINE, "production") == 3
    fields = {"line": LINE, "version": "1.1.0", "env": "production", "from_version": "1.1.0"}
    target = dict(running.verification().events[1].payload["target"])
    value = payload(running, "activate", **fields, target=target)
    forge(running, value, by="bob")
    stopped(running, "KEY_ENDED", 5, good=4)
    forge(running, value, by="alice")
    result = running.verification()
    assert result.ok
    assert result.state.alarm(LINE, "production") is None


@pytest.mark.parametrize("later", ["removed", "later", "without the end"])
def test_an_ended_key_does_not_come_back(running: Governed, later: str) -> None:
    """A later policy lists the key as good, or lets it live longer."""
    keys, gone = ended(running, "bob", 4)
    merge_policy(running, keys, gone)
    upkeep.policy(running.workspace("alice"), reason="bob's key retires")
    merge_policy(running, gone, {"later": ended(running, "bob", 6)[1]}.get(later, keys))
    if later == "removed":
        merge_policy(running, keys, f'keys = ["{running.world.public_key("robot")}"]\n')
        value = change(running)
        forge(running, value | {"possession": [shown(running, value, "robot")]}, by="alice")
        assert running.verification().ok
        merge_policy(running, f'keys = ["{running.world.public_key("robot")}"]\n', keys)
    value = change(running)
    forge(running, value | {"possession": [shown(running, value, "bob")]}, by="alice")
    result = running.verification()
    assert codes(result) == ["KEY_REVIVED"]


def test_a_key_that_moves_to_another_person_is_shown_again(running: Governed) -> None:
    """Carol's key is listed as bob's, so that bob would count twice: the new owner of a key must show it."""
    world = running.world
    bob, carol = (f'keys = ["{world.public_key(name)}"]' for name in ("bob", "carol"))
    merge_policy(running, carol, f'keys = ["{world.public_key("dave")}"]')
    merge_policy(running, bob, f'keys = ["{world.public_key("bob")}", "{world.public_key("carol")}"]')
    value = change(running)
    forge(running, value | {"possession": [shown(running, value)]}, by="alice")
    stopped(running, "NO_POSSESSION", 4, good=3)


@pytest.mark.parametrize(("role", "code"), [("policy", "NOBODY_CHANGES_POLICY"), ("recover", "NOBODY_RECOVERS")])
def test_a_policy_that_ends_the_registry_is_refused(running: Governed, role: str, code: str) -> None:
    """Alice may write policy; she may not throw the key away."""
    text = file_at(running, running.tip(), TRUST).decode()
    start = text.index(f"[roles.{role}]")
    block = text[start : text.index("threshold = 1\n", start) + len("threshold = 1\n")]
    merge_policy(running, block, "")
    with pytest.raises(CalibgitError, match=code):
        upkeep.policy(running.workspace("alice"), reason="x")
    forge(running, change(running), by="alice")
    stopped(running, code, 4, good=3)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('schema = "calibgit/trust/1"', 'schema = "calibgit/trust/2"', "POLICY_UNREADABLE"),
        ('kind = "human"', 'kind = "robot"', "POLICY_UNREADABLE"),
        ("[roles.policy]", "[roles.police]", "POLICY_UNREADABLE"),
        ('people = ["alice", "bob", "carol"]', 'people = ["mallory"]', "POLICY_UNREADABLE"),
        ("threshold = 1", "threshold = 4", "POLICY_UNREADABLE"),
        ("threshold = 1", "threshold = 0", "POLICY_UNREADABLE"),
        ("four_eyes = true", "four_eyes = 1", "POLICY_UNREADABLE"),
    ],
)
def test_a_policy_that_cannot_be_read_is_not_put_in_force(running: Governed, old: str, new: str, code: str) -> None:
    """It would leave the registry without rules."""
    merge_policy(running, old, new)
    forge(running, change(running), by="alice")
    stopped(running, code, 4, good=3)


def test_a_key_does_not_end_in_the_future(running: Governed) -> None:
    """An end that is far off could be overtaken by whoever holds the key."""
    merge_policy(running, *ended(running, "bob", 40))
    forge(running, change(running), by="alice")
    stopped(running, "FROM_SEQ_AHEAD", 4, good=3)


@pytest.mark.parametrize(
    ("changes", "code"), [({"target": {"size": 1}}, "DIGEST"), ({"target": {"sha256": "0" * 64}}, "DIGEST")]
)
def test_a_policy_event_signs_the_bytes_that_lie_there(running: Governed, changes: dict[str, Any], code: str) -> None:
    """The digest in the event is the policy; the file must be it."""
    hire(running)
    value = change(running)
    value |= {"target": {**value["target"], **changes["target"]}}
    forge(running, value | {"possession": [shown(running, value)]}, by="alice")
    stopped(running, code, 4, good=3)


def test_the_policy_in_force_is_not_put_in_force_again(running: Governed) -> None:
    """An event that changes nothing would only reset what people watch."""
    forge(running, change(running), by="alice")
    stopped(running, "POLICY_UNCHANGED", 4, good=3)


def test_an_event_under_the_policy_of_tomorrow_or_of_yesterday_is_refused(running: Governed) -> None:
    """The digest of the policy in force is part of every event."""
    old = deprecation(running)
    merge_policy(running, "production = [", 'production = ["live", ')
    tomorrow = sha256_hex(file_at(running, running.tip(), TRUST))
    forge(running, old | {"policy_sha256": tomorrow})
    stopped(running, "POLICY_MISMATCH", 4, good=3)
    running.world.git("update-ref", "-d", slot(4))
    upkeep.policy(running.workspace("alice"), reason="live")
    forge(running, deprecation(running, policy_sha256=old["policy_sha256"]))
    stopped(running, "POLICY_MISMATCH", 5, good=4)


def test_a_merged_policy_gives_no_role_before_its_event(running: Governed) -> None:
    """Only carol may deprecate by the trust.toml on main; bob may by the one in force."""
    section = '[roles.deprecate]\npeople = ["alice", "bob", '
    merge_policy(running, section, "[roles.deprecate]\npeople = [")
    jobs.deprecate(running.workspace("bob"), BASE, reason="still mine")
    upkeep.policy(running.workspace("alice"), reason="carol only")
    target = dict(running.verification().events[1].payload["target"])
    forge(running, payload(running, "deprecate", line=LINE, version="1.1.0", target=target))
    stopped(running, "NOT_AUTHORISED", 6, good=5)
