"""The published blocks that are no histograms: tables of words, flags, sums, verdicts, and the privacy statement."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from calibgit.model.base import Document

Count = Annotated[int, Field(strict=True, ge=0)]
# Numbers of flags in a flag cell stand for all above from here on.
MOST_OF_WORST: Final = 3
MOST_OF_SECOND: Final = 5
Presence = Literal["present", "absent", "withheld"]


class TallyBlock(Document):
    """Counts of exclusive keys. `folded`: closed keys too rare to publish, counted in `__other__`."""

    status: Presence
    counts: dict[str, Count] = {}
    folded: tuple[str, ...] = ()


class SubjectBlock(Document):
    """How many subjects the assessments of a stratum are of; those without a subject count as one.

    `bound`: `at_least` where tables or windows were merged between which a subject may stand in both.
    """

    status: Presence
    n: Count = 0
    bound: Literal["exact", "at_least"] = "exact"


class CrossBlock(Document):
    """Two words of each assessment together: `counts[row][column]`, None where the count is hidden.

    The margins are the tallies of the two words. Absent: one of the words is not mapped, or the window holds one period
    only. A row or column `__other__` holds the keys that are folded in the
    tally, and those that are too rare in this table.
    """

    status: Presence
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    counts: tuple[tuple[Count | None, ...], ...] = ()


class RateBlock(Document):
    """For each key, of `n` assessments how many have it; None where that count may not be published."""

    status: Presence
    n: Count = 0
    counts: dict[str, Count | None] = {}


class CountRange(Document):
    """`n` assessments with `least` to `most` flags; `most` is None where nothing bounds them above."""

    least: Count
    most: Count | None = None
    n: Count


class FlagTypeDetail(Document):
    """Of the assessments with one type of flag: how often it occurs in each, and how many have each severity of it."""

    occurrences: tuple[CountRange, ...]
    severities: dict[str, Count | None]


class FlagDetailBlock(Document):
    """Detail of each type whose presence is shown by `flag_types`; other types have none."""

    status: Presence
    types: dict[str, FlagTypeDetail] = {}


class FlagCell(Document):
    """`n` assessments with `[lo, hi)` flags of the worst severity and of the second worst; a last bin has no end.

    `[-1, 0)` holds the assessments without a record of their flags.
    """

    worst_lo: int
    worst_hi: int
    second_lo: int
    second_hi: int
    n: Count


class FlagRow(Document):
    """Bands, as indices, up to which score and confidence let through, and the flags of those assessments."""

    groups: tuple[int, ...]
    cells: tuple[FlagCell, ...]


class FlagCountBlock(Document):
    """Numbers of flags of the two worst severities by the cap that score and confidence set."""

    status: Presence
    severities: tuple[str, ...] = ()
    rows: tuple[FlagRow, ...] = ()


class MomentBlock(Document):
    """Sums over the `n` assessments with a score in every category, counted from the bottom of the range.

    `sums` has one number a category, in units of 1/`scale`; `products` has, for each category, the sums of products
    with itself and the later ones, in units of 1/`scale` squared.
    """

    status: Presence
    n: Count = 0
    scale: Annotated[int, Field(ge=1)] = 1
    categories: tuple[str, ...] = ()
    sums: tuple[int, ...] = ()
    products: tuple[tuple[int, ...], ...] = ()

    def covariance(self, first: int, second: int) -> float:
        """Covariance of two categories by place, in units of 1/`scale` squared, by the number of assessments."""
        low, high = sorted((first, second))
        return (self.products[low][high - low] * self.n - self.sums[first] * self.sums[second]) / self.n**2


class DesignBlock(Document):
    """How much wider repeated subjects make an interval: design effect by indicator, in hundredths.

    The next multiple of five above the effect, so 105 is said where it is 1, and one person who stands twice does
    not show. An indicator that is too rare to publish is left out.
    """

    status: Presence
    effects: dict[str, Count] = {}


Maturity = Literal["mature", "immature", "not_assessable"]


ReadRole = Literal[
    "category_scores", "confidence", "conflict", "feedback", "flags", "outcome", "sufficiency"
]  # those whose values can be there and mean nothing


class MaturityBlock(Document):
    """By calendar period, whether enough of its outcomes are known."""

    status: Presence
    periods: dict[str, Maturity] = {}


class Verdicts(Document):
    """What only exact counts can show, as closed words without numbers. A word turns at a count of many, never of one.

    `unreadable`: roles of which many values are there and cannot be read.
    """

    label_conformance: Literal["conforms", "deviates", "absent", "not_assessable"] = "absent"
    score_range: Literal["inside", "outside"] = "inside"
    outcome_maturity: MaturityBlock = MaturityBlock(status="absent")
    unreadable: tuple[ReadRole, ...] = ()


class PrivacyStatement(Document):
    """What disclosure control did, and what its audit found.

    Attributes:
        k: fewest subjects that a published count, other than zero, stands for.
        unit: what `k` counts; rows where no column says who was assessed.
        threshold: smallest published count of assessments other than zero; any so many hold `k` subjects.
        merged_bins, folded_keys: bins merged into neighbours, and keys counted in `__other__`.
        withheld_cells, withheld_blocks, withheld_strata: single counts, whole blocks and versions left out.
        hidden_cells: counts of tables of two words that are hidden between their margins.
        narrowest: the narrowest interval in which the published numbers hold a hidden count, in thresholds.
        linked: whether the blocks that the config ties together were audited together.
        not_assessed: what the audit does not cover.
    """

    k: Annotated[int, Field(ge=1)]
    unit: Literal["rows", "subjects"]
    threshold: Annotated[int, Field(ge=1)]
    merged_bins: Count
    folded_keys: Count
    withheld_cells: Count
    withheld_blocks: Count
    withheld_strata: Count
    hidden_cells: Count
    narrowest: Literal["nothing_hidden", "one_to_two", "two_to_five", "five_or_more"]
    linked: Literal["audited", "nothing_linked"]
    not_assessed: tuple[str, ...]
