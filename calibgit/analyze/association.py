"""Rank association of two ordered classifications, from published cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

from calibgit.analyze.effects import Asymptotic
from calibgit.model.snapshot import GridRow


def goodman_kruskal(rows: Sequence[GridRow]) -> Asymptotic | None:
    """Goodman and Kruskal's gamma (1954) of band rank by confidence, with its standard error (1963).

    Positive when better bands, which have lower indices, come with higher values. Two cells count as a pair only
    if their intervals do not overlap and their groups are ordered; anything else is a tie. None without pairs.
    """
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    cells = [(min(r.groups), max(r.groups), c.lo, c.hi, c.n) for r in rows for c in r.cells if c.n]
    if not cells:
        return None
    best, worst, lo, hi, n = (np.array(column, dtype=np.float64) for column in zip(*sorted(cells), strict=True))
    better = worst[:, None] < best[None, :]
    above = lo[:, None] >= hi[None, :]
    concordant = ((better & above) | (better.T & above.T)) @ n
    discordant = ((better & above.T) | (better.T & above)) @ n
    p, q = float(n @ concordant), float(n @ discordant)
    if p + q == 0:
        return None
    spread = float(n @ (q * concordant - p * discordant) ** 2)
    return Asymptotic((p - q) / (p + q), 4 / (p + q) ** 2 * math.sqrt(spread), "goodman-kruskal-gamma")
