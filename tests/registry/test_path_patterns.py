"""Patterns of CODEOWNERS against git's own reading of gitignore, and the work that the worst of them makes."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

from calibgit.errors import GateClosed
from calibgit.registry import path_patterns
from calibgit.registry.owners import MAX_LINES, MAX_PATTERN, MAX_STEPS, parse_codeowners
from calibgit.registry.path_patterns import PathPattern
from tests.support.world import run_git

LETTERS = ("a", "b", "ab", "A", ".", "ä", "\\*", "\\?", "\\a", "+", "(", "|", "$", "{a,b}", "^", "-", "~", "%", "@")
NAMES = ("a", "b", "ab", "abb", "A", ".a", "ä", "*", "a*b", "?", "a\nb", "b\n", "a\r")


def name_pattern(rng: random.Random) -> str:
    """One name of a pattern. Two stars stand alone: `a**/b` means something else to git than its manual says."""
    if rng.random() < 0.3:
        return rng.choice(("*", "**", "**"))
    while True:
        text = "".join(
            rng.choice("*?*") if rng.random() < 0.35 else rng.choice(LETTERS) for _ in range(rng.randint(1, 4))
        )
        if "**" not in text:
            return text


def pattern(rng: random.Random) -> str:
    """A pattern of the grammar that CODEOWNERS and gitignore share."""
    names = "/".join(name_pattern(rng) for _ in range(rng.choice((1, 1, 2, 2, 3, 4))))
    return rng.choice(("", "", "/")) + names + rng.choice(("", "", "/"))


def filled(rng: random.Random, name: str) -> str:
    """A name that the pattern of a name may mean."""
    found, escaped = "", False
    for letter in name:
        wild = not escaped and letter in "*?"
        escaped = not escaped and letter == "\\"
        if wild:
            found += rng.choice(("", "a", "ba") if letter == "*" else ("a", "b"))
        elif not escaped:
            found += letter
    return found


def path(rng: random.Random, near: str) -> str:
    """A path; often one that the pattern `near` may mean."""
    if rng.random() < 0.6:
        names = rng.choice(([], [], ["a"], ["b", "a"]))[:]
        for each in near.split("/"):
            names += rng.choices(NAMES[:3], k=rng.randint(0, 2)) if each == "**" else [filled(rng, each)]
        names += rng.choice(([], [], ["b"], ["b", "ab"]))
    else:
        names = rng.choices(NAMES, k=rng.randint(1, 4))
    found = "/".join(each for each in names if each not in {"", ".", ".."}) or "a"
    # Git counts bytes and we count letters, so a question mark is compared on ASCII only.
    return found.replace("ä", "a") if "?" in near else found


def as_gitignore(text: str) -> str:
    """GitHub's `docs/*` speaks of the files in docs alone; git would ignore the directories in it as well."""
    return f"{text}\n!{text}/\n" if text.endswith("/*") else f"{text}\n"


def git_verdicts(directory: Path, cases: list[tuple[str, list[str]]]) -> list[list[bool]]:
    """Whether git ignores each path by each pattern; every pattern has a directory and a .gitignore of its own."""
    run_git(directory, "init", "--quiet", "--template=")
    asked: list[bytes] = []
    for number, (text, paths) in enumerate(cases):
        place = directory / str(number)
        place.mkdir()
        (place / ".gitignore").write_text(as_gitignore(text), encoding="utf-8")
        asked += [f"{number}/{each}".encode() for each in paths]
    words = ["git", "check-ignore", "--no-index", "--verbose", "--non-matching", "-z", "--stdin"]
    shown = subprocess.run(words, cwd=directory, input=b"\x00".join(asked) + b"\x00", capture_output=True, check=True)
    fields = shown.stdout.split(b"\x00")[:-1]
    assert fields[3::4] == asked
    verdicts = iter([text != b"" and not text.startswith(b"!") for text in fields[2::4]])
    return [list(itertools.islice(verdicts, len(paths))) for _, paths in cases]


def compare(directory: Path, seed: int, patterns: int, paths: int) -> tuple[int, int]:
    """Compare verdicts; how many there were, and how many of them were yes."""
    rng = random.Random(seed)  # noqa: S311
    texts = [pattern(rng) for _ in range(patterns)]
    cases = [(text, sorted({path(rng, text) for _ in range(paths)})) for text in texts]
    compared = matched = 0
    for (text, asked), verdicts in zip(cases, git_verdicts(directory, cases), strict=True):
        parsed = parse_codeowners(f"{text} @a\n".encode())
        assert not parsed.errors, text
        for each, theirs in zip(asked, verdicts, strict=True):
            assert (parsed.owners_of(each).status == "owned") == theirs, (text, each)
        compared, matched = compared + len(asked), matched + sum(verdicts)
    return compared, matched


def test_a_sample_of_patterns_means_what_git_takes_it_for(tmp_path: Path) -> None:
    compared, matched = compare(tmp_path, 1, 400, 12)
    assert compared > 3000
    assert compared / 10 < matched < compared * 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_many_patterns_mean_what_git_takes_them_for(tmp_path: Path, seed: int) -> None:
    compared, matched = compare(tmp_path, seed, 4000, 25)
    assert compared > 60_000
    assert compared / 10 < matched < compared * 0.9


