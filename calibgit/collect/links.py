"""What the config says across blocks: the same assessments stand in all of them, and a label is the worst cap.

Score cells tell the score's cap beside the worse of the other two, confidence cells the confidence's cap, flag counts
the flags' cap. So the blocks overlap in ways that no single table shows: the three of them alone can give away every
combination of caps. An unknown here is one combination of a cell of each block that the config allows; the audit asks
whether the published numbers say of any combination that few assessments have it. Cells that the config does not
tell apart are taken together, because within them the axes are free of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from calibgit.collect.audit import Published, tells_of_few
from calibgit.collect.counts import Counts
from calibgit.collect.flag_caps import Caps, caps_of_cell, caps_of_worst, words_of
from calibgit.model.blocks import CrossBlock, FlagCountBlock, TallyBlock
from calibgit.model.snapshot import MISSING, NO_VALUE, OTHER, GridBlock, OutcomeBlock, OutcomeCell, ScoreOutcomeBlock

Node = tuple[object, ...]
Classes = Mapping[int, tuple[int, Sequence[int]]]
KINDS = ("good", "bad", "open")


class Combination(NamedTuple):
    """A cell of each block, a word of each tally, and a kind of outcome, that one assessment can have."""

    score: Node
    confidence: Node
    flags: Node
    word: str
    label: str
    kind: str
    by_score: int
    by_confidence: int


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of cell of a block: the caps of its own gate, the worse of the other two, and its assessments."""

    own: Caps
    others: Caps
    n: int
    by_word: Mapping[str, Caps] = field(default_factory=dict)


@dataclass(frozen=True)
class Linked:
    """The blocks of a stratum that the config ties together, as far as they are to be published.

    `labels` and `labels_by_worst` count only where the recorded labels are the implied ones.
    """

    score: GridBlock
    confidence: GridBlock | None = None
    flags: FlagCountBlock | None = None
    worst: TallyBlock | None = None
    labels: TallyBlock | None = None
    labels_by_worst: CrossBlock | None = None
    outcome: OutcomeBlock | None = None
    outcome_score: ScoreOutcomeBlock | None = None

    def safe(self, counts: Counts) -> bool:
        """Whether no combination is said to be rare; numbers that contradict each other are not safe either."""
        try:
            return not tells_of_few(_Problem(counts, self).published(), counts.least)
        except ValueError:
            return False


class _Problem:
    def __init__(self, counts: Counts, linked: Linked) -> None:
        self._counts = counts
        self._linked = linked
        bands = len(counts.bands)
        every = frozenset(range(bands))
        anything: dict[Node, Part] = {("any",): Part(every, every, counts.n)}
        self._score = _score_parts(counts, linked.score)
        self._confidence = _confidence_parts(counts, linked.confidence) if linked.confidence else anything
        self._flags = _flag_parts(counts, linked.flags) if linked.flags else anything
        self._by_score: dict[object, Classes] = {}
        self._by_confidence: Classes = {}
        if linked.outcome and linked.outcome_score and linked.outcome.pending is not None:
            self._by_confidence = _classes(linked.outcome.cells, counts.confidence_caps, bands)
            for row in linked.outcome_score.rows:
                self._by_score[row.groups] = _classes(row.cells, lambda lo, hi: _score_caps(counts, lo, hi), bands)
        tally = linked.worst
        self._worst = {word: _caps_by_word(counts, tally, word) for word in tally.counts} if tally else {}
        self._sums: dict[Node, tuple[set[int], int]] = {}

    def published(self) -> list[Published]:
        """The published numbers over all combinations that the config allows."""
        order: dict[Combination, int] = {}
        for each in self._combinations():
            place = order.setdefault(each, len(order))
            for name, n in self._numbers(each):
                self._sums.setdefault(name, (set(), n))[0].add(place)
        return [Published(frozenset(cells), n) for cells, n in self._sums.values()]

    def _combinations(self) -> Iterator[Combination]:
        bands = range(len(self._counts.bands))
        words = tuple(w for w, n in self._linked.worst.counts.items() if n) if self._linked.worst else ("any",)
        kinds = KINDS if self._by_confidence else ("any",)
        for i, j, flag in product(bands, bands, bands):
            a_nodes = _fitting(self._score, i, max(j, flag))
            b_nodes = _fitting(self._confidence, j, max(i, flag))
            c_nodes = _fitting(self._flags, flag, max(i, j))
            for a, b, c, word in product(a_nodes, b_nodes, c_nodes, words):
                if self._has_worst(c, word, flag):
                    by_score = self._by_score.get(a[0], {})
                    classes = self._class(by_score, i), self._class(self._by_confidence, j)
                    for label, kind in product(self._labels(max(i, j, flag)), kinds):
                        yield Combination(a, b, c, word, label, kind, *classes)

    def _has_worst(self, node: Node, word: str, flag: int) -> bool:
        if self._linked.worst is None:
            return True
        named = self._flags[node].by_word
        return any(flag in (named.get(exact, ()) if named else caps) for exact, caps in self._worst[word].items())

    def _labels(self, band: int) -> tuple[str, ...]:
        block = self._linked.labels
        if block is None:
            return ("any",)
        # Labels are linked only where every assessment has its implied one, and an attacker may well guess that.
        name = self._counts.bands[band]
        return (name if block.counts.get(name) else OTHER,)

    @staticmethod
    def _class(classes: Classes, cap: int) -> int:
        return classes[cap][0] if classes else -1

    def _numbers(self, each: Combination) -> Iterator[tuple[Node, int]]:
        """The published numbers that count a combination."""
        linked = self._linked
        yield ("score", each.score), self._score[each.score].n
        yield ("confidence", each.confidence), self._confidence[each.confidence].n
        yield ("flags", each.flags), self._flags[each.flags].n
        if linked.worst is not None:
            yield ("worst", each.word), linked.worst.counts[each.word]
        if linked.labels is not None:
            yield ("label", each.label), linked.labels.counts.get(each.label, 0)
        if linked.labels_by_worst is not None:
            yield from _crossed(linked.labels_by_worst, each.label, each.word)
        if each.kind in KINDS:
            at = KINDS.index(each.kind)
            if each.by_score >= 0:
                row = each.score[0]
                yield ("by_score", row, each.by_score, each.kind), self._by_score[row][each.by_score][1][at]
            yield ("by_confidence", each.by_confidence, each.kind), self._by_confidence[each.by_confidence][1][at]


