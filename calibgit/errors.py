"""The error tree. An error knows what happened and how to react; it never prints and never exits.

    CalibgitError
    ├── GateClosed        1   a person or a check has to act first
    ├── DocumentError     1   a document is not what it says it is
    ├── UsageError        2   the call's words are wrong
    ├── EnvironmentFault  3   git, the disk, the network or the data source refused
    ├── PermissionRefused 4   this person or key may not do this
    ├── Conflict          5   somebody else was there first; safe to repeat
    └── IntegrityError    6   a signature, a digest or the log does not hold

A failed *check* is a value (`model.checks`), not an exception. Anything else that escapes is a bug: exit 70.
"""

from __future__ import annotations

from typing import ClassVar


class CalibgitError(Exception):
    """A named failure.

    Args:
        code: stable upper-case name, the same for the same cause.
        what: one sentence: what happened, with the names involved. Never holds a secret or a data value.
        why: one sentence: why calibgit refuses.
        fix: one line to paste or one thing to do.
    """

    exit_status: ClassVar[int] = 70
    retryable: ClassVar[bool] = False

    def __init__(self, code: str, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what
        self.why = why
        self.fix = fix
        self.step: int | None = None  # of the registry's verification, where one refused

    def as_dict(self) -> dict[str, str]:
        """The error as a JSON object with the keys code, what, why, fix."""
        return {"code": self.code, "what": self.what, "why": self.why, "fix": self.fix}


class GateClosed(CalibgitError):
    """The gate refuses: approval, a check or a rule is missing."""

    exit_status = 1


class DocumentError(CalibgitError):
    """A document cannot be read or does not keep its schema."""

    exit_status = 1


class UsageError(CalibgitError):
    """The caller's words do not fit."""

    exit_status = 2


class EnvironmentFault(CalibgitError):
    """Git, the disk, the network or a data source cannot do what is asked."""

    exit_status = 3


class PermissionRefused(CalibgitError):
    """The signer may not do this."""

    exit_status = 4


class Conflict(CalibgitError):
    """A race was lost or somebody else changed the thing; repeating is safe."""

    exit_status = 5
    retryable = True


class IntegrityError(CalibgitError):
    """A signature, a digest or the registry's log does not hold."""

    exit_status = 6
