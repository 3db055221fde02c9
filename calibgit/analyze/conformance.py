"""Contract findings: does the config under review explain the data at all? From verdicts, without numbers."""

from __future__ import annotations

from calibgit.analyze.draft import Context, Draft, Limits, Topic, fact, judge
from calibgit.model.report import Finding

LABEL_CONFORMANCE = "label_conformance"
SCORE_RANGE = "score_range"


def conformance(context: Context) -> list[Draft | Finding]:
    """Recorded labels against the labels that the config implies, and scores against the score range."""
    verdicts = context.stratum.verdicts
    labels = Topic(
        context.name("labels", "conformance"), LABEL_CONFORMANCE, "labels",
        "Agreement of recorded labels with the config", ("classification",),
    )  # fmt: skip
    scores = Topic(context.name("score", "range"), SCORE_RANGE, "score", "The score range", ("scoring",))
    found: list[Draft | Finding] = []
    if verdicts.label_conformance in {"absent", "not_assessable"}:
        reason = {
            "absent": "absent: the source records no label",
            "not_assessable": "there are too few complete assessments to compare",
        }[verdicts.label_conformance]
        found.append(judge(context, labels, None, Limits(), reason=reason, n=context.stratum.n))
    else:
        deviates = verdicts.label_conformance == "deviates"
        found.append(
            fact(
                context,
                labels,
                grade="breach" if deviates else "ok",
                description="Recorded labels differ from the labels that this config implies."
                if deviates
                else "Recorded labels are the labels that this config implies.",
                recommendation="Find out which rules produced these labels before anything is tuned; "
                "proposals are blocked until then."
                if deviates
                else "Nothing to do.",
            )
        )
    outside = verdicts.score_range == "outside"
    found.append(
        fact(
            context,
            scores,
            grade="breach" if outside else "ok",
            description="Some scores lie outside the score range of the config."
            if outside
            else "All scores lie inside the score range of the config.",
            recommendation="Mend the producer or the range; a cut means nothing on another scale."
            if outside
            else "Nothing to do.",
        )
    )
    return found
