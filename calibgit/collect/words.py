"""Words of assessments: tallies of one, and tables of two with the tallies as their margins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from calibgit.collect.counts import Counts
from calibgit.collect.hiding import protect
from calibgit.model.blocks import CrossBlock, TallyBlock
from calibgit.model.snapshot import MISSING, OTHER

RARE_SHARE = 0.5
Matrix = list[list[int]]


def tally(counts: Counts, role: str, found: Mapping[str, int]) -> TallyBlock:
    """Fold rare keys into `__other__`, and then the smallest other key while `__other__` itself is too small.

    Args:
        counts: the exact rows.
        role: what must be mapped.
        found: count by word, all words of the vocabulary included.
    """
    if role not in counts.roles:
        return TallyBlock(status="absent")
    kept, folded, other = fold(counts, found)
    if folded and not any(kept.values()):
        return TallyBlock(status="withheld")
    published = {key: n for key, n in sorted(kept.items()) if n or key != MISSING}
    if other:
        published[OTHER] = other
    return TallyBlock(status="present", counts=published, folded=folded)


def fold(counts: Counts, found: Mapping[str, int]) -> tuple[dict[str, int], tuple[str, ...], int]:
    """Rare keys joined, and then the smallest other key while they are still few together.

    Returns:
        The keys that stay, those that were joined, and how many these and `__other__` hold.
    """
    kept = dict(found)
    folded = [key for key, n in kept.items() if key != OTHER and counts.small(n)]
    other = kept.pop(OTHER, 0) + sum(kept.pop(key) for key in folded)
    while counts.small(other) and any(kept.values()):
        least = min((key for key, n in kept.items() if n), key=lambda key: (kept[key], key))
        other += kept.pop(least)
        folded.append(least)
    return kept, tuple(sorted(folded)), other


def coarser_tallies(block: TallyBlock, precious: Sequence[str]) -> Iterator[TallyBlock]:
    """The tally itself, then with ever more of its words in `__other__`; `precious` ones last."""
    yield block
    words = [word for word, n in block.counts.items() if n and word != OTHER]
    joined = [
        set(each)
        for size in range(1, len(words))
        for each in combinations(words, size)
        if OTHER in block.counts or size > 1
    ]
    joined.sort(key=lambda each: ([word in each for word in precious], len(each), sum(block.counts[w] for w in each)))
    for each in joined:
        counts = {word: n for word, n in block.counts.items() if word not in each}
        counts[OTHER] = block.counts.get(OTHER, 0) + sum(block.counts[word] for word in each)
        yield TallyBlock(status="present", counts=counts, folded=tuple(sorted({*block.folded, *each})))


def cross(
    counts: Counts,
    table: str,
    facts: tuple[str, str],
    rows: TallyBlock,
    columns: TallyBlock,
    column_of: Callable[[str], str] = str,
) -> CrossBlock:
    """Two words together, with the published tallies as margins.

    A key is folded here when more than half of its counts are too small; then single counts are hidden until no
    hidden one can be told to within the threshold.

    Args:
        counts: the exact rows.
        table: the exact table that counts both.
        facts: the facts of rows and columns.
        rows: the published tally of the rows.
        columns: the published tally of the columns.
        column_of: the key in the columns' tally that stands for a word of the second fact.
    """
    if "absent" in {rows.status, columns.status}:
        return CrossBlock(status="absent")
    if "withheld" in {rows.status, columns.status}:
        return CrossBlock(status="withheld")
    found: dict[tuple[str, str], int] = {}
    for (first, second), _, n in counts.facts(table, *facts):
        key = _in(rows, first), _in(columns, column_of(second))
        found[key] = found.get(key, 0) + n
    across, down = tuple(word for word, n in columns.counts.items() if n), tuple(w for w, n in rows.counts.items() if n)
    matrix = [[found.get((a, b), 0) for b in across] for a in down]
    down, matrix = _folded(counts, down, matrix)
    across, turned = _folded(counts, across, [list(column) for column in zip(*matrix, strict=True)])
    matrix = [list(line) for line in zip(*turned, strict=True)]
    result = protect(matrix, counts.least)
    if result is None or min(len(down), len(across)) < 2:
        return CrossBlock(status="withheld")
    block = CrossBlock(status="present", rows=down, columns=across, counts=result.counts)
    counts.account.widths[block] = result.widths
    return block


def _in(block: TallyBlock, word: str) -> str:
    return word if word in block.counts else OTHER


def _folded(counts: Counts, words: Sequence[str], matrix: Matrix) -> tuple[tuple[str, ...], Matrix]:
    """Rows whose counts are mostly small become one row `__other__`, with the smallest row where they are few."""
    lines = dict(zip(words, matrix, strict=True))
    rare = {word for word, line in lines.items() if _is_rare(counts, line)}
    if not rare:
        return tuple(words), matrix
    rare |= {OTHER} & set(lines)
    while len(rare) < len(lines) and _is_rare(counts, _sum(lines[word] for word in rare)):
        rare.add(min(set(lines) - rare, key=lambda word: (sum(lines[word]), word)))
    kept = [word for word in words if word not in rare]
    return (*kept, OTHER), [*(lines[word] for word in kept), _sum(lines[word] for word in rare)]


def _is_rare(counts: Counts, line: Sequence[int]) -> bool:
    held = [n for n in line if n]
    return sum(counts.small(n) for n in held) > RARE_SHARE * len(held)


def _sum(lines: Iterable[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*lines, strict=True)]
