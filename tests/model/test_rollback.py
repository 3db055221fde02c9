"""The rollback report: what was taken out, what is back, and the next commands."""

from __future__ import annotations

import pytest

from calibgit.model.ids import Version
from calibgit.model.rollback import RollbackReport, rollback_report
from calibgit.model.state import RegistryState, Step, VersionRecord

REASON = "too many | weak <b>candidates</b>\n# not a heading"


def record(number: str, **parts: object) -> VersionRecord:
    values = {
        "line": "scoring",
        "version": Version.parse(number),
        "status": "released",
        "commit": "c" * 40,
        "path": f"configs/scoring_config_v{number}.json",
        "sha256": number[2] * 64,
        "size": 10,
        "schema_sha256": "",
        "tag": f"calib/scoring/v{number}",
        "tag_oid": "d" * 40,
        "seq": 2,
        "signer": "bob",
        "authors": ("carol",),
        "approvers": ("alice", "bob"),
        "evidence": "proven",
        **parts,
    }
    return VersionRecord(**values)  # type: ignore[arg-type]


def state() -> RegistryState:
    found = RegistryState(registry="f" * 64, seq=6)
    for seq, version, env in ((3, "1.1.0", "production"), (4, "1.1.0", "staging"), (6, "1.1.0", "production")):
        at = f"2024-02-0{seq}T00:00:00Z"
        found.steps.append(Step(seq, "scoring", env, Version.parse(version), "activate", at, "bob"))
    return found


@pytest.fixture
def report() -> RollbackReport:
    old = {"cuts": {"good": 67, "new": 1}, "same": {"x": 1}, "list": [1], "kind": 1}
    new = {"cuts": {"good": 65}, "same": {"x": 1}, "list": [2], "kind": {"deep": True}}
    return rollback_report(
        state=state(),
        leaving=record("1.1.0"),
        restored=record("1.0.0", approvers=(), evidence="baseline"),
        env="production",
        reason=REASON,
        by="alice",
        old=old,
        new=new,
    )


def test_it_names_the_event_that_will_write_it(report: RollbackReport) -> None:
    assert report.seq == 7
    assert report.name == "rollback_report_v1.1.0_00000007"
    assert report.active_until == "event 7"


def test_it_says_since_when_the_version_was_active_there_last(report: RollbackReport) -> None:
    assert report.active_from == "event 6 (2024-02-06T00:00:00Z)"


def test_a_version_without_a_step_was_active_since_nobody_knows_when() -> None:
    found = rollback_report(
        state=RegistryState(), leaving=record("1.1.0"), restored=record("1.0.0"), env="production", reason="", by="x",
        old={}, new={},
    )  # fmt: skip
    assert found.active_from == "unknown"
    assert found.diff == ()


def test_it_lists_every_value_that_differs_with_what_was_and_is_again(report: RollbackReport) -> None:
    assert [(item.path, item.was, item.now) for item in report.diff] == [
        ("cuts.good", 67, 65),
        ("cuts.new", 1, None),
        ("kind", 1, {"deep": True}),
        ("list", [1], [2]),
    ]


def test_it_carries_both_digests_and_the_strength_of_the_approval(report: RollbackReport) -> None:
    assert report.digests == {"from_version": "1" * 64, "version": "0" * 64}
    assert report.evidence == {"release": "calib/scoring/v1.1.0", "approvers": "alice, bob", "strength": "proven"}


def test_its_next_steps_can_be_pasted(report: RollbackReport) -> None:
    assert any("calibgit pin calib/scoring/v1.0.0 --trust-root " + "f" * 64 in step for step in report.next_steps)
    assert any("calibgit deprecate 1.1.0" in step for step in report.next_steps)


def test_it_reads_back_from_its_own_bytes(report: RollbackReport) -> None:
    again = RollbackReport.read(report.pretty(), "report")
    assert again.pretty() == report.pretty()
    assert again.digest() == report.digest()


def test_the_reason_cannot_break_out_of_the_page(report: RollbackReport) -> None:
    page = report.markdown()
    assert "<b>" not in page
    assert "\n# not a heading" not in page
    assert "> too many \\| weak &lt;b>candidates&lt;/b> # not a heading\n" in page
    assert "| `cuts.good` | `67` | `65` |" in page


def test_values_cannot_break_the_table_of_the_page() -> None:
    found = rollback_report(
        state=state(), leaving=record("1.1.0"), restored=record("1.0.0"), env="production", reason="x", by="alice",
        old={"metadata": {"a|b": "x` | y\n# heading"}}, new={"metadata": {}},
    )  # fmt: skip
    page = found.markdown()
    assert "\n# heading" not in page
    rows = [line for line in page.splitlines() if line.startswith("| `metadata")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 4
