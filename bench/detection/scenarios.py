"""What is asked of the whole pipeline: healthy populations, faults of graded strength, and the sizes of windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.detection.population import SHAPES, Truth

SIZES: Final = (100, 300, 1_000, 3_000, 10_000, 50_000)


@dataclass(frozen=True)
class Scenario:
    """A population, and the findings that would be right about it.

    Attributes:
        name: for the table.
        truth: the population.
        finds: prefixes of the the ids of right findings; none for a healthy population.
        sizes: assessments in the window.
    """

    name: str
    truth: Truth
    finds: tuple[str, ...] = ()
    sizes: tuple[int, ...] = SIZES


NULLS: Final = tuple(Scenario(f"nothing wrong, {shape}", Truth(shape)) for shape in SHAPES)
_LARGE: Final = (1_000, 3_000, 10_000)
_ALL: Final = (300, 1_000, 3_000, 10_000)


def _graded(
    name: str, finds: tuple[str, ...], sizes: tuple[int, ...], truths: Mapping[float, Truth]
) -> tuple[Scenario, ...]:
    return tuple(Scenario(f"{name} {strength:g}", truth, finds, sizes) for strength, truth in truths.items())


FAULTS: Final = (
    *_graded(
        "share piled up above a cut",
        ("crowding:good", "sorting:good"),
        _LARGE,
        {share: Truth("broad", piled=share) for share in (0.03, 0.06, 0.10)},
    ),
    *_graded(
        "share sorted from below a cut to above",
        ("sorting:good",),
        (*_LARGE, 30_000),
        {share: Truth("broad", sorted_up=share) for share in (0.25, 0.5, 0.75)},
    ),
    *_graded(
        "rate of one flag type (limit 0.3)",
        ("flag:",),
        _ALL,
        {rate: Truth("broad", flag_rate=rate) for rate in (0.33, 0.36, 0.45)},
    ),
    *_graded(
        "confidence too high by",
        ("confidence:",),
        _LARGE,
        {shift: Truth("broad", hot=shift) for shift in (0.06, 0.1, 0.15)},
    ),
    *_graded(
        "rate of escalations (limit 0.15)",
        ("escalation:",),
        _ALL,
        {rate: Truth("broad", escalated=rate) for rate in (0.18, 0.22, 0.3)},
    ),
    *_graded(
        "rate of insufficient data (limit 0.2)",
        ("sufficiency:",),
        _ALL,
        {rate: Truth("broad", insufficient=rate) for rate in (0.24, 0.28, 0.35)},
    ),
    *_graded(
        "share of labels that are not the implied ones",
        ("labels:",),
        _ALL,
        {share: Truth("broad", mislabelled=share) for share in (0.01, 0.03, 0.1)},
    ),
)
