"""A finding before the report knows how many tests share the error budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from calibgit.analyze.effects import Difference, Effect, Rate
from calibgit.model import semantics
from calibgit.model.blocks import Presence
from calibgit.model.history import PastWindow
from calibgit.model.report import Finding, Scalar, Severity
from calibgit.model.settings import Line, Range
from calibgit.model.snapshot import Stratum

Unit = Literal["rate", "ratio", "difference", "association"]
Grade = Literal["ok", "watch", "breach"]
FACTS: Mapping[Grade, Severity] = {"ok": "info", "watch": "low", "breach": "critical"}
MAJOR = 2.0
MAJOR_ASSOCIATION = 0.2


@dataclass(frozen=True, slots=True)
class Context:
    """What every family of findings sees: one stratum, the limits, and the config where it is under review.

    Attributes:
        gates: gate table of the config under review; None for any other stratum.
        k: smallest published count.
        before: the same stratum of the previous, disjoint window.
        history: earlier disjoint windows of the version under review, oldest first.
    """

    stratum: Stratum
    bands: tuple[str, ...]
    settings: Line
    k: int
    gates: semantics.Gates | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    before: Stratum | None = None
    before_note: str = "no previous snapshot was given"
    history: tuple[PastWindow, ...] = ()

    def rate(self, k_low: int, k_high: int, n: int, indicator: str = "") -> Rate:
        """A rate, with the design effect of an indicator where subjects repeat and it is published.

        An indicator without one of its own (too rare to publish) gets the largest of all.
        """
        effects = self.stratum.design.effects
        found = effects.get(indicator) if indicator else None
        if found is None:
            found = max(effects.values(), default=100)
        return Rate(k_low, k_high, n, max(found, 100) / 100)

    def name(self, *parts: str) -> str:
        """Stable id; a stratum that is not under review carries its version."""
        suffix = "" if self.gates is not None else f"@{self.stratum.logic_version}"
        return ":".join(parts) + suffix


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an effect may lie, ends included, and where a breach becomes major. None is unlimited."""

    low: float | None = None
    high: float | None = None
    unit: Unit = "rate"

    @classmethod
    def rate(cls, given: Range) -> Limits:
        """The limits of a rate."""
        return cls(given.min, given.max)

    @property
    def major_low(self) -> float | None:
        """Below it a breach is high: odds halved, a difference doubled, gamma 0.2 less."""
        return None if self.low is None else _major(self.low, self.unit, above=False)

    @property
    def major_high(self) -> float | None:
        """Above it a breach is high: odds or a difference doubled, a ratio squared."""
        return None if self.high is None else _major(self.high, self.unit, above=True)


def _major(limit: float, unit: Unit, *, above: bool) -> float:
    if unit == "ratio":
        return math.pow(limit, MAJOR)
    if unit == "difference":
        return limit * MAJOR
    if unit == "association":
        return limit + (MAJOR_ASSOCIATION if above else -MAJOR_ASSOCIATION)
    if limit >= 1:
        return 1.0
    odds = limit / (1 - limit) * (MAJOR if above else 1 / MAJOR)
    return odds / (1 + odds)


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding with its effect. Without an effect it is not assessable, for `reason`.

    Attributes:
        what: noun phrase of what is measured, starting a sentence.
        advice_high: what to do when the effect is above its limits; `advice_low` below.
        ceiling: most severe grade that evidence outside the test allows.
    """

    id: str
    type: str
    subject: str
    stratum: str
    what: str
    n: int
    affected: tuple[str, ...]
    effect: Effect | None = None
    limits: Limits = Limits()
    advice_high: str = ""
    advice_low: str = ""
    reason: str = ""
    evidence: Mapping[str, Scalar] = field(default_factory=dict)
    ceiling: Severity = "high"


@dataclass(frozen=True, slots=True)
class Topic:
    """The words of a rate's finding."""

    id: str
    type: str
    subject: str
    what: str
    affected: tuple[str, ...]
    advice_high: str = ""
    advice_low: str = ""


def judge(
    context: Context,
    topic: Topic,
    effect: Effect | None,
    limits: Limits,
    *,
    reason: str = "",
    n: int | None = None,
    evidence: Mapping[str, Scalar] | None = None,
) -> Draft:
    """An effect, judged only on enough assessments and against a limit that exists.

    Without `n` those of a rate or a difference of rates are taken.
    """
    size = n if n is not None else (effect.n if isinstance(effect, Rate | Difference) else 0)
    found = dict(evidence or {})
    least = context.settings.analysis.min_n
    if effect is not None and size < least:
        reason = f"{size} assessments are too few; it takes {least}"
        found["rows_needed"] = math.ceil(least * context.stratum.n / max(size, 1)) if size else least
        effect = None
    elif effect is not None and limits.low is None and limits.high is None:
        reason = "no limit is set for it in calibgit.toml"
        effect = None
    if isinstance(effect, Rate) and effect.k_low != effect.k_high:
        found |= {"count_at_least": effect.k_low, "count_at_most": effect.k_high}
    elif isinstance(effect, Rate):
        found["count"] = effect.k_low
    return Draft(
        id=topic.id, type=topic.type, subject=topic.subject, stratum=context.stratum.logic_version,
        what=topic.what, n=size, affected=topic.affected, effect=effect, limits=limits,
        advice_high=topic.advice_high, advice_low=topic.advice_low, reason=reason, evidence=found,
    )  # fmt: skip


def unpublished(context: Context, topic: Topic, status: Presence) -> Draft:
    """The one finding of a role that is not mapped, or whose counts may not leave the private snapshot."""
    words = {"absent": "absent: the source does not have it", "withheld": "withheld by disclosure control"}
    return judge(context, topic, None, Limits(), reason=words[status], evidence={"role": status})


def fact(
    context: Context,
    topic: Topic,
    *,
    grade: Grade,
    description: str,
    recommendation: str,
    evidence: Mapping[str, Scalar] | None = None,
) -> Finding:
    """What no test says: it holds, it should be watched, or it does not hold. No error budget is spent on it."""
    return Finding(
        id=topic.id,
        type=topic.type,
        subject=topic.subject,
        stratum=context.stratum.logic_version,
        severity=FACTS[grade],
        status=grade,
        description=description,
        evidence={"n": context.stratum.n, **(evidence or {})},
        recommendation=recommendation,
        affected_components=topic.affected,
    )
