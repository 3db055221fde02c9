"""A line's mapping, vocabularies and gates as the SQL statements of one collection.

`statements` checks the mapping against the table, then renders. Every key that a statement can return is a literal
from the settings or the config, or one of the fixed words below; no value from the data is ever returned.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from calibgit.engine import gates as gate_sql
from calibgit.engine.base import Engine
from calibgit.engine.faults import missing_column, no_table
from calibgit.engine.fragments import fill, identifier, literal, sections
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import MISSING, OTHER, GridSpec, TimeWindow

CONFLICT_KEY = "conflict_score"
YES = ("1", "1.0", "true", "t", "yes", "sufficient")
NO = ("0", "0.0", "false", "f", "no", "insufficient")

_FROM = {"su": "s", "cu": "c", "du": "d", "flag_cap": "f", "worst": "f"}
_FACT_NEEDS: dict[str, tuple[str, ...]] = {
    "stratum": ("v",), "cap": ("cu", "flag_cap"), "implied": ("su", "cu", "flag_cap"), "label": ("label",),
    "score_bin": ("su",), "confidence": ("c", "cu"), "confidence_bin": ("cu",), "outcome": ("outcome",),
    "worst": ("worst",), "escalation": ("reason",), "tier": ("tier",), "sufficiency": ("sufficient",),
    "conflict": ("d", "du"), "conflict_bin": ("du",),
}  # fmt: skip
FACTS = {
    "score": ("stratum", "cap", "implied", "label", "score_bin"),
    "confidence": ("stratum", "label", "outcome", "confidence", "confidence_bin"),
    "traits": ("stratum", "worst", "escalation", "tier", "sufficiency", "conflict", "conflict_bin"),
}
STATEMENT_ROLES = {
    "traits": ("flags", "escalation", "tier", "sufficiency", "conflict"),
    "confidence": ("confidence", "outcome"),
    "flags": ("flags",),
    "categories": ("category_scores",),
}


@dataclass(frozen=True)
class Plan:
    """What one collection counts. All vocabularies are final: defaults from the config are already in.

    Attributes:
        line: the line's name, for errors.
        settings: the line's settings.
        config: the config as JSON data.
        window: half-open UTC window.
        score, confidence, conflict: base grids in fixed point.
        versions, categories, severities, flag_types, tiers: closed key sets; severities worst first.
        labels: recorded label to band name.
    """

    line: str
    settings: Line
    config: Mapping[str, Any]
    window: TimeWindow
    score: GridSpec
    confidence: GridSpec
    conflict: GridSpec
    versions: tuple[str, ...]
    categories: tuple[str, ...]
    severities: tuple[str, ...]
    flag_types: tuple[str, ...]
    tiers: tuple[str, ...]
    labels: Mapping[str, str]

    @cached_property
    def gates(self) -> semantics.Gates:
        """The config's gate table."""
        return semantics.gates(self.config)

    @property
    def roles(self) -> tuple[str, ...]:
        """The mapped roles that are counted, in the order of the settings."""
        return tuple(role for role, _ in self.mapped() if role not in {"created_at", "subject"})

    def mapped(self) -> list[tuple[str, str]]:
        """Role and column of every mapped role, in the order of the settings."""
        return [(role, name) for role, name in self.settings.source.columns if name is not None]


def statements(engine: Engine, plan: Plan) -> dict[str, str]:
    """Statement name to SQL, in the order of running. Each returns key columns and then one or two integers.

    Raises:
        EnvironmentFault: NO_TABLE, MISSING_COLUMN, or what the engine raises.
    """
    table = plan.settings.source.table
    known = engine.columns(table)
    if not known:
        raise no_table(table, plan.line)
    for role, column in plan.mapped():
        if column not in known:
            raise missing_column(table, plan.line, role, column)
    renderer = _Renderer(engine.dialect, plan)
    names = ["dropped", "unreadable", "score", "confidence", "traits", "flags", "categories"]
    wanted = [name for name in names if name not in STATEMENT_ROLES or set(STATEMENT_ROLES[name]) & set(plan.roles)]
    return {name: renderer.statement(name) for name in wanted}


