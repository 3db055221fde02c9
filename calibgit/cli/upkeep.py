"""countersign, policy, checkpoint, void, ratify: what keeps the registry itself in order."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from calibgit.cli.common import (
    dry_run_option,
    env_option,
    format_option,
    key_option,
    line_option,
    print_cosigned,
    print_written,
    reason_option,
    workspace,
)
from calibgit.jobs import cosigning, upkeep
from calibgit.model.ids import Version, require_name


@click.command()
@click.argument("version", required=False)
@click.option(
    "--for",
    "act",
    type=click.Choice(cosigning.ACTS),
    default=None,
    help="What somebody else will write.  [default: activate]",
)
@line_option
@env_option
@key_option
@reason_option()
@click.option("--event", "seq", type=click.IntRange(2), default=None, metavar="SEQ", help="The rollback to ratify.")
@click.option("--again", is_flag=True, help="As with activate.")
@click.option("--breaking", is_flag=True, help="As with activate.")
@click.option("--attest", is_flag=True, help="As with release.")
@dry_run_option
@format_option("json")
@click.pass_obj
def countersign(
    repo: Path,
    version: str | None,
    act: str | None,
    seq: int | None,
    line: str | None,
    env: str,
    key: Path | None,
    reason: str,
    again: bool,
    breaking: bool,
    attest: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Sign beforehand what somebody else will write, so that the event carries two people.

    Name VERSION and what will be done with it; a writer who runs that command afterwards embeds your signature. With
    --for policy, a key that the merged trust.toml adds shows that it is held.
    """
    wanted = cosigning.Wanted(
        act=cast("cosigning.Act", act or "activate"),
        version=Version.parse(version.removeprefix("v")) if version else None,
        seq=seq,
        env=require_name(env, "environment"),
        reason=reason,
        override=tuple(name for name, given in (("again", again), ("breaking", breaking)) if given),
        attest=attest,
    )
    done = cosigning.countersign(workspace(repo, line, key), wanted, dry_run=dry_run)
    print_cosigned(done, output)


@click.command()
@line_option
@key_option
@reason_option(required=True)
@dry_run_option
@format_option("json")
@click.pass_obj
def policy(repo: Path, line: str | None, key: Path | None, reason: str, dry_run: bool, output: str) -> None:
    """Put the merged trust.toml in force: people, keys, roles, thresholds."""
    print_written(upkeep.policy(workspace(repo, line, key), reason=reason, dry_run=dry_run), output)


@click.command()
@click.option("--hours", type=click.IntRange(1), default=72, show_default=True, help="How long it holds.")
@line_option
@key_option
@reason_option()
@dry_run_option
@format_option("json")
@click.pass_obj
def checkpoint(
    repo: Path, hours: int, line: str | None, key: Path | None, reason: str, dry_run: bool, output: str
) -> None:
    """Sign that nothing newer exists, so that readers notice a log that is held back."""
    done = upkeep.checkpoint(workspace(repo, line, key), hours=hours, reason=reason, dry_run=dry_run)
    print_written(done, output)


@click.command()
@line_option
@key_option
@reason_option(required=True)
@dry_run_option
@format_option("json")
@click.pass_obj
def void(repo: Path, line: str | None, key: Path | None, reason: str, dry_run: bool, output: str) -> None:
    """Jump over tags that occupy the next slots without being events."""
    print_written(upkeep.void(workspace(repo, line, key), reason=reason, dry_run=dry_run), output)


@click.command()
@click.argument("seq", type=click.IntRange(2))
@line_option
@key_option
@reason_option(required=True)
@dry_run_option
@format_option("json")
@click.pass_obj
def ratify(repo: Path, seq: int, line: str | None, key: Path | None, reason: str, dry_run: bool, output: str) -> None:
    """Accept, as a second person, the rollback of event SEQ that one person signed."""
    print_written(upkeep.ratify(workspace(repo, line, key), seq, reason=reason, dry_run=dry_run), output)
