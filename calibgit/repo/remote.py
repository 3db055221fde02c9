"""Fetching from a remote, listing it and pushing to it.

Every call runs in a clean directory: the repository's own config cannot name helpers, proxies or programs.
Only its remote URLs are read, and the authorisation header that a CI checkout leaves there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping, Sequence

from calibgit.errors import Conflict, EnvironmentFault, UsageError
from calibgit.repo.executor import lines_of, sanitised
from calibgit.repo.isolation import CleanDirectory
from calibgit.repo.network import Remote, find_remote, location, remote_failure, require_safe_url, talk
from calibgit.repo.pushing import push
from calibgit.repo.refs import update_refs
from calibgit.repo.repository import Repository, is_full_ref, is_oid

__all__ = ["Remote", "fetch", "find_remote", "push", "refill", "remote_refs", "require_safe_url"]

_REJECTED = re.compile(r"^ ! \[rejected\]\s+\S+\s+-> (\S+)\s", re.MULTILINE)
# Code hosts allow no longer one. A file system's limit depends on where a clone lies, so one name could stop a fetch.
_LONGEST_NAME = 255
_LONG_NAME = re.compile(rb"error: cannot lock ref 'refs/[^']{%d}" % _LONGEST_NAME)
_UPLOAD = "--upload-pack=git-upload-pack"


def fetch(repo: Repository, remote: Remote, refspecs: Sequence[str]) -> None:
    """Bring objects and refs over; what arrives is all or nothing, and a known tag is never overwritten.

    Args:
        repo: where to.
        remote: where from.
        refspecs: `[+]source[:destination]`; full ref names with at most one `*`, or an object id as source.
            Without a destination only objects arrive.

    Raises:
        UsageError: BAD_REFSPEC.
        EnvironmentFault: REMOTE_UNREACHABLE, REMOTE_REFUSED, NO_REMOTE_REF, BAD_REMOTE_URL or
            BRANCH_CHECKED_OUT.
        Conflict: REF_MOVED when a destination holds something that the source does not descend from. What
            could be fetched beside it has been.

    A history that was cut off becomes whole. A name of more than 255 bytes is left out.
    """
    for refspec in refspecs:
        _require_refspec(refspec)
    url = location(repo, remote)
    shallow = repo.common_dir / "shallow"
    with repo.clean_directory() as clean:
        before = _refs(repo.run("for-each-ref", "--format=%(objectname) %(refname)"))
        _write_packed_refs(clean, before)
        options = ["--no-auto-gc", "--no-write-fetch-head", "--no-recurse-submodules", "--no-tags"]
        if shallow.is_file():
            shutil.copyfile(shallow, clean.path / "shallow")
            options.append("--unshallow")
        completed = talk(repo, clean, "fetch", *options, _UPLOAD, "--end-of-options", url, *refspecs)
        rejected = _REJECTED.search(completed.stderr.decode("utf-8", "replace"))
        if completed.status != 0 and rejected is None and not _only_long_names(completed.stderr):
            raise _fetch_failure(remote, completed.stderr) or remote_failure(remote, completed)
        after = _refs(clean.run("for-each-ref", "--format=%(objectname) %(refname)"))
        whole = not (clean.path / "shallow").exists()
    if whole:
        shallow.unlink(missing_ok=True)
    changed = _changed(before, after)
    _require_not_checked_out(repo, changed)
    if changed:
        _move(repo, changed)
    if rejected is not None:
        raise Conflict(
            "REF_MOVED",
            f"{remote.name} has moved {rejected[1]} to something that does not follow what is known here",
            why="A tag never moves and a branch only grows; one of the two copies was rewritten.",
            fix=f"compare with: git ls-remote {remote.name}",
        )


def _only_long_names(complaint: bytes) -> bool:
    """Whether the fetch brought all but names that are too long for a file system: nobody has to keep those."""
    told = [line for line in complaint.split(b"\n") if line.startswith((b"error:", b"fatal:"))]
    return bool(told) and all(_LONG_NAME.match(line) for line in told)


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str | None]]:
    known = {name: oid for name, oid in after.items() if len(name.encode("utf-8", "surrogateescape")) <= _LONGEST_NAME}
    return {name: (oid, before.get(name)) for name, oid in known.items() if before.get(name) != oid}


def refill(repo: Repository, remote: Remote, refspecs: Sequence[str]) -> None:
    """Bring every object of some refs of the remote once more, whatever is here; no ref is touched.

    Args:
        repo: a partial clone, where an ordinary fetch takes for granted what a filter left out.
        remote: where from.
        refspecs: full ref names with at most one `*`, each with a destination, which is thrown away.

    Raises:
        EnvironmentFault: REMOTE_UNREACHABLE, REMOTE_REFUSED, NO_CREDENTIALS, BAD_REMOTE_URL.
    """
    for refspec in refspecs:
        _require_refspec(refspec)
    options = ["--no-auto-gc", "--no-write-fetch-head", "--no-recurse-submodules", "--no-tags"]
    with repo.clean_directory() as clean:
        words = ("--refetch", "--no-filter", *options, _UPLOAD, "--end-of-options", location(repo, remote), *refspecs)
        completed = talk(repo, clean, "fetch", *words)
    if completed.status != 0:
        raise remote_failure(remote, completed)


def _move(repo: Repository, changed: Mapping[str, tuple[str, str | None]]) -> None:
    try:
        update_refs(repo, changed)
    except Conflict:
        now = _refs(repo.run("for-each-ref", "--format=%(objectname) %(refname)"))
        if any(now.get(name) != oid for name, (oid, _) in changed.items()):
            raise  # otherwise another fetch has brought the same


def remote_refs(repo: Repository, remote: Remote, pattern: str) -> dict[str, str]:
    """Full names and object ids of the remote's refs.

    Args:
        repo: the clone to ask from.
        remote: whom to ask.
        pattern: a full ref name, or one ending in `/*` for everything below.

    Raises:
        UsageError: BAD_REFSPEC.
        EnvironmentFault: REMOTE_UNREACHABLE, REMOTE_REFUSED, BAD_REMOTE_URL.
    """
    _require_refspec(pattern)
    with repo.clean_directory() as clean:
        words = ("--refs", "--quiet", _UPLOAD, "--end-of-options", location(repo, remote), pattern)
        completed = talk(repo, clean, "ls-remote", *words)
    if completed.status != 0:
        raise remote_failure(remote, completed)
    listed = (line.split("\t") for line in lines_of(completed.stdout))
    # A bare name also matches the tail of a longer one: refs/heads/a finds refs/x/refs/heads/a.
    start = pattern.removesuffix("*")
    return {name: oid for oid, name in listed if name == pattern or (start != pattern and name.startswith(start))}


def _require_refspec(refspec: str) -> None:
    source, colon, destination = refspec.removeprefix("+").partition(":")
    sides = [source, destination] if colon else [source]
    fits = all(side.count("*") <= 1 and is_full_ref(side.replace("*", "x")) for side in sides)
    if not fits and not (is_oid(source) and (not colon or is_full_ref(destination))):
        raise UsageError(
            "BAD_REFSPEC",
            f"{refspec[:120]!r} is not a pair of full ref names",
            why="Short names can mean a branch, a tag or an option.",
            fix="write it like refs/heads/main:refs/remotes/origin/main",
        )


def _refs(listing: bytes) -> dict[str, str]:
    pairs = (line.split(" ", 1) for line in lines_of(listing))
    return {name: oid for oid, name in pairs}


def _write_packed_refs(clean: CleanDirectory, refs: dict[str, str]) -> None:
    text = "".join(f"{oid} {name}\n" for name, oid in refs.items())
    data = f"# pack-refs with: \n{text}".encode("utf-8", "surrogateescape")
    (clean.path / "packed-refs").write_bytes(data)


def _fetch_failure(remote: Remote, stderr: bytes) -> EnvironmentFault | None:
    match = re.search(r"(?:couldn't find remote ref|not our ref) (\S+)", stderr.decode("utf-8", "replace"))
    if match is None:
        return None
    return EnvironmentFault(
        "NO_REMOTE_REF",
        f"the remote {remote.name} has no {sanitised(match[1].encode())}",
        why="The name was asked for exactly.",
        fix=f"git ls-remote {remote.name}",
    )


def _require_not_checked_out(repo: Repository, changed: Collection[str]) -> None:
    if not any(name.startswith("refs/heads/") for name in changed):
        return
    listed = repo.run("for-each-ref", "--format=%(refname) %(worktreepath)", "refs/heads")
    for line in lines_of(listed):
        name, _, place = line.partition(" ")
        if place and name in changed:
            raise EnvironmentFault(
                "BRANCH_CHECKED_OUT",
                f"{name} is checked out and would move under its work tree",
                why="Work trees belong to people.",
                fix="git pull --ff-only",
            )
