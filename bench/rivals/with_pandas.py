"""The metric families by pandas: `python with_pandas.py RESULTS.parquet OUT`. It imports no calibgit."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NAMES = ("expertise", "reasoning", "communication", "reliability", "collaboration")
SEVERITIES = ("critical", "high", "medium", "low")
CLASSES = {"pattern recurrence": "pattern", "low confidence": "confidence", "conflicting evidence": "conflict"}
READ = [
    "created_at", "overall_score", "category", "category_scores", "confidence_score", "red_flags", "data_sufficiency",
    "conflict_density", "escalation_reason", "tier", "outcome",
]  # fmt: skip


def rows(path: str) -> Any:
    """The assessments of the window, with bins and words."""
    frame = pd.read_parquet(path, columns=READ)
    frame = frame[(frame["created_at"] >= "2024-03-01") & (frame["created_at"] < "2024-03-31")]
    frame = frame[frame["overall_score"].between(0, 100)].reset_index(drop=True)
    reason = frame["escalation_reason"].str.lower().fillna("")
    named = [reason.str.contains(words, regex=False) for words in CLASSES]
    frame["reason"] = np.select([reason == "", *named], ["none", *CLASSES.values()], "other")
    frame["outcome"] = frame["outcome"].astype("Int64").astype("string").fillna("pending")
    frame["tier"] = frame["tier"].fillna("__missing__")
    enough = frame["data_sufficiency"].astype("boolean")
    frame["enough"] = enough.map({True: "yes", False: "no"}).astype("string").fillna("__missing__")
    for name, scale, step in (
        ("overall_score", 100, 100), ("confidence_score", 10**6, 10**4), ("conflict_density", 10**6, 50_000),
    ):  # fmt: skip
        frame[name] = np.floor(frame[name] * scale + 0.5).astype("Int64") // step
    return frame


def flags_of(frame: Any) -> tuple[Any, Any]:
    """The worst severity of each assessment, and its pairs of type and severity, each pair once."""
    some = frame.loc[frame["red_flags"].notna() & (frame["red_flags"] != "[]"), "red_flags"].map(json.loads)
    each = some.explode()
    pairs = pd.DataFrame(
        {
            "row": each.index,
            "type": each.map(lambda f: f["type"]).array,
            "severity": each.map(lambda f: f["severity"]).array,
        }
    )
    ranks = pairs["severity"].map({severity: rank for rank, severity in enumerate(SEVERITIES)})
    worst = ranks.groupby(pairs["row"]).min().reindex(frame.index).fillna(len(SEVERITIES)).astype(int)
    return worst.map(dict(enumerate([*SEVERITIES, "none"]))), pairs.drop_duplicates()


def counts_of(frame: Any) -> dict[str, dict[str, int]]:
    """One group-by a family."""
    frame["worst"], pairs = flags_of(frame)
    margins = {
        "scores": ["category", "overall_score"],
        "confidence": ["category", "confidence_score"],
        "worst_flags": ["category", "worst"],
        "escalation": ["reason"],
        "tiers": ["category", "tier"],
        "sufficiency": ["category", "enough"],
        "conflict": ["conflict_density"],
        "outcomes": ["category", "outcome"],
    }
    counts = {name: _counted(frame, keys) for name, keys in margins.items()}
    counts["flags"] = _counted(pairs, ["type", "severity"])
    scores = pd.DataFrame(frame["category_scores"].map(json.loads).tolist())
    fixed = np.floor(scores * 100 + 0.5).astype("int64")
    counts["category_sums"] = {name: int(fixed[name].sum()) for name in NAMES}
    bins = {name: (fixed[name] // 500).value_counts() for name in NAMES}
    counts["categories"] = {f"{name}|{score}": int(n) for name, found in bins.items() for score, n in found.items()}
    return counts


def _counted(frame: Any, keys: list[str]) -> dict[str, int]:
    found = frame.groupby(keys, observed=True).size()
    return {"|".join(str(key) for key in (at if isinstance(at, tuple) else (at,))): int(n) for at, n in found.items()}


def main(path: str, out: str) -> None:
    Path(out).write_text(json.dumps(counts_of(rows(path))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
