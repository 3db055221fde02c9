"""From settings and config to what is counted: final vocabularies and base grids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from calibgit.collect.window import periods
from calibgit.engine.gates import CONFIDENCE_SCALE, units
from calibgit.engine.plan import Plan
from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import GridSpec, TimeWindow

CONFIDENCE_GRID = GridSpec(scale=CONFIDENCE_SCALE, min=0, step=CONFIDENCE_SCALE // 100, bins=101)
CONFLICT_GRID = GridSpec(scale=CONFIDENCE_SCALE, min=0, step=CONFIDENCE_SCALE // 20, bins=21)
CATEGORY_BINS = 20
# A sum of 10^8 products of two numbers below this one is a whole number that every JSON reader keeps (2^53).
MOMENT_LIMIT = 9_000


def score_grid(settings: Line, config: Mapping[str, Any]) -> GridSpec:
    """The base grid of scores.

    Its step is the settings' step, made finer where a cut would otherwise lie between two edges. The last bin
    begins at the last edge inside the range; it holds exactly the top where the range is a multiple of the step.
    """
    scale = 10**settings.grid.decimals
    low, high = (round(float(config["score_range"][end]) * scale) for end in ("min", "max"))
    step = max(1, round(settings.grid.step * scale))
    for cut in semantics.gates(config).cuts:
        step = math.gcd(step, units(cut, scale) - low)
    return GridSpec(scale=scale, min=low, step=step, bins=max(2, (high - low) // step + 1))


def category_grid(score: GridSpec, config: Mapping[str, Any]) -> GridSpec:
    """Twenty bins over the score range and one for its top, in the score's fixed point."""
    high = round(float(config["score_range"]["max"]) * score.scale)
    step = max(1, -(-(high - score.min) // CATEGORY_BINS))
    return GridSpec(scale=score.scale, min=score.min, step=step, bins=(high - score.min) // step + 1)


def moment_scale(score: GridSpec, config: Mapping[str, Any]) -> int:
    """Fixed point of sums of products: the scores' own, made coarser until large tables fit into safe integers."""
    span = float(config["score_range"]["max"]) - float(config["score_range"]["min"])
    scale = score.scale
    while scale > 1 and span * scale > MOMENT_LIMIT:
        scale //= 10
    return scale


def label_names(settings: Line, config: Mapping[str, Any]) -> dict[str, str]:
    """Recorded label to band: the bands' own names, and the settings' mapping over them.

    Raises:
        UsageError: BAD_VOCABULARY when a label is mapped to a name that is no band.
    """
    bands = semantics.gates(config).bands
    names = {band: band for band in bands} | dict(settings.vocabulary.labels)
    for label, band in names.items():
        if band not in bands:
            raise UsageError(
                "BAD_VOCABULARY",
                f"vocabulary.labels maps {label} to {band}, which is no band of the config",
                why="A recorded label must mean one band, or conformance cannot be judged.",
                fix=f"map {label} to one of: {', '.join(bands)}",
            )
    return names


def make_plan(line: str, settings: Line, config: Mapping[str, Any], version: str, window: TimeWindow) -> Plan:
    """What one collection counts; vocabularies that the settings leave empty come from the config.

    Raises:
        UsageError: BAD_VOCABULARY.
    """
    words = settings.vocabulary
    constant = settings.source.logic_version
    grid = score_grid(settings, config)
    severities = [*(words.severities or config["red_flag_severity_thresholds"]), *semantics.gates(config).flags]
    return Plan(
        line=line,
        settings=settings,
        config=config,
        window=window,
        score=grid,
        confidence=CONFIDENCE_GRID,
        conflict=CONFLICT_GRID,
        category=category_grid(grid, config),
        moment_scale=moment_scale(grid, config),
        versions=tuple(sorted({*words.logic_versions, version, *([constant] if constant else [])})),
        categories=words.categories or tuple(name for name in config["category_weights"] if name != "default"),
        severities=tuple(dict.fromkeys(severities)),
        flag_types=words.flag_types,
        tiers=words.tiers,
        groups=words.groups,
        labels=label_names(settings, config),
        periods=periods(window),
    )
