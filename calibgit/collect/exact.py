"""The exact, private, mergeable snapshot: integer counts in long form.

Blocks, with their keys; `bin` is an index of the block's base grid (see `collect.plan`), None for no value:

| block | keys | bin, total |
|---|---|---|
| those of `engine.tables.TABLES` | its words, in order | its bin |
| flag_occurrences | type, how often in one assessment: 1 to 4, and 5 for more | |
| flag_severities | type, severity of at least one such flag | |
| category | name | category; `total`: sum of the scores in the score's fixed point |
| category_spread | name | category; `total`: sum of the squares of what the scores exceed the bin's lower edge by |
| category_state | name; `missing`, or `invalid`: there and no score in the range | |
| moments | (none): assessments with a score in every category | |
| moments | one category, or two: | `total`: sum of the scores, or of their products, over those |
| clusters | `subjects`; `rows`, `squared`; an indicator with `sum`, `with_rows`, `squared` | `total` |
| largest | rank: rows of the subject with most rows, second most, ...; stratum `*` | |
| dropped | why a row is not counted | |

The scores in `moments` are counted from the bottom of the range in the plan's `moment_scale`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from calibgit.collect.plan import make_plan
from calibgit.engine.base import Engine
from calibgit.engine.plan import Plan
from calibgit.engine.relations import MOST_OCCURRENCES, WITHOUT_SNAPSHOT, statements
from calibgit.engine.tables import indicators, unpack, unpack_score, wanted_tables
from calibgit.engine.words import word
from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.model.settings import Line
from calibgit.model.snapshot import ALL_STRATA, OTHER, ConfigRef, CountRow, ExactSnapshot, TimeWindow

Totals = Counter[str]
Key = tuple[str, str, tuple[str, ...], int | None]
Tally = dict[Key, tuple[int, int]]
Read = tuple[Key, int, int]
Row = Sequence[Any]
Progress = Callable[[int, int, str], None]

DROPPED = "dropped"
_BY_CATEGORY = frozenset({"category", "category_state"})


def collect_exact(
    engine: Engine,
    *,
    line: str,
    settings: Line,
    settings_sha256: str,
    config: ConfigRef,
    config_data: Mapping[str, Any],
    window: TimeWindow,
    progress: Progress = lambda *_: None,
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
        progress: told before each statement how many are done, how many there are, and its name.

    Raises:
        EnvironmentFault: EMPTY_WINDOW, NO_TABLE, MISSING_COLUMN, or a fault of the engine.
        UsageError: BAD_VOCABULARY.
        IntegrityError: TOTALS_DISAGREE when the blocks do not count the same rows.
    """
    plan = make_plan(line, settings, config_data, config.version, window)
    tally: Tally = {}
    counted: dict[str, Totals] = {}
    wanted = statements(engine, plan)
    for done, (name, sql) in enumerate(wanted.items()):
        progress(done, len(wanted), name)
        rows = engine.fetch(sql)
        if name in WITHOUT_SNAPSHOT:
            counted[name] = Counter({word(plan, "stratum", place): n for place, n in rows})
        else:
            add_all(tally, _READERS[name](plan, rows))
    _require_rows(plan, tally)
    _require_equal_totals(plan, tally, counted)
    return ExactSnapshot(
        line=line,
        window=window,
        config=config,
        settings_sha256=settings_sha256,
        roles=plan.roles,
        subjects="counted" if plan.has_subjects else "absent",
        rows=count_rows(tally),
    )


def add_all(tally: Tally, found: Iterator[Read]) -> None:
    """Add counts to a tally, in place."""
    for key, n, total in found:
        before = tally.get(key, (0, 0))
        tally[key] = (before[0] + n, before[1] + total)


def count_rows(tally: Tally) -> tuple[CountRow, ...]:
    """A tally as the rows of a snapshot: sorted, without zeros."""

    def order(item: tuple[Key, tuple[int, int]]) -> tuple[str, str, tuple[str, ...], int]:
        (block, stratum, keys, bin_), _ = item
        return block, stratum, keys, -1 if bin_ is None else bin_

    return tuple(
        CountRow(block=block, stratum=stratum, keys=keys, bin=bin_, n=n, total=total)
        for (block, stratum, keys, bin_), (n, total) in sorted(tally.items(), key=order)
        if n or total
    )


