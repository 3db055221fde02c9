"""The metric families of the seed, as margins of a snapshot: what a program must count to be compared with.

A row is a family, its keys and a number; bins are whole percents or points, of conflicts and category scores five.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from calibgit.engine.tables import TABLES
from calibgit.model.snapshot import ExactSnapshot

Family = Mapping[str, int]
_MARGINS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "scores": ("score", ("label", "bin")),
    "confidence": ("confidence", ("label", "bin")),
    "worst_flags": ("traits", ("label", "worst")),
    "escalation": ("traits", ("escalation",)),
    "tiers": ("tier", ("label", "tier")),
    "sufficiency": ("sufficiency", ("label", "sufficiency")),
    "conflict": ("conflict", ("bin",)),
    "outcomes": ("outcome_period", ("label", "outcome")),
}


def families_of(exact: ExactSnapshot) -> dict[str, Family]:
    """The families as calibgit counts them; keys are joined by `|`."""
    found = {name: _margin(exact, *margin) for name, margin in _MARGINS.items()}
    rows = {block: [row for row in exact.rows if row.block == block] for block in ("flag_severities", "category")}
    flags = {"|".join(row.keys): row.n for row in rows["flag_severities"]}
    bins = {f"{row.keys[0]}|{row.bin}": row.n for row in rows["category"]}
    sums: Counter[str] = Counter()
    for row in rows["category"]:
        sums[row.keys[0]] += row.total
    return found | {"flags": flags, "categories": bins, "category_sums": dict(sums)}


def require_same(path: Path, expected: Mapping[str, Family]) -> None:
    """Compare with what another program wrote as JSON."""
    found = json.loads(path.read_bytes())
    assert found == expected, f"{path.stem} counts something else: {_first_difference(found, expected)}"


def _margin(exact: ExactSnapshot, block: str, keep: Sequence[str]) -> Family:
    names = TABLES[block].keys
    counts: Counter[str] = Counter()
    for row in exact.rows:
        if row.block == block:
            values = dict(zip(names, row.keys, strict=True)) | {"bin": str(row.bin)}
            counts["|".join(values[name] for name in keep)] += row.n
    return dict(counts)


def _first_difference(found: Mapping[str, Family], expected: Mapping[str, Family]) -> str:
    for name in sorted({*found, *expected}):
        ours, theirs = expected.get(name, {}), found.get(name, {})
        for key in sorted({*ours, *theirs}):
            if ours.get(key) != theirs.get(key):
                return f"{name} {key}: {theirs.get(key)} instead of {ours.get(key)}"
    return "nothing"
