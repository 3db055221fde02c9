"""Disclosure control: nothing small leaves, and nothing is lost but resolution."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from calibgit.collect.disclose import disclose
from calibgit.collect.partition import STEPS, at_least, partition, pool
from calibgit.collect.plan import make_plan
from calibgit.engine.tables import wanted_tables
from calibgit.model import semantics
from calibgit.model.snapshot import ConfigRef, CountRow, ExactSnapshot, MetricsSnapshot, Stratum
from tests.support.results import CONFIG, GOOD, WINDOW, collect, settings, write_text_table

K = 10
LINE = settings()
PLAN = make_plan("scoring", LINE, CONFIG, "1.0.0", WINDOW)
ROLES = PLAN.roles
LABELS = (*PLAN.gates.bands, "__other__", "__missing__")


def _caps(score: int, conf: int, worst: str) -> tuple[int, int, int]:
    gates = PLAN.gates
    by_score = next(index for index, cut in enumerate(gates.cuts) if score >= cut or index == len(gates.cuts) - 1)
    flags = None if worst == "__missing__" else semantics.effective_flags(CONFIG, {} if worst == "none" else {worst: 1})
    value = None if conf == 101 else conf / 100
    return by_score, semantics.confidence_cap(gates, value), semantics.flag_cap(gates, flags)


def exact(rows: Sequence[tuple[int, ...]]) -> ExactSnapshot:
    """Rows (weight, stratum, label, score, conf, outcome, severity, type, tier, density) as an exact snapshot.

    Caps follow from score, confidence and flags; the label is the implied one and `label` bands worse.
    """
    tally: dict[tuple[Any, ...], tuple[int, int]] = {}

    def add(block: str, stratum: str, keys: tuple[str, ...], bin_: int | None, n: int, total: int = 0) -> None:
        old = tally.get((block, stratum, keys, bin_), (0, 0))
        tally[block, stratum, keys, bin_] = (old[0] + n, old[1] + total)

    for weight, version, label, score, conf, outcome, severity, kind, tier, density in rows:
        stratum = ("1.0.0", "0.9.0", "__other__")[version]
        worst = (*PLAN.severities, "none", "__missing__")[severity]
        by_score, by_confidence, by_flags = _caps(score, conf, worst)
        first, second = (str(int(worst == name)) for name in PLAN.severities[:2])
        band = max(by_score, by_confidence, by_flags)
        facts = {
            "fold": "a", "cap": str(max(by_confidence, by_flags)), "cap_but_confidence": str(max(by_score, by_flags)),
            "cap_but_flags": str(max(by_score, by_confidence)), "label": LABELS[(band + label) % len(LABELS)],
            "cohort": "north", "worst": worst, "worst_count": "__missing__" if severity == 5 else first,
            "second_count": "__missing__" if severity == 5 else second,
            "flagged": {"none": "no", "__missing__": "__missing__"}.get(worst, "yes"), "period": "2024-01",
            "confidence": "missing" if conf == 101 else "ok", "conflict": "missing" if density == 21 else "ok",
            "outcome": ("0", "1", "pending")[outcome], "sufficiency": ("yes", "no", "__missing__")[outcome],
            "escalation": ("none", "other", "pattern")[outcome], "escalated": ("no", "yes", "yes")[outcome],
            "flags_state": "missing" if severity == 5 else "ok", "sufficiency_state": ("ok", "ok", "missing")[outcome],
            "tier": (*PLAN.tiers, "__other__")[tier], "feedback": "4",
        }  # fmt: skip
        bins = {"score_bin": score, "confidence_bin": conf, "conflict_bin": density}
        for name, table in wanted_tables(ROLES).items():
            where = bins.get(table.bin or "")
            if facts.get((table.bin or "").removesuffix("_bin")) == "missing":
                where = None
            add(name, stratum, tuple(facts[key] for key in table.keys), where, weight)
        if severity < 4:
            add("flag_occurrences", stratum, ((*PLAN.flag_types, "__other__")[kind], "1"), None, weight)
        add("category", stratum, ("expertise",), score // 5, weight, weight * score * 100)
    return ExactSnapshot(
        line="scoring",
        window=WINDOW,
        config=ConfigRef(version="1.0.0", sha256="1" * 64),
        settings_sha256="0" * 64,
        roles=ROLES,
        subjects="absent",
        rows=tuple(
            CountRow(block=b, stratum=s, keys=k, bin=i, n=n, total=t)
            for (b, s, k, i), (n, t) in sorted(tally.items(), key=str)
            if n
        ),
    )


ROW = st.tuples(
    st.integers(1, 60), st.integers(0, 2), st.integers(0, 6), st.integers(0, 100),
    st.integers(0, 101), st.integers(0, 2), st.integers(0, 5), st.integers(0, 8), st.integers(0, 3), st.integers(0, 21),
)  # fmt: skip


def numbers(snapshot: MetricsSnapshot) -> Iterator[tuple[str, int]]:
    for s in snapshot.strata:
        yield "n", s.n
        for block in (s.score, s.confidence, s.conflict):
            for row in block.rows:
                yield from (("cell", cell.n) for cell in row.cells)
        for tally in (s.labels, s.flag_severity, s.escalation, s.tiers, s.sufficiency):
            yield from (("tally", n) for n in tally.counts.values())
        for count in s.flag_types.counts.values():
            if count is not None:
                yield "rate", count
                yield "rate", s.flag_types.n - count
        for cell in s.outcome.cells:
            yield from (("outcome", cell.n), ("outcome", cell.positives), ("outcome", cell.n - cell.positives))
        if s.outcome.status == "present":
            known = sum(cell.n for cell in s.outcome.cells)
            yield "outcome", s.n - known
            if s.outcome.pending is not None:
                yield from (("pending", s.outcome.pending), ("pending", s.n - known - s.outcome.pending))
        for category in s.categories.categories.values():
            if category is not None:
                yield from (("category", category.n), ("category", s.n - category.n))


def assert_covers(s: Stratum) -> None:
    for block in (s.score, s.confidence, s.conflict):
        if block.status == "withheld":
            continue
        assert block.grid is not None
        assert sum(cell.n for row in block.rows for cell in row.cells) == s.n
        for row in block.rows:
            # A cell from -1 up to more than 0 holds those without a value and the lowest ones together.
            edges = [(max(cell.lo, 0), cell.hi) for cell in row.cells if cell.hi > 0]
            assert (edges[0][0], edges[-1][1]) == (0, block.grid.bins)
            assert all(hi == lo for (_, hi), (lo, _) in pairwise(edges))
    for tally in (s.labels, s.flag_severity, s.escalation, s.tiers, s.sufficiency):
        assert tally.status == "withheld" or sum(tally.counts.values()) == s.n


@limits(max_examples=30)
@given(rows=st.lists(ROW, max_size=40))
def test_every_number_is_zero_or_at_least_k_and_all_mass_is_covered(rows: list[tuple[int, ...]]) -> None:
    snapshot = disclose(exact(rows), settings=LINE, config_data=CONFIG)
    assert [item for item in numbers(snapshot) if 0 < item[1] < K] == []
    for stratum in snapshot.strata:
        assert_covers(stratum)
    assert MetricsSnapshot.of(snapshot.data(), "again") == snapshot


@given(
    bins=st.lists(st.integers(0, 30), min_size=2, max_size=120),
    keep=st.lists(st.integers(0, 120), max_size=5),
    unit=st.integers(1, 3),
)
def test_a_partition_covers_its_axis_and_keeps_edges_unless_a_side_is_too_small(
    bins: list[int], keep: list[int], unit: int
) -> None:
    found = partition([(n,) for n in bins], unit=unit, keep=keep, publishable=at_least(K)).cells
    assert [found[0].lo, found[-1].hi] == [0, len(bins)]
    assert all(a.hi == b.lo for a, b in pairwise(found))
    assert sum(cell.measures[0] for cell in found) == sum(bins)
    if sum(bins) >= K:
        assert all(at_least(K)(cell.measures) for cell in found)
    ends = sorted({0, len(bins), *(edge for edge in keep if 0 < edge < len(bins))})
    parts = [sum(bins[a:b]) for a, b in pairwise(ends)]
    if all(n == 0 or n >= K for n in parts):
        assert set(ends) <= {cell.lo for cell in found} | {cell.hi for cell in found}


def test_resolution_grows_with_the_number_of_rows() -> None:
    shape = [min(i, 100 - i) for i in range(101)]
    sizes = [
        len(partition([(n * s,) for n in shape], unit=1, keep=[], publishable=at_least(K)).cells) for s in (1, 2, 20)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < 90 < sizes[-1]
    assert STEPS == (1, 2, 5, 10)


@given(masses=st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_pools_are_large_enough_and_in_order(masses: list[int]) -> None:
    pools = pool([(n,) for n in masses], at_least(K))
    assert [group for groups in pools for group in groups] == sorted({g for groups in pools for g in groups})
    assert sum(masses[group] for groups in pools for group in groups) == sum(masses)
    if sum(masses) >= K:
        assert all(sum(masses[group] for group in groups) >= K for groups in pools)


def test_a_rare_version_is_not_listed() -> None:
    rows = [(500, 0, 0, 90, 80, 1, 4, 0, 0, 0), (9, 1, 0, 90, 80, 1, 4, 0, 0, 0)]
    snapshot = disclose(exact(rows), settings=LINE, config_data=CONFIG)
    assert [s.logic_version for s in snapshot.strata] == ["1.0.0"]
    assert snapshot.privacy.withheld_strata == 1


def test_cuts_and_gates_stay_edges() -> None:
    rows = [(30, 0, 0, score, 60 + score % 40, 1, 4, 0, 0, 0) for score in range(101)]
    stratum = disclose(exact(rows), settings=LINE, config_data=CONFIG).strata[0]
    assert {85, 65, 45, 25} <= {cell.lo for cell in stratum.score.rows[0].cells}
    assert {60, 70} <= {cell.lo for cell in stratum.confidence.rows[0].cells}


def test_few_pending_outcomes_are_not_told() -> None:
    rows = [(200, 0, 0, 90, conf, outcome, 4, 0, 0, 0) for conf in range(50, 100) for outcome in (0, 1)]
    snapshot = disclose(exact([*rows, (3, 0, 0, 90, 77, 2, 4, 0, 0, 0)]), settings=LINE, config_data=CONFIG)
    outcome = snapshot.strata[0].outcome
    assert outcome.pending is None
    assert all(not cell.lo <= 77 < cell.hi for cell in outcome.cells)
    assert snapshot.strata[0].n - sum(cell.n for cell in outcome.cells) >= K


def test_label_conformance_verdicts() -> None:
    def verdict(agree: int, differ: int) -> str:
        rows = [(n, 0, worse, 90, 80, 1, 4, 0, 0, 0) for n, worse in ((agree, 0), (differ, 1)) if n]
        return disclose(exact(rows), settings=LINE, config_data=CONFIG).strata[0].verdicts.label_conformance

    assert verdict(1000, 0) == "conforms"
    assert verdict(991, 9) == "conforms"
    assert verdict(990, 10) == "deviates"
    assert verdict(1990, 10) == "conforms"
    assert verdict(1989, 11) == "deviates"


def test_what_many_values_cannot_say_is_told_by_role() -> None:
    """Through SQL, because only that knows what cannot be read; few unreadable values are not told."""
    good = [{**GOOD, "subject": f"s{n}"} for n in range(300)]
    odd = {
        "category_scores": "[1]",
        "confidence": "high",
        "conflict": "x",
        "feedback": 9,
        "flags": "none",
        "outcome": "won",
        "sufficiency": "maybe",
    }

    def told(few: int) -> tuple[str, ...]:
        rows = [{**row, **(odd if n < few else {})} for n, row in enumerate(good)]
        with tempfile.TemporaryDirectory() as folder:
            counts = collect(str(write_text_table(Path(folder) / "a.sqlite", rows)))
        return disclose(counts, settings=settings(), config_data=CONFIG).strata[0].verdicts.unreadable

    assert told(0) == told(9) == ()
    assert told(10) == tuple(sorted(odd))
