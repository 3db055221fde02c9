"""Documents that name tests name tests that exist."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from calibgit.model.explained import STEPS

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`")


@pytest.mark.parametrize(("document", "least"), [("threat-model", 40), ("privacy", 20)])
def test_a_document_names_tests_that_exist(document: str, least: int) -> None:
    text = (ROOT / f"docs/{document}.md").read_text(encoding="utf-8")
    named = NAMED.findall(text)
    assert len(named) > least
    missing = [f"{path}::{name}" for path, name in named if name not in _tests(ROOT / path)]
    assert missing == []
    assert text.count("::test_") == len(named), "a test is named in another form"


def test_documents_number_the_steps_as_the_code_does() -> None:
    wanted = ", ".join(f"{number} {words}" for number, words in STEPS.items())
    for name in ("README.md", "docs/threat-model.md"):
        assert wanted in " ".join((ROOT / name).read_text(encoding="utf-8").split()), name


def _tests(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_the_walkthrough_quotes_the_example() -> None:
    """Every line of its boxes stands in a file of the example, a table's header included."""
    example = ROOT / "proposals/scoring/v1.1.0"
    report = json.loads((example / "calibration_report.json").read_bytes())
    said = {finding[name] for finding in report["findings"] for name in ("description", "turning_point")}
    lines = {line.strip() for path in example.iterdir() for line in path.read_text("utf-8").splitlines()} | said
    text = (ROOT / "docs/walkthrough.md").read_text(encoding="utf-8")
    boxes = re.findall(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    quoted = [line.strip() for box in boxes for line in box.splitlines()]
    assert len(quoted) > 10
    assert [line for line in quoted if line not in lines] == []
    for link in re.findall(r"\]\(\.\./([^)]+)\)", text):
        assert (ROOT / link).exists(), link
