"""Tables of two words that share their words in a ring say more than each alone: an audit of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from calibgit.collect.audit import Published, tells_of_few
from calibgit.model.blocks import CrossBlock
from calibgit.model.snapshot import OTHER

MOST_CELLS = 400
Cell = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ring:
    """Axes of an assessment, each with its words and their published counts, and tables over two of them.

    Attributes:
        axes: words of each axis that some assessment has, with their counts; None where it is not published.
        tables: each with the axes of its rows and columns, and what a word of the second axis is called in it.
    """

    axes: Sequence[Mapping[str, int | None]]
    tables: Sequence[tuple[CrossBlock, tuple[int, int], Callable[[str], str]]]

    def is_safe(self, least: int) -> bool:
        """Whether no combination of words is told to be rare; a ring of too many combinations is not audited."""
        cells = list(product(*self.axes))
        if len(cells) > MOST_CELLS:
            return False
        published = list(self._margins(cells))
        for block, axes, column_of in self.tables:
            if block.status == "present":
                published += _numbers(cells, block, axes, column_of)
        try:
            return not tells_of_few(published, least)
        except ValueError:
            return False

    def _margins(self, cells: Sequence[Cell]) -> Iterator[Published]:
        for axis, words in enumerate(self.axes):
            for word, n in words.items():
                if n is not None:
                    yield Published(frozenset(at for at, cell in enumerate(cells) if cell[axis] == word), n)


def held(counts: Mapping[str, int]) -> dict[str, int | None]:
    """The words that some assessment has, as an axis."""
    return {word: n for word, n in counts.items() if n}


def _numbers(
    cells: Sequence[Cell], block: CrossBlock, axes: tuple[int, int], column_of: Callable[[str], str]
) -> Iterator[Published]:
    places: dict[tuple[int, int], list[int]] = {}
    for at, cell in enumerate(cells):
        row, column = _place(block.rows, cell[axes[0]]), _place(block.columns, column_of(cell[axes[1]]))
        if row is not None and column is not None:
            places.setdefault((row, column), []).append(at)
    for (row, column), inside in places.items():
        n = block.counts[row][column]
        if n is not None:
            yield Published(frozenset(inside), n)


def _place(words: Sequence[str], word: str) -> int | None:
    return words.index(word) if word in words else words.index(OTHER) if OTHER in words else None
