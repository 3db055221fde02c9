"""Refs of the repository: listing them in one process, moving them by compare and swap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calibgit.errors import Conflict, UsageError
from calibgit.repo.executor import git_failed, lines_of, sanitised
from calibgit.repo.repository import Repository, require_oid, require_ref

_FORMAT = "%(objectname) %(objecttype) %(objectsize) %(refname)"


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref and the object it names.

    Attributes:
        name: full name, `refs/...`.
        kind: commit, tag, tree or blob: the object itself, not what a tag points at.
        size: the object's bytes.
    """

    name: str
    oid: str
    kind: str
    size: int


def list_refs(repo: Repository, prefix: str) -> list[Ref]:
    """All refs below `prefix` (for example `refs/tags/calib/`), sorted by name.

    Raises:
        UsageError: BAD_REF_NAME.
    """
    pattern = prefix.rstrip("/")
    output = repo.run("for-each-ref", f"--format={_FORMAT}", "--end-of-options", _require_prefix(pattern))
    refs = []
    for line in lines_of(output):
        oid, kind, size, name = line.split(" ", 3)
        refs.append(Ref(name, oid, kind, int(size)))
    return refs


def _require_prefix(pattern: str) -> str:
    return pattern if pattern == "refs" else require_ref(pattern)


def local_branches(repo: Repository) -> list[Ref]:
    """All local branches, sorted by name."""
    return list_refs(repo, "refs/heads/")


def current_branch(repo: Repository) -> str | None:
    """Full name of the branch that is checked out, even when it has no commit yet; None when detached."""
    completed = repo.execute("symbolic-ref", "--quiet", "HEAD")
    if completed.status not in {0, 1}:
        raise git_failed(["symbolic-ref"], completed)
    return completed.stdout.decode("utf-8").strip() or None


def update_refs(repo: Repository, updates: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Move local refs, all or none.

    Args:
        repo: whose refs.
        updates: full ref name to (new id, old id); new None deletes, old None means it must not exist yet.

    Raises:
        UsageError: BAD_REF_NAME, BAD_OBJECT_ID.
        Conflict: REF_MOVED when a ref does not hold its old id.
    """
    zero = "0" * repo.sha_length
    lines = []
    for name, (new, old) in updates.items():
        if new is None and old is None:
            raise UsageError("BAD_OBJECT_ID", f"{require_ref(name)} was given neither an old nor a new id")
        new_id, old_id = (zero if oid is None else require_oid(oid) for oid in (new, old))
        lines.append(f"update {require_ref(name)} {new_id} {old_id}\n")
    completed = repo.execute(
        "update-ref", "--no-deref", "--stdin", stdin="".join(lines).encode("utf-8", "surrogateescape")
    )
    if completed.status != 0:
        raise Conflict(
            "REF_MOVED",
            f"a local ref could not be moved: {sanitised(completed.stderr)}",
            why="Another process moved it first, or its name clashes with another ref's.",
            fix="run the command again",
        )
