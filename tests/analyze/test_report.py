"""The form of the report: it repeats, ignores order, and never contradicts itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.analyze.run import analyze
from calibgit.analyze.verdict import status_of
from calibgit.model.blocks import TallyBlock
from calibgit.model.report import CalibrationReport
from tests.support.snapshots import (
    Plan,
    config,
    generator,
    line,
    piled,
    smooth,
    snapshot,
    stratum,
    window,
)


def report_of(plan: Plan, **analysis: Any) -> CalibrationReport:
    return analyze(window(plan), config_data=config(), settings=line(analysis=analysis))


def test_ids_are_unique_and_bytes_repeat() -> None:
    taken = window(Plan(scores=smooth(generator(1), 3000), hot=0.1))
    first = analyze(taken, config_data=config(), settings=line())
    again = analyze(type(taken).read(taken.pretty(), "s"), config_data=config(), settings=line())
    assert first.pretty() == again.pretty()
    assert len({f.id for f in first.findings}) == len(first.findings)
    assert CalibrationReport.read(first.pretty(), "r") == first
    digits = [repr(f.test.estimate) for f in first.findings if f.test is not None]
    assert all(len(text.lstrip("-0.").replace(".", "")) <= 6 or "e" in text for text in digits)


def test_order_of_rows_keys_and_strata_does_not_matter() -> None:
    taken = stratum(Plan(scores=smooth(generator(1), 3000)))
    other = stratum(Plan(scores=smooth(generator(2), 800), version="0.9.0"), config(version="0.9.0"))
    turned = taken.model_copy(
        update={
            "score": taken.score.model_copy(update={"rows": taken.score.rows[::-1]}),
            "confidence": taken.confidence.model_copy(update={"rows": taken.confidence.rows[::-1]}),
            "labels": TallyBlock(status="present", counts=dict(reversed(taken.labels.counts.items()))),
            "flag_types": taken.flag_types.model_copy(
                update={"counts": dict(reversed(taken.flag_types.counts.items()))}
            ),
        }
    )
    straight = analyze(snapshot(taken, other), config_data=config(), settings=line())
    shuffled = analyze(snapshot(other, turned), config_data=config(), settings=line())
    assert straight.findings == shuffled.findings


rates = st.floats(0, 0.6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    n=st.integers(50, 3000), seed=st.integers(0, 999), flag=rates, escalated=rates, insufficient=rates,
    hot=st.one_of(st.none(), st.floats(-0.2, 0.3)), pile=st.floats(0, 0.2), fdr=st.floats(0, 0.3),
)  # fmt: skip
def test_status_interval_and_severity_never_contradict(
    n: Any, seed: Any, flag: Any, escalated: Any, insufficient: Any, hot: Any, pile: Any, fdr: Any
) -> None:
    plan = Plan(
        scores=piled(generator(seed), smooth(generator(seed), n), 65, pile), seed=seed, hot=hot,
        flag_rates={"evasive": flag}, escalated=escalated, insufficient=insufficient,
    )  # fmt: skip
    report = report_of(plan, false_discovery_rate=fdr)
    tests = 0
    for finding in report.findings:
        test = finding.test
        assert (test is None) == (
            finding.status == "not_assessable" or finding.type in {"label_conformance", "score_range"}
        )
        if test is None:
            continue
        tests += 1
        assert finding.status == status_of(test)
        assert test.lower <= test.estimate <= test.upper
        low = -1e9 if test.limit_low is None else test.limit_low
        high = 1e9 if test.limit_high is None else test.limit_high
        outside = test.lower >= high or test.upper <= low
        inside = test.lower >= low and test.upper <= high
        if finding.status == "breach":
            assert outside
            assert test.adjusted
            assert test.q <= fdr + 1e-6
            assert finding.severity in {"low", "medium", "high"}
        else:
            assert finding.status == ("ok" if inside else "watch")
            assert finding.severity == ("info" if inside else "low")
    assert tests == report.summary.tests


def test_importing_the_packages_is_cheap() -> None:
    modules = "calibgit.analyze.run, calibgit.propose.search, calibgit.propose.manual"
    program = f"import {modules}, sys; sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
