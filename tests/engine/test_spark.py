"""Spark: the engine contract over Parquet with text and with nested columns, with ANSI mode and without."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calibgit.engine.open import open_source
from calibgit.errors import CalibgitError, EnvironmentFault, UsageError
from calibgit.jobs.first_mapping import draft_mapping
from tests.engine.contract import CANARY, HIDDEN, EngineContract, Row, Store, TableContract, require_same
from tests.engine.test_names import NAMES, ROWS, renamed
from tests.engine.test_types import require_two
from tests.engine.traces import by_spark
from tests.support.odd_json import odd_texts, wrongly_counted
from tests.support.odd_types import LIST, NAN, OBJECT, ODD_COLUMNS, TRUE, UNREAD, states
from tests.support.results import COLUMN_OF, GOOD, collect, edge_rows, margin, plain, settings, write_text_table

if "CALIBGIT_REQUIRE_SPARK" not in os.environ:
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'calibgit[spark]'")
pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(params=["true", "false"], ids=["ansi", "lenient"])
def ansi(session: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    before = session.conf.get("spark.sql.ansi.enabled")
    session.conf.set("spark.sql.ansi.enabled", request.param)
    yield request.param
    session.conf.set("spark.sql.ansi.enabled", before)


def parquet(folder: Path, rows: Sequence[Row], select: str = "*", more: Sequence[str] = (HIDDEN,)) -> str:
    write_text_table(folder / "a.duckdb", rows, extra=more)
    path = folder / "a.parquet"
    with duckdb.connect(str(folder / "a.duckdb"), read_only=True) as connection:
        connection.execute(f"COPY (SELECT {select} FROM scan_results) TO '{path}' (FORMAT parquet)")
    (folder / "a.duckdb").unlink()
    return str(path)


class FrameStore:
    """Text columns in a Parquet file, read as a data frame."""

    def __init__(self, session: Any, folder: Path) -> None:
        self.session = session
        self.folder = folder

    def holds(self, role: str, value: object) -> bool:
        del role, value
        return True

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        return self.session.read.parquet(parquet(self.folder, rows, more=more))

    def add(self, row: Row) -> bool:
        del row
        return False

    def refused(self) -> frozenset[str]:
        return frozenset()

    def require_reads(self, source: Any, columns: Collection[str], act: Callable[[Any], object]) -> None:
        assert by_spark(lambda: act(source)) == set(columns)


def test_damaged_json_is_counted_as_plain_python_counts_it(session: Any, tmp_path: Path) -> None:
    assert wrongly_counted(odd_texts(0), FrameStore(session, tmp_path).write) == []


class CatalogStore(FrameStore):
    """A table of the session's catalog. A row that the same session adds is seen by the statements after it."""

    def write(self, rows: Sequence[Row], more: Sequence[str] = (HIDDEN,)) -> Any:
        super().write(rows, more).write.mode("overwrite").saveAsTable("scan_results")
        return self.session

    def add(self, row: Row) -> bool:
        (self.folder / "one").mkdir(exist_ok=True)
        one = self.session.read.parquet(parquet(self.folder / "one", [row]))
        one.write.insertInto("scan_results")
        return True

    def refused(self) -> frozenset[str]:
        return frozenset({"TOTALS_DISAGREE"})


class TestFrame(EngineContract):
    @pytest.fixture
    def store(self, session: Any, tmp_path: Path) -> Store:
        return FrameStore(session, tmp_path)


class TestCatalog(EngineContract, TableContract):
    @pytest.fixture
    def store(self, session: Any, tmp_path: Path) -> Iterator[Store]:
        yield CatalogStore(session, tmp_path)
        session.sql("DROP TABLE scan_results")

    def test_the_session_is_left_as_found(self, store: Store) -> None:
        source = store.write([GOOD])
        before = [table.name for table in source.catalog.listTables()]
        collect(source)
        assert [table.name for table in source.catalog.listTables()] == before


def test_ansi_mode_changes_nothing(session: Any, ansi: str, tmp_path: Path) -> None:
    assert session.conf.get("spark.sql.ansi.enabled") == ansi
    require_same(session.read.parquet(parquet(tmp_path, edge_rows())), edge_rows())


TYPED = """* REPLACE (
  CAST(created_at AS {time}) AS created_at, CAST(overall_score AS {number}) AS overall_score,
  CAST(confidence_score AS FLOAT) AS confidence_score, CAST(data_sufficiency AS BOOLEAN) AS data_sufficiency,
  CAST(outcome AS SMALLINT) AS outcome, CAST(feedback AS DECIMAL(3, 1)) AS feedback,
  from_json(red_flags, '[{"type": "VARCHAR", "severity": "VARCHAR"}]') AS red_flags,
  {scores} AS category_scores)"""
MAP = "CAST(json(category_scores) AS MAP(VARCHAR, DOUBLE))"
STRUCT = 'from_json(category_scores, \'{"expertise": "DOUBLE", "reasoning": "DECIMAL(5, 2)"}\')'


