"""Every check, open and closed: each refusal has its code, its place and a fix."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calibgit.check.candidate import Candidate
from calibgit.check.run import run_checks
from calibgit.cli import check as printing
from calibgit.model.canonical import pretty_json, sha256_hex
from calibgit.model.checks import CheckReport, CheckResult
from calibgit.model.ids import Version
from calibgit.model.schemas import schema_bytes
from calibgit.registry.owners import MAX_LINES, parse_codeowners
from tests.support.policies import in_force

BASE = (Path(__file__).parents[2] / "configs/scoring_config_v1.0.0.json").read_bytes()
CONFIG = "configs/scoring_config_v1.1.0.json"
FOLDER = "proposals/scoring/v1.1.0"
SUMMARY = f"{FOLDER}/change_summary_v1.1.0.json"
ROOT = "1" * 64
CUT = "compatibility_thresholds.good.min_score"


def config(version: str = "1.1.0", cut: Any = 67, **parts: Any) -> bytes:
    value = json.loads(BASE)
    value["logic_version"] = version
    value["compatibility_thresholds"]["good"]["min_score"] = cut
    return pretty_json({**value, **parts})


def summary(**parts: Any) -> bytes:
    change = {
        "path": CUT,
        "old": 65,
        "new": 67,
        "rationale": "r",
        "impact_note": "n",
        "affected_components": ["scoring"],
    }
    return pretty_json(
        {
            "schema": "calibgit/change-summary/1",
            "line": "scoring",
            "proposed_version": "1.1.0",
            "base_version": "1.0.0",
            "created_by": "carol@example.org",
            "initiator": "carol@example.org",
            "log_head": {"registry": ROOT, "seq": 2, "sha256": "2" * 64},
            "compatibility": "minor",
            "summary": "s",
            "rationale": "r",
            "changes": [change],
            "reproduce": {"command": "c", "tool": "t", "libraries": {}, "inputs": []},
            **parts,
        }
    )


def candidate(files: dict[str, bytes | None] | None = None, **parts: Any) -> Candidate:
    """A sound proposal; `files` replace files at the head, `parts` replace fields."""
    after: dict[str, bytes | None] = {CONFIG: config(), SUMMARY: summary(), **(files or {})}
    whole = {path: data for path, data in after.items() if data is not None}
    values: dict[str, Any] = {
        "line": "scoring",
        "configs": "configs",
        "base": "a" * 40,
        "head": "b" * 40,
        "changed": tuple(sorted(after)),
        "special": (),
        "after": after,
        "version": Version(1, 1, 0),
        "base_version": Version(1, 0, 0),
        "base_config": BASE,
        "released": {"configs/scoring_config_v1.0.0.json": sha256_hex(BASE)},
        "known": frozenset({Version(1, 0, 0)}),
        "rejected": frozenset(),
        "registry": ROOT,
        "log": {1: ROOT, 2: "2" * 64},
        "contracts": {"configs/scoring_config.schema.json of v1.0.0": schema_bytes("scoring-config")},
        "owners": parse_codeowners(b"* @alice @bob\n"),
        "in_force": in_force(),
        "expected": whole,
    }
    return Candidate(**{**values, **parts})


def codes(report: CheckReport) -> list[tuple[str, str]]:
    return [(result.check, result.code) for result in report.results if result.outcome == "fail"]


def test_a_sound_proposal_passes_every_check() -> None:
    report = run_checks(candidate())
    assert report.ok, codes(report)
    assert [result.check for result in report.results] == [
        "immutability", "scope", "owners", "number", "schema", "documents", "contracts", "log", "base", "changes",
        "level", "provenance",
    ]  # fmt: skip
    assert all(result.outcome == "pass" and not result.code for result in report.results)


RELEASED = "configs/scoring_config_v1.0.0.json"
BROKEN_CONTRACT = b'{"properties": {"score_range": {"properties": {"max": {"maximum": 10}}}}}'

REFUSALS: dict[str, tuple[Candidate, tuple[str, str], str | None]] = {
    "a released config changed": (
        candidate({RELEASED: b"{}"}), ("immutability", "RELEASED_CHANGED"), RELEASED,
    ),
    "a released config deleted": (
        candidate({RELEASED: None}), ("immutability", "RELEASED_CHANGED"), RELEASED,
    ),
    "another file besides": (candidate({"README.md": b"x"}), ("scope", "OUT_OF_SCOPE"), "README.md"),
    "the policy besides": (candidate({"trust.toml": b"x"}), ("scope", "OUT_OF_SCOPE"), "trust.toml"),
    "another line's proposal besides": (
        candidate({"proposals/exam/v1.1.0/x": b""}), ("scope", "OUT_OF_SCOPE"), "proposals/exam/v1.1.0/x",
    ),
    "a folder that only begins alike": (
        candidate({f"{FOLDER}0/x": b""}), ("scope", "OUT_OF_SCOPE"), f"{FOLDER}0/x",
    ),
    "a link among its files": (candidate(special=(SUMMARY,)), ("scope", "NOT_A_FILE"), SUMMARY),
    "governed files of no single version": (
        candidate(version=None), ("scope", "NOT_ONE_PROPOSAL"), CONFIG,
    ),
    "no CODEOWNERS": (candidate(owners=None), ("owners", "NO_CODEOWNERS"), None),
    "CODEOWNERS without end": (
        candidate(owners=parse_codeowners(b"* @alice\n" * (MAX_LINES + 1))), ("owners", "CODEOWNERS_TOO_LARGE"), "CODEOWNERS",
    ),
    "nobody owns it": (
        candidate(owners=parse_codeowners(b"configs/ @alice\n")), ("owners", "UNOWNED"), SUMMARY,
    ),
    "somebody disowned it": (
        candidate(owners=parse_codeowners(b"* @alice\n/configs/*\n")), ("owners", "UNOWNED"), CONFIG,
    ),
    "bytes rejected before": (
        candidate(rejected=frozenset({sha256_hex(config())})), ("number", "CONFIG_REJECTED"), CONFIG,
    ),
    "a number that is taken": (
        candidate(known=frozenset({Version(1, 0, 0), Version(1, 1, 0)})), ("number", "VERSION_NOT_GREATER"), CONFIG,
    ),
    "a number below a burnt one": (
        candidate(known=frozenset({Version(1, 10, 0)})), ("number", "VERSION_NOT_GREATER"), CONFIG,
    ),
    "a head that no log has had": (
        candidate({SUMMARY: summary(log_head={"registry": ROOT, "seq": 3, "sha256": "3" * 64})}),
        ("log", "LOG_HEAD_UNKNOWN"), SUMMARY,
    ),
    "a head with another digest": (
        candidate({SUMMARY: summary(log_head={"registry": ROOT, "seq": 2, "sha256": ROOT})}),
        ("log", "LOG_HEAD_UNKNOWN"), SUMMARY,
    ),
    "a head of another registry": (
        candidate({SUMMARY: summary(log_head={"registry": "0" * 64, "seq": 2, "sha256": "2" * 64})}),
        ("log", "LOG_HEAD_UNKNOWN"), SUMMARY,
    ),
    "no head at all": (candidate({SUMMARY: summary(log_head=None)}), ("log", "LOG_HEAD_UNKNOWN"), SUMMARY),
    "a head of an odd shape": (
        candidate({SUMMARY: summary(log_head={"registry": ROOT, "seq": "2", "sha256": "2" * 64})}),
        ("log", "LOG_HEAD_UNKNOWN"), SUMMARY,
    ),
    "no config": (candidate({CONFIG: None}), ("schema", "NO_CONFIG"), CONFIG),
    "a config that is not JSON": (candidate({CONFIG: b"{"}), ("schema", "NOT_JSON"), CONFIG),
    "a config with a key twice": (
        candidate({CONFIG: config().replace(b'"metadata"', b'"metadata": {}, "metadata"')}),
        ("schema", "NOT_JSON"), CONFIG,
    ),
    "a config outside its schema": (candidate({CONFIG: config(extra=1)}), ("schema", "SCHEMA"), CONFIG),
    "a config without meaning": (candidate({CONFIG: config(cut=99)}), ("schema", "CONFIG_MEANING"), CONFIG),
    "a config of another number": (candidate({CONFIG: config("1.2.0")}), ("schema", "VERSION_DIFFERS"), CONFIG),
    "a number that no reader could order": (candidate({CONFIG: config("01.1.0")}), ("schema", "SCHEMA"), CONFIG),
    "no summary": (candidate({SUMMARY: None}), ("documents", "NO_SUMMARY"), SUMMARY),
    "a summary outside its schema": (candidate({SUMMARY: summary(x=1)}), ("documents", "SCHEMA"), SUMMARY),
    "a summary without a change": (candidate({SUMMARY: summary(changes=[])}), ("documents", "SCHEMA"), SUMMARY),
    "a summary that wants no approval": (
        candidate({SUMMARY: summary(requires_approval=False)}), ("documents", "SCHEMA"), SUMMARY,
    ),
    "a snapshot outside its schema": (
        candidate({f"{FOLDER}/metrics_snapshot.json": b"{}"}), ("documents", "SCHEMA"), f"{FOLDER}/metrics_snapshot.json",
    ),
    "a report outside its schema": (
        candidate({f"{FOLDER}/calibration_report.json": b"[]"}),
        ("documents", "SCHEMA"), f"{FOLDER}/calibration_report.json",
    ),
    "a consumer contract broken": (
        candidate(contracts={"c": BROKEN_CONTRACT}), ("contracts", "CONTRACT_BROKEN"), CONFIG,
    ),
    "a contract that cannot be evaluated": (
        candidate(contracts={"c": b'{"$ref": "https://example.org/x"}'}), ("contracts", "CONTRACT_BROKEN"), CONFIG,
    ),
    "a summary of another version": (
        candidate({SUMMARY: summary(proposed_version="1.2.0")}), ("base", "VERSION_DIFFERS"), SUMMARY,
    ),
    "a summary of another line": (candidate({SUMMARY: summary(line="exam")}), ("base", "VERSION_DIFFERS"), SUMMARY),
    "a base that is no longer active": (
        candidate({SUMMARY: summary(base_version="0.9.0")}), ("base", "STALE_BASE"), SUMMARY,
    ),
    "nothing is active": (candidate(base_version=None), ("base", "STALE_BASE"), SUMMARY),
    "no change at all": (candidate({CONFIG: config(cut=65)}), ("changes", "NO_CHANGE"), CONFIG),
    "another value than the summary says": (candidate({CONFIG: config(cut=68)}), ("changes", "UNSEEN_CHANGE"), SUMMARY),
    "a value that differs by a hair": (
        candidate({CONFIG: config(cut=67.0000000000001)}), ("changes", "UNSEEN_CHANGE"), SUMMARY,
    ),
    "a change that the summary hides": (
        candidate({CONFIG: config(metadata={})}), ("changes", "UNSEEN_CHANGE"), SUMMARY,
    ),
    "a level that the summary plays down": (
        candidate({SUMMARY: summary(compatibility="patch")}), ("level", "WRONG_LEVEL"), SUMMARY,
    ),
    "an unsound base": (candidate(base_config=b"{}"), ("changes", "SCHEMA"), None),
    "nothing recomputed": (
        candidate(expected=None, not_recomputed="because"), ("provenance", "NOT_RECOMPUTED"), SUMMARY,
    ),
    "a file that recomputing does not give": (
        candidate({f"{FOLDER}/notes.md": b"trust me"}, expected={CONFIG: config(), SUMMARY: summary()}),
        ("provenance", "NOT_REPRODUCED"), f"{FOLDER}/notes.md",
    ),
    "a file that recomputing gives besides": (
        candidate(expected={CONFIG: config(), SUMMARY: summary(), f"{FOLDER}/SUMMARY.md": b"x"}),
        ("provenance", "NOT_REPRODUCED"), f"{FOLDER}/SUMMARY.md",
    ),
    "other bytes than recomputed": (
        candidate(expected={CONFIG: config(), SUMMARY: summary() + b" "}), ("provenance", "NOT_REPRODUCED"), SUMMARY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_check_refuses_with_its_code_at_its_place(name: str) -> None:
    given, (check, code), path = REFUSALS[name]
    report = run_checks(given)
    assert not report.ok
    found = [r for r in report.results if (r.check, r.code) == (check, code)]
    assert found, codes(report)
    assert found[0].path == path
    assert found[0].message
    assert CheckReport.read(report.pretty(), "report") == report


def test_a_patch_number_for_a_minor_change_is_refused_and_the_right_number_named() -> None:
    moved = {
        "configs/scoring_config_v1.0.1.json": config("1.0.1"),
        "proposals/scoring/v1.0.1/change_summary_v1.0.1.json": summary(proposed_version="1.0.1"),
    }
    report = run_checks(candidate(version=Version(1, 0, 1), after=moved, changed=tuple(moved), expected=moved))
    assert codes(report) == [("level", "WRONG_LEVEL")]
    assert next(r for r in report.results if r.code == "WRONG_LEVEL").fix == "propose it as v1.1.0"


def test_a_higher_level_than_needed_may_be_claimed() -> None:
    moved = {
        "configs/scoring_config_v2.0.0.json": config("2.0.0"),
        "proposals/scoring/v2.0.0/change_summary_v2.0.0.json": summary(proposed_version="2.0.0"),
    }
    report = run_checks(candidate(version=Version(2, 0, 0), after=moved, changed=tuple(moved), expected=moved))
    assert report.ok, codes(report)


def test_a_released_config_may_be_part_of_a_change_that_keeps_its_bytes() -> None:
    given = candidate(version=None, changed=("README.md",), after={"README.md": b"x"})
    report = run_checks(given)
    assert report.ok
    assert [(r.check, r.outcome) for r in report.results] == [("immutability", "pass"), ("scope", "skip")]


def test_a_change_that_proposes_nothing_still_leaves_released_configs_alone() -> None:
    given = candidate(version=None, changed=(RELEASED,), after={RELEASED: b"{}"})
    assert ("immutability", "RELEASED_CHANGED") in codes(run_checks(given))


def test_several_refusals_are_all_told() -> None:
    given = candidate({CONFIG: config(cut=99), "README.md": b""}, owners=None, expected=None)
    assert {check for check, _ in codes(run_checks(given))} == {"scope", "owners", "schema", "provenance"}


def test_github_annotations_cannot_be_broken_out_of(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "50% a\r\n::set-output name=x::y"
    results = (
        CheckResult(check="c", outcome="fail", code="EVIL", message=evil, path="a,b:c%\n::error::.json", fix=evil),
        CheckResult(check="c", outcome="fail", code="PLAIN", message="no place"),
        CheckResult(check="c", outcome="pass", message=evil),
        CheckResult(check="c", outcome="skip", message=evil),
    )
    report = CheckReport(line="l", base="a", head="b", version=None, ok=False, results=results)
    printing._annotations(report)
    lines = capsys.readouterr().out.splitlines()
    text = "50%25 a%0D%0A::set-output name=x::y"
    assert lines == [
        f"::error file=a%2Cb%3Ac%25%0A%3A%3Aerror%3A%3A.json,title=EVIL::{text}. Fix: {text}",
        "::error title=PLAIN::no place",
    ]


def test_a_markdown_page_cannot_be_broken_out_of(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a | b\n# heading <script>"
    report = run_checks(candidate())
    results = (*report.results, CheckResult(check="c", outcome="fail", code="EVIL", message=evil))
    printing._markdown(replace_results(report, results))
    page = capsys.readouterr().out
    assert "\n# heading" not in page
    assert "<script>" not in page
    rows = [line for line in page.splitlines() if line.startswith("| c |")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 4


def replace_results(report: CheckReport, results: tuple[CheckResult, ...]) -> CheckReport:
    return report.model_copy(update={"results": results, "ok": False})


def test_a_candidate_s_scope_is_its_config_and_its_folder() -> None:
    given = candidate()
    inside = [CONFIG, SUMMARY, f"{FOLDER}/deep/er.svg"]
    outside = ["configs/scoring_config_v1.1.1.json", FOLDER, f"{FOLDER}x/y", "proposals/scoring/v1.1.0", "x/" + CONFIG]
    assert [path for path in inside + outside if given.in_scope(path)] == inside
    assert not replace(given, version=None).in_scope(CONFIG)
