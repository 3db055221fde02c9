"""The seed's way as a program: every metric family loads all rows of the window through the ORM, and loops over them.

    python -m bench.row_by_row URL OUT

Ten families, ten loads. It writes its counts, which the benchmark compares with calibgit's. The table is narrower than
the seed's own, whose further JSON columns the ORM would load as well.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

START, END = dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 31)  # noqa: DTZ001  as the column holds them
CLASSES = {
    "pattern recurrence": "pattern",
    "low confidence": "confidence",
    "conflicting evidence": "conflict",
}
SEVERITIES = ("critical", "high", "medium", "low")


class Base(DeclarativeBase):
    """Of the one model."""


class ScanResult(Base):
    """The seed's model, with the columns that the metrics read."""

    __tablename__ = "scan_results"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    logic_version: Mapped[str | None]
    overall_score: Mapped[float | None]
    category: Mapped[str | None]
    category_scores: Mapped[dict[str, float] | None] = mapped_column(sa.JSON)
    confidence_score: Mapped[float | None]
    red_flags: Mapped[list[dict[str, str]] | None] = mapped_column(sa.JSON)
    data_sufficiency: Mapped[bool | None]
    conflict_density: Mapped[float | None]
    escalation_reason: Mapped[str | None]
    tier: Mapped[str | None]
    outcome: Mapped[int | None]
    feedback: Mapped[int | None]
    cohort: Mapped[str | None]


class Collector:
    """As the seed's collector is built: one method a family, each with a query of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all_families(self) -> dict[str, dict[str, int]]:
        """Every family, one after the other."""
        return {
            "scores": self._counted(lambda row: f"{row.category}|{_bin(row.overall_score, 100, 100)}"),
            "confidence": self._counted(lambda row: f"{row.category}|{_bin(row.confidence_score, 10**6, 10**4)}"),
            "worst_flags": self._counted(lambda row: f"{row.category}|{_worst(row.red_flags)}"),
            "flags": self._flags(),
            "escalation": self._counted(lambda row: _reason(row.escalation_reason)),
            "tiers": self._counted(lambda row: f"{row.category}|{row.tier or '__missing__'}"),
            "sufficiency": self._counted(lambda row: f"{row.category}|{_yes_no(row.data_sufficiency)}"),
            "conflict": self._counted(lambda row: str(_bin(row.conflict_density, 10**6, 50_000))),
            "outcomes": self._counted(lambda row: f"{row.category}|{_outcome(row.outcome)}"),
            **self._categories(),
        }

    def _load(self) -> list[ScanResult]:
        self._session.expire_all()
        within = sa.and_(ScanResult.created_at >= START, ScanResult.created_at < END)
        return self._session.query(ScanResult).filter(within).all()

    def _counted(self, key: Callable[[ScanResult], str]) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for row in self._load():
            counts[key(row)] += 1
        return dict(counts)

    def _flags(self) -> dict[str, int]:
        counts: Counter[str] = Counter()
        for row in self._load():
            counts.update({f"{flag['type']}|{flag['severity']}" for flag in row.red_flags or ()})
        return dict(counts)

    def _categories(self) -> dict[str, dict[str, int]]:
        bins: Counter[str] = Counter()
        sums: Counter[str] = Counter()
        for row in self._load():
            for name, score in (row.category_scores or {}).items():
                bins[f"{name}|{_bin(score, 100, 500)}"] += 1
                sums[name] += _fixed(score, 100)
        return {"categories": dict(bins), "category_sums": dict(sums)}


def _fixed(value: float, scale: int) -> int:
    return math.floor(value * scale + 0.5)


def _bin(value: float | None, scale: int, step: int) -> int | None:
    return None if value is None else _fixed(value, scale) // step


def _worst(flags: list[dict[str, str]] | None) -> str:
    found = {flag["severity"] for flag in flags or ()}
    return next((severity for severity in SEVERITIES if severity in found), "none")


def _reason(text: str | None) -> str:
    return next((name for words, name in CLASSES.items() if words in text.lower()), "other") if text else "none"


def _yes_no(value: bool | None) -> str:  # noqa: FBT001
    return "__missing__" if value is None else "yes" if value else "no"


def _outcome(value: int | None) -> str:
    return "pending" if value is None else str(value)


def main(url: str, out: str) -> None:
    kinds: dict[str, Any] = {"drivername": "postgresql+psycopg"} if url.startswith("postgresql") else {}
    engine = sa.create_engine(sa.make_url(url).set(**kinds))
    with Session(engine) as session:
        Path(out).write_text(json.dumps(Collector(session).all_families()), encoding="utf-8")
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
