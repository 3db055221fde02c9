"""Classification distribution: the share of every band against its range."""

from __future__ import annotations

from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.model.shares import band_shares

CLASSIFICATION_DISTRIBUTION = "classification_distribution"


def classification_distribution(context: Context) -> list[Draft]:
    """One finding a band, from recorded labels, or from the bands that the config implies where none are kept."""
    analysis = context.settings.analysis
    spelling = context.settings.vocabulary.labels
    shares = band_shares(context.stratum, context.bands, spelling, context.gates)
    if shares is None:
        topic = _topic(context, "labels", "Class shares")
        status = context.stratum.labels.status
        return [unpublished(context, topic, "withheld" if status == "withheld" else "absent")]
    found = []
    for band in context.bands:
        low, high = shares.bands[band]
        topic = _topic(context, band, f"The share of band {band!r}")
        limits = Limits.rate(analysis.class_shares.get(band, analysis.class_share))
        effect = context.rate(low, high, shares.n, f"label:{band}") if shares.n > 0 else None
        reason = "" if effect else "no assessment has a label"
        found.append(judge(context, topic, effect, limits, reason=reason, evidence={"source": shares.source}))
    return found


def _topic(context: Context, band: str, what: str) -> Topic:
    return Topic(
        context.name("share", band), CLASSIFICATION_DISTRIBUTION, band, what, ("classification",),
        advice_high="The band holds more than its range. A proposal may move the two cuts of this band.",
        advice_low="The band holds less than its range. A proposal may move the two cuts of this band.",
    )  # fmt: skip
