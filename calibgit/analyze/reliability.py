"""How well one assessment predicts a second one of the same person, from a histogram and from category sums alone.

Reliability is coefficient alpha of the weighted composite (Cronbach 1951), a lower bound where the categories do not
all measure one thing. Decision consistency follows Livingston and Lewis (1995): an assessment is as good as a test of
`effective_length` independent items, true scores have the distribution that, blurred by the error of such a test, gives
the observed histogram, and two assessments of one true score are independent. Two things are done otherwise than
there. The error is a beta distribution with the binomial's mean and variance rather than a binomial, because scores are
continuous; an error that is the same for everybody can be asked for beside it, as no histogram tells which is right.
The true scores are deconvolved (the expectation-maximisation of Richardson 1972 and Lucy 1974) rather than fitted by a
beta of four parameters, because real scores have several peaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from calibgit.model.blocks import MomentBlock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ErrorModel = Literal["binomial", "constant"]
NODES: Final = 200
STEPS: Final = 60
NUDGE: Final = 1e-4
MOST_RELIABLE: Final = 0.995


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of scores between edges, ascending, as shares of the range from 0 to 1."""

    edges: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def n(self) -> int:
        """All assessments."""
        return round(math.fsum(self.counts))


@dataclass(frozen=True, slots=True)
class Consistency:
    """Probabilities that two assessments of one person fall on the same side of each cut, and into the same band.

    `error` is the standard error of `overall` from the sampling of scores, by the infinitesimal jackknife (Jaeckel
    1972); the reliability is taken as known.
    """

    by_cut: tuple[float, ...]
    overall: float
    error: float


def alpha(block: MomentBlock, weights: Mapping[str, float]) -> float | None:
    """Coefficient alpha of the weighted sum of the categories, 0 to 1; None where it cannot be computed.

    Args:
        block: sums and products of the category scores.
        weights: by category; those that are missing or 0 play no part.
    """
    if block.status != "present" or block.n < 2:
        return None
    used = [at for at, name in enumerate(block.categories) if weights.get(name, 0) > 0]
    if len(used) < 2:
        return None
    w = {at: weights[block.categories[at]] for at in used}
    alone = sum(w[a] ** 2 * block.covariance(a, a) for a in used)
    whole = sum(w[a] * w[b] * block.covariance(a, b) for a in used for b in used)
    if whole <= 0:
        return None
    found = len(used) / (len(used) - 1) * (1 - alone / whole)
    return min(max(found, 0.0), MOST_RELIABLE)


def spread(histogram: Histogram) -> tuple[float, float]:
    """Mean and variance, scores lying evenly inside their cell."""
    n = histogram.n
    cells = list(zip(histogram.edges, histogram.edges[1:], histogram.counts, strict=False))
    mean = sum(c * (a + b) / 2 for a, b, c in cells) / n
    return mean, sum(c * (((a + b) / 2 - mean) ** 2 + (b - a) ** 2 / 12) for a, b, c in cells) / n


def effective_length(histogram: Histogram, reliability: float) -> float:
    """How many independent items a test of this reliability has, by Livingston and Lewis (1995), at least 2."""
    mean, variance = spread(histogram)
    return max((mean * (1 - mean) - reliability * variance) / (variance * (1 - reliability)), 2.0)


def consistency(
    histogram: Histogram, cuts: Sequence[float], reliability: float, error: ErrorModel = "binomial"
) -> Consistency | None:
    """Decision consistency of bands; None where the scores say nothing.

    Args:
        histogram: observed scores.
        cuts: inside 0 and 1, ascending; a score at a cut is above it.
        reliability: 0 to 1.
        error: whether the error is the binomial's, smaller near the ends of the range, or the same for everybody.
    """
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    if not _says_something(histogram, cuts, reliability):
        return None
    shares, blurred, agreed = _observed(histogram, cuts, reliability, error)
    nudged = (1 - NUDGE) * shares + NUDGE * np.eye(len(shares))
    found = _true_scores(np.concatenate([shares[None, :], nudged]), blurred) @ agreed
    influence = (found[1:] - found[0]) / NUDGE
    errors = np.sqrt(shares @ influence**2 / histogram.n)
    return Consistency(
        by_cut=tuple(float(p) for p in found[0, :-1]),
        overall=float(found[0, -1]),
        error=float(errors[-1]),
    )


def agreement(
    histogram: Histogram, cuts: Sequence[float], reliability: float, error: ErrorModel = "binomial"
) -> tuple[float, ...] | None:
    """The probabilities of `consistency`, by cut and then overall, without their error."""
    if not _says_something(histogram, cuts, reliability):
        return None
    shares, blurred, agreed = _observed(histogram, cuts, reliability, error)
    return tuple(float(p) for p in (_true_scores(shares[None, :], blurred) @ agreed)[0])


def _says_something(histogram: Histogram, cuts: Sequence[float], reliability: float) -> bool:
    return histogram.n > 0 and bool(cuts) and reliability < 1 and spread(histogram)[1] > 0


def _observed(
    histogram: Histogram, cuts: Sequence[float], reliability: float, error: ErrorModel
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Share of each cell; probability of each cell at each node; probability of agreeing twice at each node."""
    import numpy as np  # noqa: PLC0415

    below = _below(histogram, reliability, error, np.asarray([*histogram.edges, *cuts]))
    at_edges, under = below[:, : len(histogram.edges)], below[:, len(histogram.edges) :]
    shares = np.asarray(histogram.counts, dtype=np.float64) / histogram.n
    bands = np.diff(np.concatenate([np.zeros((NODES, 1)), under, np.ones((NODES, 1))], axis=1), axis=1)
    agreed = np.concatenate([under**2 + (1 - under) ** 2, (bands**2).sum(axis=1)[:, None]], axis=1)
    return shares, np.diff(at_edges, axis=1), agreed


def _below(
    histogram: Histogram, reliability: float, error: ErrorModel, edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probability of a score below each edge at each node, shape (nodes, edges)."""
    import numpy as np  # noqa: PLC0415
    from scipy import special  # noqa: PLC0415

    nodes = ((np.arange(NODES) + 0.5) / NODES)[:, None]
    found: NDArray[np.float64]
    if error == "binomial":
        items = effective_length(histogram, reliability) - 1
        found = special.betainc(nodes * items, (1 - nodes) * items, edges[None, :])
        return found
    deviation = math.sqrt(spread(histogram)[1] * (1 - reliability))
    found = special.ndtr((edges[None, :] - nodes) / deviation)
    found[:, edges <= 0] = 0.0  # what the error carries beyond the range is recorded at its end
    found[:, edges >= 1] = 1.0
    return found


def _true_scores(shares: NDArray[np.float64], blurred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the nodes for several histograms, shape (histograms, nodes); each sums to 1.

    Args:
        shares: shape (histograms, cells), each summing to 1.
        blurred: probability of each cell at each node, shape (nodes, cells).
    """
    import numpy as np  # noqa: PLC0415

    weights = np.full((len(shares), len(blurred)), 1 / len(blurred))
    for _ in range(STEPS):
        expected = weights @ blurred
        ratio = np.divide(shares, expected, out=np.zeros_like(shares), where=expected > 0)
        weights = weights * (ratio @ blurred.T)
        weights /= weights.sum(axis=1, keepdims=True)
    return weights


def error_of_alpha(found: float, n: int, categories: int) -> float:
    """Standard error of coefficient alpha (Feldt, Woodruff and Salih 1987, large samples)."""
    return (1 - found) * math.sqrt(2 * categories / ((categories - 1) * max(n, 1)))
