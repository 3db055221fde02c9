"""What checkouts of build jobs leave out or flatten: named, with the fetch to run, and repaired on demand.

The commands are the ones that the usual checkout action runs: a shallow fetch of one commit, and, for a tag, a fetch of
the commit under the tag's name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from calibgit.errors import Conflict, EnvironmentFault, GateClosed, IntegrityError
from calibgit.jobs import govern, read
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot, write
from tests.support.governed import Governed
from tests.support.world import run_git

V110 = Version(1, 1, 0)
TAG = "refs/tags/calib/scoring/v1.1.0"


def checkout(running: Governed, ref: str, *, depth: int | None = 1, tags: bool = False) -> Path:
    """A job's checkout of `ref` into a directory of its own."""
    place = running.world.root / "job"
    url = running.world.remote.as_uri()
    commit = running.world.remote_git("rev-parse", ref + "^{commit}")
    run_git(running.world.root, "init", "--quiet", "job")
    run_git(place, "remote", "add", "origin", url)
    local = ref if ref.startswith("refs/tags/") else ref.replace("refs/heads/", "refs/remotes/origin/")
    limit = [f"--depth={depth}"] if depth else []
    if tags:
        wanted = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        run_git(place, "fetch", "--quiet", "--no-tags", "--prune", "origin", *wanted)
    else:
        run_git(place, "fetch", "--quiet", "--no-tags", "--prune", *limit, "origin", f"+{commit}:{local}")
    run_git(place, "checkout", "--quiet", "--force", "--detach", commit)
    return place


def job(running: Governed, place: Path, *, fetch: bool = False) -> object:
    return running.workspace("dave", path=place, fetch=fetch)


def state_of(running: Governed, place: Path) -> tuple[bool, int]:
    result = running.workspace("dave", path=place).verification()
    return result.ok, result.state.seq


def test_a_shallow_checkout_is_refused_with_the_fetch_and_repaired_with_one_word(running: Governed) -> None:
    place = checkout(running, "refs/heads/main")
    with pytest.raises(EnvironmentFault, match="SHALLOW_HISTORY") as caught:
        job(running, place)
    assert "--unshallow" in caught.value.fix
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)
    assert run_git(place, "rev-parse", "--is-shallow-repository") == "false"
    assert run_git(place, "fsck", "--connectivity-only", "--no-dangling") == ""


def test_the_fetch_that_the_error_names_does_what_it_says(running: Governed) -> None:
    place = checkout(running, "refs/heads/main")
    run_git(
        place,
        "fetch",
        "--quiet",
        "--unshallow",
        "--force",
        "origin",
        "+refs/heads/*:refs/remotes/origin/*",
        "refs/tags/calib/*:refs/tags/calib/*",
    )
    assert state_of(running, place) == (True, 3)


def test_a_checkout_without_tags_is_not_taken_for_an_unsealed_repository(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None)
    with pytest.raises(GateClosed, match="NOT_SEALED") as caught:
        read.status(running.workspace("dave", path=place))
    assert "git fetch origin" in caught.value.fix
    root = running.verification().state.registry
    with pytest.raises(IntegrityError, match="LOG_MISSING"):
        read.status(running.workspace("dave", path=place, trust_root=root))
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)


def test_a_checked_out_release_tag_is_flattened_and_named_as_such(running: Governed) -> None:
    place = checkout(running, TAG, depth=None)
    assert run_git(place, "cat-file", "-t", TAG) == "commit"
    result = running.workspace("dave", path=place).verification()
    assert [problem.code for problem in result.errors] == ["LOG_MISSING"]
    job(running, place, fetch=True)
    assert run_git(place, "cat-file", "-t", TAG) == "tag"
    assert state_of(running, place) == (True, 3)


def test_with_all_tags_the_checked_out_one_is_still_flattened(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    plant(place, {TAG: run_git(place, "rev-parse", TAG + "^{commit}")})
    result = running.workspace("dave", path=place).verification()
    assert [(problem.code, problem.step) for problem in result.errors] == [("LIGHTWEIGHT", 1)]
    assert not result.foreign, "nobody may void an event because of a checkout"
    assert TAG in result.errors[0].fix
    run_git(place, *result.errors[0].fix.partition(";")[0].replace("'", "").split()[1:])
    assert state_of(running, place) == (True, 3)


def test_a_flattened_slot_is_repaired_too(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    plant(place, {slot(2): run_git(place, "rev-parse", slot(2) + "^{commit}")})
    assert state_of(running, place) == (False, 1)
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)


def test_a_tag_object_is_never_overwritten(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    other = write(
        running.world.remote,
        "tag",
        b"object " + running.tip().encode() + b"\ntype commit\ntag x\ntagger a <a@b> 0 +0000\n\nx\n",
    )
    known = run_git(place, "rev-parse", slot(3))
    plant(running.world.remote, {slot(3): other})
    with pytest.raises(Conflict, match="MOVED") as caught:
        job(running, place, fetch=True)
    assert caught.value.exit_status == 5
    assert known[:12] in caught.value.what
    assert other[:12] in caught.value.what
    assert run_git(place, "rev-parse", slot(3)) == known
    with pytest.raises(Conflict, match="MOVED"):
        govern.deprecate(running.workspace("bob"), V110, reason="x")


def test_a_tag_that_the_remote_lost_is_kept_and_told(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    running.world.remote_git("update-ref", "-d", slot(3))
    space = running.workspace("dave", path=place, fetch=True)
    result = space.verification()
    assert (result.ok, result.state.seq) == (True, 3)
    assert [problem.code for problem in result.warnings] == ["MISSING_ON_REMOTE"]


def test_a_repair_that_is_repeated_changes_nothing(running: Governed) -> None:
    place = checkout(running, "refs/heads/main")
    for _ in range(2):
        job(running, place, fetch=True)
        assert state_of(running, place) == (True, 3)
