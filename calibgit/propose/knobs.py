"""Which knobs have an effect. A knob that `semantics` never reads is descriptive, whatever its name promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.model.semantics import FLAG_GATE
from calibgit.model.settings import Vocabulary
from calibgit.propose.paths import BANDS, MIN_SCORE

_PENALTY = "_violation"
_NOTES = {
    "category_weights": "not estimated: a weight changes every score, and published counts do not say how far",
    "deal_breaker_penalties": "not estimated: a penalty changes scores of assessments with flags",
    "red_flag_severity_thresholds": "not estimated: it changes which flags count, or whether they escalate",
    "scoring_adjustments": "not estimated: an adjustment changes scores by an input that is not counted",
    "score_range": "not estimated: the range clips scores",
    BANDS: "not estimated: published counts hold this gate's cap only under its present value",
}
_DESCRIPTIVE = "descriptive: no assessment is scored, classified or escalated differently"


def cut_band(data: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """The band whose cut `keys` names, or None."""
    if len(keys) == 3 and keys[0] == BANDS and keys[2] == MIN_SCORE:
        return keys[1] if keys[1] in data[BANDS] else None
    return None


def reads(data: Mapping[str, Any], vocabulary: Vocabulary, keys: tuple[str, ...]) -> bool:
    """Whether an assessment in the closed vocabulary can come out differently when this value changes."""
    section, name, gate = (*keys, "", "")[:3]
    severities = vocabulary.severities
    if section == BANDS:
        severity = gate.removeprefix(FLAG_GATE)
        known = not gate.startswith(FLAG_GATE) or not severities or severity in severities
        return name != tuple(data[BANDS])[-1] and known
    if section == "category_weights":
        categories = vocabulary.categories
        if name == "default":
            return not categories or any(c not in data[section] for c in categories)
        return not categories or name in categories
    if section == "deal_breaker_penalties":
        known = not severities or name.removesuffix(_PENALTY) in severities
        return name.endswith(_PENALTY) and known
    if section == "red_flag_severity_thresholds":
        return not severities or name in severities
    return section in {"scoring_adjustments", "score_range"}


def note_of(data: Mapping[str, Any], vocabulary: Vocabulary, keys: tuple[str, ...]) -> str:
    """What can honestly be said of a change without counting."""
    if not reads(data, vocabulary, keys):
        return _DESCRIPTIVE
    if cut_band(data, keys) is not None:
        return "not estimated: no snapshot of this config was given"
    return f"{_NOTES[keys[0]]}; approve only after a shadow run"
