"""From settings and config to what is counted: final vocabularies and base grids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from calibgit.engine.gates import CONFIDENCE_SCALE, units
from calibgit.engine.relations import Plan
from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import GridSpec, TimeWindow

CONFIDENCE_GRID = GridSpec(scale=CONFIDENCE_SCALE, min=0, step=CONFIDENCE_SCALE // 100, bins=101)
CONFLICT_GRID = GridSpec(scale=CONFIDENCE_SCALE, min=0, step=CONFIDENCE_SCALE // 20, bins=21)


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
    severities = [*(words.severities or config["red_flag_severity_thresholds"]), *semantics.gates(config).flags]
    return Plan(
        line=line,
        settings=settings,
        config=config,
        window=window,
        score=score_grid(settings, config),
        confidence=CONFIDENCE_GRID,
        conflict=CONFLICT_GRID,
        versions=tuple(sorted({*words.logic_versions, version, *([constant] if constant else [])})),
        categories=words.categories or tuple(name for name in config["category_weights"] if name != "default"),
        severities=tuple(dict.fromkeys(severities)),
        flag_types=words.flag_types,
        tiers=words.tiers,
        labels=label_names(settings, config),
    )
