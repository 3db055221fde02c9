"""A results table for tests: its settings, edge cases, and the same rows in every kind of source."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from calibgit.collect.exact import collect_exact
from calibgit.engine.base import Engine
from calibgit.engine.fragments import identifier
from calibgit.engine.open import open_source
from calibgit.engine.tables import TABLES
from calibgit.model.settings import Line
from calibgit.model.snapshot import ConfigRef, ExactSnapshot, TimeWindow

ROOT = Path(__file__).resolve().parents[2]
CONFIG: dict[str, Any] = json.loads((ROOT / "configs/scoring_config_v1.0.0.json").read_bytes())
WINDOW = TimeWindow(start="2024-01-01T00:00:00Z", end="2024-01-31T00:00:00Z", days=30)
COLUMN_OF = {
    "created_at": "created_at",
    "score": "overall_score",
    "subject": "subject",
    "logic_version": "logic_version",
    "label": "category",
    "category_scores": "category_scores",
    "confidence": "confidence_score",
    "flags": "red_flags",
    "sufficiency": "data_sufficiency",
    "conflict": "conflict_density",
    "escalation": "escalation_reason",
    "tier": "tier",
    "outcome": "outcome",
    "feedback": "feedback",
    "group": "cohort",
}
FLAG_TYPES = (
    "contradiction",
    "evasion",
    "exaggeration",
    "late_response",
    "missing_evidence",
    "plagiarism",
    "pressure",
    "scope_gap",
)


def settings(**source: Any) -> Line:
    """The demonstration's line; keyword arguments change its source."""
    return Line.of(
        {
            "source": {"table": "scan_results", "columns": COLUMN_OF, **source},
            "vocabulary": {
                "labels": {"high-end": "excellent"},
                "flag_types": FLAG_TYPES,
                "tiers": ("basic", "standard", "premium"),
                "groups": ("north", "south"),
                "logic_versions": ("0.9.0",),
                "escalation": (
                    {"name": "pattern", "contains": "Pattern recurrence"},
                    {"name": "low_confidence", "contains": "low CONFIDENCE"},
                ),
            },
        },
        "settings",
    )


def collect(source: Any, line: Line | None = None, config: Mapping[str, Any] = CONFIG, **over: Any) -> ExactSnapshot:
    """Collect one window of `source`."""
    with open_source(source) as engine:
        return collect_from(engine, line, config, **over)


def collect_from(
    engine: Engine, line: Line | None = None, config: Mapping[str, Any] = CONFIG, **over: Any
) -> ExactSnapshot:
    """Collect one window of an open source."""
    return collect_exact(
        engine,
        line="scoring",
        settings=line or settings(),
        settings_sha256="0" * 64,
        config=ConfigRef(version="1.0.0", sha256="1" * 64),
        config_data=config,
        window=over.get("window", WINDOW),
    )


def write_text_table(path: Path, rows: Sequence[Mapping[str, Any]], extra: Iterable[str] = ()) -> Path:
    """Roles to raw values as a table whose columns have no number type, so that odd values survive as they are."""
    names = [*COLUMN_OF.values(), *extra]
    values = [[row.get(role) for role in COLUMN_OF] + [row.get(name) for name in extra] for row in rows]
    marks = ", ".join("?" for _ in names)
    quoted = [identifier(name) for name in names]
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    if path.suffix == ".duckdb":
        texts = [[None if v is None else str(v) for v in row] for row in values]
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE TABLE scan_results ({', '.join(f'{n} VARCHAR' for n in quoted)})")
            connection.executemany(f"INSERT INTO scan_results VALUES ({marks})", texts)
    else:
        file = sqlite3.connect(path)
        with file:
            file.execute(f"CREATE TABLE scan_results ({', '.join(quoted)})")
            file.executemany(f"INSERT INTO scan_results VALUES ({marks})", values)
        file.close()
    return path


