"""What `init` writes for teams of several sizes: sealed end to end, and never over what is there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError, PermissionRefused, UsageError
from calibgit.jobs import start
from calibgit.jobs.doctor import doctor
from calibgit.jobs.roster import Roster, with_account, with_alias
from calibgit.model.policy import Account, Policy, read_policy
from calibgit.registry.powers import unsound
from tests.support.governed import BASE, Clock, Governed
from tests.support.world import PEOPLE, World

ADOPT = [(BASE, ["production"])]


def team(world: World, *names: str) -> list[start.Member]:
    return [start.Member(name, f"{name}@example.org", world.public_key(name)) for name in names]


def written(world: World, members: list[start.Member], **options: Any) -> Policy:
    """Write the files and read the policy back."""
    how = {"line": "scoring", "solo": False, "branch": None, **options}
    start.init(world.clone, members=members, **how)
    return read_policy((world.clone / "trust.toml").read_bytes())


def merged(world: World) -> Governed:
    """The files on the protected branch."""
    world.git("add", "--all")
    world.git("commit", "--quiet", "-m", "Govern")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed = Governed(world, Clock())
    governed.fetch()
    return governed


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_team_of_any_size_seals_and_its_doctor_finds_nothing(world: World, size: int) -> None:
    names = PEOPLE[:size]
    policy = written(world, team(world, *names), solo=size == 1)
    assert unsound(policy) == []
    governed = merged(world)
    start.seal(governed.workspace(names[0]), adopt=ADOPT, reason="start", dry_run=False)
    value = doctor(governed.workspace(names[0]))
    assert value["ok"], value["checks"]
    roles = {role["role"]: role for role in value["roles"]}
    assert roles["rollback"]["people"] == sorted(names)
    assert roles["activate:production"]["non_author"] == (size > 1)
    assert value["four_eyes"] == (size > 1)


def test_a_policy_that_takes_two_is_sealed_by_two(world: World) -> None:
    policy = written(world, team(world, "alice", "bob", "carol"), policy_threshold=2)
    assert (policy.roles["policy"].threshold, policy.roles["recover"].threshold) == (2, 2)
    governed = merged(world)
    with pytest.raises(PermissionRefused, match="THRESHOLD"):
        start.seal(governed.workspace("alice"), adopt=ADOPT, reason="start", dry_run=False)
    with pytest.raises(PermissionRefused, match="NOT_A_SIGNER"):
        start.cosign_seal(governed.workspace("dave"), adopt=ADOPT, reason="start", dry_run=False)
    assert start.cosign_seal(governed.workspace("bob"), adopt=ADOPT, reason="start", dry_run=False).fresh
    with pytest.raises(PermissionRefused, match="THRESHOLD"):
        start.seal(governed.workspace("alice"), adopt=[], reason="start", dry_run=False)
    start.seal(governed.workspace("alice"), adopt=ADOPT, reason="start", dry_run=False)
    result = governed.verification()
    assert (result.ok, result.people[1]) == (True, ("alice", "bob"))


@pytest.mark.parametrize(
    ("size", "options", "code", "fix"),
    [
        (2, {"policy_threshold": 2}, "NO_SPARE", "--policy-threshold 1"),
        (3, {"policy_threshold": 3}, "NO_SPARE", "--policy-threshold 2"),
        (3, {"policy_threshold": 4}, "NO_HOLDER", "--policy-threshold 2"),
        (3, {"recovery": ("alice",)}, "NO_SPARE", "--recovery NAME"),
        (3, {"recovery": ("mallory",)}, "UNKNOWN_PERSON", "--person mallory EMAIL KEY.pub"),
        (2, {"solo": True}, "SOLO_WITH_OTHERS", "leave out --solo"),
        (1, {}, "NEEDS_TWO_PEOPLE", "--person"),
    ],
)
def test_what_would_be_stuck_is_refused_with_a_line_to_paste(
    world: World, size: int, options: dict[str, Any], code: str, fix: str
) -> None:
    with pytest.raises(CalibgitError, match=code) as caught:
        written(world, team(world, *PEOPLE[:size]), **options)
    assert fix in caught.value.fix
    assert not (world.clone / "trust.toml").exists()


def test_recovery_people_hold_recovery_and_nothing_else(world: World) -> None:
    safe = start.Member("safe-1", "", world.public_key("dave"), safe=True)
    policy = written(world, [*team(world, "alice", "bob", "carol"), safe], recovery=("alice",), policy_threshold=2)
    assert set(policy.roles["recover"].people) == {"alice", "safe-1"}
    assert [name for name, grant in policy.roles.items() if "safe-1" in grant.people] == ["recover"]
    assert (policy.roles["policy"].threshold, policy.roles["recover"].threshold) == (2, 1)
    assert policy.people["safe-1"].owners == ()
    assert "safe" not in (world.clone / "CODEOWNERS").read_text()


def test_accounts_and_owner_names_reach_policy_and_code_owners(world: World) -> None:
    members = with_account(team(world, "alice", "bob"), "alice", Account(host="github.com", login="Alice-X", id=17))
    members = with_alias(with_alias(members, "bob", "@acme/scoring"), "alice", "@acme/scoring")
    policy = written(world, members)
    assert policy.people["alice"].accounts == (Account(host="github.com", login="Alice-X", id=17),)
    assert policy.people_of_owner("@acme/scoring") == {"alice", "bob"}
    assert policy.people_of_owner("@alice-x") == {"alice"}
    first = next(line for line in (world.clone / "CODEOWNERS").read_text().splitlines() if line.startswith("* "))
    assert first == "* @Alice-X @acme/scoring"
    assert policy.aliases["alice-x"] == {"alice"}


def test_one_account_is_one_persons(world: World) -> None:
    account = Account(host="github.com", login="x", id=17)
    members = with_account(with_account(team(world, "alice", "bob"), "alice", account), "bob", account)
    with pytest.raises(CalibgitError, match="one account stands in two places"):
        written(world, members)


@pytest.mark.parametrize(
    ("name", "email", "more"),
    [
        ("Bob", "bob@example.org", {}),
        ('b"]\nx', "bob@example.org", {}),
        ("bob", "bob.pub", {}),
        ("bob", 'b"@example.org', {}),
        ("bob", "", {}),
        ("bob", "bob@example.org", {"aliases": ("acme",)}),
        ("bob", "bob@example.org", {"aliases": ("@acme/x y",)}),
    ],
)
def test_a_person_whose_name_says_something_else_is_refused(
    world: World, name: str, email: str, more: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="BAD_PERSON"):
        start.Member(name, email, world.public_key("bob"), **more)


def test_a_dotted_name_and_any_branch_stay_what_they_are(world: World) -> None:
    jane = start.Member("jane.doe", "jane@example.org", world.public_key("alice"))
    policy = written(world, [jane, *team(world, "bob")], branch="release/scoring", home=("git@example.org:a/b.git",))
    assert policy.people["jane.doe"].owners == ("jane@example.org",)
    assert (policy.branch, policy.home) == ("release/scoring", ("git@example.org:a/b.git",))


@pytest.mark.parametrize("twice", ["name", "key"])
def test_nobody_is_listed_twice(world: World, twice: str) -> None:
    other = start.Member(
        "alice" if twice == "name" else "al", "al@example.org", world.public_key("bob" if twice == "name" else "alice")
    )
    with pytest.raises(UsageError, match="SAME_PERSON_TWICE"):
        Roster((*team(world, "alice"), other))


def test_a_secret_in_the_remotes_address_does_not_get_into_the_policy(world: World) -> None:
    world.git("config", "remote.origin.url", "https://robot:hunter2@example.org/scoring.git")
    with pytest.raises(UsageError, match="SECRET_IN_URL") as caught:
        written(world, team(world, "alice", "bob"))
    assert "hunter2" not in str(caught.value.as_dict())
    assert "https://example.org/scoring.git" in caught.value.fix


def test_a_second_run_changes_nothing_and_another_call_is_refused_by_name(world: World) -> None:
    members = team(world, "alice", "bob")
    written(world, members)
    before = {path: path.read_bytes() for path in world.clone.rglob("*") if path.is_file() and ".git" not in path.parts}
    again = start.init(world.clone, members=members, line="scoring", solo=False, branch=None)
    assert (dict(again.written), "trust.toml" in again.kept) == ({}, True)
    with pytest.raises(UsageError, match="POLICY_EXISTS") as caught:
        start.init(world.clone, members=team(world, "alice", "carol"), line="scoring", solo=False, branch=None)
    assert "trust.toml" in caught.value.what
    assert {path: path.read_bytes() for path in before} == before


def test_without_a_word_about_people_the_policy_that_is_there_counts(world: World) -> None:
    members = with_account(team(world, "alice", "bob"), "alice", Account(host="github.com", login="Alice-X", id=17))
    written(world, members)
    (world.clone / "CODEOWNERS").unlink()
    (world.clone / "calibgit.toml").unlink()
    again = start.init(world.clone, members=[], line="scoring", solo=False, branch=None, keep_policy=True)
    assert sorted(again.written) == ["CODEOWNERS", "calibgit.toml"]
    assert "* @Alice-X @bob\n" in (world.clone / "CODEOWNERS").read_text()


def test_code_owners_in_another_place_are_kept_and_not_shadowed(world: World) -> None:
    (world.clone / ".github").mkdir()
    (world.clone / ".github/CODEOWNERS").write_text("* @alice\n")
    planned = start.init(world.clone, members=team(world, "alice", "bob"), line="scoring", solo=False, branch=None)
    assert ".github/CODEOWNERS" in planned.kept
    assert not (world.clone / "CODEOWNERS").exists()


def test_nothing_is_written_through_a_link(world: World, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (world.clone / "analytics_output").symlink_to(outside)
    (world.clone / "CODEOWNERS").symlink_to(outside / "owners")
    with pytest.raises(CalibgitError, match="CANNOT_WRITE"):
        written(world, team(world, "alice", "bob"))
    assert list(outside.iterdir()) == []


def test_a_file_that_appears_while_others_are_written_is_not_overwritten(world: World) -> None:
    (world.clone / "CODEOWNERS").write_text("mine")
    with pytest.raises(CalibgitError, match="CANNOT_WRITE"):
        start.create_file(world.clone, "CODEOWNERS", b"ours")
    assert (world.clone / "CODEOWNERS").read_text() == "mine"


def test_every_entry_of_the_policy_is_explained_in_place(world: World) -> None:
    """A comment stands above every key and every role; people are explained together."""
    written(world, team(world, "alice", "bob"))
    lines = (world.clone / "trust.toml").read_text().splitlines()
    heads = [
        number
        for number, line in enumerate(lines)
        if line.startswith(("branch", "home", "four_eyes", "production", "[roles", "[lines"))
    ]
    assert len(heads) == 14
    assert [lines[n] for n in heads if not lines[n - 1].startswith("# ")] == []
    assert tomllib.loads("\n".join(lines))["roles"]["rollback"]["people"] == ["alice", "bob"]
