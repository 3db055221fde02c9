"""Dotted paths of a config's scalars. A key may itself hold dots, so a path is read against the document."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from calibgit.model.report import Scalar

BANDS = "compatibility_thresholds"
MIN_SCORE = "min_score"


def cut_path(band: str) -> str:
    """The path of a band's cut."""
    return f"{BANDS}.{band}.{MIN_SCORE}"


def locate(data: Mapping[str, Any], path: str) -> tuple[str, ...] | None:
    """The keys that `path` names, or None where the document has no scalar there."""
    for key, value in data.items():
        if key == path and not isinstance(value, dict | list):
            return (key,)
        if isinstance(value, dict) and path.startswith(f"{key}."):
            rest = locate(value, path[len(key) + 1 :])
            if rest is not None:
                return (key, *rest)
    return None


def paths(data: Mapping[str, Any], prefix: str = "") -> list[str]:
    """All scalar paths, in document order."""
    found: list[str] = []
    for key, value in data.items():
        if isinstance(value, dict):
            found += paths(value, f"{prefix}{key}.")
        elif not isinstance(value, list):
            found.append(f"{prefix}{key}")
    return found


def value_at(data: Mapping[str, Any], keys: tuple[str, ...]) -> Scalar:
    """The scalar under `keys`."""
    place: Any = data
    for key in keys:
        place = place[key]
    scalar: Scalar = place
    return scalar


def with_values(data: Mapping[str, Any], values: Mapping[tuple[str, ...], Scalar]) -> dict[str, Any]:
    """A copy of `data` with other scalars; key order stays."""
    result: dict[str, Any] = copy.deepcopy(dict(data))
    for keys, value in values.items():
        place = result
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
    return result


def plain(value: float) -> Scalar:
    """A number without a fraction as an integer."""
    return int(value) if float(value).is_integer() else value
