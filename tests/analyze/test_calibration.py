"""Calibration from counts against the libraries that take rows."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from calibgit.analyze.calibration import (
    Bin,
    brier_parts,
    concordance,
    debiased_error,
    isotonic,
    smooth_error,
    smooth_error_by_chance,
    spiegelhalter,
)

REQUIRED = "CALIBGIT_REQUIRE_ORACLES" in os.environ  # before a test is walled in
BINS = st.lists(
    st.tuples(st.integers(1, 99), st.integers(1, 200), st.floats(0, 1)),
    min_size=2,
    max_size=25,
    unique_by=lambda b: b[0],
).map(lambda found: [Bin(p / 100, n, round(n * share)) for p, n, share in found])


def as_rows(bins: Sequence[Bin]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    p = np.concatenate([np.full(b.n, b.p) for b in bins])
    y = np.concatenate([np.repeat([1.0, 0.0], [b.k, b.n - b.k]) for b in bins])
    return p, y


@given(BINS)
def test_isotonic_and_brier_are_those_of_scikit_learn(bins: list[Bin]) -> None:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415
    from sklearn.metrics import brier_score_loss  # noqa: PLC0415

    p, y = as_rows(bins)
    fitted = IsotonicRegression(y_min=0, y_max=1).fit(p, y).predict(sorted(b.p for b in bins))
    assert isotonic(bins) == pytest.approx(fitted, abs=1e-9)
    parts = brier_parts(bins)
    assert parts.score == pytest.approx(brier_score_loss(y, p, labels=[0, 1]), abs=1e-12)
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(parts.score, abs=1e-12)
    assert parts.miscalibration - parts.discrimination + parts.uncertainty == pytest.approx(parts.score, abs=1e-12)
    assert parts.miscalibration >= -1e-12
    assert parts.discrimination >= -1e-12


@given(BINS)
def test_concordance_is_the_area_of_scikit_learn(bins: list[Bin]) -> None:
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415

    p, y = as_rows(bins)
    if 0 < y.sum() < len(y):
        assert concordance(bins) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    else:
        assert concordance(bins) is None


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.05, 0.15, 0.3])
def test_smooth_error_is_that_of_its_authors(shift: float) -> None:
    if not REQUIRED:
        pytest.importorskip("relplot", reason="relplot is not installed: pip install 'calibgit[oracles]'")
    import relplot  # noqa: PLC0415

    chance = np.random.default_rng(2)
    p = chance.integers(5, 96, 4_000) / 100
    y = (chance.random(4_000) < np.clip(p - shift, 0, 1)).astype(float)
    bins = [Bin(v, int((p == v).sum()), int(y[p == v].sum())) for v in sorted(set(p))]
    assert smooth_error(bins) == pytest.approx(relplot.smECE(p, y), abs=0.003)


def perfect(n: int, chance: np.random.Generator) -> list[Bin]:
    values = chance.integers(10, 95, n) / 100
    return [
        Bin(float(v), int((values == v).sum()), int(chance.binomial((values == v).sum(), v))) for v in np.unique(values)
    ]


def test_a_perfect_forecast_is_told_as_one() -> None:
    """Of 200 perfect forecasts: z has its distribution, the debiased error is near 0, the smooth one is by chance."""
    chance = np.random.default_rng(4)
    forecasts = [perfect(2_000, chance) for _ in range(200)]
    z = np.array([spiegelhalter(bins) for bins in forecasts], dtype=float)
    assert abs(z.mean()) < 0.25
    assert 0.8 < z.std() < 1.2
    assert np.mean([debiased_error(bins) for bins in forecasts]) < 0.03
    bins = forecasts[0]
    null = smooth_error_by_chance(bins, chance.standard_normal((100, len(bins))))
    real = [smooth_error(each) for each in forecasts[:60]]
    assert np.mean(real) == pytest.approx(null.mean(), rel=0.25)


def test_debiased_error_of_a_shift_is_the_shift() -> None:
    chance = np.random.default_rng(6)
    bins = [Bin(p / 100, 2_000, int(chance.binomial(2_000, p / 100 - 0.1))) for p in range(30, 91, 5)]
    assert debiased_error(bins) == pytest.approx(0.1, abs=0.01)
    found = spiegelhalter(bins)
    assert found is not None
    assert abs(found) > 5


def test_forecasts_of_nothing_say_nothing() -> None:
    assert spiegelhalter([Bin(0.5, 10, 5)]) is None
    assert debiased_error([Bin(0.5, 1, 1)]) == 0.0
    assert concordance([Bin(0.3, 5, 5)]) is None
