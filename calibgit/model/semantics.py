"""The one meaning of a scoring config. Standard library only, so that a runtime can import it.

The functions read a config as plain JSON data (the mapping that `json.loads` gives). Rules, in order:

1. *Composite*: the weighted mean of the category scores; a category without its own weight has the weight
   `default`, and without a default it does not count.
2. *Effective flags*: the flags of one severity count only from `min_occurrences` of that severity on.
3. *Penalty*: each effective flag of severity `s` adds `deal_breaker_penalties["<s>_violation"]` (zero or less).
4. *Adjustment*: each named input adds `weight x value`, held inside `[min, max]` of that adjustment.
5. *Score*: the sum of 1, 3 and 4, held inside `score_range`, rounded to two decimals.
6. *Band*: the worst of the caps that the gates set. A gate's cap is the best band that it lets through; the last
   band lets everything through. A value that is missing (`None`) passes only where no gate asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FLAG_GATE = "max_red_flags_"
DECIMALS = 2
UNLIMITED_FLAGS = 999

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a config is applied to.

    Attributes:
        category_scores: category name to score, in the config's score range.
        confidence: 0 to 1, or None when the system does not measure it.
        flags: severity to number of red flags, or None when the system does not record flags.
        adjustments: adjustment name to raw input.
    """

    category_scores: Mapping[str, float]
    confidence: float | None = None
    flags: Mapping[str, int] | None = None
    adjustments: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a config says of an assessment: score, band, the cap of every gate family, escalation."""

    score: float
    band: str
    caps: Mapping[str, str]
    escalate: bool


@dataclass(frozen=True, slots=True)
class Gates:
    """The gate table of a config, best band first; every tuple has one entry a band.

    Attributes:
        bands: band names.
        cuts: lowest score of the band.
        confidence: lowest confidence, or None where the band does not ask.
        flags: severity to the most flags allowed, or None where the band does not ask.
    """

    bands: tuple[str, ...]
    cuts: tuple[float, ...]
    confidence: tuple[float | None, ...]
    flags: Mapping[str, tuple[int | None, ...]]


def gates(config: Config) -> Gates:
    """Read the gate table from `compatibility_thresholds`, whose order is the bands' order."""
    table: Mapping[str, Mapping[str, Any]] = config["compatibility_thresholds"]
    rows = tuple(table.values())
    severities = sorted({key.removeprefix(FLAG_GATE) for row in rows for key in row if key.startswith(FLAG_GATE)})
    return Gates(
        bands=tuple(table),
        cuts=tuple(float(row["min_score"]) for row in rows),
        confidence=tuple(row.get("min_confidence") for row in rows),
        flags={severity: tuple(row.get(FLAG_GATE + severity) for row in rows) for severity in severities},
    )


def composite(config: Config, category_scores: Mapping[str, float]) -> float:
    """Rule 1. Without any weighted category the result is the lowest score of the range."""
    weights: Mapping[str, float] = config["category_weights"]
    default = weights.get("default", 0.0)
    pairs = [(float(weights.get(name, default)), float(score)) for name, score in sorted(category_scores.items())]
    total = math.fsum(weight for weight, _ in pairs)
    if total <= 0:
        return float(config["score_range"]["min"])
    return math.fsum(weight * score for weight, score in pairs) / total


def effective_flags(config: Config, flags: Mapping[str, int]) -> dict[str, int]:
    """Rule 2: severity to counting flags, without zeros."""
    table: Mapping[str, Mapping[str, Any]] = config["red_flag_severity_thresholds"]
    kept = {name: n for name, n in flags.items() if n >= table.get(name, {}).get("min_occurrences", 1)}
    return {name: n for name, n in kept.items() if n > 0}


def penalty(config: Config, flags: Mapping[str, int]) -> float:
    """Rule 3, on effective flags: zero or less."""
    table: Mapping[str, float] = config["deal_breaker_penalties"]
    return math.fsum(n * float(table.get(f"{name}_violation", 0)) for name, n in sorted(flags.items()))


def adjustment(config: Config, inputs: Mapping[str, float]) -> float:
    """Rule 4. An input without an adjustment of its name adds nothing."""
    table: Mapping[str, Mapping[str, float]] = config["scoring_adjustments"]
    terms = [
        min(max(float(rule["weight"]) * float(inputs[name]), float(rule["min"])), float(rule["max"]))
        for name, rule in sorted(table.items())
        if name in inputs
    ]
    return math.fsum(terms)


