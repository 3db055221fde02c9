"""PostgreSQL: the engine contract over its kinds of columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from tests.engine.contract import EngineContract, OddValues, Row, Store, TableContract
from tests.support.postgres import Schema
from tests.support.postgres_tables import HIDDEN, TextTable, TypedTable

CAREFUL = {
    "created_at": "timestamptz", "score": "double precision", "logic_version": "varchar(20)", "label": "word",
    "confidence": "numeric", "sufficiency": "boolean", "conflict": "real", "tier": "plan", "outcome": "smallint",
    "feedback": "bigint", "group": "char(12)",
}  # fmt: skip
OTHERWISE = {
    "created_at": "timestamp", "score": "numeric", "confidence": "real", "conflict": "json", "outcome": "numeric",
    "feedback": "double precision",
}  # fmt: skip
ALL_JSON = dict.fromkeys(("score", "confidence", "conflict", "label", "tier", "outcome", "feedback", "group"), "jsonb")


class SessionTable(TextTable):
    """The text table, read through a session."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.sessions: list[Session] = []

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        return self.source_of(super().write(rows, more))

    def source_of(self, url: str) -> Any:
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
        self.sessions.append(Session(engine))
        return self.sessions[-1]

    def close(self) -> None:
        for session in self.sessions:
            session.close()


class TestTextColumns(EngineContract, OddValues, TableContract):
    too_deep = "SOURCE_TOO_DEEP"

    @pytest.fixture
    def store(self, database: Schema) -> Store:
        return TextTable(database)


class TestJsonbAndCarefulTypes(EngineContract, OddValues, TableContract):
    @pytest.fixture
    def store(self, database: Schema) -> Store:
        return TypedTable(database, "jsonb", CAREFUL)


class TestJsonAndOtherTypes(EngineContract, OddValues, TableContract):
    @pytest.fixture
    def store(self, database: Schema) -> Store:
        return TypedTable(database, "json", OTHERWISE)


class TestSession(EngineContract, OddValues, TableContract):
    too_deep = "SOURCE_TOO_DEEP"

    @pytest.fixture
    def store(self, database: Schema) -> Iterator[Store]:
        store = SessionTable(database)
        yield store
        store.close()
