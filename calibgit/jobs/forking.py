"""A hard fork starts a registry of its own: edit the policy, and say line by line how to start.

Nothing is pushed, fetched or removed here: the remote is only listed. The old registry's names are in the way, because
the first slot is taken. A tag is never moved or removed silently, so a person does that, with the lines to paste.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibgit.errors import Conflict, GateClosed
from calibgit.jobs.fork_steps import InUse, Step, free_slots, start_anew
from calibgit.jobs.roster import Roster, template
from calibgit.jobs.start import cannot_write, policy_text, require_homes
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.model.policy import Policy
from calibgit.model.state import RegistryState
from calibgit.registry.history import History
from calibgit.registry.owners import LOCATIONS
from calibgit.registry.read import read_registry
from calibgit.registry.verify import Verification
from calibgit.repo.history import resolve
from calibgit.repo.network import Remote, list_remotes, place_of

MARK = "# From the fork on, only these people's merges approve."


@dataclass(frozen=True, slots=True)
class Forked:
    """What was edited, or would be (`dry_run`), and what comes next.

    Attributes:
        registry, seq: id of the old registry, and its last event that is believed here.
        written: files that were edited.
        notes: what a person should know first.
    """

    registry: str
    seq: int
    home: tuple[str, ...]
    written: tuple[str, ...]
    notes: tuple[str, ...]
    adopted: tuple[InUse, ...]
    steps: tuple[Step, ...]
    dry_run: bool

    def as_dict(self) -> dict[str, Any]:
        """JSON data."""
        return {"schema": "calibgit/fork/1", **asdict(self)}


def fork(
    workspace: Workspace, roster: Roster, *, home: Sequence[str], branch: str | None, dry_run: bool = False
) -> Forked:
    """Edit trust.toml and CODEOWNERS for a fork of the registry that this clone holds.

    The people and the home are new; the lines, the branch and the production environments stay.

    Args:
        workspace: a clone with the old registry's log, whose remote is the fork's.
        roster: who signs in the fork; nobody of the old policy is taken over.
        home: the fork's canonical remotes; empty for the URL of the clone's remote.
        branch: the fork's protected branch; None for the old one's name.
        dry_run: write nothing.

    Raises:
        GateClosed: NOTHING_TO_FORK, STILL_HOME, KEY_REVIVED, NO_HOLDER, NO_SPARE.
        Conflict: UNCOMMITTED when a file to edit is not as it was committed.
        IntegrityError: DIGEST when a config in use is not the one that was signed.
    """
    remote = workspace.remote
    verification, old = _old_log(workspace)
    state = verification.state
    homes = require_homes(workspace.repo, home)
    for url in (remote.url, *homes):
        _require_elsewhere(url, old, remote, workspace.repo.work_tree)
    _require_good_keys(roster, old)
    history = History(workspace.repo, resolve(workspace.repo, "HEAD") or "")
    adopted = _in_use(state, history)
    trust = policy_text(roster, old.lines, branch or old.branch, homes, old.production)
    contents = _edited(workspace.repo.work_tree, history, {POLICY_FILE: trust}, roster, old)
    steps = (
        *free_slots(workspace.repo, remote, _former(workspace, old), state.registry),
        *start_anew(
            roster.policy_threshold, remote, state, adopted, branch or old.branch, tuple(contents) or (POLICY_FILE,)
        ),
    )
    if not dry_run:
        for name, data in contents.items():
            _replace(workspace.repo.work_tree / name, data)
    return Forked(
        registry=state.registry,
        seq=state.seq,
        home=tuple(homes),
        written=tuple(contents),
        notes=tuple(_notes(verification, old)),
        adopted=adopted,
        steps=steps,
        dry_run=dry_run,
    )


def _old_log(workspace: Workspace) -> tuple[Verification, Policy]:
    """The log to fork from, read with the branch of the old home where this clone still follows it."""
    verification = workspace.verification()
    policy = verification.policy
    if policy is None:
        raise GateClosed(
            "NOTHING_TO_FORK",
            "this clone holds no registry that could be forked",
            why="A fork takes over what is in use there; without it, a registry simply starts.",
            fix="fetch the old one's log first, or start a new registry: calibgit init",
        )
    former = _former(workspace, policy)
    if former:
        verification = read_registry(workspace.repo, remote=former[0].name, memory=workspace.memory.marks)
    return verification, verification.policy or policy


def _former(workspace: Workspace, policy: Policy) -> list[Remote]:
    homes = {place_of(home, workspace.repo.work_tree) for home in policy.home}
    return [each for each in list_remotes(workspace.repo) if place_of(each.url, workspace.repo.work_tree) in homes]


def _require_elsewhere(url: str, old: Policy, remote: Remote, work_tree: Path) -> None:
    """However it is spelled: the lines to paste free slots on the fork's remote, and must never mean the old one."""
    if place_of(url, work_tree) in {place_of(home, work_tree) for home in old.home}:
        raise GateClosed(
            "STILL_HOME",
            f"{url} is a home of the registry that you would fork from",
            why="A fork never writes to the old registry's remote.",
            fix=f"git remote rename {remote.name} upstream && git remote add {remote.name} URL-OF-THE-FORK",
        )


