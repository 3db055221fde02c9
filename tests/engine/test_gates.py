"""The generated SQL and `model.semantics` are one meaning."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from calibgit.engine import gates
from calibgit.engine.fragments import identifier, literal
from calibgit.model import semantics

SCALE = 100
SEVERITIES = ("critical", "high", "low")


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(2, 5))
    cuts = sorted(draw(st.lists(st.integers(1, 9999), min_size=size - 1, max_size=size - 1, unique=True)), reverse=True)
    bands: dict[str, dict[str, Any]] = {f"b{i}": {"min_score": cut / SCALE} for i, cut in enumerate([*cuts, 0])}
    if draw(st.booleans()):
        limits = sorted(draw(st.lists(st.sampled_from([0.0, 0.29, 0.5, 0.57, 0.7, 1.0]), min_size=size, max_size=size)))
        for band, limit in zip(reversed(bands.values()), limits, strict=True):
            band["min_confidence"] = limit
        bands[f"b{size - 1}"]["min_confidence"] = 0
    for severity in draw(st.lists(st.sampled_from(SEVERITIES), unique=True)):
        allowed = sorted(draw(st.lists(st.integers(0, 4), min_size=size - 1, max_size=size - 1)))
        for index, limit in enumerate(allowed):
            bands[f"b{index}"][f"max_red_flags_{severity}"] = limit
    return {
        "score_range": {"min": 0, "max": 100},
        "compatibility_thresholds": bands,
        "red_flag_severity_thresholds": {s: {"min_occurrences": draw(st.integers(1, 3))} for s in SEVERITIES},
    }


@pytest.fixture(scope="module", params=["duckdb", "sqlite"])
def database(request: pytest.FixtureRequest) -> Iterator[Any]:
    connection: Any = duckdb.connect() if request.param == "duckdb" else sqlite3.connect(":memory:")
    yield connection
    connection.close()


@limits(deadline=None, max_examples=60)
@given(config=configs(), seed=st.integers(0, 2**32))
def test_caps_and_band_equal_semantics_row_by_row(database: Any, config: dict[str, Any], seed: int) -> None:
    table = semantics.gates(config)
    draw = random.Random(seed)  # noqa: S311
    edges = [round(cut * SCALE) + d for cut in table.cuts for d in (-1, 0)]
    rows: list[tuple[Any, ...]] = [
        (
            max(0, draw.choice([*edges, draw.randint(0, 10000)])),
            draw.choice([None, draw.randint(0, 10**6), 290000, 570000, 569999, 700000, 10**6]),
            int(draw.random() < 0.8),
            *(draw.randint(0, 5) for _ in SEVERITIES),
        )
        for _ in range(40)
    ]
    values = ", ".join(
        f"({', '.join('NULL' if v is None else str(v) for v in (i, *row))})" for i, row in enumerate(rows)
    )
    flag_sql = gates.flag_cap(table, config, {severity: f"n{i}" for i, severity in enumerate(SEVERITIES)})
    found = database.execute(
        f"WITH t(i, s, c, known, n0, n1, n2) AS (VALUES {values}) SELECT {gates.score_cap(table, 's', SCALE)}, "
        f"{gates.confidence_cap(table, 'c')}, CASE WHEN known = 1 THEN {flag_sql} "
        f"ELSE {gates.missing_flag_cap(table)} END FROM t ORDER BY i"
    ).fetchall()
    for caps, (score, confidence, known, *numbers) in zip(found, rows, strict=True):
        flags = semantics.effective_flags(config, dict(zip(SEVERITIES, numbers, strict=True))) if known else None
        value = None if confidence is None else confidence / gates.CONFIDENCE_SCALE
        assert caps == (
            semantics.score_cap(table, score / SCALE),
            semantics.confidence_cap(table, value),
            semantics.flag_cap(table, flags),
        )
        assert max(caps) == semantics.band_index(table, score / SCALE, value, flags)


@given(limit=st.floats(0, 1000), scale=st.sampled_from([1, 10, 100, 10_000, 1_000_000]))
def test_units_is_the_smallest_whole_number_at_or_above_the_limit(limit: float, scale: int) -> None:
    found = gates.units(limit, scale)
    assert found / scale >= limit
    assert (found - 1) / scale < limit


def test_names_and_texts_are_quoted() -> None:
    assert identifier('a"b') == '"a""b"'
    assert literal("a'b") == "'a''b'"
