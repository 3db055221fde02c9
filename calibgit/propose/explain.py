"""The argument for moved cuts: changes with impact, flow, prediction and rollback trigger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from calibgit.model import semantics
from calibgit.model.proposal import (
    Change,
    Decision,
    Flow,
    Impact,
    Prediction,
    RollbackTrigger,
    SearchRecord,
)
from calibgit.model.report import Finding
from calibgit.model.rounding import percent, six_digits
from calibgit.model.settings import Line
from calibgit.model.snapshot import Stratum
from calibgit.propose.drivers import CROWDING, Drivers
from calibgit.propose.fairness import fairness
from calibgit.propose.flow import flow, impact, share_bounds
from calibgit.propose.paths import BANDS, MIN_SCORE, cut_path, plain, with_values

LEVEL = 0.9
_Z = 1.6448536269514722
_Z_TRIGGER = 3.0


def with_cuts(config_data: Mapping[str, Any], cuts: Mapping[str, float]) -> dict[str, Any]:
    """The config with other cuts, by band."""
    return with_values(config_data, {(BANDS, band, MIN_SCORE): plain(cut) for band, cut in cuts.items()})


def accepted(
    *,
    stratum: Stratum,
    config_data: Mapping[str, Any],
    cuts: Sequence[float],
    drivers: Drivers,
    settings: Line,
    reason: str,
    search: SearchRecord,
) -> Decision:
    """The decision for moved cuts; `cuts` has one value a band but the last."""
    old = semantics.gates(config_data)
    moved = {band: cut for band, cut, was in zip(old.bands, cuts, old.cuts[:-1], strict=False) if cut != was}
    new = semantics.gates(with_cuts(config_data, moved))
    changes = []
    for band, cut in moved.items():
        finding = drivers.by_cut[old.bands.index(band)]
        alone = semantics.gates(with_cuts(config_data, {band: cut}))
        effect = impact(stratum, old, alone)
        changes.append(
            Change(
                path=cut_path(band),
                old=plain(old.cuts[old.bands.index(band)]),
                new=plain(cut),
                finding=finding.id,
                rationale=_rationale(finding),
                impact=effect,
                impact_note=impact_words(effect),
                affected_components=settings.affects,
            )
        )
    found = flow(stratum, old, new)
    predicted = predictions(found, stratum.logic_version)
    return Decision(
        changes=tuple(changes),
        reason=reason,
        flow=(found,),
        fairness=fairness(stratum, old, new),
        search=search,
        prediction=predicted,
        rollback_trigger=trigger(found, predicted, settings),
    )


def _rationale(finding: Finding) -> str:
    aim = (
        "The cut moves away from the pile, so that small score errors decide fewer bands."
        if finding.type == CROWDING
        else "The cut moves so that the share of the band comes closer to its range."
    )
    return f"{finding.description} {aim}"


def impact_words(effect: Impact) -> str:
    """The impact in words."""
    size = max(effect.n, 1)
    if effect.exact:
        return f"exact: {effect.moved_low} of {effect.n} change band ({percent(effect.moved_low / size)})"
    return (
        f"between {effect.moved_low} and {effect.moved_high} of {effect.n} change band "
        f"({percent(effect.moved_low / size)} to {percent(effect.moved_high / size)}); published cells are coarser"
    )


def predictions(found: Flow, version: str) -> tuple[Prediction, ...]:
    """Share of every moved band in a next window of the same size, with a 90% interval.

    The interval holds sampling of this window and of the next one; where the flow is an interval, it spans it.
    """
    touched = {cell.source for cell in found.cells if cell.source != cell.target}
    touched |= {cell.target for cell in found.cells if cell.source != cell.target}
    order = dict.fromkeys(band for cell in found.cells for band in (cell.source, cell.target))
    result = []
    for band in (band for band in order if band in touched):
        _, _, low, high = share_bounds(found, band)
        result.append(
            Prediction(
                metric=f"class_share:{band}",
                stratum=version,
                point=six_digits((low + high) / 2),
                lower=six_digits(max(0.0, low - _Z * _error(low, found.n))),
                upper=six_digits(min(1.0, high + _Z * _error(high, found.n))),
                level=LEVEL,
            )
        )
    return tuple(result)


def _error(share: float, n: int) -> float:
    return math.sqrt(2 * share * (1 - share) / max(n, 1))


def trigger(found: Flow, predicted: Sequence[Prediction], settings: Line) -> RollbackTrigger | None:
    """Roll back when the band that gains most gains three standard errors more than was predicted."""

    def gain(prediction: Prediction) -> float:
        before_low, before_high, _, _ = share_bounds(found, prediction.metric.removeprefix("class_share:"))
        return six_digits(prediction.point - (before_low + before_high) / 2)

    if not predicted:
        return None
    most = max(predicted, key=gain)
    _, _, _, high = share_bounds(found, most.metric.removeprefix("class_share:"))
    return RollbackTrigger(
        metric=most.metric,
        bound=six_digits(min(1.0, high + _Z_TRIGGER * _error(high, found.n))),
        direction="above",
        min_n=settings.analysis.min_n,
    )
