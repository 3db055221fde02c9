"""What calibgit would have said on one's own history: window after window, each from earlier data only.

No repository, no key, and nothing is written. Every window goes through the whole pipeline, disclosure control too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from calibgit.collect.window import resolve_window
from calibgit.engine.open import open_source
from calibgit.errors import EnvironmentFault, UsageError
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.first_mapping import Draft, draft_mapping
from calibgit.jobs.measure import Subject, analyze, count, earlier_of, publish, read_file
from calibgit.model import semantics
from calibgit.model.config_data import read_config_data, version_of
from calibgit.model.proposal import Decision
from calibgit.model.report import CalibrationReport, Finding
from calibgit.model.settings import Line, read_settings
from calibgit.model.snapshot import MetricsSnapshot, TimeWindow
from calibgit.model.track import CLASS_SHARE, Verdict, hold
from calibgit.propose.flow import flow
from calibgit.propose.paths import locate, with_values
from calibgit.propose.search import decide
from calibgit.propose.track import share_after

LINE = "backtest"
MOST_WINDOWS = 120
Outcome = Literal["held", "missed", "not_assessable", "no_next_window", ""]


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: a line under a config, and where its settings come from."""

    subject: Subject
    mapping: str


@dataclass(frozen=True, slots=True)
class Step:
    """One past window.

    Attributes:
        window: half-open UTC window.
        n: assessments of the config's version that were published; 0 where there were none.
        alarms: ids of the findings of severity medium or above.
        again: those of the alarms that the next window raised too.
        changes: path to new value of the change that would have been proposed.
        reason: why there would have been none.
        outcome: whether the next window showed what the change promised.
    """

    window: TimeWindow
    n: int = 0
    alarms: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    outcome: Outcome = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    window: TimeWindow
    snapshot: MetricsSnapshot | None = None
    report: CalibrationReport | None = None
    decision: Decision | None = None


def trial(source: Any, config: Path, settings: Path | None, table: str | None, line: str | None) -> Trial:
    """The settings of a file, or of a first mapping of the table; and the config.

    Raises:
        UsageError: MAPPING_INCOMPLETE, or see `draft_mapping` and `Settings.line`.
        DocumentError: see `read_settings` and `read_config_data`.
        EnvironmentFault: CANNOT_READ.
    """
    data = read_file(config)
    value = read_config_data(data, config.name)
    active = ActiveConfig(version_of(value), data, value)
    if settings is not None:
        name, chosen = read_settings(read_file(settings), settings.name).line(line)
        return Trial(Subject(name, chosen, chosen.digest(), "", active), settings.name)
    draft = draft_mapping(source, table)
    if draft.undecided:
        raise _incomplete(draft)
    text = 'schema = "calibgit/settings/1"\n\n' + draft.text(LINE)
    chosen = read_settings(text.encode()).lines[LINE]
    if chosen.source.logic_version is not None:
        where = chosen.source.model_copy(update={"logic_version": str(active.version)})
        chosen = chosen.model_copy(update={"source": where})
    tried = Subject(LINE, chosen, chosen.digest(), "", active)
    return Trial(tried, f"a first mapping of {len(draft.mapping.chosen)} columns")


def backtest(
    source: Any, tried: Trial, *, windows: int, as_of: str, progress: Callable[[int, int, str], None] = lambda *_: None
) -> tuple[Step, ...]:
    """The last complete windows, oldest first.

    Args:
        source: what `open_source` takes.
        tried: see `trial`.
        windows: how many, 1 to 120.
        as_of: UTC date; the last window is the last complete one before it.
        progress: told before each window how many are done, how many there are, and what is done.

    Raises:
        UsageError: BAD_WINDOW, or what counting and analysis refuse.
        EnvironmentFault: EMPTY_WINDOW when no window has an assessment, or see `open_source`.
    """
    if not 1 <= windows <= MOST_WINDOWS:
        raise UsageError(
            "BAD_WINDOW",
            f"{windows} windows",
            why="Each window is counted by itself.",
            fix=f"use 1 to {MOST_WINDOWS}",
        )
    subject = tried.subject
    judged = list(_judge(source, subject, _windows(subject.settings, windows, as_of), progress))
    if not any(each.snapshot for each in judged):
        raise EnvironmentFault(
            "EMPTY_WINDOW",
            f"none of {windows} windows before {as_of} has an assessment",
            why="A history without rows says nothing.",
            fix="choose another --as-of, or check created_at and score in the mapping",
        )
    following = [*judged[1:], None]
    return tuple(_step(subject, now, then) for now, then in zip(judged, following, strict=True))


