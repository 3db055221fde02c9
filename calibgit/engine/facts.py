"""The portable SQL of every fact of an assessment, over the typed columns that the dialects bring.

Typed columns (`sql/<dialect>/assess.sql`): `v` logic version, `s` score, `c` confidence, `d` conflict density,
`label`, `tier`, `sufficient`, `outcome`, `reason`, `g` group, `fb` feedback, `u` subject, `m` moment, `nf` number of
flags and `n0`, `n1`, ... flags by severity, worst first. Here `su`, `cu`, `du` are the numbers in fixed point and
`flag_cap` is the best band that the flags reach. A fact is never NULL and never a value of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from calibgit.engine import gates as gate_sql
from calibgit.engine.fragments import literal
from calibgit.engine.plan import Plan
from calibgit.model.snapshot import MISSING, OTHER, GridSpec

YES: Final = ("1", "1.0", "true", "t", "yes", "sufficient")
NO: Final = ("0", "0.0", "false", "f", "no", "insufficient")
OUTCOMES: Final = {"1": "1", "1.0": "1", "true": "1", "t": "1", "0": "0", "0.0": "0", "false": "0", "f": "0"}
MOST_OF_WORST: Final = 3
MOST_OF_SECOND: Final = 5
FEEDBACK: Final = (1, 2, 3, 4, 5)
LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
FOLD_WEIGHTS: Final = (1, 3, 5, 7, 11, 13)
FOLD_PRIME: Final = 61


class Facts:
    """SQL texts of one plan.

    Args:
        plan: what is counted.
        values: the value fragments of the dialect: `holds`, `position`, `tail`, `moment_of`.
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

    def flag_cap(self) -> str:
        """The best band that the recorded flags reach; a missing record passes where no gate asks for it."""
        plan = self._plan
        missing = str(gate_sql.missing_flag_cap(plan.gates))
        if not plan.gates.flags or "flags" not in self._roles:
            return missing
        names = {severity: f"n{index}" for index, severity in enumerate(plan.severities)}
        return f"CASE WHEN nf IS NULL THEN {missing} ELSE {gate_sql.flag_cap(plan.gates, plan.config, names)} END"

    def sql(self, fact: str) -> str:
        """The SQL of one fact."""
        return _FACTS[fact](self)

    # One method a fact that needs more than a line.

    def stratum(self) -> str:
        """The logic version, one of the known ones."""
        return choice("v", {version: version for version in self._plan.versions}, OTHER, OTHER)

    def confidence_cap(self) -> str:
        """The best band that the confidence reaches."""
        return gate_sql.confidence_cap(self._plan.gates, "cu")

    def score_cap(self) -> str:
        """The best band that the score reaches."""
        return gate_sql.score_cap(self._plan.gates, "su", self._plan.score.scale)

    def fold(self) -> str:
        """One of two halves of the subjects, by the last characters of who they are; `-` without subjects.

        Both halves are the same on every engine and in every shard. `fold_of` is the same in Python.
        """
        if not self._plan.has_subjects:
            return literal("-")
        terms = []
        for place, weight in enumerate(FOLD_WEIGHTS):
            letter = self._values["tail"].replace("{x}", "u").replace("{at}", str(place + 1))
            found = self._values["position"].replace("{letters}", literal(LETTERS)).replace("{letter}", letter)
            terms.append(f"{weight} * {found}")
        return f"CASE WHEN u IS NULL THEN 'a' WHEN ({' + '.join(terms)}) % {FOLD_PRIME} % 2 = 1 THEN 'b' ELSE 'a' END"

    def period(self) -> str:
        """The calendar period of the moment."""
        *inner, (last, _) = self._plan.periods
        cases = "".join(f" WHEN m < {self.moment(end)} THEN {literal(name)}" for name, end in inner)
        return f"CASE{cases} ELSE {literal(last)} END" if inner else literal(last)

    def moment(self, day: str) -> str:
        """The start of a UTC day as a value of the dialect."""
        return self._values["moment_of"].replace("{text}", literal(f"{day} 00:00:00"))

    def worst(self) -> str:
        """The worst severity among the flags."""
        if "flags" not in self._roles:
            return literal(MISSING)
        cases = " ".join(f"WHEN n{index} > 0 THEN {literal(s)}" for index, s in enumerate(self._plan.severities))
        return f"CASE WHEN nf IS NULL THEN {literal(MISSING)} WHEN nf = 0 THEN 'none' {cases} ELSE {literal(OTHER)} END"

    def capped_count(self, severity: int, most: int) -> str:
        """How many flags of the severity with this place, `most` standing for all above it."""
        if severity >= len(self._plan.severities) or "flags" not in self._roles:
            return literal(MISSING)
        cases = " ".join(f"WHEN n{severity} = {n} THEN '{n}'" for n in range(most))
        return f"CASE WHEN nf IS NULL THEN {literal(MISSING)} {cases} ELSE '{most}' END"

    def flagged(self) -> str:
        """Whether there is any flag."""
        if "flags" not in self._roles:
            return literal(MISSING)
        return f"CASE WHEN nf IS NULL THEN {literal(MISSING)} WHEN nf = 0 THEN 'no' ELSE 'yes' END"

    def escalation(self) -> str:
        """The first class of reasons that fits."""
        if "escalation" not in self._roles:
            return literal(MISSING)
        cases = " ".join(
            f"WHEN {self._holds('reason', item.contains)} THEN {literal(item.name)}"
            for item in self._plan.settings.vocabulary.escalation
        )
        return f"CASE WHEN reason IS NULL OR reason = '' THEN 'none' {cases} ELSE 'other' END"

    def escalated(self) -> str:
        """Whether there is a reason for an escalation."""
        if "escalation" not in self._roles:
            return literal(MISSING)
        return "CASE WHEN reason IS NULL OR reason = '' THEN 'no' ELSE 'yes' END"

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
    "cap": lambda f: gate_sql.worst([f.confidence_cap(), "flag_cap"]),
    "cap_but_confidence": lambda f: gate_sql.worst([f.score_cap(), "flag_cap"]),
    "cap_but_flags": lambda f: gate_sql.worst([f.score_cap(), f.confidence_cap()]),
    "label": lambda f: choice("label", dict(f.plan.labels), OTHER, MISSING),
    "cohort": lambda f: choice("g", {g: g for g in f.plan.groups}, OTHER, MISSING),
    "score_bin": lambda f: bin_of("su", f.plan.score),
    "confidence": lambda _: _state("c", "cu"),
    "confidence_bin": lambda f: bin_of("cu", f.plan.confidence),
    "conflict": lambda _: _state("d", "du"),
    "conflict_bin": lambda f: bin_of("du", f.plan.conflict),
    "worst": Facts.worst,
    "worst_count": lambda f: f.capped_count(0, MOST_OF_WORST),
    "second_count": lambda f: f.capped_count(1, MOST_OF_SECOND),
    "flagged": Facts.flagged,
    "escalation": Facts.escalation,
    "escalated": Facts.escalated,
    "tier": lambda f: choice("tier", {t: t for t in f.plan.tiers}, OTHER, MISSING),
    "sufficiency": lambda _: choice(
        "sufficient", {**dict.fromkeys(YES, "yes"), **dict.fromkeys(NO, "no")}, MISSING, MISSING
    ),
    "outcome": lambda _: choice("outcome", OUTCOMES, "invalid", "pending"),
    "feedback": lambda _: (
        "CASE "
        f"WHEN fb IS NULL THEN {literal(MISSING)} "
        + " ".join(f"WHEN fb = {value} THEN '{value}'" for value in FEEDBACK)
        + " ELSE 'invalid' END"
    ),
    "period": Facts.period,
}

