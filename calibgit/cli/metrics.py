"""metrics: exact counts that were collected apart become one snapshot."""

from __future__ import annotations

from pathlib import Path

import click

from calibgit.cli.collect import print_snapshot
from calibgit.cli.common import dry_run_option, format_option, line_option, note, print_json, say, workspace

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def metrics() -> None:
    """Work with exact counts."""


@metrics.command()
@click.argument("counts", nargs=-1, required=True, type=_FILE)
@click.option(
    "-o", "--output-file", required=True, type=_FILE, metavar="FILE", help="Exact counts of all; never commit them."
)
@click.option("--publish", type=_FILE, default=None, metavar="FILE", help="Also write the snapshot that may be shared.")
@click.option(
    "--config", "version", default=None, metavar="VERSION", help="The config in force.  [default: the active one]"
)
@line_option
@dry_run_option
@format_option("json")
@click.pass_obj
def merge(
    repo: Path,
    counts: tuple[Path, ...],
    output_file: Path,
    publish: Path | None,
    version: str | None,
    line: str | None,
    dry_run: bool,
    output: str,
) -> None:
    """Add the exact counts of disjoint tables, which collect --private wrote, into those of one.

    Windows that follow each other without a gap become one window in the same way. Counts are added before anything
    is coarsened or hidden, so the result is what one collection over all of it would have given.
    """
    from calibgit.jobs import measure
    from calibgit.jobs.outputs import write_files

    space = workspace(repo, line)
    subject = measure.subject_of(space, space.config(version))
    exact, snapshot = measure.merge_counts(subject, [measure.read_exact(path) for path in counts])
    files = {output_file: exact.pretty()} | ({publish: snapshot.pretty()} if publish else {})
    if not dry_run:
        write_files(files)
    if output == "json":
        print_json(snapshot.data())
        return
    print_snapshot(snapshot)
    for path in files:
        say(f"  {'would write' if dry_run else 'wrote'} {path}")
    note(f"{output_file} holds exact counts: keep it private")
