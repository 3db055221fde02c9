"""The doctor over real registries: one fault each, told in plain words with the thing to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from calibgit.errors import GateClosed
from calibgit.jobs import govern, start
from calibgit.jobs.doctor import doctor
from calibgit.model.ids import Version
from calibgit.registry.owners import MAX_LINES
from tests.attacks.raw import plant, slot
from tests.support.governed import BASE, Governed
from tests.support.governed import govern as govern_world
from tests.support.world import World


def said(governed: Governed, status: str, person: str = "alice", **options: Any) -> list[str]:
    return [c["what"] for c in doctor(governed.workspace(person, **options))["checks"] if c["status"] == status]


def edit(world: World, change: Callable[[str], str]) -> None:
    path = world.clone / "trust.toml"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    world.git("add", "trust.toml")
    world.git("commit", "--quiet", "-m", "Another policy")
    world.git("push", "--quiet", "origin", "HEAD:main")
    world.git("fetch", "--quiet", "origin")


def test_a_sound_registry_fails_in_nothing_and_names_who_can_do_what(world: World) -> None:
    governed = govern_world(world)
    value = doctor(governed.workspace("alice"))
    assert value["ok"], value["checks"]
    roles = {role["role"]: role for role in value["roles"]}
    assert roles["activate:production"]["people"] == ["alice", "bob", "carol"]
    assert roles["activate:production"]["non_author"]
    assert roles["release"]["spare"] == 2
    assert any(what.startswith("you sign as alice, who may: activate") for what in said(governed, "ok"))
    assert "your signing key is not in the policy, so you may read and propose" in said(governed, "note", "dave")


def test_before_the_seal_it_speaks_of_the_policy_in_the_work_tree(world: World) -> None:
    governed = govern_world(world, seal=False)
    assert said(governed, "fail") == ["the registry has no genesis here"]


def test_a_one_person_registry_is_said_and_does_not_fail(world: World) -> None:
    governed = govern_world(world, team=("alice",), solo=True)
    value = doctor(governed.workspace("alice"))
    assert value["ok"]
    assert value["four_eyes"] is False
    assert "one person may do everything alone here (four_eyes = false)" in said(governed, "note")


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("NO_SPARE", '[roles.release]\npeople = ["alice", "bob", "carol"]\nthreshold = 1', '[roles.release]\npeople = ["alice", "bob", "carol"]\nthreshold = 3'),
        ("NO_SPARE", '[roles.rollback]\npeople = ["alice", "bob", "carol"]', '[roles.rollback]\npeople = ["alice"]'),
        ("NO_HOLDER", "[roles.deprecate]", '[roles."deprecate:staging"]'),
    ],
)  # fmt: skip
def test_a_policy_that_one_lost_key_can_stop_is_not_sealed(world: World, code: str, old: str, new: str) -> None:
    governed = govern_world(world, seal=False)
    edit(world, lambda text: text.replace(old, new))
    if code == "NO_HOLDER":
        edit(
            world,
            lambda text: text.replace(
                '[roles."deprecate:staging"]\npeople = ["alice", "bob", "carol"]\nthreshold = 1\n', ""
            ),
        )
    with pytest.raises(GateClosed, match=code) as caught:
        start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="x", dry_run=False)
    assert caught.value.fix
    assert not governed.remote_tags()


def test_a_merged_policy_that_waits_is_told_in_words(world: World) -> None:
    governed = govern_world(world)
    person = f'[people.dave]\nkind = "human"\nkeys = ["{world.public_key("dave")}"]\n\n'
    edit(world, lambda text: text.replace("[roles.release]", person + "[roles.release]"))
    notes = said(governed, "note")
    assert any(what.startswith("merged and not yet in force: dave joins") for what in notes)
    assert "dave has to show the new key before that" in notes


def test_a_file_of_the_gate_that_nobody_owns_fails(world: World) -> None:
    governed = govern_world(world)
    path = world.clone / "CODEOWNERS"
    path.write_text("/configs/ @alice\n/bad[range] @bob\n* @nobody-we-know\n/configs/ @alice\n")
    world.git("commit", "--quiet", "-am", "Owners")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    fails = said(governed, "fail")
    assert "nobody of trust.toml owns trust.toml" in fails
    assert any("line 2, is skipped" in what for what in fails)
    assert "@nobody-we-know of CODEOWNERS stands for nobody of trust.toml" in said(governed, "note")


def test_an_owners_file_without_end_fails_before_a_release_does(world: World) -> None:
    governed = govern_world(world)
    (world.clone / "CODEOWNERS").write_text("* @alice @bob\n" * (MAX_LINES + 1))
    world.git("commit", "--quiet", "-am", "Owners")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    assert any("CODEOWNERS is not read" in what for what in said(governed, "fail"))
    governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    with pytest.raises(GateClosed, match="CODEOWNERS_TOO_LARGE"):
        govern.release(governed.workspace("bob"), Version(1, 1, 0), reason="approved")


def test_a_broken_log_is_explained_and_the_rest_still_told(world: World) -> None:
    governed = govern_world(world)
    plant(world.clone, {slot(2): governed.tip()})
    value = doctor(governed.workspace("alice"))
    assert not value["ok"]
    assert value["checks"][0]["what"].startswith("LIGHTWEIGHT")
    assert value["roles"]


def test_a_remote_that_is_no_home_fails(world: World) -> None:
    governed = govern_world(world)
    world.git("config", "remote.origin.url", "../elsewhere.git")
    assert any("no home" in what for what in said(governed, "fail"))


def test_an_unratified_rollback_fails(world: World) -> None:
    governed = govern_world(world)
    governed.merge(governed.propose("1.1.0"), by="alice")
    govern.release(governed.workspace("bob"), Version(1, 1, 0), reason="")
    govern.activate(governed.workspace("bob"), Version(1, 1, 0), env="production")
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason="x")
    assert any("stands on one person, bob" in what for what in said(governed, "fail"))


def test_lines_that_count_one_table_are_told_that_no_ledger_knows_both(world: World) -> None:
    governed = govern_world(world)
    assert not [what for what in said(governed, "note") if "a ledger of its own" in what]
    path = world.clone / "calibgit.toml"
    text = path.read_text()
    assert "[lines.scoring.source]" in text
    path.write_text(text + text.replace("lines.scoring.", "lines.risk.").replace('schema = "calibgit/settings/1"', ""))
    found = [what for what in said(governed, "note", line="scoring") if "a ledger of its own" in what]
    assert found == ["the lines risk, scoring all count a table scan_results, and each has a ledger of its own"]
    path.write_text(path.read_text().replace('"scan_results"', '"other_results"', 1))
    assert not [what for what in said(governed, "note", line="scoring") if "a ledger of its own" in what]
