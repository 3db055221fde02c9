"""Reading and writing git objects: many per process, sizes known before contents are asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from subprocess import Popen

from calibgit.errors import DocumentError, EnvironmentFault, IntegrityError, UsageError
from calibgit.repo.commit_text import Commit, parse_commit
from calibgit.repo.executor import Completed, environment, git_failed, git_words, start, stop
from calibgit.repo.repository import Repository, require_oid

__all__ = [
    "Commit",
    "Object",
    "parse_commit",
    "read_blob",
    "read_commit",
    "read_objects",
    "write_object",
]

DEFAULT_LIMIT = 8 * 1024 * 1024
_CHUNK_NAMES = 1000
_CHUNK_BYTES = 32 * 1024 * 1024
_NAME = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})(?::[^\n\x00]+)?")
_HEADER = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (commit|tree|blob|tag) ([0-9]+)\n")


@dataclass(frozen=True, slots=True)
class Object:
    """A git object; `data` is None when `size`, in bytes, is over the reader's limit."""

    oid: str
    kind: str
    data: bytes | None
    size: int


def read_objects(
    repo: Repository, names: Iterable[str], *, limit: int = DEFAULT_LIMIT
) -> Iterator[tuple[str, Object | None]]:
    """Yield every name with its object, in order; None when there is no such object.

    One git process serves all names; memory stays bounded by a chunk. Contents are hashed and compared with
    the object id, so a damaged or forged pack cannot pass.

    Args:
        repo: where to read.
        names: whole object ids, or `<object id>:<path>`.
        limit: an object of more bytes is reported with `data=None` and never read.

    Raises:
        UsageError: BAD_OBJECT_NAME.
        IntegrityError: OBJECT_CORRUPT.
        EnvironmentFault: GIT_FAILED.
    """
    remaining = iter(names)
    words = git_words(repo.git_dir, "cat-file", "--batch-command", "--buffer")
    child = start(words, env=environment(), cwd=repo.work_tree, silent=True)
    try:
        while chunk := list(islice(remaining, _CHUNK_NAMES)):
            yield from _read_chunk(child, chunk, limit)
    finally:
        stop(child)


def _read_chunk(child: Popen[bytes], names: list[str], limit: int) -> Iterator[tuple[str, Object | None]]:
    # Git answers nothing before "flush", so a whole chunk is written before any answer has to be read.
    _ask(child, "info", [_require_name(name) for name in names])
    found = [_read_header(child) for _ in names]
    position = 0
    while position < len(names):
        end = _end_of_batch(found, position, limit)
        part = found[position:end]
        _ask(child, "contents", [header[0] for header in part if header and header[2] <= limit])
        for name, header in zip(names[position:end], part, strict=True):
            yield name, None if header is None else _read_object(child, header, limit)
        position = end


def _end_of_batch(found: list[tuple[str, str, int] | None], position: int, limit: int) -> int:
    total = 0
    for end in range(position, len(found)):
        header = found[end]
        total += header[2] if header and header[2] <= limit else 0
        if total > _CHUNK_BYTES and end > position:
            return end
    return len(found)


def _require_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            "BAD_OBJECT_NAME",
            f"{name[:120]!r} does not name an object",
            why="Only whole object ids, with a path or without, mean the same thing for ever.",
            fix="give an object id, or an object id, a colon and a path",
        )
    return name


def _ask(child: Popen[bytes], verb: str, names: list[str]) -> None:
    if not names:
        return
    if child.stdin is None:
        raise _ended(child)
    lines = "".join(f"{verb} {name}\n" for name in names) + "flush\n"
    try:
        child.stdin.write(lines.encode("utf-8"))
        child.stdin.flush()
    except (BrokenPipeError, UnicodeEncodeError) as error:
        raise _ended(child) from error


def _read_header(child: Popen[bytes]) -> tuple[str, str, int] | None:
    line = child.stdout.readline() if child.stdout else b""
    if not line:
        raise _ended(child)
    match = _HEADER.fullmatch(line)
    if match is None:
        return None
    return match[1].decode(), match[2].decode(), int(match[3])


def _read_object(child: Popen[bytes], header: tuple[str, str, int], limit: int) -> Object:
    oid, kind, size = header
    if size > limit:
        return Object(oid, kind, None, size)
    if child.stdout is None or _read_header(child) != header:
        raise _corrupt(oid)
    data = child.stdout.read(size)
    if len(data) != size or child.stdout.read(1) != b"\n":
        raise _ended(child)
    digest = hashlib.sha1(usedforsecurity=False) if len(oid) == 40 else hashlib.sha256()
    digest.update(b"%s %d\x00" % (kind.encode(), size))
    digest.update(data)
    if digest.hexdigest() != oid:
        raise _corrupt(oid)
    return Object(oid, kind, data, size)


def _ended(child: Popen[bytes]) -> EnvironmentFault:
    return git_failed(["cat-file"], Completed(child.poll() or 1, b"", b"it stopped answering"))


def _corrupt(oid: str) -> IntegrityError:
    return IntegrityError(
        "OBJECT_CORRUPT",
        f"the bytes stored for object {oid} do not hash to its name",
        why="The object store was damaged or tampered with.",
        fix="clone the repository afresh, or look at: git fsck --full",
    )


def read_blob(repo: Repository, commit: str, path: str, *, limit: int = DEFAULT_LIMIT) -> bytes | None:
    """The bytes of the file at `path` in `commit`; None when there is no such file.

    Raises:
        DocumentError: TOO_LARGE when the file has more than `limit` bytes.
    """
    if not path or path.startswith(("/", "./", "../")):
        return None
    name = f"{require_oid(commit)}:{path}"
    for _, found in read_objects(repo, [name], limit=limit):
        if found is None or found.kind != "blob":
            return None
        if found.data is None:
            raise DocumentError(
                "TOO_LARGE",
                f"{path} has {found.size:,} bytes; the limit is {limit:,}",
                why="A reviewer cannot read a document of that size, so it cannot be governed.",
                fix="split the document or remove what does not belong in it",
            )
        return found.data
    return None


def read_commit(repo: Repository, oid: str) -> Commit:
    """The commit `oid`.

    Raises:
        IntegrityError: NO_SUCH_COMMIT, COMMIT_MALFORMED.
    """
    for _, found in read_objects(repo, [require_oid(oid)]):
        if found is not None and found.kind == "commit" and found.data is not None:
            return parse_commit(found.oid, found.data)
    raise IntegrityError(
        "NO_SUCH_COMMIT",
        f"there is no readable commit {oid}",
        why="The history names it, so it has to be there.",
        fix="git fetch --tags origin",
    )


def write_object(repo: Repository, kind: str, data: bytes) -> str:
    """Store `data` as an object of `kind` (blob, tree, commit or tag) and return its id.

    Raises:
        EnvironmentFault: GIT_FAILED when git finds the object malformed or cannot write.
    """
    with repo.clean_directory() as clean:
        return clean.run("hash-object", "-w", "--stdin", "-t", kind, stdin=data).decode("ascii").strip()
