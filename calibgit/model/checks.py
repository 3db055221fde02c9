"""What a check says: values, never exceptions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from calibgit.model.base import Document

Outcome = Literal["pass", "fail", "skip"]


class CheckResult(Document):
    """One check on one proposal. `path` and `line` point at the place in the tree, where there is one."""

    check: str
    outcome: Outcome
    code: str = ""
    message: str
    path: str | None = None
    line: int | None = None
    fix: str = ""


class CheckReport(Document):
    """All checks of one change, in the order they ran."""

    schema_: Literal["calibgit/check-report/1"] = Field(default="calibgit/check-report/1", alias="schema")
    line: str
    base: str
    head: str
    version: str | None = None
    ok: bool
    results: tuple[CheckResult, ...]
