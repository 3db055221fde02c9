"""The SQL that somebody who knows DuckDB or PostgreSQL well would write by hand for the blocks of a snapshot.

It is written for one table, the one that `engine.table` makes (PostgreSQL: typed columns and jsonb), for one window,
and for the words and gates of `configs/scoring_config_v1.0.0.json`; and it trusts the data: a number is a number, a
list a list. What cannot be trusted away is there: missing values, words outside the vocabulary, flags that repeat.
Every block of an exact snapshot is computed, but for `dropped`, in which clean data has no rows.
A statement returns block, stratum, keys, bin, number and total, as a snapshot's rows have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from calibgit.model.snapshot import ExactSnapshot

Counts = dict[tuple[str, str, tuple[str, ...], int | None], tuple[int, int]]


def count(fetch: Callable[[str], Sequence[Sequence[Any]]], dialect: str) -> Counts:
    """All blocks, by the statements of one dialect."""
    counts: Counts = {}
    for path in sorted(Path(__file__).with_name(dialect).glob("*.sql")):
        for block, stratum, keys, bin_, n, total in fetch(path.read_text("utf-8")):
            counts[block, stratum, tuple(keys), bin_] = (int(n), int(total))
    return {key: pair for key, pair in counts.items() if any(pair)}


def counts_of(exact: ExactSnapshot) -> Counts:
    """The same of a snapshot, to compare with."""
    return {(row.block, row.stratum, row.keys, row.bin): (row.n, row.total) for row in exact.rows}
