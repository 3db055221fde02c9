"""collect: counts of one window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibgit.cli.common import (
    dry_run_option,
    format_option,
    line_option,
    note,
    print_json,
    progress_bar,
    say,
    today,
    window_options,
    workspace,
)

if TYPE_CHECKING:
    from calibgit.model.snapshot import MetricsSnapshot


@click.command()
@window_options()
@click.option(
    "--config", "version", default=None, metavar="VERSION", help="The config in force.  [default: the active one]"
)
@click.option(
    "-o", "--output-file", type=click.Path(path_type=Path), default=None, metavar="FILE", help="Published snapshot."
)
@click.option(
    "--private",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Also keep the exact counts; never commit them.",
)
@line_option
@dry_run_option
@format_option("json")
@click.pass_obj
def collect(
    repo: Path,
    source: str,
    days: int | None,
    as_of: str | None,
    version: str | None,
    output_file: Path | None,
    private: Path | None,
    line: str | None,
    dry_run: bool,
    output: str,
) -> None:
    """Count the assessments of one window; only counts leave the data engine.

    The file enters no ledger, so nothing keeps it from being subtracted from other windows that share days with it: the
    command says where this clone knows such a window. calibrate and propose publish, and refuse.
    """
    from calibgit.jobs import evidence, measure
    from calibgit.jobs.outputs import write_files

    space = workspace(repo, line)
    subject = measure.subject_of(space, space.config(version))
    with progress_bar() as progress:
        exact, snapshot = measure.collect(subject, source, as_of=as_of or today(), days=days, progress=progress)
    overlap = evidence.known_overlap(space, snapshot)
    target = output_file or space.repo.work_tree / measure.OUTPUT / f"metrics_snapshot_{snapshot.window.stamp}.json"
    files = {target: snapshot.pretty()} | ({private: exact.pretty()} if private else {})
    if not dry_run:
        write_files(files)
    if overlap:
        note(f"counts of {overlap} are published, and these differ from them: share at most one of the two")
    if output == "json":
        print_json(snapshot.data())
        return
    print_snapshot(snapshot)
    say(f"  {'would write' if dry_run else 'wrote'} {target}")
    if private:
        note(f"{private} holds exact counts: keep it private")


def print_snapshot(snapshot: MetricsSnapshot) -> None:
    """What a published snapshot holds, for people."""
    say(f"{snapshot.line}: {snapshot.window.start} to {snapshot.window.end}, config v{snapshot.config.version}")
    for stratum in snapshot.strata:
        mark = (
            "" if stratum.logic_version == snapshot.config.version else " (another version than the one under review)"
        )
        say(f"  v{stratum.logic_version}: {stratum.n:,} assessments{mark}")
        blocks = (
            "score",
            "labels",
            "confidence",
            "flag_types",
            "escalation",
            "tiers",
            "sufficiency",
            "conflict",
            "outcome",
        )
        for status in ("absent", "withheld"):
            names = [name for name in blocks if getattr(stratum, name).status == status]
            if names:
                say(f"    {status}: {', '.join(names)}")
    p = snapshot.privacy
    say(
        f"  privacy: every count but 0 stands for at least {p.k} {p.unit}; {p.merged_bins} bins merged, "
        f"{p.folded_keys} keys folded, {p.hidden_cells} counts hidden and audited; {p.withheld_cells} counts, "
        f"{p.withheld_blocks} blocks and {p.withheld_strata} versions withheld"
    )
