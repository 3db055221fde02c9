"""Start a governed repository: write its files. They are merged, and then its registry is sealed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calibgit.errors import EnvironmentFault, UsageError
from calibgit.jobs.roster import Member, Roster, template
from calibgit.jobs.sealing import Adopted, cosign_seal, seal
from calibgit.jobs.workspace import POLICY_FILE, SETTINGS_FILE
from calibgit.model.ids import Version, config_path, require_name
from calibgit.model.policy import PRODUCTION, Place, Policy, read_policy
from calibgit.model.schemas import schema_bytes
from calibgit.registry.history import SCHEMA_FILE
from calibgit.registry.owners import LOCATIONS
from calibgit.registry.powers import unsound
from calibgit.repo.identity import user_identity
from calibgit.repo.network import find_remote, require_safe_url
from calibgit.repo.repository import Repository
from calibgit.repo.signing import find_signing_key

__all__ = ["Adopted", "Member", "Planned", "Roster", "cosign_seal", "init", "me", "seal"]

_PLACE = Place(configs="configs", contracts="configs/contracts")
_SOURCE = "# Only these columns"
_AFTER_SOURCE = "# Closed key sets"
_USER_IN_URL = re.compile(r"(?P<scheme>https?)://[^/@]+@(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Planned:
    """Files to write: path to bytes; `kept` are there already and stay as they are.

    `notes` say what a person should know before they commit the files.
    """

    written: Mapping[str, bytes]
    kept: tuple[str, ...]
    notes: tuple[str, ...] = ()


def me(environ: Mapping[str, str], key: Path | None) -> Member:
    """The user as a member: global git identity and signing key.

    Raises:
        EnvironmentFault: NO_IDENTITY, NO_SIGNING_KEY.
    """
    identity = user_identity(environ)
    local = identity.email.partition("@")[0].casefold()
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in local).strip("-")
    return Member(name[:64] or "owner", identity.email, find_signing_key(key, environ).public_key)


def init(
    path: Path,
    *,
    members: Sequence[Member],
    line: str,
    solo: bool,
    branch: str | None,
    home: Sequence[str] = (),
    recovery: Sequence[str] = (),
    policy_threshold: int = 1,
    keep_policy: bool = False,
    mapping: str | None = None,
    dry_run: bool = False,
) -> Planned:
    """Write the files of a governed repository; files that exist stay as they are.

    Args:
        path: a directory of the clone.
        members: everybody who signs, the user first.
        line: name of the governed line.
        solo: one person only.
        branch: the protected branch; None for main.
        home: the canonical remotes; empty for the URL of this clone's remote.
        recovery: who holds the role `recover`; empty for every human.
        policy_threshold: see `Roster`.
        keep_policy: where trust.toml is there already, go by it instead of by the rest of the call.
        mapping: the TOML tables of the line's source; None for those of the template.
        dry_run: write nothing.

    Raises:
        UsageError: NEEDS_TWO_PEOPLE and the other codes of `Roster`, BAD_NAME, POLICY_EXISTS, SETTINGS_EXIST,
            SECRET_IN_URL.
        GateClosed: NO_HOLDER, NO_SPARE.
        EnvironmentFault: a code of `Repository.open`, NO_REMOTE, BAD_REMOTE_URL, CANNOT_WRITE.
    """
    require_name(line, "line")
    repo = Repository.open(path)
    settings = _settings(repo, line, mapping)
    there = _policy_there(repo)
    if keep_policy and there is not None:
        trust, notes, owners = b"", [], " ".join(code_owners(there))
    else:
        roster = Roster(tuple(members), solo, tuple(recovery), policy_threshold)
        homes = require_homes(repo, home)
        trust = policy_text(roster, {line: _PLACE}, branch or "main", homes, [PRODUCTION])
        _require_same(there, trust)
        notes, owners = _notes(repo, roster, homes), " ".join(roster.code_owners())
    contents = {SETTINGS_FILE: settings, **_contents(repo, trust, owners)}
    return _written(repo, contents, notes, dry_run=dry_run)


def _written(repo: Repository, contents: Mapping[str, bytes], notes: Sequence[str], *, dry_run: bool) -> Planned:
    kept = tuple(sorted(name for name in contents if os.path.lexists(repo.work_tree / name)))
    written = {name: data for name, data in contents.items() if name not in kept}
    if not dry_run:
        for name, data in written.items():
            create_file(repo.work_tree, name, data)
    return Planned(written, kept, tuple(notes))


def _settings(repo: Repository, line: str, mapping: str | None) -> bytes:
    text = template(SETTINGS_FILE).replace("LINE", line)
    if mapping is None:
        return text.encode()
    if os.path.lexists(repo.work_tree / SETTINGS_FILE):
        raise UsageError(
            "SETTINGS_EXIST",
            f"{SETTINGS_FILE} is there already, so the mapping found would not be written",
            why="Nothing of yours is overwritten.",
            fix=f"mv {SETTINGS_FILE} {SETTINGS_FILE}.old, and repeat",
        )
    before, _, rest = text.partition(_SOURCE)
    return (before + mapping + _AFTER_SOURCE + rest.partition(_AFTER_SOURCE)[2]).encode()


def _contents(repo: Repository, trust: bytes, owners: str) -> dict[str, bytes]:
    # Where one of the other places has a CODEOWNERS already, another one would not be read.
    place = next((name for name in LOCATIONS if os.path.lexists(repo.work_tree / name)), "CODEOWNERS")
    return {
        POLICY_FILE: trust,
        place: template("CODEOWNERS").format(owners=owners).encode(),
        config_path(Version(1, 0, 0)): template("scoring_config.json").encode(),
        f"configs/{SCHEMA_FILE}": schema_bytes("scoring-config"),
        "configs/contracts/runtime.schema.json": template("contract.json").encode(),
        "analytics_output/.gitignore": b"*\n!.gitignore\n",
    }


def require_homes(repo: Repository, given: Sequence[str]) -> list[str]:
    """The canonical remotes as trust.toml will name them: `given`, or this clone's own.

    Raises:
        UsageError: SECRET_IN_URL.
        EnvironmentFault: NO_REMOTE, BAD_REMOTE_URL.
    """
    homes = [require_safe_url(url) for url in given] or [find_remote(repo, None).url]
    for url in homes:
        match = _USER_IN_URL.fullmatch(url)
        if match is not None:
            plain = f"{match['scheme']}://{match['rest']}"
            raise UsageError(
                "SECRET_IN_URL",
                f"the address of the remote names a user or a password: {match['scheme']}://...@{match['rest']}",
                why="trust.toml is read by everybody, and every clone has to write its home in the same way.",
                fix=f"git remote set-url origin {plain}, and leave the secret to git's credential store",
            )
    return list(dict.fromkeys(homes))


def policy_text(
    roster: Roster, lines: Mapping[str, Place], branch: str, homes: Sequence[str], production: Sequence[str]
) -> bytes:
    """The bytes of a trust.toml that its own checks accept.

    Raises:
        GateClosed: NO_HOLDER, NO_SPARE.
        DocumentError: SCHEMA.
    """
    trust = roster.policy(lines=lines, branch=branch, home=homes, production=production)
    for problem in unsound(read_policy(trust)):
        raise roster.refuse(problem)
    return trust


def code_owners(policy: Policy) -> list[str]:
    """The CODEOWNERS names of the humans who release, each once."""
    grant = policy.grant("release")
    people = [policy.people[name] for name in (grant.people if grant else ())]
    return list(dict.fromkeys(owner for person in people if person.kind == "human" for owner in person.owners))


def _policy_there(repo: Repository) -> Policy | None:
    path = repo.work_tree / POLICY_FILE
    try:
        return read_policy(path.read_bytes()) if os.path.lexists(path) else None
    except OSError as error:
        raise cannot_write(path, error) from error


def _require_same(there: Policy | None, trust: bytes) -> None:
    """A policy that is there already is never overwritten, and never silently another than was asked for."""
    if there is not None and there != read_policy(trust):
        raise UsageError(
            "POLICY_EXISTS",
            f"{POLICY_FILE} is there already, and it says something else than this call",
            why="Nothing of yours is overwritten, and people who are named in vain would believe that they may sign.",
            fix=f"edit {POLICY_FILE} by hand; or start again: mv {POLICY_FILE} {POLICY_FILE}.old",
        )


def _notes(repo: Repository, roster: Roster, homes: Sequence[str]) -> list[str]:
    found = []
    remote = find_remote(repo, None)
    if remote.url not in homes:
        found.append(
            f"this clone's {remote.name} is not the home, so nothing can be sealed from here before: "
            f"git remote set-url {remote.name} {homes[0]}"
        )
    policy, recovery = roster.thresholds
    if policy > 1:
        found.append(
            f"sealing takes {policy} people: the others run calibgit init --seal --cosign first, in the same words"
        )
    if policy == 1 and len(roster.signers) > 2:
        found.append("one person alone may change the policy; to have it take two: --policy-threshold 2")
    if recovery < policy:
        found.append(
            f"a change of policy takes {policy} people; in an emergency {recovery} of: " + ", ".join(roster.recoverers)
        )
    return found


def create_file(root: Path, name: str, data: bytes) -> None:
    """Create a file; one that has come to be there in the meantime, or leads out of the work tree, is not touched."""
    path = root / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.parent.resolve().is_relative_to(root.resolve()):
            raise PermissionError(1, "its directory leads out of the work tree")
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> EnvironmentFault:
    """The refusal of a file that cannot be read or written."""
    return EnvironmentFault(
        "CANNOT_WRITE",
        f"{path.name} cannot be written: {error.strerror}",
        why="Without its files the repository cannot be governed.",
        fix=f"check the permissions of {path.parent}",
    )
