"""Sums that leave as sums of many: moments of category scores, and design effects of repeated subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from calibgit.collect.counts import Counts
from calibgit.model.blocks import DesignBlock, MomentBlock
from calibgit.model.snapshot import CategoryBlock, GridCell

COARSE = 5


def near_an_end(counts: Counts, cells: Sequence[GridCell], total: int) -> bool:
    """Whether a sum of category scores lies so near the least or the most that its histogram allows, that only few
    can stand off that end. At the end itself nobody does.

    Args:
        counts: the exact rows.
        cells: the published histogram.
        total: the sum of the scores in it, in the grid's fixed point.
    """
    grid, grain = counts.plan.category, counts.plan.score.step
    top = grid.min + (grid.bins - 1) * grid.step
    least = sum(cell.n * (grid.min + cell.lo * grid.step) for cell in cells)
    most = sum(cell.n * min(grid.min + cell.hi * grid.step - grain, top) for cell in cells)
    return any(room and room < counts.least * grain for room in (total - least, most - total))


def moment_block(counts: Counts, categories: CategoryBlock) -> MomentBlock:
    """Sums over the assessments with all categories.

    They, the others, and those who have one category but not all, are each 0 or large: otherwise the sum of a
    category less its sum here would be the scores of few. And no category, and no two of them, hug one value so closely
    that only few can stand off it.
    """
    names = counts.plan.categories
    if categories.status != "present" or not names:
        return MomentBlock(status="absent")
    rows = {row.keys: row for row in counts.rows.get("moments", ())}
    n = rows[()].n if () in rows else 0
    have = [block.n if block is not None else None for block in categories.categories.values()]
    if n == 0 or counts.small(n, counts.n - n) or any(each is None or counts.small(each - n) for each in have):
        return MomentBlock(status="withheld")

    def total(*keys: str) -> int:
        return rows[keys].total if keys in rows else 0

    spreads = [(total(name), total(name, name)) for name in names]
    for (a, (one, square)), (b, (other, squares)) in combinations(zip(names, spreads, strict=True), 2):
        spreads.append((one - other, square - 2 * total(a, b) + squares))
    # Scores mostly are multiples of the settings' step, and an attacker may well guess that.
    grains = {1, max(1, counts.plan.score.step * counts.plan.moment_scale // counts.plan.score.scale)}
    if any(hugs(n, *spread, counts.least, grain) for spread in spreads for grain in grains):
        return MomentBlock(status="withheld")
    return MomentBlock(
        status="present",
        n=n,
        scale=counts.plan.moment_scale,
        categories=names,
        sums=tuple(total(name) for name in names),
        products=tuple(tuple(total(a, b) for b in names[at:]) for at, a in enumerate(names)),
    )


def hugs(n: int, once: int, twice: int, least: int, grain: int = 1) -> bool:
    """Whether the sum and the sum of squares of `n` multiples of `grain` say that few of them, and some, are not one
    value, or not one of two neighbours.

    Of the squares of the distances to a value, each number off it adds at least one; of the products of the distances
    to two neighbours, each number off both adds at least two.
    """
    low = once // n // grain * grain
    off_one = [twice - 2 * value * once + n * value * value for value in (low, low + grain)]
    off_two = twice - (2 * low + grain) * once + n * low * (low + grain)
    above = once - n * low
    few_of_two = off_two == 0 and any(0 < each < least * grain for each in (above, n * grain - above))
    square = grain * grain
    return few_of_two or 0 < off_two < 2 * least * square or any(0 < each < least * square for each in off_one)


def design_block(counts: Counts, shown: Mapping[str, int]) -> DesignBlock:
    """Design effects of the indicators whose counts are published elsewhere.

    With n rows, k of them with the indicator, and n_i and k_i of subject i, p = k/n, the effect is the variance of p
    over subjects, (sum k_i^2 - 2p sum n_i k_i + p^2 sum n_i^2) / n^2, over that of independent rows, p(1-p)/n.

    Args:
        counts: the exact rows.
        shown: indicators to their published counts.
    """
    found = {row.keys: row.total for row in counts.rows.get("clusters", ())}
    if ("rows",) not in found:
        return DesignBlock(status="absent")
    effects = {
        name: _effect(found, name)
        for name, k in sorted(shown.items())
        if found.get((name, "sum"), 0) == k and 0 < k < counts.n and not counts.small(k, counts.n - k)
    }
    return DesignBlock(status="present", effects=effects)


def _effect(found: Mapping[tuple[str, ...], int], name: str) -> int:
    n, squared = found["rows",], found["rows", "squared"]
    k, with_rows, own = (found[name, word] for word in ("sum", "with_rows", "squared"))
    # In hundredths, times n^2: 100 * n * (own - 2p with_rows + p^2 squared) / (n^2 p (1-p)), with p = k/n.
    above = 100 * (own * n * n - 2 * k * with_rows * n + k * k * squared)
    below = n * k * (n - k)
    return (above // below // COARSE + 1) * COARSE
