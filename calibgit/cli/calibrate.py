"""calibrate: what a scheduled job runs."""

from __future__ import annotations

from pathlib import Path

import click

from calibgit.cli.analyze import print_findings
from calibgit.cli.common import (
    dry_run_option,
    format_option,
    initiator_option,
    key_option,
    line_option,
    print_json,
    progress_bar,
    say,
    today,
    window_options,
    workspace,
)
from calibgit.cli.propose import print_proposed


@click.command()
@window_options(required=False)
@click.option(
    "--counts",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Exact counts of metrics merge or collect --private, instead of a source.",
)
@initiator_option
@line_option
@key_option
@dry_run_option
@format_option("json")
@click.pass_obj
def calibrate(
    repo: Path,
    source: str | None,
    days: int | None,
    as_of: str | None,
    counts: Path | None,
    initiator: str | None,
    line: str | None,
    key: Path | None,
    dry_run: bool,
    output: str,
) -> None:
    """Collect, analyze, propose and publish the evidence; opens a merge request when a change is worth it."""
    from calibgit.jobs.calibrating import calibrate as run
    from calibgit.jobs.calibrating import calibrate_counts
    from calibgit.jobs.measure import read_exact
    from calibgit.jobs.proposing import Wish

    if (source is None) == (counts is None) or (counts is not None and (days or as_of)):
        raise click.UsageError("give either --source, with its window, or --counts")
    wish = Wish(initiator=initiator, push=True, merge_request=True, dry_run=dry_run)
    space = workspace(repo, line, key)
    if counts is not None:
        done = calibrate_counts(space, read_exact(counts), wish)
    else:
        with progress_bar() as progress:
            done = run(space, source, as_of=as_of or today(), days=days, wish=wish, progress=progress)
    if output == "json":
        print_json(
            {
                "schema": "calibgit/calibrated/1",
                "dry_run": dry_run,
                "outcome": done.proposed.outcome,
                "reason": done.proposed.decision.reason,
                "version": str(done.proposed.draft.version) if done.proposed.draft else None,
                "branch": done.proposed.branch or None,
                "request": done.proposed.request.number if done.proposed.request else None,
                "evidence": done.evidence,
                "report": done.report.data(),
            }
        )
        return
    say(f"{done.report.line} v{done.report.config.version}, {done.report.window.start} to {done.report.window.end}")
    print_findings(done.report)
    print_proposed(done.proposed, output, dry_run=dry_run)
    if not dry_run:
        say(f"evidence: {'commit ' + done.evidence[:12] if done.evidence else 'unchanged'}")
