"""Each fault of the collector that this one replaces, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from calibgit.collect.disclose import disclose
from calibgit.collect.plan import make_plan
from calibgit.engine.open import open_source
from calibgit.engine.relations import statements
from calibgit.errors import EnvironmentFault
from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot
from tests.support.results import (
    COLUMN_OF,
    CONFIG,
    GOOD,
    WINDOW,
    collect,
    everyone,
    margin,
    plain,
    settings,
    write_text_table,
)


@pytest.fixture(params=["duckdb", "sqlite"])
def counted(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    def count(*rows: dict[str, Any], times: int = 1, **source: Any) -> ExactSnapshot:
        path = tmp_path / f"a.{request.param}"
        path.unlink(missing_ok=True)
        write_text_table(path, everyone([{**GOOD, **row} for row in rows] * times))
        return collect(str(path), settings(**source))

    return count


def published(exact: ExactSnapshot) -> MetricsSnapshot:
    return disclose(exact, settings=settings(), config_data=CONFIG)


def test_the_table_is_not_loaded_once_per_metric(tmp_path: Path) -> None:
    """It loaded every row nine times and once more per label; now a fixed number of counting statements runs."""
    with open_source(str(write_text_table(tmp_path / "a.sqlite", [GOOD]))) as engine:
        found = statements(engine, make_plan("scoring", settings(), CONFIG, "1.0.0", WINDOW))
    assert len(found) == 6
    assert all("count(*)" in sql and "GROUP BY" in sql for sql in found.values())


def test_the_window_has_an_upper_bound_and_a_zone(counted: Any) -> None:
    exact = counted(
        {"created_at": "2024-01-30T23:59:59Z"},
        {"created_at": "2024-01-31T00:00:00Z"},
        {"created_at": "2024-01-31T00:30:00+01:00"},
    )
    assert sum(row.n for row in exact.rows if row.block == "score") == 2


def test_confidence_one_is_a_confidence(counted: Any) -> None:
    found = [row for row in counted({"confidence": 1.0}).rows if row.block == "outcome_confidence"]
    assert [(row.keys, row.bin, row.n) for row in found] == [(("1", "ok"), 100, 1)]


def test_percentiles_minima_and_maxima_are_not_published(counted: Any) -> None:
    text = published(counted(GOOD, times=50)).pretty().decode()
    assert all(word not in text for word in ('"p95"', '"median"', '"minimum"', '"maximum"', "percentile"))


def test_zero_escalations_are_not_zero_assessments(counted: Any) -> None:
    tally = published(counted(GOOD, times=50)).strata[0].escalation
    assert (tally.status, tally.counts) == ("present", {"low_confidence": 0, "none": 50, "other": 0, "pattern": 0})


def test_escalation_classes_are_exclusive(counted: Any) -> None:
    exact = counted({"escalation": "Pattern recurrence, and low confidence"}, {"escalation": "odd"})
    found = margin(exact, "traits", "escalation")
    assert found == {("pattern",): 1, ("other",): 1}


def test_conflict_density_is_read_where_it_is_written(counted: Any) -> None:
    assert plain(counted({"conflict": '{"conflict_score": 0.42}'}))["conflict", "1.0.0", ("ok",), 8] == 1


def test_a_tier_column_that_does_not_exist_is_an_error_not_a_default(counted: Any) -> None:
    with pytest.raises(EnvironmentFault, match="MISSING_COLUMN"):
        counted(GOOD, columns={**COLUMN_OF, "tier": "plan_name"})


def test_missing_sufficiency_is_not_insufficient(counted: Any) -> None:
    found = margin(counted({"sufficiency": None}, {"sufficiency": "false"}), "sufficiency", "sufficiency")
    assert found == {("__missing__",): 1, ("no",): 1}


def test_versions_with_different_thresholds_are_not_pooled(counted: Any) -> None:
    strata = published(counted({"logic_version": "0.9.0"}, {}, {"logic_version": "3.3.3"}, times=20)).strata
    assert [(s.logic_version, s.n) for s in strata] == [("0.9.0", 20), ("1.0.0", 20), ("__other__", 20)]


def test_a_rare_score_is_not_published(counted: Any) -> None:
    stratum = published(counted(*[{"score": 60}] * 50, {"score": 13.13})).strata[0]
    assert all(cell.n == 0 or cell.n >= 10 for row in stratum.score.rows for cell in row.cells)


def test_free_keys_from_json_are_not_published(counted: Any) -> None:
    row = {
        "flags": '[{"type": "Jane Roe", "severity": "x"}]',
        "label": "Jane Roe",
        "category_scores": '{"Jane Roe": 5}',
    }
    snapshot = counted(row, times=50)
    assert "Jane" not in snapshot.pretty().decode()
    stratum = published(snapshot).strata[0]
    assert stratum.labels.status == "present"
    assert stratum.flag_types.counts["__other__"] == 50


def test_an_explicit_json_null_as_type_is_missing_not_a_key(counted: Any) -> None:
    assert plain(counted({"flags": '[{"type": null}]'}))["flag_occurrences", "1.0.0", ("__missing__", "1"), None] == 1


def test_booleans_are_not_numbers(counted: Any) -> None:
    exact = counted({"category_scores": '{"expertise": true, "reasoning": 50}'})
    assert [row.keys for row in exact.rows if row.block == "category"] == [("reasoning",)]


def test_repeated_flags_count_once_as_presence(counted: Any) -> None:
    twice = '[{"type": "evasion", "severity": "low"}, {"type": "evasion", "severity": "low"}]'
    found = {row.keys: row.n for row in counted({"flags": twice}).rows if row.block.startswith("flag_")}
    assert found.items() >= {("evasion", "2"): 1, ("evasion", "low"): 1}.items()


def test_labels_are_compared_with_the_config(counted: Any) -> None:
    def verdict(*rows: dict[str, Any]) -> str:
        return published(counted(*rows, times=20)).strata[0].verdicts.label_conformance

    assert verdict({"score": 70, "label": "good"}, {"score": 90, "label": "high-end"}) == "conforms"
    assert verdict({"score": 70, "label": "good"}, {"score": 90, "label": "poor"}) == "deviates"


def test_scores_outside_the_range_are_told_and_not_clamped(counted: Any) -> None:
    exact = counted(*[GOOD] * 20, *[{"score": 120}] * 10)
    assert plain(exact)["dropped", "1.0.0", ("score_outside",), None] == 10
    assert published(exact).strata[0].verdicts.score_range == "outside"
    assert published(exact).strata[0].n == 20


def test_one_score_outside_the_range_does_not_show(counted: Any) -> None:
    exact = counted(*[GOOD] * 20, {"score": 120})
    assert published(exact) == published(counted(*[GOOD] * 20))


def test_absent_columns_are_absent_not_zero(counted: Any) -> None:
    columns = {name: COLUMN_OF[name] for name in ("created_at", "score", "logic_version")}
    stratum = published(counted(GOOD, times=20, columns=columns)).strata[0]
    for block in (stratum.labels, stratum.confidence, stratum.outcome, stratum.flag_types, stratum.flag_severity,
                  stratum.escalation, stratum.tiers, stratum.sufficiency, stratum.conflict, stratum.categories):  # fmt: skip
        assert block.status == "absent"
    assert stratum.verdicts.label_conformance == "absent"
    assert stratum.score.status == "present"


def test_flag_types_and_severities_cannot_be_subtracted(counted: Any) -> None:
    """43 flagged assessments, 40 of them with one published type, would tell of exactly three others."""
    one, other = (f'[{{"type": "{kind}", "severity": "high"}}]' for kind in ("evasion", "pressure"))
    rows = [*[{"flags": one}] * 40, *[{"flags": other}] * 3, *[{"flags": "[]"}] * 100]
    stratum = published(counted(*rows)).strata[0]
    assert stratum.flag_types.counts["evasion"] is None
    more = published(counted(*rows, *[{"flags": other}] * 7)).strata[0]
    assert (more.flag_types.counts["evasion"], more.flag_types.counts["pressure"]) == (40, 10)
