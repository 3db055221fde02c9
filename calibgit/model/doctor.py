"""What the doctor says: the rules in words, what is in order and what is not, who can do what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from calibgit.model.base import Document

Status = Literal["ok", "fail", "unknown", "note"]


class Finding(Document):
    """One line of the doctor's: whether something is in order, what it is, why that matters, what to do about it.

    `unknown` could not be looked at and counts as not in order; `note` is in order and worth knowing.
    """

    status: Status
    what: str
    why: str = ""
    fix: str = ""


class RoleReport(Document):
    """What one entry of the roles amounts to today.

    Attributes:
        role: role, or `role:environment`.
        task: what it allows, in words.
        people: holders who can sign today.
        without_key: holders whose keys have all ended.
        threshold: how many different people it takes.
        spare: how many of the people may be away; negative when nobody can do it now.
        non_author: one of them must have had no part in the change.
    """

    role: str
    task: str
    people: tuple[str, ...]
    without_key: tuple[str, ...]
    threshold: int
    spare: int
    non_author: bool


class DoctorReport(Document):
    """Everything that the doctor says. `registry` is empty before the seal."""

    schema_: Literal["calibgit/doctor/1"] = Field(default="calibgit/doctor/1", alias="schema")
    ok: bool
    registry: str
    remote: Literal["asked", "not asked"]
    four_eyes: bool
    rules: tuple[str, ...]
    checks: tuple[Finding, ...]
    roles: tuple[RoleReport, ...]
