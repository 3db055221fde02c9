"""The compatibility level of a change, from a deep difference of two configs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from calibgit.model.proposal import Level

VERSION_KEY = "logic_version"
BANDS_KEY = "compatibility_thresholds"
ORDER: tuple[Level, ...] = ("none", "patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class Difference:
    """One differing path: dotted, what happened (added, removed, retyped, changed, reordered), both values."""

    path: str
    what: str
    old: Any
    new: Any
    level: Level


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Every difference but the version number, sorted by path."""
    return sorted(_found(old, new), key=lambda item: item.path)


def level(found: list[Difference]) -> Level:
    """The highest level of the differences."""
    return max((item.level for item in found), key=ORDER.index, default="none")


def _found(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    from deepdiff import DeepDiff  # noqa: PLC0415  slow to import

    words = {
        "dictionary_item_added": "added",
        "dictionary_item_removed": "removed",
        "type_changes": "retyped",
        "values_changed": "changed",
        "iterable_item_added": "added",
        "iterable_item_removed": "removed",
    }
    tree = DeepDiff(dict(old), dict(new), view="tree", threshold_to_diff_deeper=0)
    for kind, items in tree.items():
        for item in items:
            keys = [str(key) for key in item.path(output_format="list")]
            if keys == [VERSION_KEY]:
                continue
            numbers = _is_number(item.t1) and _is_number(item.t2)
            if numbers and item.t1 == item.t2:
                continue
            what = "changed" if numbers else words.get(kind, "changed")
            yield Difference(".".join(keys), what, _value(item.t1), _value(item.t2), _level(keys, what))
    bands, fresh = list(old.get(BANDS_KEY, {})), list(new.get(BANDS_KEY, {}))
    if bands != fresh and sorted(bands) == sorted(fresh):
        yield Difference(BANDS_KEY, "reordered", bands, fresh, "major")


def _value(value: Any) -> Any:
    return None if type(value).__name__ == "NotPresent" else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _level(keys: list[str], what: str) -> Level:
    if keys[0] == "metadata":
        return "patch"
    if what in {"removed", "retyped"}:
        return "major"
    if keys[0] in {"schema", "score_range"} or (keys[0] == BANDS_KEY and len(keys) == 2 and what == "added"):
        return "major"
    return "minor"
