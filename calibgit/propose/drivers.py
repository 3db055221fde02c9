"""Which findings may drive a change, and which cuts they concern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calibgit.model.report import CalibrationReport, Finding

CROWDING = "boundary_crowding"
CROWDING_ID = "crowding:"
CLASS_SHARE = "classification_distribution"


@dataclass(frozen=True, slots=True)
class Drivers:
    """Cut index to the finding that drives it, and the cuts that have a crowding breach."""

    by_cut: dict[int, Finding]
    crowded: frozenset[int]


def blocking(report: CalibrationReport, version: str) -> Finding | None:
    """The first critical finding of the version: data that the config does not explain cannot tune it."""
    return next((f for f in report.findings if f.stratum == version and f.severity == "critical"), None)


def drivers(report: CalibrationReport, version: str, bands: Sequence[str]) -> Drivers:
    """Breaches of severity medium or above in the stratum under review that concern a cut.

    A class-share finding concerns the two cuts of its band, a crowding finding its own cut. Sorting drives nothing:
    whoever sorts against one cut sorts against the next.
    """
    last = len(bands) - 1
    by_cut: dict[int, Finding] = {}
    crowded: set[int] = set()
    for finding in report.findings:
        grave = finding.is_serious and finding.status == "breach"
        if finding.stratum != version or not grave or finding.subject not in bands:
            continue
        index = bands.index(finding.subject)
        if finding.type == CROWDING and finding.id.startswith(CROWDING_ID) and index < last:
            crowded.add(index)
            by_cut.setdefault(index, finding)
        elif finding.type == CLASS_SHARE:
            for cut in (index - 1, index):
                if 0 <= cut < last:
                    by_cut.setdefault(cut, finding)
    return Drivers(dict(sorted(by_cut.items())), frozenset(crowded))
