"""init: files first, then the seal. A hard fork starts a registry of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from calibgit.cli.common import (
    dry_run_option,
    format_option,
    key_option,
    line_option,
    print_cosigned,
    print_json,
    print_written,
    say,
    workspace,
)
from calibgit.cli.from_source import find_mapping, source_options, tell
from calibgit.errors import UsageError
from calibgit.jobs import roster, start
from calibgit.model.ids import Version, require_name
from calibgit.model.policy import Account

if TYPE_CHECKING:
    from calibgit.jobs.forking import Forked

_PUBLIC_KEY = click.Path(path_type=Path)


class Team(TypedDict):
    """Who signs, as the options say it."""

    people: tuple[tuple[str, str, Path], ...]
    machines: tuple[tuple[str, str, Path], ...]
    accounts: tuple[tuple[str, str, str, int], ...]
    owners: tuple[tuple[str, str], ...]
    recovery: tuple[str, ...]
    recovery_keys: tuple[tuple[str, Path], ...]
    policy_threshold: int | None
    solo: bool
    home: tuple[str, ...]
    branch: str | None


class Words(Team):
    """Every option of the command."""

    seal: bool
    cosign: bool
    fork: bool
    from_source: str | None
    table: str | None
    adopt: tuple[str, ...]
    reason: str
    line: str | None
    key: Path | None
    dry_run: bool
    output: str


@click.command()
@click.option("--seal", is_flag=True, help="Sign genesis on the protected branch; the files must be merged.")
@click.option("--cosign", is_flag=True, help="With --seal: only sign it beforehand; somebody else will seal.")
@click.option("--fork", is_flag=True, help="Edit trust.toml for a hard fork, and say how to start its own registry.")
@click.option("--solo", is_flag=True, help="One person only; said everywhere from then on.")
@click.option(
    "--person",
    "people",
    type=(str, str, _PUBLIC_KEY),
    multiple=True,
    metavar="NAME EMAIL KEY.pub",
    help="Somebody else who signs; repeatable. With your own key: the name that you want.",
)
@click.option(
    "--account",
    "accounts",
    type=(str, str, str, click.IntRange(1)),
    multiple=True,
    metavar="NAME HOST LOGIN ID",
    help="A person's account on a code host, with its number; repeatable.",
)
@click.option(
    "--owner",
    "owners",
    type=(str, str),
    multiple=True,
    metavar="NAME @ORG/TEAM",
    help="A CODEOWNERS name that means this person too; repeatable.",
)
@click.option(
    "--recovery",
    multiple=True,
    metavar="NAME",
    help="Who may clear junk and repair the policy in an emergency; repeatable.  [default: everybody]",
)
@click.option(
    "--recovery-key",
    "recovery_keys",
    type=(str, _PUBLIC_KEY),
    multiple=True,
    metavar="NAME KEY.pub",
    help="A key in a safe, under a name of its own: for recovery and nothing else; repeatable.",
)
@click.option(
    "--policy-threshold",
    type=click.IntRange(1),
    default=None,
    metavar="N",
    help="How many people it takes to change the policy, and to seal.  [default: 1]",
)
@click.option(
    "--ci",
    "machines",
    type=(str, str, _PUBLIC_KEY),
    multiple=True,
    metavar="NAME EMAIL KEY.pub",
    help="A job that signs its proposals and checkpoints, and may do nothing else; repeatable.",
)
@source_options
@click.option("--adopt", multiple=True, metavar="[LINE:]VERSION[=ENV,ENV]", help="With --seal: a config in use.")
@click.option("--branch", default=None, metavar="NAME", help="The protected branch.  [default: main]")
@click.option("--home", multiple=True, metavar="URL", help="A canonical remote; repeatable.  [default: this clone's]")
@click.option("--reason", default="", metavar="TEXT", help="With --seal: why; it is signed.")
@line_option
@key_option
@dry_run_option
@format_option("json")
@click.pass_obj
def init(repo: Path, **words: Unpack[Words]) -> None:
    """Write the files of a governed repository; --seal starts its registry."""
    if words["seal"] and words["fork"]:
        raise click.UsageError("--fork edits the files; merge them, then --seal")
    if (words["from_source"] or words["table"]) and (words["seal"] or words["fork"]):
        raise click.UsageError("--from-source writes the first files; it goes with neither --seal nor --fork")
    if words["seal"]:
        if asked(words):
            raise click.UsageError("--seal signs the merged trust.toml; people, home and branch are named there")
        _seal(repo, words)
    elif words["adopt"] or words["cosign"]:
        raise click.UsageError("--adopt and --cosign go with --seal")
    elif words["fork"]:
        _fork(repo, words)
    else:
        _write(repo, words)


def asked(team: Team) -> bool:
    """Whether the options say anything about the policy."""
    return any(team[name] for name in Team.__annotations__)  # type: ignore[literal-required]


def members(team: Team, key: Path | None) -> list[roster.Member]:
    """Everybody whom the options name, the user first."""
    mine = start.me(os.environ, key)
    found = [roster.Member(name, email, _key(path)) for name, email, path in team["people"]]
    if mine.key not in {member.key for member in found}:
        found.insert(0, mine)
    found += [roster.Member(name, email, _key(path), "ci") for name, email, path in team["machines"]]
    found += [roster.Member(name, "", _key(path), safe=True) for name, path in team["recovery_keys"]]
    for name, host, login, number in team["accounts"]:
        found = roster.with_account(found, name, Account(host=host, login=login, id=number))
    for name, alias in team["owners"]:
        found = roster.with_alias(found, name, alias)
    return found


def _key(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "NO_PUBLIC_KEY",
            f"{path} is not a readable public key",
            why="A person is their key.",
            fix="give the path of their OpenSSH .pub file",
        ) from error


def _write(repo: Path, words: Words) -> None:
    line = words["line"] or "scoring"
    draft = find_mapping(words["from_source"], words["table"])
    planned = start.init(
        repo,
        members=members(words, words["key"]),
        line=line,
        solo=words["solo"],
        branch=words["branch"],
        home=words["home"],
        recovery=words["recovery"],
        policy_threshold=words["policy_threshold"] or 1,
        keep_policy=not asked(words),
        mapping=draft.text(line) if draft else None,
        dry_run=words["dry_run"],
    )
    if words["output"] == "json":
        print_json(
            {
                "schema": "calibgit/init/1",
                "dry_run": words["dry_run"],
                "written": sorted(planned.written),
                "kept": list(planned.kept),
                "notes": list(planned.notes),
                **({"mapping": draft.data()} if draft else {}),
            }
        )
        return
    for name in sorted(planned.written):
        say(f"{'would write' if words['dry_run'] else 'wrote'} {name}")
    for name in planned.kept:
        say(f"kept {name}")
    for text in planned.notes:
        say(f"note: {text}")
    if draft:
        tell(draft)
    if words["solo"]:
        say("single-person registry: nobody else approves here, and every status and pin says so")
    say(
        "next: adapt them, commit and push them to the protected branch, then: "
        "calibgit init --seal --adopt 1.0.0=production"
    )


def _adoption(text: str) -> start.Adopted:
    line, _, rest = text.rpartition(":")
    version, _, envs = rest.partition("=")
    names = [require_name(env.strip(), "environment") for env in envs.split(",") if env.strip()]
    return start.Adopted(
        Version.parse(version.removeprefix("v")), tuple(names), require_name(line, "line") if line else None
    )


def _seal(repo: Path, words: Words) -> None:
    space = workspace(repo, words["line"], words["key"])
    adopt = [_adoption(text) for text in words["adopt"]]
    if words["cosign"]:
        done = start.cosign_seal(space, adopt=adopt, reason=words["reason"], dry_run=words["dry_run"])
        print_cosigned(done, words["output"])
        return
    written = start.seal(space, adopt=adopt, reason=words["reason"], dry_run=words["dry_run"])
    if words["output"] == "json":
        print_written(written, "json")
        return
    for entry in written.event.payload["baseline"]:
        envs = ", ".join(entry["envs"]) or "nowhere"
        say(f"baseline {entry['line']} v{entry['version']}, active in: {envs}; sha256 {entry['sha256']}")
    if words["dry_run"]:
        say("would seal the registry")
        return
    say(f"sealed by {written.signed_by}. The registry id, to be handed to readers out of band:")
    say(written.event.sha256)


def _fork(repo: Path, words: Words) -> None:
    from calibgit.jobs import forking

    forked = forking.fork(
        workspace(repo, words["line"], words["key"]),
        roster.Roster(
            tuple(members(words, words["key"])), words["solo"], words["recovery"], words["policy_threshold"] or 1
        ),
        home=words["home"],
        branch=words["branch"],
        dry_run=words["dry_run"],
    )
    if words["output"] == "json":
        print_json(forked.as_dict())
        return
    _tell_fork(forked)


def _tell_fork(forked: Forked) -> None:
    say(f"forking from registry {forked.registry}, {forked.seq} events; it stays as it is")
    for text in forked.notes:
        say(f"note: {text}")
    for name in forked.written:
        say(f"{'would edit' if forked.dry_run else 'edited'} {name}")
    for version in forked.adopted:
        envs = ", ".join(version.envs)
        say(f"to adopt: {version.line} v{version.version}, active in {envs}; sha256 {version.sha256}")
    say("next, line by line:")
    for number, step in enumerate(forked.steps, start=1):
        say(f"{number}. {step.why}")
        for command in step.commands:
            say(f"   {command}")
