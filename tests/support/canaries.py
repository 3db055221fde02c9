"""A table with people's words and rare values in every column that takes them, in several kinds of store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from calibgit.engine.table import COLUMNS
from tests.support.postgres import Schema

CANARIES = ("roe.j@example.org", "+1-202-555-0143", "Jane Roe", "unicorn_flag", "77.7731", "2024-04-17T03:")
PASSWORD = "correct-horse-battery"
ALL = " ".join(CANARIES)
DATES = {"row": "2024-03-03T10:00:00", "future": "2024-04-17T03:21:07"}
FLAG = {"type": "unicorn_flag", "severity": ALL, "category": ALL, "signal": ALL, "evidence": ALL, ALL: ALL}
TEXTS: dict[str, Any] = dict.fromkeys(COLUMNS, ALL) | {
    "id": 10**9,
    "created_at": DATES["row"],
    "overall_score": 77.7731,
    "red_flags": json.dumps([FLAG]),
    "category_scores": json.dumps({ALL: 77.7731, "expertise": ALL}),
}
SOUND = {"logic_version": "1.0.0", "confidence_score": 0.8, "category": "good", "red_flags": "[]"}
ROWS: list[dict[str, Any]] = [
    TEXTS,
    TEXTS | SOUND,
    TEXTS | SOUND | {"red_flags": f"[{ALL}", "category_scores": f'{{"{ALL}'},
    TEXTS | SOUND | {"red_flags": json.dumps(json.dumps([FLAG]))},
    TEXTS | SOUND | {"conflict_density": json.dumps({"conflict_score": ALL, ALL: [ALL]})},
    TEXTS | {"created_at": DATES["future"]},
    TEXTS | {"created_at": ALL, "overall_score": ALL},
]
Row = Mapping[str, Any]


def leaks(text: str) -> list[str]:
    """The canaries in a text, and the password of a server."""
    return [canary for canary in (*CANARIES, PASSWORD) if canary.lower() in text.lower()]


def among(rows: Sequence[Row]) -> list[Row]:
    """The rows with every kind of canary among them, once and twelve times, each of a subject of its own."""
    canaries = [*ROWS, *ROWS[:2] * 12]
    return [*rows, *({**row, "subject": f"{row['subject']} {at}"} for at, row in enumerate(canaries))]


def _text(value: object) -> str | None:
    if value is None:
        return None
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _sqlite(rows: Sequence[Row], folder: Path, _: Callable[[], Schema]) -> str:
    path = folder / "results.sqlite"
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as file:
        file.execute(f"CREATE TABLE scan_results ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        marks = ", ".join("?" for _ in COLUMNS)
        values = [[_text(row.get(name)) for name in COLUMNS] for row in rows]
        file.executemany(f"INSERT INTO scan_results VALUES ({marks})", values)
    file.close()
    return str(path)


def _parquet(rows: Sequence[Row], folder: Path, _: Callable[[], Schema]) -> str:
    lines = folder / "lines.json"
    lines.write_text(json.dumps([{name: _text(row.get(name)) for name in COLUMNS} for row in rows]), encoding="utf-8")
    with duckdb.connect() as connection:
        kinds = dict.fromkeys(COLUMNS, "VARCHAR")
        connection.execute(f"COPY (FROM read_json('{lines}', columns = {kinds})) TO '{folder}/results.parquet'")
    lines.unlink()
    return str(folder / "results.parquet")


def _postgresql(rows: Sequence[Row], _: Path, schema: Callable[[], Schema], json_type: str = "text") -> str:
    made = schema()
    kinds = dict.fromkeys(COLUMNS, "text") | dict.fromkeys(("red_flags", "category_scores"), json_type)
    made.run("DROP TABLE IF EXISTS scan_results")
    made.table(kinds, [[_cell(row.get(name), kind) for name, kind in kinds.items()] for row in rows])
    return made.url(made.role("SELECT ON scan_results", password=PASSWORD), PASSWORD)


def _cell(value: object, kind: str) -> str | None:
    """A text; in a column of JSON a text that is none is a JSON string."""
    text = _text(value)
    if text is None or kind == "text":
        return text
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text)
    return text


def _jsonb(rows: Sequence[Row], folder: Path, schema: Callable[[], Schema]) -> str:
    return _postgresql(rows, folder, schema, "jsonb")


# Each writes rows to a new table, in the place of the one before, and says what `--source` takes.
STORES: Mapping[str, Callable[[Sequence[Row], Path, Callable[[], Schema]], str]] = {
    "sqlite": _sqlite,
    "parquet": _parquet,
    "postgresql": _postgresql,
    "jsonb": _jsonb,
}
