"""Disclosure control: from exact counts to counts that may be committed. ADR 13 has the argument.

The rule: whatever set of assessments the published words and bins can describe, the published numbers either leave
it empty, or let it hold at least the threshold, which is so many assessments that they stand for `k` subjects.

How: grids are coarsened, never cut off, and all blocks of an axis take their edges from one set. Rare words fold
into `__other__`. Tables of two words hide single counts between their margins, and an audit computes every hidden
count's interval. Blocks that the config ties together are added one after the other, each as fine as an audit of all
of them allows. What was done is said in the snapshot's privacy statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.collect.counts import Account, Counts
from calibgit.collect.plan import make_plan
from calibgit.collect.statement import statement
from calibgit.collect.stratum import stratum
from calibgit.collect.threshold import threshold
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import ALL_STRATA, CountRow, ExactSnapshot, MetricsSnapshot


def disclose(
    exact: ExactSnapshot,
    *,
    settings: Line,
    config_data: Mapping[str, Any],
    previous: Mapping[str, Any] | None = None,
) -> MetricsSnapshot:
    """The shareable snapshot of an exact one. Pure: the same input gives the same bytes.

    Args:
        exact: counts of one window, after all merging.
        settings: the settings that it was collected with.
        config_data: the config that it was collected with, as JSON data.
        previous: the config before it, whose cuts are kept as edges too.

    Raises:
        UsageError: BAD_VOCABULARY.
    """
    plan = make_plan(exact.line, settings, config_data, exact.config.version, exact.window)
    account = Account()
    least = threshold(exact, settings.privacy.k)
    kept = _on_grid(semantics.gates(previous).cuts, config_data) if previous else ()
    strata = []
    for name in sorted({row.stratum for row in exact.rows} - {ALL_STRATA}):
        rows: dict[str, list[CountRow]] = {}
        for row in exact.rows:
            if row.stratum == name:
                rows.setdefault(row.block, []).append(row)
        n = sum(row.n for row in rows.get("score", ()))
        if n < least:
            account.withheld_strata += n > 0
            continue
        counts = Counts(plan, least, account, rows, frozenset(exact.roles), n, plan.gates.bands, kept)
        strata.append(stratum(name, counts))
    return MetricsSnapshot(
        line=exact.line,
        window=exact.window,
        config=exact.config,
        settings_sha256=exact.settings_sha256,
        bands=plan.gates.bands,
        roles=exact.roles,
        strata=tuple(strata),
        privacy=statement(account, strata, k=settings.privacy.k, least=least, subjects=exact.subjects != "absent"),
    )


def _on_grid(cuts: tuple[float, ...], config: Mapping[str, Any]) -> tuple[float, ...]:
    low, high = (float(config["score_range"][end]) for end in ("min", "max"))
    return tuple(cut for cut in cuts if low < cut < high)
