"""How many assessments it takes to stand for at least `k` people."""

from __future__ import annotations

from collections.abc import Iterator

from calibgit.model.snapshot import ExactSnapshot


def threshold(exact: ExactSnapshot, k: int) -> int:
    """The smallest number of assessments, other than zero, that may be published.

    The `k - 1` subjects with most rows have T rows together, so any set of more than T rows holds at least `k`
    subjects. T itself tells something of few people, so it is rounded up to k, 2k, 5k, 10k, ... Without a column of
    subjects every assessment counts as its own subject.
    """
    if exact.subjects == "absent":
        return k
    rows = sorted((row.n for row in exact.rows if row.block == "largest"), reverse=True)
    least = sum(rows[: k - 1]) + 1
    return next(step for step in _steps(k) if step >= least)


def _steps(k: int) -> Iterator[int]:
    factor = 1
    while True:
        yield from (factor * k, 2 * factor * k, 5 * factor * k)
        factor *= 10
