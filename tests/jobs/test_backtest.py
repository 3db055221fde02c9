"""A backtest looks at past windows as they would have been looked at then."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from calibgit.cli.main import run
from calibgit.engine.table import write_results
from calibgit.errors import EnvironmentFault, UsageError
from calibgit.jobs.backtest import Step, backtest, trial
from calibgit.model.proposal import Prediction
from calibgit.model.track import hold
from calibgit.simulate.population import HEALTHY, Faults, simulate
from tests.support.results import CONFIG, ROOT

FIRST = dt.date(2023, 9, 3)
AS_OF = "2024-01-01"
CONFIG_FILE = ROOT / "configs/scoring_config_v1.0.0.json"
PILE = Faults(pile_up_at=65, pile_up_share=0.07)
ROWS = 6_000


def history(path: Path, faults: Sequence[Faults], rows: int = ROWS) -> Path:
    """A window of 30 days for each, one after the other."""
    found: list[dict[str, object]] = []
    for number, fault in enumerate(faults):
        start = FIRST + dt.timedelta(days=30 * number)
        found += simulate(CONFIG, rows=rows, seed=number, start=start, days=30, faults=fault)
    write_results(path, found)
    return path


def steps(path: Path, windows: int, as_of: str = AS_OF) -> tuple[Step, ...]:
    return backtest(path, trial(path, CONFIG_FILE, None, None, None), windows=windows, as_of=as_of)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return history(tmp_path_factory.mktemp("history") / "results.parquet", [HEALTHY, PILE, PILE, HEALTHY])


def test_a_fault_is_flagged_when_it_is_there_and_its_proposal_is_held_against_the_next_window(four: Path) -> None:
    found = steps(four, 4)
    assert [bool(step.alarms) for step in found] == [False, True, True, False]
    assert found[1].again
    assert not found[2].again
    assert [step.n for step in found] == [ROWS] * 4
    for step in found:
        assert bool(step.changes) == (step.outcome != "")


def test_a_window_knows_nothing_of_later_ones(four: Path, tmp_path: Path) -> None:
    earlier = history(tmp_path / "earlier.parquet", [HEALTHY, PILE, PILE])
    whole, part = steps(four, 4), steps(earlier, 3, "2023-12-02")
    for now, then in zip(whole, part, strict=False):
        assert (now.window, now.n, now.alarms, dict(now.changes), now.reason) == (
            then.window,
            then.n,
            then.alarms,
            dict(then.changes),
            then.reason,
        )


def test_nothing_is_written_and_nobody_is_named(
    four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["backtest", "--source", str(four), "--config", str(CONFIG_FILE), "--windows", "5", "--as-of", AS_OF]
    assert run(arguments) == 0
    text = capsys.readouterr()
    assert "4 of 5 windows had assessments; 2 would have been flagged" in text.out
    assert "sorting:good:65" in text.out or "crowding:good:65" in text.out
    assert run([*arguments, "--format", "json"]) == 0
    found: Any = json.loads(capsys.readouterr().out)
    assert found["schema"] == "calibgit/backtest/1"
    assert [bool(window["alarms"]) for window in found["windows"]] == [False, False, True, True, False]
    assert list(tmp_path.iterdir()) == []
    assert "Ada" not in text.out + text.err
    assert "@" not in text.out + text.err


def test_a_settings_file_says_the_mapping(four: Path, tmp_path: Path) -> None:
    settings = tmp_path / "calibgit.toml"
    settings.write_text(
        'schema = "calibgit/settings/1"\n[lines.x.source]\ntable = "any"\nlogic_version = "1.0.0"\n'
        '[lines.x.source.columns]\ncreated_at = "created_at"\nscore = "overall_score"\n'
    )
    tried = trial(four, CONFIG_FILE, settings, None, None)
    found = backtest(four, tried, windows=2, as_of=AS_OF)
    assert [step.n for step in found] == [ROWS, ROWS]
    assert found[0].alarms


def test_what_cannot_be_tried_is_named(four: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="EMPTY_WINDOW"):
        steps(four, 2, "2015-01-01")
    with pytest.raises(UsageError, match="BAD_WINDOW"):
        steps(four, 121)
    (tmp_path / "odd.csv").write_text("moment,score\n2024-01-01,5\n")
    with pytest.raises(UsageError, match="MAPPING_INCOMPLETE") as caught:
        trial(tmp_path / "odd.csv", CONFIG_FILE, None, None, None)
    assert "created_at" in caught.value.what


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        ((50, 50, 500), "held"),
        ((20, 20, 500), "missed"),
        ((20, 45, 500), "held"),
        ((70, 90, 500), "missed"),
        ((5, 5, 50), "not_assessable"),
    ],
)
def test_a_prediction_is_missed_only_where_no_hidden_count_could_keep_it(came: Any, expected: str) -> None:
    promised = Prediction(metric="class_share:good", stratum="1.0.0", point=0.1, lower=0.08, upper=0.12, level=0.9)
    assert hold(promised, came, 200) == expected
