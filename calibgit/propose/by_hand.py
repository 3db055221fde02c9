"""What one change by hand does, as far as published counts say: a count, bounds, an estimate, or no number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from calibgit.model import semantics
from calibgit.model.proposal import Impact, WhatIf
from calibgit.model.report import Scalar
from calibgit.model.rounding import percent
from calibgit.model.settings import Line
from calibgit.model.snapshot import Stratum
from calibgit.propose.explain import impact_words
from calibgit.propose.gates_flow import moves
from calibgit.propose.knobs import note_of, reads
from calibgit.propose.paths import BANDS, MIN_SCORE, with_values
from calibgit.propose.weights import weight_estimate
from calibgit.propose.what_if import flags_that_count

Kind = Literal["none", "cut", "gate", "rule", "penalty", "escalation", "weight", "other"]
_SECTIONS: Mapping[str, Kind] = {"category_weights": "weight", "deal_breaker_penalties": "penalty"}


@dataclass(frozen=True, slots=True)
class Ground:
    """What changes are judged on: config, settings, counts under that config, smallest published count."""

    data: Mapping[str, Any]
    settings: Line
    stratum: Stratum | None
    k: int

    def kind(self, keys: tuple[str, ...], value: Scalar) -> Kind:
        """What a path is to an assessment: `gate` moves bands by a cap alone, `rule` moves scores as well."""
        if not reads(self.data, self.settings.vocabulary, keys):
            return "none"
        if keys[0] == BANDS:
            return "cut" if keys[-1] == MIN_SCORE else "gate"
        if keys[0] == "red_flag_severity_thresholds":
            if keys[-1] == "auto_escalate":
                return "escalation"
            changed = with_values(self.data, {keys: value})
            free = not changed["deal_breaker_penalties"].get(f"{keys[1]}_violation", 0)
            return "gate" if free else "rule"
        return _SECTIONS.get(keys[0], "other")


@dataclass(frozen=True, slots=True)
class Effect:
    """How many change band, in words, and how many have what the knob asks for."""

    impact: Impact | None
    note: str
    what_if: WhatIf | None = None


def effect_of(ground: Ground, keys: tuple[str, ...], value: Scalar) -> Effect:
    """What one change does by itself."""
    kind, stratum = ground.kind(keys, value), ground.stratum
    note = note_of(ground.data, ground.settings.vocabulary, keys)
    if kind == "none":
        return Effect(Impact(n=stratum.n if stratum else 0, moved_low=0, moved_high=0, exact=True), note)
    if stratum is None or kind == "other":
        return Effect(None, note)
    changed = with_values(ground.data, {keys: value})
    if kind == "weight":
        return Effect(None, _weight_note(stratum, ground.data, changed))
    if kind in {"cut", "gate"}:
        return _by_gates(ground, stratum, changed, _counted(ground, stratum, keys, changed))
    return _by_flags(ground, stratum, kind, note, _counted(ground, stratum, keys, changed))


def _weight_note(stratum: Stratum, data: Mapping[str, Any], changed: Mapping[str, Any]) -> str:
    found = weight_estimate(stratum, data, changed)
    if found.status == "not_assessable":
        return f"not estimated: {found.reason}; approve only after a shadow run"
    about = "" if found.moved_share is None else f": about {percent(found.moved_share)} change band"
    return f"{found.reason}{about}"


def _counted(ground: Ground, stratum: Stratum, keys: tuple[str, ...], changed: Mapping[str, Any]) -> WhatIf | None:
    """Whose flags count, for a knob of a severity."""
    if keys[0] == BANDS:
        return None
    severity = keys[1].removesuffix("_violation") if keys[0] == "deal_breaker_penalties" else keys[1]
    rules = (
        int(config["red_flag_severity_thresholds"].get(severity, {}).get("min_occurrences", 1))
        for config in (ground.data, changed)
    )
    before, after = rules
    return flags_that_count(stratum, severity, (before, after), ground.settings.vocabulary, ground.data)


def _by_gates(ground: Ground, stratum: Stratum, changed: Mapping[str, Any], counted: WhatIf | None) -> Effect:
    if semantics.faults(changed):
        return Effect(None, "not estimated alone: it has a meaning only together with the other changes", counted)
    found = moves(stratum, ground.data, changed, ground.k)
    if isinstance(found, str):
        return Effect(None, f"not estimated: {found}; approve only after a shadow run", counted)
    return Effect(found.impact, impact_words(found.impact), counted)


def _by_flags(ground: Ground, stratum: Stratum, kind: Kind, note: str, counted: WhatIf | None) -> Effect:
    """Only whose flags count, or begin or cease to, can change band by a score."""
    if kind == "escalation":
        nobody = Impact(n=stratum.n, moved_low=0, moved_high=0, exact=True)
        return Effect(nobody, "nobody changes band; it says who escalates", counted)
    if counted is None:
        return Effect(None, note)
    same = kind == "penalty"
    most = max(counted.before_high, counted.after_high)
    if not same:
        most -= min(counted.before_low, counted.after_low)
    most = min(max(most, ground.k), stratum.n) if most else 0
    found = Impact(n=stratum.n, moved_low=0, moved_high=most, exact=most == 0)
    who = "with such flags" if same else "whose flags begin or cease to count"
    return Effect(found, f"{impact_words(found)}; only those {who} can move", counted)
