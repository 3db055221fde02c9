"""Start a governed repository: write its files, then seal its registry with a signed genesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, Literal

from calibgit.errors import EnvironmentFault, GateClosed, UsageError
from calibgit.jobs.govern import Written
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.model.ids import Version, config_path, require_name
from calibgit.model.policy import read_policy
from calibgit.model.schemas import schema_bytes
from calibgit.registry.history import SCHEMA_FILE
from calibgit.registry.powers import unsound
from calibgit.registry.refresh import refresh
from calibgit.registry.sshkeys import parse_public_key
from calibgit.registry.write import Situation, Writer, require_home, write_event
from calibgit.release import plan
from calibgit.repo.identity import user_identity
from calibgit.repo.network import find_remote
from calibgit.repo.repository import Repository
from calibgit.repo.signing import find_signing_key


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who will sign: name, e-mail, OpenSSH public key. A CI system signs its proposals and holds no role.

    Raises:
        DocumentError: BAD_PUBLIC_KEY.
    """

    name: str
    email: str
    key: str
    kind: Literal["human", "ci"] = "human"

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", parse_public_key(self.key))


@dataclass(frozen=True, slots=True)
class Planned:
    """Files to write: path to bytes; `kept` are there already and stay as they are."""

    written: Mapping[str, bytes]
    kept: tuple[str, ...]


def me(environ: Mapping[str, str], key: Path | None) -> Member:
    """The user as a member: global git identity and signing key.

    Raises:
        EnvironmentFault: NO_IDENTITY, NO_SIGNING_KEY.
    """
    identity = user_identity(environ)
    name = "".join(c if c.isalnum() else "-" for c in identity.email.partition("@")[0].casefold()).strip("-")
    return Member(name or "owner", identity.email, find_signing_key(key, environ).public_key)


def init(
    path: Path, *, members: Sequence[Member], line: str, solo: bool, branch: str | None, dry_run: bool = False
) -> Planned:
    """Write the files of a governed repository; files that exist stay as they are.

    Raises:
        UsageError: NEEDS_TWO_PEOPLE, BAD_NAME.
        EnvironmentFault: a code of `Repository.open`, NO_REMOTE, CANNOT_WRITE.
    """
    require_name(line, "line")
    repo = Repository.open(path)
    home = find_remote(repo, None).url
    if len({member.name for member in members if member.kind == "human"}) < 2 and not solo:
        raise UsageError(
            "NEEDS_TWO_PEOPLE",
            "a registry with four eyes needs two people who sign",
            why="Nobody approves their own change, so one person alone could never release anything.",
            fix="calibgit init --person NAME EMAIL KEY.pub, or for one person: calibgit init --solo",
        )
    contents = _files(line, members, home=home, branch=branch or "main", solo=solo)
    kept = tuple(sorted(name for name in contents if (repo.work_tree / name).exists()))
    written = {name: data for name, data in contents.items() if name not in kept}
    if not dry_run:
        for name, data in written.items():
            _write(repo.work_tree / name, data)
    return Planned(written, kept)


def _files(line: str, members: Sequence[Member], *, home: str, branch: str, solo: bool) -> dict[str, bytes]:
    humans = [member for member in members if member.kind == "human"]
    names = ", ".join(f'"{member.name}"' for member in humans)
    machines = ", ".join(f'"{member.name}"' for member in members if member.kind == "ci")
    owners = " ".join(f"@{member.name}" for member in humans)
    people = "\n".join(
        _template("person.toml").format(name=member.name, key=member.key, email=member.email, kind=member.kind)
        for member in members
    )
    trust = _template("trust.toml").format(
        line=line,
        branch=branch,
        home=home.replace("\\", "\\\\").replace('"', '\\"'),
        four_eyes="false" if solo else "true",
        people=people,
        names=names,
        watchers=machines or names,
        non_author="false" if solo else "true",
    )
    read_policy(trust.encode())
    return {
        "calibgit.toml": _template("calibgit.toml").replace("LINE", line).encode(),
        POLICY_FILE: trust.encode(),
        "CODEOWNERS": _template("CODEOWNERS").format(owners=owners).encode(),
        config_path(Version(1, 0, 0)): _template("scoring_config.json").encode(),
        f"configs/{SCHEMA_FILE}": schema_bytes("scoring-config"),
        "configs/contracts/runtime.schema.json": _template("contract.json").encode(),
        "analytics_output/.gitignore": b"*\n!.gitignore\n",
    }


def _template(name: str) -> str:
    return (package_files("calibgit.jobs") / "templates" / name).read_text(encoding="utf-8")


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise EnvironmentFault(
            "CANNOT_WRITE",
            f"{path.name} cannot be written: {error.strerror}",
            why="Without its files the repository cannot be governed.",
            fix=f"check the permissions of {path.parent}",
        ) from error


def seal(
    workspace: Workspace, *, adopt: Sequence[tuple[Version, Sequence[str]]], reason: str, dry_run: bool
) -> Written:
    """Sign genesis on the protected branch's tip.

    Args:
        workspace: the clone, with the policy merged on its remote.
        adopt: versions already in use, each with the environments where it is active.
        reason: in the words of whoever seals.
        dry_run: write nothing.

    Raises:
        DocumentError: NO_POLICY.
        GateClosed: ALREADY_SEALED, NO_SUCH_CONFIG, POLICY_DIFFERS, NO_HOLDER, NO_SPARE.
        PermissionRefused: WRONG_HOME, NOT_AUTHORISED.
    """
    policy = workspace.unsealed_policy()
    writer: Writer = workspace.writer()
    require_home(writer.remote, policy)
    refresh(workspace.repo, workspace.remote, policy.branch_ref)
    adoptions = [
        plan.Adoption(workspace.line_name, version, config_path(version, workspace.place.configs), tuple(envs))
        for version, envs in adopt
    ]

    def planned(situation: Situation) -> Mapping[str, Any]:
        fields = plan.genesis(situation, policy_path=POLICY_FILE, policy=policy, adoptions=adoptions, reason=reason)
        for problem in unsound(policy):
            raise GateClosed(
                problem.code,
                problem.message,
                why="A registry that one lost key can stop should not start.",
                fix=problem.fix,
            )
        merged = situation.history.blob(situation.history.tip, POLICY_FILE)
        if merged is None or read_policy(merged) != policy:
            raise GateClosed(
                "POLICY_DIFFERS",
                f"{POLICY_FILE} in your work tree is not the one on {policy.branch}",
                why="Genesis puts the merged policy in force, and you should have read what you sign.",
                fix=f"git switch {policy.branch} && git pull, then repeat the command",
            )
        return fields

    event = write_event(writer, policy.branch_ref, planned, dry_run=dry_run)
    return Written(event, policy.person_of_key(writer.signer.public_key) or "", dry_run)
