"""The table of attacks speaks of tests that exist."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.attacks.cases import CASES


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_tests_that_exist(case: str) -> None:
    """A renamed test must not leave a case without one."""
    assert CASES[case]
    for name in CASES[case]:
        module, _, function = name.partition("::")
        assert callable(getattr(import_module(f"tests.{module}"), function))
