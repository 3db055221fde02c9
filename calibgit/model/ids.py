"""Names and numbers with a grammar: parse is strict, `str` gives back the same text. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from calibgit.errors import UsageError

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_RESERVED = frozenset({"e", "p"})

TAG_ROOT = "calib"
TAG_NAMESPACE = f"refs/tags/{TAG_ROOT}/"


class Version(NamedTuple):
    """A semantic version without pre-release or build parts; orders by number, never by text."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `X.Y.Z`.

        Raises:
            UsageError: BAD_VERSION.
        """
        return _parsed(text)

    def bump(self, level: str) -> Version:
        """The next version at `level`: major, minor or patch."""
        if level == "major":
            return Version(self.major + 1, 0, 0)
        if level == "minor":
            return Version(self.major, self.minor + 1, 0)
        return Version(self.major, self.minor, self.patch + 1)

    def level_from(self, base: Version) -> Literal["none", "patch", "minor", "major"]:
        """The most significant part that differs from `base`: major, minor, patch or none."""
        if self.major != base.major:
            return "major"
        if self.minor != base.minor:
            return "minor"
        return "patch" if self.patch != base.patch else "none"

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Version:
    """A log names the same versions again and again."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise UsageError(
            "BAD_VERSION",
            f"{text!r} is not a version of the form X.Y.Z",
            why="Versions are ordered by number, so they must be three plain numbers.",
            fix="write it like 1.2.0",
        )
    major, minor, patch = match.groups()
    return Version(int(major), int(minor), int(patch))


def next_version(base: Version, level: str, known: Iterable[Version]) -> Version:
    """The lowest number at `level` above `base` and above every number that is taken."""
    wanted = base.bump(level)
    highest = max(known, default=base)
    return wanted if wanted > highest else highest.bump(level)


def is_name(text: str) -> bool:
    """Whether `text` keeps the grammar of lines and environments."""
    return _NAME.fullmatch(text) is not None and text not in _RESERVED


def require_name(text: str, what: str) -> str:
    """Return `text` if it keeps the grammar.

    Raises:
        UsageError: BAD_NAME.
    """
    if not is_name(text):
        raise UsageError(
            "BAD_NAME",
            f"{text!r} cannot name a {what}",
            why="Names become git refs: lower-case letters, digits and inner dashes, at most 40 characters; "
            "'e' and 'p' are reserved.",
            fix=f"choose a {what} name such as 'scoring'",
        )
    return text


def choose_line(name: str | None, lines: Collection[str]) -> str:
    """The line called `name`, or the only line.

    Raises:
        UsageError: WHICH_LINE or UNKNOWN_LINE.
    """
    known = ", ".join(sorted(lines))
    if name is None and len(lines) > 1:
        raise UsageError(
            "WHICH_LINE",
            f"this repository governs several lines: {known}",
            why="A command acts on one line.",
            fix=f"add --line {min(lines)}",
        )
    if name is None:
        return next(iter(lines))
    if name not in lines:
        raise UsageError(
            "UNKNOWN_LINE",
            f"there is no line {name!r}",
            why=f"calibgit.toml knows: {known}.",
            fix=f"use --line {min(lines)}",
        )
    return name


def slot_name(seq: int) -> str:
    """The tag name that holds event number `seq` (1 to 99,999,999)."""
    return f"{TAG_ROOT}/e/{seq:08d}"


def release_name(line: str, version: Version) -> str:
    """The tag name that runtimes pin."""
    return f"{TAG_ROOT}/{line}/v{version}"


def revert_name(line: str, version: Version, seq: int) -> str:
    """The friendly name of a rollback; `version` is the one taken out."""
    return f"{TAG_ROOT}/{line}/revert/v{version}-{seq:08d}"


_SLOT = re.compile(rf"{TAG_ROOT}/e/([0-9]{{8}})")
_RELEASE = re.compile(rf"{TAG_ROOT}/([a-z0-9-]{{1,40}})/v([0-9.]{{5,29}})")


def parse_slot(name: str) -> int | None:
    """The sequence number of a slot name, or None."""
    match = _SLOT.fullmatch(name)
    return int(match.group(1)) if match and int(match.group(1)) > 0 else None


def parse_release_name(name: str) -> tuple[str, Version] | None:
    """Line and version of a release's tag name, or None."""
    match = _RELEASE.fullmatch(name)
    if match is None or not is_name(match.group(1)) or _VERSION.fullmatch(match.group(2)) is None:
        return None
    return match.group(1), Version.parse(match.group(2))


def config_path(version: Version, directory: str = "configs") -> str:
    """Repository path of a version's scoring config."""
    return f"{directory}/scoring_config_v{version}.json"


def parse_config_path(path: str, directory: str = "configs") -> Version | None:
    """The version whose config lies at `path`, or None when that is no config's place in `directory`."""
    text = path.removeprefix(directory + "/scoring_config_v").removesuffix(".json")
    match = _VERSION.fullmatch(text)
    version = Version.parse(text) if match else None
    return version if version is not None and config_path(version, directory) == path else None


def summary_path(line: str, version: Version) -> str:
    """Repository path of a version's change summary."""
    return f"{proposal_directory(line, version)}/change_summary_v{version}.json"


def parse_summary_path(path: str) -> tuple[str, Version] | None:
    """Line and version of the change summary at `path`, or None when that is no summary's place."""
    words = path.split("/")
    if len(words) != 4 or not is_name(words[1]) or _VERSION.fullmatch(words[2].removeprefix("v")) is None:
        return None
    version = Version.parse(words[2].removeprefix("v"))
    return (words[1], version) if summary_path(words[1], version) == path else None


def proposal_directory(line: str, version: Version) -> str:
    """Repository path of a version's proposal documents, without a trailing slash."""
    return f"proposals/{line}/v{version}"


def proposal_branch(line: str, version: Version) -> str:
    """Branch that carries the proposal of `version`."""
    return f"calibgit/{line}/v{version}"


def evidence_branch(line: str) -> str:
    """Append-only branch that carries snapshots, reports and rollback reports of `line`."""
    return f"calibgit/evidence/{line}"