def _require_good_keys(roster: Roster, old: Policy) -> None:
    """Refuse keys that ended in the registry that is forked.

    Raises:
        GateClosed: KEY_REVIVED.
    """
    for member in roster.members:
        if member.key in old.ended:
            raise GateClosed(
                "KEY_REVIVED",
                f"the key of {member.name} ended with event {old.ended[member.key]} of the registry to fork from",
                why="A key that was given up or stolen never comes back.",
                fix="have them make a new key: ssh-keygen -t ed25519",
            )


def _in_use(state: RegistryState, history: History) -> tuple[InUse, ...]:
    """Every active version, whose bytes at the commit that is checked out are the signed ones."""
    found: dict[tuple[str, str], list[str]] = {}
    for (line, env), version in sorted(state.now.items()):
        found.setdefault((line, str(version)), []).append(env)
        record = state.line(line)[version]
        history.require_blob(history.tip, record.path, record.sha256, record.size)
    digests = {(line, str(version)): state.line(line)[version].sha256 for (line, _), version in state.now.items()}
    return tuple(InUse(*key, tuple(envs), digests[key]) for key, envs in found.items())


def _edited(root: Path, history: History, contents: dict[str, bytes], roster: Roster, old: Policy) -> dict[str, bytes]:
    """The files to edit with their new bytes; one that says so already is left out.

    Raises:
        Conflict: UNCOMMITTED.
    """
    place = next((name for name in LOCATIONS if history.blob(history.tip, name) is not None), "CODEOWNERS")
    contents = {**contents, place: _code_owners(history.blob(history.tip, place), place, roster, old)}
    for name, data in list(contents.items()):
        committed, there = history.blob(history.tip, name), _read(root / name)
        if there == data:
            del contents[name]
        elif there != committed:
            raise Conflict(
                "UNCOMMITTED",
                f"{name} is not as it was committed",
                why="The fork edits it, and nothing of yours is overwritten.",
                fix=f"commit it, or: git restore {name}",
            )
    return contents


def _code_owners(committed: bytes | None, place: str, roster: Roster, old: Policy) -> bytes:
    """The committed rules, and behind them the fork's own: the last rule that matches counts."""
    owners = " ".join(roster.code_owners())
    if committed is None:
        return template("CODEOWNERS").format(owners=owners).encode()
    before = committed.partition(MARK.encode())[0].rstrip(b"\n")
    paths = [f"/{directory}/" for line in old.lines.values() for directory in (line.configs, line.contracts)]
    paths += ["/proposals/", f"/{POLICY_FILE}", "/calibgit.toml", f"/{place}", "/.github/"]
    rules = "".join(f"{path} {owners}\n" for path in dict.fromkeys(paths))
    return before + f"\n\n{MARK}\n{rules}".encode()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if os.path.lexists(path) else None
    except OSError as error:
        raise cannot_write(path, error) from error


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    try:
        if path.is_symlink():
            raise PermissionError(1, "it is a symbolic link")
        with beside.open("xb") as file:
            file.write(data)
        beside.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error


def _notes(verification: Verification, old: Policy) -> list[str]:
    found = [
        f"the old log does not hold here, so this is its state at event {verification.state.seq}: "
        f"{problem.code}: {problem.message}"
        for problem in verification.errors[:1]
    ]
    usual = {"release", "activate", "breaking", "rollback", "deprecate", "checkpoint", "policy", "recover"}
    own = sorted(old.roles.keys() - usual - {f"activate:{env}" for env in old.production})
    if own:
        found.append(f"roles of the old policy that are not taken over: {', '.join(own)}")
    return found
