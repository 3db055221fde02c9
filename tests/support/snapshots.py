"""Published snapshots from named distributions, with merged bins, for tests of analysis and proposal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibgit.analyze.draft import Context
from calibgit.collect.grids import on_edges
from calibgit.model import semantics
from calibgit.model.blocks import PrivacyStatement, RateBlock, TallyBlock, Verdicts
from calibgit.model.settings import Line
from calibgit.model.snapshot import (
    CategoryBlock,
    ConfigRef,
    GridBlock,
    GridCell,
    GridRow,
    GridSpec,
    HalfBlock,
    MetricsSnapshot,
    OutcomeBlock,
    OutcomeCell,
    Stratum,
    TimeWindow,
)

BANDS = ("high_potential", "good", "moderate", "low_potential", "caution")
CUTS = (85, 65, 45, 25, 0)
SCORE_GRID = GridSpec(scale=1, min=0, step=1, bins=101)
CONFIDENCE_GRID = GridSpec(scale=100, min=0, step=1, bins=101)
CONFLICT_GRID = GridSpec(scale=100, min=0, step=5, bins=21)
SHA = "0" * 64
Rng = np.random.Generator
CONFORMS = Verdicts(label_conformance="conforms")


def config(cuts: Sequence[float] = CUTS, bands: Sequence[str] = BANDS, version: str = "1.0.0") -> dict[str, Any]:
    """A config whose bands have only score gates, except a confidence gate of the best band."""
    table: dict[str, dict[str, float]] = {band: {"min_score": cut} for band, cut in zip(bands, cuts, strict=True)}
    table[bands[0]]["min_confidence"] = 0.7
    return {
        "schema": "calibgit/scoring-config/1",
        "logic_version": version,
        "score_range": {"min": 0, "max": 100},
        "category_weights": {"values": 1.0, "default": 0.5},
        "deal_breaker_penalties": {"critical_violation": -20, "unread": -1},
        "compatibility_thresholds": table,
        "red_flag_severity_thresholds": {"critical": {"min_occurrences": 1, "auto_escalate": True}},
        "scoring_adjustments": {"consistency": {"weight": 5, "min": -5, "max": 5}},
        "metadata": {"note": "start"},
    }


def line(*, analysis: Mapping[str, Any] | None = None, proposal: Mapping[str, Any] | None = None, **more: Any) -> Line:
    """Settings of a line with a closed vocabulary of three flag types."""
    return Line.model_validate(
        {
            "source": {
                "table": "scan_results",
                "columns": {"created_at": "created_at", "score": "score"},
                "logic_version": "1.0.0",
            },
            "vocabulary": {
                "flag_types": ["evasive", "contradiction", "pattern"],
                "severities": ["critical", "high", "low"],
            },
            "analysis": dict(analysis or {}),
            "proposal": dict(proposal or {}),
            **more,
        }
    )


def smooth(rng: Rng, n: int, centre: float = 58, spread: float = 17) -> NDArray[np.int64]:
    """Unimodal scores."""
    return np.clip(np.floor(rng.normal(centre, spread, n)), 0, 100).astype(np.int64)


def bimodal(rng: Rng, n: int) -> NDArray[np.int64]:
    """Scores with two humps."""
    return np.where(rng.random(n) < 0.5, smooth(rng, n, 42, 10), smooth(rng, n, 74, 9))


def piled(rng: Rng, scores: NDArray[np.int64], cut: int, share: float, width: int = 2) -> NDArray[np.int64]:
    """Move `share` of the scores into `[cut - width, cut + width)`."""
    chosen = rng.random(len(scores)) < share
    return np.where(chosen, cut + rng.integers(-width, width, len(scores)), scores)


def sorted_over(rng: Rng, scores: NDArray[np.int64], cut: int, share: float = 0.5) -> NDArray[np.int64]:
    """Lift `share` of the scores in the three points below the cut to the three points above it."""
    below = (scores >= cut - 3) & (scores < cut) & (rng.random(len(scores)) < share)
    return np.where(below, scores + 3, scores)


def merged(counts: Sequence[int], keep: Iterable[int], k: int) -> tuple[GridCell, ...]:
    """Neighbouring bins merged until each cell holds `k`, with an edge at every `keep`; empty runs have no cell."""
    edges = sorted({0, len(counts), *keep})
    cells: list[GridCell] = []
    for low, high in pairwise(edges):
        found: list[tuple[int, int, int]] = []
        start, mass = low, 0
        for place in range(low, high):
            if mass == 0 and counts[place] == 0:
                start = place + 1
                continue
            mass += counts[place]
            if mass >= k:
                found.append((start, place + 1, mass))
                start, mass = place + 1, 0
        if mass:
            lo, _, n = found.pop() if found else (start, high, 0)
            found.append((lo, high, n + mass))
        cells += [GridCell(lo=lo, hi=hi, n=n) for lo, hi, n in found]
    return tuple(cells)


def grid_block(
    values: NDArray[np.int64],
    groups: NDArray[np.int64],
    grid: GridSpec,
    *,
    keep: Iterable[int] = (),
    k: int = 10,
    pools: Sequence[Sequence[int]] | None = None,
    ordered: bool = False,
) -> GridBlock:
    """A published histogram of bin numbers by group; `pools` says which groups share a row.

    `ordered`: `keep` has one edge a band, and a row keeps only those of the bands that its groups can reach.
    """
    keep = tuple(keep)
    pools = pools or [(int(group),) for group in sorted(set(groups.tolist()))]
    rows = []
    for pool in pools:
        counts = np.bincount(values[np.isin(groups, pool)], minlength=grid.bins).tolist()
        own = keep[pool[0] :] if ordered else keep
        rows.append(GridRow(groups=tuple(pool), cells=merged(counts, own, k)))
    return GridBlock(status="present", grid=grid, rows=tuple(rows))


@dataclass
class Plan:
    """What one window holds; every default is a null that lies inside the default limits."""

    scores: NDArray[np.int64]
    seed: int = 1
    version: str = "1.0.0"
    flag_rates: Mapping[str, float] = field(
        default_factory=lambda: {"evasive": 0.12, "contradiction": 0.05, "pattern": 0.2}
    )
    critical: float = 0.02
    escalated: float = 0.08
    insufficient: float = 0.1
    absent: float = 0.01
    conflict: float = 0.12
    low_confidence: float = 0.1
    hot: float | None = None
    k: int = 10
    pools: Sequence[Sequence[int]] | None = None
    verdicts: Verdicts = CONFORMS


@dataclass(frozen=True)
class Rows:
    """Row-level truth behind a stratum: score, cap of the other gates, confidence in hundredths."""

    scores: NDArray[np.int64]
    caps: NDArray[np.int64]
    confidence: NDArray[np.int64]

    def bands(self, data: Mapping[str, Any]) -> NDArray[np.int64]:
        """Band index of every row under the cuts of `data`, other gates as they were."""
        table = semantics.gates(data)
        by_score = np.array([semantics.score_cap(table, value) for value in range(101)])
        bands: NDArray[np.int64] = np.maximum(by_score[self.scores], self.caps)
        return bands


def rows_of(plan: Plan) -> Rows:
    """Draw caps and confidence for the scores of a plan."""
    rng = np.random.default_rng([plan.seed, 7])
    n = len(plan.scores)
    confidence = np.clip(np.floor(55 + 0.35 * plan.scores + rng.normal(0, 8, n)), 0, 100).astype(np.int64)
    low = rng.random(n) < plan.low_confidence
    confidence = np.where(low, np.minimum(confidence, 69), np.maximum(confidence, 70))
    return Rows(plan.scores, np.where(low, 1, 0).astype(np.int64), confidence)


def stratum(plan: Plan, data: Mapping[str, Any] | None = None) -> Stratum:
    """The published counts of one logic version."""
    data = data or config(version=plan.version)
    rng = np.random.default_rng([plan.seed, 11])
    rows, n = rows_of(plan), len(plan.scores)
    cuts = [int(band["min_score"]) for band in data["compatibility_thresholds"].values()]
    labels = rows.bands(data)
    by_score = np.array([semantics.score_cap(semantics.gates(data), value) for value in range(101)])[plan.scores]
    names = tuple(data["compatibility_thresholds"])

    def draw(rate: float) -> int:
        return int(rng.binomial(n, rate))

    critical, escalated, absent = draw(plan.critical), draw(plan.escalated), draw(plan.absent)
    insufficient = int(rng.binomial(n - absent, plan.insufficient))
    conflict = np.where(rng.random(n) < plan.conflict, rng.integers(1, 21, n), 0)
    return Stratum(
        logic_version=plan.version,
        n=n,
        score=grid_block(plan.scores, rows.caps, SCORE_GRID, keep=cuts, k=plan.k, pools=plan.pools, ordered=True),
        labels=TallyBlock(status="present", counts={name: int(np.sum(labels == i)) for i, name in enumerate(names)}),
        confidence=grid_block(rows.confidence, by_score, CONFIDENCE_GRID, keep=(70,), k=plan.k),
        outcome=outcomes(rng, rows.confidence, plan.hot),
        flag_types=RateBlock(
            status="present", n=n, counts={name: draw(rate) for name, rate in plan.flag_rates.items()}
        ),
        flag_severity=TallyBlock(
            status="present", counts={"critical": critical, "low": n // 5, "none": n - critical - n // 5}
        ),
        escalation=TallyBlock(status="present", counts={"risk": escalated, "none": n - escalated}),
        tiers=TallyBlock(status="absent"),
        sufficiency=TallyBlock(
            status="present",
            counts={"no": insufficient, "yes": n - absent - insufficient, "__missing__": absent},
        ),
        conflict=grid_block(conflict, np.zeros(n, dtype=np.int64), CONFLICT_GRID, keep=(1,), k=plan.k),
        categories=CategoryBlock(status="absent"),
        verdicts=plan.verdicts,
    )


def with_halves(found: Stratum, plan: Plan, k: int = 10) -> Stratum:
    """The stratum of a plan with its scores by two random halves, on edges where both are large."""
    rows = rows_of(plan)
    first = np.random.default_rng([plan.seed, 13]).random(len(plan.scores)) < 0.5
    halves = []
    for row in found.score.rows:
        own = np.isin(rows.caps, row.groups)
        mass, half = (np.bincount(plan.scores[own & chosen], minlength=101).tolist() for chosen in (own, first))
        bins = [(n, a, n - a) for n, a in zip(mass, half, strict=True)]
        if cells := on_edges(row.cells, bins, CUTS[row.groups[0] : -1], k):
            halves.append(GridRow(groups=row.groups, cells=cells))
    return found.model_copy(update={"halves": HalfBlock(status="present", rows=tuple(halves))})


def outcomes(rng: Rng, confidence: NDArray[np.int64], hot: float | None) -> OutcomeBlock:
    """Outcomes that occur with probability `confidence - hot`, pooled in cells of five hundredths."""
    if hot is None:
        return OutcomeBlock(status="absent")
    positive = rng.random(len(confidence)) < np.clip(confidence / 100 + 0.005 - hot, 0, 1)
    cells = []
    for low in range(0, 101, 2):
        inside = (confidence >= low) & (confidence < low + 2)
        if inside.sum():
            cells.append(
                OutcomeCell(
                    lo=low,
                    hi=min(low + 2, 101),
                    n=int(inside.sum()),
                    positives=int((inside & positive).sum()),
                )
            )
    return OutcomeBlock(status="present", grid=CONFIDENCE_GRID, cells=tuple(cells), pending=0)


def snapshot(
    *strata: Stratum, version: str = "1.0.0", bands: Sequence[str] = BANDS, month: int = 3, k: int = 10
) -> MetricsSnapshot:
    """A published snapshot of one month of 2024."""
    return MetricsSnapshot(
        line="scoring",
        window=TimeWindow(start=f"2024-{month:02d}-01T00:00:00Z", end=f"2024-{month + 1:02d}-01T00:00:00Z", days=30),
        config=ConfigRef(version=version, sha256=SHA),
        settings_sha256=SHA,
        bands=tuple(bands),
        roles=("created_at", "score"),
        strata=tuple(strata),
        privacy=privacy(k),
    )


def privacy(k: int = 10) -> PrivacyStatement:
    """The statement of a snapshot in which nothing was hidden."""
    return PrivacyStatement(
        k=k, unit="rows", threshold=k, merged_bins=0, folded_keys=0, withheld_cells=0, withheld_blocks=0,
        withheld_strata=0, hidden_cells=0, narrowest="nothing_hidden", linked="nothing_linked", not_assessed=(),
    )  # fmt: skip


def window(plan: Plan, **more: Any) -> MetricsSnapshot:
    """A snapshot with the one stratum of a plan."""
    return snapshot(stratum(plan), **more)


def generator(seed: int) -> Rng:
    """The random generator of a test."""
    return np.random.default_rng(seed)


def context(found: Stratum, **more: Any) -> Context:
    """What the families of findings see of a stratum."""
    return Context(stratum=found, bands=BANDS, settings=line(), k=10, config=config(), **more)
