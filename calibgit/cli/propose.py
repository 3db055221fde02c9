"""propose: a config change as a branch, with its evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from calibgit.cli.common import (
    dry_run_option,
    env_option,
    format_option,
    initiator_option,
    key_option,
    line_option,
    note,
    print_json,
    say,
    workspace,
)
from calibgit.model.ids import Version, require_name


def read_assignments(texts: tuple[str, ...]) -> dict[str, Any]:
    """`PATH=VALUE` pairs; a value is JSON where it can be, else text."""
    found: dict[str, Any] = {}
    for text in texts:
        path, sign, value = text.partition("=")
        if not sign or not path or path in found:
            raise click.UsageError(f"--set takes PATH=VALUE, each path once: {text!r}")
        try:
            found[path] = json.loads(value)
        except ValueError:
            found[path] = value
    return found


def print_proposed(made: Any, output: str, *, dry_run: bool) -> None:
    """What came of a proposal."""
    draft = made.draft
    if output == "json":
        print_json(
            {
                "schema": "calibgit/proposed/1",
                "outcome": made.outcome,
                "dry_run": dry_run,
                "reason": made.decision.reason,
                "version": str(draft.version) if draft else None,
                "branch": made.branch or None,
                "commit": made.commit or None,
                "request": made.request.number if made.request else None,
                "files": sorted(draft.files) if draft else [],
                "change_summary": draft.summary.data() if draft else None,
            }
        )
        return
    if draft is None:
        say(made.decision.reason)
        return
    verb = {"proposed": "would propose" if dry_run else "proposed", "unchanged": "unchanged, proposed already:"}
    say(
        f"{verb[made.outcome]} v{draft.version} ({draft.summary.compatibility} change of v{draft.summary.base_version})"
    )
    for change in draft.summary.changes:
        say(f"  {change.path}: {change.old} -> {change.new}")
        say(f"    {change.rationale}")
        say(f"    {change.impact_note}")
    say(f"  branch {made.branch}" + (f" at {made.commit[:12]}" if made.commit else ""))
    if made.request:
        say(f"  merge request {made.request.number}: {made.request.title}")
    elif made.commit and not made.pushed:
        note("  not pushed; add --push, or --pr to open a merge request as well")


@click.command()
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--snapshot",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Its counts.  [default: found beside REPORT]",
)
@click.option(
    "--previous",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="The earlier snapshot, where one was used.",
)
@click.option("--version", "number", default="auto", show_default=True, metavar="X.Y.Z|auto")
@click.option(
    "--set", "assignments", multiple=True, metavar="PATH=VALUE", help="Your own change; repeatable, with --reason."
)
@click.option("--reason", default="", metavar="TEXT", help="Why you want it.")
@initiator_option
@env_option
@click.option("--push", is_flag=True, help="Push the branch.")
@click.option("--pr", is_flag=True, help="Push the branch and open a merge request.")
@line_option
@key_option
@dry_run_option
@format_option("json")
@click.pass_obj
def propose(
    repo: Path,
    report: Path,
    snapshot: Path | None,
    previous: Path | None,
    number: str,
    assignments: tuple[str, ...],
    reason: str,
    initiator: str | None,
    env: str,
    push: bool,
    pr: bool,
    line: str | None,
    key: Path | None,
    dry_run: bool,
    output: str,
) -> None:
    """Propose a config change from the findings in REPORT, on a branch of its own."""
    from calibgit.jobs import measure, proposing
    from calibgit.jobs.drafting import Evidence

    wish = proposing.Wish(
        version=None if number == "auto" else Version.parse(number.removeprefix("v")),
        assignments=read_assignments(assignments),
        reason=reason,
        initiator=initiator,
        env=require_name(env, "environment"),
        push=push,
        merge_request=pr,
        dry_run=dry_run,
    )
    findings = measure.read_report(report)
    counts = measure.read_snapshot(snapshot) if snapshot else measure.find_snapshot(findings, report.parent)
    earlier = None
    if previous is not None:
        earlier = measure.read_snapshot(previous)
    elif findings.previous_sha256 is not None:
        earlier = measure.find_snapshot(findings, report.parent, findings.previous_sha256)
    space = workspace(repo, line, key)
    subject = measure.subject_of(space, space.config(findings.config.version))
    history = measure.find_history(findings, report.parent)
    made = proposing.propose(space, subject, Evidence(counts, findings, earlier, history), wish)
    print_proposed(made, output, dry_run=dry_run)
