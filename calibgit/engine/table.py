"""Write a results table with the columns that the default mapping reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from calibgit.engine.faults import missing_extra, unsupported
from calibgit.engine.fragments import identifier

COLUMNS: dict[str, str] = {
    "id": "BIGINT",
    "subject": "VARCHAR",
    "created_at": "TIMESTAMP",
    "logic_version": "VARCHAR",
    "overall_score": "DOUBLE",
    "category": "VARCHAR",
    "category_scores": "VARCHAR",
    "confidence_score": "DOUBLE",
    "red_flags": "VARCHAR",
    "data_sufficiency": "BOOLEAN",
    "conflict_density": "DOUBLE",
    "escalation_reason": "VARCHAR",
    "tier": "VARCHAR",
    "outcome": "INTEGER",
    "feedback": "INTEGER",
    "cohort": "VARCHAR",
}
_BATCH = 2_000


def write_results(path: Path | str, rows: Iterable[Mapping[str, object]], table: str = "scan_results") -> int:
    """Create a table of results in a new or existing database file, or a new Parquet file.

    Args:
        path: `*.duckdb`, `*.sqlite` or `*.parquet`.
        rows: mappings with the keys of COLUMNS; an absent key is NULL. Lists and mappings are written as JSON text.
        table: the table's name, where the file has one; it must not exist yet.

    Returns:
        The number of rows written.

    Raises:
        UsageError: UNSUPPORTED_SOURCE for another suffix.
        EnvironmentFault: MISSING_EXTRA.
    """
    target = Path(path)
    if target.suffix == ".duckdb":
        return _write_duckdb(str(target), rows, table)
    if target.suffix == ".parquet":
        return _write_duckdb(":memory:", rows, table, copy_to=target)
    if target.suffix in {".sqlite", ".db"}:
        return _write_sqlite(target, rows, table)
    raise unsupported(f"a results file with the suffix {target.suffix or '(none)'}")


def _write_duckdb(
    database: str, rows: Iterable[Mapping[str, object]], table: str, *, copy_to: Path | None = None
) -> int:
    try:
        import duckdb  # noqa: PLC0415
    except ImportError:
        raise missing_extra("duckdb") from None
    written = 0
    with duckdb.connect(database) as connection:
        connection.execute(f"CREATE TABLE {identifier(table)} ({_fields()})")
        names = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items()) + "}"
        insert = (
            f"INSERT INTO {identifier(table)} SELECT unnest(from_json(?, '["
            + names.replace("'", '"').replace("{", '{"').replace(": ", '": ').replace(", ", ', "')
            + "]'), recursive := true)"
        )
        for batch in _batches(rows):
            connection.execute(insert, [json.dumps(batch, allow_nan=False)])
            written += len(batch)
        if copy_to is not None:
            connection.sql(f"FROM {identifier(table)}").write_parquet(str(copy_to))
    return written


def _write_sqlite(path: Path, rows: Iterable[Mapping[str, object]], table: str) -> int:
    import sqlite3  # noqa: PLC0415

    connection = sqlite3.connect(path)
    marks = ", ".join("?" for _ in COLUMNS)
    written = 0
    try:
        with connection:
            connection.execute(f"CREATE TABLE {identifier(table)} ({_fields()})")
            for batch in _batches(rows):
                values = [tuple(row.values()) for row in batch]
                connection.executemany(f"INSERT INTO {identifier(table)} VALUES ({marks})", values)  # noqa: S608
                written += len(batch)
    finally:
        connection.close()
    return written


def _fields() -> str:
    return ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


def _batches(rows: Iterable[Mapping[str, object]]) -> Iterator[list[dict[str, Any]]]:
    pending = iter(rows)
    while batch := [{name: _plain(row.get(name)) for name in COLUMNS} for row in islice(pending, _BATCH)]:
        yield batch


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (dict, list)) else value
