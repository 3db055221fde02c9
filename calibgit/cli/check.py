"""check: the machine half of the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from calibgit.cli.common import format_option, line_option, print_json, say, workspace


@click.command()
@click.option("--base", default=None, metavar="REV", help="What it is merged into.  [default: the protected branch]")
@click.option("--head", default=None, metavar="REV", help="What is proposed.  [default: HEAD]")
@line_option
@format_option("json", "github", "md")
@click.pass_obj
def check(repo: Path, base: str | None, head: str | None, line: str | None, output: str) -> int:
    """Check a proposal: scope, policy, schema, compatibility, provenance, owners. Exit 1 when the gate refuses."""
    from calibgit.jobs.checking import check as run

    reports = run(workspace(repo), line=line, base=base, head=head)
    if output == "json":
        several = {"schema": "calibgit/check-reports/1", "reports": [report.data() for report in reports]}
        print_json(reports[0].data() if len(reports) == 1 else several)
    for report in reports:
        {"json": _nothing, "github": _annotations, "md": _markdown, "text": _text}[output](report)
    return 0 if all(report.ok for report in reports) else 1


def _nothing(report: Any) -> None:
    """All reports were printed as one value."""


def _text(report: Any) -> None:
    say(f"{report.line}: {'proposal of v' + report.version if report.version else 'no proposal'}, {report.head[:12]}")
    marks = {"pass": "ok  ", "fail": "FAIL", "skip": "skip"}
    for result in report.results:
        code = f" {result.code}:" if result.code else ""
        say(f"  {marks[result.outcome]} {result.check}:{code} {result.message}")
        if result.fix and result.outcome == "fail":
            say(f"       fix: {result.fix}")
    say("  the gate is open for review" if report.ok else "  the gate is closed")


def _annotations(report: Any) -> None:
    for result in report.results:
        if result.outcome == "fail":
            place = f"file={_property(result.path)},title={result.code}" if result.path else f"title={result.code}"
            say(f"::error {place}::{_data(f'{result.message}. Fix: {result.fix}' if result.fix else result.message)}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _markdown(report: Any) -> None:
    from calibgit.model.markdown import text

    say(f"### calibgit check: {'passed' if report.ok else 'refused'}\n")
    say("| check | outcome | what |\n|---|---|---|")
    for result in report.results:
        say(f"| {result.check} | {result.outcome} | {text(result.message)} |")
