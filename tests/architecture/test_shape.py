"""The house's measures, held by tests: sizes, import costs, names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.governed import govern
from tests.support.world import World

PACKAGE = Path(__file__).parents[2] / "calibgit"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("git", "pydantic", "jsonschema", "deepdiff", "cryptography", "numpy", "scipy", "duckdb", "sqlalchemy", "rich")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    long = [
        f"{node.name} has {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 50
    ]
    assert long == []


def test_no_room_for_leftovers() -> None:
    forbidden = {"utils", "helpers", "manager", "core", "misc", "util"}
    assert [path for path in MODULES if path.stem in forbidden] == []


def _imported(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    statement = "from calibgit.cli.main import run\nassert run(['--help']) == 0"
    assert _imported(statement) & set(HEAVY) == set()


def test_the_runtime_is_standard_library_only() -> None:
    loaded = _imported("import calibgit.runtime")
    assert loaded & {*HEAVY, "click", "subprocess", "socket", "ssl", "urllib3"} == set()


def test_reading_the_registry_imports_no_gitpython() -> None:
    loaded = _imported("import calibgit.jobs.read, calibgit.repo.repository, calibgit.registry.read")
    assert loaded & {"git", "numpy", "duckdb", "jsonschema", "deepdiff"} == set()


def test_a_verified_read_of_the_log_loads_no_validator_of_documents(world: World) -> None:
    govern(world).fetch()
    words = ["--repo", str(world.clone), "status", "--format", "json"]
    loaded = _imported(f"from calibgit.cli.main import run\nassert run({words!r}) == 0")
    assert loaded & set(HEAVY) == {"cryptography"}


def test_every_error_has_a_stable_code_and_a_reason() -> None:
    classes = {"GateClosed", "DocumentError", "UsageError", "EnvironmentFault", "PermissionRefused", "Conflict"}
    classes.add("IntegrityError")
    bad: list[str] = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes):
                continue
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.isupper():
                bad.append(f"{path.name}:{node.lineno}: the code {first.value!r} is not upper case")
    assert bad == []
