"""Who the user is, from the user's own git config; a repository's config has no say."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calibgit.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from git import GitConfigParser

_FORBIDDEN = frozenset("<>\n\r\x00")


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as git writes one; printable text without angle brackets.

    Raises:
        UsageError: BAD_IDENTITY.
    """

    name: str
    email: str

    def __post_init__(self) -> None:
        for text in (self.name, self.email):
            if text != text.strip() or not text or not _FORBIDDEN.isdisjoint(text) or not text.isprintable():
                raise UsageError(
                    "BAD_IDENTITY",
                    f"{text[:80]!r} cannot be a person's name or e-mail address",
                    why="Git ends names and addresses at angle brackets and line ends.",
                    fix="git config --global user.name 'Your Name'",
                )

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


def user_setting(environ: Mapping[str, str], section: str, option: str) -> str:
    """One value of the user's global git config; empty when it is not set.

    Raises:
        EnvironmentFault: BAD_GIT_CONFIG when a file cannot be parsed.
    """
    parser = _config_parser()
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    config_home = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    places = [f"{config_home}/git/config"] if config_home else []
    places += [f"{home}/.gitconfig"] if home else []
    files = [place for place in places if Path(place).is_file()]
    try:
        config = parser(files, read_only=True, merge_includes=True)
        return str(config.get(section, option, fallback=""))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise EnvironmentFault(
            "BAD_GIT_CONFIG",
            f"your global git config cannot be read: {str(error).splitlines()[0][:200]}",
            why="It says who you are and which key is yours.",
            fix="git config --global --edit",
        ) from error


def _config_parser() -> type[GitConfigParser]:
    """GitPython's reader. Its import runs git, or whatever program the environment names: that is kept out."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("GIT_")}
    os.environ.update({"GIT_PYTHON_REFRESH": "quiet", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"})
    try:
        from git import GitConfigParser  # noqa: PLC0415  0.1 s that only writers spend
    finally:
        for name in ("GIT_PYTHON_REFRESH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
            del os.environ[name]
        os.environ.update(kept)
    return GitConfigParser


def user_identity(environ: Mapping[str, str]) -> Identity:
    """The user's name and e-mail address from the global git config.

    Raises:
        EnvironmentFault: NO_IDENTITY.
        UsageError: BAD_IDENTITY.
    """
    name, email = (user_setting(environ, "user", option) for option in ("name", "email"))
    if not name or not email:
        raise EnvironmentFault(
            "NO_IDENTITY",
            "git does not know your name and e-mail address",
            why="Every event says who made it.",
            fix="git config --global user.name 'Your Name' && git config --global user.email you@example.org",
        )
    return Identity(name, email)
