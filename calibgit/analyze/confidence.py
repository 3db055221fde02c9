"""Confidence alignment. With outcomes: does confidence run hot or cold? Without: does it rank with the rest?

The rest is the band that score and flags let through. The recorded label would not do: it holds the confidence gate
itself, and a label that needs 0.7 has a mean above 0.7 whatever the confidence is worth.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

from calibgit.analyze.association import goodman_kruskal
from calibgit.analyze.calibration import (
    Bin,
    brier_parts,
    concordance,
    debiased_error,
    smooth_error,
    smooth_error_by_chance,
    spiegelhalter,
)
from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.analyze.effects import Gap, Rate
from calibgit.analyze.maturity import immature
from calibgit.model.draws import standard_normals
from calibgit.model.published import measured, total
from calibgit.model.report import Scalar
from calibgit.model.snapshot import GridSpec, OutcomeCell

CONFIDENCE_ALIGNMENT = "confidence_alignment"
CELLS = 10
CHANCE = 99  # perfect scores that an error is compared with
_AFFECTED = ("confidence",)


def confidence_alignment(context: Context) -> list[Draft]:
    """Calibration where outcomes are published, else the association of confidence with the other gates' band."""
    outcome = context.stratum.outcome
    cells = [cell for cell in outcome.cells if cell.lo >= 0 and cell.n]
    if outcome.status == "present" and outcome.grid is not None and cells:
        return _calibration(context, outcome.grid, cells)
    return [_association(context)]


def _calibration(context: Context, grid: GridSpec, cells: Sequence[OutcomeCell]) -> list[Draft]:
    pending = context.stratum.outcome.pending
    groups = _tenths(cells, grid)
    evidence: dict[str, Scalar] = {"pending": pending} | _error_over_null(groups, grid) | _quality(cells, grid)
    found = [_gap(context, "overall", "Mean confidence minus the observed rate", cells, grid, evidence)]
    for group in groups:
        lo, hi = grid.value(group[0].lo), grid.value(min(group[-1].hi, grid.bins - 1))
        name = f"{lo:g}-{hi:g}"
        what = f"Confidence minus the observed rate where confidence is {lo:g} to {hi:g}"
        found.append(_gap(context, name, what, group, grid, {}))
    return found


