"""The track record as findings: did what the version under review promised come?

No test is made and no error budget spent: an interval was promised, and a window is read against it, once. The printed
rule of severity: missed in this window is a breach of severity medium, so somebody looks; missed in an earlier window
is to be watched, low; all else is info. A missed prediction drives no change by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from calibgit.model.report import Finding, Severity, Status
from calibgit.model.rounding import percent
from calibgit.model.snapshot import TimeWindow
from calibgit.model.track import CLASS_SHARE, Came, Promise, VersionTrack

TRACK_RECORD = "track_record"
_GRADES: dict[Status, tuple[Severity, str]] = {
    "breach": (
        "medium",
        "Find out why before anything else is tuned: other people came, or the change does something else than was "
        "shown. The change summary of the version names the way back.",
    ),
    "watch": ("low", "It was found then; keep it in mind when the next change promises something."),
    "ok": ("info", "Nothing to do."),
    "not_assessable": ("info", "Nothing can be said; do not read this as good or bad."),
}


def track_record(record: Sequence[VersionTrack], version: str, window: TimeWindow) -> list[Finding]:
    """One finding for each prediction of a version, with what `window` or an earlier one showed."""
    found: list[Finding] = []
    for entry in record:
        for promise in entry.predictions if entry.version == version else ():
            again = sum(other.subject == promise.metric for other in found)
            name = f"prediction:{promise.metric}" + (f":{again + 1}" if again else "")
            found.append(_finding(entry, promise, window, name))
    return found


def _finding(entry: VersionTrack, promise: Promise, window: TimeWindow, name: str) -> Finding:
    status = _status(promise, window)
    severity, advice = _GRADES[status]
    came = promise.came
    return Finding(
        id=name,
        type=TRACK_RECORD,
        subject=promise.metric,
        stratum=entry.version,
        severity=severity,
        status=status,
        description=_sentence(entry, promise),
        evidence={
            "n": came.n if came is not None else 0,
            **({"count_at_least": came.low, "count_at_most": came.high} if came is not None else {}),
            "promised_at_least": promise.lower,
            "promised_at_most": promise.upper,
            "summary_sha256": entry.summary_sha256,
        },
        recommendation=advice,
        affected_components=("classification",),
    )


def _status(promise: Promise, window: TimeWindow) -> Status:
    if promise.came is None:
        return "not_assessable"
    if promise.verdict == "held":
        return "ok"
    return "breach" if promise.came.window == window else "watch"


def _sentence(entry: VersionTrack, promise: Promise) -> str:
    what = _what(promise.metric)
    said = f"v{entry.version} promised that {what} is {percent(promise.lower)} to {percent(promise.upper)}"
    if promise.came is None:
        return f"{said}; that cannot be judged yet: {promise.reason}."
    return f"{said}; that was {promise.verdict}: {_came(promise.came)}."


def _what(metric: str) -> str:
    return f"the share of band {metric.removeprefix(CLASS_SHARE)!r}" if metric.startswith(CLASS_SHARE) else repr(metric)


def _came(came: Came) -> str:
    low, high = percent(came.low / came.n), percent(came.high / came.n)
    share = low if low == high else f"{low} to {high}"
    return f"it was {share} (n = {came.n}) in the window of {came.window.start[:10]} to {came.window.end[:10]}"
