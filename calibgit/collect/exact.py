"""The exact, private, mergeable snapshot: integer counts in long form.

Blocks, with their keys; `bin` is an index of the block's base grid (see `collect.plan`):

| block | keys | bin |
|---|---|---|
| score | cap of the other gates | score |
| implied | band index by the config | |
| label | recorded band, __other__, __missing__ | |
| conformance | recorded as above, implied band index | |
| confidence | recorded label, ok/missing/invalid | confidence where ok |
| outcome | 1/0/pending/invalid, ok/missing/invalid | confidence where ok |
| severity | worst severity, none, __other__, __missing__ | |
| flag_type | type, __other__, __missing__: assessments with at least one | |
| flags_known | (none): assessments with a readable list of flags | |
| escalation, tier, sufficiency | closed word | |
| conflict | ok/missing/invalid | conflict where ok |
| category | name: `n` valid scores, `total` their sum in the score's fixed point | |
| dropped | why a row is not counted | |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from calibgit.collect.plan import make_plan
from calibgit.engine.base import Engine
from calibgit.engine.relations import Plan, statements
from calibgit.errors import EnvironmentFault, IntegrityError, UsageError
from calibgit.model.settings import Line
from calibgit.model.snapshot import ConfigRef, CountRow, ExactSnapshot, TimeWindow

Key = tuple[str, str, tuple[str, ...], int | None]
Tally = dict[Key, tuple[int, int]]

DROPPED = "dropped"
_TRAITS = (("severity", "flags"), ("escalation", "escalation"), ("tier", "tier"), ("sufficiency", "sufficiency"))


def collect_exact(
    engine: Engine,
    *,
    line: str,
    settings: Line,
    settings_sha256: str,
    config: ConfigRef,
    config_data: Mapping[str, Any],
    window: TimeWindow,
) -> ExactSnapshot:
    """Count one window of one line.

    Args:
        engine: an open source.
        line: the line's name.
        settings: the line's settings: mapping, vocabularies, grid.
        settings_sha256: SHA-256 of the settings' bytes, 64 hex digits.
        config: version and digest of the config in force.
        config_data: that config as JSON data.
        window: half-open UTC window.

    Raises:
        EnvironmentFault: EMPTY_WINDOW, NO_TABLE, MISSING_COLUMN, or a fault of the engine.
        UsageError: BAD_VOCABULARY.
        IntegrityError: TOTALS_DISAGREE when the blocks do not count the same rows.
    """
    plan = make_plan(line, settings, config_data, config.version, window)
    tally: Tally = {}
    for name, sql in statements(engine, plan).items():
        for row in engine.fetch(sql):
            for key, n, total in _READERS[name](plan, row):
                before = tally.get(key, (0, 0))
                tally[key] = (before[0] + n, before[1] + total)
    _require_rows(plan, tally)
    _require_equal_totals(tally)
    return ExactSnapshot(
        line=line,
        window=window,
        config=config,
        settings_sha256=settings_sha256,
        roles=plan.roles,
        rows=_rows(tally),
    )


def merge(a: ExactSnapshot, b: ExactSnapshot) -> ExactSnapshot:
    """The snapshot of two disjoint shards of one window: integer addition.

    Raises:
        UsageError: NOT_MERGEABLE unless line, window, config, settings and roles are the same.
    """
    for name in ("line", "window", "config", "settings_sha256", "roles"):
        if getattr(a, name) != getattr(b, name):
            raise UsageError(
                "NOT_MERGEABLE",
                f"the two snapshots differ in {name}",
                why="Counts add only where they count the same thing.",
                fix="collect both shards with the same settings, config and --as-of",
            )
    tally: Tally = {}
    for row in (*a.rows, *b.rows):
        key = (row.block, row.stratum, row.keys, row.bin)
        before = tally.get(key, (0, 0))
        tally[key] = (before[0] + row.n, before[1] + row.total)
    return a.model_copy(update={"rows": _rows(tally)})


def _rows(tally: Tally) -> tuple[CountRow, ...]:
    def order(item: tuple[Key, tuple[int, int]]) -> tuple[str, str, tuple[str, ...], int]:
        (block, stratum, keys, bin_), _ = item
        return block, stratum, keys, -1 if bin_ is None else bin_

    return tuple(
        CountRow(block=block, stratum=stratum, keys=keys, bin=bin_, n=n, total=total)
        for (block, stratum, keys, bin_), (n, total) in sorted(tally.items(), key=order)
        if n
    )


Read = tuple[Key, int, int]


def _score(plan: Plan, row: Sequence[Any]) -> list[Read]:
    stratum, cap, implied, label, bin_, n = row
    found: list[Read] = [
        (("score", stratum, (str(cap),), int(bin_)), n, 0),
        (("implied", stratum, (str(implied),), None), n, 0),
    ]
    if "label" in plan.roles:
        found += [
            (("label", stratum, (label,), None), n, 0),
            (("conformance", stratum, (label, str(implied)), None), n, 0),
        ]
    return found


def _confidence(plan: Plan, row: Sequence[Any]) -> list[Read]:
    stratum, label, outcome, state, bin_, n = row
    where = int(bin_) if state == "ok" else None
    found: list[Read] = []
    if "confidence" in plan.roles:
        found.append((("confidence", stratum, (label, state), where), n, 0))
    if "outcome" in plan.roles:
        found.append((("outcome", stratum, (outcome, state), where), n, 0))
    return found


def _traits(plan: Plan, row: Sequence[Any]) -> list[Read]:
    stratum, *words, state, bin_, n = row
    found: list[Read] = [
        ((block, stratum, (word,), None), n, 0)
        for (block, role), word in zip(_TRAITS, words, strict=True)
        if role in plan.roles
    ]
    if "conflict" in plan.roles:
        found.append((("conflict", stratum, (state,), int(bin_) if state == "ok" else None), n, 0))
    return found


def _flags(_: Plan, row: Sequence[Any]) -> list[Read]:
    stratum, key, n = row
    return [(("flags_known", stratum, (), None) if key is None else ("flag_type", stratum, (key,), None), n, 0)]


def _categories(_: Plan, row: Sequence[Any]) -> list[Read]:
    stratum, name, n, total = row
    return [(("category", stratum, (name,), None), n, int(total))]


def _dropped(_: Plan, row: Sequence[Any]) -> list[Read]:
    stratum, reason, n = row
    return [((DROPPED, stratum, (reason,), None), n, 0)]


_READERS: dict[str, Callable[[Plan, Sequence[Any]], list[Read]]] = {
    "dropped": _dropped,
    "unreadable": _dropped,
    "score": _score,
    "confidence": _confidence,
    "traits": _traits,
    "flags": _flags,
    "categories": _categories,
}


def _require_rows(plan: Plan, tally: Tally) -> None:
    if any(block == "score" for block, *_ in tally):
        return
    dropped = sum(n for (block, *_), (n, _) in tally.items() if block == DROPPED)
    rest = " although other rows could not be counted (score or time missing or invalid)" if dropped else ""
    raise EnvironmentFault(
        "EMPTY_WINDOW",
        f"no assessment of line {plan.line} lies between {plan.window.start} and {plan.window.end}{rest}",
        why="A snapshot without rows says nothing.",
        fix="choose another --as-of or --days, or check created_at and score in the mapping",
    )


def _require_equal_totals(tally: Tally) -> None:
    """Every block that counts each assessment once must have the same total in every stratum."""
    totals: dict[str, Counter[str]] = {}
    for (block, stratum, _, _), (n, _) in tally.items():
        if block not in {DROPPED, "flag_type", "flags_known", "category"}:
            totals.setdefault(block, Counter())[stratum] += n
    first = totals["score"]
    wrong = sorted(block for block, counts in totals.items() if counts != first)
    if wrong:
        raise IntegrityError(
            "TOTALS_DISAGREE",
            f"the block {wrong[0]} does not count the same rows as the block score",
            why="The data changed while it was read, so the counts belong to no one moment.",
            fix="collect again from a source that nobody is writing to",
        )
