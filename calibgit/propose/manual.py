"""An engineer's own change, through the same machinery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.base import schema_error
from calibgit.model.config import ScoringConfig
from calibgit.model.proposal import Change, Decision, Fairness, HeldOut, Impact, Neighbour
from calibgit.model.report import Scalar
from calibgit.model.rounding import percent
from calibgit.model.settings import Line
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from calibgit.propose.board import Board
from calibgit.propose.candidates import policy_space
from calibgit.propose.expected import basis, predictions, trigger
from calibgit.propose.explain import impact_words
from calibgit.propose.fairness import fairness
from calibgit.propose.flow import flow, impact
from calibgit.propose.knobs import cut_band, note_of, reads
from calibgit.propose.paths import locate, paths, value_at, with_values
from calibgit.propose.sensitivity import sensitivity

BY_HAND = HeldOut(status="not_held_out", reason="a person chose the values, so nothing was tuned on these counts")
_FIXED = frozenset({"schema", "logic_version"})


def decide_manual(
    snapshot: MetricsSnapshot | None,
    *,
    config_data: Mapping[str, Any],
    settings: Line,
    assignments: Mapping[str, Scalar],
    reason: str,
) -> Decision:
    """Turn `--set PATH=VALUE` into a decision.

    Cuts get the same flow matrix as a found change; other knobs get no number, and their note says why. Limits of
    the search do not bind a person, but a change beyond them says so.

    Args:
        snapshot: published counts under the config, or None.
        config_data: the config that is changed, as plain JSON.
        settings: the line's settings.
        assignments: dotted path to new value.
        reason: why the engineer wants it.

    Raises:
        UsageError: NO_REASON, UNKNOWN_PATH, FIXED_PATH, WRONG_TYPE, NO_EFFECT, BAD_VALUE or WRONG_CONFIG.
    """
    _require_words(assignments, reason)
    keys = {path: _located(config_data, path, value) for path, value in sorted(assignments.items())}
    changed = with_values(config_data, {keys[path]: assignments[path] for path in keys})
    _require_meaning(changed)
    stratum = _stratum(snapshot, config_data)
    old, new = semantics.gates(config_data), semantics.gates(changed)
    changes = tuple(
        _change(config_data, settings, stratum, keys[path], path, assignments[path], reason) for path in keys
    )
    notes = [f"{reason.strip()}"]
    if stratum is None or old.cuts == new.cuts:
        return Decision(changes=changes, reason=notes[0], fairness=_fairness(changes, stratum), held_out=BY_HAND)
    found = flow(stratum, old, new)
    known = basis(found, stratum)
    predicted = predictions(found, known)
    notes += _beyond(settings, impact(stratum, old, new), old, new)
    return Decision(
        changes=changes,
        reason=" ".join(notes),
        flow=(found,),
        fairness=fairness(stratum, old, new),
        sensitivity=_beside(stratum, settings, old, new),
        held_out=BY_HAND,
        prediction=predicted,
        rollback_trigger=trigger(found, known, predicted, settings),
    )


def _beside(stratum: Stratum, settings: Line, old: semantics.Gates, new: semantics.Gates) -> tuple[Neighbour, ...]:
    """The cuts beside the chosen ones, with the policy's violation where all other cuts lie on the grid."""
    board = Board.of(stratum, old)
    if board is None:
        return ()
    space = policy_space(board, stratum, old, settings, [edge or 0 for edge in board.cuts])
    return sensitivity(stratum, old, new, board, space)


def _fairness(changes: Sequence[Change], stratum: Stratum | None) -> Fairness:
    """What can be said of groups where no cut moves, or nothing was counted."""
    reason = "groups are published by score, and this change does not move a cut"
    if stratum is None:
        reason = "no scores of this config are published"
    if all(change.impact is not None and change.impact.moved_high == 0 for change in changes):
        reason = "nobody moves"
    return Fairness(status="not_assessable", reason=reason)


def _require_words(assignments: Mapping[str, Scalar], reason: str) -> None:
    if not reason.strip():
        raise UsageError(
            "NO_REASON",
            "a change by hand needs a reason",
            why="A reviewer has to know what it is for.",
            fix='add --reason "..."',
        )
    if not assignments:
        raise UsageError("NO_EFFECT", "no path is set", why="There is nothing to propose.", fix="add --set PATH=VALUE")


