"""What earlier windows published of the rates that control charts follow. Copied into a proposal that used it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.blocks import Count
from calibgit.model.published import escalated
from calibgit.model.snapshot import MetricsSnapshot, TimeWindow

MOST_WINDOWS = 36


class PastWindow(Document):
    """One earlier window of a version: at most how many of `n` escalated. `n` is 0 where that is not published."""

    window: TimeWindow
    snapshot_sha256: str
    escalated: Count
    n: Count


class History(Document):
    """Earlier, disjoint windows of one version of a line's config, oldest first."""

    schema_: Literal["calibgit/history/1"] = Field(default="calibgit/history/1", alias="schema")
    line: str
    logic_version: str
    windows: tuple[PastWindow, ...]

    @classmethod
    def of_snapshots(cls, line: str, version: str, snapshots: Iterable[MetricsSnapshot]) -> History:
        """The last windows of these snapshots that have the version; any order."""
        found = []
        strata = ((each, each.stratum(version)) for each in sorted(snapshots, key=lambda each: each.window.end))
        for snapshot, stratum in [(each, own) for each, own in strata if own is not None][-MOST_WINDOWS:]:
            present = stratum.escalation.status == "present"
            _, count, n = escalated(stratum.escalation, stratum.n) if present else (0, 0, 0)
            found.append(
                PastWindow(window=snapshot.window, snapshot_sha256=snapshot.digest(), escalated=count, n=max(n, 0))
            )
        return cls(line=line, logic_version=version, windows=tuple(found))
