"""Standard normal draws from a seed, the same on every machine and with every version of numpy.

The seed is expanded by SHAKE-256, and a draw is (number of ones among 256 bits - 128) / 8: a binomial with the mean and
the variance of a standard normal, and within 1/800 of its distribution function.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def standard_normals(seed: bytes, rows: int, columns: int) -> NDArray[np.float64]:
    """Draws of shape (rows, columns)."""
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    stream = hashlib.shake_256(seed).digest(32 * rows * columns)
    bits = np.bitwise_count(np.frombuffer(stream, dtype=np.uint8)).reshape(rows, columns, 32)
    drawn: NDArray[np.float64] = (bits.sum(axis=2, dtype=np.int64) - 128) / 8
    return drawn
