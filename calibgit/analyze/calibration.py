"""How well probabilities keep what they promise, from counts by probability: the parts of the Brier score, isotonic
recalibration, and calibration errors that know how large they are by chance.

All of it takes binned forecasts: a bin's probability stands for everybody in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MESH: Final = 400
WIDTHS: Final = 16  # halvings of the search for a bandwidth
NARROWEST: Final = 0.001


@dataclass(frozen=True, slots=True)
class Bin:
    """People with one probability `p`, 0 to 1: `n` with a known outcome, of whom `k` good."""

    p: float
    n: int
    k: int


@dataclass(frozen=True, slots=True)
class BrierParts:
    """The Brier score, and what it is made of.

    Attributes:
        score: mean squared difference of probability and outcome.
        reliability, resolution, uncertainty: the parts of Murphy (1973); the score is the first less the second plus
            the third.
        miscalibration, discrimination: the same by isotonic recalibration, without a choice of bins (CORP;
            Dimitriadis, Gneiting and Jordan 2021).
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    miscalibration: float
    discrimination: float


def isotonic(bins: Sequence[Bin]) -> list[float]:
    """The rates of the bins, in order of probability, made non-decreasing by pooling (Ayer et al. 1955)."""
    blocks: list[tuple[int, int, int]] = []
    for each in sorted(bins, key=lambda b: b.p):
        blocks.append((each.k, each.n, 1))
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            (k, n, size), (j, m, length) = blocks.pop(), blocks.pop()
            blocks.append((k + j, n + m, size + length))
    return [k / n for k, n, size in blocks for _ in range(size)]


def brier_parts(bins: Sequence[Bin]) -> BrierParts:
    """Parts of the Brier score. There must be an outcome."""
    ordered = sorted(bins, key=lambda b: b.p)
    size = sum(b.n for b in ordered)
    base = sum(b.k for b in ordered) / size

    def mean(values: Sequence[float]) -> float:
        return math.fsum(b.n * value for b, value in zip(ordered, values, strict=True)) / size

    rates = [b.k / b.n for b in ordered]
    uncertainty = base * (1 - base)
    score = mean([(b.p - r) ** 2 + r * (1 - r) for b, r in zip(ordered, rates, strict=True)])
    best = mean([(q - r) ** 2 + r * (1 - r) for q, r in zip(isotonic(ordered), rates, strict=True)])
    return BrierParts(
        score=score,
        reliability=mean([(b.p - r) ** 2 for b, r in zip(ordered, rates, strict=True)]),
        resolution=mean([(r - base) ** 2 for r in rates]),
        uncertainty=uncertainty,
        miscalibration=score - best,
        discrimination=uncertainty - best,
    )


def debiased_error(bins: Sequence[Bin]) -> float:
    """Root of the mean squared calibration error, less what chance adds to it (Kumar, Liang and Ma 2019)."""
    usable = [b for b in bins if b.n > 1]
    size = sum(b.n for b in usable)
    if size == 0:
        return 0.0
    squared = math.fsum(b.n / size * ((b.p - b.k / b.n) ** 2 - b.k / b.n * (1 - b.k / b.n) / (b.n - 1)) for b in usable)
    return math.sqrt(max(squared, 0.0))


def spiegelhalter(bins: Sequence[Bin]) -> float | None:
    """Spiegelhalter's z (1986), standard normal for a perfect forecast; None if every probability is 0, 1/2 or 1."""
    spread = math.fsum(b.n * (1 - 2 * b.p) ** 2 * b.p * (1 - b.p) for b in bins)
    if spread <= 0:
        return None
    return math.fsum((b.k - b.n * b.p) * (1 - 2 * b.p) for b in bins) / math.sqrt(spread)


def concordance(bins: Sequence[Bin]) -> float | None:
    """Chance that a good outcome had the higher probability than a bad one, ties half: the area under the ROC curve."""
    good = bad = won = 0.0
    for each in sorted(bins, key=lambda b: b.p):
        misses = each.n - each.k
        won += each.k * (bad + misses / 2)
        good, bad = good + each.k, bad + misses
    return won / (good * bad) if good and bad else None


def smooth_error(bins: Sequence[Bin]) -> float:
    """Smooth calibration error (Blasiok and Nakkiran 2023): the width at which the error, blurred by it, equals it."""
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    return float(_smooth(bins, np.array([[b.k for b in bins]], dtype=np.float64))[0])


def smooth_error_by_chance(bins: Sequence[Bin], normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smooth errors of perfect forecasts with these probabilities and sizes.

    Args:
        bins: the bins; their outcomes play no part.
        normals: standard normal draws, shape (replicates, bins), for the outcomes of each.
    """
    import numpy as np  # noqa: PLC0415

    p, n = np.array([b.p for b in bins]), np.array([b.n for b in bins], dtype=np.float64)
    outcomes = np.clip(np.round(n * p + np.sqrt(n * p * (1 - p)) * normals), 0, n)
    return _smooth(bins, outcomes)


def _smooth(bins: Sequence[Bin], outcomes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth errors for several outcomes of the same bins, shape (replicates, bins).

    A normal that is reflected at 0 and 1 damps the cosines of a mesh one by one, so blurring is a product between two
    cosine transforms.
    """
    import numpy as np  # noqa: PLC0415
    from scipy import fft  # noqa: PLC0415

    p, n = np.array([b.p for b in bins]), np.array([b.n for b in bins], dtype=np.float64)
    meshed = np.zeros((len(outcomes), MESH))
    np.add.at(meshed.T, np.minimum(p * MESH, MESH - 1).astype(int), ((outcomes - n * p) / n.sum()).T)
    waves, frequencies = fft.dct(meshed, norm="ortho"), np.pi * np.arange(MESH)
    low, high = np.zeros(len(outcomes)), np.ones(len(outcomes))
    for _ in range(WIDTHS):
        widths = (low + high) / 2
        damping = np.exp(-((frequencies * widths[:, None]) ** 2) / 2)
        errors = np.abs(fft.idct(waves * damping, norm="ortho")).sum(axis=1)
        wide = (widths < NARROWEST) | (errors <= widths)
        low, high = np.where(wide, low, widths), np.where(wide, widths, high)
    return high
