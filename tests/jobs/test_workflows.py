"""Which workflows the push of an event starts, by the forms that people write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.jobs.workflows import started_by_tags, unfiltered_pushes

PUSH = "on:\n  push:\n"
CASES: list[tuple[str, bool | None]] = [
    ("on: push\n", True),
    ("on: pull_request\n", False),
    ('"on": push\n', True),
    ("'on': [push, pull_request]\n", True),
    ("on: [pull_request, workflow_dispatch] # push\n", False),
    ("on:\n  - push\n  - pull_request\n", True),
    ("on:\n- pull_request\n", False),
    ("on:\n- push\n", True),
    ("name: x\n\non: push # every push\njobs: {}\n", True),
    ("on:\n  push:\n  pull_request:\njobs:\n  a:\n    steps: []\n", True),
    ("on:\n  push: null\n", True),
    ("on:\n  pull_request:\n    branches: [main]\n", False),
    ("on:\n  workflow_call:\n    inputs:\n      push:\n        type: string\n", False),
    (PUSH + "    branches: [main]\n", False),
    (PUSH + "    branches:\n      - main\n", False),
    (PUSH + "    branches:\n    - main\n", False),
    (PUSH + "    branches: ['**']\n", False),
    (PUSH + "    branches-ignore: [x]\n", False),
    (PUSH + "    paths: [configs/**]\n", True),
    (PUSH + "    paths-ignore:\n      - docs/**\n", True),
    (PUSH + "    tags: ['v*']\n", False),
    (PUSH + "    tags: ['*']\n", False),
    (PUSH + "    tags: ['**']\n", True),
    (PUSH + "    tags:\n      - '**'\n      - '!calib/**'\n", False),
    (PUSH + "    tags: ['calib/**']\n", True),
    (PUSH + "    tags: ['calib/e/*']\n", True),
    (PUSH + "    tags-ignore: ['calib/**']\n", False),
    (PUSH + "    tags-ignore: ['v*']\n", True),
    (PUSH + "    branches: [main]\n    tags: ['**']\n", True),
    (PUSH + "    branches: [main]\n  pull_request:\n", False),
    ("on: {push: {branches: [main]}}\n", None),
    ("on:\n  push: {branches: [main]}\n", None),
    ("on:\n  push: &anchor\n    branches: [main]\n", None),
    ("on:\n  push:\n    branches: [main,\n      other]\n", None),
    ("on:\n  push:\n    unheard-of: [main]\n", None),
    ("on:\n\tpush:\n", None),
    ("jobs: {}\n", None),
    ("", None),
    ("on: *x\n", None),
]


@pytest.mark.parametrize(("text", "started"), CASES)
def test_a_workflow_is_read_as_github_reads_it(text: str, started: bool | None) -> None:
    assert started_by_tags(text) is started


@given(st.text(alphabet="onpush:[]{}-'\"#!&* \nbranchestg,/", max_size=80))
def test_nothing_that_stands_in_a_workflow_is_a_bug(text: str) -> None:
    assert started_by_tags(text) in {True, False, None}


def test_findings_name_the_file_and_the_line_to_add(tmp_path: Path) -> None:
    directory = tmp_path / ".github/workflows"
    directory.mkdir(parents=True)
    (directory / "test.yml").write_text("on: push\n")
    (directory / "check.yaml").write_text("on: pull_request\n")
    (directory / "odd.yml").write_bytes(b"\xff")
    (directory / "notes.txt").write_text("on: push\n")
    found = list(unfiltered_pushes(tmp_path))
    assert [(f.status, f.what.split(" ")[0]) for f in found] == [
        ("unknown", "whether"),
        ("fail", ".github/workflows/test.yml"),
    ]
    assert found[1].fix == "under on: push: in .github/workflows/test.yml, add a line: branches: ['**']"


def test_filtered_workflows_are_in_order_and_none_are_not_mentioned(tmp_path: Path) -> None:
    assert list(unfiltered_pushes(tmp_path)) == []
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/x.yml").write_text(PUSH + "    branches: ['**']\n")
    assert [f.status for f in unfiltered_pushes(tmp_path)] == ["ok"]
