"""Where an API object works."""

from __future__ import annotations

import os
from pathlib import Path

from calibgit.jobs.workspace import Workspace


def workspace(repo: str | Path | None, line: str | None, key: str | Path | None = None) -> Workspace:
    """The workspace of the clone that holds `repo`, or the current directory."""
    return Workspace(
        Path(repo) if repo is not None else Path(),
        line=line,
        environ=os.environ,
        key=Path(key) if key is not None else None,
    )
