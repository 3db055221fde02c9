"""The matcher of columns and roles: a pure rule, held by a table of cases and by its properties."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.collect.mapping import FOR_A_PERSON, ROLES, Field, match_columns, normalised
from calibgit.engine.base import Family
from calibgit.engine.table import COLUMNS
from calibgit.model.settings import Columns
from tests.support.results import COLUMN_OF

FAMILIES: tuple[Family, ...] = ("number", "boolean", "time", "text", "json", "nested", "other", "unknown")
WORDS = sorted(word for role in ROLES.values() for word in role.words)
SPELLED = st.sampled_from(WORDS).flatmap(
    lambda word: st.sampled_from(
        [word, word.upper(), word.title().replace("_", ""), word.replace("_", " "), f'"{word}"', f"\n{word}--"]
    )
)
NAMES = st.one_of(SPELLED, st.text(max_size=12))
FIELDS = st.lists(st.builds(Field, NAMES, st.sampled_from(FAMILIES)), unique_by=lambda field: field.name)


def test_the_roles_are_those_of_the_settings_and_no_word_is_of_two() -> None:
    assert set(ROLES) == set(Columns.model_fields)
    assert len(WORDS) == len(set(WORDS))
    assert all(normalised(word) == word for word in WORDS)


def test_the_default_table_gets_the_default_mapping() -> None:
    fields = [Field(name, "unknown") for name in COLUMNS]
    found = match_columns(fields)
    assert found.chosen == {role: name for role, name in COLUMN_OF.items() if role not in FOR_A_PERSON}
    assert (found.finding("group"), found.columns, found.numbers) == ("for_a_person", 16, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("overall_score", "overall_score"),
        ("Overall Score", "overall_score"),
        ("overallScore", "overall_score"),
        ("OVERALL-SCORE", "overall_score"),
        ('"overall\nscore"', "overall_score"),
        ("overall__score_", "overall_score"),
        ("OverallSCORE", "overall_score"),
        ("overall_sc\u043ere", ""),
        ("sc\u200bore", ""),
        ("\uff53core", ""),
        ("sco\u0000re", ""),
        ("score" + "_" * 251, ""),
        ("", ""),
        ("---", ""),
    ],
)
def test_names_are_compared_without_capitals_and_signs_and_never_by_looks(name: str, expected: str) -> None:
    assert normalised(name) == expected


@pytest.mark.parametrize(
    ("fields", "role", "finding", "columns"),
    [
        ([("score", "number")], "score", "matched", ("score",)),
        ([("score", "text")], "score", "matched", ("score",)),
        ([("score", "number"), ("Overall Score", "number")], "score", "ambiguous", ("Overall Score", "score")),
        ([("score", "number"), ("SCORE", "number")], "score", "ambiguous", ("SCORE", "score")),
        ([("score", "number"), ("overall_score", "time")], "score", "matched", ("score",)),
        ([("score", "boolean")], "score", "wrong_type", ("score",)),
        ([("points", "number")], "score", "no_name", ()),
        ([("created_at", "number")], "created_at", "wrong_type", ("created_at",)),
        ([("created_at", "time"), ("timestamp", "number")], "created_at", "matched", ("created_at",)),
        ([("category", "number")], "label", "wrong_type", ("category",)),
        ([("red_flags", "nested")], "flags", "matched", ("red_flags",)),
        ([("red_flags", "number")], "flags", "wrong_type", ("red_flags",)),
        ([("is_escalated", "boolean")], "escalation", "no_name", ()),
        ([("cohort", "text")], "group", "for_a_person", ("cohort",)),
        ([("user_id", "text"), ("subject", "other")], "subject", "matched", ("user_id",)),
    ],
)
def test_a_role_gets_the_one_column_that_fits(
    fields: list[tuple[str, Family]], role: str, finding: str, columns: tuple[str, ...]
) -> None:
    found = match_columns([Field(*field) for field in fields])
    match = next(match for match in found.matches if match.role == role)
    assert (match.finding, match.columns) == (finding, columns)
    assert found.chosen.get(role) == (columns[0] if finding == "matched" else None)


def test_columns_that_may_hold_numbers_are_counted_where_no_role_names_them() -> None:
    fields: list[tuple[str, Family]] = [("points", "number"), ("x", "unknown"), ("y", "text"), ("score", "boolean")]
    assert match_columns([Field(*field) for field in fields]).numbers == 2


@given(both=FIELDS.flatmap(lambda fields: st.tuples(st.just(fields), st.permutations(fields))))
def test_the_order_of_columns_changes_nothing(both: tuple[list[Field], list[Field]]) -> None:
    assert match_columns(both[0]) == match_columns(both[1])


@given(fields=FIELDS)
def test_every_choice_is_the_only_one_and_no_column_has_two_roles(fields: list[Field]) -> None:
    found = match_columns(fields)
    by_name = {field.name: field for field in fields}
    chosen = found.chosen
    assert len(set(chosen.values())) == len(chosen)
    assert [match.role for match in found.matches] == list(ROLES)
    for match in found.matches:
        role = ROLES[match.role]
        assert all(normalised(name) in role.words for name in match.columns)
        assert all(a < b for a, b in pairwise(match.columns))
        fitting = [name for name in by_name if normalised(name) in role.words and by_name[name].family in role.families]
        assert (match.column is not None) == (len(fitting) == 1 and match.role not in FOR_A_PERSON)
        assert (match.finding == "ambiguous") == (len(fitting) > 1 and match.role not in FOR_A_PERSON)


@given(fields=FIELDS, name=st.text(max_size=12), family=st.sampled_from(FAMILIES))
def test_a_column_that_fits_nothing_changes_no_match(fields: list[Field], name: str, family: Family) -> None:
    if normalised(name) in WORDS or name in {field.name for field in fields}:
        return
    assert match_columns([*fields, Field(name, family)]).matches == match_columns(fields).matches


@given(fields=FIELDS)
def test_no_name_reaches_a_finding_that_is_not_a_known_word(fields: list[Field]) -> None:
    named = {name for match in match_columns(fields).matches for name in match.columns}
    assert all(normalised(name) in WORDS and name.isascii() for name in named)
