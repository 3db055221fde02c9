"""Classification distribution: the share of every band against its range."""

from __future__ import annotations

from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.model.published import score_caps, tally_bounds
from calibgit.model.snapshot import MISSING

CLASSIFICATION_DISTRIBUTION = "classification_distribution"
Bounds = tuple[dict[str, tuple[int, int]], int, str]


def classification_distribution(context: Context) -> list[Draft]:
    """One finding a band, from recorded labels, or from the bands that the config implies where none are kept."""
    analysis = context.settings.analysis
    counts = _recorded(context) or _implied(context)
    if counts is None:
        topic = _topic(context, "labels", "Class shares")
        status = context.stratum.labels.status
        return [unpublished(context, topic, "withheld" if status == "withheld" else "absent")]
    bounds, size, source = counts
    found = []
    for band in context.bands:
        low, high = bounds[band]
        topic = _topic(context, band, f"The share of band {band!r}")
        limits = Limits.rate(analysis.class_shares.get(band, analysis.class_share))
        effect = context.rate(low, high, size, f"label:{band}") if size > 0 else None
        reason = "" if effect else "no assessment has a label"
        found.append(judge(context, topic, effect, limits, reason=reason, evidence={"source": source}))
    return found


def _topic(context: Context, band: str, what: str) -> Topic:
    return Topic(
        context.name("share", band), CLASSIFICATION_DISTRIBUTION, band, what, ("classification",),
        advice_high="The band holds more than its range. A proposal may move the two cuts of this band.",
        advice_low="The band holds less than its range. A proposal may move the two cuts of this band.",
    )  # fmt: skip


def _recorded(context: Context) -> Bounds | None:
    block = context.stratum.labels
    if block.status != "present":
        return None
    spelling = context.settings.vocabulary.labels
    spelt = {key: spelling.get(key, key) for key in (*block.counts, *block.folded)}
    size = sum(block.counts.values()) - block.counts.get(MISSING, 0)
    found = {b: tally_bounds(block, [key for key, band in spelt.items() if band == b]) for b in context.bands}
    return found, size, "recorded labels"


def _implied(context: Context) -> Bounds | None:
    block, gates = context.stratum.score, context.gates
    if gates is None or block.status != "present" or block.grid is None:
        return None
    low = [0] * len(context.bands)
    high = [0] * len(context.bands)
    size = 0
    for row in block.rows:
        for cell in row.cells:
            size += cell.n
            best, worst = score_caps(gates.cuts, block.grid, cell)
            bands = {max(cap, group) for cap in range(best, worst + 1) for group in row.groups}
            for band in bands:
                high[band] += cell.n
                low[band] += cell.n if len(bands) == 1 else 0
    return dict(zip(context.bands, zip(low, high, strict=True), strict=True)), size, "implied by the config"
