"""Questions about history: names to objects, ancestry, what changed between two commits."""

from __future__ import annotations

from dataclasses import dataclass

from calibgit.errors import DocumentError, IntegrityError, UsageError
from calibgit.repo.executor import git_failed
from calibgit.repo.objects import Commit, parse_commit, read_objects
from calibgit.repo.repository import Repository, is_full_ref, is_oid, require_oid

_PLAIN_FILE = "100644"
DIFF_OPTIONS = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--ignore-submodules=none")


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path that differs; the old side is None when added, the new side when deleted.

    Attributes:
        path: repository path with forward slashes.
        old_oid, new_oid: object ids of the two contents.
        old_mode, new_mode: six octal digits as git writes them.
    """

    path: str
    old_oid: str | None
    new_oid: str | None
    old_mode: str | None
    new_mode: str | None

    @property
    def is_special(self) -> bool:
        """Whether the new side is anything but a plain file: a link, a submodule, a program."""
        return self.new_mode not in {None, _PLAIN_FILE}


def resolve(repo: Repository, name: str) -> str | None:
    """The object id that `name` stands for, or None when there is no such ref or object.

    Args:
        repo: where to look.
        name: HEAD, a full ref name (refs/...) or a whole object id. For a tag it is the tag's own id.

    Raises:
        UsageError: BAD_REF_NAME for short names and expressions.
    """
    if is_oid(name):
        return name if repo.execute("cat-file", "-e", name).status == 0 else None
    if name != "HEAD" and not is_full_ref(name):
        raise UsageError(
            "BAD_REF_NAME",
            f"{name[:120]!r} is neither a full ref name nor an object id",
            why="Short names can mean a branch, a tag or an option.",
            fix="write it like refs/heads/main",
        )
    completed = repo.execute("show-ref", "--verify", "--hash", "--end-of-options", name)
    return completed.stdout.decode("ascii").strip() or None if completed.status == 0 else None


def first_parents(repo: Repository, tip: str) -> list[str]:
    """The commits of `tip`'s first-parent line, newest first, `tip` included."""
    return repo.run("rev-list", "--first-parent", require_oid(tip), "--").decode("ascii").split()


def is_ancestor(repo: Repository, older: str, newer: str) -> bool:
    """Whether `older` is `newer` or can be reached from it.

    Raises:
        EnvironmentFault: GIT_FAILED when one of the commits is missing.
    """
    words = ("merge-base", "--is-ancestor", require_oid(older), require_oid(newer))
    completed = repo.execute(*words)
    if completed.status not in {0, 1}:
        raise git_failed(words, completed)
    return completed.status == 0


def fork_point(repo: Repository, one: str, other: str) -> str | None:
    """The one best common ancestor of two commits; None when there is none, or more than one."""
    completed = repo.run("merge-base", "--all", require_oid(one), require_oid(other), ok=(0, 1))
    found = completed.decode("ascii").split()
    return found[0] if len(found) == 1 else None


def commits_between(repo: Repository, base: str, head: str) -> list[Commit]:
    """Every commit reachable from `head` and not from `base`, over all parents, children first.

    Raises:
        IntegrityError: NO_SUCH_COMMIT, COMMIT_MALFORMED.
    """
    listed = repo.run("rev-list", "--topo-order", require_oid(head), f"^{require_oid(base)}", "--")
    commits = []
    for oid, found in read_objects(repo, listed.decode("ascii").split()):
        if found is None or found.data is None or found.kind != "commit":
            raise IntegrityError(
                "NO_SUCH_COMMIT",
                f"commit {oid} cannot be read",
                why="The history names it, so it has to be there and of a sane size.",
                fix="git fetch --tags origin",
            )
        commits.append(parse_commit(found.oid, found.data))
    return commits


def changed_paths(repo: Repository, base: str, head: str) -> list[TreeChange]:
    """Every path whose content or mode differs between two commits, renames shown as delete and add.

    Raises:
        DocumentError: BAD_PATH for a name that is not UTF-8.
    """
    output = repo.run("diff-tree", *DIFF_OPTIONS, require_oid(base), require_oid(head), "--")
    fields = output.split(b"\x00")[:-1]
    return [tree_change(*pair) for pair in zip(fields[::2], fields[1::2], strict=True)]


def tree_change(description: bytes, path: bytes) -> TreeChange:
    """Read one change as git writes it under `DIFF_OPTIONS`.

    Raises:
        DocumentError: BAD_PATH for a name that is not UTF-8.
    """
    old_mode, new_mode, old_oid, new_oid, _ = description.decode("ascii").removeprefix(":").split(" ")
    added, deleted = not old_oid.strip("0"), not new_oid.strip("0")
    return TreeChange(
        path=_path(path),
        old_oid=None if added else old_oid,
        new_oid=None if deleted else new_oid,
        old_mode=None if added else old_mode,
        new_mode=None if deleted else new_mode,
    )


def list_files(repo: Repository, commit: str, *prefixes: str, strict: bool = True) -> list[str]:
    """Paths of all files in `commit`, sorted as git sorts; with `prefixes` only those below these directories.

    Args:
        repo: where to look.
        commit: object id.
        prefixes: directories, with or without a slash.
        strict: refuse names that are not UTF-8; otherwise they are left out.

    Raises:
        DocumentError: BAD_PATH for a name that is not UTF-8.
    """
    directories = [f"{prefix.rstrip('/')}/" for prefix in prefixes if prefix.rstrip("/")]
    where = ("--", *directories) if directories else ()
    output = repo.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", require_oid(commit), *where)
    paths = output.split(b"\x00")[:-1]
    return [_path(path) for path in paths if strict or _is_text(path)]


def _is_text(raw: bytes) -> bool:
    return raw.decode("utf-8", "replace").encode() == raw


def _path(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(
            "BAD_PATH",
            f"the path {raw[:120]!r} is not UTF-8",
            why="A path that cannot be shown cannot be reviewed.",
            fix="rename the file with git mv",
        ) from error


def last_change(repo: Repository, tip: str, path: str) -> str | None:
    """The newest commit of `tip`'s first-parent line that changed `path` against its first parent, or None."""
    words = ("rev-list", "--first-parent", "--max-count=1", require_oid(tip), "--", path)
    return repo.run(*words).decode("ascii").strip() or None


def merge_base(repo: Repository, one: str, other: str) -> str | None:
    """The best common ancestor of two commits, or None when they share no history."""
    completed = repo.execute("merge-base", require_oid(one), require_oid(other))
    return completed.stdout.decode("ascii").strip() or None if completed.status == 0 else None
