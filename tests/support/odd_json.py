"""JSON that no library writes, at random; and what a collection counts of each text.

Each text has a version of its own, so one collection tests many texts and tells them apart.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from calibgit.model.settings import Line
from tests.support.reference_collect import Reference
from tests.support.results import CONFIG, GOOD, WINDOW, collect, plain, settings

Counts = Mapping[tuple[str, str, tuple[str, ...], int | None], int]
TEXTS = 200
SOUND = {
    "flags": (
        '[{"type":"evasion","severity":"critical"}]',
        '[{"type": "pressure", "severity": "low", "n": 1.5e3}, {"type":"evasion"}]',
        '[{"type":"eva\\u0073ion","severity":"high","note":"a, \\"b\\" ]"}]',
        "[]",
    ),
    "category_scores": (
        '{"expertise": 70, "reasoning": 70.25}',
        '{"expertise":5.5e1,"x":[1,{"y":null}],"reasoning":0}',
        '{"reasoning": 1E1, "s":"\\ud83d\\ude00","expertise":100}',
    ),
    "conflict": ('{"conflict_score": 0.4}', '{"conflict_score": 0.25, "x": [1,2]}'),
}
PIECES = (
    *',[]{}":\\ \t\n\r01-+.eE/\'', "\v", "\x01", "null", "true", "NaN", "Infinity", "-Infinity", "/*c*/", "//", "\\u0000",
    "\\ud800", "\\udc00", "\\q", "\u00a0", "\ufeff", '"a":1,', "00", "1.", ".5", "0x1F", "\u0130", "\U0001f600",
)  # fmt: skip
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
LENIENT = re.compile(r",\s*[\]}]|nan|inf", re.IGNORECASE)
AFTER_BACKSLASH = re.compile(r"\\-?(Infinity|NaN)")


def changed(chance: random.Random, text: str) -> str:
    for _ in range(chance.choice((1, 1, 2, 3))):
        at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        middle = chance.choice((chance.choice(PIECES), chance.choice(PIECES), "", text[at : at + 2][::-1]))
        text = text[:at] + middle + text[at if middle in PIECES else min(end, at + 3) :]
    return text


def is_undefined(text: str) -> bool:
    """What the README names as the limits: a key twice, two things that DuckDB takes for JSON, and a broken escape."""
    if AFTER_BACKSLASH.search(text):
        return True
    repeated: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in found]
        repeated.extend(name for name in names if names.count(name) > 1)
        return dict(found)

    try:
        json.loads(text, object_pairs_hook=pairs)
    except ValueError:
        return bool(LENIENT.search(STRING.sub('""', text)))
    return bool(repeated)


def versions(count: int) -> Line:
    plain_line = settings()
    words = plain_line.vocabulary.model_copy(update={"logic_versions": tuple(f"v{n}" for n in range(count))})
    return plain_line.model_copy(update={"vocabulary": words})


def by_version(counts: Counts) -> dict[str, dict[Any, int]]:
    found: dict[str, dict[Any, int]] = defaultdict(dict)
    for (block, stratum, keys, where), n in counts.items():
        if n and block != "largest":
            found[stratum][block, keys, where] = n
    return found


def odd_texts(seed: int) -> list[tuple[str, str]]:
    """Roles and texts."""
    chance = random.Random(seed)  # noqa: S311
    texts: list[tuple[str, str]] = []
    while len(texts) < TEXTS:
        role = chance.choice(sorted(SOUND))
        text = changed(chance, chance.choice(SOUND[role]))
        if not is_undefined(text):
            texts.append((role, text))
    return texts


def wrongly_counted(texts: Sequence[tuple[str, str]], write: Callable[[Sequence[Mapping[str, Any]]], Any]) -> list[Any]:
    """Those of the texts that a store counts otherwise than plain Python does."""
    rows = [{**GOOD, "logic_version": f"v{n}", "subject": f"s{n}", role: text} for n, (role, text) in enumerate(texts)]
    line = versions(len(texts))
    expected = by_version(Reference(line, CONFIG, "1.0.0", WINDOW).add_all(rows).counts)
    found = by_version(plain(collect(write(rows), line)))
    return [text for n, text in enumerate(texts) if expected[f"v{n}"] != found[f"v{n}"]]
