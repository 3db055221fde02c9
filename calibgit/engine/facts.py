"""The portable SQL of every fact of an assessment, over the typed columns that the dialects bring.

Typed columns (`sql/<dialect>/assess.sql`): `v` logic version, `s` score, `c` confidence, `d` conflict density,
`label`, `tier`, `sufficient`, `outcome`, `reason`, `g` group, `fb` feedback, `u` subject and `tail` its last four
characters, `m` moment, `fn` whether there is no record of flags, `nf` number of flags and `n0`, `n1`, ... flags by
severity, worst first. Here `su`, `cu`, `du` are the numbers in fixed point, and `score_cap`, `confidence_cap`,
`flag_cap` the best bands that each of them reaches.

A fact is a small whole number: a place in the list of its words (`engine.words`), or one more than a bin of a grid, 0
standing for no value. It is never NULL and never a value of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from calibgit.engine import gates as gate_sql
from calibgit.engine.fragments import literal
from calibgit.engine.plan import Plan
from calibgit.engine.words import FEEDBACK, words
from calibgit.model.blocks import MOST_OF_SECOND, MOST_OF_WORST
from calibgit.model.snapshot import MISSING, OTHER, GridSpec

# The most frequent first: an engine compares one after the other.
YES: Final = ("true", "1", "1.0", "t", "yes", "sufficient")
NO: Final = ("false", "0", "0.0", "f", "no", "insufficient")
OUTCOMES: Final = {"1": "1", "0": "0", "true": "1", "false": "0", "1.0": "1", "0.0": "0", "t": "1", "f": "0"}
FOLD_WEIGHTS: Final = (1, 3, 5, 7)
FOLD_PRIME: Final = 61


class Facts:
    """SQL texts of one plan.

    Args:
        plan: what is counted.
        values: the value fragments of the dialect: `holds`, `code`, `moment_of`.
    """

    def __init__(self, plan: Plan, values: Mapping[str, str]) -> None:
        self._plan = plan
        self._values = values
        self._roles = {role for role, _ in plan.mapped()}

    def fixed(self) -> dict[str, str]:
        """The columns in fixed point, as SQL before rounding down: `su`, `cu`, `du`."""
        plan = self._plan
        low, high = (float(plan.config["score_range"][end]) for end in ("min", "max"))
        return {
            "su": f"CASE WHEN s BETWEEN {low!r} AND {high!r} THEN s * {float(plan.score.scale)!r} + 0.5 END",
            "cu": f"CASE WHEN c BETWEEN 0 AND 1 THEN c * {float(plan.confidence.scale)!r} + 0.5 END",
            "du": f"CASE WHEN d BETWEEN 0 AND 1 THEN d * {float(plan.conflict.scale)!r} + 0.5 END",
        }

    def caps(self, facts: Iterable[str]) -> dict[str, str]:
        """The columns for the best bands that these facts read, as SQL over the columns in fixed point."""
        made = {"score_cap": self._score_cap, "confidence_cap": self._confidence_cap, "flag_cap": self._flag_cap}
        return {name: made[name]() for name in dict.fromkeys(cap for fact in facts for cap in CAPS.get(fact, ()))}

    def _score_cap(self) -> str:
        return gate_sql.score_cap(self._plan.gates, "su", self._plan.score.scale)

    def _confidence_cap(self) -> str:
        return gate_sql.confidence_cap(self._plan.gates, "cu")

    def _flag_cap(self) -> str:
        """A missing record passes where no gate asks for it."""
        plan = self._plan
        missing = str(gate_sql.missing_flag_cap(plan.gates))
        if not plan.gates.flags or "flags" not in self._roles:
            return missing
        names = {severity: f"n{index}" for index, severity in enumerate(plan.severities)}
        return f"CASE WHEN nf IS NULL THEN {missing} ELSE {gate_sql.flag_cap(plan.gates, plan.config, names)} END"

    def sql(self, fact: str) -> str:
        """The SQL of one fact."""
        return _FACTS[fact](self)

    def bin_of(self, column: str, grid: GridSpec) -> str:
        """SQL for the bin of a number in fixed point."""
        offset = f"({column} - {grid.min})" if grid.min else column
        return self._values["quotient"].replace("{a}", offset).replace("{b}", str(grid.step))

    def place_of_bin(self, column: str, grid: GridSpec) -> str:
        """SQL for one more than the bin, 0 where there is no number."""
        return f"coalesce({self.bin_of(column, grid)} + 1, 0)"

    def place_of_score(self, column: str, grid: GridSpec) -> str:
        """SQL for the place of a score by category in fixed point: 0 for none, 1 for what is below the grid."""
        found = f"{self.bin_of(column, grid)} + 2"
        return f"CASE WHEN {column} IS NULL THEN 0 WHEN {column} < {grid.min} THEN 1 ELSE {found} END"

    def _place(self, fact: str, word: str) -> str:
        return str(words(self._plan, fact).index(word))

    def _choice(self, fact: str, column: str, keys: Mapping[str, str], other: str, missing: str) -> str:
        """The place of the word that a recorded text stands for."""
        cases = "".join(f" WHEN {column} = {literal(raw)} THEN {self._place(fact, key)}" for raw, key in keys.items())
        none, rest = self._place(fact, missing), self._place(fact, other)
        return f"CASE WHEN {column} IS NULL THEN {none}{cases} ELSE {rest} END"

    def _same(self, fact: str, column: str, keys: tuple[str, ...], missing: str = MISSING) -> str:
        return self._choice(fact, column, {key: key for key in keys}, OTHER, missing)

    # One method a fact.

    def stratum(self) -> str:
        """The logic version, one of the known ones."""
        return self._same("stratum", "v", self._plan.versions, OTHER)

    def label(self) -> str:
        """The recorded band."""
        return self._choice("label", "label", self._plan.labels, OTHER, MISSING)

    def cohort(self) -> str:
        """The declared group."""
        return self._same("cohort", "g", self._plan.groups)

    def tier(self) -> str:
        """The tier."""
        return self._same("tier", "tier", self._plan.tiers)

    def sufficiency(self) -> str:
        """Whether the data was sufficient."""
        keys = {raw: key for pair in zip(YES, NO, strict=True) for raw, key in zip(pair, ("yes", "no"), strict=True)}
        return self._choice("sufficiency", "sufficient", keys, MISSING, MISSING)

    def sufficiency_state(self) -> str:
        """Whether it is recorded, and in a known word."""
        unknown = f"{self.sufficiency()} = {self._place('sufficiency', MISSING)}"
        return f"CASE WHEN sufficient IS NULL THEN 1 WHEN {unknown} THEN 2 ELSE 0 END"

    def flags_state(self) -> str:
        """Whether there is a record of flags, and one that can be read."""
        if "flags" not in self._roles:
            return self._place("flags_state", "missing")
        return "CASE WHEN nf IS NOT NULL THEN 0 WHEN fn THEN 1 ELSE 2 END"

    def outcome(self) -> str:
        """The outcome, once it is known."""
        return self._choice("outcome", "outcome", OUTCOMES, "invalid", "pending")

    def feedback(self) -> str:
        """The rating."""
        cases = " ".join(f"WHEN fb = {n} THEN {self._place('feedback', str(n))}" for n in FEEDBACK)
        none, rest = self._place("feedback", MISSING), self._place("feedback", "invalid")
        return f"CASE WHEN fb IS NULL THEN {none} {cases} ELSE {rest} END"

    def fold(self) -> str:
        """One of two halves of the subjects, by the last characters of who they are; `-` without subjects.

        Both halves are the same on every engine and in every shard. `fold_of` is the same in Python.
        """
        if not self._plan.has_subjects:
            return self._place("fold", "-")
        code = self._values["code"].replace("{x}", "tail")
        terms = [f"{weight} * {code.replace('{at}', str(at))}" for at, weight in enumerate(FOLD_WEIGHTS, 1)]
        return f"CASE WHEN tail IS NULL THEN 0 ELSE ({' + '.join(terms)}) % {FOLD_PRIME} % 2 END"

    def period(self) -> str:
        """The calendar period of the moment."""
        *inner, _ = self._plan.periods
        cases = "".join(f" WHEN m < {self._moment(end)} THEN {place}" for place, (_, end) in enumerate(inner))
        return f"CASE{cases} ELSE {len(inner)} END" if inner else "0"

    def _moment(self, day: str) -> str:
        return self._values["moment_of"].replace("{text}", literal(f"{day} 00:00:00"))

    def worst(self) -> str:
        """The worst severity among the flags."""
        missing, none, other = (self._place("worst", word) for word in (MISSING, "none", OTHER))
        if "flags" not in self._roles:
            return missing
        cases = " ".join(f"WHEN n{place} > 0 THEN {place}" for place in range(len(self._plan.severities)))
        return f"CASE WHEN nf IS NULL THEN {missing} WHEN nf = 0 THEN {none} {cases} ELSE {other} END"

    def capped_count(self, severity: int, most: int) -> str:
        """How many flags of the severity with this place, `most` standing for all above it."""
        if severity >= len(self._plan.severities) or "flags" not in self._roles:
            return str(most + 1)
        return f"CASE WHEN nf IS NULL THEN {most + 1} WHEN n{severity} < {most} THEN n{severity} ELSE {most} END"

    def flagged(self) -> str:
        """Whether there is any flag."""
        return "CASE WHEN nf IS NULL THEN 2 WHEN nf = 0 THEN 1 ELSE 0 END" if "flags" in self._roles else "2"

    def severe(self) -> str:
        """Whether there is any flag of the worst severity."""
        if not self._plan.severities or "flags" not in self._roles:
            return "2"
        return "CASE WHEN nf IS NULL THEN 2 WHEN n0 > 0 THEN 0 ELSE 1 END"

    def flag_type(self) -> str:
        """The type of one flag, from its token `w`."""
        keys = {self._values["token"].replace("{x}", name): name for name in self._plan.flag_types}
        return self._choice("flag_type", "w", keys, OTHER, MISSING)

    def escalation(self) -> str:
        """The first class of reasons that fits."""
        classes = self._plan.settings.vocabulary.escalation
        none = self._place("escalation", "none")
        cases = " ".join(f"WHEN {self._holds('reason', c.contains)} THEN {n}" for n, c in enumerate(classes))
        return f"CASE WHEN reason IS NULL OR reason = '' THEN {none} {cases} ELSE {len(classes)} END"

    def escalated(self) -> str:
        """Whether there is a reason for an escalation."""
        return "CASE WHEN reason IS NULL OR reason = '' THEN 1 ELSE 0 END" if "escalation" in self._roles else "2"

    def _holds(self, column: str, text: str) -> str:
        folded = "".join(c.lower() if c.isascii() else c for c in text)
        folded = folded.replace("\\", self._values.get("backslash", "\\"))
        return self._values["holds"].replace("{x}", column).replace("{text}", literal(folded))

    @property
    def plan(self) -> Plan:
        """What is counted."""
        return self._plan


_FACTS: Final[Mapping[str, Callable[[Facts], str]]] = {
    "stratum": Facts.stratum,
    "fold": Facts.fold,
    "cap": lambda _: gate_sql.worst(CAPS["cap"]),
    "cap_but_confidence": lambda _: gate_sql.worst(CAPS["cap_but_confidence"]),
    "cap_but_flags": lambda _: gate_sql.worst(CAPS["cap_but_flags"]),
    "label": Facts.label,
    "cohort": Facts.cohort,
    "score_bin": lambda f: f.place_of_bin("su", f.plan.score),
    "confidence": lambda _: _state("c", "cu"),
    "confidence_bin": lambda f: f.place_of_bin("cu", f.plan.confidence),
    "conflict": lambda _: _state("d", "du"),
    "conflict_bin": lambda f: f.place_of_bin("du", f.plan.conflict),
    "worst": Facts.worst,
    "worst_count": lambda f: f.capped_count(0, MOST_OF_WORST),
    "second_count": lambda f: f.capped_count(1, MOST_OF_SECOND),
    "flags_state": Facts.flags_state,
    "sufficiency_state": Facts.sufficiency_state,
    "flagged": Facts.flagged,
    "severe": Facts.severe,
    "flag_type": Facts.flag_type,
    "escalation": Facts.escalation,
    "escalated": Facts.escalated,
    "tier": Facts.tier,
    "sufficiency": Facts.sufficiency,
    "outcome": Facts.outcome,
    "feedback": Facts.feedback,
    "period": Facts.period,
}

# The best bands of which a fact is the worst.
CAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "cap": ("confidence_cap", "flag_cap"),
    "cap_but_confidence": ("score_cap", "flag_cap"),
    "cap_but_flags": ("score_cap", "confidence_cap"),
}
# The typed columns that a fact reads; `nf` stands for all counts of flags.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stratum": ("v",),
    "fold": ("tail",),
    "cap": ("c", "nf"),
    "cap_but_confidence": ("s", "nf"),
    "cap_but_flags": ("s", "c"),
    "label": ("label",),
    "cohort": ("g",),
    "score_bin": ("s",),
    "confidence": ("c",),
    "confidence_bin": ("c",),
    "conflict": ("d",),
    "conflict_bin": ("d",),
    "worst": ("nf",),
    "worst_count": ("nf",),
    "second_count": ("nf",),
    "flags_state": ("nf", "fn"),
    "sufficiency_state": ("sufficient",),
    "flagged": ("nf",),
    "severe": ("nf",),
    "escalation": ("reason",),
    "escalated": ("reason",),
    "tier": ("tier",),
    "sufficiency": ("sufficient",),
    "outcome": ("outcome",),
    "feedback": ("fb",),
    "period": ("m",),
}


def fold_of(subject: str | None) -> str:
    """The half of a subject, as `Facts.fold` computes it in SQL."""
    tail = ("0" * len(FOLD_WEIGHTS) + (subject or ""))[-len(FOLD_WEIGHTS) :]
    total = sum(weight * ord(letter) for weight, letter in zip(FOLD_WEIGHTS, tail, strict=True))
    return "ab"[0 if subject is None else total % FOLD_PRIME % 2]


def _state(raw: str, fixed: str) -> str:
    return f"CASE WHEN {raw} IS NULL THEN 1 WHEN {fixed} IS NULL THEN 2 ELSE 0 END"
