"""Check a change: gather it as values, recompute what can be recomputed, run the checks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from calibgit.check.candidate import Candidate
from calibgit.check.run import run_checks
from calibgit.errors import CalibgitError, UsageError
from calibgit.jobs.drafting import recompute
from calibgit.jobs.govern import contracts
from calibgit.jobs.measure import Subject
from calibgit.jobs.proposing import taken
from calibgit.jobs.workspace import SETTINGS_FILE, ActiveConfig, Workspace
from calibgit.model.checks import CheckReport
from calibgit.model.ids import Version
from calibgit.model.policy import PRODUCTION
from calibgit.model.proposal import ChangeSummary
from calibgit.model.settings import read_settings, settings_digest
from calibgit.model.state import RegistryState
from calibgit.registry.history import History
from calibgit.registry.owners import find_codeowners
from calibgit.repo.history import changed_paths, resolve
from calibgit.repo.objects import read_blob
from calibgit.repo.repository import is_full_ref, is_oid


def check(
    workspace: Workspace, *, base: str | None = None, head: str | None = None, env: str = PRODUCTION
) -> CheckReport:
    """Check the change from `base` to `head`.

    Args:
        workspace: the clone.
        base: what it is to be merged into; None for the protected branch.
        head: what is proposed; None for HEAD.
        env: whose active version a proposal must start from.

    Raises:
        UsageError: UNKNOWN_REVISION.
        IntegrityError: when the registry does not hold.
        GateClosed: NOT_SEALED.
    """
    state, policy = workspace.verification().require()
    history = workspace.history(policy)
    onto = _revision(workspace, base) if base else history.tip
    proposed = _revision(workspace, head or "HEAD")
    fork = workspace.repo.run("merge-base", onto, proposed).decode().strip()
    changed = sorted(change.path for change in changed_paths(workspace.repo, fork, proposed))
    after = {path: read_blob(workspace.repo, proposed, path) for path in changed}
    version = _version(changed, workspace.line.configs, workspace.line_name)
    record = state.active(workspace.line_name, env)
    config = workspace.config_of(record, policy) if record else None
    expected, reason = _recomputed(workspace, onto, config, version, after)
    return run_checks(
        Candidate(
            line=workspace.line_name,
            configs=workspace.line.configs,
            base=onto,
            head=proposed,
            changed=tuple(changed),
            before={path: read_blob(workspace.repo, fork, path) for path in changed},
            after=after,
            version=version,
            base_version=record.version if record else None,
            base_config=config.data if config else None,
            released={r.path: r.sha256 for r in state.line(workspace.line_name).values()},
            known=taken(workspace, state, policy),
            rejected=_rejected(state, workspace.line_name),
            contracts=contracts(workspace, History(workspace.repo, onto), record),
            owners=find_codeowners(lambda path: read_blob(workspace.repo, onto, path)),
            expected=expected,
            not_recomputed=reason,
        )
    )


def _rejected(state: RegistryState, line: str) -> frozenset[str]:
    return frozenset(state.rejected.get(line, set()))


def _version(changed: list[str], configs: str, line: str) -> Version | None:
    """The one version that a change proposes, or None when it proposes none or several."""
    pattern = re.compile(
        rf"(?:{re.escape(configs)}/scoring_config_v|proposals/{re.escape(line)}/v)([0-9]+\.[0-9]+\.[0-9]+)(?:\.json$|/)"
    )
    found = {match.group(1) for path in changed if (match := pattern.match(path))}
    return Version.parse(found.pop()) if len(found) == 1 else None


def _recomputed(
    workspace: Workspace,
    base: str,
    config: ActiveConfig | None,
    version: Version | None,
    files: Mapping[str, bytes | None],
) -> tuple[Mapping[str, bytes] | None, str]:
    if version is None or config is None:
        return None, "nothing is active that it could start from"
    name = f"proposals/{workspace.line_name}/v{version}/change_summary_v{version}.json"
    data, settings = files.get(name), read_blob(workspace.repo, base, SETTINGS_FILE)
    if data is None or settings is None:
        return None, f"{name if data is None else SETTINGS_FILE} is missing"
    try:
        line = read_settings(settings).line(workspace.line_name)[1]
        subject = Subject(workspace.line_name, line, settings_digest(settings), config)
        return recompute(subject, ChangeSummary.read(data, name), files).files, ""
    except CalibgitError as error:
        return None, f"{error.code}: {error.what}"


def _revision(workspace: Workspace, name: str) -> str:
    places = [name] if is_oid(name) or is_full_ref(name) or name == "HEAD" else []
    if not places:
        places = [f"refs/heads/{name}", f"refs/remotes/{name}", f"refs/remotes/{workspace.remote_name}/{name}"]
    for place in places:
        if is_full_ref(place) or place == "HEAD" or is_oid(place):
            oid = resolve(workspace.repo, place)
            if oid is not None:
                return oid
    raise UsageError(
        "UNKNOWN_REVISION",
        f"{name!r} is no commit, branch or full ref name here",
        why="A check compares two commits of this clone.",
        fix="git fetch origin, and give a branch name or a whole commit id",
    )
