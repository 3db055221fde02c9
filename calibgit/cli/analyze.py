"""analyze: findings from published counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from calibgit.cli.common import dry_run_option, format_option, line_option, print_json, say, workspace


def print_findings(report: Any) -> None:
    """The findings, worst first, each with its numbers."""
    order = {"critical": 0, "high": 1, "medium": 2, "low": 3, "info": 4}
    quiet = 0
    for finding in sorted(report.findings, key=lambda f: order[f.severity]):
        if finding.severity == "info":
            quiet += 1
            continue
        say(f"  {finding.severity:<8} {finding.status:<6} {finding.id}")
        say(f"           {finding.description}")
        if finding.turning_point:
            say(f"           {finding.turning_point}")
        say(f"           -> {finding.recommendation}")
    s = report.summary
    say(f"  {quiet} more are in order, absent or not assessable; {s.tests} tests shared one error budget")
    say("  somebody should look" if s.requires_attention else "  nothing needs attention")


@click.command()
@click.argument("snapshot", type=click.Path(path_type=Path))
@click.option("--config", "version", default=None, metavar="VERSION", help="The config.  [default: the snapshot's]")
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Snapshot of an earlier window; repeatable, with eight or more for control charts.",
)
@click.option("-o", "--output-file", type=click.Path(path_type=Path), default=None, metavar="FILE")
@click.option("--exit-zero", is_flag=True, help="Exit 0 although something needs attention.")
@line_option
@dry_run_option
@format_option("json")
@click.pass_obj
def analyze(
    repo: Path,
    snapshot: Path,
    version: str | None,
    previous: tuple[Path, ...],
    output_file: Path | None,
    exit_zero: bool,
    line: str | None,
    dry_run: bool,
    output: str,
) -> int:
    """Judge the calibration of a config from the published counts in SNAPSHOT. Exit 1 when it needs attention."""
    from calibgit.jobs import measure
    from calibgit.jobs.outputs import write_files
    from calibgit.jobs.tracking import record_of

    space = workspace(repo, line)
    counts = measure.read_snapshot(snapshot)
    config = space.config(version or counts.config.version)
    subject = measure.subject_of(space, config)
    before, history = measure.earlier_of(counts, [measure.read_snapshot(path) for path in previous])
    report = measure.analyze(subject, counts, before, history, record_of(space, subject.line))
    target = output_file or snapshot.parent / f"calibration_report_{report.window.stamp}.json"
    files = {target: report.pretty()}
    if history is not None:
        files[target.parent / f"history_{report.window.stamp}.json"] = history.pretty()
    if not dry_run:
        write_files(files)
    if output == "json":
        print_json(report.data())
    else:
        say(f"{report.line} v{report.config.version}, {report.window.start} to {report.window.end}")
        print_findings(report)
        say(f"  {'would write' if dry_run else 'wrote'} {target}")
    return 1 if report.summary.requires_attention and not exit_zero else 0
