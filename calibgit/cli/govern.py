"""release, reject, activate, deprecate, rollback: each writes one signed event."""

from __future__ import annotations

from pathlib import Path

import click

from calibgit.cli.common import (
    dry_run_option,
    env_option,
    format_option,
    key_option,
    line_option,
    print_written,
    reason_option,
    say,
    workspace,
)
from calibgit.jobs import govern
from calibgit.model.ids import Version, require_name


def _version(text: str) -> Version:
    return Version.parse(text.removeprefix("v"))


@click.command()
@click.argument("version")
@line_option
@key_option
@reason_option()
@click.option("--attest", is_flag=True, help="Take the approval from the code host's reviews; your key answers for it.")
@dry_run_option
@format_option("json")
@click.pass_obj
def release(
    repo: Path,
    version: str,
    line: str | None,
    key: Path | None,
    reason: str,
    attest: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Release VERSION, which a code owner merged: it may be activated from now on."""
    done = govern.release(workspace(repo, line, key), _version(version), reason=reason, attest=attest, dry_run=dry_run)
    print_written(done, output)


@click.command()
@click.argument("version")
@line_option
@key_option
@reason_option(required=True)
@dry_run_option
@format_option("json")
@click.pass_obj
def reject(
    repo: Path, version: str, line: str | None, key: Path | None, reason: str, dry_run: bool, output: str
) -> None:
    """Reject the proposed bytes of VERSION for good."""
    print_written(govern.reject(workspace(repo, line, key), _version(version), reason=reason, dry_run=dry_run), output)


@click.command()
@click.argument("version")
@line_option
@env_option
@key_option
@reason_option()
@click.option("--again", is_flag=True, help="Activate a version that was rolled back here.")
@click.option("--breaking", is_flag=True, help="Activate although a consumer contract breaks.")
@dry_run_option
@format_option("json")
@click.pass_obj
def activate(
    repo: Path,
    version: str,
    line: str | None,
    env: str,
    key: Path | None,
    reason: str,
    again: bool,
    breaking: bool,
    dry_run: bool,
    output: str,
) -> None:
    """Make released VERSION active in an environment."""
    override = [name for name, given in (("again", again), ("breaking", breaking)) if given]
    if override and not reason:
        raise click.UsageError("--again and --breaking need --reason")
    space = workspace(repo, line, key)
    env = require_name(env, "environment")
    written = govern.activate(space, _version(version), env=env, reason=reason, override=override, dry_run=dry_run)
    print_written(written, output)


@click.command()
@click.argument("version")
@line_option
@key_option
@reason_option(required=True)
@dry_run_option
@format_option("json")
@click.pass_obj
def deprecate(
    repo: Path, version: str, line: str | None, key: Path | None, reason: str, dry_run: bool, output: str
) -> None:
    """Forbid new activations of VERSION; what is active stays active."""
    print_written(
        govern.deprecate(workspace(repo, line, key), _version(version), reason=reason, dry_run=dry_run),
        output,
    )


@click.command()
@line_option
@env_option
@click.option("--to", default=None, metavar="VERSION", help="The version to restore; else the last one that stands.")
@key_option
@reason_option(required=True)
@dry_run_option
@format_option("json")
@click.pass_obj
def rollback(
    repo: Path,
    line: str | None,
    env: str,
    to: str | None,
    key: Path | None,
    reason: str,
    dry_run: bool,
    output: str,
) -> None:
    """Take the active version out of an environment and restore an earlier one."""
    written, report = govern.rollback(
        workspace(repo, line, key),
        env=require_name(env, "environment"),
        to=_version(to) if to else None,
        reason=reason,
        dry_run=dry_run,
    )
    print_written(written, output, {"report": report.data()})
    if output == "text":
        say(f"  restored config: {report.digests['version']}")
        say(f"  report: rollbacks/{report.name}.md on branch calibgit/evidence/{report.line}")
