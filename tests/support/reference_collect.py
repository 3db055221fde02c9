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
from calibgit.engine.facts import NO, YES, fold_of
from calibgit.engine.plan import Plan
from calibgit.engine.relations import CONFLICT_KEY, RANKS
from calibgit.engine.tables import indicators, wanted_tables
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import ALL_STRATA, MISSING, OTHER, TimeWindow

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
    """JSON; NaN and Infinity, which Python writes, are null."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text, parse_constant=lambda _: None)
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
        self.totals: Counts = Counter()
        self._subjects: dict[tuple[str, str | None], list[Mapping[str, str]]] = {}
        self._rows: Counter[str | None] = Counter()

    def add_all(self, rows: Iterable[Mapping[str, Any]]) -> Reference:
        for row in rows:
            self.add(row)
        self._add_subjects()
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
        self._rows[word(row.get("subject"))] += 1
        score = number(row.get("score"))
        low, high = (float(self.config["score_range"][name]) for name in ("min", "max"))
        if score is None or not low <= score <= high:
            reason = "missing" if score is None else "outside" if math.isfinite(score) else "invalid"
            self.counts["dropped", stratum, (f"score_{reason}",), None] += 1
            return
        facts, bins = self._facts(row, at, fixed(score, plan.score.scale))
        for name, table in wanted_tables(plan.roles).items():
            where = None if table.bin is None else bins[table.bin]
            self.counts[name, stratum, tuple(facts[key] for key in table.keys), where] += 1
        self._flags(stratum, self._list(row))
        self._categories(stratum, row.get("category_scores"))
        self._subjects.setdefault((stratum, word(row.get("subject"))), []).append(facts)

    def _facts(
        self, row: Mapping[str, Any], at: dt.datetime, score: int
    ) -> tuple[dict[str, str], dict[str, int | None]]:
        plan, table = self.plan, semantics.gates(self.config)
        confidence_state, confidence = unit_value(number(row.get("confidence")), plan.confidence.scale)
        conflict_state, conflict = unit_value(self._density(row.get("conflict")), plan.conflict.scale)
        value = None if confidence is None else confidence / plan.confidence.scale
        caps = {
            "score": semantics.score_cap(table, score / plan.score.scale),
            "confidence": semantics.confidence_cap(table, value),
            "flags": semantics.flag_cap(table, self._effective(self._list(row))),
        }
        facts = {
            "cap": str(max(caps["confidence"], caps["flags"])),
            "cap_but_confidence": str(max(caps["score"], caps["flags"])),
            "cap_but_flags": str(max(caps["score"], caps["confidence"])),
            "fold": fold_of(word(row.get("subject"))) if plan.has_subjects else "-",
            "confidence": confidence_state,
            "conflict": conflict_state,
            "period": f"{at:%Y-%m}",
            **self._words(row),
            **self._flag_words(self._list(row)),
            "flags_state": self._flags_state(row),
        }
        return facts, {
            "score_bin": (score - plan.score.min) // plan.score.step,
            "confidence_bin": None if confidence is None else confidence // plan.confidence.step,
            "conflict_bin": None if conflict is None else conflict // plan.conflict.step,
        }

    @staticmethod
    def _list(row: Mapping[str, Any]) -> list[Any] | None:
        flags = document(row.get("flags"))
        return flags if isinstance(flags, list) else None

    def _flags_state(self, row: Mapping[str, Any]) -> str:
        return "ok" if self._list(row) is not None else "missing" if word(row.get("flags")) is None else "invalid"

    def _effective(self, flags: list[Any] | None) -> dict[str, int] | None:
        if flags is None:
            return None
        severities = [self._text(flag, "severity") for flag in flags]
        return semantics.effective_flags(self.config, Counter(s for s in severities if s is not None))

    def _words(self, row: Mapping[str, Any]) -> dict[str, str]:
        plan = self.plan
        label, tier, group = (word(row.get(role)) for role in ("label", "tier", "group"))
        outcome = word(row.get("outcome"))
        reason = ascii_lower(word(row.get("escalation")) or "")
        classes = [c.name for c in plan.settings.vocabulary.escalation if ascii_lower(c.contains) in reason]
        given = word(row.get("sufficiency"))
        enough = ascii_lower(given or "")
        rating = number(row.get("feedback"))
        return {
            "label": MISSING if label is None else plan.labels.get(label, OTHER),
            "tier": MISSING if tier is None else tier if tier in plan.tiers else OTHER,
            "cohort": MISSING if group is None else group if group in plan.groups else OTHER,
            "outcome": "pending" if outcome is None else Outcome.get(ascii_lower(outcome), "invalid"),
            "escalation": "none" if not reason else [*classes, "other"][0],
            "escalated": MISSING if "escalation" not in plan.roles else "yes" if reason else "no",
            "sufficiency": "yes" if enough in YES else "no" if enough in NO else MISSING,
            "sufficiency_state": "missing" if given is None else "ok" if enough in {*YES, *NO} else "invalid",
            "feedback": MISSING if rating is None else str(int(rating)) if rating in {1, 2, 3, 4, 5} else "invalid",
        }

    def _flag_words(self, flags: list[Any] | None) -> dict[str, str]:
        if flags is None:
            return dict.fromkeys(("worst", "worst_count", "second_count", "flagged", "severe"), MISSING)
        found = Counter(self._text(flag, "severity") for flag in flags)
        first, second, *_ = self.plan.severities
        return {
            "worst": next((s for s in self.plan.severities if found[s]), OTHER if flags else "none"),
            "worst_count": str(min(found[first], 3)),
            "second_count": str(min(found[second], 5)),
            "flagged": "yes" if flags else "no",
            "severe": "yes" if found[first] else "no",
        }

    @staticmethod
    def _density(raw: Any) -> float | None:
        if not (isinstance(raw, str) and raw.lstrip(" \t\r\n").startswith("{")):
            return number(raw)
        inside = document(raw)
        value = inside.get(CONFLICT_KEY) if isinstance(inside, dict) else None
        return math.inf if isinstance(value, (str, bool, list, dict)) else number(value)

    @staticmethod
    def _text(flag: Any, name: str) -> str | None:
        value = flag.get(name) if isinstance(flag, dict) else None
        return value if isinstance(value, str) else None

    def _flags(self, stratum: str, flags: list[Any] | None) -> None:
        plan = self.plan
        by_type: dict[str, list[str]] = {}
        for flag in flags or ():
            kind, severity = self._text(flag, "type"), self._text(flag, "severity")
            name = MISSING if kind is None else kind if kind in plan.flag_types else OTHER
            by_type.setdefault(name, []).append(severity if severity in plan.severities else OTHER)
        for name, severities in by_type.items():
            self.counts["flag_occurrences", stratum, (name, str(min(len(severities), 5))), None] += 1
            for severity in set(severities):
                self.counts["flag_severities", stratum, (name, severity), None] += 1

    def _categories(self, stratum: str, raw: Any) -> None:
        if "category_scores" not in self.plan.roles:
            return
        low, high = (float(self.config["score_range"][name]) for name in ("min", "max"))
        scores, grid, found = document(raw), self.plan.category, {}
        for name in self.plan.categories:
            value = scores.get(name) if isinstance(scores, dict) else None if word(raw) is None else "no object"
            if value is None:
                self.counts["category_state", stratum, (name, "missing"), None] += 1
            elif isinstance(value, (str, bool, list, dict)) or not low <= value <= high:
                self.counts["category_state", stratum, (name, "invalid"), None] += 1
            else:
                units = fixed(float(value), self.plan.score.scale)
                found[name] = fixed(float(value) - low, self.plan.moment_scale)
                where = (units - grid.min) // grid.step
                self.counts["category", stratum, (name,), where] += 1
                self.totals["category", stratum, (name,), where] += units
                above = units - grid.min - where * grid.step
                self.totals["category_spread", stratum, (name,), where] += above * above
        if len(found) == len(self.plan.categories):
            self._moments(stratum, found)

    def _moments(self, stratum: str, found: Mapping[str, int]) -> None:
        names = self.plan.categories
        self.counts["moments", stratum, (), None] += 1
        for at, a in enumerate(names):
            self.totals["moments", stratum, (a,), None] += found[a]
            for b in names[at:]:
                self.totals["moments", stratum, (a, b), None] += found[a] * found[b]

    def _add_subjects(self) -> None:
        for (stratum, _), facts in self._subjects.items():
            self.counts["clusters", stratum, ("subjects",), None] += 1
            self.totals["clusters", stratum, ("rows",), None] += len(facts)
            self.totals["clusters", stratum, ("rows", "squared"), None] += len(facts) ** 2
            for name, (fact, yes) in indicators(self.plan).items():
                found = sum(each[fact] == yes for each in facts)
                self.totals["clusters", stratum, (name, "sum"), None] += found
                self.totals["clusters", stratum, (name, "with_rows"), None] += found * len(facts)
                self.totals["clusters", stratum, (name, "squared"), None] += found**2
        for rank, (_, n) in enumerate(self._rows.most_common(RANKS), 1):
            self.counts["largest", ALL_STRATA, (f"{rank:03}",), None] += n
