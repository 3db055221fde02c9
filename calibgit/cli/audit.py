"""audit: the whole history, for somebody who was not there."""

from __future__ import annotations

from pathlib import Path

import click

from calibgit.cli.common import fetch_option, format_option, note, say, trust_option, workspace
from calibgit.cli.read import INTEGRITY


@click.command()
@trust_option
@fetch_option
@click.option(
    "-o", "--output", "path", type=click.Path(path_type=Path, dir_okay=False), default=None, metavar="FILE",
    help="Write the report there.",
)  # fmt: skip
@format_option("json", "md")
@click.pass_obj
def audit(repo: Path, trust_root: str | None, fetch: bool, path: Path | None, output: str) -> int:
    """Walk the whole history: who proposed, approved and signed what, and what was active when.

    Exit status 1 when something wants a person's look, 6 when the log does not hold.
    """
    from calibgit.audit.page import page
    from calibgit.jobs.auditing import audit as run
    from calibgit.jobs.outputs import write_files

    report = run(workspace(repo, trust_root=trust_root, fetch=fetch))
    data = report.pretty() if output == "json" else page(report).encode()
    if path is not None:
        write_files({path: data})
    if output != "text" and path is None:
        say(data.decode().rstrip("\n"))
    if output == "text":
        say(f"{report.seq} events of registry {report.registry or 'none'}")
        for finding in report.findings:
            say(f"{finding.weight:<7} {finding.code}: {finding.message}")
            if finding.fix:
                say(f"        fix: {finding.fix}")
        for period in report.periods:
            until = period.until_at or "now"
            say(f"{period.line} v{period.version} in {period.env}: {period.from_at} to {until}, {period.how}")
        note("the whole report: calibgit audit --format md -o audit.md")
    weights = {finding.weight for finding in report.findings}
    if not report.ok:
        return INTEGRITY
    return 1 if weights & {"look", "broken"} else 0
