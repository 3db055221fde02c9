"""Listing and moving refs."""

from __future__ import annotations

import pytest

from calibgit.errors import Conflict, UsageError
from calibgit.repo.refs import Ref, current_branch, list_refs, local_branches, update_refs
from tests.support.world import World


def test_list_refs(world: World) -> None:
    head = world.head()
    world.git("tag", "-a", "-m", "x", "calib/e/00000001")
    world.git("tag", "calib/e/00000002")
    world.git("update-ref", "refs/tags/calib/e/00000003", "HEAD^{tree}")
    world.git("tag", "calibrated")
    repo = world.repository()
    listed = list_refs(repo, "refs/tags/calib/")
    assert [(ref.name[-1], ref.kind) for ref in listed] == [("1", "tag"), ("2", "commit"), ("3", "tree")]
    assert listed == list_refs(repo, "refs/tags/calib")
    assert listed[1] == Ref("refs/tags/calib/e/00000002", head, "commit", int(world.git("cat-file", "-s", "HEAD")))
    assert listed[0].size == int(world.git("cat-file", "-s", "calib/e/00000001"))
    assert len(list_refs(repo, "refs/")) > len(listed)


def test_no_refs(world: World) -> None:
    assert list_refs(world.repository(), "refs/nothing/") == []


@pytest.mark.parametrize("prefix", ["", "--exec=x", "main", "refs/tags/*", "refs/a b"])
def test_prefixes_are_plain(world: World, prefix: str) -> None:
    with pytest.raises(UsageError):
        list_refs(world.repository(), prefix)


def test_odd_names_are_listed_whole(world: World) -> None:
    for name in ("refs/tags/-x", "refs/tags/größe", f"refs/tags/{'a' * 40}"):
        world.git("update-ref", name, "HEAD")
    names = [ref.name for ref in list_refs(world.repository(), "refs/tags/")]
    assert names == ["refs/tags/-x", f"refs/tags/{'a' * 40}", "refs/tags/größe"]


def test_branches(world: World) -> None:
    world.git("branch", "a/b")
    repo = world.repository()
    assert [ref.name for ref in local_branches(repo)] == ["refs/heads/a/b", "refs/heads/main"]
    assert current_branch(repo) == "refs/heads/main"
    world.git("checkout", "--quiet", "--detach")
    assert current_branch(repo) is None


def test_update_refs_is_compare_and_swap(world: World) -> None:
    repo, one = world.repository(), world.head()
    two = world.commit({"a": "a"})
    update_refs(repo, {"refs/heads/x": (one, None)})
    update_refs(repo, {"refs/heads/x": (two, one), "refs/heads/y": (one, None)})
    assert (world.head("refs/heads/x"), world.head("refs/heads/y")) == (two, one)
    with pytest.raises(Conflict) as caught:
        update_refs(repo, {"refs/heads/y": (two, one), "refs/heads/x": (one, None)})
    assert caught.value.code == "REF_MOVED"
    assert world.head("refs/heads/y") == one
    update_refs(repo, {"refs/heads/y": (None, one)})
    assert [ref.name for ref in local_branches(repo)] == ["refs/heads/main", "refs/heads/x"]


@pytest.mark.parametrize(("name", "new"), [("main", "a" * 40), ("refs/heads/x", "abc"), ("refs/heads/x", None)])
def test_update_refs_takes_whole_names(world: World, name: str, new: str | None) -> None:
    with pytest.raises(UsageError):
        update_refs(world.repository(), {name: (new, None)})
