"""Charts over windows: from the evidence branch into the report, the proposal, and the check that recomputes both."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from calibgit.cli.main import run
from calibgit.collect.window import resolve_window
from calibgit.engine.table import write_results
from calibgit.errors import GateClosed, UsageError
from calibgit.jobs import calibrating, drafting, measure, proposing
from calibgit.model.history import History, PastWindow
from calibgit.model.snapshot import TimeWindow
from calibgit.simulate.population import simulate
from tests.support.governed import Governed, checked_out
from tests.support.world import World

FIRST = dt.date(2024, 1, 1)
DAYS, WINDOWS = 6, 11
WISH = proposing.Wish(assignments={"compatibility_thresholds.good.min_score": 68}, reason="stricter", push=True)


@pytest.fixture
def governed(world: World) -> Governed:
    return checked_out(world)


@pytest.fixture
def source(governed: Governed) -> Path:
    """Escalations double in the last window."""
    rows: list[dict[str, Any]] = list(
        simulate(governed.config(), rows=300 * (WINDOWS + 2), seed=1, start=FIRST, days=DAYS * (WINDOWS + 2))
    )
    space = governed.workspace("carol")
    last = resolve_window(as_of(WINDOWS + 1), DAYS, space.line.window.anchor)
    for at, row in enumerate(rows):
        late = str(row["created_at"]) >= last.start
        row["escalation_reason"] = "Pattern recurrence" if at % 10 == 0 or (late and at % 3 == 0) else None
    path = governed.world.root / "results.sqlite"
    write_results(path, rows)
    return path


def as_of(number: int) -> str:
    return f"{FIRST + dt.timedelta(days=DAYS * number + DAYS)}"


def walk(governed: Governed, source: Path) -> list[calibrating.Calibrated]:
    """One window after the other, the last with a change by hand."""
    found: list[calibrating.Calibrated] = []
    for number in range(1, WINDOWS + 2):
        wish = WISH if number == WINDOWS + 1 else proposing.Wish()
        space = governed.workspace("carol")
        found.append(calibrating.calibrate(space, str(source), as_of=as_of(number), days=DAYS, wish=wish))
    return found


def test_a_window_is_charted_against_all_before_it(governed: Governed, source: Path) -> None:
    found = walk(governed, source)
    assert len({each.snapshot.window.end for each in found}) == len(found)
    early, last = found[7].report, found[-1].report
    assert early.history_sha256 is None
    assert early.finding("escalation:trend") is None
    assert last.history_sha256 is not None
    shift, trend = last.finding("escalation:shift"), last.finding("escalation:trend")
    assert shift is not None
    assert trend is not None
    assert shift.test is not None
    assert trend.test is not None
    assert (shift.test.method, trend.test.method) == ("laney-p-chart", "ewma")
    assert shift.status == "breach"
    assert shift.evidence["windows"] == len(found)
    steady = found[-2].report.finding("escalation:shift")
    assert steady is not None
    assert steady.status in {"ok", "watch"}

    made = found[-1].proposed.draft
    assert made is not None
    name = next(path for path in made.files if path.endswith("/history.json"))
    history = History.read(made.files[name], name)
    assert history.digest() == last.history_sha256
    assert [each.snapshot_sha256 for each in history.windows] == [each.snapshot.digest() for each in found[:-1]]

    space = governed.workspace("carol")
    subject = measure.subject_of(space, space.config(None))
    assert drafting.recompute(subject, made.summary, made.files).files == made.files
    bent = history.model_copy(update={"windows": history.windows[:-1]})
    again = drafting.recompute(subject, made.summary, {**made.files, name: bent.pretty()})
    assert again.files != made.files


def test_a_history_that_was_never_published_is_refused(governed: Governed, source: Path) -> None:
    space = governed.workspace("carol")
    subject = measure.subject_of(space, space.config(None))
    _, snapshot = measure.collect(subject, str(source), as_of="2024-03-10", days=DAYS)
    made_up = PastWindow(
        window=TimeWindow(start="2023-01-01T00:00:00Z", end="2023-01-07T00:00:00Z", days=6),
        snapshot_sha256="0" * 64,
        escalated=30,
        n=300,
    )
    history = History(line=subject.line, logic_version="1.0.0", windows=(made_up,) * 8)
    report = measure.analyze(subject, snapshot, None, history)
    with pytest.raises(GateClosed, match="NOT_PUBLISHED"):
        proposing.propose(space, subject, drafting.Evidence(snapshot, report, None, history), WISH)
    other = history.model_copy(update={"logic_version": "9.9.9"})
    with pytest.raises(UsageError, match="WRONG_HISTORY"):
        measure.analyze(subject, snapshot, None, other)


def test_a_person_gives_earlier_snapshots_by_hand(
    governed: Governed, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    space = governed.workspace("carol")
    subject = measure.subject_of(space, space.config(None))
    folder = governed.world.root / "out"
    folder.mkdir()
    files = []
    for number in range(1, WINDOWS + 1):
        _, snapshot = measure.collect(subject, str(source), as_of=as_of(number), days=DAYS)
        files.append(folder / f"{number}.json")
        files[-1].write_bytes(snapshot.pretty())
    monkeypatch.chdir(governed.world.clone)
    earlier = [word for path in files[:-1] for word in ("--previous", str(path))]
    assert run(["analyze", str(files[-1]), *earlier, "--format", "json", "--exit-zero"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert "escalation:trend" in {finding["id"] for finding in report["findings"]}
    (written,) = folder.glob("history_*.json")
    assert History.read(written.read_bytes(), "h").digest() == report["history_sha256"]
