"""What a collection must count, row by row in plain Python, without SQL. Slow, and easy to check by reading."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from calibgit.collect.plan import make_plan
from calibgit.engine.relations import CONFLICT_KEY, NO, YES, Plan
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import MISSING, OTHER, TimeWindow

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)([T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.\d+)?(Z|[-+](?:0\d|1[0-4]):[0-5]\d)?"
)
Counts = Counter[tuple[str, str, tuple[str, ...], int | None]]
Outcome = {"1": "1", "1.0": "1", "true": "1", "t": "1", "0": "0", "0.0": "0", "false": "0", "f": "0"}


def number(value: Any) -> float | None:
    """None when missing, infinity when it is not a finite number."""
    if value is None or value == "null" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else math.inf
    return float(value)


def document(text: Any) -> Any:
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def moment(value: Any) -> dt.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
        found = MOMENT.fullmatch(value)
        if found is None:
            return None
        zone = (found[3] or "Z").replace("Z", "+00:00")
        return dt.datetime.fromisoformat(found[1] + "T" + found[2][1:] + zone).astimezone(dt.UTC)
    except ValueError:
        return None


def word(value: Any) -> str | None:
    if value is None or value == "null":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def fixed(value: float, scale: int) -> int:
    return math.floor(value * scale + 0.5)


def unit_value(value: float | None, scale: int) -> tuple[str, int | None]:
    if value is None:
        return "missing", None
    if not 0 <= value <= 1:
        return "invalid", None
    return "ok", fixed(value, scale)


class Reference:
    """One pass over rows given as role to raw value."""

    def __init__(self, settings: Line, config: Mapping[str, Any], version: str, window: TimeWindow) -> None:
        self.plan: Plan = make_plan("scoring", settings, config, version, window)
        self.config = config
        self.counts: Counts = Counter()
        self.totals: Counter[tuple[str, str]] = Counter()

    def add_all(self, rows: Iterable[Mapping[str, Any]]) -> Reference:
        for row in rows:
            self.add(row)
        return self

    def add(self, row: Mapping[str, Any]) -> None:
        plan = self.plan
        version = word(row.get("logic_version"))
        stratum = version if version in plan.versions else OTHER
        at = moment(row.get("created_at"))
        if at is None:
            self.counts["dropped", stratum, ("time_unreadable",), None] += 1
            return
        start, end = (dt.datetime.fromisoformat(text) for text in (plan.window.start, plan.window.end))
        if not start <= at < end:
            return
        score = number(row.get("score"))
        low, high = (float(self.config["score_range"][name]) for name in ("min", "max"))
        if score is None or not low <= score <= high:
            reason = "missing" if score is None else "outside" if math.isfinite(score) else "invalid"
            self.counts["dropped", stratum, (f"score_{reason}",), None] += 1
            return
        self._count(stratum, row, fixed(score, plan.score.scale))

    def _count(self, stratum: str, row: Mapping[str, Any], score: int) -> None:
        plan, counts = self.plan, self.counts
        state, confidence = unit_value(number(row.get("confidence")), plan.confidence.scale)
        flags = document(row.get("flags"))
        flags = flags if isinstance(flags, list) else None
        cap, implied = self._judge(score, confidence, flags)
        raw_label = word(row.get("label"))
        label = MISSING if raw_label is None else plan.labels.get(raw_label, OTHER)
        bin_ = None if confidence is None else confidence // plan.confidence.step
        raw_outcome = word(row.get("outcome"))
        outcome = "pending" if raw_outcome is None else Outcome.get(ascii_lower(raw_outcome), "invalid")
        counts["score", stratum, (str(cap),), (score - plan.score.min) // plan.score.step] += 1
        counts["implied", stratum, (str(implied),), None] += 1
        counts["label", stratum, (label,), None] += 1
        counts["conformance", stratum, (label, str(implied)), None] += 1
        counts["confidence", stratum, (label, state), bin_] += 1
        counts["outcome", stratum, (outcome, state), bin_] += 1
        self._flags(stratum, flags)
        self._words(stratum, row)
        self._categories(stratum, document(row.get("category_scores")))

    def _judge(self, score: int, confidence: int | None, flags: list[Any] | None) -> tuple[int, int]:
        table = semantics.gates(self.config)
        effective = None
        if flags is not None:
            severities = [self._text(flag, "severity") for flag in flags]
            effective = semantics.effective_flags(self.config, Counter(s for s in severities if s is not None))
        value = None if confidence is None else confidence / self.plan.confidence.scale
        cap = max(semantics.confidence_cap(table, value), semantics.flag_cap(table, effective))
        return cap, semantics.band_index(table, score / self.plan.score.scale, value, effective)

    @staticmethod
    def _text(flag: Any, name: str) -> str | None:
        value = flag.get(name) if isinstance(flag, dict) else None
        return value if isinstance(value, str) else None

    def _flags(self, stratum: str, flags: list[Any] | None) -> None:
        plan, counts = self.plan, self.counts
        if flags is None:
            counts["severity", stratum, (MISSING,), None] += 1
            return
        counts["flags_known", stratum, (), None] += 1
        types = [self._text(flag, "type") for flag in flags]
        for key in {MISSING if t is None else t if t in plan.flag_types else OTHER for t in types}:
            counts["flag_type", stratum, (key,), None] += 1
        found = {self._text(flag, "severity") for flag in flags}
        worst = next((s for s in plan.severities if s in found), OTHER if flags else "none")
        counts["severity", stratum, (worst,), None] += 1

    def _words(self, stratum: str, row: Mapping[str, Any]) -> None:
        plan, counts = self.plan, self.counts
        reason = ascii_lower(word(row.get("escalation")) or "")
        classes = [c.name for c in plan.settings.vocabulary.escalation if ascii_lower(c.contains) in reason]
        counts["escalation", stratum, ("none" if not reason else [*classes, "other"][0],), None] += 1
        tier = word(row.get("tier"))
        counts["tier", stratum, (MISSING if tier is None else tier if tier in plan.tiers else OTHER,), None] += 1
        enough = ascii_lower(word(row.get("sufficiency")) or "")
        counts["sufficiency", stratum, ("yes" if enough in YES else "no" if enough in NO else MISSING,), None] += 1
        raw = row.get("conflict")
        density = number(raw)
        if isinstance(raw, str) and raw.startswith("{"):
            inside = document(raw)
            value = inside.get(CONFLICT_KEY) if isinstance(inside, dict) else None
            density = math.inf if isinstance(value, (str, bool, list, dict)) else number(value)
        state, units = unit_value(density, plan.conflict.scale)
        counts["conflict", stratum, (state,), None if units is None else units // plan.conflict.step] += 1

    def _categories(self, stratum: str, scores: Any) -> None:
        low, high = (float(self.config["score_range"][name]) for name in ("min", "max"))
        for name, value in scores.items() if isinstance(scores, dict) else ():
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
            if name in self.plan.categories and good:
                self.counts["category", stratum, (name,), None] += 1
                self.totals[stratum, name] += fixed(float(value), self.plan.score.scale)
