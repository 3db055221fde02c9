"""Attacks by publishing again: other windows, late rows, other settings, by calibrating and by proposing."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import calibgit
from calibgit.cli.main import run
from calibgit.engine.table import write_results
from calibgit.errors import DocumentError, GateClosed
from calibgit.jobs import calibrating, evidence, measure, proposing
from calibgit.jobs.drafting import Evidence
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.simulate.population import simulate
from tests.support.governed import Governed, checked_out
from tests.support.world import World

AS_OF = "2024-04-01"
WISH = proposing.Wish(assignments={"compatibility_thresholds.good.min_score": 68}, reason="stricter", push=True)
NOTHING = proposing.Wish()


@pytest.fixture
def governed(world: World) -> Governed:
    return checked_out(world)


@pytest.fixture
def source(governed: Governed) -> Path:
    path = governed.world.root / "results.sqlite"
    write_results(path, simulate(governed.config(), rows=400, seed=1, start=dt.date(2024, 2, 1), days=59))
    return path


def calibrate(governed: Governed, source: Path, wish: proposing.Wish = NOTHING, **over: Any) -> calibrating.Calibrated:
    words = {"as_of": AS_OF, "days": None, **over}
    return calibrating.calibrate(governed.workspace("carol"), str(source), wish=wish, **words)


def made_from(governed: Governed, source: Path, as_of: str = AS_OF) -> tuple[Any, Evidence]:
    """Counts and findings that only lie in a file."""
    space = governed.workspace("carol")
    subject = measure.subject_of(space, space.config(None))
    _, snapshot = measure.collect(subject, str(source), as_of=as_of)
    return subject, Evidence(snapshot, measure.analyze(subject, snapshot))


def propose(governed: Governed, subject: Any, found: Evidence, wish: proposing.Wish = WISH) -> proposing.Proposed:
    return proposing.propose(governed.workspace("carol"), subject, found, wish)


def late_row(source: Path, count: int = 1) -> None:
    """Rows of one day of the window that arrive after it was counted."""
    with sqlite3.connect(source) as connection:
        connection.execute(
            "INSERT INTO scan_results SELECT * FROM scan_results WHERE created_at LIKE '2024-03-1%' LIMIT ?", (count,)
        )
    connection.close()


def branches(governed: Governed) -> str:
    return governed.world.remote_git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")


def refused(governed: Governed, code: str, act: Callable[[], object]) -> None:
    """The act is refused with that code, and nothing is published."""
    before = branches(governed)
    with pytest.raises(GateClosed, match=code):
        act()
    assert branches(governed) == before


def test_the_same_window_again_publishes_nothing_new(governed: Governed, source: Path) -> None:
    assert calibrate(governed, source).evidence is not None
    before = branches(governed)
    for as_of in (AS_OF, "2024-04-02", "2024-04-20"):
        assert calibrate(governed, source, as_of=as_of).evidence is None
    assert branches(governed) == before


def test_the_next_window_is_published_beside_the_last(governed: Governed, source: Path) -> None:
    first = calibrate(governed, source, as_of="2024-03-01")
    second = calibrate(governed, source)
    assert None not in {first.evidence, second.evidence}
    assert first.snapshot.window.end <= second.snapshot.window.start
    lines = [json.loads(line) for line in ledger_of(governed).splitlines()]
    assert [line["previous_snapshot_sha256"] for line in lines] == [None, first.snapshot.digest()]
    assert {line["tool"] for line in lines} == {f"calibgit {calibgit.__version__}"}


def test_a_window_that_is_filled_in_later_changes_no_other(governed: Governed, source: Path) -> None:
    """What was published before a snapshot stands in the ledger, not in the snapshot: the same rows, the same bytes."""
    second = calibrate(governed, source)
    first = calibrate(governed, source, as_of="2024-03-01")
    again = calibrate(governed, source)
    assert None not in {first.evidence, second.evidence}
    assert again.snapshot == second.snapshot
    lines = [json.loads(line) for line in ledger_of(governed).splitlines()]
    assert [line["snapshot_sha256"] for line in lines[:2]] == [second.snapshot.digest(), first.snapshot.digest()]
    assert lines[1]["previous_snapshot_sha256"] == second.snapshot.digest()


def test_a_line_that_was_taken_out_of_the_ledger_is_noticed(governed: Governed, source: Path) -> None:
    for as_of in ("2024-03-01", AS_OF):
        calibrate(governed, source, as_of=as_of)
    rewrite(governed, ledger_of(governed).splitlines()[1] + "\n")
    with pytest.raises(DocumentError, match="LEDGER_MALFORMED"):
        calibrate(governed, source)


def test_a_collection_says_that_its_window_is_published_with_other_counts(
    governed: Governed, source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It enters no ledger, so this is all that it promises; by what this clone has fetched."""
    monkeypatch.setenv("CALIBGIT_SIGNING_KEY", str(governed.world.keys["carol"]))
    words = ["--repo", str(governed.world.clone), "collect", "--source", str(source), "--as-of", AS_OF, "--dry-run"]

    def told(*more: str) -> str:
        assert run([*words, *more]) == 0
        return capsys.readouterr().err

    assert "share at most one" not in told()
    calibrate(governed, source)
    governed.fetch()
    assert "share at most one" not in told()
    assert "counts of 2024-03-01T00:00:00Z to 2024-03-31T00:00:00Z are published" in told("--days", "7")
    late_row(source, 12)
    assert "share at most one" in told("--format", "json")


