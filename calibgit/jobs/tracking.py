"""The track record of a line, from the change summaries of its releases and the windows on the evidence branch.

The evidence branch is not signed: whoever may push to it can move a verdict, and nothing rests on a verdict but
somebody's attention. The promises lie in the commits that signed releases name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from calibgit.errors import CalibgitError, DocumentError
from calibgit.jobs.evidence import Published, published
from calibgit.jobs.track_status import known_tip
from calibgit.jobs.workspace import Workspace
from calibgit.model import semantics
from calibgit.model.canonical import sha256_hex
from calibgit.model.ids import Version, summary_path
from calibgit.model.proposal import ChangeSummary, RollbackTrigger
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.model.state import RegistryState, VersionRecord
from calibgit.model.track import (
    CLASS_SHARE,
    LEAST,
    Promise,
    VersionTrack,
    View,
    advance,
    fires,
    reading,
    tally,
)
from calibgit.repo.objects import blob_data, blob_name, read_objects

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Committed:
    """What the change summary of one release says: its promises, without what came, and its rollback trigger."""

    track: VersionTrack
    trigger: RollbackTrigger | None = None


@dataclass
class _Line:
    """A line as its evidence is read: the windows of a commit, and how each is to be understood."""

    workspace: Workspace
    state: RegistryState
    name: str
    tip: str
    windows: Sequence[Published]
    unread: dict[str, str] = field(default_factory=dict)
    _gates: dict[str, semantics.Gates | None] = field(default_factory=dict)

    def views(self, windows: Sequence[Published]) -> Iterator[View]:
        """These windows, each read when it is asked for; one that cannot be read is left out and named in `unread`."""
        lines = self.workspace.settings.lines
        spelling = lines[self.name].vocabulary.labels if self.name in lines else {}
        names = [f"{self.tip}:{window.path}" for window in windows]
        found = read_objects(self.workspace.repo, names)
        for window, (_, blob) in zip(windows, found, strict=True):
            try:
                snapshot = MetricsSnapshot.read(blob_data(blob, window.path) or b"", window.path)
            except CalibgitError as error:
                self.unread[window.end] = error.code
                continue
            if (snapshot.line, snapshot.window.start, snapshot.window.end) != (self.name, window.start, window.end):
                self.unread[window.end] = "the ledger names another"
                continue
            yield View(snapshot, spelling, self.gates(snapshot))

    def gates(self, snapshot: MetricsSnapshot) -> semantics.Gates | None:
        """The gates of the config that a window was counted under, if the registry knows exactly that config."""
        key = snapshot.config.sha256
        if key not in self._gates:
            self._gates[key] = None
            known = self.state.line(self.name).values()
            same = (one for one in known if (str(one.version), one.sha256) == (snapshot.config.version, key))
            record = next(same, None)
            policy = self.workspace.verification().policy
            if record is not None and policy is not None:
                with suppress(CalibgitError):
                    self._gates[key] = semantics.gates(self.workspace.config_of(record, policy).value)
        return self._gates[key]


def record_of(workspace: Workspace, line: str) -> tuple[VersionTrack, ...]:
    """What the released versions of a line promised, scored by what this clone has of the evidence branch.

    The network is not asked. Empty without a registry, and where no version promised anything.

    Raises:
        IntegrityError: the registry does not hold.
        DocumentError: LEDGER_MALFORMED, NOT_JSON.
    """
    verification = workspace.verification()
    if verification.policy is None and verification.ok:
        return ()
    state, _ = verification.require()
    known = _promising(one.track for one in committed(workspace, state, line))
    tip = known_tip(workspace, line)
    windows = published(workspace.repo, tip) if tip and known else []
    return _scored(_Line(workspace, state, line, tip or "", windows), known)


def known_record(workspace: Workspace, state: RegistryState, line: str) -> tuple[VersionTrack, ...]:
    """The same for a check: an evidence branch that cannot be read stops no check, and the promises stay."""
    try:
        return record_of(workspace, line)
    except DocumentError:
        return _promising(one.track for one in committed(workspace, state, line))


def _promising(record: Iterable[VersionTrack]) -> tuple[VersionTrack, ...]:
    return tuple(entry for entry in record if entry.predictions or entry.note)


def told(workspace: Workspace, state: RegistryState, line: str, tip: str, until: str | None) -> dict[str, Any]:
    """The same as JSON data, with the rollback triggers of what is active; see `track_status.track_record`.

    Raises:
        CalibgitError: LEDGER_MALFORMED and what else cannot be read.
    """
    known = committed(workspace, state, line)
    windows = [one for one in published(workspace.repo, tip) if until is None or one.end <= until] if known else []
    place = _Line(workspace, state, line, tip, windows)
    record = _scored(place, _promising(one.track for one in known))
    triggers = [
        _trigger(place, env, active, one.trigger)
        for env in state.environments(line)
        if (active := state.active(line, env)) is not None
        for one in known
        if one.track.version == str(active.version) and one.trigger is not None
    ]
    unread = ", ".join(
        f"the window up to {_printable(end)[:10]} ({code})" for end, code in sorted(place.unread.items())
    )
    return {
        "note": f"left out, because they cannot be read: {unread}" if unread else "",
        **tally(record).data(),
        "versions": [entry.data() for entry in record],
        "triggers": triggers,
    }


def committed(workspace: Workspace, state: RegistryState, line: str) -> list[Committed]:
    """What every released version promised in the change summary that lies in its released commit, oldest first."""
    times = {event.seq: event.at for event in workspace.verification().events}
    released = [
        record
        for _, record in sorted(state.line(line).items())
        if record.status != "rejected" and record.evidence != "baseline"
    ]
    names = [blob_name(record.commit, summary_path(line, record.version)) or "" for record in released]
    found = []
    for record, (_, blob) in zip(released, read_objects(workspace.repo, names), strict=True):
        if blob is None:
            continue
        try:
            data = blob_data(blob, summary_path(line, record.version)) or b""
        except CalibgitError as error:
            found.append(_unreadable(record, times[record.seq], error))
            continue
        found.append(promises(data, line, record.version, times[record.seq], ever=bool(record.envs)))
    return found


def promises(data: bytes, line: str, version: Version, released: str, *, ever: bool = True) -> Committed:
    """What a change summary promises, from its bytes; `ever`: whether the version was ever active."""
    bare = VersionTrack(version=str(version), released=released, summary_sha256=sha256_hex(data), least=LEAST)
    try:
        summary = ChangeSummary.read(data, "the change summary")
    except CalibgitError as error:
        return Committed(bare.model_copy(update={"note": _printable(f"{error.code}: {error.what}")}))
    if (summary.line, summary.proposed_version) != (line, str(version)):
        return Committed(bare.model_copy(update={"note": "its change summary speaks of another version or line"}))
    trigger = summary.rollback_trigger
    reason = "no window has been published since" if ever else "it has never been active"
    made = tuple(
        Promise(
            metric=_printable(one.metric), point=one.point, lower=one.lower, upper=one.upper, level=one.level,
            reason=reason,
        )
        for one in summary.prediction
    )  # fmt: skip
    least = LEAST if trigger is None else max(trigger.min_n, 1)
    return Committed(bare.model_copy(update={"least": least, "predictions": made}), trigger)


def _unreadable(record: VersionRecord, released: str, error: CalibgitError) -> Committed:
    version, note = str(record.version), _printable(f"{error.code}: {error.what}")
    return Committed(VersionTrack(version=version, released=released, summary_sha256="", least=LEAST, note=note))


def _printable(text: str) -> str:
    """Text of others on one line of a terminal."""
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in short)


def _scored(place: _Line, record: Sequence[VersionTrack]) -> tuple[VersionTrack, ...]:
    """The record after all windows; none is read that can score nothing."""
    versions = place.state.line(place.name)
    used = {str(version) for version, known in versions.items() if known.envs}
    since = min((entry.released for entry in record if entry.version in used and _is_open(entry)), default=None)
    windows = [] if since is None else [window for window in place.windows if window.end > since]
    scored = tuple(record)
    for view in place.views(windows) if windows else ():
        scored = advance(scored, view)
        if not any(_is_open(entry) for entry in scored if entry.version in used):
            break
    return scored


def _is_open(entry: VersionTrack) -> bool:
    return any(one.came is None and one.metric.startswith(CLASS_SHARE) for one in entry.predictions)


def _trigger(place: _Line, env: str, active: VersionRecord, trigger: RollbackTrigger) -> dict[str, Any]:
    """Whether the newest window with enough assessments since the version became active passes the bound."""
    since = max(step.at for step in place.state.steps if (step.line, step.env) == (place.name, env))
    windows = [window for window in reversed(place.windows) if window.end > since]
    reason, came, has_fired = "no window has been published since", None, False
    for view in place.views(windows) if windows else ():
        found = reading(trigger.metric, str(active.version), view)
        if not found.reason and found.n >= max(trigger.min_n, 1):
            reason, window = "", view.snapshot.window.data()
            came = {"window": window, "low": found.low, "high": found.high, "n": found.n}
            has_fired = fires(trigger.direction, trigger.bound, found, trigger.min_n)
            break
        reason = found.reason or f"{found.n} assessments are too few; it takes {trigger.min_n}"
    command = f"calibgit rollback --line {place.name} --env {env} --reason TEXT"
    return {
        "env": env,
        "version": str(active.version),
        **trigger.data(),
        "metric": _printable(trigger.metric),
        "fired": has_fired,
        "reason": reason,
        "came": came,
        "command": command if has_fired else None,
    }
