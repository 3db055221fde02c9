"""TOML documents as plain data. Standard library only."""

from __future__ import annotations

import tomllib

from calibgit.errors import DocumentError


def quoted(text: str) -> str:
    """A text as a basic string on one line of ASCII: what looks like a letter and is another is written by number."""
    return '"' + "".join(_sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    if sign in {'"', "\\"}:
        return "\\" + sign
    if " " <= sign <= "~":
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def read_toml(data: bytes, name: str) -> dict[str, object]:
    """Parse TOML bytes.

    Raises:
        DocumentError: NOT_TOML.
    """
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DocumentError(
            "NOT_TOML",
            f"{name} is not valid TOML: {reason}",
            why="Without it calibgit does not know what it governs.",
            fix=f"mend {name}",
        ) from error
