"""`calibgit check` on a branch that changes trust.toml: the gate says before the merge what `policy` would say after."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

import pytest

from tests.cli.conftest import Command
from tests.support.governed import Governed

Be = Callable[[str], None]


def branch(governed: Governed, change: Callable[[str], str | None], name: str = "people") -> str:
    """Commit another trust.toml, or none, on a branch of this clone; its name."""
    world = governed.world
    world.git("switch", "--quiet", "--create", name, "refs/remotes/origin/main")
    path = world.clone / "trust.toml"
    text = change(path.read_text())
    if text is None:
        path.unlink()
    else:
        assert text != path.read_text()
        path.write_text(text)
    world.git("commit", "--quiet", "--all", "-m", "Another policy")
    world.git("switch", "--quiet", "main")
    return name


def joined(governed: Governed) -> Callable[[str], str]:
    key = governed.world.public_key("dave")
    dave = f'[people.dave]\nkind = "human"\nkeys = ["{key}"]\nemails = ["dave@example.org"]\n\n'
    return lambda text: text.replace("[roles.release]", dave + "[roles.release]")


def test_a_sound_policy_is_told_and_what_is_told_brings_it_into_force(
    governed: Governed, be: Be, calibgit: Command
) -> None:
    place = ["--repo", governed.world.clone]
    head = branch(governed, joined(governed))
    result = calibgit(*place, "check", "--head", head, "--format", "json")
    assert result.status == 0, result.out
    (found,) = [each for each in result.data["results"] if each["check"] == "policy"]
    assert found["outcome"] == "pass"
    assert "dave joins as a person" in found["message"]
    governed.world.git("merge", "--quiet", "--no-ff", "-m", "Dave joins", head)
    governed.world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    steps = re.findall(r"([a-z ]+) runs (calibgit [^,]*)", found["message"].partition("after the merge: ")[2])
    assert [who.strip().removeprefix("then ") for who, _ in steps] == ["dave", "alice or bob or carol"]
    for person, (_, command) in zip(("dave", "alice"), steps, strict=True):
        be(person)
        done = calibgit(*place, *shlex.split(command)[1:])
        assert done.status == 0, done.err
    policy = governed.verification().policy
    assert policy is not None
    assert "dave" in policy.people
    assert calibgit(*place, "check", "--head", head).status == 0, "what is in force may be merged again"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace("four_eyes = true", "four_eyes = false"), "FOUR_EYES_DROPPED"),
        (lambda text: text.replace("[roles.policy]", '[roles."policy:production"]'), "NOBODY_CHANGES_POLICY"),
        (lambda text: text + "x", "NOT_TOML"),
        (lambda _: None, "NO_POLICY"),
    ],
    ids=["four eyes", "nobody", "junk", "gone"],
)
def test_the_gate_is_closed_for_a_policy_that_could_not_come_into_force(
    governed: Governed, calibgit: Command, change: Callable[[str], str | None], code: str
) -> None:
    place = ["--repo", governed.world.clone]
    head = branch(governed, change)
    text = calibgit(*place, "check", "--head", head)
    assert text.status == 1
    assert f"  FAIL policy: {code}: " in text.out
    assert "       fix: " in text.out
    said = calibgit(*place, "check", "--head", head, "--format", "github")
    assert said.out.startswith(f"::error file=trust.toml,title={code}::")


def test_the_policy_in_force_judges_and_not_the_one_on_the_branch(governed: Governed, calibgit: Command) -> None:
    """What is merged and not yet in force gives nobody anything, and a key that ended there may still be in use."""
    place = ["--repo", governed.world.clone]
    first = branch(governed, joined(governed), "first")
    governed.world.git("merge", "--quiet", "--no-ff", "-m", "Dave joins", first)
    governed.world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    second = branch(governed, lambda text: text + "\n# a remark\n", "second")
    value = calibgit(*place, "check", "--head", second, "--format", "json").data
    (found,) = [each for each in value["results"] if each["check"] == "policy"]
    assert "dave runs calibgit countersign --for policy" in found["message"]


def test_a_change_of_something_else_says_nothing_of_the_policy(governed: Governed, calibgit: Command) -> None:
    world = governed.world
    world.git("switch", "--quiet", "--create", "words", "refs/remotes/origin/main")
    world.commit({"README.md": "Other words.\n"})
    value = calibgit("--repo", world.clone, "check", "--format", "json").data
    assert [each["check"] for each in value["results"]] == ["immutability", "scope"]
