"""A line's mapping, vocabularies and gates as the SQL statements of one collection.

`statements` checks the mapping against the table, then renders. Every key that a statement can return is a literal
from the settings or the config, or a fixed word; no value from the data is ever returned. Only the files in
`sql/<dialect>` know a dialect; the aggregates in `sql/portable` do not.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from calibgit.engine.base import Column, Engine
from calibgit.engine.count_tables import table_words
from calibgit.engine.facts import FOLD_PRIME, NEEDS, Facts
from calibgit.engine.faults import missing_column, no_table, untestable_json
from calibgit.engine.fragments import fill, fill_words, literal, sections, shielded, unshielded
from calibgit.engine.plan import Plan
from calibgit.engine.severities import one_type_words, severity_words
from calibgit.engine.tables import most_packed_score, packed_score
from calibgit.model.snapshot import TimeWindow

CONFLICT_KEY = "conflict_score"
MOST_OCCURRENCES = 5
RANKS = 99
INTEGERS = 1 << 31
JSON_ROLES = frozenset({"flags", "category_scores", "conflict"})
STATEMENT_ROLES: Mapping[str, str | None] = {
    "counted": None,
    "dropped": None,
    "unreadable": None,
    "tables": None,
    "flags": "flags",
    "scores": "category_scores",
    "largest": "subject",
    "counted_again": None,
}
WITHOUT_SNAPSHOT = frozenset({"counted", "counted_again"})


def statements(engine: Engine, plan: Plan) -> dict[str, str]:
    """Statement name to SQL, in the order of running. Each returns closed words and whole numbers.

    Raises:
        EnvironmentFault: NO_TABLE, MISSING_COLUMN, or what the engine raises.
        UsageError: UNTESTABLE_JSON.
    """
    table = plan.settings.source.table
    columns = engine.columns(table)
    if columns is None:
        raise no_table(table, plan.line)
    for role, column in plan.mapped():
        if column not in columns:
            raise missing_column(table, plan.line, role, column)
        if role in JSON_ROLES and not columns[column].can_hold_json:
            raise untestable_json(role, column)
    mapped = dict(plan.mapped())
    rows = engine.rows(table, list(dict.fromkeys(mapped.values())))
    renderer = _Renderer(engine.dialect, plan, rows, {role: columns[name] for role, name in mapped.items()})
    wanted = [name for name, role in STATEMENT_ROLES.items() if role is None or role in mapped]
    if engine.one_snapshot:
        wanted = [name for name in wanted if name not in WITHOUT_SNAPSHOT]
    if not plan.categories:
        wanted = [name for name in wanted if name != "scores"]
    return {name: renderer.statement(name) for name in wanted}


class _Renderer:
    def __init__(self, dialect: str, plan: Plan, rows: str, columns: Mapping[str, Column]) -> None:
        self._plan = plan
        self._dialect = dialect
        self._values = sections(dialect, "values")
        self._facts = Facts(plan, self._values)
        source = plan.settings.source
        self._columns = {role: replace(column, sql=shielded(column.sql)) for role, column in columns.items()}
        if source.logic_version is not None:
            self._columns["logic_version"] = Column(literal(source.logic_version), self._values.get("kind_of_text", ""))
        low, high = (repr(float(plan.config["score_range"][end])) for end in ("min", "max"))
        year = source.created_at_as == "year"
        self._places = {
            "table": shielded(rows),
            "low": low,
            "high": high,
            "moment": "{year:created_at}" if year else "{timestamp:created_at}",
            "within": "{within_year:created_at}" if year else "{within:created_at}",
            "stratum": self._facts.stratum(),
            "key": literal(self._values["path"].replace("{x}", CONFLICT_KEY)),
            "prime": str(FOLD_PRIME),
            "fence": self._values.get("fence", ""),
            "kept": self._values.get("kept", ""),
            **_bounds(plan.window),
        }

    def statement(self, name: str) -> str:
        """The SQL of one statement."""
        name = name.removesuffix("_again")
        words: dict[str, str] = getattr(self, "_" + name)()
        parts = sections("portable", name)
        text = fill_words(words.pop("template", parts.get("relation", "")), **words)
        return unshielded(fill(text, {**self._places, **parts}, self._values, self._columns))

    def _counted(self) -> dict[str, str]:
        return {"assess": self._assess(("v", "s"))}

    def _dropped(self) -> dict[str, str]:
        return {"assess": self._assess(("v", "s"))}

    def _unreadable(self) -> dict[str, str]:
        return {}

    def _tables(self) -> dict[str, str]:
        return table_words(self._plan, self._values, self._facts_of)

    def _facts_of(self, facts: Sequence[str], *extra: str) -> str:
        """One row an assessment with a score: the facts, and typed columns as they are."""
        needs = dict.fromkeys(["s", *extra, *(need for fact in facts for need in NEEDS[fact])])
        if "flags" not in self._columns:
            needs = {name: None for name in needs if name not in {"nf", "fn"}}
        read_from = {"su": "s", "cu": "c", "du": "d"}
        numbers = {name: sql for name, sql in self._facts.fixed().items() if read_from[name] in needs}
        return fill_words(
            sections("portable", "facts")["relation"],
            columns=", ".join([*extra, *(f"{self._facts.sql(fact)} AS {fact}" for fact in facts)]),
            caps="".join(f", {sql} AS {name}" for name, sql in self._facts.caps(facts).items()),
            fixed=", ".join(f"{self._floor(sql)} AS {name}" for name, sql in numbers.items()),
            assess=self._assess(tuple(needs)),
        )

    def _floor(self, sql: str, most: float = INTEGERS) -> str:
        """The number rounded down, as a short integer where all that is made of it is at most `most`."""
        short = self._values.get("short_floor") if most < INTEGERS else None
        return (short or self._values["floor"]).replace("{x}", f"({sql})")

    def _assess(self, needs: Sequence[str]) -> str:
        """The dialect's relation `assess` with the needed columns only."""
        parts = sections(self._dialect, "assess")
        plain = [name for name in needs if name != "nf"]
        typed = ", ".join(_chosen(parts["typed"], [*plain, *(["f"] if "nf" in needs else [])]))
        if "nf" not in needs:
            return fill_words(parts["relation"], typed=typed)
        words = severity_words(self._plan.severities, self._values)
        return fill_words(parts["with_flags"], plain=", ".join(plain), typed=typed, **words)

    def _flags(self) -> dict[str, str]:
        parts = sections(self._dialect, "flag")
        names = [f"c{index}" for index in range(len(self._plan.severities))]
        often = [*(f"o = {n}" for n in range(1, MOST_OCCURRENCES)), f"o >= {MOST_OCCURRENCES}"]
        found = [*(f"{name} > 0" for name in names), f"o > {' + '.join(names) or '0'}"]
        rows_with = self._values.get("rows_with", "count(CASE WHEN {x} THEN 1 END)")
        return {
            "rows": self._values.get("rows", "count(*)"),
            "occurrences": ", ".join(rows_with.replace("{x}", yes) for yes in often),
            "severities": ", ".join(rows_with.replace("{x}", yes) for yes in found),
            "flag": fill_words(
                parts["relation"],
                **{name: text for name, text in parts.items() if name != "relation"},
                **one_type_words(self._plan.severities, self._values),
                flag_key=self._facts.sql("flag_type"),
            ),
        }

    def _scores(self) -> dict[str, str]:
        plan = self._plan
        at = range(len(plan.categories))
        odd = [fill_words(self._values["bad_category"], **place) for place in self._category_places()]
        same = plan.config["score_range"]["min"] == 0 and plan.moment_scale == plan.score.scale
        sums = [*(f"sum(m{a})" for a in at), *(f"sum(m{a} * m{b})" for a in at for b in at[a:])]
        one = sections("portable", "scores")["one"]
        return {
            "units": ", ".join(f"{self._unit(a, odd[a])} AS w{a}" + ("" if same else f", x{a}") for a in at),
            "packed": packed_score(plan, "stratum", "k", self._facts.place_of_score("w", plan.category)),
            "tall": self._values.get("tall") or " UNION ALL ".join(fill_words(one, at=str(a)) for a in at),
            "categories": str(len(at)),
            "pairs": ", ".join(f"{a}, w{a}" for a in at),
            "nulls": "".join(f", NULL AS t{place}" for place in range(2, len(sums))),
            "above": f"((w - {plan.category.min}) % {plan.category.step})",
            "offsets": ", ".join(f"{f'w{a}' if same else self._offset(a)} AS m{a}" for a in at),
            "sums": ", ".join(sums),
            "complete": " AND ".join(f"w{a} >= {plan.category.min}" for a in at),
            "wide": self._wide(),
        }

    def _unit(self, category: int, odd: str) -> str:
        """A score by category in its fixed point; one less than the least score for what is no score."""
        plan = self._plan
        good = f"x{category} BETWEEN {{low}} AND {{high}}"
        scaled = f"x{category} * {float(plan.score.scale)!r} + 0.5"
        low, high = plan.config["score_range"]["min"], plan.config["score_range"]["max"]
        sizes = abs(low) * plan.score.scale + 1, abs(high) * plan.score.scale, most_packed_score(plan)
        most = max(*sizes, plan.category.step**2)
        return self._floor(f"CASE WHEN {good} THEN {scaled} WHEN {odd} THEN {float(plan.category.min - 1)!r} END", most)

    def _offset(self, category: int) -> str:
        """What is summed of a score in the range: its distance from the least one, in the fixed point of the sums."""
        low, high = (float(self._plan.config["score_range"][end]) for end in ("min", "max"))
        scale = float(self._plan.moment_scale)
        return self._floor(f"(x{category} - {low!r}) * {scale!r} + 0.5", ((high - low) * scale + 1) ** 2)

    def _category_places(self) -> list[dict[str, str]]:
        """By category: its path, its place from 1, and the column of its scores."""
        paths = [literal(self._values["path"].replace("{x}", name)) for name in self._plan.categories]
        return [{"key": path, "at": str(at + 1), "score": f"x{at}"} for at, path in enumerate(paths)]

    def _wide(self) -> str:
        """The dialect's relation `wide`: the scores by category."""
        one, text = self._values["one_category"], self._values.get("category_text", "")
        places = self._category_places()
        struct = self._struct()
        typed = [self._typed_score(struct, name) for name in self._plan.categories]
        places = [{**place, "typed_score": sql} for place, sql in zip(places, typed, strict=True)]
        return fill_words(
            sections(self._dialect, "wide")["relation"],
            wide="".join(f", {fill_words(one, **place)} AS {place['score']}" for place in places),
            texts="".join(f", {fill_words(text, **place)} AS d{place['at']}" for place in places),
            category_paths=f"[{', '.join(place['key'] for place in places)}]",
            shape=literal(json.dumps(dict.fromkeys(struct, "DOUBLE"))),
            typed=" AND ".join(f"isfinite({sql})" for sql in typed),
        )

    def _struct(self) -> list[str]:
        """The categories that can be fields of one struct: their names differ not only in case."""
        return list({name.lower(): name for name in self._plan.categories}.values())

    def _typed_score(self, struct: Sequence[str], name: str) -> str:
        if name not in struct:
            return self._values["no_number"]
        return fill_words(self._values.get("typed_score", ""), place=str(struct.index(name) + 1))

    def _largest(self) -> dict[str, str]:
        return {"assess": self._assess(("s", "u")), "ranks": str(RANKS)}


def _chosen(text: str, names: Sequence[str]) -> list[str]:
    items = {part.rsplit(" AS ", 1)[1].strip(): part.strip() for part in text.split(",\n")}
    return [items[name] for name in names]


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