def _tenths(cells: Sequence[OutcomeCell], grid: GridSpec) -> list[list[OutcomeCell]]:
    """Published cells pooled to tenths of the grid, so that a fine grid does not spend the error budget."""
    groups: dict[int, list[OutcomeCell]] = {}
    for cell in sorted(cells, key=lambda c: c.lo):
        tenth = min(CELLS - 1, cell.lo * CELLS // (grid.bins - 1))
        groups.setdefault(tenth, []).append(cell)
    return list(groups.values())


def _mean_bounds(cells: Sequence[OutcomeCell], grid: GridSpec) -> tuple[float, float]:
    size = sum(cell.n for cell in cells)
    low = math.fsum(cell.n * grid.value(cell.lo) for cell in cells) / size
    high = math.fsum(cell.n * grid.value(min(cell.hi, grid.bins - 1)) for cell in cells) / size
    return low, high


def _gap(
    context: Context,
    name: str,
    what: str,
    cells: Sequence[OutcomeCell],
    grid: GridSpec,
    evidence: dict[str, Scalar],
) -> Draft:
    tolerated = context.settings.analysis.confidence_gap
    limits = Limits(-tolerated, tolerated, "difference")
    topic = Topic(
        context.name("confidence", name), CONFIDENCE_ALIGNMENT, name, what, _AFFECTED,
        advice_high="Confidence runs hot: it promises more than it keeps. Recalibrate it at its source; until then "
        "read min_confidence gates as weaker than they look.",
        advice_low="Confidence runs cold: it keeps more than it promises. Recalibrate it at its source.",
    )  # fmt: skip
    size = sum(cell.n for cell in cells)
    least = context.settings.analysis.min_n
    if late := immature(context.stratum):
        return judge(context, topic, None, limits, reason=f"outcomes of {' and '.join(late)} are not in", n=size)
    if size < least:
        reason = f"{size} outcomes are too few; it takes {least}"
        return judge(context, topic, None, limits, reason=reason, n=size)
    positives = sum(cell.positives for cell in cells)
    low, high = _mean_bounds(cells, grid)
    effect = Gap(low, high, Rate(positives, positives, size))
    lower, upper = effect.observed.bounds(0.025)
    evidence = evidence | {
        "mean_confidence": (low + high) / 2,
        "observed_rate": positives / size,
        "observed_lower": lower,
        "observed_upper": upper,
    }
    draft = judge(context, topic, None, limits, n=size, evidence=evidence)
    return replace(draft, effect=effect)


def _error_over_null(groups: Sequence[Sequence[OutcomeCell]], grid: GridSpec) -> dict[str, Scalar]:
    """Expected calibration error over tenths, and what a perfect score of this size would show on average."""
    size = sum(cell.n for group in groups for cell in group)
    error = null = 0.0
    for group in groups:
        n = sum(cell.n for cell in group)
        if n == 0:
            continue
        low, high = _mean_bounds(group, grid)
        mean = (low + high) / 2
        error += n / size * abs(mean - sum(cell.positives for cell in group) / n)
        null += n / size * math.sqrt(2 / math.pi * mean * (1 - mean) / n)
    return {"calibration_error": error, "calibration_error_of_a_perfect_score": null}


def _quality(cells: Sequence[OutcomeCell], grid: GridSpec) -> dict[str, Scalar]:
    """What the whole table says of the probabilities; a cell's middle stands for everybody in it.

    The smooth error that counts as evidence is the least that the cells allow, where everybody has the confidence of
    their cell that is nearest to its rate. So a wide cell accuses nobody.
    """
    bounds = [(*_mean_bounds([cell], grid), cell) for cell in cells]
    bins = [Bin((low + high) / 2, cell.n, cell.positives) for low, high, cell in bounds]
    kind = [Bin(min(max(c.positives / c.n, low), high), c.n, c.positives) for low, high, c in bounds]
    parts = brier_parts(bins)
    seed = hashlib.sha256(repr([(b.p, b.n) for b in kind]).encode()).digest()
    chance = smooth_error_by_chance(kind, standard_normals(seed, CHANCE, len(kind)))
    least = smooth_error(kind)
    return {
        "brier_score": parts.score,
        "brier_reliability": parts.reliability,
        "brier_resolution": parts.resolution,
        "brier_uncertainty": parts.uncertainty,
        "miscalibration": parts.miscalibration,
        "discrimination": parts.discrimination,
        "concordance": concordance(bins),
        "debiased_error": debiased_error(bins),
        "smooth_error": smooth_error(bins),
        "smooth_error_at_least": least,
        "smooth_error_of_a_perfect_score": float(chance.mean()),
        "p_of_the_least_smooth_error": (1 + int((chance >= least).sum())) / (1 + CHANCE),
        "spiegelhalter_z": spiegelhalter(bins),
    }


def _association(context: Context) -> Draft:
    block = context.stratum.confidence
    limits = Limits(low=context.settings.analysis.confidence_gamma, unit="association")
    topic = Topic(
        context.name("confidence", "association"), CONFIDENCE_ALIGNMENT, "association",
        "The rank association of confidence with the band that score and flags let through", _AFFECTED,
        advice_low="Better bands come with less confidence. Record outcomes and check the confidence at its "
        "source; no cut cures this.",
    )  # fmt: skip
    if block.status != "present":
        return unpublished(context, topic, block.status)
    rows = measured(block.rows)
    size = total(rows)
    if size < context.settings.analysis.min_n:
        return judge(
            context, topic, None, limits, n=size,
            reason=f"{size} confidences are too few; it takes {context.settings.analysis.min_n}",
        )  # fmt: skip
    effect = goodman_kruskal(rows)
    evidence: dict[str, Scalar] = {"outcomes": "absent"}
    if effect is None:
        reason = "no two published cells can be ranked"
        return judge(context, topic, None, limits, n=size, reason=reason, evidence=evidence)
    draft = judge(context, topic, None, limits, n=size, evidence=evidence)
    return replace(draft, effect=effect)
