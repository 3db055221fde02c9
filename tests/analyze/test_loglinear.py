"""The log-linear fit against statsmodels' GLM, gamma against a count of all pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm  # type: ignore[import-untyped]
from scipy import stats

from calibgit.analyze.association import goodman_kruskal
from calibgit.analyze.loglinear import fit_log_linear
from calibgit.model.snapshot import GridCell, GridRow
from tests.support.snapshots import generator


def test_fit_agrees_with_statsmodels() -> None:
    rng = generator(4)
    x = np.linspace(-1, 1, 17)
    design = np.column_stack([np.ones(17), x, x**2, np.abs(x) < 0.2])
    widths = np.array([1, 2] * 8 + [1])
    counts = rng.negative_binomial(5, 5 / (5 + 40 * np.exp(0.4 * x) * widths))
    fit = fit_log_linear(counts.tolist(), widths.tolist(), design.tolist())
    model = sm.GLM(counts, design, family=sm.families.Poisson(), offset=np.log(widths)).fit(scale="X2")
    assert fit is not None
    assert fit.phi > 1
    assert fit.beta == pytest.approx(model.params, rel=1e-6)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(model.bse, rel=1e-6)


def test_terms_that_cannot_be_told_apart_have_no_fit() -> None:
    assert fit_log_linear([1, 2, 3, 4], [1, 1, 1, 1], [[1, 1], [1, 1], [1, 1], [1, 1]]) is None


def test_gamma_agrees_with_all_pairs() -> None:
    table = np.array([[2, 5, 9], [4, 6, 3], [8, 4, 1]])
    rows = [
        GridRow(groups=(i,), cells=tuple(GridCell(lo=j, hi=j + 1, n=int(n)) for j, n in enumerate(line)))
        for i, line in enumerate(table)
    ]
    people = [(-i, j) for i, j in np.ndindex(3, 3) for _ in range(table[i, j])]
    signs = [np.sign((a[0] - b[0]) * (a[1] - b[1])) for a, b in itertools.combinations(people, 2)]
    plus, minus = signs.count(1), signs.count(-1)
    found = goodman_kruskal(rows)
    assert found is not None
    assert found.estimate == pytest.approx((plus - minus) / (plus + minus))
    tau = stats.kendalltau(*zip(*people, strict=True)).statistic
    assert np.sign(tau) == np.sign(found.estimate)
    assert 0 < found.error < 0.5
