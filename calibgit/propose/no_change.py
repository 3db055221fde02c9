"""The evidence of "no change": what was tested, on how many, and how far the best candidate came."""

from __future__ import annotations

from calibgit.model.proposal import Decision, NoChange, SearchRecord
from calibgit.model.report import CalibrationReport
from calibgit.model.rounding import percent, six_digits
from calibgit.model.snapshot import Stratum


def with_evidence(decision: Decision, report: CalibrationReport, stratum: Stratum | None) -> Decision:
    """The decision as it is, or, where it changes nothing, with its evidence in numbers and in words."""
    if decision.changes:
        return decision
    found = NoChange(
        tests=report.summary.tests,
        n=0 if stratum is None else stratum.n,
        gain=_gain(decision.search),
        frequency=None if decision.search is None else decision.search.selection_frequency,
    )
    return decision.model_copy(update={"evidence": found, "reason": f"{decision.reason} {_words(found)}"})


def _gain(search: SearchRecord | None) -> float | None:
    if search is None:
        return None
    best = min(
        (other.objective for other in search.alternatives if other.changes and not other.reason.startswith("refused")),
        default=search.objective_before,
    )
    return max(0.0, six_digits(search.objective_before - best))


def _words(found: NoChange) -> str:
    if found.n == 0:
        return "Nothing was tested: no assessment of the version under review is published."
    tested = f"{found.tests} tests on {found.n} assessments."
    if found.gain is None:
        return f"Evidence: {tested}"
    often = "" if found.frequency is None else f", in {percent(found.frequency)} of resamples"
    return f"Evidence: {tested} The best candidate within the limits gains {found.gain:g}{often}."
