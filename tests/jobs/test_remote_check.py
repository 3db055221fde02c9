"""`doctor --remote`: what this clone and the remote hold differently, each with the line that mends it, pasted."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from calibgit.jobs import cosigning, govern, upkeep
from calibgit.jobs.cosigning import Wanted
from calibgit.jobs.doctor import doctor
from calibgit.model.canonical import read_json
from calibgit.model.ids import Version
from calibgit.model.schemas import schema_bytes
from tests.attacks.raw import plant, slot, write
from tests.support.governed import Governed
from tests.support.governed import govern as govern_world
from tests.support.world import World, run_git

V110 = Version(1, 1, 0)
Check = dict[str, str]


def checks(governed: Governed, *statuses: str) -> list[Check]:
    value = doctor(governed.workspace("bob"), remote=True)
    assert value["ok"] == all(check["status"] in {"ok", "note"} for check in value["checks"])
    return [check for check in value["checks"] if check["status"] in (statuses or ("fail", "unknown"))]


def only(governed: Governed, words: str, *statuses: str) -> Check:
    """The one finding, which says these words."""
    found = checks(governed, *statuses)
    assert [check["what"] for check in found if re.search(words, check["what"])] == [check["what"] for check in found]
    assert len(found) == 1
    assert found[0]["fix"]
    return found[0]


def paste(governed: Governed, check: Check) -> None:
    """Run the git command that a fix line ends with."""
    command = check["fix"].rpartition("then: ")[2].partition("; and here, each")[0]
    run_git(governed.world.clone, *shlex.split(command)[1:])


def test_a_clone_that_agrees_with_its_remote_is_in_order_and_nothing_was_fetched(running: Governed) -> None:
    world = running.world
    before = world.git("for-each-ref"), world.git("count-objects", "-v")
    value = doctor(running.workspace("bob"), remote=True)
    assert value["ok"], value["checks"]
    assert value["remote"] == "asked"
    said = [check["what"] for check in value["checks"]]
    assert "main is where origin has it" in said
    assert "the 4 names of the log are the same here and on origin" in said
    assert (world.git("for-each-ref"), world.git("count-objects", "-v")) == before


@pytest.mark.parametrize("remote", [True, False])
def test_the_report_keeps_its_schema(running: Governed, remote: bool) -> None:
    value = doctor(running.workspace("bob"), remote=remote)
    Draft202012Validator(read_json(schema_bytes("doctor"), "schema")).validate(value)
    assert value["rules"][1] == (
        "A change is approved by its merge into main, by a code owner. Whoever wrote a change does not approve it."
    )


def test_an_event_that_was_never_pushed_is_found_and_pushed_whole(running: Governed) -> None:
    """Attack 49: written here, and the push never happened."""
    names = [name for name in running.remote_tags() if "v1.1.0" in name or name == slot(2)]
    for name in names:
        running.world.remote_git("update-ref", "-d", name)
    check = only(running, "event 2 is not whole on origin")
    assert "--atomic" in check["fix"]
    paste(running, check)
    assert checks(running) == []


def test_events_that_are_missing_here_are_counted_and_the_first_is_named(running: Governed) -> None:
    running.world.git("update-ref", "-d", slot(3))
    check = only(running, "1 names of the log on origin are not here, the first is refs/tags/calib/e/00000003")
    paste(running, check)
    assert checks(running) == []


def test_a_moved_tag_is_shown_with_both_ids(running: Governed) -> None:
    other = write(
        running.world.remote,
        "tag",
        b"object " + running.tip().encode() + b"\ntype commit\ntag x\ntagger a <a@b> 0 +0000\n\nx\n",
    )
    plant(running.world.remote, {slot(3): other})
    check = only(running, "MOVED")
    assert other[:12] in check["what"]
    assert running.world.head(slot(3))[:12] in check["what"]


def test_a_flattened_tag_is_no_moved_one(running: Governed) -> None:
    plant(running.world.clone, {slot(3): running.tip()})
    found = [check for check in checks(running) if "bare commit here" in check["what"]]
    paste(running, found[0])
    assert checks(running) == []


def test_a_name_of_no_event_that_is_only_here_is_told(running: Governed) -> None:
    plant(running.world.clone, {"refs/tags/calib/scoring/v9.0.0": running.tip()})
    paste(running, only(running, "v9.0.0 is only here, and belongs to no event"))
    assert checks(running) == []


def test_a_clone_that_is_behind_says_so_whether_or_not_it_has_the_objects(running: Governed) -> None:
    world = running.world
    before = running.tip()
    other = world.second_clone()
    run_git(other, "commit", "--quiet", "--allow-empty", "-m", "news")
    run_git(other, "push", "--quiet", "origin", "HEAD:main")
    check = only(running, "main is at .* on origin and at .* here")
    assert check["status"] == "unknown"
    paste(running, check)
    assert checks(running) == []
    world.git("update-ref", "refs/remotes/origin/main", before)
    paste(running, only(running, "this clone is behind main of origin"))
    assert checks(running) == []


def test_a_protected_branch_that_is_gone_or_went_back_fails(running: Governed) -> None:
    world = running.world
    tip = running.tip()
    world.remote_git("update-ref", "refs/heads/main", f"{tip}^1")
    assert "only grows" in only(running, "lost commits that this clone has seen")["why"]
    world.remote_git("update-ref", "-d", "refs/heads/main")
    only(running, "there is no branch main on origin")


@pytest.mark.parametrize("where", ["remote", "clone"])
@pytest.mark.parametrize(
    "name",
    [
        "refs/heads/calib/scoring/v1.0.0",
        "refs/tags/refs/tags/calib/e/00000001",
        "refs/tags/" + "a" * 40,
        "refs/tags/calib/e/00000004/x",
    ],
)
def test_names_that_pass_for_others_are_found_here_and_there(running: Governed, name: str, where: str) -> None:
    plant(running.world.remote if where == "remote" else running.world.clone, {name: running.tip()})
    found = [check for check in checks(running) if "find out who made it and whether" in check["fix"]]
    assert len(found) == 1
    assert name in found[0]["what"]
    paste(running, found[0])
    assert [check for check in checks(running) if "find out who made it and whether" in check["fix"]] == []


@pytest.mark.parametrize(("name", "sealed"), [("refs/tags/calib", False), ("refs/tags/calib/scoring", True)])
def test_a_tag_that_leaves_no_room_for_events_is_found(world: World, name: str, sealed: bool) -> None:
    """Attack 35."""
    governed = govern_world(world, seal=sealed)
    plant(world.remote, {name: governed.tip()})
    found = [check for check in checks(governed) if "takes the place where events have to go" in check["what"]]
    assert len(found) == 1
    paste(governed, found[0])
    assert name not in world.remote_git("for-each-ref", "--format=%(refname)").split()


@pytest.mark.parametrize(
    "name",
    [
        "refs/tags/Calib/e/00000001",
        "refs/tags/CALIB/scoring/v1.1.0",
        "refs/heads/Main",
        "refs/tags/calib/Scoring/v1.1.0",
    ],
)
def test_names_that_differ_only_in_case_are_found(running: Governed, name: str) -> None:
    """Attack 50."""
    plant(running.world.remote, {name: running.tip()})
    found = [check for check in checks(running) if "only in case or form" in check["what"]]
    assert len(found) == 1
    assert name in found[0]["what"] or "Scoring" in name


def test_hostile_names_of_the_remote_are_quoted_for_a_shell(running: Governed) -> None:
    plant(running.world.remote, {"refs/heads/calib/$(touch${IFS}owned);x'y": running.tip()})
    plant(running.world.remote, {"refs/heads/calib/\u202eevil": running.tip()})
    found = [check for check in checks(running) if "is a branch that is called" in check["what"]]
    assert len(found) == 2
    assert all(check["what"].isascii() and check["fix"].isascii() for check in found)
    for check in found:
        command = check["fix"].rpartition("then: ")[2]
        run_shell(running.world.clone, command)
    assert not (running.world.clone / "owned").exists()
    assert "calib/" not in running.world.remote_git("for-each-ref", "refs/heads/calib")


def run_shell(cwd: Path, command: str) -> None:
    subprocess.run(["bash", "-euc", command], cwd=cwd, check=True, capture_output=True)


def test_a_co_signature_that_no_writer_will_take_any_more_is_told(running: Governed) -> None:
    cosigning.countersign(running.workspace("alice"), Wanted("deprecate", Version(1, 0, 0), reason="old"))
    running.fetch()
    assert [c["what"] for c in checks(running, "note") if "not yet written" in c["what"]]
    world = running.world
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    text = (world.clone / "trust.toml").read_text()
    world.commit({"trust.toml": text + "\n# reviewed\n"}, "Review")
    world.git("push", "--quiet", "origin", "HEAD:main")
    upkeep.policy(running.workspace("bob"), reason="reviewed")
    found = [check for check in checks(running, "note") if "of no use any more" in check["what"]]
    assert [check["what"].rpartition("because ")[2] for check in found] == [
        "the policy has changed since: deprecate scoring 1.0.0"
    ]
    paste(running, found[0])
    govern.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="old")


def test_a_remote_that_does_not_answer_leaves_one_unknown(running: Governed) -> None:
    running.world.remote.rename(running.world.root / "elsewhere.git")
    check = only(running, "the remote could not be asked")
    assert (check["status"], check["fix"]) == ("unknown", "git ls-remote origin")


def test_a_clone_whose_remote_is_another_home_is_told_what_to_set(running: Governed) -> None:
    running.world.git("config", "remote.origin.url", str(running.world.remote))
    check = only(running, "no home of this registry")
    paste(running, check)
    assert checks(running) == []


def test_a_hundred_foreign_names_are_counted(running: Governed) -> None:
    tip = running.tip()
    lines = "".join(f"create refs/heads/calib/x{n:03d} {tip}\n" for n in range(100))
    subprocess.run(["git", "update-ref", "--stdin"], cwd=running.world.remote, input=lines.encode(), check=True)
    found = checks(running)
    assert len(found) == 21
    assert found[-1]["what"] == "80 more such names are on origin"


def test_advice_for_a_shared_repository_comes_with_its_other_tags(running: Governed) -> None:
    def advice() -> list[Check]:
        return [check for check in checks(running, "note") if "git describe" in check["fix"]]

    assert advice() == []
    running.world.git("tag", "v1.0.0")
    assert advice()[0]["fix"].startswith("git describe --exclude 'calib/*'; ")
    assert running.world.git("describe", "--exclude", "calib/*", "--tags", "HEAD") == "v1.0.0"
