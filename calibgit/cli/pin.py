"""pin: write or check a bundle."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import click

from calibgit.cli.common import (
    dry_run_option,
    env_option,
    fetch_option,
    format_option,
    line_option,
    note,
    print_json,
    say,
    staleness_option,
    trust_option,
    workspace,
)
from calibgit.jobs import pinning
from calibgit.model.ids import require_name


@click.command()
@click.argument("tag", required=False)
@trust_option
@fetch_option
@staleness_option
@click.option("-o", "--output-dir", "directory", type=click.Path(path_type=Path), default=None, metavar="DIR")
@click.option(
    "--verify", "bundle", type=click.Path(path_type=Path), default=None, metavar="DIR", help="Check a bundle."
)
@click.option("--allow-inactive", is_flag=True, help="Pin although the version is not active; recorded in the lock.")
@line_option
@env_option
@dry_run_option
@format_option("json")
@click.pass_obj
def pin(
    repo: Path,
    tag: str | None,
    trust_root: str | None,
    fetch: bool,
    max_staleness: timedelta | None,
    directory: Path | None,
    bundle: Path | None,
    allow_inactive: bool,
    line: str | None,
    env: str,
    dry_run: bool,
    output: str,
) -> None:
    """Verify everything and write the bundle of TAG (such as calib/scoring/v1.1.0) for a runtime."""
    if bundle is not None:
        pinned = pinning.check_bundle(bundle, trust_root=trust_root)
    else:
        if tag is None or trust_root is None or directory is None:
            raise click.UsageError("give TAG, --trust-root ID and -o DIR, or --verify DIR")
        pinned = pinning.pin(
            workspace(repo, line, trust_root=trust_root, max_staleness=max_staleness, fetch=fetch),
            tag,
            directory,
            trust_root=trust_root,
            env=require_name(env, "environment"),
            allow_inactive=allow_inactive,
            dry_run=dry_run,
        )
    lock = pinned.lock
    if output == "json":
        print_json(
            {
                "schema": "calibgit/pinned/1",
                "ok": True,
                "dry_run": dry_run,
                "lock": {**asdict(lock), "approvers": list(lock.approvers)},
                "not_checked": list(pinned.not_checked),
            }
        )
        return
    _print(pinned, checked=bundle is not None, dry_run=dry_run)
    if bundle and trust_root is None:
        note("no --trust-root given: the bundle holds in itself, but it could be of another registry")


def _print(pinned: pinning.Pinned, *, checked: bool, dry_run: bool) -> None:
    lock = pinned.lock
    verb = "checked" if checked else ("would pin" if dry_run else "pinned")
    say(f"{verb} {lock.line} v{lock.version} for {lock.env}: SHA-256 {lock.sha256}")
    say(f"  approved by {', '.join(lock.approvers) or 'nobody (baseline)'}; evidence: {lock.evidence}")
    say(f"  log verified up to event {lock.seq} of registry {lock.registry}")
    if not lock.four_eyes:
        say("  single-person registry: nobody else approves there")
    if not lock.active:
        standing = lock.env_status.replace("_", " ")
        say(f"  it is not active in {lock.env} ({standing}), and the lock records that")
    for step in pinned.not_checked:
        say(f"  not checked: step {step}")
