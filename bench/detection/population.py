"""Populations with a known truth: healthy ones of several shapes, and ones with a fault of known strength.

Drawn with numpy rather than row by row, as a benchmark needs thousands of them. The columns are those of the default
mapping; the recorded label is the one that the config implies, and an outcome is good with the probability `truth`,
which is also the recorded confidence, unless a fault asks otherwise.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from calibgit.model import semantics
from calibgit.simulate.population import FLAG_TYPES

Numbers = NDArray[np.float64]
START: Final = dt.datetime(2024, 3, 1)  # noqa: DTZ001  a window of the default grid, in UTC
DAYS: Final = 30
CUT: Final = 65.0
_TAIL = 0.04
_FLAG_RATE = 0.1
_SEVERITY_SHARES = (0.025, 0.145, 0.5, 1.0)


@dataclass(frozen=True)
class Truth:
    """What a population is like; the default is healthy.

    Attributes:
        shape: a name of `SHAPES`.
        piled: this share of all scores sits within three points above the cut, beyond those that belong there.
        sorted_up: this share of the scores in the three points below the cut is moved to the three points above it.
        flag_rate: how often one type is flagged; None for the healthy rate.
        hot: what the recorded confidence adds to the true probability.
        escalated, insufficient: rates.
        mislabelled: share of recorded bands that are the neighbour of the implied one.
    """

    shape: str = "bell"
    piled: float = 0.0
    sorted_up: float = 0.0
    flag_rate: float | None = None
    hot: float = 0.0
    escalated: float = 0.07
    insufficient: float = 0.09
    mislabelled: float = 0.0


def _bell(chance: np.random.Generator, n: int) -> Numbers:
    return chance.normal(60, 16, n)


def _skewed(chance: np.random.Generator, n: int) -> Numbers:
    return 100 * chance.beta(4, 2.2, n)


def _two_peaks(chance: np.random.Generator, n: int) -> Numbers:
    return np.where(chance.random(n) < 0.45, chance.normal(42, 9, n), chance.normal(75, 8, n))


def _broad(chance: np.random.Generator, n: int) -> Numbers:
    return 100 * chance.beta(1.3, 1.3, n)


def _at_cut(chance: np.random.Generator, n: int) -> Numbers:
    return chance.normal(CUT, 13, n)


SHAPES: Final = {"bell": _bell, "skewed": _skewed, "two peaks": _two_peaks, "broad": _broad, "at a cut": _at_cut}


def write(path: Path, config: Mapping[str, Any], truth: Truth, n: int, seed: int) -> None:
    """A Parquet file of `n` assessments."""
    chance = np.random.default_rng([seed, n])
    with duckdb.connect() as connection:
        columns = _columns(config, truth, n, chance)
        connection.register("rows", columns)
        connection.execute(f"COPY (SELECT * FROM rows) TO '{path}' (FORMAT parquet)")  # noqa: S608


def _columns(config: Mapping[str, Any], truth: Truth, n: int, chance: np.random.Generator) -> dict[str, Any]:
    scores = _scores(truth, n, chance)
    good = np.clip(0.76 + 0.0027 * (scores - 62) + chance.normal(0, 0.08, n), 0.05, 0.99)
    confidence = np.clip(good + truth.hot, 0, 1).round(4)
    present, severity = _flags(truth, n, chance)
    band = _bands(config, scores, confidence, present, severity)
    names = np.array(semantics.gates(config).bands, dtype=object)
    wrong = chance.random(n) < truth.mislabelled
    recorded = np.where(wrong, np.where(band == len(names) - 1, band - 1, np.minimum(band + 1, len(names) - 1)), band)
    sufficient = chance.random(n)
    escalated = chance.random(n) < truth.escalated
    return {
        "subject": np.array([f"s{number:09d}" for number in chance.integers(0, 10**9, n)], dtype=object),
        "created_at": _moments(n, chance),
        "logic_version": np.full(n, config["logic_version"], dtype=object),
        "overall_score": scores,
        "category": names[recorded],
        "category_scores": _by_category(config, scores, chance),
        "confidence_score": confidence,
        "red_flags": _texts(config, present, severity),
        "data_sufficiency": np.where(sufficient < truth.insufficient, "false", "true").astype(object),
        "conflict_density": np.where(chance.random(n) < 0.85, 0.04, 0.4) * chance.random(n),
        "escalation_reason": np.where(escalated, "Pattern recurrence", "").astype(object),
        "tier": np.array(["basic", "standard", "premium"], dtype=object)[chance.integers(0, 3, n)],
        "outcome": np.where(chance.random(n) < 0.15, "", (chance.random(n) < good).astype(int).astype(str)).astype(
            object
        ),
    }


def _scores(truth: Truth, n: int, chance: np.random.Generator) -> Numbers:
    scores = SHAPES[truth.shape](chance, n)
    tail = chance.random(n) < _TAIL  # every band has enough members to be inside the limits
    scores = np.where(tail, chance.uniform(3, 24, n), scores)
    piled = chance.random(n) < truth.piled
    scores = np.where(piled, CUT + 3 * chance.random(n), scores)
    below = (scores >= CUT - 3) & (scores < CUT) & (chance.random(n) < truth.sorted_up)
    return np.clip(np.where(below, scores + 3, scores), 0, 100).round(2)


def _flags(truth: Truth, n: int, chance: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which types are flagged, and how severely (worst is 0); both of shape (n, number of types)."""
    rates = np.full(len(FLAG_TYPES), _FLAG_RATE)
    if truth.flag_rate is not None:
        rates[1] = truth.flag_rate
    present = chance.random((n, len(FLAG_TYPES))) < rates
    return present, np.searchsorted(_SEVERITY_SHARES, chance.random(present.shape))


