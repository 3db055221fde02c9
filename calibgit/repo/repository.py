"""An opened repository: where it is, how long its object ids are, and one way to run git in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from calibgit.errors import EnvironmentFault, UsageError
from calibgit.repo.executor import Completed, environment, execute, git_failed, git_words
from calibgit.repo.isolation import CleanDirectory

_GITFILE_LIMIT = 4096
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FULL_REF = re.compile(r"refs(?:/(?!\.)[^\x00-\x20\x7f~^:?*\[\\/]+(?<!\.lock))+(?<!\.)")


def is_oid(text: str) -> bool:
    """Whether `text` is a whole object id: 40 or 64 lower-case hex digits."""
    return _OID.fullmatch(text) is not None


def require_oid(text: str) -> str:
    """Return `text` if it is a whole object id.

    Raises:
        UsageError: BAD_OBJECT_ID.
    """
    if not is_oid(text):
        raise UsageError(
            "BAD_OBJECT_ID",
            f"{text[:80]!r} is not a whole object id",
            why="Short ids and expressions can mean something else tomorrow.",
            fix="give all hex digits, as git rev-parse prints them",
        )
    return text


def is_full_ref(text: str) -> bool:
    """Whether `text` is a full ref name that git would accept."""
    return _FULL_REF.fullmatch(text) is not None and ".." not in text and "@{" not in text


def require_ref(text: str) -> str:
    """Return `text` if it is a full ref name.

    Raises:
        UsageError: BAD_REF_NAME.
    """
    if not is_full_ref(text):
        raise UsageError(
            "BAD_REF_NAME",
            f"{text[:120]!r} is not a full ref name",
            why="Short names can mean a branch, a tag or an option.",
            fix="write it like refs/heads/main",
        )
    return text


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a work tree and whole history.

    Attributes:
        git_dir: absolute path of this work tree's git directory.
        common_dir: absolute path of the directory that holds objects and shared refs.
        work_tree: absolute path of the directory that people edit in.
        sha_length: hex digits of an object id: 40 or 64.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path
    sha_length: int

    @classmethod
    def open(cls, path: Path, *, cut_off: bool = False) -> Repository:
        """Find the repository that holds `path`, looking upward; the environment has no say.

        Args:
            path: a directory inside it.
            cut_off: also take a shallow or partial one, in order to make it whole.

        Raises:
            EnvironmentFault: NO_GIT, NOT_A_REPOSITORY, BARE_REPOSITORY, SHALLOW_HISTORY, PARTIAL_CLONE,
                EMPTY_REPOSITORY.
        """
        repository, shallow, has_head = _inspect(*_discover(path.absolute()))
        if shallow and not cut_off:
            raise EnvironmentFault(
                "SHALLOW_HISTORY",
                f"the history of {repository.work_tree} is cut off (shallow)",
                why="Without the whole history nothing about approvals can be proven.",
                fix="git fetch --unshallow --force origin '+refs/heads/*:refs/remotes/origin/*' "
                "'refs/tags/calib/*:refs/tags/calib/*'; readers do it themselves with --fetch",
            )
        if not cut_off and (missing := repository.missing()):
            raise EnvironmentFault(
                "PARTIAL_CLONE",
                f"{repository.work_tree} is a partial clone: {missing:,} objects of its history are not here",
                why="A file that is not here looks like one that never was, and nothing is fetched behind your back.",
                fix="git fetch --refetch --no-filter origin '+refs/heads/*:refs/remotes/origin/*' "
                "'refs/tags/calib/*:refs/tags/calib/*'; readers do it themselves with --fetch",
            )
        if not has_head and not repository.run("for-each-ref", "--count=1"):
            raise EnvironmentFault(
                "EMPTY_REPOSITORY",
                f"{repository.work_tree} has no commit yet",
                why="There is nothing to govern before the first commit.",
                fix="git add . && git commit -m 'First commit'",
            )
        return repository

    @classmethod
    def open_new(cls, path: Path) -> Repository:
        """Open the repository whose work tree is exactly `path`; it may still be empty."""
        return _inspect(path.absolute() / ".git", path.absolute())[0]

    def missing(self) -> int:
        """How many objects of the branches and of the log were left out by a filter; 0 in an ordinary clone."""
        if not any((self.common_dir / "objects" / "pack").glob("*.promisor")):
            return 0
        refs = [f"--glob={names}" for names in ("refs/heads", "refs/remotes", "refs/tags/calib")]
        argv = ("rev-list", "--objects", "--quiet", "--missing=print", *refs)
        words = git_words(self.git_dir, *argv, shallow=True)  # what a cut leaves out is another fault, told apart
        completed = execute(words, env=environment(), cwd=self.work_tree)
        if completed.status != 0:
            raise git_failed(argv, completed)
        return completed.stdout.count(b"?")

    def execute(self, *argv: str, stdin: bytes = b"") -> Completed:
        """Run a local git command and return the result whatever its status."""
        return execute(git_words(self.git_dir, *argv), env=environment(), cwd=self.work_tree, stdin=stdin)

    def run(self, *argv: str, stdin: bytes = b"", network: bool = False, ok: tuple[int, ...] = (0,)) -> bytes:
        """Standard output of a git command.

        Args:
            argv: the subcommand and its arguments.
            stdin: the command's input.
            network: the command talks to a remote: it runs in a clean directory, where only the user's global
                config applies, and is given the remote's URL, never its name.
            ok: exit statuses that are no failure.

        Raises:
            EnvironmentFault: GIT_FAILED, NO_GIT.
        """
        if network:
            with self.clean_directory() as clean:
                completed = clean.execute(*argv, stdin=stdin, network=True)
        else:
            completed = self.execute(*argv, stdin=stdin)
        if completed.status not in ok:
            raise git_failed(argv, completed)
        return completed.stdout

    def clean_directory(self) -> CleanDirectory:
        """A throw-away git directory over this repository's objects, free of its config."""
        return CleanDirectory(self.common_dir / "objects", self.work_tree, self.sha_length)


