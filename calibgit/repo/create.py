"""Making repositories: for `init`, the demo and the tests."""

from __future__ import annotations

from pathlib import Path

from calibgit.errors import EnvironmentFault
from calibgit.repo.executor import environment, execute, git_failed, git_words
from calibgit.repo.network import Remote, remote_failure, require_safe_url
from calibgit.repo.repository import Repository, require_ref


def create_bare(path: Path, *, branch: str = "main", object_format: str = "sha1") -> None:
    """Create an empty bare repository at `path`, without hooks.

    Args:
        path: a directory that does not exist yet, or is empty.
        branch: short name of the branch that HEAD will name.
        object_format: sha1 or sha256.

    Raises:
        EnvironmentFault: NOT_EMPTY, GIT_FAILED.
        UsageError: BAD_REF_NAME.
    """
    _init(path, branch, object_format, "--bare")


def create_work_repository(path: Path, branch: str = "main", *, object_format: str = "sha1") -> Repository:
    """Create an empty repository with a work tree at `path`; arguments and errors as for `create_bare`."""
    _init(path, branch, object_format)
    return Repository.open_new(path)


def clone(url: str, path: Path) -> Repository:
    """Clone `url` to `path` with whole history; no hooks, no submodules.

    Raises:
        EnvironmentFault: NOT_EMPTY, BAD_REMOTE_URL, REMOTE_UNREACHABLE, REMOTE_REFUSED.
    """
    _require_empty(path)
    options = ("--quiet", "--template=", "--no-recurse-submodules", "--upload-pack=git-upload-pack")
    words = ("clone", *options, "--end-of-options", require_safe_url(url), str(path))
    completed = execute(git_words(None, *words, network=True), env=environment(network=True))
    if completed.status != 0:
        raise remote_failure(Remote("origin", url), completed)
    return Repository.open_new(path)


def _init(path: Path, branch: str, object_format: str, *options: str) -> None:
    _require_empty(path)
    name = require_ref(f"refs/heads/{branch}").removeprefix("refs/heads/")
    choices = ("--quiet", "--template=", f"--object-format={object_format}", f"--initial-branch={name}")
    words = git_words(None, "init", *options, *choices, "--end-of-options", str(path))
    completed = execute(words, env=environment())
    if completed.status != 0:
        raise git_failed(["init"], completed)


def _require_empty(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise EnvironmentFault(
            "NOT_EMPTY",
            f"{path} exists already and is not empty",
            why="Nothing of yours is overwritten.",
            fix="choose another directory",
        )