def _bands(
    config: Mapping[str, Any],
    scores: Numbers,
    confidence: Numbers,
    present: NDArray[np.bool_],
    severity: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The band that the config implies: the worst of three caps, each asked of the one meaning of a config."""
    gates = semantics.gates(config)
    names = list(config["red_flag_severity_thresholds"])
    counts = np.stack([(present & (severity == place)).sum(axis=1) for place in range(len(names))], axis=1)
    kinds, which = np.unique(counts, axis=0, return_inverse=True)
    effective = [
        semantics.effective_flags(config, {name: int(k) for name, k in zip(names, kind, strict=True) if k})
        for kind in kinds
    ]
    by_flags = np.array([semantics.flag_cap(gates, found) for found in effective])[which.reshape(-1)]
    by_score = np.array([semantics.score_cap(gates, float(score)) for score in scores])
    by_confidence = np.array([semantics.confidence_cap(gates, float(value)) for value in confidence])
    worst: NDArray[np.int64] = np.maximum(np.maximum(by_flags, by_score), by_confidence)
    return worst


def _moments(n: int, chance: np.random.Generator) -> NDArray[np.object_]:
    seconds = np.sort(chance.random(n)) * DAYS * 86_400
    return np.array([f"{START + dt.timedelta(seconds=int(s)):%Y-%m-%d %H:%M:%S}" for s in seconds], dtype=object)


def _by_category(config: Mapping[str, Any], scores: Numbers, chance: np.random.Generator) -> NDArray[np.object_]:
    names = [name for name in config["category_weights"] if name != "default"]
    drawn = np.clip(scores[:, None] + chance.normal(0, 8, (len(scores), len(names))), 0, 100).round(1)
    return np.array([json.dumps(dict(zip(names, row, strict=True))) for row in drawn.tolist()], dtype=object)


def _texts(config: Mapping[str, Any], present: NDArray[np.bool_], severity: NDArray[np.int64]) -> NDArray[np.object_]:
    names = list(config["red_flag_severity_thresholds"])
    found = [
        json.dumps([{"type": FLAG_TYPES[at], "severity": names[row[1][at]]} for at in np.flatnonzero(row[0])])
        for row in zip(present, severity, strict=True)
    ]
    return np.array(found, dtype=object)