def everyone(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with a subject of its own for each."""
    return [{**row, "subject": f"subject-{index}"} for index, row in enumerate(rows)]


def plain(snapshot: ExactSnapshot) -> dict[tuple[str, str, tuple[str, ...], int | None], int]:
    """Counts by block, stratum, keys and bin."""
    return {(row.block, row.stratum, row.keys, row.bin): row.n for row in snapshot.rows if row.n}


def margin(snapshot: ExactSnapshot, table: str, *facts: str) -> dict[tuple[str, ...], int]:
    """Counts of some facts of a table, over everything else."""
    places = [TABLES[table].keys.index(fact) for fact in facts]
    found: dict[tuple[str, ...], int] = {}
    for row in snapshot.rows:
        if row.block == table:
            key = tuple(row.keys[place] for place in places)
            found[key] = found.get(key, 0) + row.n
    return found


def sums(snapshot: ExactSnapshot) -> dict[tuple[str, str, tuple[str, ...], int | None], int]:
    """Totals by block, stratum, keys and bin."""
    return {(row.block, row.stratum, row.keys, row.bin): row.total for row in snapshot.rows if row.total}


GOOD: dict[str, Any] = {
    "created_at": "2024-01-10T12:00:00Z",
    "score": 70.0,
    "subject": "s1",
    "logic_version": "1.0.0",
    "label": "good",
    "category_scores": '{"expertise": 70, "reasoning": 70.25}',
    "confidence": 0.8,
    "flags": "[]",
    "sufficiency": "true",
    "conflict": 0.1,
    "escalation": None,
    "tier": "basic",
    "outcome": 1,
    "feedback": 4,
    "group": "north",
}
ODD: dict[str, tuple[Any, ...]] = {
    "created_at": (
        None, "", "null", "yesterday", "2024-02-30T00:00:00Z", "2024-01-10T24:00:00Z", "2024-01-10T25:00:00Z",
        "2024-01-01", "2023-12-31", "2024-01-31", "2024-01-30", "2024-1-5",
        "2024-01-01T00:00:00", "2024-01-01 00:00:00", "2024-01-01T00:00:00.000000", "2024-01-01 00:00:00.000001Z",
        "2023-12-31T23:59:59.9999999Z", "2023-12-31 23:59:59", "2024-01-30T23:59:59.9999999", "2024-01-30 23:59:59.9999",
        "2024-01-31T00:00:00Z", "2024-01-31 00:00:00.000000", "2024-01-31T01:00:00+02:00", "2024-01-31T00:00:00-02:00",
        "2024-01-01T01:00:00+02:00", "2023-12-31T23:00:00-02:00", "2024-01-31T01:59:59.5+02:00", "2024-01-10T10:00:00+2",
        "2024-01-10T10:00:00+25:00", "2024-01-10T10:00:00 Z", "2024-01-10T10:00", "2024-01-10T10:00:00.Z", "20240110", "2024-00-10T10:00:00Z",
        "2024-01-00T10:00:00", "2024-13-10T10:00:00Z", "2024-01-29T10:00:00Z", "2023-02-29 10:00:00", "2024-01-10T24:30:00",
    ),
    "score": (
        None, "null", "", "abc", "70.5", "1e1", "1e400", "-1e400", "NaN", "Infinity", "+5", " 5", "5.", "07", "true",
        0, 100, 100.0, 100.01, -0.01, -5, 101, 24.99, 25, 44.99, 45, 64.99, 65, 84.99, 85, 84.995, 84.994, 64.9999999,
        29, 57, 58, 0.29, 0.57, 0.58, 0.005, 99.999, 28.999999999999996, 1e-300,
    ),
    "confidence": (
        None, "null", "high", "0.7", 0, 1, 1.0, 0.99, 0.999999, 0.9999999, 1.0000001, -0.1, 2, 0.29, 0.57, 0.58,
        0.7, 0.6999999, 0.69999, 0.6, 0.5, 0.4, 0.39999, "1e400", "NaN", "false", 0.696,
    ),
    "conflict": (
        None, "null", 0, 1, 0.05, 0.0499999, 0.15, 0.3, 0.35, 1.01, "x", '{"conflict_score": 0.4}', '{"score": 0.9}',
        '{"conflict_score": null}', '{"conflict_score": "0.4"}', '{"conflict_score": true}', '{"conflict_score": 3}',
        '{"conflict_score": 0.4', "{}", '{"conflict_score": 1}',
        ' \t\r\n{"conflict_score": 0.4}', '\u00a0{"conflict_score": 0.4}', '{"conflict_score": 0.4, "x": "\\udc00"}',
    ),
    "label": (None, "null", "excellent", "high-end", "Good", " good", "somebody@example.org", "", "poor"),
    "tier": (None, "null", "premium", "Premium", "gold", ""),
    "sufficiency": (None, "null", "true", "True", 1, 0, "no", "SUFFICIENT", "maybe", "", 2, "[]", "\u0130nsufficient", "\u212aNO", "YES"),
    "outcome": (None, "null", 0, 1, "0", "true", "False", 2, "won", -1),
    "escalation": (
        None, "", "null", "Pattern recurrence: x", "PATTERN RECURRENCE and low confidence", "Low confidence", "%", "other",
        "pattern_recurrence", "Low conf\u0130dence", "LOW CONF\u0131DENCE", "\u00c9 low confidence",
    ),
    "feedback": (None, "null", 1, 5, 0, 6, 2.5, "3", "3.0", "good", ""),
    "group": (None, "null", "north", "south", "North", "Jane Roe", ""),
    "subject": (None, "null", "s2", "s3", "", "Jane Roe", 17, "0b9de3a4-6f1d-4e6c-9a47-35a1e2f0c7d8", "\u00e9mile"),
    "logic_version": (None, "0.9.0", "1.0.0", "9.9.9", "Jane Roe", ""),
    "category_scores": (
        None, "null", "", "[]", "[1, 2]", "7", '"x"', "{", '{"expertise": 1e400, "reasoning": 5}', "{}",
        '{"expertise": NaN, "reasoning": 5}', '{"expertise": Infinity}', '{"expertise": "73.5"}', '{"expertise": true}',
        '{"expertise": null}', '{"expertise": -1, "reasoning": 101}', '{"expertise": 0, "reasoning": 100}',
        '{"expertise": [5], "reasoning": {"x": 5}}', '{"jane@example.org": 5}', '{"expertise": 57.58, "default": 3}',
        '{"expertise": 0.29, "reasoning": 0.57, "communication": 0.58}', '{"expertise": 1.005}',
        '{"expertise": 5} x', '{"expertise": 5}}', '{"expertise": 5}{"reasoning": 5}', '"{\\"expertise\\": 5}"', '[{"expertise": 5}]',
        '{"expertise": 5, "x": "\\ud83d", "reasoning": 7}', '{"expertise": 5, "x": "\\ud83d\\ude00"}', '{"x\\udc00": 1, "reasoning": 7}',
        '{"x": ' + "[" * 300 + "]" * 300 + ', "expertise": 5}', '{"expertise": 5, "x": "a\tb"}', "{'expertise': 5}", '{"expertise": 05}',
        '{"expertise": +5}', '{"expertise": 5.}', '{"expertise": .5}', '{"expertise": 5 /* five */}', '\ufeff{"expertise": 5}',
        '{"expertise": "NaN", "reasoning": 5}', '\n\t{"expertise": 5}\r\n',
    ),
    "flags": (
        None, "null", "", "[", "{}", "7", '"text"', "[]", "[ ]", "[null]", '[1, "critical", true, [1]]', "[{}]",
        '[{"type": null, "severity": null}]', '[{"type": "evasion", "severity": "critical"}]',
        '[{"type": "evasion", "severity": "low"}, {"type": "evasion", "severity": "low"}]',
        '[{"type": "evasion", "severity": "low"}, {"type": "pressure", "severity": "low"}, {"type": "x", "severity": "low"}]',
        '[{"type": "evasion", "severity": "medium"}]', '[{"severity": "medium"}, {"severity": "medium"}]',
        '[{"severity": "high"}]', '[{"severity": "high"}, {"severity": "high"}]',
        '[{"severity": "high"}, {"severity": "high"}, {"severity": "high"}]',
        '[{"type": "Jane Roe", "severity": "severe"}]', '[{"type": 3, "severity": 4}]', '[{"type": ["evasion"]}]', '[{"type": "[evasion"}]', '[{"type": {"type": "evasion"}}]',
        ' [{"type": "evasion"}] ', "[1",
        '[{"severity": "critical"}] x', '[{"severity": "critical"}]]', '"[{\\"severity\\": \\"critical\\"}]"', '{"flags": []}',
        '[{"type": "evasion", "severity": "critical", "evidence": NaN}]', '[{"type": "eva\\u0073ion"}]',
        '[{"severity": "critical"}, {"severity": "critical"}]', '[{"severity": true, "type": true}]',
        '[{"type": "evasion\\u0000"}]', '[{"type": "evasion", "severity": "critical", "note": "\\ud83d"}]', '[{"type": "pressure\\udc00"}, {"severity": "high"}]',
        "[" * 300 + "]" * 300, '[{"type": "evasion" "severity": "low"}]', '[{"type": "evasion"},, {}]', "[{'type': 'evasion'}]", '[{"type": "eva\nsion"}]',
        '[{"type": "evasion"}] // none', '[{"type": "evasion", "severity": "\\u0063ritical"}]', "[True]", '\u00a0[{"type": "evasion"}]',
    ),
}  # fmt: skip


def edge_rows() -> list[dict[str, Any]]:
    """One row for each odd value, the others being good; and some rows with several odd values."""
    rows = [{**GOOD, role: value} for role, values in ODD.items() for value in values]
    longest = max(len(values) for role, values in ODD.items() if role not in {"created_at", "score"})
    for index in range(longest):
        odd = {
            role: values[(index * 7) % len(values)]
            for role, values in ODD.items()
            if role not in {"created_at", "score", "logic_version"}
        }
        rows.append({**GOOD, "score": (index * 13.37) % 100, **odd})
    return rows
