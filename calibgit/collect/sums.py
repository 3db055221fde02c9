"""Sums that leave as sums of many: moments of category scores, and design effects of repeated subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from calibgit.collect.counts import Counts
from calibgit.collect.spreads import Span, few_have_a_value, few_stand_off
from calibgit.model.blocks import DesignBlock, MomentBlock
from calibgit.model.snapshot import CategoryBlock, CategorySum, GridCell

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
    category less its sum here would be the scores of few. No category, and no two of them, hug one value so closely
    that only few can stand off it, nor do those who have the category but not all of them hug an end of the range. And
    where all who have a category stand here, its histogram and its sums leave room for many at every value.
    """
    names = counts.plan.categories
    if categories.status != "present" or not names:
        return MomentBlock(status="absent")
    rows = {row.keys: row for row in counts.rows.get("moments", ())}
    n = rows[()].n if () in rows else 0
    blocks = [categories.categories.get(name) for name in names]
    shown = [block for block in blocks if block is not None]
    if n == 0 or len(shown) < len(names) or counts.small(n, counts.n - n, *(block.n - n for block in shown)):
        return MomentBlock(status="withheld")

    def total(*keys: str) -> int:
        return rows[keys].total if keys in rows else 0

    if _tells_of_few(counts, shown, n, total):
        return MomentBlock(status="withheld")
    return MomentBlock(
        status="present",
        n=n,
        scale=counts.plan.moment_scale,
        categories=names,
        sums=tuple(total(name) for name in names),
        products=tuple(tuple(total(a, b) for b in names[at:]) for at, a in enumerate(names)),
    )


def _tells_of_few(counts: Counts, blocks: Sequence[CategorySum], n: int, total: Callable[..., int]) -> bool:
    """Whether sums over `n` people with all categories say that few have a value, or stand off one."""
    span = float(counts.plan.config["score_range"]["max"]) - float(counts.plan.config["score_range"]["min"])
    top, names = round(span * counts.plan.moment_scale), counts.plan.categories
    spreads = {name: (total(name), total(name, name)) for name in names}
    # Scores mostly are multiples of the settings' step, and an attacker may well guess that.
    for grain in {1, max(1, counts.plan.score.step * counts.plan.moment_scale // counts.plan.score.scale)}:
        end = top // grain * grain
        for block, sums in zip(blocks, spreads.values(), strict=True):
            if few_stand_off(Span(0, end, n), *sums, counts.least, grain):
                return True
            if _tells_beside_the_histogram(counts, block, n, *sums, grain, end):
                return True
        for a, b in combinations(names, 2):
            once = spreads[a][0] - spreads[b][0]
            twice = spreads[a][1] - 2 * total(a, b) + spreads[b][1]
            if few_stand_off(Span(-end, end, n), once, twice, counts.least, grain):
                return True
    return False


def _tells_beside_the_histogram(
    counts: Counts, block: CategorySum, n: int, once: int, twice: int, grain: int, top: int
) -> bool:
    scale, grid = counts.plan.moment_scale, counts.plan.category
    if n < block.n:
        rest = Fraction(block.total * scale, block.scale) - block.n * Fraction(grid.min * scale, grid.scale) - once
        return any(0 < room < counts.least * grain for room in (rest, (block.n - n) * top - rest))
    spans = []
    for cell in block.cells:
        low, end = (-(-edge * grid.step * scale // grid.scale) for edge in (cell.lo, cell.hi))
        inside = (
            end if scale < grid.scale or cell.hi == grid.bins else end - 1
        )  # a rounded score can reach the next cell
        low, high = -(-low // grain) * grain, min(inside // grain * grain, top)
        spans.append(Span(low, max(low, high), cell.n))
    return few_have_a_value(spans, once, twice, counts.least, grain)


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
