"""status, log, show, diff, verify, schema: they read and never ask the network."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from calibgit.cli.common import (
    fetch_option,
    format_option,
    line_option,
    note,
    print_json,
    print_table,
    say,
    staleness_option,
    trust_option,
    workspace,
)
from calibgit.cli.track import say_track_record
from calibgit.jobs import read

INTEGRITY = 6
ALARM = 1
ALARMS = {"SUSPECT", "TRIGGER_FIRED"}


def _problems(value: dict[str, Any]) -> int:
    for kind, problems in (("warning", value.get("warnings", [])), ("error", value["errors"])):
        for problem in problems:
            note(f"{kind} {problem['code']}{_place(problem)}: {problem['message']}")
            if problem["fix"]:
                note(f"  fix: {problem['fix']}")
    return 0 if value["ok"] else INTEGRITY


def _place(problem: dict[str, Any]) -> str:
    """Which slot of the log failed which step of verification, where one did."""
    if problem.get("step") is None:
        return ""
    return f" (slot {problem['seq']}, step {problem['step']})" if problem["seq"] else f" (step {problem['step']})"


def _say_who(value: dict[str, Any]) -> None:
    if not value["four_eyes"]:
        say("single-person registry: nobody else approves here")


@click.command()
@line_option
@trust_option
@fetch_option
@staleness_option
@click.option("--at", default=None, metavar="SEQ|TIME", help="As of an event number or a UTC time.")
@format_option("json")
@click.pass_obj
def status(
    repo: Path,
    line: str | None,
    trust_root: str | None,
    fetch: bool,
    max_staleness: timedelta | None,
    at: str | None,
    output: str,
) -> int:
    """Show what is active where, after verifying the whole log. Exit 1 when somebody should look."""
    space = workspace(repo, line, trust_root=trust_root, max_staleness=max_staleness, fetch=fetch)
    value = read.status(space, line=line, at=at)
    alarmed = any(problem["code"] in ALARMS for problem in value["warnings"])
    if output == "json":
        print_json(value)
        return INTEGRITY if not value["ok"] else (ALARM if alarmed else 0)
    say(f"registry {value['registry']}")
    say(f"{value['seq']} events, {'all verified' if value['ok'] else 'NOT ALL BELIEVED'}")
    if value["checkpoint"] is not None:
        say(f"checkpoint of {value['checkpoint']['at']}, good until {value['checkpoint']['expires']}")
    _say_who(value)
    for name, content in value["lines"].items():
        active = ", ".join(f"v{version} in {env}" for env, version in content["active"].items()) or "nothing"
        say(f"\n{name}: {active} active")
        rows = [
            (
                f"v{entry['version']}",
                entry["state"],
                ", ".join(f"{env}: {state}" for env, state in entry["envs"].items()) or "-",
                ", ".join(entry["approvers"]) or "-",
                entry["evidence"],
                (entry["sha256"] or "-")[:12],
            )
            for entry in content["versions"]
        ]
        print_table(("version", "state", "environments", "approved by", "evidence", "sha256"), rows)
        say_track_record(content["track_record"])
    return _problems(value) or (ALARM if alarmed else 0)


@click.command()
@line_option
@trust_option
@fetch_option
@format_option("json")
@click.pass_obj
def log(repo: Path, line: str | None, trust_root: str | None, fetch: bool, output: str) -> int:
    """Show every event of the registry, oldest first."""
    space = workspace(repo, line, trust_root=trust_root, fetch=fetch)
    value = read.log(space)
    if line is not None:
        if all(event["line"] != line for event in value["events"]):
            line = str(space.line_name)
        value["events"] = [event for event in value["events"] if event["line"] in {None, line}]
    if output == "json":
        print_json(value)
        return 0 if value["ok"] else INTEGRITY
    rows = [
        (
            str(e["seq"]),
            e["at"],
            e["subject"].removeprefix("calibgit: "),
            ", ".join(e["signers"]),
            e["reason"] or "-",
        )
        for e in value["events"]
    ]
    _say_who(value)
    print_table(("seq", "at", "event", "signed by", "reason"), rows)
    return _problems(value)


@click.command()
@click.argument("version")
@line_option
@trust_option
@fetch_option
@format_option("json")
@click.pass_obj
def show(repo: Path, version: str, line: str | None, trust_root: str | None, fetch: bool, output: str) -> None:
    """Show one VERSION: who approved it, on what evidence, where it ran."""
    value = read.show(workspace(repo, line, trust_root=trust_root, fetch=fetch), version)
    if output == "json":
        print_json(value)
        return
    _say_who(value)
    say(f"{value['line']} v{value['version']}: {value['state']}")
    for env, state in value["envs"].items():
        say(f"  {state} in {env}")
    say(f"  config     {value['path']} at {value['commit'][:12]}, SHA-256 {value['sha256']}")
    say(f"  written by {', '.join(value['authors']) or 'unknown (baseline)'}")
    say(f"  approved by {', '.join(value['approvers']) or 'nobody (baseline)'}; evidence: {value['evidence']}")
    say(f"  signed by  {value['signer']}")
    for event in value["events"]:
        say(f"  event {event['seq']} {event['at']}: {event['subject'].removeprefix('calibgit: ')}")


@click.command()
@click.argument("old")
@click.argument("new")
@line_option
@trust_option
@fetch_option
@format_option("json")
@click.pass_obj
def diff(repo: Path, old: str, new: str, line: str | None, trust_root: str | None, fetch: bool, output: str) -> None:
    """Show what changes in meaning between versions OLD and NEW."""
    value = read.diff(workspace(repo, line, trust_root=trust_root, fetch=fetch), old, new)
    if output == "json":
        print_json(value)
        return
    say(f"v{value['from_version']} to v{value['version']}: {value['level']} change")
    rows = [
        (change["path"], str(change["old"]), str(change["new"]), change["what"], change["level"])
        for change in value["changes"]
    ]
    print_table(("path", "old", "new", "what", "level"), rows)


@click.command()
@line_option
@trust_option
@fetch_option
@staleness_option
@click.option("--allowed-signers", is_flag=True, help="Print the keys as OpenSSH's allowed-signers file instead.")
@format_option("json")
@click.pass_obj
def verify(
    repo: Path,
    line: str | None,
    trust_root: str | None,
    fetch: bool,
    max_staleness: timedelta | None,
    allowed_signers: bool,
    output: str,
) -> int:
    """Verify every signature, approval and digest of the log."""
    space = workspace(repo, line, trust_root=trust_root, max_staleness=max_staleness, fetch=fetch)
    if allowed_signers:
        click.echo(read.allowed_signers(space), nl=False)
        return 0
    value = read.verify(space)
    if output == "json":
        print_json(value)
        return 0 if value["ok"] else INTEGRITY
    say(f"{value['events']} events believed" + (", nothing wrong" if value["ok"] else ""))
    say(f"registry {value['registry']}")
    if value["events"]:
        _say_who(value)
    if value["high_water"] == "no-history":
        note("no-history: nothing was known of this log before, so an earlier, longer one would not be missed")
    if trust_root is None:
        note("no --trust-root given: the log holds in itself, but it could be another registry")
    return _problems(value)


@click.command()
@click.argument("name")
def schema(name: str) -> None:
    """Print the JSON Schema of the document NAME."""
    from calibgit.model.schemas import schema_bytes

    click.echo(schema_bytes(name), nl=False)
