"""Flags: presence of each type and its detail, and numbers of the two worst severities by cap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calibgit.collect.counts import Counts
from calibgit.collect.partition import Cell, at_least, coarser, merge_cells, pool
from calibgit.model.blocks import (
    MOST_OF_SECOND,
    MOST_OF_WORST,
    CountRange,
    FlagCell,
    FlagCountBlock,
    FlagDetailBlock,
    FlagRow,
    FlagTypeDetail,
    RateBlock,
)
from calibgit.model.snapshot import MISSING, NO_VALUE, OTHER

Numbers = dict[tuple[int, int], int]


def flag_rates(counts: Counts, worst: Mapping[str, int]) -> RateBlock:
    """Of the assessments with a record of their flags, how many have each type.

    Those with the type, those without, and those with other flags only are each 0 or large. Types overlap: all of
    them together exceed the flagged assessments by those that have more than one, which must not be few either.

    Args:
        counts: the exact rows.
        worst: exact count by worst severity.
    """
    if "flags" not in counts.roles:
        return RateBlock(status="absent")
    known = counts.n - worst[MISSING]
    if counts.small(worst[MISSING]):
        known = counts.n
    if known < counts.least:
        return RateBlock(status="withheld")
    found = presence(counts)
    flagged = counts.n - worst[MISSING] - worst["none"]
    shown = {
        key: None if counts.small(n, known - n, flagged - n) else n
        for key, n in sorted(found.items())
        if n or key not in {OTHER, MISSING}
    }
    while (excess := _excess(shown, flagged)) is not None and counts.small(excess):
        shown[min((key for key, n in shown.items() if n), key=lambda key: (found[key], key))] = None
    return RateBlock(status="present", n=known, counts=shown)


def _excess(shown: Mapping[str, int | None], whole: int) -> int | None:
    """How far all parts together exceed the whole that they cover; None while one of them is hidden."""
    parts = list(shown.values())
    return None if None in parts or not parts else sum(n or 0 for n in parts) - whole


def presence(counts: Counts) -> dict[str, int]:
    """Assessments with each type of flag."""
    found = dict.fromkeys([*counts.plan.flag_types, OTHER, MISSING], 0)
    for row in counts.rows.get("flag_occurrences", ()):
        found[row.keys[0]] += row.n
    return found


def flag_details(counts: Counts, rates: RateBlock, worst: Mapping[str, int]) -> FlagDetailBlock:
    """Occurrences and severities of each type whose presence is shown.

    Those of the type with a severity and those without it are each 0 or large; and so are those whose worst flag is
    at least that severe, but not one of this type.
    """
    if rates.status != "present":
        return FlagDetailBlock(status=rates.status)
    often: dict[str, list[int]] = {}
    severe: dict[str, dict[str, int]] = {}
    for row in counts.rows.get("flag_occurrences", ()):
        often.setdefault(row.keys[0], [0] * 5)[int(row.keys[1]) - 1] += row.n
    for row in counts.rows.get("flag_severities", ()):
        severe.setdefault(row.keys[0], {})[row.keys[1]] = row.n
    found = {}
    for name, n in rates.counts.items():
        if n:
            shown = _severities(counts, n, severe.get(name, {}), worst)
            found[name] = FlagTypeDetail(occurrences=_occurrences(counts, often[name]), severities=shown)
    for word in counts.plan.severities[:1]:
        _cover(counts, found, rates, word, worst)
    return FlagDetailBlock(status="present", types=found)


def _occurrences(counts: Counts, often: Sequence[int]) -> tuple[CountRange, ...]:
    cells = merge_cells([Cell(i, i + 1, (n,)) for i, n in enumerate(often)], frozenset(), at_least(counts.least))
    return tuple(
        CountRange(least=cell.lo + 1, most=None if cell.hi == len(often) else cell.hi, n=cell.measures[0])
        for cell in cells
    )


def _severities(counts: Counts, n: int, found: Mapping[str, int], worst: Mapping[str, int]) -> dict[str, int | None]:
    shown: dict[str, int | None] = {}
    above = 0
    for word in (*counts.plan.severities, OTHER):
        have = found.get(word, 0)
        above += worst.get(word, 0)
        if word == OTHER:
            above = have  # any flag at all may stand beside one of an unknown severity
        if have or word != OTHER:
            shown[word] = None if counts.small(have, n - have, above - have) else have
    while (excess := _excess(shown, n)) is not None and counts.small(excess):
        shown[min((word for word, have in shown.items() if have), key=lambda w: (found[w], w))] = None
    return shown


def _cover(
    counts: Counts,
    found: dict[str, FlagTypeDetail],
    rates: RateBlock,
    word: str,
    worst: Mapping[str, int],
) -> None:
    """Types with the worst severity cover the assessments whose worst severity it is: the excess must not be few."""
    shown = {name: each.severities[word] for name, each in found.items()}
    hidden = any(n is None for n in rates.counts.values())
    excess = None if hidden else _excess(shown, worst.get(word, 0))
    if excess is not None and counts.small(excess):
        name = min((name for name, n in shown.items() if n), key=lambda name: (shown[name] or 0, name))
        found[name] = found[name].model_copy(update={"severities": found[name].severities | {word: None}})


def flag_count_blocks(counts: Counts) -> Iterator[FlagCountBlock]:
    """Flags of the two worst severities by the cap of score and confidence: the finest block first, then coarser.

    Few assessments without a record of their flags are counted as having none of these.
    """
    if "flags" not in counts.roles:
        yield FlagCountBlock(status="absent")
        return
    lines: list[Numbers] = [{} for _ in counts.bands]
    for (cap, first, second), _, n in counts.facts("flag_counts", "cap_but_flags", "worst_count", "second_count"):
        key = (-1, -1) if first == MISSING else (int(first), 0 if second == MISSING else int(second))
        lines[int(cap)][key] = lines[int(cap)].get(key, 0) + n
    without = sum(line.get((-1, -1), 0) for line in lines)
    if counts.small(without):
        for line in lines:
            line[0, 0] = line.get((0, 0), 0) + line.pop((-1, -1), 0)
    if counts.small(counts.n - without) and not counts.small(without):
        return
    groups = [(sum(line.values()), line.get((-1, -1), 0), sum(line.values()) - line.get((-1, -1), 0)) for line in lines]
    pools = pool(groups, at_least(counts.least))
    while True:
        rows = tuple(FlagRow(groups=each, cells=_cells(counts, [lines[i] for i in each])) for each in pools)
        yield FlagCountBlock(status="present", severities=counts.plan.severities[:2], rows=rows)
        if len(pools) == 1:
            break
        pools = coarser(groups, pools)
    for few, more in ((False, True), (True, False)):
        row = FlagRow(groups=pools[0], cells=_cells(counts, [lines[i] for i in pools[0]], first=few, second=more))
        yield FlagCountBlock(status="present", severities=counts.plan.severities[:2], rows=(row,))


def _cells(
    counts: Counts, lines: Sequence[Numbers], *, first: bool = True, second: bool = True
) -> tuple[FlagCell, ...]:
    """The first severity's numbers are merged first, and within each of its cells those of the second.

    `first` and `second` say whether the numbers of that severity are told apart at all.
    """
    allowed = at_least(counts.least)
    total: Numbers = {}
    for line in lines:
        for key, n in line.items():
            total[key] = total.get(key, 0) + n
    missing = total.pop((-1, -1), 0)
    empty = FlagCell(worst_lo=NO_VALUE, worst_hi=0, second_lo=NO_VALUE, second_hi=0, n=missing)
    found = [empty] if missing else []
    outers = [Cell(a, a + 1, (sum(n for (x, _), n in total.items() if x == a),)) for a in range(MOST_OF_WORST + 1)]
    if not first:
        outers = [Cell(0, MOST_OF_WORST + 1, (sum(total.values()),))]
    for outer in merge_cells(outers, frozenset(), allowed):
        inside = [
            (sum(n for (x, y), n in total.items() if outer.lo <= x < outer.hi and y == b),)
            for b in range(MOST_OF_SECOND + 1)
        ]
        inners = [Cell(b, b + 1, measures) for b, measures in enumerate(inside)]
        if not outer.measures[0] or not second:
            inners = [Cell(0, MOST_OF_SECOND + 1, outer.measures)]
        found += [
            FlagCell(worst_lo=outer.lo, worst_hi=outer.hi, second_lo=inner.lo, second_hi=inner.hi, n=inner.measures[0])
            for inner in merge_cells(inners, frozenset(), allowed)
        ]
    return tuple(found)
