"""Decision consistency: how many people would get the same band again, by what scores and categories tell.

It judges the scores, not a cut: moving a cut moves the doubt. The report says how many assessments lie where the other
side of each cut is likely.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.analyze.effects import Asymptotic
from calibgit.analyze.reliability import Consistency, Histogram, agreement, alpha, consistency, error_of_alpha
from calibgit.model.published import all_edges, measured, spread_masses
from calibgit.model.report import Scalar
from calibgit.model.snapshot import GridSpec, Stratum

DECISION_CONSISTENCY = "decision_consistency"
METHOD = "livingston-lewis"


def decision_consistency(context: Context) -> list[Draft]:
    """One finding: the chance of the same band again. Only for the config under review."""
    gates, stratum = context.gates, context.stratum
    if gates is None:
        return []
    limits = Limits.rate(context.settings.analysis.decision_consistency)
    topic = Topic(
        context.name("consistency", "bands"), DECISION_CONSISTENCY, "bands",
        "The chance that a second assessment gives the same band", ("classification", "scoring"),
        advice_low="Many bands would be others at a second look. Ask for more evidence near the cuts, or use fewer "
        "bands; no cut cures this.",
    )  # fmt: skip
    grid, cuts = stratum.score.grid, gates.cuts[:-1]
    if stratum.score.status != "present" or grid is None:
        return [unpublished(context, topic, stratum.score.status)]
    if stratum.moments.status != "present":
        return [unpublished(context, topic, stratum.moments.status)]
    histogram = histogram_of(stratum, grid)
    least = context.settings.analysis.min_n_crowding
    if histogram.n < least:
        reason = f"{histogram.n} scores are too few; it takes {least}"
        return [judge(context, topic, None, limits, reason=reason, n=histogram.n)]
    reliability = alpha(stratum.moments, context.config["category_weights"])
    places = [place(grid, cut) for cut in reversed(cuts)]
    found = None if reliability is None else consistency(histogram, places, reliability)
    if reliability is None or found is None:
        reason = "scores or categories do not vary, or fewer than two categories have a weight"
        return [judge(context, topic, None, limits, reason=reason, n=histogram.n)]
    error = _error(histogram, places, reliability, found, stratum)
    evidence = _evidence(histogram, places, reliability, found, cuts)
    draft = judge(context, topic, None, limits, n=histogram.n, evidence=evidence)
    effect = Asymptotic(found.overall, math.hypot(found.error, error), METHOD, 0.0, 1.0)
    return [replace(draft, effect=effect, reason="")]


def histogram_of(stratum: Stratum, grid: GridSpec) -> Histogram:
    """The published scores of all caps together, in the finest cells of any; wider ones are spread."""
    rows = measured(stratum.score.rows)
    edges = all_edges(rows, grid.bins)
    counts = spread_masses(rows, edges)
    if grid.bins - 1 in edges[1:-1]:  # the best score has a bin alone
        edges, counts = (*edges[:-2], edges[-1]), (*counts[:-2], counts[-2] + counts[-1])
    return Histogram(tuple(place(grid, grid.value(edge)) for edge in edges), counts)


def place(grid: GridSpec, score: float) -> float:
    """A score as a share of the range, 0 to 1; above the highest bin it is 1."""
    low, high = grid.value(0), grid.value(grid.bins - 1)
    return min(max((score - low) / (high - low), 0.0), 1.0)


def _error(
    histogram: Histogram, places: Sequence[float], reliability: float, here: Consistency, stratum: Stratum
) -> float:
    """What the error of the reliability adds, by its slope."""
    step = error_of_alpha(reliability, stratum.moments.n, len(stratum.moments.categories))
    near = agreement(histogram, places, max(reliability - step, 0.0))
    return 0.0 if near is None else abs(here.overall - near[-1])


def _evidence(
    histogram: Histogram, places: Sequence[float], reliability: float, found: Consistency, cuts: Sequence[float]
) -> dict[str, Scalar]:
    constant = agreement(histogram, places, reliability, "constant")
    flips = {f"flips_at_{cut:g}": 1 - p for cut, p in zip(reversed(cuts), found.by_cut, strict=True)}
    return {
        "reliability_at_least": reliability,
        **flips,
        **({} if constant is None else {"with_an_error_alike_for_all": constant[-1]}),
    }
