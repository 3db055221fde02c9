"""Exact snapshots of shards of one window become the snapshot of all: integer addition, before disclosure control.

Blocks that count assessments add exactly. Blocks that count subjects add only where no subject stands in two shards,
which the mapping says; elsewhere the numbers of subjects become bounds that err on the side of privacy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from calibgit.collect.exact import Tally, count_rows
from calibgit.engine.relations import RANKS
from calibgit.errors import UsageError
from calibgit.model.snapshot import ALL_STRATA, CountRow, ExactSnapshot

SUBJECT_BLOCKS = frozenset({"clusters", "largest"})


def merge(a: ExactSnapshot, b: ExactSnapshot, *, share_subjects: bool) -> ExactSnapshot:
    """The snapshot of two disjoint shards of one window.

    Args:
        a: one shard.
        b: the other; no assessment stands in both.
        share_subjects: whether a subject may stand in both. Then the number of subjects is the larger shard's, as a
            lower bound; the rows of the largest subjects are sums, as upper bounds; and the sums over subjects are
            dropped, because nothing can be said of them.

    Raises:
        UsageError: NOT_MERGEABLE unless line, window, config, settings, roles and mapping of subjects are the same.
    """
    for name in ("line", "window", "config", "settings_sha256", "roles"):
        if getattr(a, name) != getattr(b, name):
            raise _not_mergeable(name)
    if (a.subjects == "absent") != (b.subjects == "absent"):
        raise _not_mergeable("subjects")
    tally: Tally = {}
    for row in (*a.rows, *b.rows):
        if row.block in SUBJECT_BLOCKS:
            continue
        key = (row.block, row.stratum, row.keys, row.bin)
        before = tally.get(key, (0, 0))
        tally[key] = (before[0] + row.n, before[1] + row.total)
    bounded = share_subjects or "bounded" in {a.subjects, b.subjects}
    tally |= _bounds(a, b) if bounded else _sums(a, b)
    subjects = "absent" if a.subjects == "absent" else "bounded" if bounded else "counted"
    return a.model_copy(update={"subjects": subjects, "rows": count_rows(tally)})


def _sums(a: ExactSnapshot, b: ExactSnapshot) -> Tally:
    """Subjects that stand in one shard each: sums add, and the largest of all are among the largest of each."""
    tally: Tally = {}
    for row in (*_block(a, "clusters"), *_block(b, "clusters")):
        key = (row.block, row.stratum, row.keys, row.bin)
        before = tally.get(key, (0, 0))
        tally[key] = (before[0] + row.n, before[1] + row.total)
    return tally | _ranked(sorted([*_largest(a), *_largest(b)], reverse=True)[:RANKS])


def _bounds(a: ExactSnapshot, b: ExactSnapshot) -> Tally:
    """Subjects that may stand in both shards: the larger number of subjects, and sums of the largest of each."""
    tally: Tally = {}
    for row in (*_block(a, "clusters"), *_block(b, "clusters")):
        if row.keys == ("subjects",):
            key = (row.block, row.stratum, row.keys, row.bin)
            tally[key] = (max(row.n, tally.get(key, (0, 0))[0]), 0)
    return tally | _ranked([x + y for x, y in zip_longest(_largest(a), _largest(b), fillvalue=0)])


def _block(snapshot: ExactSnapshot, name: str) -> list[CountRow]:
    return [row for row in snapshot.rows if row.block == name]


def _largest(snapshot: ExactSnapshot) -> list[int]:
    return [row.n for row in _block(snapshot, "largest")]


def _ranked(numbers: Sequence[int]) -> Tally:
    return {("largest", ALL_STRATA, (f"{rank:03}",), None): (n, 0) for rank, n in enumerate(numbers, 1)}


def _not_mergeable(name: str) -> UsageError:
    return UsageError(
        "NOT_MERGEABLE",
        f"the two snapshots differ in {name}",
        why="Counts add only where they count the same thing.",
        fix="collect both shards with the same settings, config and --as-of",
    )
