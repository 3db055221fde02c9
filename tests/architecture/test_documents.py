"""Documents that name tests name tests that exist."""

from __future__ import annotations

import ast
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
