"""A config with its meaning, from the registry or from the work tree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from calibgit.errors import DocumentError, GateClosed
from calibgit.model.canonical import sha256_hex
from calibgit.model.config_data import read_config_data
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Place
from calibgit.model.state import RegistryState, VersionRecord
from calibgit.repo.repository import Repository

if TYPE_CHECKING:
    from calibgit.model.snapshot import ConfigRef


@dataclass(frozen=True, slots=True)
class ActiveConfig:
    """A config with its meaning: version, bytes, JSON data (key order kept) and digest."""

    version: Version
    data: bytes
    value: dict[str, Any]

    @property
    def ref(self) -> ConfigRef:
        """Version and digest."""
        from calibgit.model.snapshot import ConfigRef  # noqa: PLC0415  kept off the path of readers

        return ConfigRef(version=str(self.version), sha256=sha256_hex(self.data))


def work_tree_config(repo: Repository, place: Place, version: Version) -> ActiveConfig:
    """The config of `version` in the work tree, which nobody has signed.

    Raises:
        DocumentError: NO_SUCH_CONFIG, or see `read_config_data`.
    """
    path = config_path(version, place.configs)
    try:
        data = (repo.work_tree / path).read_bytes()
    except OSError as error:
        raise DocumentError(
            "NO_SUCH_CONFIG",
            f"there is no readable {path}",
            why="Without its config nothing can be said about calibration.",
            fix=f"ls {place.configs}",
        ) from error
    return ActiveConfig(version, data, read_config_data(data, path))


def replaced(state: RegistryState, version: Version, line: str, env: str) -> VersionRecord | None:
    """The version that was active in `env` when `version` last took its place there; None when none was."""
    active = [step.version for step in state.steps if (step.line, step.env) == (line, env)]
    before = [old for old, new in pairwise(active) if new == version != old]
    return state.line(line)[before[-1]] if before else None


def known_version(state: RegistryState, line: str, wanted: str | None, env: str) -> VersionRecord:
    """The record of the version `wanted`, or of the one active in `env`.

    Raises:
        GateClosed: NOTHING_ACTIVE or NOT_RELEASED.
    """
    if wanted is None:
        record = state.active(line, env)
        if record is None:
            raise GateClosed(
                "NOTHING_ACTIVE",
                f"nothing of {line} is active in {env}",
                why="The config in force is what calibration is about.",
                fix="name a version with --config X.Y.Z, or: calibgit activate X.Y.Z",
            )
        return record
    record = state.line(line).get(Version.parse(wanted.removeprefix("v")))
    if record is None:
        raise GateClosed(
            "NOT_RELEASED",
            f"{line} v{wanted} is not released",
            why="Only released bytes are known for certain.",
            fix=f"calibgit status --line {line}",
        )
    return record
