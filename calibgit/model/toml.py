"""TOML documents as plain data. Standard library only."""

from __future__ import annotations

import tomllib

from calibgit.errors import DocumentError


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
