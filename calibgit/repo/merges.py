"""What merges brought to a branch: commits and changed paths, many merges at a time.

Everything equals what `repo.history` says of one merge; a test compares the two on random histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from calibgit.errors import CalibgitError
from calibgit.repo import history
from calibgit.repo.ancestry import Ancestry
from calibgit.repo.objects import Commit, ObjectReader, require_commit
from calibgit.repo.treediff import TreeDiffs

# A merge that nobody asked for yet is not worth more than this.
_COMMITS_AHEAD = 64
_PATHS_AHEAD = 256


@dataclass(frozen=True, slots=True)
class Brought:
    """What a commit of the first-parent line brought, of what was reviewed as `head`.

    Attributes:
        merge: the commit; `base` is its first parent.
        commits: every commit of `base..head`, children first.
        changed: paths that differ between base and merge.
        altered: those of `changed` that differ between head and merge.
        special: those of `changed` that the merge holds as anything but a plain file: link, submodule, program.
        proposed: paths that differ between head and where it left the line of base; None unless asked for.
    """

    merge: Commit
    commits: tuple[Commit, ...]
    changed: tuple[str, ...]
    altered: frozenset[str]
    special: frozenset[str]
    proposed: frozenset[str] | None = None


@dataclass(slots=True)
class _Walk:
    """One merge on its way: what was found from its head down to what its base reaches."""

    merge: Commit
    head: str
    place: int
    found: dict[str, Commit] = field(default_factory=dict)
    edge: set[str] = field(default_factory=set)
    changed: dict[str, None] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)
    special: set[str] = field(default_factory=set)
    proposed: set[str] = field(default_factory=set)
    dropped: bool = False


class Merges:
    """Reads what merges brought.

    Args:
        ancestry: the branch.
        objects: reads commits.
    """

    def __init__(self, ancestry: Ancestry, objects: ObjectReader) -> None:
        self._ancestry = ancestry
        self._objects = objects
        self._diffs = TreeDiffs(ancestry.repo)
        self._newest: dict[str, Commit] = {}

    def commits(self, oids: Sequence[str]) -> list[Commit]:
        """The commits.

        Raises:
            IntegrityError: NO_SUCH_COMMIT, COMMIT_MALFORMED, OBJECT_CORRUPT.
        """
        return [require_commit(oid, found) for oid, found in self._objects.read(oids)]

    def read(self, merge: Commit, head: str, ahead: Sequence[Commit] = ()) -> list[Brought]:
        """What `merge` brought of `head`, and of the merges `ahead` as many as are easily told.

        Args:
            merge: a commit with a parent.
            head: the reviewed commit.
            ahead: merges with two parents that will be asked for soon.

        Raises:
            CalibgitError: whatever `repo.history` raises for this merge.
        """
        first = (merge, head)
        try:
            return self._read([first, *((other, other.parents[1]) for other in ahead)])
        except CalibgitError:  # of any of them
            return self.read(merge, head) if ahead else [self._read_alone(merge, head)]

    def _read(self, asked: Sequence[tuple[Commit, str]]) -> list[Brought]:
        line = self._ancestry.line
        walks = [_Walk(merge, head, line[merge.parents[0]]) for merge, head in asked if merge.parents[0] in line]
        if not walks or walks[0].merge.oid != asked[0][0].oid:
            return [self._read_alone(*asked[0])]
        known = {merge.oid: merge for merge, _ in asked} | self._newest
        ends = [oid for walk in walks for oid in (walk.merge.parents[0], walk.head)]
        known |= self._missing(ends, known)
        self._walk(walks, known)
        self._compare([walk for walk in walks if not walk.dropped], known)
        self._newest = {walks[-1].merge.oid: walks[-1].merge}
        return [_brought(walk) for walk in walks if not walk.dropped]

    def _missing(self, oids: Sequence[str], known: Mapping[str, Commit]) -> dict[str, Commit]:
        wanted = [oid for oid in dict.fromkeys(oids) if oid not in known]
        return {commit.oid: commit for commit in self.commits(wanted)}

    def _walk(self, walks: Sequence[_Walk], known: dict[str, Commit]) -> None:
        """Find the commits of all walks, one generation of all of them at a time."""
        reached = self._ancestry.reached
        frontier = [(walk, walk.head) for walk in walks]
        while frontier:
            for walk, oid in frontier:
                if reached(oid, walk.place):
                    walk.edge.add(oid)
            inside = [(walk, oid) for walk, oid in frontier if oid not in walk.edge and oid not in walk.found]
            known |= self._missing([oid for _, oid in inside], known)
            for walk, oid in inside:
                walk.found[oid] = known[oid]
                walk.dropped = walk is not walks[0] and len(walk.found) > _COMMITS_AHEAD
            frontier = [(walk, parent) for walk, oid in inside if not walk.dropped for parent in known[oid].parents]

    def _compare(self, walks: Sequence[_Walk], known: dict[str, Commit]) -> None:
        forks = {walk.merge.oid: self._fork(walk) for walk in walks if len(walk.merge.parents) == 1}
        known |= self._missing([fork for fork in forks.values() if fork is not None], known)
        trees: list[tuple[str, str]] = []
        meant: list[tuple[_Walk, str]] = []
        for walk in walks:
            base, head, merge = known[walk.merge.parents[0]].tree, known[walk.head].tree, walk.merge.tree
            pairs = {"changed": (base, merge), "altered": (head, merge)}
            fork = forks.get(walk.merge.oid)
            if fork is not None:
                pairs["proposed"] = (known[fork].tree, head)
            for what, pair in pairs.items():
                if pair[0] != pair[1]:
                    trees.append(pair)
                    meant.append((walk, what))
        for number, change in self._diffs.changes(trees):
            walk, what = meant[number]
            if what == "changed" and not walk.dropped:
                walk.changed[change.path] = None
                if change.is_special:
                    walk.special.add(change.path)
                walk.dropped = walk is not walks[0] and len(walk.changed) > _PATHS_AHEAD
            elif what == "proposed":
                walk.proposed.add(change.path)
            elif change.path in walk.changed:
                walk.altered.add(change.path)

    def _fork(self, walk: _Walk) -> str | None:
        """The one best common ancestor of base and head; None when there is none, or more than one."""
        if len(walk.edge) < 2:
            return next(iter(walk.edge), None)
        return history.fork_point(self._ancestry.repo, walk.merge.parents[0], walk.head)

    def _read_alone(self, merge: Commit, head: str) -> Brought:
        repo, base = self._ancestry.repo, merge.parents[0]
        commits = tuple(history.commits_between(repo, base, head))
        changes = history.changed_paths(repo, base, merge.oid)
        changed = tuple(change.path for change in changes)
        special = frozenset(change.path for change in changes if change.is_special)
        altered = frozenset(change.path for change in history.changed_paths(repo, head, merge.oid))
        if len(merge.parents) != 1:
            return Brought(merge, commits, changed, altered & frozenset(changed), special)
        fork = history.fork_point(repo, base, head)
        proposed = () if fork is None else history.changed_paths(repo, fork, head)
        return Brought(
            merge, commits, changed, altered & frozenset(changed), special, frozenset(each.path for each in proposed)
        )


def _brought(walk: _Walk) -> Brought:
    return Brought(
        merge=walk.merge,
        commits=tuple(_children_first(walk.head, walk.found)),
        changed=tuple(walk.changed),
        altered=frozenset(walk.altered),
        special=frozenset(walk.special),
        proposed=frozenset(walk.proposed) if len(walk.merge.parents) == 1 else None,
    )


def _children_first(head: str, found: Mapping[str, Commit]) -> list[Commit]:
    """The commits in the order of `rev-list --topo-order`: no parent before its children, lines kept together."""
    if len(found) < 2:
        return list(found.values())
    children = dict.fromkeys(found, 0)
    for commit in found.values():
        for parent in commit.parents:
            if parent in children:
                children[parent] += 1
    ordered: list[Commit] = []
    ready = [head]
    while ready:
        commit = found[ready.pop()]
        ordered.append(commit)
        for parent in commit.parents:
            if parent in children:
                children[parent] -= 1
                if children[parent] == 0:
                    ready.append(parent)
    return ordered
