"""The table of attacks speaks of tests that exist, and `make test` tries every case."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from types import ModuleType

import pytest

from tests.attacks.cases import CASES


def named(name: str) -> tuple[ModuleType, Callable[..., None]]:
    """The module and the function that a name of the table stands for."""
    module, _, function = name.partition("::")
    found = import_module(f"tests.{module}")
    return found, getattr(found, function)


def is_fast(name: str) -> bool:
    """Whether `make test` runs the test with at least one of its parameters."""
    module, function = named(name)
    own: list[pytest.Mark] = getattr(function, "pytestmark", [])
    whole = getattr(module, "pytestmark", [])
    tables = (mark.args[1] for mark in own if mark.name == "parametrize")
    return not _slow([*(whole if isinstance(whole, list) else [whole]), *own]) and all(map(_has_a_fast_row, tables))


def _slow(marks: Iterable[pytest.Mark | pytest.MarkDecorator]) -> bool:
    return any(mark.name == "slow" for mark in marks)


def _has_a_fast_row(rows: Iterable[object]) -> bool:
    return any(not _slow(getattr(row, "marks", ())) for row in rows)


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_tests_that_exist(case: str) -> None:
    """A renamed test must not leave a case without one."""
    assert CASES[case]
    assert all(callable(named(name)[1]) for name in CASES[case])


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_tried_by_make_test(case: str) -> None:
    """A suite that nobody runs before a merge defends nothing."""
    assert any(map(is_fast, CASES[case]))


def test_a_case_of_slow_tests_only_is_noticed() -> None:
    """Slow as a whole, and fast by one row."""
    assert not is_fast("attacks.test_floods::test_a_tag_of_a_hundred_megabytes_is_never_read")
    assert is_fast("attacks.test_programs::test_no_command_obeys_gits_environment")
