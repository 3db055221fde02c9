"""Windows and configs at the edge of what means something, through the whole pipeline: a reason, and never a guess."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from calibgit.engine.table import write_results
from calibgit.errors import DocumentError, EnvironmentFault
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.measure import Subject, analyze, collect
from calibgit.model.config_data import read_config_data, version_of
from calibgit.model.proposal import Decision
from calibgit.model.report import CalibrationReport
from calibgit.model.settings import read_settings
from calibgit.propose.search import decide
from calibgit.simulate.population import simulate
from tests.support.results import CONFIG, ROOT

Config = dict[str, Any]
Row = dict[str, object]
SETTINGS = (ROOT / "calibgit/jobs/templates/calibgit.toml").read_text("utf-8").replace("LINE", "scoring")
AS_OF = "2024-04-01"


def scaled(low: float, high: float) -> Config:
    """The demonstration's config on another range of scores."""
    config = copy.deepcopy(CONFIG)
    config["score_range"] = {"min": low, "max": high}
    for band in config["compatibility_thresholds"].values():
        band["min_score"] = low + band["min_score"] / 100 * (high - low)
    config["deal_breaker_penalties"] = {
        name: value * (high - low) / 100 for name, value in config["deal_breaker_penalties"].items()
    }
    return config


def bands(**chosen: Mapping[str, Any]) -> Config:
    return {**copy.deepcopy(CONFIG), "compatibility_thresholds": {name: dict(gate) for name, gate in chosen.items()}}


def rows_of(config: Config, n: int, change: Callable[[Row], Row] = lambda row: row) -> Iterator[Row]:
    for row in simulate(config, rows=n, seed=5, start=dt.date(2024, 3, 2), days=30):
        yield change(row)


def judged(path: Path, config: Config, rows: Iterator[Row]) -> tuple[CalibrationReport, Decision]:
    write_results(path, rows)
    data = json.dumps(config).encode()
    value = read_config_data(data, "config")
    subject = Subject("scoring", read_settings(SETTINGS.encode()).lines["scoring"], "0" * 64, "configs",
                      ActiveConfig(version_of(value), data, value))  # fmt: skip
    _, snapshot = collect(subject, str(path), as_of=AS_OF)
    report = analyze(subject, snapshot)
    return report, decide(snapshot, report, config_data=value, settings=subject.settings)


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from numbers(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, float):
        yield value


def is_sound(report: CalibrationReport, decision: Decision) -> None:
    for finding in report.findings:
        assert all(math.isfinite(number) for number in numbers(finding.data())), finding.id
        assert "nan" not in finding.description.split()
        assert finding.description.endswith(".")
        if finding.status == "not_assessable":
            assert finding.test is None, finding.id
            assert ":" in finding.description or "cannot be" in finding.description, finding.description
        if finding.test is not None:
            assert finding.test.lower <= finding.test.estimate <= finding.test.upper, finding.id
    assert decision.reason


ODD: dict[str, tuple[Config, int, Callable[[Row], Row]]] = {
    "one value": (CONFIG, 3_000, lambda row: {**row, "overall_score": 70.0}),
    "the lowest value": (CONFIG, 3_000, lambda row: {**row, "overall_score": 0.0}),
    "the highest value": (CONFIG, 3_000, lambda row: {**row, "overall_score": 100.0}),
    "two values at a cut": (CONFIG, 3_000, lambda row: {**row, "overall_score": 65.0 if id(row) % 2 else 64.9}),
    "nothing but scores": (
        CONFIG,
        3_000,
        lambda row: {**dict.fromkeys(row), **{name: row[name] for name in ("id", "created_at", "overall_score")}},
    ),
    "nothing of the version": (CONFIG, 3_000, lambda row: {**row, "logic_version": "9.9.9"}),
    "three people": (CONFIG, 3, lambda row: row),
    "fifteen people": (CONFIG, 15, lambda row: row),
    "one person": (CONFIG, 3_000, lambda row: {**row, "subject": "p"}),
    "no score can be read": (CONFIG, 3_000, lambda row: {**row, "overall_score": None if row["id"] != 1 else 50.0}),
    "two bands": (bands(yes={"min_score": 65}, no={"min_score": 0}), 3_000, lambda row: row),
    "a band whose only gate is its score": (
        bands(a={"min_score": 80, "min_confidence": 0.7}, b={"min_score": 40}, c={"min_score": 0}),
        3_000,
        lambda row: row,
    ),
    "bands without a score between": (bands(a={"min_score": 65}, b={"min_score": 64.9}, c={"min_score": 0}), 3_000,
                                      lambda row: row),
    "scores from 1 to 10": (scaled(1, 10), 3_000, lambda row: {**row, "overall_score": round(float(row["overall_score"]))}),  # type: ignore[arg-type]
    "scores from 0 to 1000": (scaled(0, 1000), 3_000, lambda row: row),
    "scores from -50 to 50": (scaled(-50, 50), 3_000, lambda row: row),
    "scores from 0 to 1": (scaled(0, 1), 3_000, lambda row: row),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_window_gets_reasons(name: str, tmp_path: Path) -> None:
    config, n, change = ODD[name]
    report, decision = judged(tmp_path / "a.parquet", config, rows_of(config, n, change))
    is_sound(report, decision)
    if name != "a band whose only gate is its score":  # that one holds too many, and lowering the cut above it is right
        assert not decision.changes, decision


def test_a_window_without_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="EMPTY_WINDOW"):
        judged(tmp_path / "a.parquet", CONFIG, rows_of(CONFIG, 30, lambda row: {**row, "created_at": "2020-01-01"}))


@pytest.mark.parametrize(
    "config",
    [
        bands(a={"min_score": 40}, b={"min_score": 60}, c={"min_score": 0}),
        bands(a={"min_score": 60}, b={"min_score": 60}, c={"min_score": 0}),
        bands(a={"min_score": 60}, b={"min_score": 10}),
        bands(all={"min_score": 0}),
        bands(),
    ],
    ids=["cuts that cross", "cuts that are one", "nobody in the last band", "one band", "no band"],
)
def test_bands_that_mean_nothing_are_refused_by_name(config: Config, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"SCHEMA|CONFIG_MEANING") as refused:
        judged(tmp_path / "a.parquet", config, rows_of(CONFIG, 300))
    assert refused.value.fix