class _Renderer:
    def __init__(self, dialect: str, plan: Plan) -> None:
        self._plan = plan
        self._dialect = dialect
        self._values = sections(dialect, "values")
        low, high = (float(plan.config["score_range"][end]) for end in ("min", "max"))
        source = plan.settings.source
        self._columns = {role: identifier(name) for role, name in plan.mapped()}
        if source.logic_version is not None:
            self._columns["logic_version"] = literal(source.logic_version)
        scale = float(plan.score.scale)
        self._columns |= {
            "s_units": f"(CASE WHEN s BETWEEN {low!r} AND {high!r} THEN s * {scale!r} + 0.5 END)",
            "c_units": f"(CASE WHEN c BETWEEN 0 AND 1 THEN c * {float(plan.confidence.scale)!r} + 0.5 END)",
            "d_units": f"(CASE WHEN d BETWEEN 0 AND 1 THEN d * {float(plan.conflict.scale)!r} + 0.5 END)",
            "x_units": f"(x * {scale!r} + 0.5)",
        }
        year = source.created_at_as == "year"
        self._places = {
            "table": identifier(source.table),
            "low": repr(low),
            "high": repr(high),
            "moment": "{year:created_at}" if year else "{timestamp:created_at}",
            "within": "{within_year:created_at}" if year else "{within:created_at}",
            "stratum": _choice("v", {v: v for v in plan.versions}, OTHER, OTHER),
            "units": "{floor:x_units}",
            "reason": "CASE WHEN s IS NULL THEN 'score_missing' WHEN s >= 1e308 OR s <= -1e308 "
            "THEN 'score_invalid' ELSE 'score_outside' END",
            "key": self._json_path(CONFLICT_KEY),
            **_bounds(plan.window),
            **self._flag_places(),
            **self._category_places(),
        }

    def statement(self, name: str) -> str:
        """The SQL of one portable statement."""
        places = dict(self._places)
        facts = tuple(fact for fact in FACTS.get(name, ()))
        if facts:
            needs = tuple(
                need for fact in facts for need in _FACT_NEEDS[fact] if need != "flag_cap" or self._flags_gate()
            )
            places |= self._assess(tuple(dict.fromkeys(("s", *needs))))
            inner = ", ".join(f"{self._fact(fact)} AS {fact}" for fact in facts)
            places["facts"] = f"SELECT {inner} FROM ({{assess}}) AS b WHERE s BETWEEN {{low}} AND {{high}}"  # noqa: S608
        else:
            places |= self._assess(("v", "s"))
        places["flag"] = sections(self._dialect, "flag")["relation"]
        places["cat"] = sections(self._dialect, "cat")["relation"]
        return fill(sections("portable", name)["relation"], places, self._values, self._columns)

    def _assess(self, needs: Sequence[str]) -> dict[str, str]:
        """The relation `assess` with the needed columns only."""
        parts = sections(self._dialect, "assess")
        raw = dict.fromkeys(_FROM.get(name, name) for name in needs)
        typed = _chosen(parts["typed"], tuple(raw))
        derived = _chosen(parts["derived"], tuple(name for name in needs if name in _FROM))
        plain = [name for name in needs if name not in _FROM]
        return {
            "assess": parts["relation"],
            "untimed": parts["untimed"],
            "typed": ", ".join(typed),
            "derived": ", ".join([*plain, *derived]),
            "severities": parts.get("severities", ""),
            **({} if "f" in raw else {"severity_counts": ""}),
        }

    def _fact(self, name: str) -> str:
        """The portable SQL of one key or bin over the columns of `assess`."""
        plan = self._plan
        cap = gate_sql.worst([gate_sql.confidence_cap(plan.gates, "cu"), self._known_flag_cap()])
        simple = {
            "stratum": "{stratum}",
            "cap": cap,
            "implied": gate_sql.worst([cap, gate_sql.score_cap(plan.gates, "su", plan.score.scale)]),
            "label": _choice("label", dict(plan.labels), OTHER, MISSING),
            "score_bin": _bin("su", plan.score),
            "confidence": _state("c", "cu"),
            "confidence_bin": _bin("cu", plan.confidence),
            "conflict": _state("d", "du"),
            "conflict_bin": _bin("du", plan.conflict),
            "outcome": _choice(
                "outcome",
                {"1": "1", "1.0": "1", "true": "1", "t": "1", "0": "0", "0.0": "0", "false": "0", "f": "0"},
                "invalid",
                "pending",
            ),
            "worst": "worst",
            "tier": _choice("tier", {t: t for t in plan.tiers}, OTHER, MISSING),
            "sufficiency": _choice(
                "sufficient", {**dict.fromkeys(YES, "yes"), **dict.fromkeys(NO, "no")}, MISSING, MISSING
            ),
            "escalation": self._escalation(),
        }
        return simple[name]

    def _known_flag_cap(self) -> str:
        missing = str(gate_sql.missing_flag_cap(self._plan.gates))
        return f"coalesce(flag_cap, {missing})" if self._flags_gate() else missing

    def _flags_gate(self) -> bool:
        return bool(self._plan.gates.flags) and "flags" in self._columns

    def _escalation(self) -> str:
        cases = [
            f"WHEN {self._holds('reason', item.contains)} THEN {literal(item.name)}"
            for item in self._plan.settings.vocabulary.escalation
        ]
        return f"CASE WHEN reason IS NULL OR reason = '' THEN 'none' {' '.join(cases)} ELSE 'other' END"

    def _holds(self, column: str, text: str) -> str:
        folded = "".join(c.lower() if c.isascii() else c for c in text)
        return self._values["holds"].replace("{x}", column).replace("{text}", literal(folded))

    def _flag_places(self) -> dict[str, str]:
        plan = self._plan
        token = '"{}"' if self._dialect == "duckdb" else "{}"
        names = {severity: f"n{index}" for index, severity in enumerate(plan.severities)}
        counts = [
            self._values["severity_count"]
            .replace("'\"{key}\"'", literal(token.format(severity)))
            .replace("'{key}'", literal(token.format(severity)))
            + f" AS {name}"
            for severity, name in names.items()
        ]
        if "flags" not in self._columns:
            return {
                "severity_counts": "",
                "flag_cap": "NULL",
                "severity_worst": "WHEN 1 = 0 THEN ''",
                "flag_key": "NULL",
            }
        return {
            "severity_counts": "".join(f", {count}" for count in counts),
            "flag_cap": gate_sql.flag_cap(plan.gates, plan.config, names),
            "severity_worst": " ".join(f"WHEN {n} > 0 THEN {literal(s)}" for s, n in names.items())
            or "WHEN 1 = 0 THEN ''",
            "flag_key": _choice("w", {token.format(t): t for t in plan.flag_types}, OTHER, MISSING),
            **{k: v for k, v in sections(self._dialect, "flag").items() if k != "relation"},
        }

    def _category_places(self) -> dict[str, str]:
        keys = [literal(name) for name in self._plan.categories]
        return {
            "category_keys": ", ".join(keys) or "NULL",
            "category_list": f"[{', '.join(keys)}]",
            "category_paths": f"[{', '.join(literal('/' + name) for name in self._plan.categories)}]",
        }

    def _json_path(self, key: str) -> str:
        return literal("/" + key) if self._dialect == "duckdb" else literal(f"$.{key}")


