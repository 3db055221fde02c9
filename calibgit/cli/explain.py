"""explain: what a code means and what to do."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby

import click

from calibgit.cli.common import format_option, print_json, say
from calibgit.model.explained import LOG_EXIT, STEPS, Explanation, explanations
from calibgit.model.explained import explain as find

WIDTH = 100
EXITS = {
    0: "a warning; the command goes on",
    1: "a person or a check has to act first",
    2: "the words of the call do not fit",
    3: "git, the disk, the network or the data source refused",
    4: "this person or key may not do it",
    5: "somebody else was first; repeating is safe",
    6: "a signature, a digest or the log does not hold",
    70: "a fault in calibgit",
}
_HELD = "\xa0"


@click.command()
@click.argument("code", required=False)
@format_option("json")
def explain(code: str | None, output: str) -> None:
    """Explain CODE, as an error, a warning or a check printed it; without CODE, list all codes."""
    if code is None:
        _list(output)
        return
    found = find(code)
    if output == "json":
        print_json(_data(found))
        return
    _print(found)


def _data(found: Explanation) -> dict[str, object]:
    return {
        "schema": "calibgit/explanation/1",
        "code": found.code,
        "title": found.title,
        "exit": found.exit,
        "exits": list(found.exits),
        "step": found.steps[0] if found.steps else None,
        "steps": list(found.steps),
        "meaning": found.meaning,
        "causes": list(found.causes),
        "do": list(found.do),
        "never": list(found.never),
        "see": list(found.see),
    }


def _list(output: str) -> None:
    themes = [(theme, list(group)) for theme, group in groupby(explanations().values(), key=lambda one: one.theme)]
    if output == "json":
        listed = [
            {"theme": theme, "codes": [{"code": one.code, "title": one.title} for one in group]}
            for theme, group in themes
        ]
        print_json({"schema": "calibgit/explanations/1", "themes": listed})
        return
    width = max(len(code) for code in explanations())
    for theme, group in themes:
        say(theme)
        for one in group:
            _say(one.title, f"  {one.code:<{width}}  ", " " * (width + 4))
        say()
    say("calibgit explain CODE tells what one means and what to do")


def _print(found: Explanation) -> None:
    _say(f"{found.code}: {found.title}")
    _say(_statuses(found))
    if found.steps:
        numbers = " or ".join(map(str, found.steps))
        _say(f"verification step {numbers}: {' or '.join(STEPS[step] for step in found.steps)}")
    say()
    _say(found.meaning)
    _items("Usual causes", found.causes)
    _items("What to do", found.do, numbered=True)
    _items("What not to do", found.never)
    if found.see:
        say()
        _say(f"See also: {', '.join(found.see)}")


def _statuses(found: Explanation) -> str:
    words = [f"{status} ({EXITS[status]})" for status in (found.exit, *found.also)]
    if LOG_EXIT in found.exits and LOG_EXIT not in {found.exit, *found.also}:
        words.append(f"{LOG_EXIT} when an event of the log shows it")
    return f"exit status {', or '.join(words)}"


def _items(title: str, items: Sequence[str], *, numbered: bool = False) -> None:
    if not items:
        return
    say(f"\n{title}:")
    for place, item in enumerate(items, start=1):
        mark = f"{place}." if numbered else "-"
        _say(item, f"  {mark} ", "  " + " " * (len(mark) + 1))


def _say(text: str, first: str = "", later: str = "") -> None:
    """Print wrapped; a command in backticks stays on one line, so that it can be copied."""
    pieces = text.split("`")
    held = "`".join(piece.replace(" ", _HELD) if place % 2 else piece for place, piece in enumerate(pieces))
    lines = textwrap.wrap(
        held,
        width=_width(),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        say(line.replace(_HELD, " "))


def _width() -> int:
    """The terminal's columns, at most 100; 100 where there is no terminal."""
    return min(WIDTH, max(40, shutil.get_terminal_size((WIDTH, 24)).columns)) if sys.stdout.isatty() else WIDTH
