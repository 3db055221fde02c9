"""Reading and writing git objects: many per process, sizes known before contents are asked for."""

from __future__ import annotations

import hashlib
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    "ObjectReader",
    "blob_data",
    "blob_name",
    "parse_commit",
    "read_blob",
    "read_commit",
    "read_objects",
    "require_commit",
    "write_object",
]

DEFAULT_LIMIT = 8 * 1024 * 1024
_CHUNK_NAMES = 1000
_CHUNK_BYTES = 32 * 1024 * 1024
# A file that lies unchanged at many commits is read once.
_SMALL_BYTES = 16 * 1024
_SMALL_COUNT = 256
_NAME = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})(?::[^\n\x00]*)?")
_HEADER = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) (commit|tree|blob|tag) ([0-9]+)\n")


@dataclass(frozen=True, slots=True)
class Object:
    """A git object; `data` is None when `size`, in bytes, is over the reader's limit."""

    oid: str
    kind: str
    data: bytes | None
    size: int


class ObjectReader:
    """One git process that answers many questions, started at the first and ended with the reader.

    Args:
        repo: where to read.
    """

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._child: Popen[bytes] | None = None
        self._end: Callable[[], object] = _nothing
        self._small: dict[str, Object] = {}

    def read(self, names: Sequence[str], *, limit: int = DEFAULT_LIMIT) -> Iterator[tuple[str, Object | None]]:
        """Yield every name with its object, in order; see `read_objects`. Stopping early ends the process."""
        complete = False
        try:
            for position in range(0, len(names), _CHUNK_NAMES):
                yield from self._read_chunk(names[position : position + _CHUNK_NAMES], limit)
            complete = True
        finally:
            if not complete:
                self.close()

    def _read_chunk(self, names: Sequence[str], limit: int) -> Iterator[tuple[str, Object | None]]:
        # Git answers nothing before "flush", so a whole chunk is written before any answer has to be read.
        child = self._start()
        _ask(child, "info", [_require_name(name) for name in names])
        found = [_read_header(child) for _ in names]
        position = 0
        while position < len(names):
            end = _end_of_batch(found, position, limit)
            part = [(header, header and self._small.get(header[0])) for header in found[position:end]]
            _ask(child, "contents", [h[0] for h, known in part if h and known is None and h[2] <= limit])
            for name, (header, known) in zip(names[position:end], part, strict=True):
                if header is None or (known is not None and known.size <= limit):
                    yield name, known
                else:
                    yield name, self._keep(_read_object(child, header, limit))
            position = end

    def _keep(self, found: Object) -> Object:
        if found.kind == "blob" and found.data is not None and found.size <= _SMALL_BYTES:
            if len(self._small) >= _SMALL_COUNT:
                self._small.clear()
            self._small[found.oid] = found
        return found

    def _start(self) -> Popen[bytes]:
        if self._child is None:
            words = git_words(self._repo.git_dir, "cat-file", "--batch-command", "--buffer")
            self._child = start(words, env=environment(), cwd=self._repo.work_tree, silent=True)
            self._end = weakref.finalize(self, stop, self._child)
        return self._child

    def close(self) -> None:
        """End the process; the next question starts another."""
        self._end()
        self._child = None


def _nothing() -> None:
    """End no process: none was started."""


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
    reader = ObjectReader(repo)
    try:
        while chunk := list(islice(remaining, _CHUNK_NAMES)):
            yield from reader.read(chunk, limit=limit)
    finally:
        reader.close()


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
    head = child.stdout.readline() if child.stdout else b""
    if child.stdout is None or not head:
        raise _ended(child)
    if head != f"{oid} {kind} {size}\n".encode():
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
    name = blob_name(commit, path)
    for _, found in read_objects(repo, [] if name is None else [name], limit=limit):
        return blob_data(found, path, limit=limit)
    return None


def blob_name(commit: str, path: str) -> str | None:
    """What to ask a reader for to get the file at `path` in `commit`; None for a path that names no file."""
    return None if not path or path.startswith(("/", "./", "../")) else f"{require_oid(commit)}:{path}"


def blob_data(found: Object | None, path: str, *, limit: int = DEFAULT_LIMIT) -> bytes | None:
    """The bytes of what a reader found at `path`; None when that is no file.

    Raises:
        DocumentError: TOO_LARGE when it was over the `limit` in bytes.
    """
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


def read_commit(repo: Repository, oid: str) -> Commit:
    """The commit `oid`.

    Raises:
        IntegrityError: NO_SUCH_COMMIT, COMMIT_MALFORMED.
    """
    for _, found in read_objects(repo, [require_oid(oid)]):
        return require_commit(oid, found)
    raise AssertionError("a reader answers every name")


def require_commit(oid: str, found: Object | None) -> Commit:
    """The commit that a reader found under the name `oid`.

    Raises:
        IntegrityError: NO_SUCH_COMMIT, COMMIT_MALFORMED.
    """
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
