"""Names, ancestry and differences."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibgit.errors import DocumentError, EnvironmentFault, UsageError
from calibgit.repo.create import create_work_repository
from calibgit.repo.history import (
    TreeChange,
    changed_paths,
    commits_between,
    first_parents,
    is_ancestor,
    list_files,
    resolve,
)
from calibgit.repo.repository import Repository
from tests.support.world import World, run_git


def merged(world: World) -> tuple[str, str, str]:
    """A base, a side commit and the merge of both."""
    base = world.head()
    world.git("checkout", "--quiet", "-b", "side")
    side = world.commit({"side": "1"}, "side")
    world.git("checkout", "--quiet", "main")
    world.commit({"main": "1"}, "main")
    world.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    return base, side, world.head()


def test_resolve(world: World) -> None:
    repo, head = world.repository(), world.head()
    world.git("tag", "-a", "-m", "x", "v1")
    assert resolve(repo, "HEAD") == head
    assert resolve(repo, "refs/heads/main") == head
    assert resolve(repo, head) == head
    assert resolve(repo, "refs/tags/v1") == world.head("refs/tags/v1") != head
    assert resolve(repo, "refs/heads/nothing") is None
    assert resolve(repo, "0" * 40) is None


@pytest.mark.parametrize("name", ["main", "v1", "HEAD~1", "-x", "--all", "refs/heads/main^{tree}", "a" * 7, "@", ""])
def test_resolve_knows_no_short_names(world: World, name: str) -> None:
    with pytest.raises(UsageError):
        resolve(world.repository(), name)


def test_resolve_does_not_guess(world: World) -> None:
    """Git's own lookup would find refs/tags/refs/heads/x for refs/heads/x."""
    world.git("update-ref", "refs/tags/refs/heads/x", "HEAD")
    world.git("update-ref", f"refs/heads/{'a' * 40}", "HEAD")
    assert resolve(world.repository(), "refs/heads/x") is None
    assert resolve(world.repository(), "a" * 40) is None


def test_a_tag_and_a_branch_of_one_name(world: World) -> None:
    other = world.commit({"a": "a"})
    world.git("update-ref", "refs/tags/main", "HEAD~1")
    assert resolve(world.repository(), "refs/heads/main") == other


def test_leading_dash_names(world: World) -> None:
    world.git("update-ref", "refs/tags/--upload-pack=x", "HEAD")
    assert resolve(world.repository(), "refs/tags/--upload-pack=x") == world.head()


def test_first_parents(world: World) -> None:
    base, side, tip = merged(world)
    line = first_parents(world.repository(), tip)
    assert line == [tip, world.head("HEAD^1"), base]
    assert side not in line


def test_is_ancestor(world: World) -> None:
    base, side, tip = merged(world)
    repo = world.repository()
    assert is_ancestor(repo, base, tip)
    assert is_ancestor(repo, side, tip)
    assert is_ancestor(repo, tip, tip)
    assert not is_ancestor(repo, tip, base)
    with pytest.raises(EnvironmentFault):
        is_ancestor(repo, "0" * 40, tip)


def test_commits_between(world: World) -> None:
    base, side, tip = merged(world)
    commits = commits_between(world.repository(), base, tip)
    assert {commit.oid for commit in commits} == {side, tip, world.head("HEAD^1")}
    assert commits[0].oid == tip
    assert commits_between(world.repository(), tip, base) == []


def test_changed_paths(world: World) -> None:
    before = world.head()
    world.git("mv", "README.md", "größe and space.md")
    (world.clone / "configs" / ".keep").chmod(0o755)
    (world.clone / "new\tline\n").write_text("n")
    world.git("add", "--all")
    after = world.commit({})
    readme = world.head(f"{before}:README.md")
    empty, new = world.head(f"{before}:configs/.keep"), world.git("hash-object", "new\tline\n")
    assert changed_paths(world.repository(), before, after) == [
        TreeChange("README.md", readme, None, "100644", None),
        TreeChange("configs/.keep", empty, empty, "100644", "100755"),
        TreeChange("größe and space.md", None, readme, None, "100644"),
        TreeChange("new\tline\n", None, new, None, "100644"),
    ]
    assert changed_paths(world.repository(), after, after) == []


def test_submodule_changes_cannot_be_hidden(world: World) -> None:
    before = world.commit({".gitmodules": '[submodule "s"]\n\tpath = s\n\turl = x\n\tignore = all\n'})
    world.git("config", "diff.ignoreSubmodules", "all")
    world.git("config", "submodule.s.ignore", "all")
    world.git("update-index", "--add", "--cacheinfo", f"160000,{before},s")
    after = world.commit({})
    [change] = changed_paths(world.repository(), before, after)
    assert (change.path, change.new_mode, change.new_oid) == ("s", "160000", before)


def test_paths_that_are_not_text_are_refused(world: World) -> None:
    before = world.head()
    (Path(f"{world.clone}/x\udcff")).write_text("x")
    world.git("add", "--all")
    after = world.commit({})
    for call in (lambda r: changed_paths(r, before, after), lambda r: list_files(r, after)):
        with pytest.raises(DocumentError) as caught:
            call(world.repository())
        assert caught.value.code == "BAD_PATH"


def test_list_files(world: World) -> None:
    head = world.commit({"a/b/c": "1", "a/d": "2", "ab": "3", "a*": "4"})
    repo = world.repository()
    assert list_files(repo, head) == ["README.md", "a*", "a/b/c", "a/d", "ab", "configs/.keep"]
    assert list_files(repo, head, "a") == list_files(repo, head, "a/") == ["a/b/c", "a/d"]
    assert list_files(repo, head, "nothing") == list_files(repo, head, "ab") == []


def test_a_sha256_repository_answers_the_same_way(tmp_path: Path) -> None:
    create_work_repository(tmp_path / "new", "main", object_format="sha256")
    for text in ("1", "2"):
        (tmp_path / "new" / "file").write_text(text)
        run_git(tmp_path / "new", "add", "file")
        run_git(tmp_path / "new", "commit", "--quiet", "-m", text)
    repo = Repository.open(tmp_path / "new")
    new, old = first_parents(repo, resolve(repo, "HEAD") or "")
    assert len(new) == 64
    assert is_ancestor(repo, old, new)
    assert [commit.oid for commit in commits_between(repo, old, new)] == [new]
    assert [change.path for change in changed_paths(repo, old, new)] == ["file"]