# The typed columns that a fact reads; `nf` stands for all counts of flags.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "stratum": ("v",),
    "fold": ("u",),
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
    "flagged": ("nf",),
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
    total = sum(weight * (LETTERS.find(letter) + 1) for weight, letter in zip(FOLD_WEIGHTS, tail, strict=True))
    return "a" if subject is None or total % FOLD_PRIME % 2 == 0 else "b"


def choice(column: str, keys: Mapping[str, str], other: str, missing: str) -> str:
    """SQL for the closed word that a recorded text stands for."""
    cases = "".join(f" WHEN {column} = {literal(raw)} THEN {literal(key)}" for raw, key in keys.items())
    return f"CASE WHEN {column} IS NULL THEN {literal(missing)}{cases} ELSE {literal(other)} END"


def bin_of(column: str, grid: GridSpec) -> str:
    """SQL for the bin of a number in fixed point; -1 for a missing one."""
    offset = f"({column} - {grid.min})"
    return f"coalesce(CAST(({offset} - {offset} % {grid.step}) / {grid.step} AS BIGINT), -1)"


def _state(raw: str, fixed: str) -> str:
    return f"CASE WHEN {raw} IS NULL THEN 'missing' WHEN {fixed} IS NULL THEN 'invalid' ELSE 'ok' END"
