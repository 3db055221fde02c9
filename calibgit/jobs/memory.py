"""The user's memory of log heads: one empty file a head, named by number and digest, in the user's state folder.

A name is written before lower ones are removed, so that two processes can never lower the mark together. A machine
without a writable state folder has no memory, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from calibgit.registry.highwater import Mark

_NAME = re.compile(r"(?P<seq>[0-9]{8})-(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Memory:
    """Where the marks lie; None when the environment names no home."""

    root: Path | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Memory:
        """The state folder of the XDG base directory specification: XDG_STATE_HOME, else ~/.local/state."""
        state, home = environ.get("XDG_STATE_HOME", ""), environ.get("HOME", "")
        if Path(state).is_absolute():
            return cls(Path(state) / "calibgit" / "marks")
        return cls(Path(home) / ".local" / "state" / "calibgit" / "marks" if Path(home).is_absolute() else None)

    def marks(self, registry: str) -> Iterator[Mark]:
        """What was seen of a registry; nothing where it was never read."""
        if self.root is None:
            return
        with suppress(OSError):
            for path in sorted((self.root / registry).iterdir()):
                match = _NAME.fullmatch(path.name)
                if match is not None:
                    yield Mark(int(match["seq"]), match["sha256"], "memory", str(path))

    def remember(self, registry: str, seq: int, sha256: str) -> None:
        """Raise the mark of a registry to event `seq`; a folder that cannot be written is no error."""
        known = list(self.marks(registry))
        if self.root is None or any(mark.seq >= seq for mark in known):
            return
        with suppress(OSError):
            folder = self.root / registry
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{seq:08d}-{sha256}").touch()
            for mark in known:
                Path(mark.where).unlink(missing_ok=True)
