"""Declared types in the words that every store shares."""

from __future__ import annotations

import pytest

from calibgit.engine.families import of_duckdb, of_kind, of_sqlite

DUCKDB = {
    "BOOLEAN": "boolean", "INTEGER": "number", "UBIGINT": "number", "HUGEINT": "number", "TINYINT": "number",
    "DECIMAL(6,3)": "number", "DOUBLE": "number", "FLOAT": "number", "VARCHAR": "text", "UUID": "text",
    "ENUM('a', 'b')": "text", "TIMESTAMP": "time", "TIMESTAMP WITH TIME ZONE": "time", "TIMESTAMP_NS": "time",
    "DATE": "time", "JSON": "json", "VARIANT": "json", "INTEGER[]": "nested", "DOUBLE[3]": "nested",
    "STRUCT(a INTEGER)": "nested", "MAP(VARCHAR, DOUBLE)": "nested", "BLOB": "other", "INTERVAL": "other", "TIME": "other",
    'STRUCT("a\nb" INTEGER)[]': "nested",
}  # fmt: skip
SQLITE = {
    "": "unknown", "INTEGER": "number", "int": "number", "REAL": "number", "DOUBLE PRECISION": "number",
    "NUMERIC(6, 2)": "number", "DECIMAL": "number", "TEXT": "text", "VARCHAR(20)": "text", "JSON": "json",
    "BOOLEAN": "boolean", "DATETIME": "time", "TIMESTAMP": "time", "DATE": "time", "BLOB": "other",
}  # fmt: skip
KINDS = {
    "integer": "number", "decimal": "number", "single": "number", "boolean": "boolean", "date": "time",
    "timestamptz": "time", "jsonb": "json", "nested": "nested", "text": "text", "other": "other", "": "other",
}  # fmt: skip


@pytest.mark.parametrize(("declared", "family"), DUCKDB.items())
def test_duckdb(declared: str, family: str) -> None:
    assert of_duckdb(declared) == family


@pytest.mark.parametrize(("declared", "family"), SQLITE.items())
def test_sqlite(declared: str, family: str) -> None:
    assert of_sqlite(declared) == family


@pytest.mark.parametrize(("kind", "family"), KINDS.items())
def test_kinds_of_postgresql_and_spark(kind: str, family: str) -> None:
    assert of_kind(kind) == family
