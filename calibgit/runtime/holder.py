"""Hold one config, refresh it between assessments, never during one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from calibgit.errors import CalibgitError, IntegrityError
from calibgit.runtime.load import PinnedConfig, load

_LOG = logging.getLogger("calibgit.runtime")


class Holder:
    """The current config of a bundle directory.

    Args:
        directory: where `calibgit pin -o` writes.
        keep_last_good: when a refresh fails, go on with the last good config and say so in the log at level ERROR;
            otherwise the failure is raised. The first load always raises.

    Attributes:
        failure: why the last refresh failed, or None.
    """

    def __init__(self, directory: str | Path, *, keep_last_good: bool = False) -> None:
        self._directory = Path(directory)
        self._keep = keep_last_good
        self._current = load(self._directory)
        self.failure: CalibgitError | None = None

    @property
    def current(self) -> PinnedConfig:
        """The config in use."""
        return self._current

    @contextmanager
    def assessment(self) -> Iterator[PinnedConfig]:
        """One config for one whole assessment, whatever is refreshed meanwhile."""
        yield self._current

    def refresh(self) -> bool:
        """Look at the bundle again; return whether another config is in use now.

        Raises:
            CalibgitError: what `load` raises, DOWNGRADE, WRONG_REGISTRY or OTHER_LINE, unless `keep_last_good`.
        """
        try:
            fresh = self._checked(load(self._directory))
        except CalibgitError as error:
            self.failure = error
            if not self._keep:
                raise
            _LOG.error("keeping config v%s: %s", self._current.version, error)
            return False
        self.failure = None
        changed = fresh.digest != self._current.digest
        self._current = fresh
        return changed

    def _checked(self, fresh: PinnedConfig) -> PinnedConfig:
        old, new = self._current.lock, fresh.lock
        if new.registry != old.registry:
            raise IntegrityError(
                "WRONG_REGISTRY",
                "the bundle now comes from another registry",
                why="A running service does not change the registry that it trusts.",
                fix="restart the service if the change is wanted",
            )
        if (new.line, new.env) != (old.line, old.env):
            raise IntegrityError(
                "OTHER_LINE",
                f"the bundle is now of {new.line} for {new.env}, not of {old.line} for {old.env}",
                why="A running service goes on scoring by the line and for the environment that it started with.",
                fix="pin into a directory of its own, or restart the service if the change is wanted",
            )
        if new.seq < old.seq or (new.seq == old.seq and new.head_sha256 != old.head_sha256):
            raise IntegrityError(
                "DOWNGRADE",
                f"the bundle's log ends at event {new.seq} and does not hold event {old.seq} as it was seen already",
                why="An older or another log could hide a rollback.",
                fix="fetch the log from its home and pin again",
            )
        return fresh
