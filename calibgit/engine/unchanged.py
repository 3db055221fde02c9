"""Files that must stay as they are while they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from calibgit.engine.faults import changed
from calibgit.errors import EnvironmentFault


@contextmanager
def unchanged(files: Sequence[Path], name: str) -> Iterator[None]:
    """Refuse what was read from files if they are not the same afterwards, by size, moment of writing and inode.

    A file that cannot be looked at counts as absent. Files that come to a directory meanwhile are not looked for.

    Raises:
        EnvironmentFault: SOURCE_CHANGED, at the end; also in the place of a fault of the engine, which came of it.
    """
    fault: EnvironmentFault | None = None
    before = _states(files)
    try:
        yield
    except EnvironmentFault as error:
        fault = error
    if _states(files) != before:
        raise changed(name)
    if fault is not None:
        raise fault


def _states(files: Sequence[Path]) -> list[tuple[int, ...] | None]:
    found: list[tuple[int, ...] | None] = []
    for file in files:
        try:
            state = file.stat()
        except OSError:
            found.append(None)
        else:
            found.append((state.st_ino, state.st_size, state.st_mtime_ns))
    return found