@pytest.mark.parametrize(
    ("time", "number", "scores"),
    [("TIMESTAMPTZ", "DOUBLE", MAP), ("TIMESTAMP", "DECIMAL(6, 3)", STRUCT)],
    ids=["map", "struct"],
)
def test_typed_and_nested_columns(session: Any, tmp_path: Path, time: str, number: str, scores: str) -> None:
    moments = ("2023-12-31 23:59:59.999999Z", "2024-01-01T00:00:00Z", "2024-01-30T23:59:59.5Z", "2024-01-31T00:00:00Z")
    flags = (None, "[]", '[{"type": "evasion", "severity": "critical"}, {"type": null, "severity": "low"}]')
    rows = [{**GOOD, "created_at": at} for at in moments]
    rows += [{**GOOD, "flags": text} for text in flags]
    rows += [{**GOOD, "category_scores": text} for text in (None, '{"expertise": 57.58, "reasoning": 101}')]
    rows += [{**GOOD, "confidence": value} for value in (None, 0.29, 0.7, 1.0, 1.5)]
    rows += [{**GOOD, "score": value} for value in (None, 84.995, -0.01, 100)]
    rows += [{**GOOD, "outcome": value, "feedback": value} for value in (None, 0, 1, 5)]
    select = TYPED.replace("{time}", time).replace("{number}", number).replace("{scores}", scores)
    require_same(session.read.parquet(parquet(tmp_path, rows, select)), rows)


def test_a_path_or_table_after_spark_and_a_colon(session: Any, tmp_path: Path) -> None:
    path = parquet(tmp_path, [GOOD] * 3)
    with open_source(f"spark:{path}") as engine:
        assert engine.fetch(f"SELECT count(*) FROM {engine.rows('scan_results', ['tier'])}") == [(3,)]
    session.read.parquet(path).createOrReplaceTempView("some_results")
    assert sum(margin(collect("spark:some_results"), "score", "label").values()) == 3
    with pytest.raises(EnvironmentFault, match="NO_SOURCE"):
        collect("spark:/nothing/here.parquet")
    with pytest.raises(EnvironmentFault, match="NO_SOURCE"):
        collect("spark:no_such_table")


def test_texts_with_quotes_and_backslashes_stay_inside_their_literal(session: Any, tmp_path: Path) -> None:
    line = settings()
    first = line.vocabulary.escalation[0].model_copy(update={"contains": "o'clock\\') \\n {x} DROP"})
    words = line.vocabulary.model_copy(update={"escalation": (first,)})
    rows = [{**GOOD, "escalation": "At 5 O'CLOCK\\') \\N {X} drop it"}] * 3
    exact = collect(session.read.parquet(parquet(tmp_path, rows)), line.model_copy(update={"vocabulary": words}))
    assert margin(exact, "traits", "escalation") == {("pattern",): 3}


def test_names_of_any_kind(session: Any, tmp_path: Path) -> None:
    frame = session.read.parquet(parquet(tmp_path, ROWS)).select(*COLUMN_OF.values())
    frame = frame.toDF(*(NAMES[role] for role in COLUMN_OF))
    write_text_table(tmp_path / "plain.duckdb", ROWS)
    assert plain(collect(frame, renamed())) == plain(collect(str(tmp_path / "plain.duckdb")))


def test_a_first_mapping_asks_no_row(session: Any, tmp_path: Path) -> None:
    select = TYPED.replace("{time}", "DATE").replace("{number}", "DOUBLE").replace("{scores}", MAP)
    frame = session.read.parquet(parquet(tmp_path, [GOOD], select))
    before = session.sparkContext.statusTracker().getJobIdsForGroup()
    draft = draft_mapping(frame)
    assert session.sparkContext.statusTracker().getJobIdsForGroup() == before
    assert draft.mapping.chosen == {role: name for role, name in COLUMN_OF.items() if role != "group"}
    assert draft_mapping(frame.select("overall_score")).undecided == ("created_at",)


def test_a_session_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    def refuse(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setattr(SparkSession.Builder, "getOrCreate", refuse)
    with pytest.raises(CalibgitError) as caught:
        collect("spark:results")
    assert caught.value.code == "SPARK_NOT_STARTED"
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(CalibgitError) as caught:
        collect("spark:results")
    assert (caught.value.code, caught.value.fix) == ("MISSING_EXTRA", "pip install 'calibgit[spark]'")


def test_other_objects_of_spark_are_refused(session: Any) -> None:
    with pytest.raises(UsageError, match="UNSUPPORTED_SOURCE"):
        collect(session.range(1).id)


TYPES: list[tuple[str, str, Mapping[str, str]]] = [
    ("binary", "X'ff00'", UNREAD), ("boolean", "true", TRUE), ("float", "'NaN'", NAN), ("double", "'-Infinity'", UNREAD),
    ("decimal(6, 3)", "0.290", UNREAD | {"confidence": "ok", "conflict": "ok"}), ("date", "'2024-01-10'", UNREAD),
    ("array<int>", "array(1, 2)", LIST), ("array<interval day>", "array()", UNREAD), ("map<int, int>", "map(1, 1)", UNREAD),
    ("struct<time: int>", "named_struct('time', 1)", OBJECT),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "wanted"), TYPES)
def test_columns_of_the_wrong_type(session: Any, kind: str, value: str, wanted: Mapping[str, str]) -> None:
    first = "date '2024-01-10' AS created_at, 70 AS overall_score, 's' AS subject, '1.0.0' AS logic_version"
    cell = f"CAST({value} AS {kind})"
    assert (
        states(collect(session.sql(f"SELECT {first}, {', '.join(f'{cell} AS {name}' for name in ODD_COLUMNS)}")))
        == wanted
    )
    for role, rest in (("score", "'2024-01-10' AS created_at"), ("created_at", "70 AS overall_score")):
        require_two(session.sql(f"SELECT {cell} AS {COLUMN_OF[role]}, {rest}"), role, kind, value, wanted)
