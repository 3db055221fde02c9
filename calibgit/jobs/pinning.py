"""Pin a version for a runtime, and check a bundle again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from calibgit.jobs.workspace import Workspace
from calibgit.model.pin import Lock
from calibgit.model.policy import PRODUCTION
from calibgit.pin.bundle import events_file, make_lock, write_bundle
from calibgit.pin.recheck import NOT_CHECKED, recheck
from calibgit.pin.resolve import require_root, resolve, wanted_version


@dataclass(frozen=True, slots=True)
class Pinned:
    """A bundle, and the steps that a check without repository leaves out."""

    lock: Lock
    directory: Path
    not_checked: tuple[str, ...] = ()


def pin(
    workspace: Workspace,
    tag: str,
    directory: Path,
    *,
    trust_root: str,
    env: str = PRODUCTION,
    allow_inactive: bool = False,
    dry_run: bool = False,
) -> Pinned:
    """Verify everything, then write the bundle of one released version.

    Raises:
        IntegrityError: WRONG_ROOT, DOWNGRADE, DIGEST, or the first error of the log.
        GateClosed: NOT_RELEASED, NOT_ACTIVE, ROLLED_BACK, DEPRECATED.
    """
    verification = workspace.verification()
    state, policy = verification.require()
    require_root(state, trust_root)
    version = wanted_version(workspace.line_name, tag)
    record = resolve(state, line=workspace.line_name, version=version, env=env, allow_inactive=allow_inactive)
    history = workspace.history(policy)
    config = history.require_blob(record.commit, record.path, record.sha256, record.size)
    targets = [event.payload["target"] for event in verification.events if event.kind in {"genesis", "policy"}]
    policies = [history.require_blob(t["commit"], t["path"], t["sha256"], t["size"]) for t in targets]
    events = events_file(verification.events, policies)
    lock = make_lock(record, state, env=env, events=events)
    if not dry_run:
        write_bundle(directory, lock, config, events)
    return Pinned(lock, directory)


def check_bundle(directory: Path, *, trust_root: str | None) -> Pinned:
    """Run again every step that needs no repository. Raises what `pin.recheck.recheck` raises."""
    lock, _ = recheck(directory, trust_root=trust_root)
    return Pinned(lock, directory, NOT_CHECKED)
