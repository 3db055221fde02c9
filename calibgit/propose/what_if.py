"""How many assessments have flags that count, under one rule and under another.

For the two worst severities the published histogram of their numbers says it, exactly where its cells allow. For the
others the worst severity of each assessment bounds it: whoever has such a flag has it, or a graver one, as the worst;
and nobody has one without having a type of flag of that severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.model.blocks import MOST_OF_SECOND, MOST_OF_WORST, FlagCell
from calibgit.model.proposal import WhatIf
from calibgit.model.settings import Vocabulary
from calibgit.model.snapshot import OTHER, Stratum


def flags_that_count(
    stratum: Stratum, severity: str, rules: tuple[int, int], vocabulary: Vocabulary, data: Mapping[str, Any]
) -> WhatIf | None:
    """Assessments with flags of a severity that count; None where the snapshot does not say.

    Args:
        stratum: published counts.
        severity: whose flags.
        rules: from how many flags on they count, before and after.
        vocabulary: of the line.
        data: the config, whose order of severities holds where the vocabulary has none.
    """
    before, after = (_at_least(stratum, severity, number, vocabulary, data) for number in rules)
    if before is None or after is None:
        return None
    return WhatIf(
        counts=f"assessments with flags of {severity} that count",
        n=stratum.n,
        before_low=before[0], before_high=before[1], after_low=after[0], after_high=after[1],
    )  # fmt: skip


def _at_least(
    stratum: Stratum, severity: str, number: int, vocabulary: Vocabulary, data: Mapping[str, Any]
) -> tuple[int, int] | None:
    block = stratum.flag_counts
    if block.status == "present" and severity in block.severities:
        first = block.severities.index(severity) == 0
        cells = [cell for row in block.rows for cell in row.cells]
        low = sum(cell.n for cell in cells if _span(cell, worst=first)[0] >= number)
        return low, sum(cell.n for cell in cells if _reaches(cell, number, worst=first))
    tally = stratum.flag_severity
    order = vocabulary.severities or tuple(data["red_flag_severity_thresholds"])
    if tally.status != "present" or severity not in order:
        return None
    milder = (*order[order.index(severity) + 1 :], "none")
    high = sum(tally.counts.values()) - sum(tally.counts.get(word, 0) for word in milder)
    high = min(high, _by_type(stratum, severity, high))
    low = tally.counts.get(severity, 0) if number <= 1 else 0
    return low, max(low, high)


def _span(cell: FlagCell, *, worst: bool) -> tuple[int, int]:
    return (cell.worst_lo, cell.worst_hi) if worst else (cell.second_lo, cell.second_hi)


def _reaches(cell: FlagCell, number: int, *, worst: bool) -> bool:
    low, high = _span(cell, worst=worst)
    most = MOST_OF_WORST if worst else MOST_OF_SECOND
    return low >= 0 and (high > number or high > most)


def _by_type(stratum: Stratum, severity: str, most: int) -> int:
    """At most so many have a flag of the severity, from the types that have one; `most` where a type is not shown."""
    details, rates = stratum.flag_details, stratum.flag_types
    if details.status != "present" or None in rates.counts.values() or rates.counts.get(OTHER, 0):
        return most
    shown = [each.severities.get(severity) for each in details.types.values()]
    return most if None in shown else sum(n or 0 for n in shown)
