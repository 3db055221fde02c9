"""Boundary crowding: is there more mass at a cut than its own neighbourhood explains?

Local excess (`crowding:`): log-quadratic fit on eight points each side with a dummy on [c-2, c+2); `exp(theta)` is
the density ratio. Sorting (`sorting:`): the same fit with one dummy on the three points below and one on the three
points from the cut on; the ratio of the two is McCrary's (2008) test on bins. The median plays no part: smooth data
centred on a cut are not crowded. A point is one hundredth of the score range, at least one bin.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from calibgit.analyze.density import LEAST_MASS, Density, Neighbourhood, excess, sorting
from calibgit.analyze.draft import Context, Draft, Limits, Topic, unpublished
from calibgit.analyze.effects import LogRatio
from calibgit.model.published import total
from calibgit.model.report import Scalar, Severity
from calibgit.model.rounding import six_digits
from calibgit.model.snapshot import GridSpec

BOUNDARY_CROWDING = "boundary_crowding"
PLACEBO_SPACING = 10
LEAST_PLACEBOS = 3
COVERED = 0.5
Statistic = Callable[[Density, int], tuple[LogRatio, float] | None]


def boundary_crowding(context: Context) -> list[Draft]:
    """Two findings a cut: local excess and sorting. Only for the config under review."""
    block, gates = context.stratum.score, context.gates
    if gates is None:
        return []
    if block.status != "present" or block.grid is None:
        topic = Topic(context.name("crowding", "scores"), BOUNDARY_CROWDING, "score", "Crowding", ("classification",))
        return [unpublished(context, topic, "withheld" if block.status == "present" else block.status)]
    grid = block.grid
    edges = [grid.edge(cut) for cut in gates.cuts[:-1]]
    known = tuple(edge for edge in edges if edge is not None)
    found = []
    for index, edge in enumerate(edges):
        cut = f"{gates.cuts[index]:g}"
        band = context.bands[index]
        found.append(_finding(context, grid, "crowding", excess, index, edge, known, band, cut))
        found.append(_finding(context, grid, "sorting", sorting, index, edge, known, band, cut))
    return found


_WHAT = {
    "crowding": "The density of scores at the cut {cut} of band {band!r}, as a ratio to its surroundings,",
    "sorting": "The density of scores just above the cut {cut} of band {band!r}, as a ratio to just below it,",
}
_ADVICE = {
    "crowding": "Small score errors decide the band of many here. Consider moving the cut away from the pile, or "
    "reviewing such cases by a second assessor.",
    "sorting": "Scores are pushed over the cut. Look at how they come about before moving it: a moved cut would be "
    "sorted against as well.",
}


def _finding(
    context: Context,
    grid: GridSpec,
    name: str,
    statistic: Statistic,
    index: int,
    edge: int | None,
    cuts: tuple[int, ...],
    band: str,
    cut: str,
) -> Draft:
    size = total(context.stratum.score.rows)
    limits = Limits(high=context.settings.analysis.crowding_ratio, unit="ratio")
    draft = Draft(
        id=context.name(name, band, cut), type=BOUNDARY_CROWDING, subject=band,
        stratum=context.stratum.logic_version, what=_WHAT[name].format(cut=cut, band=band), n=size,
        affected=("classification",), limits=limits, advice_high=_ADVICE[name],
    )  # fmt: skip
    least = context.settings.analysis.min_n_crowding
    if size < least:
        reason = f"{size} assessments are too few; it takes {least}"
        return replace(draft, reason=reason, evidence={"rows_needed": least})
    if edge is None:
        return replace(draft, reason="the cut lies between two edges of the base grid")
    rows = [row for row in context.stratum.score.rows if min(row.groups, default=index) <= index]
    near = Neighbourhood(edge, grid, cuts)
    fine = [row for row in rows if near.is_fine(row)]
    weight = sum(near.mass(row) for row in rows)
    covered = sum(near.mass(row) for row in fine)
    if weight < LEAST_MASS:
        return replace(draft, reason=f"only {weight} assessments lie within eight points of the cut")
    if covered < COVERED * weight:
        needed = near.rows_needed(rows, size, context.k, COVERED)
        reason = f"published bins near the cut are too coarse; it takes about {needed} assessments"
        return replace(draft, reason=reason, evidence={"rows_needed": needed})
    density = Density.of(fine, grid, cuts)
    measured = statistic(density, edge)
    if measured is None:
        return replace(draft, reason="the scores around the cut do not allow the fit")
    effect, phi = measured
    evidence, ceiling = _placebos(density, statistic, edge, effect)
    evidence |= {"cut": cut, "phi": phi, "covered_share": covered / weight}
    return replace(draft, effect=effect, evidence=evidence, ceiling=ceiling)


def _placebos(
    density: Density, statistic: Statistic, edge: int, effect: LogRatio
) -> tuple[dict[str, Scalar], Severity]:
    """Rank of the cut among scores that are no cut but end in the same digit; people like round numbers.

    Where at least three placebos could be measured and one shows as much as the cut, the finding is about round
    numbers, not about the cut: it can then be no more than low, and drive nothing.
    """
    found = [
        measured[0].estimate
        for place in _placebo_edges(density, edge)
        if (measured := statistic(density, place)) is not None
    ]
    above = sum(six_digits(value) >= six_digits(effect.estimate) for value in found)
    evidence: dict[str, Scalar] = {"placebo_cuts": len(found), "rank_among_placebos": above + 1}
    shared = len(found) >= LEAST_PLACEBOS and above > 0
    return evidence, "low" if shared else "high"


def _placebo_edges(density: Density, edge: int) -> Sequence[int]:
    step = PLACEBO_SPACING * density.point
    reach = math.ceil(density.bins / step)
    places = (edge + turn * step for turn in range(-reach, reach + 1) if turn)
    margin = 3 * density.point
    return [
        place
        for place in places
        if margin < place < density.bins - 1 - margin and all(abs(place - cut) >= 2 * margin for cut in density.cuts)
    ]
