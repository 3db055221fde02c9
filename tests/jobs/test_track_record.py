"""What a release promised is held against what came, and said by status and by the next proposal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from calibgit.cli.main import run
from calibgit.jobs import govern as jobs
from calibgit.jobs import measure, read
from calibgit.jobs.checking import check
from calibgit.jobs.drafting import Evidence
from calibgit.jobs.proposing import Wish, propose
from calibgit.jobs.tracking import record_of
from calibgit.model.canonical import pretty_json
from calibgit.model.ids import Version, evidence_branch, summary_path
from calibgit.model.proposal import ChangeSummary
from calibgit.model.report import CalibrationReport
from calibgit.propose.track import track_record
from calibgit.repo.commits import commit_files
from calibgit.repo.network import find_remote
from calibgit.repo.pushing import push
from tests.support.promising import CUT, PILE, Promising, promise
from tests.support.promising import run as counted
from tests.support.world import Template, run_git

EVIDENCE = f"refs/heads/{evidence_branch('scoring')}"
V120 = Version(1, 2, 0)
HOSTILE = "class_share:<b>\x1b[31m\u202e|x|`"


@pytest.fixture(scope="module")
def told(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Promising:
    return promise(template.copy(tmp_path_factory.mktemp("told") / "world"))


@pytest.fixture(scope="module")
def kept(told: Promising, tmp_path_factory: pytest.TempPathFactory) -> Promising:
    """Two windows after the release: too few, then as promised."""
    line = told.copy(tmp_path_factory.mktemp("kept") / "world")
    line.window(1, rows=150)
    line.window(2)
    return line


@pytest.fixture(scope="module")
def broken(told: Promising, tmp_path_factory: pytest.TempPathFactory) -> Promising:
    """One window after the release, in which other people came."""
    line = told.copy(tmp_path_factory.mktemp("broken") / "world")
    line.window(1, faults=PILE)
    return line


def record(line: Promising, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = read.status(line.governed.workspace(), **options)["lines"]["scoring"]["track_record"]
    return found


def verdicts(line: Promising) -> list[str]:
    return [one["verdict"] for entry in record(line)["versions"] for one in entry["predictions"]]


def status(line: Promising, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(["--repo", str(line.governed.world.clone), "status", *words])
    return code, *capsys.readouterr()


def findings(report: CalibrationReport) -> list[tuple[str, str, str]]:
    return [(one.id, one.severity, one.status) for one in report.findings if one.type == "track_record"]


def evidence(line: Promising, files: dict[str, bytes | None]) -> None:
    """Somebody writes to the evidence branch by hand."""
    space = line.governed.workspace("carol")
    tip = line.governed.world.remote_git("rev-parse", EVIDENCE)
    commit = commit_files(
        space.repo, parents=[tip], files=files, message="x", author=line.governed.world.identity("carol"), when=1
    )
    push(space.repo, find_remote(space.repo), {EVIDENCE: commit})
    line.governed.fetch()


def runs(line: Promising) -> list[str]:
    tree = line.governed.world.remote_git("ls-tree", "-r", "--name-only", EVIDENCE)
    return [name for name in tree.split("\n") if name.endswith("metrics_snapshot.json")]


def test_a_release_is_scored_by_nothing_until_a_window_is_there(
    told: Promising, capsys: pytest.CaptureFixture[str]
) -> None:
    found = record(told)
    assert verdicts(told) == ["not_assessable"] * 2
    assert found["triggers"][0]["reason"] == "the window publishes no assessment of v1.1.0"
    code, out, err = status(told, capsys)
    assert (code, err) == (0, "")
    assert "track record: 0 of 0 predictions held, 2 not assessable" in out


def test_a_promise_is_held_in_the_first_window_with_enough_rows(
    kept: Promising, capsys: pytest.CaptureFixture[str]
) -> None:
    found = record(kept)
    assert (found["held"], found["missed"], found["not_assessable"]) == (2, 0, 0)
    for one in found["versions"][0]["predictions"]:
        assert one["came"]["window"]["start"] == "2024-03-01T00:00:00Z"
        assert one["came"]["n"] == 3000
        assert one["came"]["low"] <= one["came"]["high"]
    assert found["triggers"][0]["fired"] is False
    code, out, _ = status(kept, capsys)
    assert code == 0
    assert "2 of 2 predictions held, 0 not assessable" in out
    assert "class_share:fair above 44.4% has not fired" in out


def test_a_missed_promise_fires_the_trigger_and_names_the_command(
    broken: Promising, capsys: pytest.CaptureFixture[str]
) -> None:
    found = record(broken)
    assert found["missed"] >= 1
    assert found["triggers"][0]["fired"] is True
    command = "calibgit rollback --line scoring --env production --reason TEXT"
    assert found["triggers"][0]["command"] == command
    code, out, err = status(broken, capsys)
    assert code == 1
    assert "warning TRIGGER_FIRED: scoring v1.1.0, active in production: class_share:fair is above 44.4%" in err
    assert f"  fix: {command}" in err
    assert "has FIRED" in out
    code, out, _ = status(broken, capsys, "--format", "json")
    assert code == 1
    assert [one["code"] for one in json.loads(out)["warnings"]] == ["TRIGGER_FIRED"]
    assert json.loads(out)["ok"] is True
    assert json.loads(out)["lines"]["scoring"]["active"] == {"production": "1.1.0"}


def test_a_missed_prediction_is_a_finding_of_the_window_that_misses_it_and_remembered_by_the_next(
    told: Promising, tmp_path: Path
) -> None:
    line = told.copy(tmp_path / "world")
    first = line.window(1, faults=PILE)
    assert ("prediction:class_share:fair", "medium", "breach") in findings(first.report)
    assert first.report.summary.requires_attention
    second = line.window(2)
    assert ("prediction:class_share:fair", "low", "watch") in findings(second.report)
    assert record(line)["missed"] == sum(found[2] == "breach" for found in findings(first.report))
    # The trigger looks at the newest window, and that one is as promised.
    assert record(line)["triggers"][0]["fired"] is False


def test_a_rollback_silences_the_trigger_and_keeps_the_record(
    broken: Promising, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = broken.copy(tmp_path / "world")
    jobs.rollback(line.governed.workspace("bob"), env="production", to=None, reason="the trigger fired")
    line.governed.fetch()
    assert record(line)["triggers"] == []
    assert record(line)["missed"] >= 1
    assert status(line, capsys)[0] == 0


def test_the_past_is_told_as_it_was(kept: Promising) -> None:
    found = record(kept, at="3")
    assert found["held"] == 0
    assert found["versions"][0]["predictions"][0]["reason"] == "no window has been published since"
    assert record(kept, at="1")["versions"] == []


def test_the_same_counts_give_the_same_report_wherever_and_whenever(kept: Promising, tmp_path: Path) -> None:
    line = kept.copy(tmp_path / "world")
    name = next(path for path in runs(line) if "20240331" in path)
    text = line.governed.world.remote_git("show", f"{EVIDENCE}:{name}") + "\n"
    space = line.governed.workspace("bob")
    subject = measure.subject_of(space, space.config(None))
    (tmp_path / "s.json").write_text(text)
    counts = measure.read_snapshot(tmp_path / "s.json")
    report = measure.analyze(subject, counts, record=record_of(space, "scoring"))
    run_git(line.governed.world.clone, "update-ref", "-d", EVIDENCE.replace("heads", "remotes/origin"))
    space = line.governed.workspace("bob")
    again = measure.analyze(subject, counts, record=record_of(space, "scoring"))
    assert report.pretty() == again.pretty()
    assert [one[2] for one in findings(report)] == ["ok", "ok"]
    line.governed.fetch()
    assert line.window(2).evidence is None


def next_proposal(line: Promising) -> tuple[str, str]:
    done = line.window(3, assignments={CUT: 66}, reason="half of it back", push=True, version=V120)
    assert done.proposed.draft is not None
    page = done.proposed.draft.files["proposals/scoring/v1.2.0/SUMMARY.md"].decode()
    return done.proposed.commit, page


def test_the_next_proposal_shows_what_was_promised_and_check_recomputes_it(kept: Promising, tmp_path: Path) -> None:
    line = kept.copy(tmp_path / "world")
    head, page = next_proposal(line)
    assert "## What earlier changes promised and what came" in page
    assert "2 of 2 predictions held; 0 cannot be judged yet." in page
    row = r"\| v1\.1\.0 \| `class_share:good` \| [0-9.]+% to [0-9.]+% \| 27\.7% of 3000 \| "
    assert re.search(row + re.escape(r"2024\-03\-01 to 2024\-03\-31 | held |"), page)
    data = line.governed.world.git("show", f"{head}:{summary_path('scoring', V120)}")
    assert json.loads(data)["track_record"] == {"held": 2, "missed": 0, "not_assessable": 0}
    (report,) = check(line.governed.workspace("alice"), head=head)
    assert [(one.code, one.message) for one in report.results if one.outcome == "fail"] == []


def forged(line: Promising, head: str, change: Any) -> list[str]:
    """The failed checks of a proposal whose report was edited."""
    path = "proposals/scoring/v1.2.0/calibration_report.json"
    value = json.loads(line.governed.world.git("show", f"{head}:{path}"))
    change(value)
    space = line.governed.workspace("carol")
    commit = commit_files(
        space.repo, parents=[head], files={path: pretty_json(value)}, message="x",
        author=line.governed.world.identity("carol"), when=1,
    )  # fmt: skip
    (report,) = check(line.governed.workspace("alice"), head=commit)
    return [f"{one.code}: {one.message}" for one in report.results if one.outcome == "fail"]


def test_a_report_that_tells_it_otherwise_fails_its_check(kept: Promising, tmp_path: Path) -> None:
    line = kept.copy(tmp_path / "world")
    head, _ = next_proposal(line)

    def promised(value: Any) -> None:
        value["track_record"][0]["predictions"][0]["upper"] = 0.9

    def came(value: Any) -> None:
        value["track_record"][0]["predictions"][0]["came"]["high"] = 900

    def hidden(value: Any) -> None:
        del value["track_record"][0]["predictions"][0]["came"]

    def left_out(value: Any) -> None:
        value["track_record"][0]["version"] = "1.0.9"

    for change in (promised, came, hidden, left_out):
        (told_so,) = forged(line, head, change)
        assert "OTHER_PROMISES" in told_so
    # A report from before there was a record is recomputed without one, so this one differs from what was committed.
    assert forged(line, head, lambda value: value.pop("track_record"))[0].startswith("NOT_REPRODUCED")
    # Without the evidence the windows before this one are believed, and this one is still recomputed.
    run_git(line.governed.world.clone, "update-ref", "-d", EVIDENCE.replace("heads", "remotes/origin"))
    assert check(line.governed.workspace("alice"), head=head)[0].ok
    assert "OTHER_PROMISES" in forged(line, head, promised)[0]


def test_a_proposal_without_a_record_still_recomputes(kept: Promising, tmp_path: Path) -> None:
    """As one that was made before reports had one."""
    line = kept.copy(tmp_path / "world")
    done = line.window(3)
    space = line.governed.workspace("carol")
    subject = measure.subject_of(space, space.config(None))
    plain = measure.analyze(subject, done.snapshot)
    assert plain.track_record is None
    assert b"track_record" not in plain.pretty()
    wish = Wish(assignments={CUT: 66}, reason="half of it back", version=V120)
    made = propose(space, subject, Evidence(done.snapshot, plain), wish)
    assert made.draft is not None
    assert "earlier changes" not in made.draft.files["proposals/scoring/v1.2.0/SUMMARY.md"].decode()
    (report,) = check(line.governed.workspace("alice"), head=made.commit)
    assert report.ok, report.results


def test_without_evidence_status_is_what_it_was(kept: Promising, tmp_path: Path, capsys: Any) -> None:
    line = kept.copy(tmp_path / "world")
    run_git(line.governed.world.clone, "update-ref", "-d", EVIDENCE.replace("heads", "remotes/origin"))
    run_git(line.governed.world.clone, "config", "remote.origin.url", "../nowhere.git")
    code, out, err = status(line, capsys)
    assert (code, err) == (0, "")
    assert "track record: nothing has been scored: this clone has no calibgit/evidence/scoring" in out
    run_git(line.governed.world.clone, "config", "remote.origin.url", "../remote.git")
    assert "2 of 2 predictions held" in status(line, capsys, "--fetch")[1]


def test_status_loads_no_numbers_library(broken: Promising) -> None:
    code = (
        "import json, sys\nfrom calibgit.cli.main import run\n"
        f"assert run(['--repo', {str(broken.governed.world.clone)!r}, 'status', '--format', 'json']) == 1\n"
        "print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"git", "jsonschema", "deepdiff", "numpy", "scipy", "duckdb", "sqlalchemy", "rich"}
    assert set(json.loads(done.stdout.splitlines()[-1])) & heavy == set()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{}", "nothing could be scored: LEDGER_MALFORMED"),
        (b"\xff", "nothing could be scored: NOT_UTF8"),
        (b'{"window": {"start": "8", "end": "9\\n"}, "report_sha256": "", "snapshot_sha256": "", '
         b'"previous_snapshot_sha256": null}', "nothing could be scored: BAD_OBJECT_NAME"),
        (b'{"window": {"start": "8", "end": "9"}, "report_sha256": "", "snapshot_sha256": "", '
         b'"previous_snapshot_sha256": null}', "left out, because they cannot be read: the window up to 9 ("),
    ],
)  # fmt: skip
def test_a_ledger_that_cannot_be_read_is_named(
    kept: Promising, tmp_path: Path, capsys: Any, data: bytes, said: str
) -> None:
    line = kept.copy(tmp_path / "world")
    evidence(line, {"ledger.jsonl": data + b"\n"})
    code, out, _ = status(line, capsys)
    assert code == 0
    assert said in out


@pytest.mark.parametrize("broken_bytes", [b"", b"{}", b"[" * 300, b'{"schema": "calibgit/metrics-snapshot/1"}'])
def test_a_window_that_cannot_be_read_is_left_out_and_named(
    kept: Promising, tmp_path: Path, capsys: Any, broken_bytes: bytes
) -> None:
    line = kept.copy(tmp_path / "world")
    evidence(line, {path: broken_bytes for path in runs(line) if "20240331" in path})
    code, out, _ = status(line, capsys)
    assert code == 0
    assert "track record: left out, because they cannot be read: the window up to 2024-03-31 (" in out
    assert verdicts(line) == ["not_assessable"] * 2


def test_counts_with_other_bands_or_broken_cells_score_nothing(kept: Promising, tmp_path: Path) -> None:
    line = kept.copy(tmp_path / "world")
    path = next(path for path in runs(line) if "20240331" in path)
    value = json.loads(line.governed.world.remote_git("show", f"{EVIDENCE}:{path}"))
    for stratum in value["strata"]:
        stratum["labels"] = {"status": "absent"}
    value["strata"][0]["score"]["rows"][0]["groups"] = [77]
    evidence(line, {path: pretty_json(value)})
    assert verdicts(line) == ["not_assessable"] * 2
    value["bands"] = ["a", "b"]
    evidence(line, {path: pretty_json(value)})
    first = record(line)["versions"][0]["predictions"][0]
    assert first["reason"] == "the window was counted without a band 'good'"


def released(story: Promising, /, **parts: Any) -> None:
    """Release and activate v1.2.0 with another change summary."""
    governed, draft = story.governed, story.promised.proposed.draft
    assert draft is not None
    value = {**draft.summary.data(), "proposed_version": "1.2.0", "base_version": "1.1.0", **parts}
    files: dict[str, bytes | None] = {summary_path("scoring", V120): pretty_json(value)}
    head = governed.propose("1.2.0", author="carol", files=files, good=66)
    governed.merge(head, by="alice")
    jobs.release(governed.workspace("bob"), V120, reason="approved")
    jobs.activate(governed.workspace("bob"), V120, env="production")
    governed.fetch()


INTERVAL = {"stratum": "1.1.0", "point": 0.1, "lower": 0.3, "upper": 0.4, "level": 0.9}
TRIGGER = {"metric": HOSTILE, "bound": 0.1, "direction": "above", "min_n": 0}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"prediction": "soon"}, "SCHEMA"),
        ({"line": "other"}, "its change summary speaks of another version or line"),
        ({"prediction": [{"metric": HOSTILE, **INTERVAL}], "rollback_trigger": TRIGGER}, "was counted without a band"),
        ({"prediction": [{"metric": "churn", **INTERVAL}]}, "nothing counts the metric 'churn'"),
        ({"prediction": [{"metric": "class_share:good", **INTERVAL, "upper": 0.2}]}, "the promised interval is empty"),
    ],
)
def test_a_summary_that_cannot_be_used_is_named_and_stops_nothing(
    kept: Promising, tmp_path: Path, capsys: Any, parts: dict[str, Any], said: str
) -> None:
    line = kept.copy(tmp_path / "world")
    released(line, **parts)
    report = counted(line.governed, line.governed.config(V120, good=66), 4).report
    line.governed.fetch()
    code, out, err = status(line, capsys)
    assert code == 0, err
    assert said in out
    assert not {"\x1b", "\u202e"} & set(out + err)
    assert {found[1:] for found in findings(report)} <= {("info", "not_assessable")}
    page = "\n".join(text for part in track_record(report) for text in part)
    assert not {"\x1b", "\u202e"} & set(page)
    rows = [row for row in page.splitlines() if row.startswith("| v1")]
    assert len(rows) == 3
    assert all(row.replace("\\|", "").count("|") == 7 for row in rows)


def test_the_committed_summary_is_the_one_that_was_released(told: Promising) -> None:
    """What lies on the branch now says nothing; what was released does."""
    data = told.governed.world.git("show", f"origin/main:{summary_path('scoring', Version(1, 1, 0))}")
    summary = ChangeSummary.read(data.encode() + b"\n", "s")
    assert [one.metric for one in summary.prediction] == ["class_share:good", "class_share:fair"]
