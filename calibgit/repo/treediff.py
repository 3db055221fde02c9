"""Differences of many pairs of trees with one git process, as a stream: no answer is held as a whole."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from subprocess import Popen

from calibgit.errors import EnvironmentFault
from calibgit.repo.executor import Completed, environment, git_failed, git_words, start, stop
from calibgit.repo.history import DIFF_OPTIONS, TreeChange, tree_change
from calibgit.repo.repository import Repository, require_oid

_END = b"done"
_READ_BYTES = 64 * 1024
# POSIX gives every pipe room for that many bytes, so a request never waits for an answer that nobody reads yet.
_PIPE_BYTES = 4096
# Git keeps every tree that it was asked for until it ends.
_PAIRS_PER_CHILD = 2000


class TreeDiffs:
    """One `git diff-tree` that answers many questions, started at the first and renewed now and then.

    Args:
        repo: where the trees are.
    """

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._child: Popen[bytes] | None = None
        self._end: Callable[[], object] = _nothing
        self._asked = 0

    def changes(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, TreeChange]]:
        """Yield the changes of every pair of trees, as `changed_paths` gives them, each with the pair's number.

        Args:
            pairs: object ids of an old and a new tree.

        Raises:
            DocumentError: BAD_PATH for a name that is not UTF-8.
            EnvironmentFault: GIT_FAILED, also when a tree is missing.
        """
        complete = False
        first = 0
        try:
            while first < len(pairs):
                room = (_PIPE_BYTES - len(_END) - 1) // (2 * len(pairs[first][0]) + 2)
                for number, change in self._ask(pairs[first : first + room]):
                    yield first + number, change
                first += room
            complete = True
        finally:
            if not complete:
                self.close()

    def _ask(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, TreeChange]]:
        child = self._start(len(pairs))
        if child.stdin is None:
            raise _ended(child)
        # Git repeats each pair before its changes, says nothing of a pair that it cannot read, and repeats the end.
        headers = [*(f"{require_oid(old)} {require_oid(new)}".encode() for old, new in pairs), _END]
        try:
            child.stdin.write(b"\n".join([*headers, b""]))
            child.stdin.flush()
        except BrokenPipeError as error:
            raise _ended(child) from error
        number = -1
        for record in _records(child):
            if isinstance(record, tuple):
                yield number, tree_change(*record)
                continue
            number += 1
            if record != headers[number]:
                raise _ended(child)
            if record == _END:
                return

    def _start(self, more: int) -> Popen[bytes]:
        self._asked += more
        if self._asked > _PAIRS_PER_CHILD:
            self.close()
        if self._child is None:
            words = git_words(self._repo.git_dir, "diff-tree", "--stdin", *DIFF_OPTIONS)
            self._child = start(words, env=environment(), cwd=self._repo.work_tree, silent=True)
            self._end = weakref.finalize(self, stop, self._child)
            self._asked = more
        return self._child

    def close(self) -> None:
        """End the process; the next question starts another."""
        self._end()
        self._child = None


def _nothing() -> None:
    """End no process: none was started."""


def _records(child: Popen[bytes]) -> Iterator[bytes | tuple[bytes, bytes]]:
    """Git's answer in pieces: a line without its newline, or a change's description and path."""
    held, position = b"", 0
    while True:
        if held.startswith(b":", position):
            middle = held.find(b"\x00", position)
            end = held.find(b"\x00", middle + 1) if middle >= 0 else -1
            if end >= 0:
                yield held[position:middle], held[middle + 1 : end]
        else:
            end = held.find(b"\n", position)
            if end >= 0:
                yield held[position:end]
        if end >= 0:
            position = end + 1
            continue
        more = _available(child)
        if not more:
            raise _ended(child)
        held, position = held[position:] + more, 0


def _available(child: Popen[bytes]) -> bytes:
    """What git has written so far, as soon as there is anything; empty at its end."""
    return b"" if child.stdout is None else os.read(child.stdout.fileno(), _READ_BYTES)


def _ended(child: Popen[bytes]) -> EnvironmentFault:
    return git_failed(["diff-tree"], Completed(child.poll() or 1, b"", b"it could not compare two trees"))
