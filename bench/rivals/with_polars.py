"""The metric families by polars streaming: `python with_polars.py RESULTS.parquet OUT`. It imports no calibgit."""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

NAMES = ("expertise", "reasoning", "communication", "reliability", "collaboration")
SEVERITIES = ("critical", "high", "medium", "low")
MISSING = "__missing__"
FLAGS = pl.List(pl.Struct({"type": pl.String, "severity": pl.String}))
SCORES = pl.Struct(dict.fromkeys(NAMES, pl.Float64))


def rows(path: str) -> Any:
    """The assessments of the window, each JSON text parsed once."""
    within = pl.col("created_at").is_between(dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 31), closed="left")  # noqa: DTZ001
    reason = pl.col("escalation_reason").str.to_lowercase()
    outcome = pl.col("outcome").cast(pl.String).fill_null("pending")
    sufficient = pl.when(pl.col("data_sufficiency")).then(pl.lit("yes")).otherwise(pl.lit("no"))
    return (
        pl.scan_parquet(path)
        .filter(within, pl.col("overall_score").is_between(0, 100))
        .select(
            pl.col("category").alias("label"),
            pl.col("tier").fill_null(MISSING),
            outcome.alias("outcome"),
            pl.when(pl.col("data_sufficiency").is_null()).then(pl.lit(MISSING)).otherwise(sufficient).alias("enough"),
            bin_of("overall_score", 100, 100),
            bin_of("confidence_score", 10**6, 10**4),
            bin_of("conflict_density", 10**6, 50_000),
            pl.when(reason.is_null() | (reason == ""))
            .then(pl.lit("none"))
            .when(reason.str.contains("pattern recurrence", literal=True))
            .then(pl.lit("pattern"))
            .when(reason.str.contains("low confidence", literal=True))
            .then(pl.lit("confidence"))
            .when(reason.str.contains("conflicting evidence", literal=True))
            .then(pl.lit("conflict"))
            .otherwise(pl.lit("other"))
            .alias("reason"),
            pl.col("red_flags").str.json_decode(FLAGS).alias("flags"),
            pl.col("category_scores").str.json_decode(SCORES).alias("scores"),
        )
        .with_columns(pl.col("flags").list.eval(pl.element().struct.field("severity")).alias("severities"))
        .with_columns(worst().alias("worst"))
    )


def worst() -> Any:
    """The worst severity of an assessment."""
    found = pl.when(pl.col("severities").list.contains(SEVERITIES[0])).then(pl.lit(SEVERITIES[0]))
    for severity in SEVERITIES[1:]:
        found = found.when(pl.col("severities").list.contains(severity)).then(pl.lit(severity))
    return found.otherwise(pl.lit("none"))


def bin_of(name: str, scale: int, step: int) -> Any:
    """A bin of whole numbers in fixed point."""
    return ((pl.col(name) * scale + 0.5).floor().cast(pl.Int64) // step).alias(name)


def queries(frame: Any) -> dict[str, Any]:
    """One query a family."""
    pairs = frame.with_row_index("row").select("row", "flags").explode("flags").drop_nulls("flags")
    flags = pairs.select("row", pl.col("flags").struct.field("type"), pl.col("flags").struct.field("severity")).unique()
    margins = {
        "scores": ("label", "overall_score"),
        "confidence": ("label", "confidence_score"),
        "worst_flags": ("label", "worst"),
        "escalation": ("reason",),
        "tiers": ("label", "tier"),
        "sufficiency": ("label", "enough"),
        "conflict": ("conflict_density",),
        "outcomes": ("label", "outcome"),
    }
    found = {name: frame.group_by(keys).agg(pl.len()) for name, keys in margins.items()}
    found["flags"] = flags.group_by("type", "severity").agg(pl.len())
    for name in NAMES:
        score = (pl.col("scores").struct.field(name) * 100 + 0.5).floor().cast(pl.Int64).alias("score")
        binned = frame.select(score).drop_nulls().group_by(pl.col("score") // 500)
        found[name] = binned.agg(pl.len(), pl.col("score").sum().alias("total"))
    return found


def main(path: str, out: str) -> None:
    asked = queries(rows(path))
    frames = dict(zip(asked, pl.collect_all(list(asked.values()), engine="streaming"), strict=True))
    sums = {name: int(frames[name]["total"].sum()) for name in NAMES}
    bins = {f"{name}|{score}": n for name in NAMES for score, n, _ in frames.pop(name).rows()}
    counts = {
        name: {"|".join(str(key) for key in keys): n for *keys, n in frame.rows()} for name, frame in frames.items()
    }
    Path(out).write_text(json.dumps(counts | {"categories": bins, "category_sums": sums}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
