"""`trust.toml`: who may sign, and every permissive table that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from calibgit.errors import DocumentError
from calibgit.model.event import KINDS
from calibgit.model.policy import ROLES, ROLES_OF_KIND, Policy, read_policy

A, B, C = ("ssh-ed25519 " + letter * 8 for letter in "ABC")
Edit = Callable[[dict[str, Any]], object]


def document() -> dict[str, Any]:
    return {
        "schema": "calibgit/trust/1",
        "branch": "main",
        "home": ["https://git.example.org/scoring.git"],
        "four_eyes": True,
        "production": ["production"],
        "lines": {"scoring": {"configs": "configs", "contracts": "configs/contracts"}},
        "people": {
            "alice": {"kind": "human", "keys": [A], "emails": ["Alice@Example.org"], "owners": ["@Alice", "@org/team"]},
            "bob": {"kind": "human", "keys": [B], "emails": ["bob@example.org"], "owners": ["@bob", "@org/team"]},
            "robot": {"kind": "ci", "keys": [C]},
        },
        "roles": {
            "release": {"people": ["alice", "bob", "robot"], "threshold": 1},
            "activate": {"people": ["alice", "bob"], "threshold": 1},
            "activate:staging": {"people": ["robot"], "threshold": 1},
            "policy": {"people": ["alice", "bob"], "threshold": 2},
        },
    }


def test_a_sound_policy_is_read() -> None:
    policy = Policy.of(document(), "trust.toml")
    assert policy.branch_ref == "refs/heads/main"
    assert policy.four_eyes


REFUSED: dict[str, tuple[Edit, str]] = {
    "no schema": (lambda d: d.pop("schema"), "schema"),
    "another schema": (lambda d: d.update(schema="calibgit/trust/2"), "schema"),
    "no branch": (lambda d: d.pop("branch"), "branch"),
    "a branch that is an option": (lambda d: d.update(branch="--all"), "branch"),
    "a branch with a colon": (lambda d: d.update(branch="main:x"), "branch"),
    "no home": (lambda d: d.update(home=[]), "home"),
    "four eyes left out": (lambda d: d.pop("four_eyes"), "four_eyes"),
    "nobody": (lambda d: d.update(people={}), "people"),
    "a person without a key": (lambda d: d["people"]["bob"].update(keys=[]), "keys"),
    "a checkpoint by two": (
        lambda d: d["roles"].update(checkpoint={"people": ["alice", "robot"], "threshold": 2}),
        "the role checkpoint asks for 2 people; a checkpoint is signed by one",
    ),
    "a checkpoint by two in one place": (
        lambda d: d["roles"].update({"checkpoint:staging": {"people": ["alice", "robot"], "threshold": 2}}),
        "the role checkpoint:staging asks for 2 people; a checkpoint is signed by one",
    ),
    "a person of no kind": (lambda d: d["people"]["bob"].pop("kind"), "kind"),
    "a person of another kind": (lambda d: d["people"]["bob"].update(kind="owner"), "kind"),
    "one key for two people": (lambda d: d["people"]["bob"].update(keys=[A]), "one key stands in two places"),
    "one key twice": (lambda d: d["people"]["bob"].update(keys=[B, B]), "one key stands in two places"),
    "a key that is a file name": (lambda d: d["people"]["bob"].update(keys=["/etc/passwd"]), "keys"),
    "a key with options": (lambda d: d["people"]["bob"].update(keys=["cert-authority " + B]), "keys"),
    "a key with a comment": (lambda d: d["people"]["bob"].update(keys=[B + " me"]), "keys"),
    "a person name with capitals": (lambda d: d["people"].update(Dora=d["people"].pop("robot")), "Dora"),
    "an e-mail with brackets": (lambda d: d["people"]["bob"].update(emails=["<b@x>"]), "emails"),
    "an account without a number": (
        lambda d: d["people"]["bob"].update(accounts=[{"host": "h", "login": "b"}]),
        "accounts",
    ),
    "an unknown field of a person": (lambda d: d["people"]["bob"].update(admin=True), "admin"),
    "one e-mail for two people": (
        lambda d: d["people"]["bob"].update(emails=["alice@example.org"]),
        "one e-mail stands in two places",
    ),
    "an end of somebody else's key": (
        lambda d: d["people"]["bob"].update(ended=[{"key": A, "from_seq": 2}]),
        "does not have",
    ),
    "a key that ends before it begins": (
        lambda d: d["people"]["bob"].update(ended=[{"key": B, "from_seq": 1}]),
        "from_seq",
    ),
    "production left out": (lambda d: d.pop("production"), "production"),
    "no production": (lambda d: d.update(production=[]), "production"),
    "production without a proper name": (lambda d: d.update(production=["Prod"]), "proper name"),
    "no line": (lambda d: d.update(lines={}), "lines"),
    "lines left out": (lambda d: d.pop("lines"), "lines"),
    "a line without a proper name": (lambda d: d.update(lines={"e": d["lines"]["scoring"]}), "proper name"),
    "a place outside": (lambda d: d["lines"]["scoring"].update(configs="../x"), "configs"),
    "an absolute place": (lambda d: d["lines"]["scoring"].update(contracts="/x"), "contracts"),
    "a place with a slash at its end": (lambda d: d["lines"]["scoring"].update(contracts="x/"), "contracts"),
    "one place for two lines": (lambda d: d["lines"].update(exam=d["lines"]["scoring"]), "one place stands"),
    "one line inside another": (
        lambda d: d["lines"].update(exam={"configs": "configs/exam", "contracts": "c"}),
        "inside those of another",
    ),
    "an unknown role": (lambda d: d["roles"].update(owner={"people": ["bob"], "threshold": 1}), "not a role"),
    "a role with a bad environment": (
        lambda d: d["roles"].update({"activate:Prod": {"people": ["bob"], "threshold": 1}}),
        "not a role",
    ),
    "a role with an empty environment": (
        lambda d: d["roles"].update({"activate:": {"people": ["bob"], "threshold": 1}}),
        "not a role",
    ),
    "a role for a stranger": (lambda d: d["roles"]["policy"].update(people=["alice", "eve"]), "eve"),
    "a role for nobody": (lambda d: d["roles"]["policy"].update(people=[]), "people"),
    "a threshold of zero": (lambda d: d["roles"]["release"].update(threshold=0), "threshold"),
    "a threshold left out": (lambda d: d["roles"]["release"].pop("threshold"), "threshold"),
    "a threshold that nobody reaches": (lambda d: d["roles"]["policy"].update(threshold=3), "names fewer"),
    "one person counted twice": (lambda d: d["roles"]["policy"].update(people=["bob", "bob"]), "names fewer"),
    "a machine that writes policy": (
        lambda d: d["roles"]["policy"].update(people=["alice", "bob", "robot"]),
        "for humans",
    ),
    "a machine that recovers": (
        lambda d: d["roles"].update(recover={"people": ["robot"], "threshold": 1}),
        "for humans",
    ),
    "a machine that activates everywhere": (
        lambda d: d["roles"]["activate"].update(people=["robot"]),
        "for humans",
    ),
    "a machine that activates in production": (
        lambda d: d["roles"].update({"activate:production": {"people": ["robot"], "threshold": 1}}),
        "for humans",
    ),
    "a machine that activates in another production environment": (
        lambda d: d.update(production=["production", "staging"]),
        "for humans",
    ),
    "a machine that rolls back": (
        lambda d: d["roles"].update(rollback={"people": ["robot"], "threshold": 1}),
        "for humans",
    ),
    "a machine that deprecates": (
        lambda d: d["roles"].update(deprecate={"people": ["robot"], "threshold": 1}),
        "for humans",
    ),
    "a machine that breaks contracts": (
        lambda d: d["roles"].update(breaking={"people": ["robot"], "threshold": 1}),
        "for humans",
    ),
    "a machine that writes policy somewhere": (
        lambda d: d["roles"].update({"policy:staging": {"people": ["robot"], "threshold": 1}}),
        "for humans",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unsound_policy_is_refused(name: str) -> None:
    edit, words = REFUSED[name]
    value = document()
    edit(value)
    with pytest.raises(DocumentError) as caught:
        Policy.of(value, "trust.toml")
    assert caught.value.code == "SCHEMA"
    assert words in caught.value.what


@pytest.mark.parametrize("data", [b"x", b"\xff", b"", b'schema = "calibgit/trust/1"'])
def test_bytes_that_are_no_policy_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        read_policy(data)
    assert caught.value.code in {"NOT_TOML", "SCHEMA"}


def test_an_environment_s_own_grant_goes_before_the_general_one() -> None:
    policy = Policy.of(document(), "p")
    assert policy.grant("activate", "staging") == policy.roles["activate:staging"]
    assert policy.grant("activate", "production") == policy.roles["activate"]
    assert policy.grant("activate") == policy.roles["activate"]


def test_a_role_that_nobody_holds_is_nobody_s() -> None:
    assert Policy.of(document(), "p").grant("recover") is None


def test_people_are_found_by_key_e_mail_and_owner_name_ignoring_case_where_it_does_not_matter() -> None:
    policy = Policy.of(document(), "p")
    assert [policy.person_of_key(key) for key in (A, B, C, A.lower())] == ["alice", "bob", "robot", None]
    assert policy.person_of_email("ALICE@example.ORG") == "alice"
    assert policy.person_of_email("eve@example.org") is None
    assert policy.people_of_owner("@ORG/team") == {"alice", "bob"}
    assert policy.people_of_owner("bob@EXAMPLE.org") == {"bob"}
    assert policy.people_of_owner("@eve") == frozenset()


def test_a_key_ends_at_its_event_and_not_before() -> None:
    value = document()
    value["people"]["bob"]["ended"] = [{"key": B, "from_seq": 7}]
    policy = Policy.of(value, "p")
    assert [policy.key_ended(B, seq) for seq in (1, 6, 7, 8)] == [False, False, True, True]
    assert not policy.key_ended(A, 99)


def test_every_kind_of_event_has_a_role() -> None:
    assert set(ROLES_OF_KIND) == set(KINDS)
    assert {role for roles in ROLES_OF_KIND.values() for role in roles} <= set(ROLES)
