"""No text or rare value of a person is in any file, git object, page, log line or error of a whole calibration."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from calibgit.cli.main import run
from calibgit.engine.table import COLUMNS, write_results
from calibgit.simulate.population import simulate
from tests.support.governed import Governed, govern
from tests.support.world import World, run_git

CANARIES = ("roe.j@example.org", "+1-202-555-0143", "Jane Roe", "unicorn_flag", "77.7731", "2024-04-17T03:")
ALL = " ".join(CANARIES)
DATES = {"row": "2024-03-03T10:00:00", "future": "2024-04-17T03:21:07"}
FLAG = {"type": "unicorn_flag", "severity": ALL, "category": ALL, "signal": ALL, "evidence": ALL, ALL: ALL}
TEXTS: dict[str, Any] = dict.fromkeys(COLUMNS, ALL) | {
    "id": 10**9,
    "created_at": DATES["row"],
    "overall_score": 77.7731,
    "red_flags": json.dumps([FLAG]),
    "category_scores": json.dumps({ALL: 77.7731, "expertise": ALL}),
}
SOUND = {"logic_version": "1.0.0", "confidence_score": 0.8, "category": "good", "red_flags": "[]"}
CANARY_ROWS: list[dict[str, Any]] = [
    TEXTS,
    TEXTS | SOUND,
    TEXTS | SOUND | {"red_flags": f"[{ALL}", "category_scores": f'{{"{ALL}'},
    TEXTS | SOUND | {"red_flags": json.dumps(json.dumps([FLAG]))},
    TEXTS | {"created_at": DATES["future"]},
    TEXTS | {"created_at": ALL, "overall_score": ALL},
]
WORDS = ["compatibility_thresholds.good.min_score=68", "--reason", "stricter"]


@pytest.fixture
def governed(world: World, monkeypatch: pytest.MonkeyPatch) -> Governed:
    made = govern(world)
    made.world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    monkeypatch.setenv("CALIBGIT_SIGNING_KEY", str(world.keys["carol"]))
    return made


@pytest.fixture
def source(governed: Governed) -> Path:
    """Simulated results with every kind of canary among them, once and twelve times."""
    path = governed.world.root / "results.sqlite"
    write_results(path, simulate(governed.config(), rows=600, seed=1, start=dt.date(2024, 3, 1), days=30))
    marks = ", ".join("?" for _ in COLUMNS)
    with sqlite3.connect(path) as connection:
        for at, row in enumerate([*CANARY_ROWS, *CANARY_ROWS[:2] * 12]):
            values = [f"{row[name]} {at}" if name == "subject" else row[name] for name in COLUMNS]
            connection.execute(f"INSERT INTO scan_results VALUES ({marks})", values)
    connection.close()
    return path


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    status = run([str(word) for word in words])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def leaks(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


def files(place: Path) -> dict[str, str]:
    return {str(path): path.read_bytes().decode("utf-8", "replace") for path in place.rglob("*") if path.is_file()}


def objects(repo: Path) -> str:
    """Every object of a repository, reachable or not."""
    names = run_git(repo, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").splitlines()
    wanted = [name.split()[0] for name in names if not name.endswith("tree")]
    return "".join(run_git(repo, "cat-file", "-p", name) for name in wanted)


def test_a_canary_would_be_noticed(governed: Governed) -> None:
    """The search itself finds one that is committed on a branch, and one that lies in the work tree."""
    governed.world.commit({"leak.json": json.dumps({"note": "Jane Roe"})}, "A leak")
    assert leaks(objects(governed.world.clone)) == ["Jane Roe"]
    assert leaks("".join(files(governed.world.clone).values())) == ["Jane Roe"]


def test_no_canary_is_in_anything_that_a_calibration_leaves_behind(
    governed: Governed, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone, out = governed.world.clone, governed.world.root / "out"
    window: list[str | Path] = ["--source", source, "--as-of", "2024-04-01"]
    snapshot, report = out / "snapshot.json", out / "report.json"
    printed = []
    for words in (
        ["collect", *window, "-o", snapshot, "--private", out / "exact.json"],
        ["collect", *window, "--dry-run", "--format", "json"],
        ["metrics", "merge", out / "exact.json", "-o", out / "merged.json"],
        ["analyze", snapshot, "-o", report],
        ["propose", report, "--snapshot", snapshot, "--set", *WORDS, "--dry-run"],
        ["calibrate", *window],
        ["propose", report, "--snapshot", snapshot, "--set", *WORDS, "--pr"],
        ["calibrate", *window, "--format", "json"],
        ["doctor"],
    ):
        status, text = told(capsys, "--repo", clone, *words)
        assert (status, words[0]) == (0, words[0]), text
        printed.append(text)
    assert leaks("".join(printed)) == []
    assert {path: leaks(text) for path, text in files(out).items() if leaks(text)} == {}
    assert len(files(out)) >= 4
    assert {path: leaks(text) for path, text in files(clone).items() if leaks(text)} == {}
    history = objects(governed.world.remote)
    assert "metrics-snapshot" in history
    assert leaks(history) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('table = "scan_results"', 'table = "missing"', "NO_TABLE"),
        ('tier = "tier"', 'tier = "missing"', "MISSING_COLUMN"),
        ('outcome = "outcome"', 'outcome = "outcome"\ncreated_at_as = "year"', ""),
    ],
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_no_canary_is_in_a_refusal(
    governed: Governed, source: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, code: str, output: str
) -> None:
    settings = governed.world.clone / "calibgit.toml"
    settings.write_text(settings.read_text().replace(old, new))
    words: list[str | Path] = ["collect", "--source", source, "--as-of", "2024-04-01", "--dry-run", "--format", output]
    status, text = told(capsys, "--repo", governed.world.clone, *words)
    assert status != 0
    assert code in text
    assert leaks(text) == []


def test_rows_outside_the_window_and_of_a_single_person_are_no_number(
    governed: Governed, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six canary rows more or less: no published number moves by one, and none is from 1 to 9."""
    window: list[str | Path] = ["--source", source, "--as-of", "2024-04-01", "--dry-run", "--format", "json"]
    before = json.loads(told(capsys, "--repo", governed.world.clone, "collect", *window)[1])
    with sqlite3.connect(source) as connection:
        connection.execute("DELETE FROM scan_results WHERE created_at LIKE '2024-04-17%'")
    connection.close()
    after = json.loads(told(capsys, "--repo", governed.world.clone, "collect", *window)[1])
    assert before == after
    assert before["privacy"]["k"] == 10
