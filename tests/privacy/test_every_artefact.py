"""No text or rare value of a person is in any file, git object, page, log line or error of a whole calibration."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from calibgit.cli.main import run
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.simulate.population import simulate
from tests.support.attacker import published_numbers
from tests.support.canaries import STORES, Row, among, leaks
from tests.support.governed import Governed, checked_out
from tests.support.world import World, run_git

Write = Callable[[Sequence[Row]], str]
WORDS = ["compatibility_thresholds.good.min_score=68", "--reason", "stricter"]


@pytest.fixture
def governed(world: World, monkeypatch: pytest.MonkeyPatch) -> Governed:
    made = checked_out(world)
    monkeypatch.setenv("CALIBGIT_SIGNING_KEY", str(world.keys["carol"]))
    return made


@pytest.fixture
def rows(governed: Governed) -> list[Row]:
    return among(list(simulate(governed.config(), rows=600, seed=1, start=dt.date(2024, 3, 1), days=30)))


@pytest.fixture(params=STORES)
def write(governed: Governed, request: pytest.FixtureRequest) -> Write:
    """Write rows to one of the stores; what `--source` takes."""
    store = STORES[request.param]
    return lambda rows: store(rows, governed.world.root, lambda: request.getfixturevalue("database"))


@pytest.fixture
def source(write: Write, rows: list[Row]) -> str:
    return write(rows)


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    status = run([str(word) for word in words])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


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
    governed: Governed, source: str, capsys: pytest.CaptureFixture[str]
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
    governed: Governed, source: str, capsys: pytest.CaptureFixture[str], old: str, new: str, code: str, output: str
) -> None:
    settings = governed.world.clone / "calibgit.toml"
    settings.write_text(settings.read_text().replace(old, new))
    words: list[str | Path] = ["collect", "--source", source, "--as-of", "2024-04-01", "--dry-run", "--format", output]
    status, text = told(capsys, "--repo", governed.world.clone, *words)
    nameless = code == "NO_TABLE" and source.endswith(".parquet")  # a file is the one table there is
    assert (status == 0) is nameless
    assert nameless or code in text
    assert leaks(text) == []


def test_rows_outside_the_window_and_of_a_single_person_are_no_number(
    governed: Governed, write: Write, rows: list[Row], capsys: pytest.CaptureFixture[str]
) -> None:
    """Canary rows more or less: no published number moves by one, and none is from 1 to 9."""
    inside = [row for row in rows if not str(row["created_at"]).startswith("2024-04-17")]
    assert len(inside) < len(rows)
    found = []
    for some in (rows, inside):
        window: list[str | Path] = ["--source", write(some), "--as-of", "2024-04-01", "--dry-run", "--format", "json"]
        found.append(json.loads(told(capsys, "--repo", governed.world.clone, "collect", *window)[1]))
    assert found[0] == found[1]
    assert found[0]["privacy"]["k"] == 10
    for stratum in MetricsSnapshot.model_validate(found[0]).strata:
        assert [item for item in published_numbers(stratum) if 0 < item[1] < 10] == []
