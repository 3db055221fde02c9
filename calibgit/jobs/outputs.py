"""Files that a command was asked to write: whenever it is interrupted, each is the old one or the whole new one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from calibgit.errors import EnvironmentFault


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write all files beside their places first, then put each into its place, in order.

    A link is followed, and a pipe or device is written as it is.

    Raises:
        EnvironmentFault: CANNOT_WRITE.
    """
    places = {path: Path(os.path.realpath(path)) for path in files}
    beside = {path: place.with_name(f".{place.name}.part") for path, place in places.items()}
    try:
        _write(files, places, beside)
    finally:
        for temporary in beside.values():
            with suppress(OSError):  # nobody may write to the directory any more
                temporary.unlink(missing_ok=True)


def _write(files: Mapping[Path, bytes], places: Mapping[Path, Path], beside: Mapping[Path, Path]) -> None:
    written: dict[Path, Path] = {}
    path = Path()
    try:
        for path, data in files.items():
            if places[path].exists() and not places[path].is_file():
                places[path].write_bytes(data)
                continue
            places[path].parent.mkdir(parents=True, exist_ok=True)
            beside[path].write_bytes(data)
            written[beside[path]] = path
        for temporary, path in written.items():
            temporary.replace(places[path])
    except OSError as error:
        raise EnvironmentFault(
            "CANNOT_WRITE",
            f"{path} cannot be written: {error.strerror}",
            why="Nothing half-written is left behind.",
            fix="free some space or choose another place with -o",
        ) from error
