"""Every fault of the original analyser, each as the test that it would fail."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.analyze.run import analyze
from calibgit.model.blocks import TallyBlock
from tests.support.snapshots import Plan, bimodal, config, generator, line, piled, smooth, stratum, window


def findings(plan: Plan, prefix: str, **analysis: Any) -> Any:
    report = analyze(window(plan), config_data=config(), settings=line(analysis=analysis))
    return [finding for finding in report.findings if finding.id.startswith(prefix)]


@pytest.mark.parametrize("centre", [63, 65, 67])
def test_a_median_near_a_cut_is_not_crowding(centre: Any) -> None:
    for n in (200, 2000, 20_000):
        found = findings(Plan(scores=smooth(generator(n), n, centre, 15)), "crowding:good")
        assert all(finding.status != "breach" for finding in found)


def test_a_pile_far_from_the_median_is_found_and_more_data_helps() -> None:
    scores = piled(generator(1), bimodal(generator(1), 30_000), 65, 0.06)
    (finding,) = findings(Plan(scores=scores), "crowding:good")
    assert finding.status == "breach"


def test_shares_in_range_raise_no_alarm_at_any_small_n() -> None:
    for n in (20, 50, 100, 200):
        for seed in range(10):
            found = findings(Plan(scores=smooth(generator(seed), n), seed=seed), "share:")
            assert all(finding.status != "breach" for finding in found)


def test_few_assessments_are_not_assessable_rather_than_judged() -> None:
    for seed in range(20):
        plan = Plan(scores=smooth(generator(seed), 10), seed=seed, flag_rates={"evasive": 0.2})
        assert {finding.status for finding in findings(plan, "flag:")} == {"not_assessable"}


def test_every_judged_number_has_an_interval_and_a_share_of_the_error_budget() -> None:
    report = analyze(window(Plan(scores=smooth(generator(1), 3000))), config_data=config(), settings=line())
    for finding in report.findings:
        if finding.test is not None:
            assert finding.test.lower < finding.test.upper
            assert finding.test.q is not None


def test_confidence_above_a_gate_is_not_held_against_a_range_that_starts_at_the_gate() -> None:
    report = analyze(window(Plan(scores=smooth(generator(1), 3000))), config_data=config(), settings=line())
    found: list[Any] = [f for f in report.findings if f.type == "confidence_alignment"]
    assert [finding.id for finding in found] == ["confidence:association"]
    assert found[0].test.method == "goodman-kruskal-gamma"


def test_confidence_can_be_found_too_low_and_too_high() -> None:
    for hot, word in ((0.15, "hot"), (-0.15, "cold")):
        scores = smooth(generator(1), 4000, 45, 12)
        (finding,) = findings(Plan(scores=scores, hot=hot), "confidence:overall")
        assert finding.status == "breach"
        assert word in finding.recommendation


def test_no_escalation_is_not_no_assessment() -> None:
    (finding,) = findings(Plan(scores=smooth(generator(1), 1000), escalated=0.0), "escalation:rate")
    assert finding.status == "ok"
    assert finding.test.n == 1000
    bare = stratum(Plan(scores=smooth(generator(1), 1000))).model_copy(
        update={"escalation": TallyBlock(status="present", counts={"none": 1000})}
    )
    taken = window(Plan(scores=smooth(generator(1), 1000))).model_copy(update={"strata": (bare,)})
    report = analyze(taken, config_data=config(), settings=line())
    rate: Any = report.finding("escalation:rate")
    assert rate.test.estimate == 0


def test_missing_sufficiency_is_not_insufficient() -> None:
    plan = Plan(scores=smooth(generator(1), 2000), absent=0.5, insufficient=0.1)
    rate, absent = findings(plan, "sufficiency:")
    assert rate.status == "ok"
    assert rate.test.n == pytest.approx(1000, abs=100)
    assert absent.status == "breach"


def test_conflict_density_is_not_always_zero() -> None:
    (finding,) = findings(Plan(scores=smooth(generator(1), 2000), conflict=0.4), "conflict:")
    assert finding.status == "breach"
    assert finding.test.estimate == pytest.approx(0.4, abs=0.04)


def test_labels_that_the_config_does_not_imply_are_reported() -> None:
    (finding,) = findings(Plan(scores=smooth(generator(1), 300)), "labels:")
    assert finding.status == "ok"


def test_spelling_of_labels_is_mapped_not_lost() -> None:
    base = stratum(Plan(scores=smooth(generator(1), 2000)))
    hyphen = {band.replace("_", "-"): n for band, n in base.labels.counts.items()}
    spelled = base.model_copy(update={"labels": TallyBlock(status="present", counts=hyphen)})
    taken = window(Plan(scores=smooth(generator(1), 2000))).model_copy(update={"strata": (spelled,)})
    settings = line(vocabulary={"labels": {name: name.replace("-", "_") for name in hyphen}, "flag_types": ["evasive"]})
    report = analyze(taken, config_data=config(), settings=settings)
    share: Any = report.finding("share:high_potential")
    assert share.test.estimate == pytest.approx(base.labels.counts["high_potential"] / 2000)


def test_a_low_share_can_be_as_severe_as_a_high_one() -> None:
    plan = Plan(scores=smooth(generator(1), 5000, 50, 12))
    low = {"class_shares": {"high_potential": {"min": 0.10}}}
    (finding, *_) = findings(plan, "share:high_potential", **low)
    assert finding.severity == "high"
