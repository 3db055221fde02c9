"""Labels and sufficiency by confidence, beside the confidence block and on some of its edges.

Where every label is the implied one, labels by confidence follow from the confidence block, so they say nothing new:
a row is a run of labels that the block tells apart. Where labels differ, the difference to what the block implies
would show the few that differ, cell by cell; then there is no table.

Sufficiency by confidence closes a ring with labels. It is audited with their table, on ever wider cells, where labels
by confidence are published in words as fine as those of that table: only then do the blocks of the gates know nothing
more of labels and confidences than this audit does. Elsewhere one of the two is published, the one by confidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from calibgit.collect.counts import Counts
from calibgit.collect.grids import axis_cuts, cell_of, shared_cells
from calibgit.collect.partition import Cell, at_least, fewer_cells, merge_cells
from calibgit.collect.rings import Ring, held
from calibgit.model.blocks import CrossBlock, TallyBlock
from calibgit.model.snapshot import OTHER, GridBlock, GridCell, WordBlock, WordRow

Table = tuple[CrossBlock, tuple[int, int], Callable[[str], str]]


def label_block(counts: Counts, confidence: GridBlock, *, same: bool) -> WordBlock:
    """Labels by confidence, as far as the confidence block tells them.

    Args:
        counts: the exact rows.
        confidence: the published block.
        same: whether every assessment has its implied label.
    """
    if not {"label", "confidence"} <= counts.roles:
        return WordBlock(status="absent")
    if not same or confidence.grid is None:
        return WordBlock(status="withheld")
    cells = shared_cells(confidence)
    found = [(labels, cell_of(cells, lo), n) for labels, lo, n in _implied(counts, confidence)]
    runs = _runs(len(counts.bands), [labels for labels, _, _ in found])
    lines = [[0] * len(cells) for _ in runs]
    for labels, at, n in found:
        lines[next(place for place, run in enumerate(runs) if min(labels) in run)][at] += n
    if sum(any(line) for line in lines) < 2:
        return WordBlock(status="withheld")
    rows = [WordRow(words=tuple(counts.bands[band] for band in run), cells=_cells(cells, line))
            for run, line in zip(runs, lines, strict=True)]  # fmt: skip
    return WordBlock(status="present", grid=confidence.grid, rows=tuple(rows))


def _implied(counts: Counts, confidence: GridBlock) -> Iterator[tuple[frozenset[int], int | None, int]]:
    """The labels that each published cell with somebody in it can have, its lowest bin, and its number."""
    for row in confidence.rows:
        for cell in row.cells:
            if cell.n:
                caps = counts.confidence_caps(cell.lo, cell.hi)
                labels = frozenset(max(own, group) for own in caps for group in row.groups)
                yield labels, cell.lo if cell.lo >= 0 else None, cell.n


def _runs(bands: int, together: Sequence[frozenset[int]]) -> list[range]:
    """The finest runs of neighbouring bands that cut through none of these sets."""
    inside = {band for labels in together for band in range(min(labels) + 1, max(labels) + 1)}
    edges = [band for band in range(bands) if band not in inside]
    return [range(low, high) for low, high in pairwise([*edges, bands])]


def _cells(cells: Sequence[tuple[int, int]], line: Sequence[int]) -> tuple[GridCell, ...]:
    return tuple(GridCell(lo=lo, hi=hi, n=n) for (lo, hi), n in zip(cells, line, strict=True))


def sufficiency_blocks(
    counts: Counts,
    confidence: GridBlock,
    by_label: WordBlock,
    tallies: Mapping[str, TallyBlock],
    crosses: Mapping[str, CrossBlock],
) -> tuple[WordBlock, CrossBlock]:
    """Sufficiency by confidence, and the table by label, withheld where only one of the two may be published.

    Args:
        counts: the exact rows.
        confidence: the published block.
        by_label: labels by confidence, as published.
        tallies: labels, sufficiency, periods.
        crosses: the tables by label and by period as far as they are safe without this one.
    """
    beside = crosses["labels_sufficiency"]
    block = _block(counts, confidence, by_label, tallies, crosses)
    if block.status == "withheld" and beside.status == "present":
        alone = {name: each for name, each in crosses.items() if each is not beside}
        block = _block(counts, confidence, by_label, tallies, alone)
        if block.status == "present":
            return block, CrossBlock(status="withheld")
    return block, beside


def _block(
    counts: Counts,
    confidence: GridBlock,
    by_label: WordBlock,
    tallies: Mapping[str, TallyBlock],
    crosses: Mapping[str, CrossBlock],
) -> WordBlock:
    tally = tallies["sufficiency"]
    if "confidence" not in counts.roles or tally.status == "absent":
        return WordBlock(status="absent")
    words = tuple(held(tally.counts))
    if confidence.grid is None or tally.status == "withheld" or len(words) < 2:
        return WordBlock(status="withheld")
    shown = {name: block for name, block in crosses.items() if block.status == "present"}
    labels = _labels(tallies["labels"], by_label, shown)
    if labels is None:
        return WordBlock(status="withheld")
    for found in _coarser(counts, _measured(counts, shared_cells(confidence), words)):
        rows = tuple(
            WordRow(words=(word,), cells=tuple(GridCell(lo=c.lo, hi=c.hi, n=c.measures[1 + at]) for c in found))
            for at, word in enumerate(words)
        )
        if _ring(rows, tally, labels, tallies["periods"], shown).is_safe(counts.least):
            return WordBlock(status="present", grid=confidence.grid, rows=rows)
    return WordBlock(status="withheld")


def _labels(
    tally: TallyBlock, by_label: WordBlock, shown: Mapping[str, CrossBlock]
) -> dict[str, tuple[GridCell, ...]] | None:
    """The labels of the ring, each with its confidences; empty where no table has them; None where no audit can be.

    A word that stands for a run of labels must stand for it in the other tables too.
    """
    if "labels_sufficiency" not in shown:
        return {}
    tables = [shown["labels_sufficiency"].rows]
    tables += [shown["periods_labels"].columns] if {"periods_labels", "periods_sufficiency"} <= shown.keys() else []
    if by_label.status != "present":
        return None
    found: dict[str, tuple[GridCell, ...]] = {}
    for row in by_label.rows:
        held_words = [word for word in row.words if tally.counts.get(word, 1)]
        names = [{word if word in words else OTHER for word in held_words} for words in tables]
        if any(len(each) > 1 for each in names):
            return None
        if any(cell.n for cell in row.cells):
            found[held_words[0]] = row.cells
    return found


def _measured(counts: Counts, cells: Sequence[tuple[int, int]], words: Sequence[str]) -> list[Cell]:
    lines = [[0] * len(words) for _ in cells]
    for (word,), where, n in counts.facts("confidence", "sufficiency"):
        lines[cell_of(cells, where)][words.index(word if word in words else OTHER)] += n
    return [Cell(lo, hi, (sum(line), *line)) for (lo, hi), line in zip(cells, lines, strict=True)]


def _coarser(counts: Counts, cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """The cells merged until each word is 0 or large, and then with ever fewer of them; at least two."""
    allowed = at_least(counts.least)
    keep = frozenset(axis_cuts(counts)["confidence"])
    found = merge_cells(cells, keep, allowed)
    while len(found) > 1 and all(allowed(cell.measures) for cell in found):
        yield found
        found = fewer_cells(found, max(len(found) // 2, 1))


def _ring(
    rows: Sequence[WordRow],
    tally: TallyBlock,
    labels: Mapping[str, Sequence[GridCell]],
    periods: TallyBlock,
    shown: Mapping[str, CrossBlock],
) -> Ring:
    cells = rows[0].cells
    names = tuple(str(at) for at in range(len(cells)))
    whole = {name: sum(row.cells[at].n for row in rows) for at, name in enumerate(names)}
    axes = [held(tally.counts), held(whole)]
    inside = tuple(tuple(_inside(cell, line) for cell in cells) for line in labels.values())
    own = CrossBlock(status="present", rows=tuple(row.words[0] for row in rows), columns=names,
                     counts=tuple(tuple(cell.n for cell in row.cells) for row in rows))  # fmt: skip
    tables: list[Table] = [(own, (0, 1), str)]
    if labels:
        axes.append({label: sum(line) for label, line in zip(labels, inside, strict=True)})
        by_label = CrossBlock(status="present", rows=tuple(labels), columns=names, counts=inside)
        tables.append((by_label, (2, 1), str))
        if "labels_sufficiency" in shown:
            tables.append((shown["labels_sufficiency"], (2, 0), str))
    if "periods_sufficiency" in shown:
        axes.append(held(periods.counts))
        tables.append((shown["periods_sufficiency"], (len(axes) - 1, 0), str))
        if labels and "periods_labels" in shown:
            tables.append((shown["periods_labels"], (3, 2), str))
    return Ring(axes, tables)


def _inside(cell: GridCell, line: Sequence[GridCell]) -> int:
    return sum(each.n for each in line if cell.lo <= each.lo and each.hi <= cell.hi)