def _located(data: Mapping[str, Any], path: str, value: Scalar) -> tuple[str, ...]:
    keys = locate(data, path)
    if keys is None:
        near = get_close_matches(path, paths(data), n=1, cutoff=0.0)
        raise UsageError(
            "UNKNOWN_PATH",
            f"the config has no value at {path!r}",
            why="Only a value that exists can be changed by a proposal.",
            fix=f"did you mean {near[0]}" if near else "see calibgit show",
        )
    if path in _FIXED:
        raise UsageError(
            "FIXED_PATH",
            f"{path} cannot be set",
            why="It says which document this is; the tool sets it.",
            fix="use --version to choose the version",
        )
    old = value_at(data, keys)
    number = isinstance(old, int | float) and not isinstance(old, bool)
    fits = isinstance(value, int | float) and not isinstance(value, bool) if number else type(value) is type(old)
    if not fits and old is not None:
        raise UsageError(
            "WRONG_TYPE",
            f"{path} is a {_kind(old)}, not a {_kind(value)}",
            why="A value of another type would mean something else to a runtime.",
            fix=f"write {path}=<{_kind(old)}>",
        )
    if (value == old and type(value) is type(old)) or (number and value == old):
        raise UsageError(
            "NO_EFFECT",
            f"{path} already has that value",
            why="A change that changes nothing cannot be reviewed.",
            fix=f"leave out --set {path}",
        )
    return keys


def _kind(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _require_meaning(changed: Mapping[str, Any]) -> None:
    try:
        ScoringConfig.model_validate(changed)
    except ValidationError as error:
        words = schema_error("the changed config", error).what
    else:
        found = semantics.faults(changed)
        if not found:
            return
        words = found[0]
    raise UsageError(
        "BAD_VALUE",
        words,
        why="The changed config would not be a valid config.",
        fix="choose values that keep the bands ordered and inside their ranges",
    )


def _stratum(snapshot: MetricsSnapshot | None, data: Mapping[str, Any]) -> Stratum | None:
    if snapshot is None:
        return None
    if snapshot.config.version != data["logic_version"] or tuple(data["compatibility_thresholds"]) != snapshot.bands:
        raise UsageError(
            "WRONG_CONFIG",
            f"the snapshot was taken under config {snapshot.config.version}, not under {data['logic_version']}",
            why="Published caps have a meaning only under the config that they were counted with.",
            fix="leave out the snapshot, or collect again",
        )
    stratum = snapshot.stratum(snapshot.config.version)
    return stratum if stratum is not None and stratum.score.status == "present" else None


def _change(
    data: Mapping[str, Any],
    settings: Line,
    stratum: Stratum | None,
    keys: tuple[str, ...],
    path: str,
    value: Scalar,
    reason: str,
) -> Change:
    effect: Impact | None = None
    note = note_of(data, settings.vocabulary, keys)
    band = cut_band(data, keys)
    if not reads(data, settings.vocabulary, keys):
        size = stratum.n if stratum is not None else 0
        effect = Impact(n=size, moved_low=0, moved_high=0, exact=True)
    elif band is not None and stratum is not None:
        alone = semantics.gates(with_values(data, {keys: value}))
        effect = impact(stratum, semantics.gates(data), alone)
        note = impact_words(effect)
    return Change(
        path=path,
        old=value_at(data, keys),
        new=value,
        rationale=reason.strip(),
        impact=effect,
        impact_note=note,
        affected_components=settings.affects,
    )


def _beyond(settings: Line, effect: Impact, old: semantics.Gates, new: semantics.Gates) -> list[str]:
    limits = settings.proposal
    found = []
    if effect.moved_high > limits.max_moved_share * effect.n:
        found.append(
            f"It moves up to {percent(effect.moved_high / effect.n)}, beyond max_moved_share "
            f"{percent(limits.max_moved_share)}."
        )
    if any(abs(a - b) > limits.max_step for a, b in zip(old.cuts, new.cuts, strict=True)):
        found.append(f"A cut moves beyond max_step {limits.max_step:g}.")
    return found
