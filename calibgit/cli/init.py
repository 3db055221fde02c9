"""init: files first, then the seal."""

from __future__ import annotations

import os
from pathlib import Path

import click

from calibgit.cli.common import (
    dry_run_option,
    format_option,
    key_option,
    line_option,
    print_json,
    say,
    workspace,
)
from calibgit.errors import UsageError
from calibgit.jobs import start
from calibgit.model.ids import Version, require_name

People = tuple[tuple[str, str, Path], ...]


def _adoption(text: str) -> tuple[Version, list[str]]:
    version, _, envs = text.partition("=")
    names = [require_name(env.strip(), "environment") for env in envs.split(",") if env.strip()]
    return Version.parse(version.removeprefix("v")), names


def _members(people: People, machines: People, key: Path | None) -> list[start.Member]:
    found = [start.me(os.environ, key)]
    named = [("human", *person) for person in people] + [("ci", *machine) for machine in machines]
    for kind, name, email, path in named:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                "NO_PUBLIC_KEY",
                f"{path} is not a readable public key",
                why="A person is their key.",
                fix="give the path of their OpenSSH .pub file",
            ) from error
        found.append(start.Member(name, email, text.strip(), "ci" if kind == "ci" else "human"))
    return found


@click.command()
@click.option("--seal", is_flag=True, help="Sign genesis on the protected branch; the files must be merged.")
@click.option("--solo", is_flag=True, help="One person only; said everywhere from then on.")
@click.option(
    "--person",
    "people",
    type=(str, str, click.Path(path_type=Path)),
    multiple=True,
    metavar="NAME EMAIL KEY.pub",
    help="Somebody else who signs; repeatable.",
)
@click.option(
    "--ci",
    "machines",
    type=(str, str, click.Path(path_type=Path)),
    multiple=True,
    metavar="NAME EMAIL KEY.pub",
    help="A job that signs its proposals and may do nothing else; repeatable.",
)
@click.option("--adopt", multiple=True, metavar="VERSION[=ENV,ENV]", help="With --seal: a config already in use.")
@click.option("--branch", default=None, metavar="NAME", help="The protected branch.  [default: main]")
@click.option("--reason", default="", metavar="TEXT", help="With --seal: why; it is signed.")
@line_option
@key_option
@dry_run_option
@format_option("json")
@click.pass_obj
def init(
    repo: Path,
    seal: bool,
    solo: bool,
    people: People,
    machines: People,
    adopt: tuple[str, ...],
    branch: str | None,
    reason: str,
    line: str | None,
    key: Path | None,
    dry_run: bool,
    output: str,
) -> None:
    """Write the files of a governed repository; --seal starts its registry."""
    if seal:
        _seal(repo, line, key, adopt, reason, dry_run=dry_run, output=output)
        return
    if adopt:
        raise click.UsageError("--adopt goes with --seal")
    planned = start.init(
        repo, members=_members(people, machines, key), line=line or "scoring", solo=solo, branch=branch, dry_run=dry_run
    )
    if output == "json":
        print_json(
            {
                "schema": "calibgit/init/1",
                "dry_run": dry_run,
                "written": sorted(planned.written),
                "kept": list(planned.kept),
            }
        )
        return
    for name in sorted(planned.written):
        say(f"{'would write' if dry_run else 'wrote'} {name}")
    for name in planned.kept:
        say(f"kept {name}")
    if solo:
        say("single-person registry: nobody else approves here, and every status and pin says so")
    say(
        "next: adapt them, commit and push them to the protected branch, then: "
        "calibgit init --seal --adopt 1.0.0=production"
    )


def _seal(
    repo: Path,
    line: str | None,
    key: Path | None,
    adopt: tuple[str, ...],
    reason: str,
    *,
    dry_run: bool,
    output: str,
) -> None:
    written = start.seal(
        workspace(repo, line, key), adopt=[_adoption(text) for text in adopt], reason=reason, dry_run=dry_run
    )
    if output == "json":
        print_json(
            {
                "schema": "calibgit/written/1",
                "dry_run": dry_run,
                "signer": written.person,
                "oid": None if dry_run else written.event.oid,
                "sha256": None if dry_run else written.event.sha256,
                "event": dict(written.event.payload),
            }
        )
        return
    if dry_run:
        say("would seal the registry")
        return
    say(f"sealed by {written.person}. The registry id, to be handed to readers out of band:")
    say(written.event.sha256)
