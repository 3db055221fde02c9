"""Check a change: gather it as values, recompute what can be recomputed, run the checks.

Everything that judges is read at the base: settings, contracts, owners. A change cannot loosen its own check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from calibgit.check.candidate import Candidate, InForce
from calibgit.check.run import run_checks
from calibgit.errors import CalibgitError, GateClosed, UsageError
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.drafting import recompute
from calibgit.jobs.govern import contracts
from calibgit.jobs.measure import Subject
from calibgit.jobs.proposing import taken
from calibgit.jobs.tracking import known_record
from calibgit.jobs.workspace import POLICY_FILE, SETTINGS_FILE, Workspace
from calibgit.model.checks import CheckReport
from calibgit.model.ids import Version, summary_path
from calibgit.model.policy import PRODUCTION, Policy
from calibgit.model.proposal import ChangeSummary
from calibgit.model.settings import Line, Settings, read_settings
from calibgit.model.state import RegistryState
from calibgit.registry.history import History
from calibgit.registry.owners import find_codeowners
from calibgit.repo.history import changed_paths, merge_base, resolve
from calibgit.repo.objects import read_blob
from calibgit.repo.repository import is_full_ref, is_oid


@dataclass(frozen=True, slots=True)
class _Change:
    """The change under check, and the world that judges it."""

    workspace: Workspace
    state: RegistryState
    policy: Policy
    env: str
    onto: str
    proposed: str
    changed: tuple[str, ...]
    special: tuple[str, ...]
    after: Mapping[str, bytes | None]


def check(
    workspace: Workspace,
    *,
    line: str | None = None,
    base: str | None = None,
    head: str | None = None,
    env: str = PRODUCTION,
) -> list[CheckReport]:
    """Check the change from `base` to `head`, for one line or for every line that the base governs.

    Args:
        workspace: the clone.
        line: the line, or None for all.
        base: what it is to be merged into; None for the protected branch.
        head: what is proposed; None for HEAD.
        env: whose active version a proposal must start from.

    Raises:
        UsageError: UNKNOWN_REVISION, UNKNOWN_LINE.
        IntegrityError: when the registry does not hold.
        GateClosed: NOT_SEALED, NO_SETTINGS, NO_COMMON_HISTORY.
    """
    state, policy = workspace.verification().require()
    onto = _revision(workspace, base) if base else workspace.history(policy).tip
    proposed = _revision(workspace, head or "HEAD")
    fork = merge_base(workspace.repo, onto, proposed)
    if fork is None:
        raise GateClosed(
            "NO_COMMON_HISTORY",
            f"{proposed[:12]} shares no history with {onto[:12]}",
            why="A proposal starts from the protected branch.",
            fix="propose again with: calibgit propose",
        )
    settings = _settings(workspace, onto)
    changes = changed_paths(workspace.repo, fork, proposed)
    changed = tuple(sorted(change.path for change in changes))
    special = tuple(sorted(change.path for change in changes if change.is_special))
    after = {path: read_blob(workspace.repo, proposed, path) for path in changed}
    change = _Change(workspace, state, policy, env, onto, proposed, changed, special, after)
    names = [settings.line(line)[0]] if line is not None else sorted(settings.lines)
    return [_check_line(change, name, settings.lines[name]) for name in names]


def _settings(workspace: Workspace, base: str) -> Settings:
    data = read_blob(workspace.repo, base, SETTINGS_FILE)
    if data is None:
        raise GateClosed(
            "NO_SETTINGS",
            f"there is no {SETTINGS_FILE} at the base {base[:12]}",
            why="It says which lines are governed; the base's own copy decides.",
            fix=f"merge {SETTINGS_FILE} first",
        )
    return read_settings(data)


def _check_line(change: _Change, name: str, settings: Line) -> CheckReport:
    workspace, state = change.workspace, change.state
    place = change.policy.lines.get(name)
    if place is None:
        raise GateClosed(
            "UNPLACED_LINE",
            f"the policy in force does not say where the line {name} lies",
            why="Which files are a line's configs is under signature.",
            fix=f"add [lines.{name}] to trust.toml by a policy event",
        )
    version = _version(change.changed, place.configs, name)
    record = state.active(name, change.env)
    config = workspace.config_of(record, change.policy) if record else None
    expected, reason = _recomputed(change, name, settings, place.configs, config, version)
    history = History(workspace.repo, change.onto)
    return run_checks(
        Candidate(
            line=name,
            configs=place.configs,
            base=change.onto,
            head=change.proposed,
            changed=change.changed,
            special=change.special,
            after=change.after,
            version=version,
            base_version=record.version if record else None,
            base_config=config.data if config else None,
            released={r.path: r.sha256 for r in state.line(name).values()},
            known=taken(history, state, name, place.configs),
            rejected=frozenset(state.rejected.get(name, {})),
            registry=state.registry,
            log={seq: digest for digest, seq in state.digests.items()},
            contracts=contracts(history, place.contracts, record),
            owners=find_codeowners(lambda path: read_blob(workspace.repo, change.onto, path)),
            in_force=InForce(POLICY_FILE, change.policy, state.policy_sha256, state.seq + 1, state.ended),
            expected=expected,
            not_recomputed=reason,
        )
    )


def _version(changed: tuple[str, ...], configs: str, line: str) -> Version | None:
    """The one version that a change proposes, or None when it proposes none or several."""
    pattern = re.compile(
        rf"(?:{re.escape(configs)}/scoring_config_v|proposals/{re.escape(line)}/v)([0-9]+\.[0-9]+\.[0-9]+)(?:\.json$|/)"
    )
    found = {match.group(1) for path in changed if (match := pattern.match(path))}
    return Version.parse(found.pop()) if len(found) == 1 else None


def _recomputed(
    change: _Change, line: str, settings: Line, configs: str, config: ActiveConfig | None, version: Version | None
) -> tuple[Mapping[str, bytes] | None, str]:
    if version is None or config is None:
        return None, "nothing is active that it could start from"
    name = summary_path(line, version)
    data = change.after.get(name)
    if data is None:
        return None, f"{name} is missing"
    try:
        subject = Subject(line, settings, settings.digest(), configs, config)
        record = known_record(change.workspace, change.state, line)
        return recompute(subject, ChangeSummary.read(data, name), change.after, record).files, ""
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
