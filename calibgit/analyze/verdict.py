"""From drafts to findings: one error budget, four statuses, printed severities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from calibgit.analyze.draft import Draft, Limits, Unit
from calibgit.analyze.effects import Effect
from calibgit.analyze.intervals import PLAIN_TAIL
from calibgit.analyze.multiplicity import benjamini_hochberg
from calibgit.analyze.turning import rows_needed, turning_point
from calibgit.model.report import SEVERITIES, Finding, Severity, Status, Test
from calibgit.model.rounding import percent, six_digits


def p_value(effect: Effect, limits: Limits) -> float:
    """One-sided p of "the effect lies within its limits", six digits.

    With two limits it is the smaller of the two sides. Its size is the nominal one as long as the limits are
    more than about two standard errors apart, because only one of them can then be close.
    """
    sides = [] if limits.high is None else [effect.p_above(limits.high)]
    sides += [] if limits.low is None else [effect.p_below(limits.low)]
    return six_digits(min(1.0, *sides)) if sides else 1.0


def conclude(drafts: Sequence[Draft | Finding], rate: float) -> tuple[tuple[Finding, ...], int]:
    """All findings in the order given, and the number of tests that shared the error budget."""
    tested = [draft for draft in drafts if isinstance(draft, Draft) and draft.effect is not None]
    p = [p_value(draft.effect, draft.limits) for draft in tested if draft.effect is not None]
    selection = benjamini_hochberg(p, rate)
    numbers = {id(draft): index for index, draft in enumerate(tested)}
    found: list[Finding] = []
    for draft in drafts:
        if isinstance(draft, Finding):
            found.append(draft)
            continue
        index = numbers.get(id(draft))
        if index is None or draft.effect is None:
            found.append(_not_assessable(draft))
            continue
        breach = selection.rejected[index]
        turning = selection.tail if breach else _next_tail(selection.rejected, rate)
        tail = selection.tail if breach else PLAIN_TAIL
        test = _test(draft, draft.effect, tail, adjusted=breach)
        test = test.model_copy(update={"p": p[index], "q": six_digits(selection.q[index])})
        found.append(
            _finding(
                draft, test, turning_point(draft, draft.effect, test, turning, partial(_show, unit=draft.limits.unit))
            )
        )
    return tuple(found), len(tested)


def _test(draft: Draft, effect: Effect, tail: float, *, adjusted: bool) -> Test:
    lower, upper = (six_digits(bound) for bound in effect.bounds(tail))
    low, high = draft.limits.low, draft.limits.high
    if adjusted and high is not None and effect.estimate > high:
        lower = max(lower, high)
    elif adjusted and low is not None:
        upper = min(upper, low)
    return Test(
        method=effect.method,
        n=draft.n,
        estimate=six_digits(effect.estimate),
        lower=lower,
        upper=upper,
        adjusted=adjusted,
        p=1.0,
        limit_low=low,
        limit_high=high,
    )


def status_of(test: Test) -> Status:
    """The status that a test's printed numbers say. `adjusted` marks the tests that were rejected."""
    if test.adjusted:
        return "breach"
    inside = (test.limit_low is None or test.lower >= test.limit_low) and (
        test.limit_high is None or test.upper <= test.limit_high
    )
    return "ok" if inside else "watch"


def severity_of(test: Test, limits: Limits, ceiling: Severity) -> Severity:
    """The printed rule: breach is medium, breach wholly beyond the major limit high, watch low, else info."""
    status = status_of(test)
    if status != "breach":
        return "low" if status == "watch" else "info"
    major = (limits.major_high is not None and test.lower > limits.major_high) or (
        limits.major_low is not None and test.upper < limits.major_low
    )
    grade: Severity = "high" if major else "medium"
    return min(grade, ceiling, key=SEVERITIES.index)


def _next_tail(rejected: Sequence[bool], rate: float) -> float:
    """The one-sided error probability at which one test more would be rejected."""
    return (sum(rejected) + 1) * rate / len(rejected)


def _finding(draft: Draft, test: Test, turning: str) -> Finding:
    status = status_of(test)
    over = test.limit_high is not None and test.estimate > test.limit_high
    advice = {
        "breach": draft.advice_high if over else draft.advice_low,
        "watch": "Nothing is shown yet. Look again after the next window.",
        "ok": "Nothing to do.",
    }[status]
    return Finding(
        id=draft.id,
        type=draft.type,
        subject=draft.subject,
        stratum=draft.stratum,
        severity=severity_of(test, draft.limits, draft.ceiling),
        status=status,
        description=_sentence(draft, test),
        turning_point=turning,
        test=test,
        evidence=_rounded(draft),
        recommendation=advice,
        affected_components=draft.affected,
    )


def _not_assessable(draft: Draft) -> Finding:
    return Finding(
        id=draft.id,
        type=draft.type,
        subject=draft.subject,
        stratum=draft.stratum,
        severity="info",
        status="not_assessable",
        description=f"{draft.what} cannot be judged: {draft.reason}.",
        turning_point=rows_needed(dict(draft.evidence)),
        evidence=_rounded(draft),
        recommendation="Nothing can be said; do not read this as good or bad.",
        affected_components=draft.affected,
    )


def _rounded(draft: Draft) -> dict[str, bool | int | float | str | None]:
    pairs = {"n": draft.n, **dict(sorted(draft.evidence.items()))}
    return {name: six_digits(value) if isinstance(value, float) else value for name, value in pairs.items()}


def _show(value: float, unit: Unit) -> str:
    if unit == "rate":
        return percent(value)
    if unit == "difference":
        return f"{100 * value:+.1f} points"
    return f"{value:.2f}"


def _sentence(draft: Draft, test: Test) -> str:
    unit = draft.limits.unit
    sure = "selection-adjusted interval" if test.adjusted else "95% interval"
    bounds = []
    if test.limit_low is not None:
        bounds.append(f"at least {_show(test.limit_low, unit)}")
    if test.limit_high is not None:
        bounds.append(f"at most {_show(test.limit_high, unit)}")
    return (
        f"{draft.what} is {_show(test.estimate, unit)} (n = {test.n}, {sure} {_show(test.lower, unit)} to "
        f"{_show(test.upper, unit)}); the limit is {' and '.join(bounds)}."
    )
