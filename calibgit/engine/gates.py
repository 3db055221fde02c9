"""The gate table of a config as SQL. Text only; `model.semantics` is the meaning that it must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from calibgit.model import semantics
from calibgit.model.semantics import Gates

CONFIDENCE_SCALE = 1_000_000


def units(limit: float, scale: int) -> int:
    """The smallest whole number `u` with `u / scale >= limit`: a limit in fixed point."""
    guess = round(limit * scale) - 2
    while guess / scale < limit:
        guess += 1
    return guess


def score_cap(table: Gates, score: str, scale: int) -> str:
    """SQL for the best band that a score reaches; `score` is a column of whole units of 1/`scale`."""
    return _first([f"{score} >= {units(cut, scale)}" for cut in table.cuts[:-1]])


def confidence_cap(table: Gates, confidence: str) -> str:
    """SQL for the best band that a confidence reaches; `confidence` is in millionths, NULL when missing."""
    if not any(limit is not None for limit in table.confidence[:-1]):
        return "0"
    return _first(
        [
            "1 = 1" if limit is None else f"{confidence} >= {units(limit, CONFIDENCE_SCALE)}"
            for limit in table.confidence[:-1]
        ]
    )


def flag_cap(table: Gates, config: Mapping[str, Any], counts: Mapping[str, str]) -> str:
    """SQL for the best band that the recorded flags reach: the first in which no severity has too many.

    Args:
        table: the gates.
        config: the config, for `min_occurrences`.
        counts: severity to the column that holds its number of flags.
    """
    rules: Mapping[str, Mapping[str, Any]] = config["red_flag_severity_thresholds"]
    most = {severity: _most(limits, rules.get(severity, {})) for severity, limits in table.flags.items()}
    bands = range(len(table.bands) - 1)
    allowed = [[f"{counts[s]} <= {limits[i]}" for s, limits in most.items() if limits[i] is not None] for i in bands]
    return _first([" AND ".join(conditions) or "1 = 1" for conditions in allowed])


def missing_flag_cap(table: Gates) -> int:
    """The best band that an assessment without a record of its flags reaches."""
    return semantics.flag_cap(table, None)


def worst(caps: Sequence[str]) -> str:
    """SQL for the largest of some band indices."""
    result = "0"
    for cap in caps:
        result = cap if result == "0" else f"(CASE WHEN {result} > {cap} THEN {result} ELSE {cap} END)"
    return result


def _most(limits: Sequence[int | None], rule: Mapping[str, Any]) -> list[int | None]:
    """The most flags of one severity that reach each band or a better one; None for any number."""
    ignored = int(rule.get("min_occurrences", 1)) - 1
    found: list[int | None] = []
    for limit in limits:
        before = found[-1] if found else ignored
        found.append(None if limit is None or before is None else max(before, int(limit)))
    return found


def _first(conditions: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {condition} THEN {index}" for index, condition in enumerate(conditions))
    return f"(CASE {cases} ELSE {len(conditions)} END)"
