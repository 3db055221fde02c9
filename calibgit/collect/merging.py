"""Exact snapshots of shards, or of windows that follow each other, become one: integer addition, before disclosure.

Blocks that count assessments add exactly. Blocks that count subjects add only where no subject stands in two shards,
which the mapping says; elsewhere, and always between windows, the numbers of subjects become bounds that err on the
side of privacy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import zip_longest

from calibgit.collect.exact import DROPPED, Tally, count_rows
from calibgit.collect.window import joined, period_in
from calibgit.engine.relations import RANKS
from calibgit.engine.tables import TABLES
from calibgit.errors import UsageError
from calibgit.model.snapshot import ALL_STRATA, CountRow, ExactSnapshot, TimeWindow

SUBJECT_BLOCKS = frozenset({"clusters", "largest"})
IN_NO_WINDOW = ("time_unreadable",)


def merge_all(snapshots: Sequence[ExactSnapshot], *, share_subjects: bool) -> ExactSnapshot:
    """The snapshot of all shards of all windows, in whatever order they come.

    Args:
        snapshots: at least one; of each window equally many, because what one shard lacks would look like no rows.
        share_subjects: see `merge`.

    Raises:
        UsageError: NOT_MERGEABLE, also when a window lies between two others and is not there.
    """
    by_window: dict[str, list[ExactSnapshot]] = {}
    for each in snapshots:
        by_window.setdefault(each.window.start, []).append(each)
    if len({len(shards) for shards in by_window.values()}) > 1:
        raise _not_mergeable("the number of tables of each window")

    def add(a: ExactSnapshot, b: ExactSnapshot) -> ExactSnapshot:
        return merge(a, b, share_subjects=share_subjects)

    return reduce(add, (reduce(add, shards) for _, shards in sorted(by_window.items())))


def merge(a: ExactSnapshot, b: ExactSnapshot, *, share_subjects: bool) -> ExactSnapshot:
    """The snapshot of two disjoint shards of one window, or of one table in two windows that follow each other.

    Args:
        a: one shard or window.
        b: the other; no assessment stands in both.
        share_subjects: whether a subject may stand in both shards, as it always may in two windows. Then the number
            of subjects is the larger one, as a lower bound; the rows of the largest subjects are sums, as upper
            bounds; and the sums over subjects are dropped, because nothing can be said of them.

    Raises:
        UsageError: NOT_MERGEABLE unless line, config, settings, roles and mapping of subjects are the same, and the
            windows the same or without a gap.
    """
    for name in ("line", "config", "settings_sha256", "roles"):
        if getattr(a, name) != getattr(b, name):
            raise _not_mergeable(name)
    if (a.subjects == "absent") != (b.subjects == "absent"):
        raise _not_mergeable("subjects")
    window = joined(a.window, b.window)
    if window is None:
        raise _not_mergeable("window, and neither begins where the other ends")
    tally = _added(row for row in (*a.rows, *b.rows) if row.block not in SUBJECT_BLOCKS)
    if a.window != b.window:
        tally = _in_periods_of(window, tally) | _in_no_window(a, b)
    bounded = share_subjects or a.window != b.window or "bounded" in {a.subjects, b.subjects}
    tally |= _bounds(a, b) if bounded else _sums(a, b)
    subjects = "absent" if a.subjects == "absent" else "bounded" if bounded else "counted"
    return a.model_copy(update={"window": window, "subjects": subjects, "rows": count_rows(tally)})


def _added(rows: Iterable[CountRow]) -> Tally:
    tally: Tally = {}
    for row in rows:
        key = (row.block, row.stratum, row.keys, row.bin)
        before = tally.get(key, (0, 0))
        tally[key] = (before[0] + row.n, before[1] + row.total)
    return tally


def _in_periods_of(window: TimeWindow, tally: Tally) -> Tally:
    """Months become years where the longer window is told in years."""
    found: Tally = {}
    for (block, stratum, keys, bin_), (n, total) in tally.items():
        named = keys
        if block in TABLES and "period" in TABLES[block].keys:
            at = TABLES[block].keys.index("period")
            named = (*keys[:at], period_in(window, keys[at]), *keys[at + 1 :])
        before = found.get((block, stratum, named, bin_), (0, 0))
        found[block, stratum, named, bin_] = (before[0] + n, before[1] + total)
    return found


def _in_no_window(a: ExactSnapshot, b: ExactSnapshot) -> Tally:
    """Rows whose time cannot be read stand in no window, so each window of one table counts the same ones."""
    tally: Tally = {}
    for row in (*_block(a, DROPPED), *_block(b, DROPPED)):
        if row.keys == IN_NO_WINDOW:
            key = (row.block, row.stratum, row.keys, row.bin)
            tally[key] = (max(row.n, tally.get(key, (0, 0))[0]), 0)
    return tally


def _sums(a: ExactSnapshot, b: ExactSnapshot) -> Tally:
    """Subjects that stand in one shard each: sums add, and the largest of all are among the largest of each."""
    tally = _added((*_block(a, "clusters"), *_block(b, "clusters")))
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
        fix="collect every table for every window with the same settings and config, and leave no gap",
    )
