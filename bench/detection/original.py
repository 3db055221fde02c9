"""The rules of the tool that calibgit was written after, restated from its description, on the same rows.

They look at every row, know no interval and no number of tests: a median within five points of a cut is crowding, a
rate beyond a limit is a finding, however few the assessments are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

NEAR: Final = 5.0
LEAST_FLAGS: Final = 10
LEAST_SHARES: Final = 20
CUTS: Final = (85.0, 65.0, 45.0, 25.0)
FLAG_RATES: Final = (0.05, 0.30)
SHARES: Final = (0.01, 0.60)
ESCALATION: Final = 0.15
INSUFFICIENT: Final = 0.20


def findings(path: Path) -> frozenset[str]:
    """Ids of all findings, with the prefixes that calibgit's have."""
    with duckdb.connect() as connection:
        n, median, escalated, insufficient = connection.execute(
            "SELECT count(*), median(overall_score), avg(CAST(escalation_reason <> '' AS INTEGER)),"  # noqa: S608
            f" avg(CAST(data_sufficiency = 'false' AS INTEGER)) FROM '{path}'"
        ).fetchall()[0]
        shares = dict(
            connection.execute(f"SELECT category, count(*) / {n} FROM '{path}' GROUP BY 1").fetchall()  # noqa: S608
        )
        rates = connection.execute(
            "SELECT type, count(DISTINCT id) FROM (SELECT id, unnest(json_extract_string(f, '$[*].type')) AS type"  # noqa: S608
            f" FROM (SELECT row_number() OVER () AS id, red_flags AS f FROM '{path}')) GROUP BY 1"
        ).fetchall()
    found = {f"crowding:{cut:g}" for cut in CUTS if abs(median - cut) < NEAR}
    if n >= LEAST_FLAGS:
        found |= {f"flag:{name}" for name, k in rates if not FLAG_RATES[0] <= k / n <= FLAG_RATES[1]}
    if n >= LEAST_SHARES:
        found |= {f"share:{band}" for band, share in shares.items() if not SHARES[0] <= share <= SHARES[1]}
    found |= {"escalation:rate"} if escalated > ESCALATION else set()
    return frozenset(found | ({"sufficiency:rate"} if insufficient > INSUFFICIENT else set()))