def _discover(start: Path) -> tuple[Path, Path]:
    """Git directory and work tree of the nearest repository at or above `start`."""
    for place in (start, *start.parents):
        dot_git = place / ".git"
        if dot_git.is_file():
            return _follow_gitfile(dot_git), place
        if _looks_like_git_dir(dot_git):
            return dot_git, place
        if _looks_like_git_dir(place):
            raise _bare(place)
    raise _not_a_repository(start)


def _looks_like_git_dir(path: Path) -> bool:
    return (path / "HEAD").is_file() and ((path / "objects").is_dir() or (path / "commondir").is_file())


def _follow_gitfile(dot_git: Path) -> Path:
    with dot_git.open("rb") as file:
        text = file.read(_GITFILE_LIMIT).decode("utf-8", "replace").rstrip("\r\n")
    if not text.startswith("gitdir: ") or "\n" in text:
        raise _not_a_repository(dot_git.parent)
    return dot_git.parent / text.removeprefix("gitdir: ")


def _inspect(git_dir: Path, work_tree: Path) -> tuple[Repository, bool, bool]:
    """The repository, whether its history is cut off, and whether HEAD names a commit."""
    questions = (
        "--show-object-format",
        "--is-shallow-repository",
        "--is-bare-repository",
        "--git-common-dir",
    )
    if not work_tree.is_dir():
        raise _not_a_repository(work_tree)
    env = environment()
    completed = execute(git_words(git_dir, "rev-parse", *questions, "HEAD", shallow=True), env=env, cwd=work_tree)
    answers = completed.stdout.decode("utf-8", "replace").splitlines()
    has_head = completed.status == 0 and len(answers) > len(questions) and is_oid(answers.pop())
    if not has_head:  # nothing is checked out, or this is no repository
        completed = execute(git_words(git_dir, "rev-parse", *questions, shallow=True), env=env, cwd=work_tree)
        answers = completed.stdout.decode("utf-8", "replace").splitlines()
    if completed.status != 0 or len(answers) != len(questions):
        raise _not_a_repository(work_tree)
    if answers[2] == "true":
        raise _bare(work_tree)
    repository = Repository(
        git_dir=git_dir.resolve(),
        common_dir=(work_tree / answers[3]).resolve(),
        work_tree=work_tree.resolve(),
        sha_length=64 if answers[0] == "sha256" else 40,
    )
    return repository, answers[1] == "true", has_head


def _not_a_repository(path: Path) -> EnvironmentFault:
    return EnvironmentFault(
        "NOT_A_REPOSITORY",
        f"{path} is not inside a git repository",
        why="calibgit keeps everything in git.",
        fix="change into your repository, or name it with --repo; to start one: git init",
    )


def _bare(path: Path) -> EnvironmentFault:
    return EnvironmentFault(
        "BARE_REPOSITORY",
        f"{path} is a bare repository",
        why="calibgit works from a clone that has its own work tree.",
        fix=f"git clone {path} work",
    )
