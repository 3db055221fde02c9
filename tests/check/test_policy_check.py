"""A changed trust.toml is judged before its merge: each refusal with its code, and what is to be done afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.check.candidate import Candidate, InForce
from calibgit.check.run import run_checks
from calibgit.model.checks import CheckResult
from tests.check.test_checks import candidate
from tests.support.policies import KEYS, NEW_KEY, NEXT, TRUST, ended, in_force, role, without

PATH = "trust.toml"
DAVE = f'[people.dave]\nkind = "human"\nkeys = ["{NEW_KEY}"]\n\n[roles.release]'


def change(text: str | None, now: InForce | None = None, **parts: object) -> Candidate:
    """A change of the policy, and of nothing else."""
    data = None if text is None else text.encode()
    values: dict[str, Any] = {
        "version": None,
        "changed": (PATH,),
        "after": {PATH: data},
        "in_force": now or in_force(),
        **parts,
    }
    return candidate(**values)


def results(given: Candidate) -> list[CheckResult]:
    return [result for result in run_checks(given).results if result.check == "policy"]


REFUSED: dict[str, tuple[Candidate, str, str]] = {
    "deleted": (change(None), "NO_POLICY", "git restore --source aaaaaaaaaaaa -- trust.toml"),
    "a link": (change("elsewhere.toml", special=(PATH,)), "NOT_A_FILE", "git restore"),
    "not TOML": (change("people = ["), "NOT_TOML", ""),
    "a misspelled field": (change(TRUST.replace("four_eyes", "four_eye")), "SCHEMA", ""),
    "a role for nobody known": (change(role(TRUST, "release", people=("mallory",))), "SCHEMA", ""),
    "a checkpoint by two": (
        change(role(TRUST, "checkpoint", people=("robot", "bob"), threshold=2)), "SCHEMA", "",
    ),
    "a key that comes back": (
        change(TRUST, in_force(ended(TRUST, "carol", since=3), {KEYS["carol"]: 3})), "KEY_REVIVED", "list a new key",
    ),
    "a key that ends later than before": (
        change(
            ended(TRUST, "carol", since=5), in_force(ended(TRUST, "carol", since=3), {KEYS["carol"]: 3}),
        ),
        "KEY_REVIVED", "list a new key",
    ),
    "a key that is to end one day": (
        change(ended(TRUST, "carol", since=NEXT + 2)), "FROM_SEQ_AHEAD", f"write from_seq = {NEXT + 1} or less",
    ),
    "eyes that close": (
        change(TRUST.replace("four_eyes = true", "four_eyes = false")), "FOUR_EYES_DROPPED", "keep four_eyes = true",
    ),
    "nobody changes it": (change(without(TRUST, "policy")), "NOBODY_CHANGES_POLICY", "add [roles.policy]"),
    "nobody mends it": (change(without(TRUST, "recover")), "NOBODY_RECOVERS", "add [roles.recover]"),
    "nobody releases": (change(without(TRUST, "release")), "NO_HOLDER", "add [roles.release]"),
    "only a key that ends may roll back": (
        change(role(ended(TRUST, "carol"), "rollback", people=("carol",))),
        "NO_HOLDER", "give the role rollback to somebody with a good key",
    ),
    "too few good keys for a threshold": (
        change(role(ended(TRUST, "carol"), "policy", threshold=3)),
        "NO_HOLDER", "give the role policy to somebody with a good key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_not_come_into_force_is_refused_before_the_merge(name: str) -> None:
    given, code, fix = REFUSED[name]
    found = [result for result in results(given) if result.outcome == "fail"]
    assert [(result.code, result.path) for result in found] == [(code, PATH)]
    assert found[0].message
    assert fix in found[0].fix
    assert not run_checks(given).ok


def test_the_reason_is_in_the_message() -> None:
    given = change(role(TRUST, "checkpoint", people=("robot", "bob"), threshold=2))
    said = "the role checkpoint asks for 2 people; a checkpoint is signed by one"
    assert said in results(given)[0].message


def test_a_policy_that_is_not_touched_is_not_spoken_of() -> None:
    assert results(candidate()) == []
    assert results(candidate(version=None, changed=("README.md",), after={"README.md": b"x"})) == []


def passes(given: Candidate) -> list[str]:
    assert run_checks(given).ok
    found = results(given)
    assert all((result.outcome, result.code) == ("pass", "") for result in found)
    return [result.message for result in found]


def test_a_sound_change_says_what_changes_and_who_shows_a_key_after_the_merge() -> None:
    carol = f'keys = ["{KEYS["carol"]}", "{NEW_KEY[:-1]}C"]'
    text = TRUST.replace("[roles.release]", DAVE).replace(f'keys = ["{KEYS["carol"]}"]', carol)
    (said,) = passes(change(text))
    assert said.startswith("trust.toml can be put in force: carol gets the key ...")
    assert "; dave joins as a person with the key ..." in said
    assert said.endswith(
        "after the merge: carol runs calibgit countersign --for policy --reason TEXT --key PATH, "
        "then dave runs calibgit countersign --for policy --reason TEXT, "
        "then alice or bob or carol runs calibgit policy --reason TEXT"
    )


def test_a_key_that_is_listed_as_ended_is_shown_by_nobody() -> None:
    joins = DAVE.replace("]\n\n", f']\nended = [{{ key = "{NEW_KEY}", from_seq = {NEXT} }}]\n\n')
    (said,) = passes(change(TRUST.replace("[roles.release]", joins)))
    assert "countersign" not in said


def test_the_policy_in_force_says_who_puts_the_next_one_in_force() -> None:
    two = role(ended(TRUST, "carol", since=3), "policy", threshold=2)
    now = in_force(two, {KEYS["carol"]: 3})
    (said,) = passes(change(role(two, "policy", people=("alice", "bob")), now))
    assert said.endswith("after the merge: 2 of alice, bob sign calibgit policy --reason TEXT")
    three = in_force(role(ended(TRUST, "carol", since=3), "policy", threshold=3), {KEYS["carol"]: 3})
    (said,) = passes(change(role(two, "policy", people=("alice", "bob"), threshold=1), three))
    assert said.endswith("after the merge: alice or bob runs calibgit policy --reason TEXT"), "they recover"
    none = in_force(ended(TRUST, "alice", "bob", "carol", since=3), {KEYS[who]: 3 for who in ("alice", "bob", "carol")})
    said = passes(change(none_left(), none))[0]
    assert said.endswith("nobody can put it in force, because too few have a good key")


def none_left() -> str:
    return ended(TRUST, "alice", "bob", "carol", since=3) + "\n# a remark\n"


def test_another_wording_and_the_way_back_are_told_as_what_they_are() -> None:
    (said,) = passes(change(TRUST + "\n# a remark\n"))
    assert "nothing but its wording changes" in said
    assert passes(change(TRUST)) == ["trust.toml becomes the policy in force again"]


def test_in_an_emergency_nobody_to_spare_is_said_and_refuses_nothing() -> None:
    """Of two people one lost a key: it ends first, and somebody joins afterwards."""
    pair = TRUST.replace(', "carol"]', "]")
    messages = passes(change(ended(pair, "bob"), in_force(pair)))
    assert "of bob is retired from event 7 on" in messages[0]
    assert "but calibgit doctor will ask for more: alice alone may roll back in production" in messages
    assert any("to release and reject versions takes everybody who may (alice)" in text for text in messages)


def test_what_was_unsound_before_is_not_laid_at_this_change_s_door() -> None:
    bare = without(TRUST, "release")
    assert len(passes(change(bare + "\n# a remark\n", in_force(bare)))) == 1


def test_many_changes_are_counted() -> None:
    text = TRUST
    for name in ("release", "activate", "breaking", "rollback", "deprecate", "policy", "recover"):
        text = role(text, name, people=("bob", "alice", "carol"))
    text = text.replace("[roles.release]", DAVE).replace("main", "trunk")
    assert "; and 1 more; after the merge" in passes(change(text))[0]


def test_a_proposal_that_changes_the_policy_besides_is_judged_too() -> None:
    given = candidate({PATH: b"x"})
    failed = [(r.check, r.code) for r in run_checks(given).results if r.outcome == "fail"]
    assert failed[:2] == [("scope", "OUT_OF_SCOPE"), ("policy", "NOT_TOML")]
