"""The documents: stable bytes, kept key order, escaped values, a picture that parses."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.analyze.run import analyze
from calibgit.errors import UsageError
from calibgit.model import markdown, semantics
from calibgit.model.proposal import ChangeSummary, Decision, InputDigest
from calibgit.propose.document import change_summary, next_config
from calibgit.propose.manual import decide_manual
from calibgit.propose.picture import histogram_svg
from calibgit.propose.search import decide
from calibgit.propose.summary import summary_markdown
from tests.support.snapshots import Plan, config, generator, line, smooth, stratum, window

TIGHT = {"class_shares": {"moderate": {"min": 0.0, "max": 0.36}}, "class_share": {"min": 0.0, "max": 1.0}}


def made(**more: Any) -> Any:
    limits, taken = line(analysis=TIGHT), window(Plan(scores=smooth(generator(1), 10_000)))
    report = analyze(taken, config_data=config(), settings=limits)
    decision = decide(taken, report, config_data=config(), settings=limits)
    summary = change_summary(
        line="scoring", proposed_version="1.1.0", base_version="1.0.0", created_by="job", initiator="schedule",
        level="minor", decision=decision, report=report, libraries={"scipy": "1.17.1", "numpy": "2.4.6"},
        inputs=(InputDigest(name="metrics_snapshot.json", sha256="1" * 64),), **more,
    )  # fmt: skip
    return decision, report, summary


def test_the_next_config_differs_only_where_it_says() -> None:
    decision, _, _ = made()
    data = config()
    new = json.loads(next_config(data, decision.changes, "1.1.0"))
    assert list(new) == list(data)
    assert list(new["compatibility_thresholds"]) == list(data["compatibility_thresholds"])
    assert new["logic_version"] == "1.1.0"
    for change in decision.changes:
        band = change.path.split(".")[1]
        assert new["compatibility_thresholds"][band]["min_score"] == change.new
        new["compatibility_thresholds"][band]["min_score"] = change.old
    new["logic_version"] = "1.0.0"
    assert new == data == config()


def test_a_stale_or_doubled_change_is_refused() -> None:
    decision, _, _ = made()
    with pytest.raises(UsageError, match="STALE_CHANGE"):
        next_config(config((84, 64, 44, 24, 0)), decision.changes, "1.1.0")
    with pytest.raises(UsageError, match="STALE_CHANGE"):
        next_config(config(), [*decision.changes, *decision.changes], "1.1.0")


def test_the_summary_is_complete_and_repeats() -> None:
    _, report, summary = made()
    assert summary.pretty() == made()[2].pretty()
    assert ChangeSummary.read(summary.pretty(), "s") == summary
    assert list(summary.reproduce.libraries) == ["numpy", "scipy"]
    page = summary_markdown(summary, report, picture="scores.svg")
    assert page == summary_markdown(summary, report, picture="scores.svg")
    order = ["# scoring", "**1 change", "## What changes", "scores.svg", "## Who moves where", "## Why",
             "## What else was considered", "## Risk and the way back", "--to 1.0.0", "## Check it yourself"]  # fmt: skip
    places = [page.index(part) for part in order]
    assert places == sorted(places)
    assert "share:moderate" in page
    assert page.endswith("\n")
    assert "\n\n\n" not in page


def test_what_asks_for_attention_and_is_not_mended_is_on_the_page() -> None:
    """A reviewer sees every serious finding of the version, not only the one that a change is for."""
    _, report, summary = made()
    serious = [f for f in report.findings if f.is_serious]
    other = serious[0].model_copy(
        update={"id": "sorting:x:1", "description": "Pushed | over @all.", "severity": "high"}
    )
    elsewhere = other.model_copy(update={"id": "sorting:y:2", "stratum": "0.9.0"})
    quiet = other.model_copy(update={"id": "sorting:z:3", "severity": "low"})
    more = report.model_copy(update={"findings": (*report.findings, other, elsewhere, quiet)})
    page = summary_markdown(summary, more)
    assert page.index("## What this does not mend") < page.index("## What else was considered")
    assert "`sorting:x:1` (high): Pushed \\| over" in page
    assert "@all" not in page
    assert "sorting:y:2" not in page
    assert "sorting:z:3" not in page


def test_no_change_is_no_proposal() -> None:
    with pytest.raises(UsageError, match="NO_CHANGE"):
        change_summary(
            line="scoring", proposed_version="1.1.0", base_version="1.0.0", created_by="a", initiator="b",
            level="none", decision=Decision(changes=(), reason="No change. Nothing to do."),
        )  # fmt: skip


def test_a_hostile_reason_stays_text() -> None:
    hostile = "ok | x |\n# H1 <img src=x> [a](http://evil.example) @admin closes #1 `c` www.evil.example"
    decision = decide_manual(
        None, config_data=config(), settings=line(), reason=hostile,
        assignments={"metadata.note": "a|b`c`\n@you <b>", "compatibility_thresholds.good.min_score": 66},
    )  # fmt: skip
    summary = change_summary(
        line="scoring", proposed_version="1.1.0", base_version="1.0.0", created_by="@x", initiator="<y>",
        level="minor", decision=decision,
    )  # fmt: skip
    page = summary_markdown(summary, None)
    assert "<img" not in page
    assert "](http" not in page
    assert "@admin" not in page
    assert "www.evil" not in page
    assert "\n# H1" not in page
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    assert all(row.replace("\\|", "").count("|") == 7 for row in rows)


@given(st.text(max_size=60))
def test_text_and_code_stay_on_one_line(value: Any) -> None:
    for shown in (markdown.text(value), markdown.code(value)):
        assert len(shown.splitlines()) <= 1
        assert "|" not in shown.replace("\\|", "")
    assert "<" not in markdown.text(value)
    assert "@" not in markdown.text(value)


def test_the_picture_is_stable_well_formed_and_escaped() -> None:
    published = stratum(Plan(scores=smooth(generator(1), 3000)))
    bands = ("a<b", "good & fine", "moderate", "low", "caution")
    old = semantics.gates(config(bands=bands))
    new = semantics.gates(config((85, 67, 45, 25, 0), bands))
    picture = histogram_svg(published, old, new)
    assert picture == histogram_svg(published, old, new)
    root: Any = ET.fromstring(picture)  # noqa: S314  our own output
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.find("s:title", space).text.startswith("Scores")
    assert "good & fine 65 to 67" in root.find("s:desc", space).text
    assert len(root.findall("s:line[@class='new']", space)) == 1
    assert "prefers-color-scheme:dark" in picture
    assert "script" not in picture
