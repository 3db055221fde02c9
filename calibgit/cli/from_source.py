"""init --from-source: its options, and what is told about a first mapping."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from calibgit.cli.common import say

if TYPE_CHECKING:
    from calibgit.jobs.first_mapping import Draft

F = TypeVar("F", bound=Callable[..., Any])


def source_options(function: F) -> F:
    """`--from-source` and `--table`."""
    for option in (
        click.option(
            "--table", default=None, metavar="NAME", help="With --from-source: the results table, if it has several."
        ),
        click.option(
            "--from-source",
            default=None,
            metavar="URL",
            help="Map the columns of a results table, by their names and types; no value is looked at.",
        ),
    ):
        function = option(function)
    return function


def find_mapping(source: str | None, table: str | None) -> Draft | None:
    """The mapping that the options ask for, if any."""
    if source is None:
        if table is not None:
            raise click.UsageError("--table goes with --from-source")
        return None
    from calibgit.jobs.first_mapping import draft_mapping

    return draft_mapping(source, table)


def tell(draft: Draft) -> None:
    """What was found, for people."""
    chosen = draft.mapping.chosen
    say(f"mapped {len(chosen)} of {len(draft.mapping.matches)} roles; columns without a role: {draft.without_role}")
    for role, reason in draft.reasons.items():
        say(f"  {role}: {reason}")
    if draft.assumed_version is not None:
        say(f"  all rows count as version {draft.assumed_version}: correct logic_version in calibgit.toml")
    if draft.undecided:
        say(f"  before anything can be collected, map in calibgit.toml: {', '.join(draft.undecided)}")
