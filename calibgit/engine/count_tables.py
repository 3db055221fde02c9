"""The statement that counts all tables from one pass over the facts, as texts for the places of `tables.sql`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calibgit.engine.fragments import fill_words, sections
from calibgit.engine.groupings import Grouping, groupings, packed_again
from calibgit.engine.plan import Plan
from calibgit.engine.tables import Table, all_facts, indicators, packed, wanted_tables
from calibgit.engine.words import words

Words = dict[str, str]


def table_words(plan: Plan, values: Mapping[str, str], facts_of: Callable[..., str]) -> Words:
    """Places of the relation `tables`.

    Args:
        plan: what is counted.
        values: the value fragments of the dialect: `tables` and `quotient`.
        facts_of: makes the relation of some facts, and of further columns that are read as they are.
    """
    tables = wanted_tables(plan.roles)
    asked = list(indicators(plan).values()) if plan.has_subjects else []
    nulls = "".join(f", CAST(NULL AS BIGINT) AS t{place}" for place in range(2 + 3 * len(asked) if asked else 0))
    if values["tables"] == "tables_by_sets":
        columns, found = _direct(plan, tables, nulls)
    else:
        columns, found = _grouped(plan, values, groupings(plan, tables), nulls)
    subjects = dict.fromkeys(["stratum", "u", *(fact for fact, _ in asked)]) if asked else {}
    return {
        **found,
        "columns": ", ".join([*columns, *subjects]),
        "subjects": "\n" + _subjects(plan, len(tables), asked) if asked else "",
        "facts": facts_of(all_facts(tables.values(), *(fact for fact, _ in asked)), *(["u"] if asked else [])),
    }


def _direct(plan: Plan, tables: Mapping[str, Table], nulls: str) -> tuple[list[str], Words]:
    """Each row of facts is grouped once a table."""
    names = [f"k{place}" for place in range(len(tables))]
    columns = [f"{packed(plan, table.facts)} AS {name}" for name, table in zip(names, tables.values(), strict=True)]
    counted = fill_words(
        _parts()["tables_by_sets"],
        places=" ".join(f"WHEN {name} IS NOT NULL THEN {place}" for place, name in enumerate(names)),
        names=", ".join(names),
        sets=", ".join(f"({name})" for name in names),
        nulls=nulls,
    )
    return columns, {"groupings": "", "counted": counted}


def _grouped(plan: Plan, values: Mapping[str, str], grouped: Sequence[Grouping], nulls: str) -> tuple[list[str], Words]:
    """Each row of facts is grouped a few times, and the tables are counted from those groups."""
    names = [f"g{place}" for place in range(len(grouped))]
    columns = [f"{packed(plan, grouping.facts)} AS {name}" for name, grouping in zip(names, grouped, strict=True)]
    part = _parts()[values["tables"]]
    if values["tables"] == "by_sets":
        rows = fill_words(part, names=", ".join(names), sets=", ".join(f"({name})" for name in names))
    else:
        alone = [", ".join(name if name == one else f"NULL AS {name}" for name in names) for one in names]
        each = zip(names, alone, strict=True)
        rows = " UNION ALL ".join(fill_words(part, names=text, name=name) for name, text in each)
    place_of = {table: place for place, table in enumerate(wanted_tables(plan.roles))}
    counted = [
        fill_words(
            _parts()["one_table"],
            place=str(place_of[table]),
            key=packed_again(plan, grouping, grouping.tables[table], name, values["quotient"]),
            name=name,
            nulls=nulls,
        )
        for name, grouping in zip(names, grouped, strict=True)
        for table in grouping.tables
    ]
    return columns, {"groupings": fill_words(_parts()["groupings"], grouped=rows), "counted": _union(counted)}


def _subjects(plan: Plan, place: int, asked: Sequence[tuple[str, str]]) -> str:
    """The sums over subjects: their rows with each indicator are `y0`, `y1`, ..."""
    found = [f"{fact} = {words(plan, fact).index(word)}" for fact, word in asked]
    return fill_words(
        _parts()["subjects"],
        place=str(place),
        indicators=", ".join(f"count(CASE WHEN {yes} THEN 1 END) AS y{at}" for at, yes in enumerate(found)),
        sums=", ".join(f"sum(y{at}), sum(n * y{at}), sum(y{at} * y{at})" for at in range(len(found))),
    )


def _union(parts: Sequence[str]) -> str:
    return "\nUNION ALL ".join(parts)


def _parts() -> Mapping[str, str]:
    return sections("portable", "tables")
