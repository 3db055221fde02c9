"""The command line: a lazily loaded group, and the one place that turns errors into exit statuses."""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import click

from calibgit import __version__
from calibgit.errors import CalibgitError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": (
        "calibgit.cli.init:init",
        "Write the files of a governed repository; --seal starts its registry.",
    ),
    "backtest": (
        "calibgit.cli.backtest:backtest",
        "Say what calibgit would have said on your own history.",
    ),
    "doctor": ("calibgit.cli.doctor:doctor", "Say what is in order, and who can do what today."),
    "demo": ("calibgit.cli.demo.command:demo", "Play the whole story in a throw-away repository."),
    "collect": (
        "calibgit.cli.collect:collect",
        "Count assessments of one window; publish what may be published.",
    ),
    "metrics": ("calibgit.cli.metrics:metrics", "Merge exact counts that were collected apart."),
    "analyze": ("calibgit.cli.analyze:analyze", "Judge the calibration of a config from published counts."),
    "propose": ("calibgit.cli.propose:propose", "Propose a config change as a branch, with its evidence."),
    "calibrate": ("calibgit.cli.calibrate:calibrate", "Collect, analyze, propose and publish in one run."),
    "check": (
        "calibgit.cli.check:check",
        "Check a proposal: scope, policy, schema, compatibility, provenance, owners.",
    ),
    "release": ("calibgit.cli.govern:release", "Release a version that a code owner merged."),
    "approve": ("calibgit.cli.govern:release", "The same as release."),
    "reject": ("calibgit.cli.govern:reject", "Reject the proposed bytes of a version for good."),
    "activate": ("calibgit.cli.govern:activate", "Make a released version active in an environment."),
    "deprecate": ("calibgit.cli.govern:deprecate", "Forbid new activations of a version."),
    "rollback": ("calibgit.cli.govern:rollback", "Restore the version that was active before."),
    "countersign": ("calibgit.cli.upkeep:countersign", "Sign beforehand what somebody else will write."),
    "ratify": ("calibgit.cli.upkeep:ratify", "Accept, as a second person, a rollback that one person signed."),
    "policy": ("calibgit.cli.upkeep:policy", "Put the merged trust.toml in force."),
    "checkpoint": ("calibgit.cli.upkeep:checkpoint", "Sign that nothing newer exists."),
    "void": ("calibgit.cli.upkeep:void", "Jump over tags that occupy the next slots without being events."),
    "status": ("calibgit.cli.read:status", "Show what is active where, verified."),
    "log": ("calibgit.cli.read:log", "Show every event of the registry."),
    "show": ("calibgit.cli.read:show", "Show one version: who approved it, on what evidence."),
    "diff": ("calibgit.cli.read:diff", "Show what changes in meaning between two versions."),
    "verify": ("calibgit.cli.read:verify", "Verify every signature, approval and digest of the log."),
    "audit": ("calibgit.cli.audit:audit", "Report the whole history, for somebody who was not there."),
    "pin": ("calibgit.cli.pin:pin", "Write a verified bundle that a runtime loads without git."),
    "schema": ("calibgit.cli.read:schema", "Print the JSON Schema of a document."),
    "explain": ("calibgit.cli.explain:explain", "Explain a code such as NOT_MERGED: what it means and what to do."),
}


class LazyGroup(click.Group):
    """Imports a command's module only when that command runs, so that --help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Command names in the order of the story."""
        return [name for name in COMMANDS if name != "approve"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and purposes, without importing anything."""
        rows = [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="calibgit")
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="here",
    help="A directory of the repository.",
)
@click.pass_context
def cli(ctx: click.Context, repo: Path) -> None:
    """Govern the scoring configs of assessment systems, in Git and nothing else."""
    ctx.obj = repo


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit: 0 ok, 1 gate, 2 usage, 3 environment, 4 permission, 5 conflict, 6 integrity."""
    gc.set_threshold(100_000, 50, 50)  # a long log is many values that live to the end; looking for garbage finds none
    words = sys.argv[1:] if argv is None else argv
    sys.exit(run(words))


def run(words: list[str]) -> int:
    """Run one command and return its exit status; 70 is a bug, 130 an interruption."""
    machine = "--format=json" in words or _follows(words, "--format", "json")
    try:
        result = cli.main(args=words, prog_name="calibgit", standalone_mode=False, color=_color())
    except CalibgitError as error:
        _report(error.as_dict(), machine=machine)
        return error.exit_status
    except click.ClickException as error:
        _report_usage(error, machine=machine)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing is half-written", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  the one place where a bug ends
        _report_bug(error, machine=machine)
        return 70
    return result if isinstance(result, int) else 0


def _color() -> bool | None:
    """No colour where NO_COLOR is set and not empty; else click's own rule: only on a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def _follows(words: list[str], option: str, value: str) -> bool:
    return any(pair == (option, value) for pair in itertools.pairwise(words))


def _report_usage(error: click.ClickException, *, machine: bool) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None and not machine:
        click.echo(context.get_usage(), err=True)
    hint = f"{context.command_path} --help" if context is not None else ""
    _report({"code": "USAGE", "what": error.format_message(), "why": "", "fix": hint}, machine=machine)


def _report(error: dict[str, str], *, machine: bool) -> None:
    if machine:
        click.echo(json.dumps({"schema": "calibgit/error/1", "ok": False, "error": error}), err=True)
        return
    mark = click.style("error", fg="red", bold=True)
    click.echo(f"{mark} {error['code']}: {error['what']}", err=True, color=_color())
    if error["why"]:
        click.echo(f"  why: {error['why']}", err=True)
    if error["fix"]:
        click.echo(f"  fix: {error['fix']}", err=True)


def _report_bug(error: Exception, *, machine: bool) -> None:
    text = "".join(traceback.format_exception(error))
    handle, name = tempfile.mkstemp(prefix="calibgit-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"calibgit {__version__}\n{text}")
    values: dict[str, Any] = {
        "code": "BUG",
        "what": f"{type(error).__name__} in calibgit itself; nothing was released or activated",
        "why": "This should not happen whatever the input.",
        "fix": f"report it with the log {name} (look through it first)",
    }
    _report(values, machine=machine)
