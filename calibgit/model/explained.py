"""What every stable code means to a person: texts shipped with the package, one TOML file a theme.

A file of `calibgit/explain/` begins with `theme = "..."` and holds one table a code, with the fields of `Explanation`;
`step` is one number or a list.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from calibgit.errors import UsageError

STEPS = {
    1: "names and sizes",
    2: "strict parse",
    3: "chain",
    4: "policy in force",
    5: "signatures",
    6: "role, threshold, people",
    7: "protected branch",
    8: "signed bytes",
    9: "approval evidence and state machine",
    10: "high-water mark",
}
LOG_EXIT = 6


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code, told to somebody who has never seen it.

    Attributes:
        code: the stable name.
        theme: what it is grouped under.
        title: a few words.
        exit: exit status of the command that prints it; 0 is a warning.
        also: other exit statuses, where different commands meet the same fault.
        steps: the verification steps that may refuse with it, mostly none or one. An event of the log that fails a step
            always ends with 6.
        meaning: two to five sentences.
        causes: what usually causes it, innocent causes first.
        do: what to do, in order; commands stand in backticks.
        never: what makes it worse.
        see: related codes.
    """

    code: str
    theme: str
    title: str
    exit: int
    meaning: str
    causes: tuple[str, ...]
    do: tuple[str, ...]
    also: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    never: tuple[str, ...] = ()
    see: tuple[str, ...] = ()

    @property
    def exits(self) -> tuple[int, ...]:
        """Every exit status that a command may end with, the usual one first."""
        more = (*self.also, *([LOG_EXIT] if self.steps and self.exit else []))
        return (self.exit, *(status for status in dict.fromkeys(more) if status != self.exit))


@cache
def explanations() -> dict[str, Explanation]:
    """Every explanation by its code, in the order of the files and of their entries."""
    found: dict[str, Explanation] = {}
    for resource in sorted((files("calibgit") / "explain").iterdir(), key=lambda entry: entry.name):
        if not resource.name.endswith(".toml"):
            continue
        entries = tomllib.loads(resource.read_text(encoding="utf-8"))
        theme = entries.pop("theme")
        found |= {code: _explanation(code, theme, entry) for code, entry in entries.items()}
    return found


def _explanation(code: str, theme: str, entry: dict[str, Any]) -> Explanation:
    values = {key: _plain(value) for key, value in entry.items() if key != "step"}
    step = entry.get("step", [])
    steps = tuple(step) if isinstance(step, list) else (step,)
    return Explanation(code=code, theme=theme, steps=steps, **values)


def _plain(value: Any) -> Any:
    """Line ends inside a text are for the file's readers only."""
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    return " ".join(value.split()) if isinstance(value, str) else value


def explain(code: str) -> Explanation:
    """The explanation of `code`, in capitals or not.

    Raises:
        UsageError: UNKNOWN_CODE, with the codes that look like it.
    """
    known, wanted = explanations(), code.strip().rstrip(":").upper()
    if wanted not in known:
        near = get_close_matches(wanted, known, n=3, cutoff=0.5) or [name for name in known if wanted in name][:3]
        raise UsageError(
            "UNKNOWN_CODE",
            f"there is no code {code[:60]!r}" + (f"; near are: {', '.join(near)}" if near else ""),
            why="Every code has its explanation, so this version never prints that one.",
            fix=f"calibgit explain {near[0]}" if near else "calibgit explain",
        )
    return known[wanted]
