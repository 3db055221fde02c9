"""Opening: which repository, and which ones are refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from calibgit.errors import EnvironmentFault, UsageError
from calibgit.repo.create import clone, create_bare, create_work_repository
from calibgit.repo.repository import Repository, is_full_ref, is_oid, require_oid, require_ref
from tests.support.world import World, run_git


def refusal(path: Path) -> EnvironmentFault:
    with pytest.raises(EnvironmentFault) as caught:
        Repository.open(path)
    assert caught.value.fix
    assert caught.value.why
    assert caught.value.exit_status == 3
    return caught.value


def test_opens_from_a_directory_deep_inside(world: World) -> None:
    repo = Repository.open(world.clone / "configs")
    assert repo.git_dir == (world.clone / ".git").resolve()
    assert repo.work_tree == world.clone.resolve()
    assert repo.sha_length == 40


def test_opens_a_linked_work_tree(world: World) -> None:
    world.git("worktree", "add", "--quiet", "../linked", "-b", "side")
    repo = Repository.open(world.root / "linked")
    assert repo.work_tree == (world.root / "linked").resolve()
    assert repo.common_dir == (world.clone / ".git").resolve()
    assert repo.git_dir.parent.name == "worktrees"


def test_opens_a_sha256_repository(tmp_path: Path) -> None:
    create_work_repository(tmp_path / "new", "main", object_format="sha256")
    run_git(tmp_path / "new", "commit", "--quiet", "--allow-empty", "-m", "x")
    assert Repository.open(tmp_path / "new").sha_length == 64


def test_not_a_repository(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "NOT_A_REPOSITORY"
    assert refusal(tmp_path / "missing" / "place").code == "NOT_A_REPOSITORY"


@pytest.mark.parametrize("text", ["", "gitdir: /nonexistent\n", "gitdir: a\nb\n", "\x00\xff"])
def test_a_broken_git_file_is_not_a_repository(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text, encoding="utf-8")
    assert refusal(tmp_path).code == "NOT_A_REPOSITORY"


def test_bare(world: World) -> None:
    assert refusal(world.remote).code == "BARE_REPOSITORY"
    assert refusal(world.remote / "objects").code == "BARE_REPOSITORY"
    world.git("config", "core.bare", "true")
    assert refusal(world.clone).code == "BARE_REPOSITORY"


def test_empty(tmp_path: Path) -> None:
    create_work_repository(tmp_path / "new", "main")
    assert refusal(tmp_path / "new").code == "EMPTY_REPOSITORY"


def test_a_fetched_branch_is_enough(world: World, tmp_path: Path) -> None:
    create_work_repository(tmp_path / "new", "other")
    run_git(tmp_path / "new", "fetch", "--quiet", str(world.remote), "main:refs/remotes/origin/main")
    assert Repository.open(tmp_path / "new").sha_length == 40


def test_shallow(world: World, tmp_path: Path) -> None:
    world.commit({"a": "a"})
    world.git("push", "--quiet")
    run_git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{world.remote}", "shallow")
    error = refusal(tmp_path / "shallow")
    assert error.code == "SHALLOW_HISTORY"
    assert error.fix.startswith("git fetch --unshallow --force origin ")


def test_no_git(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(world.clone).code == "NO_GIT"


def test_failure_is_named_and_strips_credentials(world: World) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        world.repository().run("ls-tree", "https://user:secret@example.org/x")
    assert caught.value.code == "GIT_FAILED"
    assert "ls-tree" in caught.value.what
    assert "example.org" in caught.value.what
    assert "secret" not in str(caught.value)


def test_expected_statuses_are_no_failure(world: World) -> None:
    assert world.repository().run("show-ref", "--verify", "--quiet", "refs/heads/no", ok=(0, 1)) == b""


def test_network_command_uses_no_repository_config(world: World) -> None:
    world.git("config", f"url.{world.root}/elsewhere.insteadOf", str(world.remote))
    listed = world.repository().run("ls-remote", str(world.remote), network=True)
    assert world.head().encode() in listed


def test_vanished_directory(world: World) -> None:
    repo = world.repository()
    world.clone.rename(world.root / "moved")
    with pytest.raises(EnvironmentFault) as caught:
        repo.run("rev-parse", "HEAD")
    assert caught.value.code == "NOT_A_REPOSITORY"


def test_create_refuses_to_overwrite(world: World) -> None:
    for call in (create_bare, create_work_repository, lambda path: clone(str(world.remote), path)):
        with pytest.raises(EnvironmentFault) as caught:
            call(world.clone)
        assert caught.value.code == "NOT_EMPTY"


def test_clone_brings_everything_and_no_hooks(world: World, tmp_path: Path) -> None:
    repo = clone(str(world.remote), tmp_path / "copy")
    assert run_git(repo.work_tree, "rev-parse", "HEAD") == world.head()
    assert not (repo.git_dir / "hooks").exists()


@pytest.mark.parametrize("url", ["ext::sh -c x", "-x", "--upload-pack=x", "fd::3", "http://example.org/x"])
def test_clone_refuses_dangerous_urls(tmp_path: Path, url: str) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        clone(url, tmp_path / "copy")
    assert caught.value.code == "BAD_REMOTE_URL"


def test_clone_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        clone(str(tmp_path / "nothing"), tmp_path / "copy")
    assert caught.value.code == "REMOTE_UNREACHABLE"


NAMES = [
    ("refs/heads/main", True),
    ("refs/tags/-x", True),
    ("refs/heads/größe", True),
    ("main", False),
    ("-x", False),
    ("refs/heads/", False),
    ("refs//main", False),
    ("refs/heads/.hidden", False),
    ("refs/heads/a.lock", False),
    ("refs/heads/a.lock/b", False),
    ("refs/heads/a..b", False),
    ("refs/heads/a@{1}", False),
    ("refs/heads/a b", False),
    ("refs/heads/a\n", False),
    ("refs/heads/a^", False),
    ("refs/heads/a:b", False),
    ("refs/heads/a*", False),
    ("refs/heads/a.", False),
    ("refs/heads/a\\b", False),
]


@pytest.mark.parametrize(("name", "good"), NAMES)
def test_full_ref_names_agree_with_git(world: World, name: str, good: bool) -> None:
    assert is_full_ref(name) is good
    if name.startswith("refs/"):
        verdict = subprocess.run(["git", "check-ref-format", name], cwd=world.clone, check=False)
        assert (verdict.returncode == 0) is good
    if not good:
        with pytest.raises(UsageError):
            require_ref(name)


def test_object_ids_are_whole() -> None:
    assert is_oid("a" * 40)
    assert is_oid("0" * 64)
    for text in ("a" * 39, "A" * 40, "a" * 41, "HEAD", "a" * 40 + "\n", ""):
        assert not is_oid(text)
        with pytest.raises(UsageError):
            require_oid(text)
