"""Decision consistency against people who are assessed twice."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from calibgit.analyze.reliability import Histogram, alpha, consistency
from calibgit.model.blocks import MomentBlock

Numbers = NDArray[np.float64]
PEOPLE = 400_000
CUTS = (0.25, 0.45, 0.65, 0.85)


def truths(shape: str, chance: np.random.Generator) -> Numbers:
    if shape == "bell":
        found = chance.normal(0.6, 0.14, PEOPLE)
    elif shape == "two peaks":
        found = np.where(
            chance.random(PEOPLE) < 0.45, chance.normal(0.42, 0.07, PEOPLE), chance.normal(0.75, 0.06, PEOPLE)
        )
    elif shape == "skewed":
        found = chance.beta(4, 1.6, PEOPLE)
    else:
        found = chance.uniform(0.1, 0.95, PEOPLE)
    return np.clip(found, 0.02, 0.98)


def one_form(true: Numbers, items: int, chance: np.random.Generator) -> Numbers:
    """Scores of as many items, each right or wrong, as a share."""
    return chance.binomial(items, true) / items


def by_noise(true: Numbers, sd: float, chance: np.random.Generator) -> Numbers:
    """Scores with the same error for everybody, which the method does not assume."""
    return np.clip(true + chance.normal(0, sd, len(true)), 0, 1)


def histogram(scores: Numbers, cells: int) -> Histogram:
    edges = np.linspace(0, 1, cells + 1)
    counts = np.histogram(scores, edges)[0]
    return Histogram(tuple(edges), tuple(int(n) for n in counts))


def moments(parts: Numbers) -> MomentBlock:
    """Sums in thousandths of the range."""
    units = np.floor(parts * 1000 + 0.5).astype(np.int64)
    products = units.T @ units
    names = tuple("abcdef")
    return MomentBlock(
        status="present",
        n=len(parts),
        scale=1000,
        categories=names,
        sums=tuple(int(n) for n in units.sum(axis=0)),
        products=tuple(tuple(int(n) for n in products[at, at:]) for at in range(len(names))),
    )


def agreed(a: Numbers, b: Numbers) -> tuple[list[float], float]:
    bands = np.searchsorted(CUTS, a, side="right") == np.searchsorted(CUTS, b, side="right")
    return [float(np.mean((a >= cut) == (b >= cut))) for cut in CUTS], float(np.mean(bands))


@pytest.mark.parametrize("cells", [100, 20])
@pytest.mark.parametrize("error", ["items", "noise"])
@pytest.mark.parametrize("shape", ["bell", "two peaks", "skewed", "flat"])
def test_it_agrees_with_people_who_are_assessed_twice(shape: str, error: str, cells: int) -> None:
    chance = np.random.default_rng(3)
    true = truths(shape, chance)
    if error == "items":
        jitter = [(chance.random(PEOPLE) - 0.5) / 60 for _ in range(2)]  # scores are continuous
        a, b = (np.clip(one_form(true, 60, chance) + j, 0, 1) for j in jitter)
    else:
        a, b = (by_noise(true, 0.06, chance) for _ in range(2))
    by_cut, overall = agreed(a, b)
    for model in ("binomial", "constant"):
        found = consistency(histogram(a, cells), CUTS, float(np.corrcoef(a, b)[0, 1]), model)
        assert found is not None
        right = model == {"items": "binomial", "noise": "constant"}[error]
        assert found.overall == pytest.approx(overall, abs=0.01)
        assert found.by_cut == pytest.approx(by_cut, abs=0.01 if right else 0.025)


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1, 1), (3, 2, 2, 1, 1, 1)])
def test_alpha_from_sums_is_alpha_from_rows(weights: tuple[int, ...]) -> None:
    chance = np.random.default_rng(5)
    true = chance.normal(0.6, 0.15, 5_000)
    parts = np.clip(true[:, None] + chance.normal(0, 0.1, (5_000, 6)), 0, 1)
    w = np.array(weights, dtype=np.float64)
    spread = np.cov(parts.T, ddof=0)
    whole = float(w @ spread @ w)
    expected = 6 / 5 * (1 - float((w**2 * np.diag(spread)).sum()) / whole)
    assert alpha(moments(parts), dict(zip("abcdef", w, strict=True))) == pytest.approx(expected, abs=1e-3)


def test_two_halves_of_the_categories_agree_as_alpha_says() -> None:
    """Split halves: each form is the mean of six categories; alpha of one form, decisions of both."""
    chance = np.random.default_rng(7)
    true = truths("two peaks", chance)
    halves = [np.clip(true[:, None] + chance.normal(0, 0.15, (PEOPLE, 6)), 0, 1) for _ in range(2)]
    a, b = (half.mean(axis=1) for half in halves)
    reliability = alpha(moments(halves[0]), dict.fromkeys("abcdef", 1.0))
    assert reliability is not None
    found = consistency(histogram(a, 100), CUTS, reliability)
    assert found is not None
    assert found.overall == pytest.approx(agreed(a, b)[1], abs=0.01)


def test_what_cannot_be_said_is_not_said() -> None:
    nobody = Histogram((0.0, 0.5, 1.0), (0, 0))
    assert consistency(nobody, CUTS, 0.8) is None
    assert consistency(Histogram((0.0, 0.5, 1.0), (5, 5)), (), 0.8) is None
    assert consistency(Histogram((0.0, 0.5, 1.0), (5, 5)), CUTS, 1.0) is None
    assert alpha(MomentBlock(status="absent"), {"a": 1}) is None
    chance = np.random.default_rng(1)
    assert alpha(moments(chance.random((50, 6))), {"a": 1.0}) is None
    assert alpha(moments(np.full((50, 6), 0.5)), dict.fromkeys("abcdef", 1.0)) is None
    unrelated = alpha(moments(chance.random((5_000, 6))), dict.fromkeys("abcdef", 1.0))
    assert unrelated is not None
    assert 0 <= unrelated < 0.1
