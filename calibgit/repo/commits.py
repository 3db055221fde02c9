"""Making commits without touching the user's index, work tree or HEAD; equal input gives equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calibgit.errors import Conflict, EnvironmentFault, UsageError
from calibgit.repo.commit_text import signature_header
from calibgit.repo.executor import git_failed
from calibgit.repo.identity import Identity
from calibgit.repo.isolation import CleanDirectory
from calibgit.repo.objects import write_object
from calibgit.repo.repository import Repository, require_oid
from calibgit.repo.signing import Signer

_NAMESPACE = "git"
_REGULAR_FILE = "100644"
_CONFLICT = 1


def commit_files(
    repo: Repository,
    *,
    parents: Sequence[str],
    files: Mapping[str, bytes | None],
    message: str,
    author: Identity,
    when: int,
    signer: Signer | None = None,
) -> str:
    """Store a commit and return its id; no ref is moved.

    Args:
        repo: where to store it.
        parents: object ids; the tree starts as the first parent's, or empty.
        files: repository path to content; None deletes. Written files are regular and not executable.
        message: the commit message; a missing newline at the end is added.
        author: author and committer.
        when: seconds since 1970 in UTC.
        signer: signs the commit in the namespace `git`.

    Raises:
        UsageError: BAD_PATH, BAD_OBJECT_ID, BAD_MESSAGE.
        EnvironmentFault: GIT_FAILED, SIGNING_FAILED.
    """
    for path in files:
        _require_path(path)
    with repo.clean_directory() as clean:
        tree = _write_tree(clean, repo, parents, files)
    return _write_commit(repo, (tree, *parents), message, author, when=when, signer=signer)


def merge_commit(
    repo: Repository,
    *,
    base: str,
    head: str,
    message: str,
    author: Identity,
    when: int,
    signer: Signer | None = None,
) -> str:
    """Store the merge of `head` into `base` and return its id; no ref is moved. See `commit_files`.

    Raises:
        Conflict: MERGE_CONFLICT.
        UsageError: BAD_OBJECT_ID, BAD_MESSAGE.
        EnvironmentFault: GIT_FAILED, GIT_TOO_OLD, SIGNING_FAILED.
    """
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    words = ("merge-tree", *options, require_oid(base), require_oid(head))
    # The repository's config and attributes could name a merge driver, which is a program.
    with repo.clean_directory() as clean:
        completed = clean.execute(*words)
    tree, *conflicts = completed.stdout.decode("utf-8", "replace").rstrip("\x00").split("\x00")
    if completed.status == _CONFLICT:
        raise Conflict(
            "MERGE_CONFLICT",
            f"both sides changed {', '.join(sorted(conflicts)[:3])}",
            why="Only a person can decide which change is meant.",
            fix="merge the target branch into the proposal's branch by hand, and push it",
        )
    if completed.status == 129:
        raise EnvironmentFault(
            "GIT_TOO_OLD",
            "this git cannot merge without a work tree",
            why="git merge-tree --write-tree came with git 2.38.",
            fix="install git 2.38 or newer",
        )
    if completed.status != 0:
        raise git_failed(words, completed)
    return _write_commit(repo, (tree, base, head), message, author, when=when, signer=signer)


def _write_tree(
    clean: CleanDirectory, repo: Repository, parents: Sequence[str], files: Mapping[str, bytes | None]
) -> str:
    index = {"GIT_INDEX_FILE": str(clean.path / "index")}
    if parents:
        clean.run("read-tree", require_oid(parents[0]), extra=index)
    oids = iter(_write_blobs(clean, [content for content in files.values() if content is not None]))
    deleted = f"0 {'0' * repo.sha_length}"
    entries = "".join(
        f"{deleted if content is None else f'{_REGULAR_FILE} {next(oids)}'}\t{path}\x00"
        for path, content in files.items()
    ).encode()
    clean.run("update-index", "--add", "--replace", "-z", "--index-info", stdin=entries, extra=index)
    return clean.run("write-tree", extra=index).decode("ascii").strip()


def _write_blobs(clean: CleanDirectory, contents: Sequence[bytes]) -> list[str]:
    """Store all contents with one process, through scratch files."""
    scratch = clean.path / "scratch"
    scratch.mkdir()
    for number, content in enumerate(contents):
        (scratch / str(number)).write_bytes(content)
    names = "".join(f"{scratch}/{number}\n" for number in range(len(contents)))
    listed = clean.run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names.encode())
    return listed.decode("ascii").split()


def _write_commit(
    repo: Repository,
    tree_and_parents: tuple[str, ...],
    message: str,
    author: Identity,
    *,
    when: int,
    signer: Signer | None,
) -> str:
    if "\x00" in message or not message.strip() or when < 0:
        raise UsageError("BAD_MESSAGE", "a commit needs a message without NUL and a time after 1970")
    tree, *parents = (require_oid(oid) for oid in tree_and_parents)
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {author} {when} +0000", f"committer {author} {when} +0000"]
    head = "\n".join(lines)
    body = "\n\n" + (message if message.endswith("\n") else message + "\n")
    if signer is not None:
        signature = signer.sign((head + body).encode(), _NAMESPACE).rstrip("\n")
        head += f"\n{signature_header(repo.sha_length)} " + signature.replace("\n", "\n ")
    return write_object(repo, "commit", (head + body).encode())


def _require_path(path: str) -> None:
    parts = path.split("/")
    if not path.isprintable() or any(part in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise UsageError(
            "BAD_PATH",
            f"{path[:120]!r} cannot be a file of the repository",
            why="Paths are relative, with forward slashes, and stay out of .git.",
            fix="use a path like configs/scoring_config_v1.0.0.json",
        )
