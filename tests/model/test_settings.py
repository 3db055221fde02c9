"""`calibgit.toml`: defaults, refusals with their place, and the choice of a line."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from calibgit.errors import DocumentError, UsageError
from calibgit.model.settings import Settings, read_settings
from calibgit.model.toml import read_toml

SOURCE = {
    "table": "scan_results",
    "columns": {"created_at": "at", "score": "score"},
    "logic_version": "1.0.0",
}


def document(*names: str, **parts: Any) -> dict[str, Any]:
    lines = {name: {"source": dict(SOURCE), **parts} for name in names or ("scoring",)}
    return {"schema": "calibgit/settings/1", "lines": lines}


def template() -> bytes:
    text = (files("calibgit.jobs") / "templates" / "calibgit.toml").read_text(encoding="utf-8")
    return text.replace("LINE", "scoring").encode()


def test_the_settings_that_init_writes_are_valid() -> None:
    name, line = read_settings(template()).line(None)
    assert name == "scoring"
    assert line.source.columns.score == "overall_score"
    assert line.privacy.k == 10


def test_what_is_left_out_has_the_documented_default() -> None:
    _, line = Settings.of(document(), "s").line("scoring")
    assert (line.window.days, line.privacy.k, line.grid.step, line.proposal.max_moved_share) == (30, 10, 1, 0.05)
    assert line.analysis.class_shares == {}


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"unknown": 1}, "unknown"),
        ({"configs": "elsewhere"}, "configs"),
        ({"contracts": "elsewhere"}, "contracts"),
        ({"privacy": {"k": 4}}, "k"),
        ({"privacy": {"k": 0}}, "k"),
        ({"window": {"days": 0}}, "days"),
        ({"window": {"anchor": "yesterday"}}, "anchor"),
        ({"grid": {"step": 0}}, "step"),
        ({"grid": {"decimals": 5}}, "decimals"),
        ({"proposal": {"max_moved_share": 1.1}}, "max_moved_share"),
        ({"proposal": {"bootstrap_replicates": 1_000_000}}, "bootstrap_replicates"),
        ({"analysis": {"flag_rate": {"max": -0.1}}}, "flag_rate"),
        ({"analysis": {"crowding_ratio": 0.5}}, "crowding_ratio"),
        ({"source": {**SOURCE, "table": "a.b.c"}}, "table"),
        ({"source": {**SOURCE, "table": "scan\0results"}}, "table"),
        ({"source": {**SOURCE, "table": ".scan_results"}}, "table"),
        ({"source": {**SOURCE, "table": ""}}, "table"),
        ({"source": {**SOURCE, "columns": {"created_at": "a", "score": "a\0b"}}}, "score"),
        ({"source": {**SOURCE, "columns": {"created_at": "a", "score": ""}}}, "score"),
        ({"source": {**SOURCE, "columns": {"created_at": "a", "score": "a" * 256}}}, "score"),
        ({"source": {**SOURCE, "columns": {"created_at": "a"}}}, "score"),
        ({"source": {**SOURCE, "columns": {"created_at": "a", "score": "b", "free_text": "c"}}}, "free_text"),
        ({"source": {"table": "t", "columns": {"created_at": "a", "score": "b"}}}, "source"),
        (
            {"source": {**SOURCE, "columns": {"created_at": "a", "score": "b", "logic_version": "v"}}},
            "source",
        ),
        ({"vocabulary": {"escalation": [{"name": "x", "contains": ""}]}}, "contains"),
        ({"vocabulary": {"tiers": ["a\nb"]}}, "tiers"),
    ],
)
def test_a_bad_setting_is_refused_at_its_place(parts: dict[str, Any], place: str) -> None:
    with pytest.raises(DocumentError) as caught:
        Settings.of(document(**parts), "calibgit.toml")
    assert caught.value.code == "SCHEMA"
    assert place in caught.value.what


@pytest.mark.parametrize(
    "data",
    [b"a = ", b"\xff", b"a = 1\na = 2", b"\x00", b"a = " + b"[" * 5000 + b"]" * 5000, b"= 1"],
)
def test_what_is_not_toml_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(DocumentError, match="NOT_TOML"):
        read_toml(data, "calibgit.toml")


@pytest.mark.parametrize("data", [b"", b'schema = "calibgit/settings/1"', b'schema = "x"\n[lines.scoring]'])
def test_empty_or_foreign_settings_are_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="SCHEMA"):
        read_settings(data)


def test_settings_without_a_line_are_refused() -> None:
    with pytest.raises(DocumentError, match="lines"):
        Settings.of({"schema": "calibgit/settings/1", "lines": {}}, "s")


@pytest.mark.parametrize("name", ["e", "p", "Scoring", "a_b", "-a", "a" * 41])
def test_a_line_name_that_cannot_be_a_ref_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match="cannot name a line"):
        Settings.of(document(name), "s")


def test_the_only_line_needs_no_name() -> None:
    assert Settings.of(document("exam"), "s").line(None)[0] == "exam"


def _which(settings: Settings, name: str | None) -> Callable[[], object]:
    return lambda: settings.line(name)


def test_with_several_lines_one_must_be_named() -> None:
    settings = Settings.of(document("exam", "scoring"), "s")
    assert settings.line("scoring")[0] == "scoring"
    for wanted, code in ((None, "WHICH_LINE"), ("other", "UNKNOWN_LINE")):
        with pytest.raises(UsageError) as caught:
            _which(settings, wanted)()
        assert caught.value.code == code
        assert "exam" in caught.value.fix


def test_the_digest_is_of_the_meaning_and_not_of_the_bytes() -> None:
    _, line = read_settings(template()).line(None)
    assert read_settings(template() + b"\n# a comment\n").line(None)[1].digest() == line.digest()
    assert read_settings(template().replace(b"k = 10", b"k = 11")).line(None)[1].digest() != line.digest()
