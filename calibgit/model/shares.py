"""How many assessments are in each band: from recorded labels, or from the bands that a config implies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calibgit.model.published import score_caps, tally_bounds
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import MISSING, Stratum


@dataclass(frozen=True, slots=True)
class Shares:
    """Band to at least and at most how many of `n` assessments, and where the numbers come from."""

    bands: Mapping[str, tuple[int, int]]
    n: int
    source: str


def band_shares(
    stratum: Stratum, bands: Sequence[str], spelling: Mapping[str, str], gates: Gates | None
) -> Shares | None:
    """The bands of a stratum; None where it publishes none.

    Args:
        stratum: published counts of one logic version.
        bands: names of the bands, best first.
        spelling: how the source spells a band, to the band.
        gates: the gate table that the caps were counted under, if it is the stratum's own; else None.
    """
    return _recorded(stratum, bands, spelling) or _implied(stratum, bands, gates)


def _recorded(stratum: Stratum, bands: Sequence[str], spelling: Mapping[str, str]) -> Shares | None:
    block = stratum.labels
    if block.status != "present":
        return None
    spelt = {key: spelling.get(key, key) for key in (*block.counts, *block.folded)}
    size = sum(block.counts.values()) - block.counts.get(MISSING, 0)
    found = {b: tally_bounds(block, [key for key, band in spelt.items() if band == b]) for b in bands}
    return Shares(found, size, "recorded labels")


def _implied(stratum: Stratum, bands: Sequence[str], gates: Gates | None) -> Shares | None:
    block = stratum.score
    if gates is None or block.status != "present" or block.grid is None:
        return None
    low = [0] * len(bands)
    high = [0] * len(bands)
    size = 0
    for row in block.rows:
        for cell in row.cells:
            size += cell.n
            best, worst = score_caps(gates.cuts, block.grid, cell)
            inside = {max(cap, group) for cap in range(best, worst + 1) for group in row.groups}
            for band in inside:
                high[band] += cell.n
                low[band] += cell.n if len(inside) == 1 else 0
    return Shares(dict(zip(bands, zip(low, high, strict=True), strict=True)), size, "implied by the config")