def _crossed(block: CrossBlock, label: str, word: str) -> Iterator[tuple[Node, int]]:
    row = block.rows.index(label if label in block.rows else OTHER)
    column = block.columns.index(word if word in block.columns else OTHER)
    n = block.counts[row][column]
    if n is not None:
        yield ("cross", row, column), n


def _fitting(parts: Mapping[Node, Part], own: int, others: int) -> list[Node]:
    return [node for node, part in parts.items() if own in part.own and others in part.others]


def _add(parts: dict[Node, Part], node: Node, part: Part) -> None:
    before = parts.get(node)
    parts[node] = part if before is None else Part(part.own, part.others, before.n + part.n, part.by_word)


def _score_caps(counts: Counts, lo: int, hi: int) -> Caps:
    return frozenset(range(counts.score_caps[hi - 1], counts.score_caps[lo] + 1))


def _score_parts(counts: Counts, block: GridBlock) -> dict[Node, Part]:
    parts: dict[Node, Part] = {}
    for row in block.rows:
        for cell in row.cells:
            own = _score_caps(counts, cell.lo, cell.hi)
            _add(parts, (row.groups, own), Part(own, frozenset(row.groups), cell.n))
    return parts


def _confidence_parts(counts: Counts, block: GridBlock) -> dict[Node, Part]:
    parts: dict[Node, Part] = {}
    for row in block.rows:
        for cell in row.cells:
            own = counts.confidence_caps(cell.lo, cell.hi)
            _add(parts, (row.groups, own), Part(own, frozenset(row.groups), cell.n))
    return parts


def _flag_parts(counts: Counts, block: FlagCountBlock) -> dict[Node, Part]:
    recorded = any(cell.worst_lo == NO_VALUE for row in block.rows for cell in row.cells)
    parts: dict[Node, Part] = {}
    for row in block.rows:
        for cell in row.cells:
            words = words_of(counts.plan, cell, recorded=recorded)
            by_word = {word: caps_of_cell(counts.plan, cell, word) for word in sorted(words)}
            own = frozenset().union(*by_word.values())
            _add(parts, (row.groups, *by_word.items()), Part(own, frozenset(row.groups), cell.n, by_word))
    return parts


def _classes(cells: Sequence[OutcomeCell], caps: Callable[[int, int], Caps], bands: int) -> Classes:
    """Cap to its class and the class' good, bad and open outcomes: caps that one cell spans are of one class."""
    number = list(range(bands))
    spans = [(caps(cell.lo, cell.hi), cell) for cell in cells]
    for found, _ in spans:
        joined = {number[cap] for cap in found}
        number = [min(joined) if n in joined else n for n in number]
    sums = {n: [0, 0, 0] for n in number}
    for found, cell in spans:
        line = sums[number[min(found)]]
        for at, n in enumerate((cell.positives, cell.n - cell.positives, cell.pending)):
            line[at] += n
    return {cap: (number[cap], sums[number[cap]]) for cap in range(bands)}


def _caps_by_word(counts: Counts, block: TallyBlock, word: str) -> dict[str, Caps]:
    """The exact words that a word of the published tally stands for, each with the caps that such flags set."""
    meant = {word}
    if word == OTHER:
        # An attacker may guess that nobody's record is missing or odd, where that is so.
        exact = counts.by_fact("traits", "worst")
        odd = {each for each in (OTHER, MISSING) if exact.get(each)}
        meant = {*counts.plan.severities, "none", *odd} - (set(block.counts) - {OTHER})
    return {each: caps_of_worst(counts.plan, each) for each in sorted(meant)}
