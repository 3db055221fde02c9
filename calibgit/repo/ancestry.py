"""Who descends from whom on one branch, from one pass over its commits.

A commit *enters* the branch with the oldest commit of the first-parent line that reaches it. Every commit enters
exactly once, so "reachable from this commit of the line" is a comparison of two places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from calibgit.repo.executor import environment, git_words, start, stop
from calibgit.repo.history import first_parents
from calibgit.repo.repository import Repository, require_oid


class Ancestry:
    """The history of one branch. Places count from 0, the tip, towards the past; nothing is read before it is asked.

    Args:
        repo: the git door.
        tip: the branch's newest commit.
    """

    def __init__(self, repo: Repository, tip: str) -> None:
        self.repo = repo
        self.tip = tip

    @cached_property
    def line(self) -> Mapping[str, int]:
        """The first-parent line: commit to place, newest first.

        Raises:
            EnvironmentFault: GIT_FAILED when the history is incomplete.
        """
        return {oid: place for place, oid in enumerate(first_parents(self.repo, self.tip))}

    @cached_property
    def commits(self) -> tuple[str, ...]:
        """The first-parent line by place."""
        return tuple(self.line)

    @cached_property
    def _entries(self) -> Mapping[str, int]:
        entries = dict(self.line)
        for commit, *parents in self._all():
            place = entries[commit]
            for parent in parents:
                if entries.get(parent, -1) < place:
                    entries[parent] = place
        return entries

    def _all(self) -> Iterator[list[str]]:
        """Every commit with its parents, children before parents."""
        words = ("rev-list", "--topo-order", "--parents", require_oid(self.tip), "--")
        child = start(git_words(self.repo.git_dir, *words), env=environment(), cwd=self.repo.work_tree, silent=True)
        try:
            if child.stdout is not None:
                for line in child.stdout:
                    yield line.decode("ascii").split()
            failed = child.wait() != 0
        finally:
            stop(child)
        if failed:
            self.repo.run(*words)  # fails again, and says why

    def reached(self, commit: str, place: int) -> bool:
        """Whether the commit of the line at `place` is `commit` or descends from it.

        Raises:
            EnvironmentFault: GIT_FAILED when the history is incomplete.
        """
        entry = self._entries.get(commit)
        return entry is not None and entry >= place
