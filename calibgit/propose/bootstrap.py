"""Resampled cell counts from a seed, the same on every machine.

The seed is SHA-256 over the input digests, expanded by SHAKE-256. Up to `EXACT` assessments are drawn one by one:
each 64-bit word, modulo n, names an assessment and so its cell (the bias is below n / 2**64). Above that the counts
are the multinomial's Gaussian limit: with standard normal `z` (`model.draws`),
`x_i = n_i + sqrt(n_i) z_i - n_i / n * sum_j sqrt(n_j) z_j` has the mean, the covariance and the total of the
multinomial. Only whole numbers, the four operations and the square root are used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from calibgit.model.draws import standard_normals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXACT = 20_000


def seed_of(*digests: str) -> bytes:
    """The seed that belongs to these inputs."""
    return hashlib.sha256("\n".join(("calibgit/bootstrap/1", *digests)).encode()).digest()


def resample(counts: Sequence[int], replicates: int, seed: bytes) -> NDArray[np.float64]:
    """Multinomial resamples (Efron 1979) of `counts`.

    Returns:
        Array of shape (replicates, len(counts)); every row sums to `sum(counts)`.
    """
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    size = sum(counts)
    if size == 0 or replicates == 0:
        return np.zeros((replicates, len(counts)))
    return _gaussian(counts, replicates, seed) if size > EXACT else _drawn(counts, replicates, seed)


def _drawn(counts: Sequence[int], replicates: int, seed: bytes) -> NDArray[np.float64]:
    import numpy as np  # noqa: PLC0415

    ends = np.cumsum(np.asarray(counts, dtype=np.uint64))
    size = int(ends[-1])
    result = np.empty((replicates, len(counts)))
    for replicate in range(replicates):
        stream = hashlib.shake_256(seed + replicate.to_bytes(4, "big")).digest(8 * size)
        drawn = np.frombuffer(stream, dtype="<u8") % np.uint64(size)
        cells = np.searchsorted(ends, drawn, side="right")
        result[replicate] = np.bincount(cells, minlength=len(counts))
    return result


def _gaussian(counts: Sequence[int], replicates: int, seed: bytes) -> NDArray[np.float64]:
    import numpy as np  # noqa: PLC0415

    n = np.asarray(counts, dtype=np.float64)
    noise = np.sqrt(n) * standard_normals(seed, replicates, len(counts))
    drawn: NDArray[np.float64] = n + noise - n / n.sum() * noise.sum(axis=1, keepdims=True)
    return np.maximum(drawn, 0.0)
