"""Options that commands share, and the printing of results."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from calibgit.jobs.cosigning import CoSigned
    from calibgit.jobs.workspace import Workspace
    from calibgit.jobs.written import Written

F = TypeVar("F", bound=Callable[..., Any])


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, text first; `formats` are the other choices."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(["text", *formats]),
        default="text",
        show_default=True,
        help="How to print the result.",
    )


def line_option(function: F) -> F:
    """`--line`."""
    return click.option("--line", default=None, metavar="LINE", help="The line; needed when there are several.")(
        function
    )


def env_option(function: F) -> F:
    """`--env`."""
    return click.option("--env", default="production", show_default=True, metavar="ENV", help="The environment.")(
        function
    )


def key_option(function: F) -> F:
    """`--key`."""
    return click.option(
        "--key",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        metavar="PATH",
        help="SSH key to sign with; else CALIBGIT_SIGNING_KEY, else your global git config.",
    )(function)


def trust_option(function: F) -> F:
    """`--trust-root`, also from the environment."""
    return click.option(
        "--trust-root",
        default=None,
        envvar="CALIBGIT_TRUST_ROOT",
        metavar="ID",
        help="The registry id that you were given out of band; else CALIBGIT_TRUST_ROOT.",
    )(function)


class Duration(click.ParamType[timedelta]):
    """A length of time such as 72h or 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Hours or days, from 1 to 9999."""
        match = re.fullmatch(r"([1-9][0-9]{0,3})([hd])", str(value), re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a number of hours or days, such as 72h or 7d", param, ctx)
        return timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))


def fetch_option(function: F) -> F:
    """`--fetch`."""
    return click.option(
        "--fetch",
        is_flag=True,
        help="First fetch what is missing: history, branches, flattened tags.",
    )(function)


def staleness_option(function: F) -> F:
    """`--max-staleness`."""
    return click.option(
        "--max-staleness",
        type=Duration(),
        default=None,
        metavar="72h|7d",
        help="Refuse a log whose last checkpoint is older, or has expired.",
    )(function)


def source_option(*, required: bool) -> Callable[[F], F]:
    """`--source`; `required`: whether there must be one."""
    return click.option(
        "--source",
        required=required,
        metavar="URL|PATH",
        help="Results: postgresql://..., a DuckDB or SQLite file, Parquet, CSV, JSON lines, globs, spark:NAME.",
    )


def window_options(*, required: bool = True) -> Callable[[F], F]:
    """`--source`, `--days`, `--as-of`; `required`: whether there must be a source."""

    def decorate(function: F) -> F:
        for option in (
            click.option(
                "--as-of",
                default=None,
                metavar="DATE",
                help="The window ends on the grid at or before it.  [default: today, UTC]",
            ),
            click.option(
                "--days", type=click.IntRange(1), default=None, help="Length of the window.  [default: the line's own]"
            ),
            source_option(required=required),
        ):
            function = option(function)
        return function

    return decorate


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on stderr while rows are counted; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("counting {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, no_color="NO_COLOR" in os.environ), transient=True) as bar:
        task = bar.add_task("")
        yield lambda done, total, name: bar.update(task, completed=done, total=total, description=name)


def initiator_option(function: F) -> F:
    """`--initiator`."""
    return click.option(
        "--initiator", default=None, metavar="WHO", help="Who asked for it; 'schedule' for nobody.  [default: you]"
    )(function)


def today() -> str:
    """The UTC date of the wall clock, YYYY-MM-DD: the only clock that a window ever sees."""
    return datetime.now(UTC).date().isoformat()


def dry_run_option(function: F) -> F:
    """`--dry-run`."""
    return click.option("--dry-run", is_flag=True, help="Do everything except writing.")(function)


def reason_option(*, required: bool = False) -> Callable[[F], F]:
    """`--reason`; one that is required must say something."""
    if required:
        return click.option("--reason", required=True, callback=_said, metavar="TEXT", help="Why; it is signed.")
    return click.option("--reason", default="", metavar="TEXT", help="Why; it is signed.")


def _said(_: click.Context, option: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it must say something", param=option)
    return value


def workspace(
    repo: Path,
    line: str | None = None,
    key: Path | None = None,
    trust_root: str | None = None,
    max_staleness: timedelta | None = None,
    *,
    fetch: bool = False,
) -> Workspace:
    """The workspace of a command, imported late."""
    from calibgit.jobs.workspace import Workspace

    return Workspace(
        repo,
        line=line,
        environ=os.environ,
        key=key,
        trust_root=trust_root,
        max_staleness=max_staleness,
        fetch=fetch,
    )


def say(text: str = "") -> None:
    """Print a line of the result on stdout."""
    click.echo(text)


def note(text: str) -> None:
    """Print a line for people on stderr."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print a result as JSON on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: drawn on a terminal, plain aligned columns elsewhere."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    widths = [max(len(row[place]) for row in (columns, *rows)) for place in range(len(columns))]
    for row in (columns, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_written(written: Written, output: str, extra: dict[str, Any] | None = None) -> None:
    """Print the event that a command wrote, or would write."""
    payload = dict(written.event.payload)
    if written.note:
        note(f"note: {written.note}")
    if output == "json":
        print_json(
            {
                "schema": "calibgit/written/1",
                "dry_run": written.dry_run,
                "signer": written.person,
                "cosigners": list(written.cosigners),
                "oid": None if written.dry_run else written.event.oid,
                "sha256": None if written.dry_run else written.event.sha256,
                "event": payload,
                **(extra or {}),
            }
        )
        return
    verb = "would write" if written.dry_run else "wrote"
    names = ", ".join(name.removeprefix("refs/tags/") for name in payload["refs"])
    say(f"{verb} event {payload['seq']}: {_sentence(payload)}, signed by {written.signed_by}")
    say(f"  tags: {names}")


def print_cosigned(done: CoSigned, output: str) -> None:
    """Print the signature that now waits for a writer."""
    from calibgit.registry.format import subject

    ref = done.pending.ref.removeprefix("refs/tags/")
    if output == "json":
        print_json(
            {
                "schema": "calibgit/cosigned/1",
                "dry_run": done.dry_run,
                "person": done.person,
                "namespace": done.pending.namespace,
                "ref": ref,
                "already": not done.fresh,
                "statement": dict(done.pending.statement),
            }
        )
        return
    verb = "would co-sign" if done.dry_run else ("co-signed" if done.fresh else "had co-signed")
    say(f"{done.person} {verb}: {subject(done.pending.statement).removeprefix('calibgit: ')}")
    say(f"  waits as {ref} for whoever writes it")


def _sentence(payload: dict[str, Any]) -> str:
    version = f"{payload.get('line', '')} v{payload.get('version', '')}"
    texts: dict[str, Callable[[], str]] = {
        "release": lambda: f"{version} is released, approved by {', '.join(payload['approval']['approvers'])}",
        "reject": lambda: f"{version} is rejected",
        "activate": lambda: f"{version} is active in {payload['env']}",
        "deprecate": lambda: f"{version} is deprecated",
        "revert": lambda: f"{version} is active again in {payload['env']} instead of v{payload['from_version']}",
        "genesis": lambda: "the registry starts",
        "policy": lambda: "the merged trust.toml is in force",
        "checkpoint": lambda: f"nothing newer exists, good until {payload['expires']}",
        "void": lambda: f"{len(payload['void'])} occupied slots are voided",
        "ratify": lambda: f"the rollback of event {payload['ratifies']['seq']} is accepted",
    }
    return texts[payload["kind"]]()
