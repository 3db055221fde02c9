"""Patterns of CODEOWNERS: the part of gitignore's grammar that GitHub reads. Pure.

A match costs at most the pattern's length times the path's, whatever they are: nothing here backtracks twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cached_property
from operator import eq
from typing import TypeAlias

_CHARACTER = re.compile(r"\\(.)|([^\\])", re.DOTALL)


class Wild(Enum):
    """What stands for items unseen: `?` and `*` in a name, `*` and `**` in a path."""

    ONE = 1
    MANY = 2


Name: TypeAlias = "str | tuple[str | Wild, ...]"


class PathPattern:
    """One pattern, ready to match.

    Args:
        text: the pattern as it stands in the file, without `!` and ranges.

    Raises:
        ValueError: it ends in a backslash, or nothing is left of it.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        names = _split(text)
        below_only = names[-1] == ""
        names = names[:-1] if below_only else names
        if names and names[0] == "":
            names = names[1:]
        elif len(names) == 1:
            names = [(Wild.MANY, Wild.MANY), *names]
        if not names:
            raise ValueError("nothing is left of the pattern")
        self._names = tuple(_path_tokens(names, below_only=below_only))

    @cached_property
    def literal(self) -> bool:
        """Whether it holds no wildcard."""
        return "*" not in self.text and "?" not in self.text

    def fits(self, names: Sequence[str]) -> bool:
        """Whether a file fits, by the names of its path; a file lies in everything above it."""
        return _fits(self._names, names, _same_name)


def _split(text: str) -> list[Name]:
    """The names between the slashes, character by character, with the wildcards told from the escaped."""
    if len(text) - len(text.rstrip("\\")) & 1:
        raise ValueError("it ends in a backslash")
    names: list[list[str | Wild]] = [[]]
    for match in _CHARACTER.finditer(text):
        if "/" in match.groups():
            names.append([])
        elif match[2] in {"*", "?"}:
            names[-1].append(Wild.MANY if match[2] == "*" else Wild.ONE)
        else:
            names[-1].append(match[1] or match[2])
    return [_literal_or_tokens(name) for name in names]


def _literal_or_tokens(name: list[str | Wild]) -> Name:
    letters = [token for token in name if isinstance(token, str)]
    return "".join(letters) if len(letters) == len(name) else tuple(name)


def _path_tokens(names: list[Name], *, below_only: bool) -> list[Name | Wild]:
    """A path is matched whole, so what lies below is spelt out.

    `a` is also everything in the directory a, `a/` nothing but that, `a/**` too, and `a/*` no more than its files.
    """
    tokens: list[Name | Wild] = []
    for name in names[:-1]:
        if name == (Wild.MANY, Wild.MANY):
            tokens.append(Wild.MANY)
        else:
            tokens.append(Wild.ONE if name == (Wild.MANY,) else name)
    last = names[-1]
    if last == (Wild.MANY, Wild.MANY):
        tokens += [Wild.ONE, Wild.MANY]
    elif last == (Wild.MANY,):
        tokens.append(Wild.ONE)
    else:
        tokens += [last, Wild.MANY]
    return [*tokens, Wild.ONE, Wild.MANY] if below_only else tokens


def _same_name(wanted: Name, name: str) -> bool:
    return wanted == name if isinstance(wanted, str) else _fits(wanted, name, eq)


def _fits(pattern: Sequence[Name | Wild], items: Sequence[str], same: Callable[[Name, str], bool]) -> bool:
    """Whether all items fit the whole pattern.

    Only the latest MANY takes more when something does not fit: if an earlier one could help, this one could as well.
    So no token is compared twice with the same item.
    """
    at = place = 0
    retry: tuple[int, int] | None = None
    while place < len(items):
        token = pattern[at] if at < len(pattern) else None
        if token is Wild.MANY:
            at, retry = at + 1, (at + 1, place)
        elif token is Wild.ONE or (token is not None and not isinstance(token, Wild) and same(token, items[place])):
            at, place = at + 1, place + 1
        elif retry is not None:
            at, place = retry = (retry[0], retry[1] + 1)
        else:
            return False
    return all(token is Wild.MANY for token in pattern[at:])
