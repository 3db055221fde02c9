"""CODEOWNERS by GitHub's rules: who owns which path."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibgit.registry.owners import MAX_BYTES, find_codeowners, parse_codeowners, uncovered

NOBODY: tuple[str, ...] = ()
A, B = ("@a",), ("@b",)

# file, path, owners (None: no line speaks of it)
CASES: list[tuple[str, str, tuple[str, ...] | None]] = [
    ("* @a", "x", A),
    ("* @a", "deep/er/x", A),
    ("*.json @a", "configs/c.json", A),
    ("*.json @a", "c.json", A),
    ("*.json @a", "c.jsonl", None),
    ("*.JSON @a", "c.json", None),
    ("/configs/ @a", "configs/c.json", A),
    ("/configs/ @a", "configs/deep/c.json", A),
    ("/configs/ @a", "other/configs/c.json", None),
    ("/configs/ @a", "configs", None),
    ("/Configs/ @a", "configs/c.json", None),
    ("configs/ @a", "configs/c.json", A),
    ("configs/ @a", "other/configs/c.json", A),
    ("configs @a", "configs/c.json", A),
    ("configs @a", "other/configs", A),
    ("/configs @a", "configs/deep/c.json", A),
    ("/configs @a", "configs.json", None),
    ("docs/* @a", "docs/x", A),
    ("docs/* @a", "docs/deep/x", None),
    ("docs/* @a", "other/docs/x", None),
    ("/docs/* @a", "docs/x", A),
    ("/docs/* @a", "docs/deep/x", None),
    ("docs/** @a", "docs/deep/er/x", A),
    ("docs/** @a", "other/docs/x", None),
    ("**/docs @a", "other/docs/x", A),
    ("**/docs @a", "docs/x", A),
    ("**/docs/ @a", "other/docs/deep/x", A),
    ("a/**/z @a", "a/z", A),
    ("a/**/z @a", "a/b/c/z", A),
    ("a/**/z @a", "b/a/z", None),
    ("docs/*.md @a", "docs/x.md", A),
    ("docs/*.md @a", "docs/deep/x.md", None),
    ("c?.json @a", "c1.json", A),
    ("c?.json @a", "c12.json", None),
    ("c?.json @a", "c/.json", None),
    ("* @a\n/configs/ @b", "configs/c", B),
    ("/configs/ @b\n* @a", "configs/c", A),
    ("/configs/ @a\n/configs/ @b", "configs/c", B),
    ("* @a\n/configs/", "configs/c", NOBODY),
    ("* @a\n/configs/", "x", A),
    ("* @a\n/configs/ # nobody", "configs/c", NOBODY),
    ("* @a\n/configs/\n/configs/c @b", "configs/c", B),
    ("* @a @b", "x", ("@a", "@b")),
    ("* @org/team", "x", ("@org/team",)),
    ("* ann@example.org", "x", ("ann@example.org",)),
    ("* @a # why", "x", A),
    ("* @a #@b", "x", A),
    ("# * @a", "x", None),
    ("   # * @a", "x", None),
    ("   * @a", "x", A),
    ("*\t@a\t@b", "x", ("@a", "@b")),
    ("", "x", None),
    ("\n\n\n", "x", None),
    ("\ufeff* @a", "x", A),
    ("* @a\r\n/configs/ @b\r\n", "configs/c", B),
    ("* @a\r\n", "x", A),
    ("my\\ docs/ @a", "my docs/x", A),
    ("my\\ docs/ @a", "my/x", None),
    ("my docs/ @a", "my", None),
    ("* @a\n!configs/ @b", "configs/c", A),
    ("* @a\nconfigs/[ab].json @b", "configs/a.json", A),
    ("* @a\nconfigs/] @b", "configs/]", A),
    ("* @a\n\\#file @b", "#file", A),
    ("* @a\n/ @b", "x", A),
    ("* @a\nx*** @b", "xyz", A),
    ("* @a\nx\\", "x", A),
    ("* @a\nconfigs/ not-an-owner", "configs/c", A),
    ("* @a\nconfigs/ @b not-an-owner", "configs/c", A),
    ("* @a\nconfigs/ @", "configs/c", A),
    ("* @a\nconfigs/ @-b", "configs/c", A),
    ("* @a\nconfigs/ b@nodot", "configs/c", A),
    ("* @a\nconfigs/ <b@example.org>", "configs/c", A),
    ("* @a\nconfigs/ @b\u00a0@c", "configs/c", A),
    ("* @a\n/caf\u00e9/ @b", "caf\u00e9/x", B),
    ("* @a\n/cafe\u0301/ @b", "caf\u00e9/x", A),
    # only LF ends a line: what people see as a comment must not hold a rule
    ("* @a\n# note\u2028/configs/ @b", "configs/c", A),
    ("* @a\n# note\u2029/configs/ @b", "configs/c", A),
    ("* @a\n# note\u0085/configs/ @b", "configs/c", A),
    ("* @a\n# note\x0b/configs/ @b", "configs/c", A),
    ("* @a\n# note\x0c/configs/ @b", "configs/c", A),
    ("* @a\n# note\x1c/configs/ @b", "configs/c", A),
    ("* @a\n# note\r/configs/ @b", "configs/c", A),
    ("* @a\n.* @b", ".github/x", B),
    ("*.json @a\n", "configs/.json", A),
    ("/proposals/ @a", "proposals/scoring/v1.1.0/x.json", A),
    # anchoring: a slash at the start or inside ties a pattern to the root; a trailing one alone does not
    ("apps/web @a", "apps/web", A),
    ("apps/web @a", "apps/web/x", A),
    ("apps/web @a", "other/apps/web", None),
    ("/apps/web @a", "apps/web/deep/x", A),
    ("web @a", "apps/web/deep/x", A),
    ("web/ @a", "apps/web/deep/x", A),
    ("/web @a", "apps/web", None),
    ("/web/ @a", "web", None),
    ("web/ @a", "web", None),
    ("/trust.toml @a", "trust.toml", A),
    ("/trust.toml @a", "deep/trust.toml", None),
    ("trust.toml @a", "deep/trust.toml", A),
    ("/trust.toml/ @a", "trust.toml", None),
    ("/trust.toml @a", "trust.toml.bak", None),
    ("/trust.toml @a", "xtrust.toml", None),
    # a star stays within one name
    ("/*.toml @a", "trust.toml", A),
    ("/*.toml @a", "deep/trust.toml", None),
    ("*.toml @a", "deep/trust.toml", A),
    ("/configs/*.json @a", "configs/c.json", A),
    ("/configs/*.json @a", "configs/deep/c.json", None),
    ("/configs/*/c.json @a", "configs/deep/c.json", A),
    ("/configs/*/c.json @a", "configs/c.json", None),
    ("/configs/*/c.json @a", "configs/deep/er/c.json", None),
    ("/*/c.json @a", "configs/c.json", A),
    ("/*/c.json @a", "c.json", None),
    ("c* @a", "c", A),
    ("c* @a", "configs/x", A),
    ("/c*g @a", "config", A),
    ("/c*g @a", "configs", None),
    ("/* @a", "x", A),
    ("/* @a", "deep/x", None),
    ("* @a", ".hidden", A),
    ("*.* @a", "x", None),
    ("*.* @a", ".x", A),
    # two stars cross names, in every place
    ("** @a", "deep/er/x", A),
    ("/** @a", "deep/er/x", A),
    ("/** @a", "x", A),
    ("**/ @a", "deep/x", A),
    ("**/ @a", "x", None),
    ("**/*.json @a", "c.json", A),
    ("**/*.json @a", "deep/er/c.json", A),
    ("configs/**/*.json @a", "configs/c.json", A),
    ("configs/**/*.json @a", "configs/deep/er/c.json", A),
    ("configs/** @a", "configs", None),
    ("/configs/**/ @a", "configs/deep/x", A),
    ("/configs/**/ @a", "configs/x", None),
    ("a/**/b/**/c @a", "a/1/b/2/3/c", A),
    ("a/**/b/**/c @a", "a/b/c", A),
    ("a/**/b/**/c @a", "a/c", None),
    ("a** @a", "abc", A),
    ("**a @a", "bca", A),
    # a question mark is one character, never a slash
    ("?.json @a", "c.json", A),
    ("?.json @a", ".json", None),
    ("/a?b @a", "a/b", None),
    ("/v?.?.? @a", "v1.1.0", A),
    # marks that mean something elsewhere are letters here
    ("/a+b @a", "a+b", A),
    ("/a+b @a", "aab", None),
    ("/a.b @a", "axb", None),
    ("/(a|b) @a", "a", None),
    ("/(a|b) @a", "(a|b)", A),
    ("/{a,b} @a", "a", None),
    ("/$x^ @a", "$x^", A),
    ('"/my docs/" @a', "my docs/x", None),
    # case, and letters that only look alike
    ("/CONFIGS/ @a", "configs/x", None),
    ("/\u0441onfigs/ @a", "configs/x", None),
    ("* @A", "x", ("@A",)),
    # the last line that speaks of a path decides alone
    ("/configs/ @a\n/configs/c.json @b", "configs/c.json", B),
    ("/configs/c.json @b\n/configs/ @a", "configs/c.json", A),
    ("/configs/ @a\n*.json @b", "configs/c.json", B),
    ("/configs/ @a\n*.md @b", "configs/c.json", A),
    ("* @a\n/configs/\n* @b", "configs/c", B),
    ("/configs/ @a\nconfigs/ not-an-owner\n/configs/ @b", "configs/c", B),
    ("* @a\n* # nobody any more", "x", NOBODY),
    # owners
    ("* @a @a", "x", ("@a", "@a")),
    ("* @org/team @a ann@example.org", "x", ("@org/team", "@a", "ann@example.org")),
    ("* @a\nx @org/team/more", "x", A),
    ("* @a\nx @org/", "x", A),
    ("* @a\nx @/team", "x", A),
    ("* @a\nx @@b", "x", A),
    ("* @a\nx a@b@c.org", "x", A),
    ("* @a\nx @b,", "x", A),
    ("* @a\nx @b;@c", "x", A),
    # lines that are skipped whole
    ("* @a\nconfigs/[a-z].json @b", "configs/a.json", A),
    ("* @a\n!x @b", "x", A),
    ("* @a\n\\!x @b", "x", A),
    ("* @a\n*** @b", "x", A),
    ("* @a\n/***/x @b", "y/x", A),
    ("* @a\n\x00x @b", "x", A),
]


@pytest.mark.parametrize(("text", "path", "owners"), CASES)
def test_a_path_has_the_owners_that_github_gives_it(text: str, path: str, owners: tuple[str, ...] | None) -> None:
    found = parse_codeowners(text.encode()).owners_of(path)
    assert found.owners == (owners or ())
    assert found.status == ("unmatched" if owners is None else "owned" if owners else "unowned")


def test_the_table_is_long_enough() -> None:
    assert len({(text, path) for text, path, _ in CASES}) >= 150


@pytest.mark.parametrize(
    ("there", "used"),
    [
        ({"CODEOWNERS"}, "CODEOWNERS"),
        ({"docs/CODEOWNERS"}, "docs/CODEOWNERS"),
        ({"CODEOWNERS", "docs/CODEOWNERS"}, "CODEOWNERS"),
        ({".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}, ".github/CODEOWNERS"),
        ({"src/CODEOWNERS", "codeowners"}, None),
        (set(), None),
    ],
)
def test_the_first_of_the_three_places_counts(there: set[str], used: str | None) -> None:
    found = find_codeowners(lambda path: f"* @{len(path)}\n".encode() if path in there else None)
    assert (found.path if found else None) == used


def test_an_empty_file_in_the_first_place_still_hides_the_others() -> None:
    found = find_codeowners({".github/CODEOWNERS": b"", "CODEOWNERS": b"* @a\n"}.get)
    assert found is not None
    assert found.owners_of("x").status == "unmatched"


def test_a_file_over_three_megabytes_names_nobody() -> None:
    big = b"* @a\n" + b"#" * (MAX_BYTES - 5)
    found = find_codeowners({"CODEOWNERS": big}.get)
    assert found is not None
    assert found.owners_of("x").owners == ()
    whole = find_codeowners({"CODEOWNERS": big[:-1]}.get)
    assert whole is not None
    assert whole.owners_of("x").owners == ("@a",)


def test_skipped_lines_are_told_with_their_numbers() -> None:
    found = parse_codeowners(b"* @a\n!x @b\n[ab] @b\ny nobody\nz\\\n")
    assert [(error.line, error.kind.partition(":")[0]) for error in found.errors] == [
        (2, "Invalid pattern"),
        (3, "Invalid pattern"),
        (4, "Invalid owner"),
        (5, "Invalid pattern"),
    ]
    assert [rule.line for rule in found.rules] == [1]


def test_uncovered_paths_are_those_without_owners() -> None:
    owners = parse_codeowners(b"/configs/ @a\n/configs/free\n")
    assert uncovered(owners, ["configs/a", "configs/free", "x"]) == ["configs/free", "x"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab*?/\\#![]@ \t\r\n.\u2028\x0c\x00", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    parsed = parse_codeowners(text.encode("utf-8", "replace"))
    for rule in parsed.rules:
        assert all(owner.isprintable() for owner in rule.owners)
    parsed.owners_of("a/b.a")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_read_without_a_crash(data: bytes) -> None:
    parse_codeowners(data).owners_of("a/b")
