"""Names and numbers: parsing is strict, and the text comes back unchanged."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.errors import UsageError
from calibgit.model import ids
from calibgit.model.ids import Version

NUMBERS = st.integers(0, 999_999_999)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS)
LINES = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True).filter(
    lambda text: text not in {"e", "p"}
)


@given(VERSIONS)
def test_a_version_s_text_reads_back_as_the_same_version(version: Version) -> None:
    assert Version.parse(str(version)) == version


@given(st.text(max_size=12))
def test_whatever_parses_as_a_version_has_exactly_one_spelling(text: str) -> None:
    with suppress(UsageError):
        assert str(Version.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "01.0.0",
        "1.00.0",
        "1.0.0-rc1",
        "1.0.0+b",
        " 1.0.0",
        "1.0.0\n",
        "-1.0.0",
        "1.0.x",
        "1..0",
        "1,0,0",
        "١.0.0",
        "1.0.²",
        "1000000000.0.0",
        "1e1.0.0",
        "0x1.0.0",
    ],
)
def test_anything_but_three_plain_numbers_is_no_version(text: str) -> None:
    with pytest.raises(UsageError, match="BAD_VERSION"):
        Version.parse(text)


def test_versions_order_by_number_and_not_by_text() -> None:
    assert sorted(map(Version.parse, ["1.10.0", "1.9.0", "2.0.0", "1.9.10"])) == [
        Version(1, 9, 0),
        Version(1, 9, 10),
        Version(1, 10, 0),
        Version(2, 0, 0),
    ]


@given(VERSIONS, st.sampled_from(["major", "minor", "patch"]))
def test_a_bumped_version_is_greater_and_says_its_level(version: Version, level: str) -> None:
    fresh = version.bump(level)
    assert fresh > version
    assert fresh.level_from(version) == level
    assert version.level_from(version) == "none"


@given(VERSIONS, st.sampled_from(["major", "minor", "patch"]), st.sets(VERSIONS, max_size=5))
def test_the_next_version_is_above_every_number_that_is_taken(base: Version, level: str, known: set[Version]) -> None:
    fresh = ids.next_version(base, level, known | {base})
    assert fresh > max(known | {base})
    order = ("patch", "minor", "major")
    assert order.index(fresh.level_from(base)) >= order.index(level)


@given(LINES)
def test_a_good_name_is_accepted(name: str) -> None:
    assert ids.require_name(name, "line") == name


@pytest.mark.parametrize(
    "name",
    ["", "e", "p", "-a", "a-", "A", "a_b", "a b", "a/b", "a.b", "a" * 41, "ä", "a\n", "..", "a..b", "@", "refs/x"],
)
def test_a_bad_name_is_refused(name: str) -> None:
    assert not ids.is_name(name)
    with pytest.raises(UsageError, match="BAD_NAME"):
        ids.require_name(name, "line")


def test_a_name_of_forty_characters_is_the_longest() -> None:
    assert ids.is_name("a" * 40)


@given(st.integers(1, 99_999_999))
def test_a_slot_reads_back(seq: int) -> None:
    assert ids.parse_slot(ids.slot_name(seq)) == seq


@pytest.mark.parametrize(
    "name", ["calib/e/00000000", "calib/e/1", "calib/e/000000001", "calib/e/0000000a", "calib/f/00000001", "e/00000001", "calib/e/00000001\n", "refs/tags/calib/e/00000001", "calib/e/٠0000001"],
)  # fmt: skip
def test_anything_else_is_no_slot(name: str) -> None:
    assert ids.parse_slot(name) is None


@given(LINES, VERSIONS)
def test_a_release_name_reads_back(line: str, version: Version) -> None:
    assert ids.parse_release_name(ids.release_name(line, version)) == (line, version)


@pytest.mark.parametrize(
    "name", ["calib/e/v1.0.0", "calib/p/v1.0.0", "calib/x/v01.0.0", "calib/x/1.0.0", "calib/x/v1.0", "x/v1.0.0", "calib/x/revert/v1.0.0-00000002", "calib/-x/v1.0.0", "calib/x/v1.0.0\n", "calib/X/v1.0.0"],
)  # fmt: skip
def test_anything_else_is_no_release_name(name: str) -> None:
    assert ids.parse_release_name(name) is None


@given(LINES, VERSIONS, st.integers(1, 99_999_999))
def test_no_name_of_one_kind_can_be_taken_for_another(line: str, version: Version, seq: int) -> None:
    names = [ids.slot_name(seq), ids.release_name(line, version), ids.revert_name(line, version, seq)]
    readings = [(ids.parse_slot(name) is not None, ids.parse_release_name(name) is not None) for name in names]
    assert readings == [(True, False), (False, True), (False, False)]
    assert all(a != b for a, b in itertools.pairwise(sorted(names)))