def _chosen(text: str, names: Sequence[str]) -> list[str]:
    items = {part.rsplit(" AS ", 1)[1].strip(): part.strip() for part in text.split(",\n")}
    return [items[name] for name in names if name in items]


def _choice(column: str, keys: Mapping[str, str], other: str, missing: str) -> str:
    cases = "".join(f" WHEN {column} = {literal(raw)} THEN {literal(key)}" for raw, key in keys.items())
    return f"CASE WHEN {column} IS NULL THEN {literal(missing)}{cases} ELSE {literal(other)} END"


def _state(raw: str, fixed: str) -> str:
    return f"CASE WHEN {raw} IS NULL THEN 'missing' WHEN {fixed} IS NULL THEN 'invalid' ELSE 'ok' END"


def _bin(column: str, grid: GridSpec) -> str:
    offset = f"({column} - {grid.min})"
    return f"CAST(({offset} - {offset} % {grid.step}) / {grid.step} AS BIGINT)"


def _bounds(window: TimeWindow) -> dict[str, str]:
    start, end = (dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ") for text in (window.start, window.end))  # noqa: DTZ007
    day = dt.timedelta(days=1)
    return {
        "start": literal(f"{start:%Y-%m-%d %H:%M:%S}"),
        "end": literal(f"{end:%Y-%m-%d %H:%M:%S}"),
        "last_second": literal(f"{end - dt.timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"),
        "near_start": literal(f"{start - day:%Y-%m-%d}"),
        "near_end": literal(f"{end + 2 * day:%Y-%m-%d}"),
    }