def score(config: Config, assessment: Assessment) -> float:
    """Rule 5."""
    flags = effective_flags(config, assessment.flags or {})
    total = math.fsum(
        (
            composite(config, assessment.category_scores),
            penalty(config, flags),
            adjustment(config, assessment.adjustments),
        )
    )
    low, high = float(config["score_range"]["min"]), float(config["score_range"]["max"])
    return round(min(max(total, low), high), DECIMALS)


def score_cap(table: Gates, value: float) -> int:
    """Index of the best band that a score reaches."""
    return _first(value >= cut for cut in table.cuts[:-1])


def confidence_cap(table: Gates, value: float | None) -> int:
    """Index of the best band that a confidence reaches."""
    return _first(limit is None or (value is not None and value >= limit) for limit in table.confidence[:-1])


def flag_cap(table: Gates, flags: Mapping[str, int] | None) -> int:
    """Index of the best band that the effective flags reach, the worst over severities."""
    return max(
        (
            _first(limit is None or (flags is not None and flags.get(severity, 0) <= limit) for limit in limits[:-1])
            for severity, limits in table.flags.items()
        ),
        default=0,
    )


def _first(passes: Iterable[bool]) -> int:
    count = 0
    for passed in passes:
        if passed:
            return count
        count += 1
    return count


def band_index(table: Gates, value: float, confidence: float | None, flags: Mapping[str, int] | None) -> int:
    """Rule 6, on effective flags: 0 is the best band."""
    return max(score_cap(table, value), confidence_cap(table, confidence), flag_cap(table, flags))


def evaluate(config: Config, assessment: Assessment) -> Verdict:
    """Rules 1 to 6 on one assessment."""
    table = gates(config)
    flags = None if assessment.flags is None else effective_flags(config, assessment.flags)
    value = score(config, assessment)
    caps = {
        "score": score_cap(table, value),
        "confidence": confidence_cap(table, assessment.confidence),
        "flags": flag_cap(table, flags),
    }
    severities: Mapping[str, Mapping[str, Any]] = config["red_flag_severity_thresholds"]
    return Verdict(
        score=value,
        band=table.bands[max(caps.values())],
        caps={name: table.bands[index] for name, index in caps.items()},
        escalate=any(severities.get(name, {}).get("auto_escalate", False) for name in flags or {}),
    )


def faults(config: Config) -> list[str]:
    """What makes the gate table meaningless, in plain words; an empty list means it is sound.

    Sound means: cuts fall strictly, the last band starts at the bottom of the range and asks for nothing else,
    and every other gate is at least as strict in a better band. Only then is a band the worst of its caps.
    """
    table = gates(config)
    low, high = config["score_range"]["min"], config["score_range"]["max"]
    found: list[str] = []
    if low >= high:
        found.append(f"score_range: min {low} is not below max {high}")
    for better, worse, above, below in zip(table.bands, table.bands[1:], table.cuts, table.cuts[1:], strict=False):
        if above <= below:
            found.append(f"{better}.min_score {above:g} is not above {worse}.min_score {below:g}")
    found += [
        f"{band}.min_score {cut:g} lies outside the score range {low:g} to {high:g}"
        for band, cut in zip(table.bands, table.cuts, strict=True)
        if not low <= cut <= high
    ]
    if table.cuts and table.cuts[-1] > low:
        found.append(f"{table.bands[-1]}.min_score {table.cuts[-1]:g} leaves scores from {low:g} without a band")
    found += _gate_order(table.bands, "min_confidence", [None if c is None else -c for c in table.confidence])
    for severity, limits in table.flags.items():
        found += _gate_order(table.bands, FLAG_GATE + severity, limits)
    return found


def _gate_order(bands: Sequence[str], gate: str, limits: Sequence[float | None]) -> list[str]:
    bounds = [math.inf if limit is None else limit for limit in limits]
    found = [
        f"{worse}.{gate} is stricter than {better}.{gate}"
        for better, worse, above, below in zip(bands, bands[1:], bounds, bounds[1:], strict=False)
        if above > below
    ]
    last = bounds[-1]
    open_ended = last == math.inf or (gate == "min_confidence" and last >= 0) or last >= UNLIMITED_FLAGS
    if not open_ended:
        found.append(f"{bands[-1]}.{gate} keeps some assessments out of every band")
    return found
