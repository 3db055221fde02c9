"""A scoring config as plain data, for those who only read it: strict, of the shipped shape, and with a meaning."""

from __future__ import annotations

from typing import Any

from calibgit.errors import DocumentError
from calibgit.model import semantics
from calibgit.model.canonical import read_json
from calibgit.model.ids import Version
from calibgit.model.shape import require_shape

MAX_CONFIG_BYTES = 1024 * 1024


def read_config_data(data: bytes, name: str) -> dict[str, Any]:
    """Parse a scoring config; what is accepted is what `model.config.read_config` accepts.

    Raises:
        DocumentError: TOO_LARGE, NOT_UTF8, NOT_JSON, SCHEMA or CONFIG_MEANING.
    """
    value: dict[str, Any] = read_json(data, name, limit=MAX_CONFIG_BYTES)
    require_shape("scoring-config", value, name)
    require_meaning(value, name)
    return value


def version_of(config: dict[str, Any]) -> Version:
    """The version that a config claims."""
    return Version.parse(config["logic_version"])


def require_meaning(config: dict[str, Any], name: str) -> None:
    """Refuse a config of the right shape that gives some score no band, or two.

    Raises:
        DocumentError: CONFIG_MEANING.
    """
    found = semantics.faults(config)
    if found:
        raise DocumentError(
            "CONFIG_MEANING",
            f"{name}: {found[0]}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""),
            why="Bands must be ordered, and every score must have exactly one band.",
            fix="put the bands best first, with falling min_score and no gate stricter further down",
        )