@pytest.mark.parametrize(
    ("text", "path", "fits"),
    [
        ("**/x.json", "a\nb/x.json", True),
        ("*.json", "x.json\n", False),
        ("*", "\n", True),
        ("a?b", "a\nb", True),
        ("/configs\u00a0", "configs", False),
        ("/configs\u00a0", "configs\u00a0/c", True),
        ("/configs\x0c", "configs", False),
        ("**/docs/*", "a/docs/x", True),
        ("**/docs/*", "a/docs/b/x", False),
        ("**/docs/*", "docs/docs/x", True),
        ("a\\/b", "a/b", True),
        ("a//b", "a/b", False),
        ("//a", "a", False),
        ("/a\\*b", "a*b", True),
        ("/a\\*b", "axb", False),
        ("\\*\\*/a", "x/a", False),
        ("\\*\\*/a", "**/a", True),
        ("/a\\\\", "a\\", True),
    ],
)
def test_what_a_regular_expression_gets_wrong(text: str, path: str, fits: bool) -> None:
    assert PathPattern(text).fits(path.split("/")) is fits


@pytest.mark.parametrize("text", ["/", "", "a\\", "a/b\\", "\\\\\\"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match=r"nothing is left|backslash"):
        PathPattern(text)


class Lines:
    """Counts the lines that run in the matcher: work that depends on no clock and no machine."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename == path_patterns.__file__ else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        self.count += event == "line"
        return self._line


DEEP = "/".join("a" * 80)
WORST = {
    "stars in a name": ("*" + "a*" * 40 + "b", "a" * 300),
    "a star before many letters": ("*" + "a" * 100 + "b", "a" * 400),
    "question marks": ("*" + "?" * 60 + "*b", "a" * 300),
    "stars and question marks": ("*?" * 40 + "b", "a" * 300),
    "two stars by turns": ("/" + "**/a/" * 30 + "b", DEEP),
    "two stars in a row": ("**/" * 200 + "b", DEEP),
    "two stars before many names": ("**/" + "a/" * 40 + "b", DEEP),
    "both": ("**/" + "*a*a*a*a/" * 10 + "b", "/".join(["a" * 20] * 20)),
    "stars for names": ("*/" * 40 + "b", DEEP),
}


@pytest.mark.parametrize("case", WORST)
def test_the_worst_patterns_cost_no_more_than_pattern_times_path(case: str) -> None:
    text, longest = WORST[case]
    shape, names = PathPattern(text), longest.split("/")
    with Lines() as lines:
        assert not shape.fits(names)
    assert lines.count < 8 * (len(text) + 2) * (len(longest) + 2)


@pytest.mark.parametrize("case", WORST)
def test_a_path_twice_as_long_costs_at_most_a_little_over_twice_as_much(case: str) -> None:
    text, once = WORST[case]
    shape, counts = PathPattern(text), []
    for longer in (once, once + ("/" if "/" in once else "") + once):
        with Lines() as lines:
            assert not shape.fits(longer.split("/"))
        counts.append(lines.count)
    assert counts[1] < 3 * counts[0]


def refused(text: bytes, paths: list[str]) -> str:
    with pytest.raises(GateClosed) as caught:
        parse_codeowners(text).ownership(paths)
    assert caught.value.code == "CODEOWNERS_TOO_LARGE"
    assert caught.value.fix
    return caught.value.what


def test_too_many_lines_name_nobody_rather_than_some() -> None:
    lines = b"/configs/ @a\n" * MAX_LINES
    assert parse_codeowners(lines).owners_of("configs/c").owners == ("@a",)
    for more in (b"/configs/ @b\n", b"!x @b\n"):
        assert "lines" in refused(lines + more, ["configs/c"])
    comments = b"# a comment\n\n" * 2 * MAX_LINES
    assert parse_codeowners(comments + lines).owners_of("configs/c").owners == ("@a",)


def test_a_pattern_that_is_too_long_is_not_left_out() -> None:
    longest = b"/" + b"a" * (MAX_PATTERN - 1)
    assert parse_codeowners(b"* @a\n" + longest + b" @b\n").owners_of("x").owners == ("@a",)
    assert "line 2" in refused(b"* @a\n" + longest + b"a @b\n", ["x"])
    assert "line 1" in refused(b"/*" * MAX_PATTERN + b" @b\n* @a\n", ["x"])


def test_lines_times_paths_have_a_bound() -> None:
    wild = b"".join(b"*a*a*a*a*%d @a\n" % number for number in range(10_000))
    assert parse_codeowners(wild).owners_of("b" * 60).status == "unmatched"
    assert "steps" in refused(wild, [f"{number}/{'a' * 60}" for number in range(1000)])
    assert "steps" in refused(wild, ["a" * 60_000])
    plain = b"".join(b"/configs/%d @a\n" % number for number in range(20_000))
    assert parse_codeowners(plain).owners_of("configs/7").owners == ("@a",)
    assert "steps" in refused(plain, ["a/" * (MAX_STEPS // 20_000)])


def test_owners_that_are_too_long_are_nobodys() -> None:
    """An address of a megabyte of dots, and no end, would be tried from every dot."""
    parsed = parse_codeowners(b"* @a\n* x@" + b"." * 1_000_000 + b"@\n")
    assert [error.kind for error in parsed.errors] == ["Invalid owner"]
    assert parsed.owners_of("x").owners == ("@a",)


def test_many_files_in_a_large_repository_are_judged() -> None:
    text = b"".join(b"/services/team%d/ @team%d\n**/team%d/*.json @team%d\n" % ((n,) * 4) for n in range(100))
    paths = [f"proposals/scoring/v1.1.0/evidence/{number}.json" for number in range(300)]
    found = parse_codeowners(b"* @a\n" + text).ownership(paths)
    assert {each.owners for each in found.values()} == {("@a",)}
