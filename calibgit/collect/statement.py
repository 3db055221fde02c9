"""The privacy statement of a snapshot, read off its published blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from calibgit.collect.counts import Account
from calibgit.model.blocks import PrivacyStatement, TallyBlock
from calibgit.model.snapshot import GridBlock, Stratum

NOT_ASSESSED = (
    "flag types against each other",
    "periods against scores and confidences",
    "what is known from elsewhere",
)


def statement(account: Account, strata: Sequence[Stratum], *, k: int, least: int, subjects: bool) -> PrivacyStatement:
    """What was done to these strata, in numbers that tell nothing of anybody."""
    crosses = [block for stratum in strata for block in stratum.crosses.values()]
    widths = [width for block in crosses for width in account.widths.get(block, ())]
    return PrivacyStatement(
        k=k,
        unit="subjects" if subjects else "rows",
        threshold=least,
        merged_bins=sum(_merged(stratum) for stratum in strata),
        folded_keys=sum(_folded(stratum) for stratum in strata),
        withheld_cells=sum(_withheld_cells(stratum) for stratum in strata),
        withheld_blocks=sum(status == "withheld" for stratum in strata for status in _statuses(stratum)),
        withheld_strata=account.withheld_strata,
        hidden_cells=sum(n is None for block in crosses for row in block.counts for n in row),
        narrowest=_class(widths, least),
        linked="audited" if account.linked else "nothing_linked",
        not_assessed=NOT_ASSESSED,
    )


def _tallies(stratum: Stratum) -> tuple[TallyBlock, ...]:
    return (
        stratum.dropped,
        stratum.labels,
        stratum.flag_severity,
        stratum.escalation,
        stratum.tiers,
        stratum.sufficiency,
        stratum.feedback,
        stratum.periods,
    )


def _grids(stratum: Stratum) -> tuple[GridBlock, ...]:
    return stratum.score, stratum.confidence, stratum.conflict


def _statuses(stratum: Stratum) -> Iterator[str]:
    for _, block in stratum:
        several = block.values() if isinstance(block, dict) else [block]
        yield from (each.status for each in several if hasattr(each, "status"))
    yield stratum.verdicts.outcome_maturity.status


def _merged(stratum: Stratum) -> int:
    """Bins of the base grids that share a published cell with the bin below them."""
    rows = [row.cells for block in _grids(stratum) for row in block.rows]
    rows += [each.cells for each in stratum.categories.categories.values() if each is not None]
    return sum(cell.hi - cell.lo - 1 for cells in rows for cell in cells)


def _folded(stratum: Stratum) -> int:
    pooled = [len(row.groups) - 1 for block in _grids(stratum) for row in block.rows]
    pooled += [len(row.groups) - 1 for row in stratum.flag_counts.rows]
    pooled += [len(row.words) - 1 for row in stratum.label_confidence.rows]
    return sum(len(tally.folded) for tally in _tallies(stratum)) + sum(pooled)


def _withheld_cells(stratum: Stratum) -> int:
    shown: list[object] = [*stratum.flag_types.counts.values(), *stratum.categories.categories.values()]
    shown += [n for each in stratum.flag_details.types.values() for n in each.severities.values()]
    return shown.count(None) + (stratum.outcome.status == "present" and stratum.outcome.pending is None)


def _class(widths: Sequence[int], least: int) -> Literal["nothing_hidden", "one_to_two", "two_to_five", "five_or_more"]:
    if not widths:
        return "nothing_hidden"
    times = min(widths) / least
    return "one_to_two" if times < 2 else "two_to_five" if times < 5 else "five_or_more"
