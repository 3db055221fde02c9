"""Any text as harmless Markdown: it cannot mark up, link, mention, or break a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()+!|~$^=-])")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f]")
_NO_WIDTH = "&#8203;"


def text(value: str) -> str:
    """`value` on one line, with every character that Markdown or the code host could read as a mark defused."""
    words = _BLANK.sub(" ", _BIDI.sub("", value)).strip()
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    words = _SPECIAL.sub(r"\\\1", words)
    words = re.sub(r"[@#]", lambda match: f"{_mark(match.group())}{_NO_WIDTH}", words)
    words = words.replace("://", f":{_NO_WIDTH}//")
    return re.sub(r"\b(www|mailto)([.:])", rf"\1{_NO_WIDTH}\2", words, flags=re.IGNORECASE)


def _mark(character: str) -> str:
    return f"&#{ord(character)};"


def code(value: str) -> str:
    """`value` as a code span that may stand in a table."""
    words = _BLANK.sub(" ", _BIDI.sub("", value)).strip() or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    pad = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{pad}{words}{pad}{fence}".replace("|", "\\|")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: frozenset[int]) -> list[str]:
    """Lines of a table; the cells are Markdown already, columns in `numbers` are right-aligned."""
    rule = ["---:" if place in numbers else "---" for place in range(len(header))]
    return [f"| {' | '.join(row)} |" for row in (header, rule, *rows)]
