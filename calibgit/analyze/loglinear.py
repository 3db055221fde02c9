"""Quasi-Poisson log-linear fit of bin counts, by iteratively reweighted least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDS = 60
_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients, their covariance already multiplied by `phi`, overdispersion, residual degrees of freedom."""

    beta: NDArray[np.float64]
    covariance: NDArray[np.float64]
    phi: float
    df: int


def fit_log_linear(counts: Sequence[float], widths: Sequence[float], design: Sequence[Sequence[float]]) -> Fit | None:
    """Fit `log E(count) = log(width) + design @ beta`.

    The dispersion is `phi = max(1, Pearson / df)` (McCullagh and Nelder 1989, section 6.2).

    Args:
        counts: shape (bins,), zero or more.
        widths: shape (bins,), above zero.
        design: shape (bins, terms).

    Returns:
        The fit, or None where the terms cannot be told apart or the fit does not settle.
    """
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    y = np.asarray(counts, dtype=np.float64)
    offset = np.log(np.asarray(widths, dtype=np.float64))
    x = np.asarray(design, dtype=np.float64)
    df = len(y) - x.shape[1]
    if df < 1 or np.linalg.matrix_rank(x) < x.shape[1]:
        return None
    mean = y + 0.5
    deviance = np.inf
    for _ in range(_ROUNDS):
        target = np.log(mean) - offset + (y - mean) / mean
        weighted = x * mean[:, None]
        try:
            beta = np.asarray(np.linalg.solve(x.T @ weighted, weighted.T @ target), dtype=np.float64)
        except np.linalg.LinAlgError:
            return None
        mean = np.exp(np.clip(x @ beta + offset, -30, 50))
        now = 2 * float(np.sum(np.where(y > 0, y * np.log(np.maximum(y, 1) / mean), 0) - (y - mean)))
        if abs(now - deviance) <= _TOLERANCE * (abs(now) + 0.1):
            break
        deviance = now
    else:
        return None
    phi = max(1.0, float(np.sum((y - mean) ** 2 / mean)) / df)
    try:
        covariance = np.asarray(np.linalg.inv(x.T @ (x * mean[:, None])) * phi, dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return Fit(beta, covariance, phi, df)
