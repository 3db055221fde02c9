"""What one collection counts: the mapping of a line, its closed vocabularies and its grids. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import GridSpec, TimeWindow

_UNCOUNTED = frozenset({"created_at", "subject"})


@dataclass(frozen=True)
class Plan:
    """What one collection counts. All vocabularies are final: defaults from the config are already in.

    Attributes:
        line: the line's name, for errors.
        settings: the line's settings.
        config: the config as JSON data.
        window: half-open UTC window.
        score, confidence, conflict, category: base grids in fixed point.
        moment_scale: fixed point of the sums of products of category scores; a product is in its square.
        versions, categories, severities, flag_types, tiers, groups: closed key sets; severities worst first.
        labels: recorded label to band name.
        periods: names of the calendar periods that the window touches, in order, each with the UTC date of its end.
    """

    line: str
    settings: Line
    config: Mapping[str, Any]
    window: TimeWindow
    score: GridSpec
    confidence: GridSpec
    conflict: GridSpec
    category: GridSpec
    moment_scale: int
    versions: tuple[str, ...]
    categories: tuple[str, ...]
    severities: tuple[str, ...]
    flag_types: tuple[str, ...]
    tiers: tuple[str, ...]
    groups: tuple[str, ...]
    labels: Mapping[str, str]
    periods: tuple[tuple[str, str], ...]

    @cached_property
    def gates(self) -> semantics.Gates:
        """The config's gate table."""
        return semantics.gates(self.config)

    @property
    def roles(self) -> tuple[str, ...]:
        """The mapped roles that are counted, in the order of the settings."""
        return tuple(role for role, _ in self.mapped() if role not in _UNCOUNTED)

    @property
    def has_subjects(self) -> bool:
        """Whether a column tells who was assessed."""
        return self.settings.source.columns.subject is not None

    def mapped(self) -> list[tuple[str, str]]:
        """Role and column of every mapped role, in the order of the settings."""
        return [(role, name) for role, name in self.settings.source.columns if name is not None]
