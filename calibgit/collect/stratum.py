"""All published blocks of one logic version, in the order in which they may cost each other resolution."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from calibgit.collect.by_confidence import label_block, sufficiency_blocks
from calibgit.collect.counts import Counts
from calibgit.collect.coverage import dropped_block, subject_block
from calibgit.collect.escalations import NAME as ESCALATIONS
from calibgit.collect.escalations import escalation_cross
from calibgit.collect.flags import flag_count_blocks, flag_details, flag_rates
from calibgit.collect.grids import (
    category_block,
    confidence_blocks,
    conflict_block,
    half_block,
    score_block,
)
from calibgit.collect.groups import group_block
from calibgit.collect.links import Linked
from calibgit.collect.outcomes import outcome_block, score_outcome_blocks
from calibgit.collect.periods import period_crosses
from calibgit.collect.residual import conforming
from calibgit.collect.sums import design_block, moment_block
from calibgit.collect.verdicts import verdicts
from calibgit.collect.words import coarser_tallies, cross, tally
from calibgit.model.blocks import CrossBlock, FlagCountBlock, TallyBlock
from calibgit.model.snapshot import MISSING, OTHER, GridBlock, OutcomeBlock, ScoreOutcomeBlock, Stratum


@dataclass(frozen=True, slots=True)
class _Tallies:
    labels: TallyBlock
    worst: TallyBlock
    escalation: TallyBlock
    tiers: TallyBlock
    sufficiency: TallyBlock
    feedback: TallyBlock
    periods: TallyBlock


def stratum(name: str, counts: Counts) -> Stratum:
    """The blocks of one logic version."""
    score = score_block(counts)
    tallies = _tallies(counts)
    labels, same = conforming(counts, score, tallies.labels)
    tallies = replace(tallies, labels=labels)
    linked = _Links(counts, Linked(score=score))
    if same:
        tallies = replace(tallies, labels=linked.add("labels", coarser_tallies(labels, []), TallyBlock))
    precious = ["none", *counts.plan.severities[:1]]
    tallies = replace(tallies, worst=linked.add("worst", coarser_tallies(tallies.worst, precious), TallyBlock))
    confidence, outcome = _confidence(counts, linked)
    flags = linked.add("flags", flag_count_blocks(counts), FlagCountBlock)
    crosses = _crosses(counts, tallies, linked, same=same)
    by_label = label_block(counts, confidence, same=same)
    sure, crosses["labels_sufficiency"] = sufficiency_blocks(counts, confidence, by_label, _by_name(tallies), crosses)
    exact_worst = counts.by_fact("traits", "worst", [*counts.plan.severities, "none", OTHER, MISSING])
    rates = flag_rates(counts, exact_worst)
    categories = category_block(counts)
    return Stratum(
        logic_version=name,
        n=counts.n,
        subjects=subject_block(counts),
        dropped=dropped_block(counts),
        score=score,
        groups=group_block(counts, score),
        halves=half_block(counts, score),
        labels=tallies.labels,
        confidence=confidence,
        label_confidence=by_label,
        sufficiency_confidence=sure,
        outcome=outcome,
        outcome_score=_outcome_score(counts, linked, outcome),
        flag_types=rates,
        flag_details=flag_details(counts, rates, exact_worst),
        flag_severity=tallies.worst,
        flag_counts=flags,
        escalation=tallies.escalation,
        tiers=tallies.tiers,
        sufficiency=tallies.sufficiency,
        feedback=tallies.feedback,
        periods=tallies.periods,
        crosses=dict(sorted(crosses.items())),
        conflict=conflict_block(counts),
        categories=categories,
        moments=moment_block(counts, categories),
        design=design_block(counts, _indicators(counts, tallies)),
        verdicts=verdicts(counts),
    )


def _tallies(counts: Counts) -> _Tallies:
    plan = counts.plan

    def of(role: str, table: str, fact: str, words: Iterable[str]) -> TallyBlock:
        return tally(counts, role, counts.by_fact(table, fact, words) if role in counts.roles else {})

    classes = [item.name for item in plan.settings.vocabulary.escalation]
    periods = counts.by_fact("period", "period", [name for name, _ in plan.periods])
    return _Tallies(
        labels=of("label", "score", "label", [*counts.bands, OTHER, MISSING]),
        worst=of("flags", "traits", "worst", [*plan.severities, "none", OTHER, MISSING]),
        escalation=of("escalation", "traits", "escalation", [*classes, "other", "none"]),
        tiers=of("tier", "tier", "tier", [*plan.tiers, OTHER, MISSING]),
        sufficiency=of("sufficiency", "sufficiency", "sufficiency", ["yes", "no", MISSING]),
        feedback=of("feedback", "feedback", "feedback", [*"12345", "invalid", MISSING]),
        periods=tally(counts, "score", periods),
    )


class _Links:
    """The blocks that the config ties together so far; each is added as fine as the audit of all allows."""

    def __init__(self, counts: Counts, linked: Linked) -> None:
        self._counts = counts
        self.linked = linked

    def add(self, name: str, blocks: Iterable[Any], kind: type[Any]) -> Any:
        """The first block that is safe beside the ones before; the last word is "withheld"."""
        for block in blocks:
            if block.status != "present":
                return block
            candidate = replace(self.linked, **{name: block})
            self._counts.account.linked = True
            if candidate.safe(self._counts):
                self.linked = candidate
                return block
        return kind(status="withheld")


def _confidence(counts: Counts, linked: _Links) -> tuple[GridBlock, OutcomeBlock]:
    if "confidence" not in counts.roles:
        return GridBlock(status="absent"), OutcomeBlock(status="absent")
    block = linked.add("confidence", confidence_blocks(counts), GridBlock)
    return block, outcome_block(counts, block)


def _outcome_score(counts: Counts, linked: _Links, outcome: OutcomeBlock) -> ScoreOutcomeBlock:
    """Outcomes by confidence alone say nothing more of flags or labels; with those by score they might."""
    blocks = score_outcome_blocks(counts, linked.linked.score)
    if outcome.status != "present":
        return next(blocks, ScoreOutcomeBlock(status="withheld"))
    beside = _Links(counts, replace(linked.linked, outcome=outcome))
    found: ScoreOutcomeBlock = beside.add("outcome_score", blocks, ScoreOutcomeBlock)
    return found


def _crosses(counts: Counts, tallies: _Tallies, linked: _Links, *, same: bool) -> dict[str, CrossBlock]:
    found = _label_crosses(counts, tallies)
    if same and found["labels_flag_severity"].status == "present":
        found["labels_flag_severity"] = linked.add("labels_by_worst", [found["labels_flag_severity"]], CrossBlock)
    named = _by_name(tallies)
    found |= period_crosses(counts, tallies.periods, named, found)
    found[ESCALATIONS] = escalation_cross(counts, named, found, same=same)
    return found


def _label_crosses(counts: Counts, tallies: _Tallies) -> dict[str, CrossBlock]:
    labels = tallies.labels
    return {
        "labels_flag_severity": cross(counts, "traits", ("label", "worst"), labels, tallies.worst),
        "labels_escalation": cross(counts, "traits", ("label", "escalation"), labels, tallies.escalation),
        "labels_tiers": cross(counts, "tier", ("label", "tier"), labels, tallies.tiers),
        "labels_sufficiency": cross(counts, "sufficiency", ("label", "sufficiency"), labels, tallies.sufficiency),
        "labels_feedback": cross(counts, "feedback", ("label", "feedback"), labels, tallies.feedback),
    }


def _by_name(tallies: _Tallies) -> dict[str, TallyBlock]:
    return {
        "labels": tallies.labels,
        "flag_severity": tallies.worst,
        "escalation": tallies.escalation,
        "sufficiency": tallies.sufficiency,
        "periods": tallies.periods,
    }


def _indicators(counts: Counts, tallies: _Tallies) -> dict[str, int]:
    """Indicators of `engine.relations` whose count and its complement follow from a published tally."""
    found = {f"label:{band}": tallies.labels.counts.get(band, 0) for band in counts.bands}
    for word in counts.plan.severities[:1]:
        found[f"severity:{word}"] = tallies.worst.counts.get(word, 0)
    found["insufficient"] = tallies.sufficiency.counts.get("no", 0)
    if "none" in tallies.escalation.counts:
        found["escalated"] = counts.n - tallies.escalation.counts["none"]
    if "none" in tallies.worst.counts:
        found["flagged"] = counts.n - tallies.worst.counts["none"] - tallies.worst.counts.get(MISSING, 0)
    return found
