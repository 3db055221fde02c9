"""From a verified log to the version that a runtime may pin. Pure."""

from __future__ import annotations

from calibgit.errors import GateClosed, IntegrityError, UsageError
from calibgit.model.ids import Version, parse_release_name
from calibgit.model.state import RegistryState, VersionRecord


def require_root(state: RegistryState, trust_root: str) -> None:
    """The registry must be the one that the reader was told of.

    Raises:
        IntegrityError: WRONG_ROOT, or LOG_MISSING when no event was believed.
    """
    if not state.registry:
        raise IntegrityError(
            "LOG_MISSING",
            "this clone does not hold the registry that you trust: no event of it is here, or none is believed",
            why="A reader with a trust root never takes a missing log for an empty one.",
            fix="git fetch --force origin 'refs/tags/calib/*:refs/tags/calib/*', then: calibgit verify",
        )
    if trust_root != state.registry:
        raise IntegrityError(
            "WRONG_ROOT",
            f"this is the registry {state.registry}, not the one that you trust",
            why="The trust root is given out of band, so that nobody can swap the whole registry.",
            fix="fetch from the right repository, or ask its owners for the registry id",
        )


def wanted_version(line: str, tag: str) -> Version:
    """The version that `calib/<line>/v<semver>`, `vX.Y.Z` or `X.Y.Z` names.

    Raises:
        UsageError: OTHER_LINE or BAD_VERSION.
    """
    named = parse_release_name(tag)
    if named is None:
        return Version.parse(tag.removeprefix("v"))
    if named[0] != line:
        raise UsageError(
            "OTHER_LINE",
            f"{tag} belongs to the line {named[0]}, not to {line}",
            why="A command acts on one line.",
            fix=f"add --line {named[0]}",
        )
    return named[1]


def resolve(state: RegistryState, *, line: str, version: Version, env: str, allow_inactive: bool) -> VersionRecord:
    """The version to pin: released, and active in `env` now or before, unless `allow_inactive`.

    Raises:
        GateClosed: NOT_RELEASED, DEPRECATED, ROLLED_BACK or NOT_ACTIVE.
    """
    record = state.line(line).get(version)
    if record is None:
        known = ", ".join(f"v{known}" for known in sorted(state.line(line))) or "none"
        raise GateClosed(
            "NOT_RELEASED",
            f"{line} v{version} is not released",
            why=f"Only released versions can be pinned. Known: {known}.",
            fix=f"calibgit status --line {line}",
        )
    status = record.envs.get(env)
    if allow_inactive:
        return record
    pick = f"pin the active version; see: calibgit status --line {line}"
    if record.status == "deprecated":
        raise GateClosed(
            "DEPRECATED",
            f"{line} v{version} is deprecated",
            why="A deprecated version gets no new users.",
            fix=pick,
        )
    if status == "rolled_back":
        raise GateClosed(
            "ROLLED_BACK",
            f"{line} v{version} was rolled back in {env}",
            why="What was taken out of an environment is not pinned for it.",
            fix=pick,
        )
    if status is None:
        raise GateClosed(
            "NOT_ACTIVE",
            f"{line} v{version} was never active in {env}",
            why="Approval and activation are two decisions, and the second is missing.",
            fix=f"calibgit activate {version} --env {env}",
        )
    return record
