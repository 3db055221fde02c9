"""CODEOWNERS as GitHub reads it: where it lies, which lines count, who owns a path."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
MAX_BYTES = 3 * 1024 * 1024

_BLANKS = " \t\r"
_WORD = re.compile(r"(?:\\.|[^ \t\r\\]|\\$)+")
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9._-]+)?|[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line that counts: its number from 1, pattern, owners (none clears ownership)."""

    line: int
    pattern: str
    owners: tuple[str, ...]
    matches: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class LineError:
    """A line that is skipped, and why."""

    line: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a path. `unmatched`: no line speaks of it. `unowned`: the last line that does names nobody."""

    status: Literal["owned", "unowned", "unmatched"]
    owners: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """A parsed CODEOWNERS file."""

    path: str
    rules: tuple[Rule, ...]
    errors: tuple[LineError, ...]

    def owners_of(self, path: str) -> Ownership:
        """The ownership of one repository path; the last matching line wins."""
        for rule in reversed(self.rules):
            if rule.matches(path):
                return Ownership("owned" if rule.owners else "unowned", rule.owners, rule.line)
        return Ownership("unmatched")


def find_codeowners(read: Callable[[str], bytes | None]) -> CodeOwners | None:
    """The first CODEOWNERS file of the three places; a file over 3 MB is as good as none.

    Args:
        read: path to bytes, or None where there is no such file.
    """
    for path in LOCATIONS:
        data = read(path)
        if data is not None:
            return parse_codeowners(data, path) if len(data) < MAX_BYTES else CodeOwners(path, (), ())
    return None


def parse_codeowners(data: bytes, path: str = "CODEOWNERS") -> CodeOwners:
    """Read the lines; a line that GitHub would skip is an error of that line only."""
    rules: list[Rule] = []
    errors: list[LineError] = []
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    # Only LF ends a line: with Unicode's other line ends a rule could hide in what people see as a comment.
    for number, raw in enumerate(text.split("\n"), start=1):
        parsed = _parse_line(number, raw)
        if isinstance(parsed, Rule):
            rules.append(parsed)
        elif parsed is not None:
            errors.append(parsed)
    return CodeOwners(path, tuple(rules), tuple(errors))


def _parse_line(number: int, raw: str) -> Rule | LineError | None:
    text = raw.strip(_BLANKS)
    if not text or text.startswith("#"):
        return None
    words = _words(text)
    pattern, owners = words[0], words[1:]
    problem = _pattern_problem(pattern)
    if problem:
        return LineError(number, problem, text)
    if any(_OWNER.fullmatch(owner) is None for owner in owners):
        return LineError(number, "Invalid owner", text)
    try:
        return Rule(number, pattern, tuple(owners), _matcher(pattern))
    except GitIgnorePatternError:
        return LineError(number, "Invalid pattern", text)


def _words(text: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(text):
        if words and word.startswith("#"):
            break
        words.append(word)
    return words


def _pattern_problem(pattern: str) -> str | None:
    if pattern.startswith("!"):
        return "Invalid pattern: negation is not supported"
    if "[" in pattern or "]" in pattern:
        return "Invalid pattern: character ranges are not supported"
    if pattern.startswith("\\#"):
        return "Invalid pattern: an escaped # is not supported"
    if pattern == "/" or "***" in pattern:
        return "Invalid pattern"
    return None


def _matcher(pattern: str) -> Callable[[str], bool]:
    # Git takes `a/**/` for the directories below a, not for the files in it.
    compiled = GitIgnoreSpecPattern(pattern + "*/**" if pattern.endswith("**/") else pattern)
    only_direct = pattern.endswith("/*") and "**" not in pattern
    depth = pattern.strip("/").count("/")

    def matches(path: str) -> bool:
        if compiled.match_file(path) is None:
            return False
        return not only_direct or path.count("/") == depth

    return matches


def uncovered(owners: CodeOwners, paths: Sequence[str]) -> list[str]:
    """The paths that nobody owns."""
    return [path for path in paths if owners.owners_of(path).status != "owned"]
