"""Differences of many pairs of trees with one git process, as a stream: no answer is held as a whole."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from subprocess import Popen

from calibgit.errors import EnvironmentFault
from calibgit.repo.executor import Completed, environment, git_failed, git_words, start, stop
from calibgit.repo.history import DIFF_OPTIONS, TreeChange, tree_change
from calibgit.repo.repository import Repository, require_oid

_END = b"done"
_READ_BYTES = 64 * 1024
# POSIX promises every pipe room for as many bytes, so a request of them never waits for an answer to be read.
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
        try:
            first = 0
            while first < len(pairs):
                size = len(pairs[first][0]) * 2 + 2
                part = pairs[first : first + (_PIPE_BYTES - len(_END) - 1) // size]
                for number, change in self._ask(part):
                    yield first + number, change
                first += len(part)
            complete = True
        finally:
            if not complete:
                self.close()

    def _ask(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, TreeChange]]:
        child = self._start(len(pairs))
        if child.stdin is None:
            raise _ended(child)
        headers = [f"{require_oid(old)} {require_oid(new)}".encode() for old, new in pairs]
        try:
            child.stdin.write(b"\n".join([*headers, _END, b""]))
            child.stdin.flush()
        except BrokenPipeError as error:
            raise _ended(child) from error
        # Git repeats each pair before its changes, says nothing of a pair that it cannot read, and repeats the end.
        expected = [*headers, _END]
        number = -1
        for record in _records(child):
            if isinstance(record, tuple):
                yield number, tree_change(*record)
                continue
            number += 1
            if record != expected[number]:
                raise _ended(child)
            if record == _END:
                return

    def _start(self, more: int) -> Popen[bytes]:
        self._asked += more
        if self._child is not None and self._asked > _PAIRS_PER_CHILD:
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
    held = b""
    position = 0
    while True:
        at = held.find(b"\x00" if held.startswith(b":", position) else b"\n", position)
        end = held.find(b"\x00", at + 1) if at >= 0 and held[at] == 0 else at
        if at < 0 or end < 0:
            more = child.stdout.read1(_READ_BYTES) if child.stdout else b""  # type: ignore[attr-defined]
            if not more:
                raise _ended(child)
            held, position = held[position:] + more, 0
        elif end == at:
            yield held[position:at]
            position = at + 1
        else:
            yield held[position:at], held[at + 1 : end]
            position = end + 1


def _ended(child: Popen[bytes]) -> EnvironmentFault:
    return git_failed(["diff-tree"], Completed(child.poll() or 1, b"", b"it could not compare two trees"))
