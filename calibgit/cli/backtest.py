"""backtest: what calibgit would have said on one's own history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibgit.cli.common import format_option, note, print_json, print_table, progress_bar, say, source_option, today

if TYPE_CHECKING:
    from calibgit.jobs.backtest import Step, Trial

_FILE = click.Path(path_type=Path, dir_okay=False)
_MOST_ALARMS = 3


@click.command()
@source_option(required=True)
@click.option("--config", required=True, type=_FILE, metavar="FILE", help="The scoring config that was in force.")
@click.option("--windows", type=click.IntRange(1, 120), default=12, show_default=True, help="How many past windows.")
@click.option(
    "--settings",
    type=_FILE,
    default=None,
    metavar="FILE",
    help="A calibgit.toml with the mapping.  [default: a first mapping of the columns]",
)
@click.option("--table", default=None, metavar="NAME", help="The results table; needed when there are several.")
@click.option("--line", default=None, metavar="LINE", help="The line of --settings; needed when there are several.")
@click.option(
    "--as-of", default=None, metavar="DATE", help="The last window ends at or before it.  [default: today, UTC]"
)
@format_option("json")
def backtest(
    source: str,
    config: Path,
    windows: int,
    settings: Path | None,
    table: str | None,
    line: str | None,
    as_of: str | None,
    output: str,
) -> None:
    """Say what would have been flagged and proposed in past windows. No repository, no key; nothing is written."""
    from calibgit.jobs import backtest as job

    tried = job.trial(source, config, settings, table, line)
    with progress_bar() as progress:
        steps = job.backtest(source, tried, windows=windows, as_of=as_of or today(), progress=progress)
    if output == "json":
        print_json(_data(tried, steps))
        return
    version = tried.subject.config.version
    note(f"v{version}, by {tried.mapping}; exact counts were read, and stay here: keep the output private")
    print_table(("window", "assessments", "flagged", "proposed", "next window"), [_row(step) for step in steps])
    say()
    say(verdict(steps))


def verdict(steps: tuple[Step, ...]) -> str:
    """One line."""
    seen = [step for step in steps if step.n]
    flagged, proposed = sum(bool(s.alarms) for s in seen), [s for s in seen if s.changes]
    held, missed = (sum(s.outcome == word for s in proposed) for word in ("held", "missed"))
    words = f"{len(seen)} of {len(steps)} windows had assessments; {flagged} would have been flagged"
    if not proposed:
        return f"{words}, and nothing would have been proposed."
    kept = f"held in the next window {held} of {held + missed} times" if held + missed else "could not be checked yet"
    return f"{words}, and a change proposed in {len(proposed)}; what it promised {kept}."


def _row(step: Step) -> tuple[str, ...]:
    window = f"{step.window.start[:10]} to {step.window.end[:10]}"
    if not step.n:
        return window, "0", "-", "-", "-"
    marked = [f"{name}{' (again next)' if name in step.again else ''}" for name in step.alarms[:_MOST_ALARMS]]
    more = [f"and {len(step.alarms) - _MOST_ALARMS} more"] if len(step.alarms) > _MOST_ALARMS else []
    changes = ", ".join(f"{path} to {value}" for path, value in step.changes.items())
    came = {"": "-", "no_next_window": "not yet", "not_assessable": "too few"}.get(step.outcome, step.outcome)
    return window, f"{step.n:,}", ", ".join([*marked, *more]) or "nothing", changes or "no change", came


def _data(tried: Trial, steps: tuple[Step, ...]) -> dict[str, object]:
    return {
        "schema": "calibgit/backtest/1",
        "config": {"version": str(tried.subject.config.version), "sha256": tried.subject.config.ref.sha256},
        "mapping": tried.mapping,
        "windows": [
            {
                "start": step.window.start,
                "end": step.window.end,
                "n": step.n,
                "alarms": list(step.alarms),
                "alarms_again": list(step.again),
                "changes": dict(step.changes),
                "reason": step.reason,
                "outcome": step.outcome or None,
            }
            for step in steps
        ],
        "verdict": verdict(steps),
    }
