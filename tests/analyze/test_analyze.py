"""The report as a whole: what it finds and what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.analyze.run import analyze
from calibgit.errors import UsageError
from calibgit.model.blocks import RateBlock, TallyBlock, Verdicts
from calibgit.model.report import CalibrationReport
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, GridSpec, OutcomeBlock
from tests.support.snapshots import (
    BANDS,
    SCORE_GRID,
    Plan,
    bimodal,
    config,
    generator,
    line,
    piled,
    smooth,
    snapshot,
    sorted_over,
    stratum,
    window,
)


def report_of(plan: Plan, **analysis: Any) -> CalibrationReport:
    return analyze(window(plan), config_data=config(), settings=line(analysis=analysis))


def at(report: CalibrationReport, name: str) -> Any:
    return report.finding(name)


def breaches(report: CalibrationReport) -> set[str]:
    return {finding.id for finding in report.findings if finding.status == "breach"}


def test_a_quiet_window_raises_nothing() -> None:
    report = report_of(Plan(scores=smooth(generator(1), 4000)))
    assert breaches(report) == set()
    assert not report.summary.requires_attention
    assert report.summary.tests > 15


def test_the_names_of_the_original_analyses_are_finding_types() -> None:
    types = {finding.type for finding in report_of(Plan(scores=smooth(generator(1), 2000))).findings}
    assert {
        "boundary_crowding", "flag_triggering", "confidence_alignment", "escalation_patterns",
        "classification_distribution", "data_sufficiency", "label_conformance", "conflict_density",
    } <= types  # fmt: skip


@pytest.mark.parametrize("shape", [smooth, bimodal])
@pytest.mark.parametrize("n", [1000, 3000, 20_000])
def test_null_windows_are_quiet(shape: Any, n: Any) -> None:
    alarms = [report_of(Plan(scores=shape(generator(seed), n), seed=seed)) for seed in range(15)]
    assert sum(bool(breaches(report)) for report in alarms) == 0


@pytest.mark.slow
@pytest.mark.parametrize("n", [1000, 3000])
def test_false_alarms_with_every_rate_on_its_limit_keep_the_error_budget(n: Any) -> None:
    edge: dict[str, Any] = {
        "flag_rates": {"evasive": 0.3, "contradiction": 0.3, "pattern": 0.3},
        "critical": 0.05, "escalated": 0.15, "insufficient": 0.2, "absent": 0.05, "conflict": 0.25,
    }  # fmt: skip
    alarms = sum(
        bool(breaches(report_of(Plan(scores=smooth(generator(seed), n), seed=seed, **edge)))) for seed in range(300)
    )
    assert alarms / 300 <= 0.06


@pytest.mark.parametrize("cut", [25, 85])
def test_a_pile_of_six_percent_is_found_at_three_thousand(cut: Any) -> None:
    found = [
        f"crowding:{dict(zip((85, 65, 45, 25), BANDS, strict=False))[cut]}:{cut}"
        in breaches(report_of(Plan(scores=piled(generator(seed), smooth(generator(seed), 3000), cut, 0.06))))
        for seed in range(20)
    ]
    assert sum(found) >= 12


def test_a_pile_of_six_percent_at_the_peak_is_found_at_ten_thousand() -> None:
    plan = Plan(scores=piled(generator(2), smooth(generator(2), 10_000), 65, 0.06))
    report = report_of(plan)
    finding = at(report, "crowding:good:65")
    assert finding.status == "breach"
    assert finding.test.lower > finding.test.limit_high
    assert finding.evidence["rank_among_placebos"] == 1


def test_sorting_just_above_a_cut_is_found() -> None:
    report = report_of(Plan(scores=sorted_over(generator(3), smooth(generator(3), 4000), 65)))
    assert "sorting:good:65" in breaches(report)


@pytest.mark.parametrize("centre", [45, 65])
def test_smooth_data_centred_on_a_cut_are_not_crowded(centre: Any) -> None:
    for seed in range(10):
        report = report_of(Plan(scores=smooth(generator(seed), 5000, centre, 15), seed=seed))
        assert not [name for name in breaches(report) if name.startswith(("crowding", "sorting"))]


def test_round_number_habits_are_not_called_crowding_at_the_cut() -> None:
    rng = generator(5)
    scores = smooth(rng, 20_000, 55, 20)
    rounded = (scores + 5) // 10 * 10 - 5 + rng.integers(-2, 2, len(scores))
    habit = rng.random(len(scores)) < 0.3
    report = report_of(Plan(scores=(habit * rounded.clip(0, 100) + ~habit * scores).astype(int)))
    for finding in report.findings:
        if finding.id.startswith("crowding:") and finding.status == "breach":
            assert finding.severity == "low" or finding.evidence["rank_among_placebos"] == 1
    assert any(f.severity == "low" and f.status == "breach" for f in report.findings)


def test_a_flag_at_thirty_six_percent_against_thirty_is_found_at_a_thousand() -> None:
    plans = [Plan(scores=smooth(generator(s), 1000), seed=s, flag_rates={"evasive": 0.36}) for s in range(20)]
    assert sum("flag:evasive" in breaches(report_of(plan)) for plan in plans) >= 16


def test_a_silent_flag_is_found_where_a_lower_limit_is_set() -> None:
    plan = Plan(scores=smooth(generator(1), 1000), flag_rates={"evasive": 0.0})
    finding = at(report_of(plan, flag_rates={"evasive": {"min": 0.02}}), "flag:evasive")
    assert finding.status == "breach"
    assert finding.evidence["upper_by_rule_of_three"] == 0.003
    assert "too seldom" in finding.recommendation


def test_confidence_that_runs_hot_is_found_with_outcomes() -> None:
    report = report_of(Plan(scores=smooth(generator(1), 3000), hot=0.12))
    finding = at(report, "confidence:overall")
    assert finding.status == "breach"
    assert "runs hot" in finding.recommendation
    assert finding.test.estimate == pytest.approx(0.12, abs=0.03)


def test_honest_confidence_is_left_alone() -> None:
    for seed in range(10):
        report = report_of(Plan(scores=smooth(generator(seed), 3000), seed=seed, hot=0.0))
        assert not [name for name in breaches(report) if name.startswith("confidence")]


def test_confidence_that_ranks_against_the_label_is_found_without_outcomes() -> None:
    base = stratum(Plan(scores=smooth(generator(1), 3000)))
    flipped = tuple(
        row.model_copy(update={"groups": (len(BANDS) - 1 - row.groups[0],)}) for row in base.confidence.rows
    )
    wrong = base.model_copy(update={"confidence": base.confidence.model_copy(update={"rows": flipped})})
    report = analyze(snapshot(wrong), config_data=config(), settings=line())
    assert "confidence:association" in breaches(report)


def test_an_escalation_spike_is_found_against_the_previous_window() -> None:
    before = window(Plan(scores=smooth(generator(1), 3000), escalated=0.03), month=2)
    now = window(Plan(scores=smooth(generator(2), 3000), escalated=0.13), month=3)
    report = analyze(now, config_data=config(), settings=line(), previous=before)
    assert breaches(report) == {"escalation:shift"}
    assert report.previous_sha256 == before.digest()
    overlapping = analyze(now, config_data=config(), settings=line(), previous=now)
    finding = at(overlapping, "escalation:shift")
    assert finding.status == "not_assessable"
    assert "does not end before" in finding.description


def test_zero_escalations_are_a_real_zero() -> None:
    plan = Plan(scores=smooth(generator(1), 1000), escalated=0.0)
    finding = at(report_of(plan, escalation_rate={"min": 0.01, "max": 0.15}), "escalation:rate")
    assert finding.status == "breach"
    assert finding.test.n == 1000
    assert finding.test.estimate == 0


def test_deviating_labels_are_critical() -> None:
    plan = Plan(scores=smooth(generator(1), 1000), verdicts=Verdicts(label_conformance="deviates"))
    finding = at(report_of(plan), "labels:conformance")
    assert (finding.severity, finding.status) == ("critical", "breach")


def test_absent_and_withheld_roles_are_one_info_finding_each() -> None:
    base = stratum(Plan(scores=smooth(generator(1), 1000)))
    grid, tally = GridBlock(status="absent"), TallyBlock(status="withheld")
    bare = base.model_copy(
        update={
            "score": GridBlock(status="withheld"), "labels": TallyBlock(status="absent"), "confidence": grid,
            "outcome": OutcomeBlock(status="withheld"), "flag_types": RateBlock(status="absent"),
            "flag_severity": tally, "escalation": tally, "sufficiency": TallyBlock(status="absent"),
            "conflict": grid, "verdicts": Verdicts(),
        }
    )  # fmt: skip
    report = analyze(snapshot(bare), config_data=config(), settings=line())
    assert report.summary.tests == 0
    for finding in report.findings:
        assert finding.severity == "info"
        assert finding.test is None
    absent = [f for f in report.findings if f.evidence.get("role") == "absent"]
    assert len(absent) == len({f.type for f in absent})


def test_hidden_counts_are_not_zeros() -> None:
    base = stratum(Plan(scores=smooth(generator(1), 1000)))
    hidden = base.model_copy(
        update={
            "flag_types": RateBlock(status="present", n=1000, counts={"evasive": None, "pattern": 100}),
            "flag_severity": TallyBlock(status="present", counts={"__other__": 12, "none": 988}, folded=("critical",)),
        }
    )
    report = analyze(snapshot(hidden), config_data=config(), settings=line())
    evasive, critical = at(report, "flag:evasive"), at(report, "flag_severity:critical")
    assert evasive.status == "not_assessable"
    assert "withheld" in evasive.description
    assert critical.evidence["count_at_most"] == 12
    assert critical.status == "ok"


def test_coarse_bins_are_not_assessable_and_say_how_many_rows_it_takes() -> None:
    finding = at(report_of(Plan(scores=smooth(generator(1), 1200), k=150)), "crowding:good:65")
    assert finding.status == "not_assessable"
    assert finding.evidence["rows_needed"] > 1200
    assert "too coarse" in finding.description


def test_versions_are_never_pooled() -> None:
    mine, other = (
        Plan(scores=smooth(generator(1), 1500)),
        Plan(scores=smooth(generator(2), 1500), version="0.9.0", flag_rates={"evasive": 0.8}),
    )
    alone = analyze(snapshot(stratum(mine)), config_data=config(), settings=line())
    both = analyze(
        snapshot(stratum(other, config(version="0.9.0")), stratum(mine)), config_data=config(), settings=line()
    )
    assert "flag:evasive@0.9.0" in breaches(both)
    assert "flag:evasive" not in breaches(both)
    estimate = {f.id: f.test.estimate for f in both.findings if f.test is not None}
    assert all(estimate[f.id] == f.test.estimate for f in alone.findings if f.test is not None)
    assert not any(f.type == "boundary_crowding" and f.stratum == "0.9.0" for f in both.findings)


def test_a_window_without_the_version_under_review_says_so() -> None:
    other = stratum(Plan(scores=smooth(generator(2), 500), version="0.9.0"), config(version="0.9.0"))
    report = analyze(snapshot(other), config_data=config(), settings=line())
    finding = at(report, "sufficiency:stratum")
    assert "absent" in finding.description


def test_another_config_is_refused() -> None:
    with pytest.raises(UsageError, match="WRONG_CONFIG"):
        analyze(window(Plan(scores=smooth(generator(1), 100))), config_data=config(version="2.0.0"), settings=line())


def test_a_scale_of_ten_deciles_is_analysed_without_crowding() -> None:
    assert SCORE_GRID.bins == 101
    bands, cuts = ("very_high", "high", "low"), (8, 5, 1)
    data = config(cuts, bands) | {"score_range": {"min": 1, "max": 10}}
    grid = GridSpec(scale=1, min=1, step=1, bins=10)
    cells = tuple(GridCell(lo=i, hi=i + 1, n=200) for i in range(10))
    base = stratum(Plan(scores=smooth(generator(1), 2000)))
    deciles = base.model_copy(
        update={
            "score": GridBlock(status="present", grid=grid, rows=(GridRow(groups=(0,), cells=cells),)),
            "labels": TallyBlock(status="absent"),
        }
    )
    report = analyze(snapshot(deciles, bands=bands), config_data=data, settings=line())
    share = at(report, "share:very_high")
    assert share.test.estimate == 0.3
    assert share.evidence["source"] == "implied by the config"
    assert at(report, "crowding:high:5").status == "not_assessable"
