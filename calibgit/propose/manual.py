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
from calibgit.model.estimate import WeightEstimate
from calibgit.model.proposal import Change, Decision, Fairness, HeldOut, Impact, Neighbour
from calibgit.model.report import Scalar
from calibgit.model.rounding import percent
from calibgit.model.settings import Line
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from calibgit.propose.board import Board
from calibgit.propose.by_hand import Ground, effect_of
from calibgit.propose.candidates import policy_space
from calibgit.propose.expected import basis, predictions, trigger
from calibgit.propose.fairness import fairness
from calibgit.propose.gates_flow import Moves, moves
from calibgit.propose.paths import locate, paths, value_at, with_values
from calibgit.propose.sensitivity import sensitivity
from calibgit.propose.weights import weight_estimate

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

    Cuts and the gates of confidence and flags get a flow matrix, exact or bounded; where several families move, Frechet
    bounds. Weights get an estimate, rules of flags what they count. What remains without a number says why. Limits of
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
    ground = Ground(config_data, settings, stratum, snapshot.privacy.threshold if snapshot is not None else 1)
    changes = tuple(_change(ground, keys[path], path, assignments[path], reason) for path in keys)
    kinds = {ground.kind(keys[path], assignments[path]) for path in keys} - {"none", "escalation"}
    bare = Decision(changes=changes, reason=reason.strip(), fairness=_fairness(changes, stratum), held_out=BY_HAND)
    if "weight" in kinds:
        estimate = weight_estimate(stratum, config_data, changed)
        if kinds - {"weight", "cut"}:
            estimate = WeightEstimate(status="not_assessable", reason="other knobs than cuts change with the weights")
        return bare.model_copy(update={"estimate": estimate})
    if stratum is None or not kinds or kinds - {"cut", "gate"}:
        return bare
    found = moves(stratum, config_data, changed, ground.k)
    if isinstance(found, str):
        return bare.model_copy(update={"reason": f"{bare.reason} Who moves is not known: {found}."})
    return _moved(bare, ground, stratum, changed, found)


def _moved(bare: Decision, ground: Ground, stratum: Stratum, changed: Mapping[str, Any], found: Moves) -> Decision:
    """The decision with who moves where, and what follows from it."""
    old, new = semantics.gates(ground.data), semantics.gates(changed)
    only_cuts = (old.confidence, old.flags) == (new.confidence, new.flags)
    known = basis(found.flow, stratum)
    predicted = predictions(found.flow, known)
    notes = [bare.reason, *_beyond(ground.settings, found.impact, old, new)]
    update: dict[str, Any] = {
        "reason": " ".join(notes),
        "flow": (found.flow,),
        "sensitivity": _beside(stratum, ground.settings, old, new) if only_cuts else (),
        "prediction": predicted,
        "rollback_trigger": trigger(found.flow, known, predicted, ground.settings),
    }
    if only_cuts and old.cuts != new.cuts:
        update["fairness"] = fairness(stratum, old, new)
    return bare.model_copy(update=update)


def _beside(stratum: Stratum, settings: Line, old: semantics.Gates, new: semantics.Gates) -> tuple[Neighbour, ...]:
    """The cuts beside the chosen ones, with the policy's violation where all other cuts lie on the grid."""
    board = Board.of(stratum, old)
    if board is None:
        return ()
    space = policy_space(board, stratum, old, settings, [edge or 0 for edge in board.cuts])
    return sensitivity(stratum, old, new, board, space)


def _fairness(changes: Sequence[Change], stratum: Stratum | None) -> Fairness:
    """What can be said of groups where no cut moves, or nothing was counted."""
    reason = "groups are published by score, and other knobs than cuts change"
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


def _change(ground: Ground, keys: tuple[str, ...], path: str, value: Scalar, reason: str) -> Change:
    effect = effect_of(ground, keys, value)
    return Change(
        path=path,
        old=value_at(ground.data, keys),
        new=value,
        rationale=reason.strip(),
        impact=effect.impact,
        impact_note=effect.note,
        what_if=effect.what_if,
        affected_components=ground.settings.affects,
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
