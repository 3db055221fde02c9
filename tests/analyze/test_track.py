"""A missed prediction is a finding, by a printed rule, and drives nothing by itself."""

from __future__ import annotations

from calibgit.analyze.run import analyze
from calibgit.model.track import Came, Promise, VersionTrack
from calibgit.propose.drivers import blocking, drivers
from calibgit.propose.search import decide
from tests.support.snapshots import BANDS, SHA, Plan, config, generator, line, smooth, window

TAKEN = window(Plan(scores=smooth(generator(1), 3000)))
RELEASED = "2023-11-01T00:00:00Z"


def entry(lower: float, upper: float, version: str = "1.0.0", band: str = "moderate", copies: int = 1) -> VersionTrack:
    one = Promise(metric=f"class_share:{band}", point=lower, lower=lower, upper=upper, level=0.9)
    return VersionTrack(version=version, released=RELEASED, summary_sha256=SHA, least=200, predictions=(one,) * copies)


def test_the_printed_rule_of_severity() -> None:
    for upper, expected in ((1.0, ("info", "ok")), (0.01, ("medium", "breach"))):
        report = analyze(TAKEN, config_data=config(), settings=line(), record=(entry(0.0, upper),))
        found = report.finding("prediction:class_share:moderate")
        assert found is not None
        assert (found.severity, found.status) == expected
        assert found.evidence["summary_sha256"] == SHA
        assert found.test is None


def test_no_error_budget_is_spent_and_no_other_finding_moves() -> None:
    plain = analyze(TAKEN, config_data=config(), settings=line())
    told = analyze(TAKEN, config_data=config(), settings=line(), record=(entry(0.0, 0.01),))
    assert told.summary.tests == plain.summary.tests
    assert told.findings[: len(plain.findings)] == plain.findings
    assert (plain.track_record, plain.summary.requires_attention) == (None, False)
    assert told.summary.requires_attention


def test_a_missed_prediction_drives_no_cut() -> None:
    told = analyze(TAKEN, config_data=config(), settings=line(), record=(entry(0.0, 0.01),))
    assert drivers(told, "1.0.0", BANDS).by_cut == {}
    assert blocking(told, "1.0.0") is None
    assert decide(TAKEN, told, config_data=config(), settings=line()).changes == ()


def test_only_the_version_under_review_is_judged_and_all_are_remembered() -> None:
    record = (entry(0.0, 0.01, version="0.9.0"), entry(0.0, 1.0))
    report = analyze(TAKEN, config_data=config(), settings=line(), record=record)
    assert [one.id for one in report.findings if one.type == "track_record"] == ["prediction:class_share:moderate"]
    assert [one.version for one in report.track_record or ()] == ["0.9.0", "1.0.0"]


def test_a_verdict_of_an_earlier_window_is_remembered_and_not_given_again() -> None:
    before = TAKEN.window.model_copy(update={"start": "2023-12-01T00:00:00Z", "end": "2023-12-31T00:00:00Z"})
    came = Came(window=before, low=1, high=1, n=300)
    missed = entry(0.2, 0.9).predictions[0].model_copy(update={"verdict": "missed", "came": came})
    record = (entry(0.2, 0.9).model_copy(update={"predictions": (missed,)}),)
    report = analyze(TAKEN, config_data=config(), settings=line(), record=record)
    found = report.finding("prediction:class_share:moderate")
    assert found is not None
    assert (found.severity, found.status) == ("low", "watch")
    assert "0.3% (n = 300) in the window of 2023-12-01 to 2023-12-31" in found.description
    assert report.track_record == record


def test_ids_stay_unique_where_a_summary_promises_one_thing_twice() -> None:
    report = analyze(TAKEN, config_data=config(), settings=line(), record=(entry(0.0, 1.0, copies=3),))
    names = [one.id for one in report.findings if one.type == "track_record"]
    assert len(set(names)) == 3
    again = analyze(TAKEN, config_data=config(), settings=line(), record=(entry(0.0, 1.0, copies=3),))
    assert report.pretty() == again.pretty()
