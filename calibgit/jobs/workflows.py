"""Workflows that would run for every event of the registry: a push of a tag is a push.

GitHub starts a workflow with an unfiltered `on: push` for every pushed tag, so for every event. Only that one block is
read, line by line, in the forms that people write; what is written in another way is reported as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from calibgit.model.doctor import Finding

_DIRECTORY = ".github/workflows"
_MAX_BYTES = 1024 * 1024
_MAX_FILES = 200
_ON = re.compile(r"""(?:on|"on"|'on'|true)\s*:(?P<rest>.*)""")
_KEY = re.compile(r"""(?P<indent> *)["']?(?P<key>[A-Za-z_-]+)["']?\s*:(?P<rest>.*)""")
_ITEM = re.compile(r" *- *(?P<value>.+)")
_EVENT = "calib/e/00000001"
_FILTERS = frozenset({"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"})
_WHY = "Every event of the registry is a pushed tag, and would start it."
_FIX = "under on: push: in {path}, add a line: branches: ['**']"


def unfiltered_pushes(root: Path) -> Iterator[Finding]:
    """A finding for every workflow of the work tree that the push of an event starts, or may start."""
    directory = root / _DIRECTORY
    found = []
    if directory.is_dir():
        found = sorted(path for path in directory.iterdir() if path.suffix in {".yml", ".yaml"} and path.is_file())
    if not found:
        return
    clean = True
    for path in found[:_MAX_FILES]:
        name = ascii(f"{_DIRECTORY}/{path.name}")[1:-1]
        started = _started(path)
        clean = clean and started is False
        if started:
            what = f"{name} runs on every push, of tags too"
            yield Finding(status="fail", what=what, why=_WHY, fix=_FIX.format(path=name))
        elif started is None:
            what = f"whether {name} runs on the push of a tag cannot be told"
            yield Finding(
                status="unknown",
                what=what,
                why=_WHY,
                fix=f"write its on: block over several lines; {_FIX.format(path='it')}",
            )
    if len(found) > _MAX_FILES:
        what = f"{len(found) - _MAX_FILES} more workflows were not read"
        yield Finding(status="unknown", what=what, fix=f"look for an unfiltered on: push in {_DIRECTORY}")
    elif clean:
        yield Finding(status="ok", what=f"no workflow of {_DIRECTORY} runs on the push of an event")


def _started(path: Path) -> bool | None:
    try:
        text = path.read_bytes()[: _MAX_BYTES + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if len(text) > _MAX_BYTES else started_by_tags(text)


def started_by_tags(text: str) -> bool | None:
    """Whether a workflow runs when an event's tag is pushed; None where its form is not one that is read here."""
    lines = [stripped for line in text.splitlines() if (stripped := _without_comment(line)).strip()]
    place = next((n for n, line in enumerate(lines) if _ON.fullmatch(line)), None)
    if place is None or any("\t" in line for line in lines):
        return None
    match = _ON.fullmatch(lines[place])
    rest = match["rest"].strip() if match else ""
    block = _block(lines[place + 1 :], 0)
    if rest:
        return None if block else _named(rest)
    if block and all(_ITEM.fullmatch(line) for line in block):
        return "push" in {_scalar(item) for line in block if (item := _ITEM.fullmatch(line)["value"])}  # type: ignore[index]
    return _push_block(block)


def _named(rest: str) -> bool | None:
    """`on: push` or `on: [push, pull_request]`."""
    values = _flow_list(rest)
    if values is not None:
        return "push" in values
    return None if rest[0] in "{&*!|>[" else _scalar(rest) == "push"


def _push_block(block: list[str]) -> bool | None:
    keys = [(number, key) for number, line in enumerate(block) if (key := _KEY.fullmatch(line))]
    if not keys:
        return None
    indent = len(keys[0][1]["indent"])
    for number, key in keys:
        if len(key["indent"]) == indent and key["key"] == "push":
            rest = key["rest"].strip()
            if rest not in {"", "null", "~"}:
                return None
            return _tags_pass(_block(block[number + 1 :], indent))
    return False


def _tags_pass(block: list[str]) -> bool | None:
    """Whether the filters of a push let an event's tag through."""
    filters: dict[str, list[str]] = {}
    current = ""
    for line in block:
        key, item = _KEY.fullmatch(line), _ITEM.fullmatch(line)
        if item is not None and current:
            filters[current].append(_scalar(item["value"]))
        elif key is not None and key["key"] in _FILTERS:
            current, rest = key["key"], key["rest"].strip()
            values = _flow_list(rest) if rest else []
            if values is None:
                return None
            filters[current] = values
        else:
            return None
    if "tags" in filters:
        return _last_match(filters["tags"])
    if "tags-ignore" in filters:
        return not _last_match(filters["tags-ignore"])
    return not {"branches", "branches-ignore"} & filters.keys()  # filters of paths do not hold for tags


def _last_match(patterns: list[str]) -> bool:
    """As GitHub matches: `*` stops at a slash, `**` does not, and a later pattern with `!` takes back."""
    passed = False
    for pattern in patterns:
        positive = pattern.removeprefix("!")
        # Where a plain asterisk is followed by none, it must not cross a slash; any doubt counts as a match.
        loose = "**" in positive or positive.count("/") == _EVENT.count("/")
        if loose and fnmatch(_EVENT, positive.replace("**", "*")):
            passed = not pattern.startswith("!")
    return passed


def _block(lines: list[str], indent: int) -> list[str]:
    """The lines that are indented deeper, up to the first one that is not; list items may stand at the same depth."""
    found = []
    for line in lines:
        depth = len(line) - len(line.lstrip(" "))
        if depth > indent or (depth == indent and line.lstrip(" ").startswith("- ")):
            found.append(line)
        else:
            break
    return found


def _flow_list(text: str) -> list[str] | None:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    return [_scalar(part) for part in text[1:-1].split(",") if part.strip()]


def _scalar(text: str) -> str:
    return text.strip().strip("\"'")


def _without_comment(line: str) -> str:
    """The line without a comment; a `#` inside quotes is kept, since only what follows a blank starts one."""
    match = re.match(r"""((?:[^"'#]|"[^"]*"|'[^']*'|(?<=\S)#)*)""", line)
    return (match[1] if match else line).rstrip()
