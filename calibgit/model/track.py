"""The track record: what released versions promised, and what came. The one rule that scores a prediction.

A prediction is scored once, in the first window after the release that publishes enough assessments of the version; no
later window scores it again. Every number is a published count, so hidden counts make it an interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.blocks import Count
from calibgit.model.semantics import Gates
from calibgit.model.shares import band_shares
from calibgit.model.snapshot import MetricsSnapshot, TimeWindow

Verdict = Literal["held", "missed", "not_assessable"]
CLASS_SHARE = "class_share:"
LEAST = 200


class Interval(Protocol):
    """An interval of a share."""

    @property
    def lower(self) -> float:
        """Lower end, 0 to 1."""

    @property
    def upper(self) -> float:
        """Upper end, 0 to 1."""


class Came(Document):
    """What a window showed: at least `low` and at most `high` of `n` assessments."""

    window: TimeWindow
    low: Count
    high: Count
    n: Annotated[int, Field(strict=True, ge=1)]


class Promise(Document):
    """One prediction and what came. `reason` says why it is not assessable."""

    metric: str
    point: float
    lower: float
    upper: float
    level: float
    verdict: Verdict = "not_assessable"
    reason: str = ""
    came: Came | None = None


class VersionTrack(Document):
    """What a released version promised.

    `summary_sha256`: of the change summary that says so. `released`: UTC time of the release. `least`: fewer
    assessments of the version prove nothing. `note`: why the summary promises nothing that can be read.
    """

    version: str
    released: str
    summary_sha256: str
    least: Annotated[int, Field(strict=True, ge=1)]
    note: str = ""
    predictions: tuple[Promise, ...] = ()


class Tally(Document):
    """How many predictions held, were missed, or are not assessable yet."""

    held: Count = 0
    missed: Count = 0
    not_assessable: Count = 0


@dataclass(frozen=True, slots=True)
class View:
    """A window as it is read: its counts, how labels are spelled, and the gates of its own config where known."""

    snapshot: MetricsSnapshot
    spelling: Mapping[str, str]
    gates: Gates | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric of a window: at least `low` and at most `high` of `n`; `reason` where it cannot be read."""

    low: int = 0
    high: int = 0
    n: int = 0
    reason: str = ""


def hold(promised: Interval, came: tuple[int, int, int], least: int) -> Verdict:
    """Whether what was promised came.

    Args:
        promised: an interval of a share.
        came: at least and at most how many, of how many, in the later window.
        least: fewer assessments than this prove nothing.

    Returns:
        missed where the share lies wholly outside the interval, whatever the hidden counts are; held where its interval
        and the promised one meet.
    """
    low, high, n = came
    if n < max(least, 1):
        return "not_assessable"
    return "held" if low / n <= promised.upper and high / n >= promised.lower else "missed"


def fires(direction: Literal["above", "below"], bound: float, came: Reading, least: int) -> bool:
    """Whether a share lies beyond a bound, whatever the hidden counts are, on at least so many assessments."""
    if came.reason or came.n < max(least, 1):
        return False
    return came.low / came.n > bound if direction == "above" else came.high / came.n < bound


def reading(metric: str, version: str, view: View) -> Reading:
    """A metric of the assessments of a version, from recorded labels or from the bands that its config implies."""
    snapshot, band = view.snapshot, metric.removeprefix(CLASS_SHARE)
    if not metric.startswith(CLASS_SHARE):
        return Reading(reason=f"nothing counts the metric {metric!r}")
    if band not in snapshot.bands:
        return Reading(reason=f"the window was counted without a band {band!r}")
    stratum = snapshot.stratum(version)
    if stratum is None:
        return Reading(reason=f"the window publishes no assessment of v{version}")
    own = view.gates if version == snapshot.config.version else None
    pooled = {group for row in stratum.score.rows for group in row.groups}
    if own is not None and (own.bands != snapshot.bands or not pooled <= set(range(len(own.bands)))):
        own = None
    shares = band_shares(stratum, snapshot.bands, view.spelling, own)
    if shares is None or shares.n == 0:
        return Reading(reason=f"the window publishes no band of v{version}")
    return Reading(*shares.bands[band], shares.n)


def advance(record: Sequence[VersionTrack], view: View) -> tuple[VersionTrack, ...]:
    """The record after one more window. Verdicts of windows that end by its start stay; others are given anew.

    So the record of a window does not depend on whether it, or a later one, was scored before.
    """
    return tuple(entry.model_copy(update={"predictions": _promises(entry, view)}) for entry in record)


def _promises(entry: VersionTrack, view: View) -> tuple[Promise, ...]:
    start = view.snapshot.window.start
    found = []
    for promise in entry.predictions:
        earlier = promise.came is not None and promise.came.window.end <= start
        found.append(promise if earlier else _scored(promise, entry, view))
    return tuple(found)


def _scored(promise: Promise, entry: VersionTrack, view: View) -> Promise:
    window = view.snapshot.window
    came = reading(promise.metric, entry.version, view)
    reason, verdict = came.reason, hold(promise, (came.low, came.high, came.n), entry.least)
    if promise.lower > promise.upper:
        reason = "the promised interval is empty"
    elif window.end <= entry.released:
        reason = "the window ends before the release"
    elif not reason and verdict == "not_assessable":
        reason = f"{came.n} assessments of v{entry.version} are too few; it takes {entry.least}"
    if reason:
        return promise.model_copy(update={"verdict": "not_assessable", "reason": reason, "came": None})
    shown = Came(window=window, low=came.low, high=came.high, n=came.n)
    return promise.model_copy(update={"verdict": verdict, "reason": "", "came": shown})


def unscored(record: Sequence[VersionTrack]) -> tuple[VersionTrack, ...]:
    """The promises alone, without what came."""
    bare = {"verdict": "not_assessable", "reason": "", "came": None}
    return tuple(
        entry.model_copy(update={"predictions": tuple(p.model_copy(update=bare) for p in entry.predictions)})
        for entry in record
    )


def contradicted(
    record: Sequence[VersionTrack], known: Sequence[VersionTrack], *, before: str, base: str
) -> str | None:
    """The first version of a record about which another one, made from what a reader has, says something else.

    Args:
        record: what somebody states.
        known: what the reader knows; it may know of fewer windows.
        before: UTC time; only verdicts of windows that end by then are compared.
        base: a version that may not be left out if it promised something.
    """
    theirs = {entry.version: entry for entry in record}
    if base not in theirs and base in {entry.version for entry in known}:
        return base
    ours = {entry.version: entry for entry in known}
    promises = {entry.version: entry for entry in unscored(known)}
    for stated in record:
        if promises.get(stated.version) != unscored([stated])[0]:
            return stated.version
        pairs = zip(stated.predictions, ours[stated.version].predictions, strict=True)
        if any(_differ(one.came, other.came, before) for one, other in pairs):
            return stated.version
    return None


def _differ(stated: Came | None, known: Came | None, before: str) -> bool:
    if known is None or known.window.end > before:
        return False
    return stated != known and (stated is None or stated.window.end >= known.window.end)


def tally(record: Sequence[VersionTrack]) -> Tally:
    """How the predictions of a record went."""
    found = Counter(promise.verdict for entry in record for promise in entry.predictions)
    return Tally(held=found["held"], missed=found["missed"], not_assessable=found["not_assessable"])