def _windows(settings: Line, count: int, as_of: str) -> list[TimeWindow]:
    days, anchor = settings.window.days, settings.window.anchor
    found = [resolve_window(as_of, days, anchor)]
    while len(found) < count:
        before = dt.date.fromisoformat(found[-1].start[:10])
        found.append(resolve_window(before, days, anchor))
    return found[::-1]


def _judge(
    source: Any, subject: Subject, windows: Sequence[TimeWindow], progress: Callable[[int, int, str], None]
) -> Iterator[_Judged]:
    config, settings = subject.config, subject.settings
    earlier: list[MetricsSnapshot] = []
    with open_source(source) as engine:
        for done, window in enumerate(windows):
            progress(done, len(windows), window.start[:10])
            try:
                exact = count(subject, engine, window)
            except EnvironmentFault as fault:
                if fault.code != "EMPTY_WINDOW":
                    raise
                yield _Judged(window)
                continue
            snapshot = publish(subject, exact)
            report = analyze(subject, snapshot, *earlier_of(snapshot, earlier))
            decision = decide(snapshot, report, config_data=config.value, settings=settings)
            earlier.append(snapshot)
            yield _Judged(window, snapshot, report, decision)


def _step(subject: Subject, now: _Judged, then: _Judged | None) -> Step:
    if now.snapshot is None or now.report is None or now.decision is None:
        return Step(now.window)
    stratum = now.snapshot.stratum(str(subject.config.version))
    alarms = _alarms(now.report.findings)
    later = _alarms(then.report.findings) if then is not None and then.report is not None else ()
    return Step(
        window=now.window,
        n=stratum.n if stratum is not None else 0,
        alarms=alarms,
        again=tuple(name for name in alarms if name in later),
        changes={change.path: change.new for change in now.decision.changes},
        reason=now.decision.reason,
        outcome=_outcome(subject, now.decision, then),
    )


def _alarms(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(finding.id for finding in findings if finding.is_serious)


def _outcome(subject: Subject, decision: Decision, then: _Judged | None) -> Outcome:
    """Whether the next window, seen through the proposed config, shows the promised shares."""
    if not decision.changes:
        return ""
    if then is None or then.snapshot is None:
        return "no_next_window"
    config = subject.config
    stratum = then.snapshot.stratum(str(config.version))
    if stratum is None:
        return "not_assessable"
    changed = with_values(
        config.value, {keys: c.new for c in decision.changes if (keys := locate(config.value, c.path)) is not None}
    )
    found = flow(stratum, semantics.gates(config.value), semantics.gates(changed))
    least = subject.settings.analysis.min_n
    held: set[Verdict] = {
        hold(promised, share_after(found, promised.metric.removeprefix(CLASS_SHARE)), least)
        for promised in decision.prediction
    }
    order: tuple[Verdict, ...] = ("missed", "not_assessable", "held")
    return next((word for word in order if word in held), "not_assessable")


def _incomplete(draft: Draft) -> UsageError:
    return UsageError(
        "MAPPING_INCOMPLETE",
        f"no column of the table is certain to be its {' and '.join(draft.undecided)}",
        why="Which column is meant is not guessed.",
        fix="write calibgit.toml with calibgit init --from-source, complete it, and give it with --settings",
    )
