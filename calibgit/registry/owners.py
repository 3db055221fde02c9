"""CODEOWNERS as GitHub reads it: where it lies, which lines count, who owns a path."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from calibgit.errors import GateClosed
from calibgit.registry.path_patterns import PathPattern

LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
MAX_BYTES = 3 * 1024 * 1024
# Bounds of what one reader does for one approval. They depend on the bytes alone, so that all readers agree.
MAX_LINES = 20_000
MAX_PATTERN = 4096
MAX_STEPS = 50_000_000

_BLANKS = " \t\r"
_WORD = re.compile(r"(?:\\.|[^ \t\r\\]|\\$)+")
_MAX_OWNER = 320
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9._-]+)?|[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line that counts: its number from 1, pattern, owners (none clears ownership)."""

    line: int
    pattern: PathPattern
    owners: tuple[str, ...]


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
    """A parsed CODEOWNERS file.

    Attributes:
        excess: why it is not read at all, although GitHub would read it; empty when it is read.
    """

    path: str
    rules: tuple[Rule, ...]
    errors: tuple[LineError, ...]
    excess: str = ""

    def ownership(self, paths: Sequence[str]) -> dict[str, Ownership]:
        """Who owns each repository path; the last matching line wins.

        Raises:
            GateClosed: CODEOWNERS_TOO_LARGE. To leave a line out would let an earlier line win.
        """
        excess = self.excess or self._excess(paths)
        if excess:
            raise GateClosed(
                "CODEOWNERS_TOO_LARGE",
                f"{self.path} is not read: {excess}",
                why="Nobody is an owner by half a file, and no file may keep a reader busy without end.",
                fix=f"write {self.path} with fewer lines and wildcards",
            )
        return {path: self._owner(path) for path in paths}

    def owners_of(self, path: str) -> Ownership:
        """The ownership of one path; see `ownership`."""
        return self.ownership([path])[path]

    def _excess(self, paths: Sequence[str]) -> str:
        """Why these paths are too many for these rules.

        A rule without wildcards compares whole names; each character of the others may meet each of the paths'.
        """
        wild = sum(len(rule.pattern.text) for rule in self.rules if not rule.pattern.literal)
        names = sum(path.count("/") + 1 for path in paths)
        steps = len(self.rules) * names + wild * sum(map(len, paths))
        return f"{len(paths)} paths may take {steps} steps, over {MAX_STEPS}" if steps > MAX_STEPS else ""

    def _owner(self, path: str) -> Ownership:
        names = path.split("/")
        for rule in reversed(self.rules):
            if rule.pattern.fits(names):
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
        if len(rules) + len(errors) > MAX_LINES:
            return CodeOwners(path, (), (), f"it has more than {MAX_LINES} lines that are no comments")
        if isinstance(parsed, Rule) and len(parsed.pattern.text) > MAX_PATTERN:
            return CodeOwners(path, (), (), f"the pattern in line {number} has more than {MAX_PATTERN} characters")
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
    if any(len(owner) > _MAX_OWNER or _OWNER.fullmatch(owner) is None for owner in owners):
        return LineError(number, "Invalid owner", text)
    try:
        return Rule(number, PathPattern(pattern), tuple(owners))
    except ValueError:
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


def uncovered(owners: CodeOwners, paths: Sequence[str]) -> list[str]:
    """The paths that nobody owns.

    Raises:
        GateClosed: CODEOWNERS_TOO_LARGE.
    """
    return [path for path, found in owners.ownership(paths).items() if found.status != "owned"]