def _dropped(plan: Plan, rows: Sequence[Row]) -> Iterator[Read]:
    for stratum, reason, n in rows:
        yield (DROPPED, word(plan, "stratum", stratum), (reason,), None), n, 0


def _tables(plan: Plan, rows: Sequence[Row]) -> Iterator[Read]:
    tables = list(wanted_tables(plan.roles).items())
    for place, number, n, *sums in rows:
        if place < len(tables):
            name, table = tables[place]
            yield (name, *unpack(plan, table, int(number))), n, 0
        else:
            yield from _clusters(plan, number, n, *sums)


def _flags(plan: Plan, rows: Sequence[Row]) -> Iterator[Read]:
    severities = [*plan.severities, OTHER]
    for place, kind, _, *counts in rows:
        stratum, name = word(plan, "stratum", place), word(plan, "flag_type", kind)
        for often, n in enumerate(counts[:MOST_OCCURRENCES], 1):
            yield ("flag_occurrences", stratum, (name, str(often)), None), n, 0
        for severity, n in zip(severities, counts[MOST_OCCURRENCES:], strict=True):
            yield ("flag_severities", stratum, (name, severity), None), n, 0


def _scores(plan: Plan, rows: Sequence[Row]) -> Iterator[Read]:
    for number, place, n, *totals in rows:
        if number is not None:
            stratum, name, where = unpack_score(plan, int(number))
            if isinstance(where, int):
                yield ("category", stratum, (name,), where), n, int(totals[0])
                yield ("category_spread", stratum, (name,), where), 0, int(totals[1])
            else:
                yield ("category_state", stratum, (name, where), None), n, 0
        else:
            yield from _moments(plan, word(plan, "stratum", place), n, totals)


def _moments(plan: Plan, stratum: str, n: int, totals: Sequence[Any]) -> Iterator[Read]:
    names = plan.categories
    pairs = [(a, b) for at, a in enumerate(names) for b in names[at:]]
    yield ("moments", stratum, (), None), n, 0
    for keys, total in zip([*((name,) for name in names), *pairs], totals, strict=True):
        yield ("moments", stratum, keys, None), 0, int(total)


def _clusters(plan: Plan, place: int, subjects: int, n: Any, squared: Any, *sums: Any) -> Iterator[Read]:
    stratum = word(plan, "stratum", place)
    yield ("clusters", stratum, ("subjects",), None), subjects, 0
    yield ("clusters", stratum, ("rows",), None), 0, int(n)
    yield ("clusters", stratum, ("rows", "squared"), None), 0, int(squared)
    for at, name in enumerate(indicators(plan)):
        for what, total in zip(("sum", "with_rows", "squared"), sums[3 * at : 3 * at + 3], strict=True):
            yield ("clusters", stratum, (name, what), None), 0, int(total)


def _largest(_: Plan, rows: Sequence[Row]) -> Iterator[Read]:
    for rank, (n,) in enumerate(rows, 1):
        yield ("largest", ALL_STRATA, (f"{rank:03}",), None), n, 0


_READERS: dict[str, Callable[[Plan, Sequence[Row]], Iterator[Read]]] = {
    "dropped": _dropped,
    "unreadable": _dropped,
    "tables": _tables,
    "flags": _flags,
    "scores": _scores,
    "largest": _largest,
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


def _require_equal_totals(plan: Plan, tally: Tally, counted: Mapping[str, Totals]) -> None:
    """Every block that counts each assessment once must have the same total in every stratum.

    Args:
        plan: what was counted.
        tally: all counts.
        counted: what was counted before and after all others, where the source does not keep one snapshot.
    """
    totals: dict[str, Totals] = {name: Counter() for name in wanted_tables(plan.roles)}
    for (block, stratum, keys, _), (n, total) in tally.items():
        if block == "clusters":
            totals.setdefault(block, Counter())[stratum] += total if keys == ("rows",) else 0
        elif block in _BY_CATEGORY:
            totals.setdefault(f"category {keys[0]}", Counter())[stratum] += n
        elif block in totals:
            totals[block][stratum] += n
    first = totals["score"]
    wrong = sorted(block for block, counts in {**totals, **counted}.items() if counts != first)
    if wrong:
        raise IntegrityError(
            "TOTALS_DISAGREE",
            f"the block {wrong[0].replace('_', ' ')} does not count the same rows as the block score",
            why="The data changed while it was read, so the counts belong to no one moment.",
            fix="collect again from a source that nobody is writing to",
        )
