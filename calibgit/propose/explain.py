"""The argument for moved cuts: changes with impact, flow, prediction and rollback trigger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibgit.model import semantics
from calibgit.model.proposal import (
    Change,
    Decision,
    HeldOut,
    Impact,
    SearchRecord,
)
from calibgit.model.report import Finding
from calibgit.model.rounding import percent
from calibgit.model.settings import Line
from calibgit.model.snapshot import Stratum
from calibgit.propose.drivers import CROWDING, Drivers
from calibgit.propose.expected import Basis, basis, predictions, trigger
from calibgit.propose.fairness import fairness
from calibgit.propose.flow import flow, impact
from calibgit.propose.folds import Folds
from calibgit.propose.paths import BANDS, MIN_SCORE, cut_path, plain, with_values
from calibgit.propose.sensitivity import sensitivity
from calibgit.propose.space import Space


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
    held: tuple[Folds | None, HeldOut],
    tuned: Space,
) -> Decision:
    """The decision for moved cuts; `cuts` has one value a band but the last.

    What is predicted comes from the fold that was held out, where there is one.
    """
    old = semantics.gates(config_data)
    moved = {band: cut for band, cut, was in zip(old.bands, cuts, old.cuts[:-1], strict=False) if cut != was}
    new = semantics.gates(with_cuts(config_data, moved))
    found = flow(stratum, old, new)
    fold, record = held
    known = basis(found, stratum)
    if fold is not None:
        kept, rest = flow(fold.split, old, new), flow(fold.unsplit, old, new)
        known = Basis(kept, found.n, stratum, rest, rest.n / max(found.n, 1))
        moves = impact(fold.split, old, new)
        record = record.model_copy(update={"moved_low": moves.moved_low, "moved_high": moves.moved_high})
    predicted = predictions(found, known)
    return Decision(
        changes=_changes(stratum, config_data, moved, drivers, settings),
        reason=reason,
        flow=(found,),
        fairness=fairness(stratum, old, new),
        search=search,
        sensitivity=sensitivity(stratum, old, new, tuned.board, tuned),
        held_out=record,
        prediction=predicted,
        rollback_trigger=trigger(found, known, predicted, settings),
    )


def _changes(
    stratum: Stratum, config_data: Mapping[str, Any], moved: Mapping[str, float], drivers: Drivers, settings: Line
) -> tuple[Change, ...]:
    old = semantics.gates(config_data)
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
    return tuple(changes)


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