def ledger_of(governed: Governed) -> str:
    return governed.world.remote_git("show", "refs/heads/calibgit/evidence/scoring:ledger.jsonl")


@pytest.mark.parametrize("days", [7, 29, 31, 90])
def test_a_window_that_shares_days_is_refused(governed: Governed, source: Path, days: int) -> None:
    calibrate(governed, source)
    refused(governed, "WINDOW_PUBLISHED", lambda: calibrate(governed, source, days=days))


@pytest.mark.parametrize("count", [1, 12])
@pytest.mark.parametrize("wish", [NOTHING, replace(WISH, merge_request=True)], ids=["no change", "proposal"])
def test_a_late_row_cannot_be_isolated(governed: Governed, source: Path, wish: proposing.Wish, count: int) -> None:
    """Twelve late rows change published numbers; the difference of the two would tell of these twelve alone."""
    calibrate(governed, source)
    late_row(source, count)
    _, again = made_from(governed, source)
    assert not _is_same(governed, again.snapshot), "the late row changed nothing, so nothing was attacked"
    refused(governed, "WINDOW_PUBLISHED", lambda: calibrate(governed, source, wish))


def _is_same(governed: Governed, snapshot: MetricsSnapshot) -> bool:
    return snapshot.digest() in ledger_of(governed)


def test_a_proposal_by_hand_is_no_way_round_the_ledger(governed: Governed, source: Path) -> None:
    """Its documents hold the counts, so they are a publication like any other."""
    calibrate(governed, source)
    late_row(source)
    subject, found = made_from(governed, source)
    refused(governed, "WINDOW_PUBLISHED", lambda: propose(governed, subject, found))
    assert propose(governed, subject, found, replace(WISH, dry_run=True)).outcome == "proposed"


def test_a_proposal_by_hand_is_in_the_ledger(governed: Governed, source: Path) -> None:
    subject, found = made_from(governed, source)
    assert propose(governed, subject, found).pushed
    assert _is_same(governed, found.snapshot)
    late_row(source)
    refused(governed, "WINDOW_PUBLISHED", lambda: calibrate(governed, source))


def test_an_earlier_snapshot_does_not_come_along_unseen(governed: Governed, source: Path) -> None:
    subject, found = made_from(governed, source)
    _, before = made_from(governed, source, "2024-03-01")
    both = replace(found, previous=before.snapshot, report=measure.analyze(subject, found.snapshot, before.snapshot))
    refused(governed, "NOT_PUBLISHED", lambda: propose(governed, subject, both))
    calibrate(governed, source, as_of="2024-03-01")
    assert propose(governed, subject, both).pushed


def test_other_findings_about_the_same_counts_are_no_second_publication(governed: Governed, source: Path) -> None:
    """A later release of calibgit may say more about the same snapshot."""
    _, found = made_from(governed, source)
    space = governed.workspace("carol")
    assert evidence.publish_run(space, found.snapshot, found.report) is not None
    assert found.report.findings
    fewer = found.report.model_copy(update={"findings": found.report.findings[:-1]})
    assert evidence.publish_run(space, found.snapshot, fewer) is not None


@pytest.mark.parametrize("line", ["x", "{}", '{"window": {"start": 1, "end": 2}}', '{"window": []}'])
def test_a_ledger_that_cannot_be_read_stops_publishing(governed: Governed, source: Path, line: str) -> None:
    calibrate(governed, source)
    rewrite(governed, ledger_of(governed) + f"\n{line}\n")
    with pytest.raises(DocumentError, match=r"LEDGER_MALFORMED|NOT_JSON"):
        calibrate(governed, source, as_of="2024-03-01")


def rewrite(governed: Governed, ledger: str) -> None:
    """Somebody with push rights commits another ledger."""
    name = "calibgit/evidence/scoring"
    governed.fetch()
    governed.world.git("switch", "--quiet", "-c", name, f"refs/remotes/origin/{name}")
    governed.world.commit({"ledger.jsonl": ledger}, "By hand")
    governed.world.git("push", "--quiet", "origin", name)
    governed.world.git("switch", "--quiet", "main")
