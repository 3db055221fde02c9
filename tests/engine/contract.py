"""What every engine keeps: the same integers as plain Python, one snapshot, and nothing but counts. Subclass, and give
a `store` fixture.

class TestMyEngine(EngineContract):
@pytest.fixture
def store(self) -> Store: ...
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import pytest

from calibgit.collect.disclose import disclose
from calibgit.engine.base import Column, Engine
from calibgit.engine.open import open_source
from calibgit.errors import CalibgitError, EnvironmentFault
from calibgit.model.snapshot import ExactSnapshot
from tests.support.odd_json import odd_texts, versions, wrongly_counted
from tests.support.reference_collect import Reference
from tests.support.results import (
    COLUMN_OF,
    CONFIG,
    GOOD,
    ODD,
    WINDOW,
    collect,
    collect_from,
    edge_rows,
    plain,
    settings,
    sums,
)

Row = Mapping[str, Any]
CANARY = "Jane Roe jane@example.org"
HIDDEN = "note"
FEW = 100
LEFT_OPEN = {
    "duckdb": {"twice": "first", "comma": "first", "nan": "first"},
    "sqlite": {"twice": "first", "comma": "invalid", "nan": "invalid"},
    "postgresql": {"twice": "last", "comma": "invalid", "nan": "invalid"},
    "spark": {"twice": "invalid", "comma": "invalid", "nan": "invalid"},
}  # the table of decision 16
DEEP = 100_000
UNMAPPED = (HIDDEN, "answers", "Overall Score", "select", "id", "score2", "n", "{low}", "r\u00e9sum\u00e9")
ANYTHING = (
    None, "", "null", CANARY, "2024-01-10T12:00:00Z", "70.5", "NaN", "[]", '{"expertise": 5}', "'; --", '"', "\\", "a,b\tc",
    '[{"type": "evasion", "severity": "critical"}]', "x" * 5000, "\u0130\U0001f600",
)  # fmt: skip


class Store(Protocol):
    """A place for a results table."""

    def holds(self, role: str, value: object) -> bool:
        """Whether the store can hold this value of a role with the meaning that it has in the edge table."""

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        """A new table `scan_results`, in the place of the one before.

        Args:
            rows: by role, and by the names in `more`.
            more: columns of text that no mapping names, after those of the roles.

        Returns:
            What `open_source` takes.
        """

    def add(self, row: Row) -> bool:
        """Add a row to the table over a connection of its own; False where the store has no such thing."""

    def refused(self) -> frozenset[str]:
        """Codes of the refusals of a store that changed while it was read; empty where it keeps one snapshot."""

    def require_reads(self, source: Any, columns: Collection[str], act: Callable[[Any], object]) -> None:
        """Assert, from below calibgit, that these columns and no others are read while `act` collects from `source`."""


class Watched:
    """An engine that remembers its statements and their rows, and calls `between` before each."""

    def __init__(self, engine: Engine, between: Callable[[], object] = lambda: None) -> None:
        self._engine = engine
        self._between = between
        self.dialect = engine.dialect
        self.one_snapshot = engine.one_snapshot
        self.seen: dict[str, list[tuple[Any, ...]]] = {}

    def columns(self, table: str) -> Mapping[str, Column] | None:
        return self._engine.columns(table)

    def rows(self, table: str, columns: Collection[str]) -> str:
        return self._engine.rows(table, columns)

    def tables(self) -> list[str] | None:
        return self._engine.tables()

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        self._between()
        self.seen[sql] = self._engine.fetch(sql)
        return self.seen[sql]


def held(store: Store, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if all(store.holds(role, row.get(role)) for role in COLUMN_OF)]


def require_same(source: Any, rows: Sequence[Row]) -> None:
    reference = Reference(settings(), CONFIG, "1.0.0", WINDOW).add_all(rows)
    exact = collect(source)
    assert plain(exact) == {key: n for key, n in reference.counts.items() if n}
    assert sums(exact) == {key: total for key, total in reference.totals.items() if total}


def artefacts(exact: ExactSnapshot) -> tuple[bytes, bytes]:
    """The private and the published snapshot."""
    return exact.pretty(), disclose(exact, settings=settings(), config_data=CONFIG).pretty()


class EngineContract:
    too_deep = ""  # the refusal of a JSON value that is too deep for the engine
    least_held = 100  # odd rows; a store that holds fewer proves little

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    def test_every_odd_row_is_counted_as_plain_python_counts_it(self, store: Store) -> None:
        rows = held(store, edge_rows())
        assert len(rows) >= self.least_held
        require_same(store.write(rows), rows)

    def test_json_that_the_standard_leaves_open_is_read_as_decided(self, store: Store) -> None:
        texts = {
            "twice": '{"expertise": 12, "expertise": 88}',
            "comma": '{"expertise": 12,}',
            "nan": '{"expertise": 12, "x": nan}',
        }
        rows = [{**GOOD, "logic_version": f"v{n}", "category_scores": text} for n, text in enumerate(texts.values())]
        source = store.write(held(store, rows))
        with open_source(source) as engine:
            expected = LEFT_OPEN[engine.dialect]
        found = {
            (row.stratum, row.bin)
            for row in collect(source, versions(len(texts))).rows
            if row.keys[:1] == ("expertise",)
        }
        for n, (name, text) in enumerate(texts.items()):
            if store.holds("category_scores", text):
                bins = {where for stratum, where in found if stratum == f"v{n}"}
                assert bins == {{"first": 2, "last": 17, "invalid": None}[expected[name]]}, name

    def test_json_of_any_depth_is_counted_or_named(self, store: Store) -> None:
        deep = {"flags": "[" * DEEP + "]" * DEEP, "category_scores": '{"a":' * DEEP + "7" + "}" * DEEP}
        rows = held(store, [GOOD, *({**GOOD, "subject": role, role: text} for role, text in deep.items())])
        try:
            exact = collect(store.write(rows))
        except EnvironmentFault as fault:
            assert fault.code == self.too_deep  # noqa: PT017  one engine may refuse by name, none may fail otherwise
        else:
            assert not self.too_deep
            assert sum(row.n for row in exact.rows if row.block == "score") == len(rows)

    def test_cells_of_ten_megabytes_are_counted(self, store: Store) -> None:
        words = "ten megabytes " * 750_000
        cells = {
            "flags": json.dumps([{"type": "evasion", "severity": "critical", "evidence": words}]),
            "category_scores": json.dumps({"why": words, "expertise": 70}),
            HIDDEN: json.dumps({"answers": words}),
        }
        rows = [GOOD, *({**GOOD, "subject": role, role: cell} for role, cell in cells.items()), GOOD]
        require_same(store.write(rows), rows)

    def test_a_window_without_rows_is_named(self, store: Store) -> None:
        late = WINDOW.model_copy(update={"start": "2030-01-01T00:00:00Z", "end": "2030-01-31T00:00:00Z"})
        with pytest.raises(EnvironmentFault, match="EMPTY_WINDOW"):
            collect(store.write([GOOD]), window=late)

    def test_roles_that_are_not_mapped_are_absent(self, store: Store) -> None:
        rows = held(store, edge_rows())
        source = store.write(rows)
        few = {role: COLUMN_OF[role] for role in ("created_at", "score")}
        exact = collect(source, settings(columns=few, logic_version="1.0.0"))
        assert set(exact.roles) <= {"score"}
        assert {row.block for row in exact.rows} <= {"score", "period", "dropped"}
        alone = [{"logic_version": "1.0.0", **{role: row[role] for role in few}} for row in rows]
        reference = Reference(settings(columns=few, logic_version="1.0.0"), CONFIG, "1.0.0", WINDOW)
        for row in alone:
            reference.add(row)
        assert plain(exact) == {key: n for key, n in reference.counts.items() if n}

    def test_a_missing_column_is_named(self, store: Store) -> None:
        source = store.write([GOOD])
        with pytest.raises(EnvironmentFault, match="MISSING_COLUMN") as caught:
            collect(source, settings(columns={**COLUMN_OF, "tier": "plan"}))
        assert "lines.scoring.source.columns.tier" in caught.value.what

    def test_all_statements_see_one_snapshot(self, store: Store) -> None:
        rows = [{**GOOD, "subject": f"s{n}"} for n in range(20)]
        source = store.write(rows)
        before = collect(source)

        def while_it_grows() -> ExactSnapshot:
            with open_source(source) as engine:
                watched = Watched(engine, lambda: bool(watched.seen) and store.add(GOOD))
                return collect_from(watched)

        if store.refused():
            with pytest.raises(CalibgitError) as caught:
                while_it_grows()
            assert caught.value.code in store.refused()
        else:
            assert while_it_grows() == before
        if store.add(GOOD):
            assert collect(source) != before

    def test_only_counts_come_back_however_many_words_the_data_has(self, store: Store) -> None:
        rows = [
            {
                **GOOD,
                "subject": f"{CANARY} {n}",
                "label": f"{CANARY} {n}",
                "escalation": f"{CANARY} {n}",
                "flags": f'[{{"type": "{CANARY} {n}", "severity": "{CANARY} {n}"}}]',
                "category_scores": f'{{"{CANARY} {n}": 7, "expertise": 50}}',
                HIDDEN: CANARY,
            }
            for n in range(3 * FEW)
        ]
        with open_source(store.write(rows)) as engine:
            watched = Watched(engine)
            exact = collect_from(watched)
        assert CANARY.lower() not in exact.pretty().decode().lower()
        for sql, found in watched.seen.items():
            assert CANARY.lower() not in repr(found).lower()
            assert len(found) < FEW
            assert HIDDEN not in sql
        assert watched.seen

    def test_no_statement_reads_a_column_that_is_not_mapped(self, store: Store) -> None:
        source = store.write(held(store, edge_rows()))
        few = {role: COLUMN_OF[role] for role in ("created_at", "score", "label", "category_scores")}
        for mapped in (COLUMN_OF, few):
            line = settings(columns=mapped, **({} if mapped is COLUMN_OF else {"logic_version": "1.0.0"}))
            store.require_reads(source, mapped.values(), partial(collect, line=line))

    @pytest.mark.parametrize("seed", range(2))
    def test_columns_that_are_not_mapped_change_no_byte(self, store: Store, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        rows = held(store, edge_rows())[:: 5 + seed]
        wanted = artefacts(collect(store.write(rows, ())))
        for names in ((HIDDEN,), UNMAPPED, tuple(chance.sample(UNMAPPED, 3))):
            changed = [{**row, **{name: chance.choice(ANYTHING) for name in names}} for row in rows]
            assert artefacts(collect(store.write(changed, names))) == wanted

    def test_a_failing_statement_repeats_no_value(self, store: Store) -> None:
        with open_source(store.write([{**GOOD, "subject": CANARY}])) as engine:
            columns = engine.columns("scan_results")
            assert columns is not None
            sql = (
                f"SELECT nothing_of_the_kind({columns['subject'].sql}) FROM {engine.rows('scan_results', ['subject'])}"
            )
            with pytest.raises(CalibgitError) as caught:
                engine.fetch(sql)
        assert (caught.value.code, caught.value.__cause__, caught.value.__context__) == ("SOURCE_FAILED", None, None)
        assert "nothing_of_the_kind" not in str(caught.value.as_dict())


class TableContract:
    """For stores with tables that have names, next to `EngineContract`."""

    def test_a_missing_table_is_named(self, store: Store) -> None:
        with pytest.raises(EnvironmentFault, match="NO_TABLE"):
            collect(store.write([GOOD]), settings(table="other"))

    def test_the_table_is_listed(self, store: Store) -> None:
        with open_source(store.write([GOOD])) as engine:
            assert "scan_results" in (engine.tables() or ())
            columns = engine.columns("scan_results")
            assert columns is not None
            assert not {column.family for column in columns.values()} & {"other"}


class OddValues:
    """For stores where a collection takes little time, next to `EngineContract`.

    Spark takes seconds for one: there the odd rows are counted all at once, and damaged JSON in a test of its own.
    """

    @pytest.mark.parametrize("role", sorted(ODD))
    def test_each_odd_value_alone_is_counted_as_plain_python_counts_it(self, store: Store, role: str) -> None:
        rows = held(store, [{**GOOD, role: value} for value in ODD[role]])
        require_same(store.write(rows), rows)

    @pytest.mark.parametrize("seed", range(2))
    def test_damaged_json_is_counted_as_plain_python_counts_it(self, store: Store, seed: int) -> None:
        texts = [(role, text) for role, text in odd_texts(seed) if store.holds(role, text)]
        assert wrongly_counted(texts, store.write) == []
