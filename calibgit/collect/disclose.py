"""Disclosure control: from exact counts to counts that may be committed.

Rules. Every published count is 0 or at least `k`, in rows. Grids are coarsened, never cut off: the cells of a row
cover all of its mass. Keys that are too rare are counted in `__other__`. A rate is published only when those who
have it and those who have it not are each 0 or at least `k`. A logic version with fewer than `k` assessments is not
listed. What was done is counted in the snapshot's privacy statement.

Cells with `lo == -1` and `hi == 0` hold assessments without a readable value on that axis; the number with a value
is the sum of the other cells. In the block `confidence` the group after the last band holds assessments whose
recorded label is missing, unknown or too rare, so that the block and the label tally never differ by a small count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from calibgit.collect.grids import Account, Counts, confidence_block, conflict_block, outcome_block, score_block
from calibgit.collect.plan import make_plan
from calibgit.model.settings import Line
from calibgit.model.snapshot import (
    MISSING,
    OTHER,
    CategoryBlock,
    CategorySum,
    CountRow,
    ExactSnapshot,
    MetricsSnapshot,
    PrivacyStatement,
    RateBlock,
    Stratum,
    TallyBlock,
    Verdicts,
)

DISAGREEMENT_LIMIT = 0.005


def disclose(exact: ExactSnapshot, *, settings: Line, config_data: Mapping[str, Any]) -> MetricsSnapshot:
    """The shareable snapshot of an exact one. Pure: the same input gives the same bytes.

    Args:
        exact: counts of one window, after all merging.
        settings: the settings that it was collected with.
        config_data: the config that it was collected with, as JSON data.

    Raises:
        UsageError: BAD_VOCABULARY.
    """
    plan = make_plan(exact.line, settings, config_data, exact.config.version, exact.window)
    account = Account()
    strata = []
    for name in sorted({row.stratum for row in exact.rows}):
        rows: dict[str, list[CountRow]] = {}
        for row in exact.rows:
            if row.stratum == name:
                rows.setdefault(row.block, []).append(row)
        n = sum(row.n for row in rows.get("score", ()))
        if n < settings.privacy.k:
            account.withheld_strata += n > 0
            continue
        counts = Counts(plan, settings.privacy.k, account, rows, frozenset(exact.roles), n, plan.gates.bands)
        strata.append(_stratum(name, counts))
    return MetricsSnapshot(
        line=exact.line,
        window=exact.window,
        config=exact.config,
        settings_sha256=exact.settings_sha256,
        bands=plan.gates.bands,
        roles=exact.roles,
        strata=tuple(strata),
        privacy=PrivacyStatement(
            k=settings.privacy.k,
            unit="rows",
            merged_bins=account.merged_bins,
            folded_keys=account.folded_keys,
            withheld_cells=account.withheld_cells,
            withheld_strata=account.withheld_strata,
        ),
    )


def _stratum(name: str, counts: Counts) -> Stratum:
    plan = counts.plan
    words = plan.settings.vocabulary
    labels = _tally(counts, "label", "score", "label", [*counts.bands, OTHER, MISSING])
    confidence = confidence_block(counts, labels)
    return Stratum(
        logic_version=name,
        n=counts.n,
        score=score_block(counts),
        labels=labels,
        confidence=confidence,
        outcome=outcome_block(counts),
        flag_types=_flag_types(counts),
        flag_severity=_tally(counts, "flags", "traits", "worst", [*plan.severities, "none", OTHER, MISSING]),
        escalation=_tally(
            counts, "escalation", "traits", "escalation", [*(item.name for item in words.escalation), "other", "none"]
        ),
        tiers=_tally(counts, "tier", "tier", "tier", [*plan.tiers, OTHER, MISSING]),
        sufficiency=_tally(counts, "sufficiency", "sufficiency", "sufficiency", ["yes", "no", MISSING]),
        conflict=conflict_block(counts),
        categories=_categories(counts),
        verdicts=_verdicts(counts),
    )


def _tally(counts: Counts, role: str, table: str, fact: str, keys: Sequence[str]) -> TallyBlock:
    """Fold rare keys into `__other__`, and then the smallest other key while `__other__` itself is too small."""
    if role not in counts.roles:
        return TallyBlock(status="absent")
    found = counts.by_fact(table, fact, keys)
    folded = [key for key, n in found.items() if key != OTHER and counts.small(n)]
    other = found.pop(OTHER, 0) + sum(found.pop(key) for key in folded)
    while counts.small(other) and any(found.values()):
        least = min((key for key, n in found.items() if n), key=lambda key: (found[key], key))
        other += found.pop(least)
        folded.append(least)
    if folded and not any(found.values()):
        counts.account.withheld_cells += 1
        return TallyBlock(status="withheld")
    counts.account.folded_keys += len(folded)
    published = {key: n for key, n in sorted(found.items()) if n or key != MISSING}
    if other:
        published[OTHER] = other
    return TallyBlock(status="present", counts=published, folded=tuple(sorted(folded)))


def _flag_types(counts: Counts) -> RateBlock:
    if "flags" not in counts.roles:
        return RateBlock(status="absent")
    worst = counts.by_fact("traits", "worst", (MISSING, "none"))
    known = counts.n - worst[MISSING]
    if counts.small(counts.n - known):
        known = counts.n
        counts.account.folded_keys += 1
    if known < counts.k:
        counts.account.withheld_cells += known > 0
        return RateBlock(status="withheld")
    found = dict.fromkeys([*counts.plan.flag_types, OTHER, MISSING], 0)
    for row in counts.rows.get("flag_occurrences", ()):
        found[row.keys[0]] += row.n
    # The severity tally says how many have any flag; what one type leaves of them must not be a small count either.
    flagged = counts.n - worst[MISSING] - worst["none"]
    shown = {
        key: None if counts.small(n) or counts.small(known - n) or counts.small(flagged - n) else n
        for key, n in sorted(found.items())
        if n or key not in {OTHER, MISSING}
    }
    counts.account.withheld_cells += sum(n is None for n in shown.values())
    return RateBlock(status="present", n=known, counts=shown)


def _categories(counts: Counts) -> CategoryBlock:
    if "category_scores" not in counts.roles:
        return CategoryBlock(status="absent")
    shown: dict[str, CategorySum | None] = dict.fromkeys(counts.plan.categories)
    found: dict[str, tuple[int, int]] = {}
    for row in counts.rows.get("category", ()):
        n, total = found.get(row.keys[0], (0, 0))
        found[row.keys[0]] = (n + row.n, total + row.total)
    for name, (n, total) in found.items():
        if n >= counts.k and not counts.small(counts.n - n):
            shown[name] = CategorySum(n=n, total=total, scale=counts.plan.score.scale)
        else:
            counts.account.withheld_cells += 1
    return CategoryBlock(status="present", categories=shown)


def _verdicts(counts: Counts) -> Verdicts:
    # One strange score must not show, so the word changes only from k on.
    outside = sum(row.n for row in counts.rows.get("dropped", ()) if row.keys[0] == "score_outside")
    place: Literal["inside", "outside"] = "outside" if outside >= counts.k else "inside"
    if "label" not in counts.roles:
        return Verdicts(label_conformance="absent", score_range=place)
    index = {band: position for position, band in enumerate(counts.bands)}
    mapped = wrong = 0
    for (recorded, cap), where, n in counts.facts("score", "label", "cap"):
        if recorded in index:
            mapped += n
            wrong += n if index[recorded] != max(int(cap), counts.score_cap(where or 0)) else 0
    if mapped < counts.k:
        return Verdicts(label_conformance="not_assessable", score_range=place)
    return Verdicts(
        label_conformance="deviates" if wrong > DISAGREEMENT_LIMIT * mapped else "conforms", score_range=place
    )
