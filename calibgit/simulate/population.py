"""A simulated results table: a latent quality per assessment, scored through the one meaning of the config.

The recorded band is the band that the config implies, confidence is the true probability of a good outcome, and
scores fall smoothly, unless a fault asks otherwise. Every draw comes from a stream that the seed's SHA-256 fixes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibgit.model import semantics

FLAG_TYPES = (
    "contradiction", "evasion", "exaggeration", "late_response", "missing_evidence", "plagiarism", "pressure",
    "scope_gap",
)  # fmt: skip
COHORTS = ("north", "south")
TIERS = ("basic", "standard", "premium")
ESCALATION_TEXTS = (
    "Pattern recurrence: {name} raised the same point in several answers",
    "Low confidence after the interview with {name}",
    "Conflicting evidence, please call {name} back",
    "Asked for by {name}",
)
_TIER_SHARES = (0.6, 0.9)
_SEVERITY_SHARES = (0.025, 0.12, 0.35)
_PILE_WIDTH = 3.0
_AGREED_SHARE = 0.85
_SLIGHT = 0.049
_NAMES = ("Ada Brook", "Ben Cole", "Cy Dunn", "Dee Eliot", "Eve Frost", "Gus Hale")


@dataclass(frozen=True)
class Faults:
    """What is wrong with a population; the default is a healthy one. Shares and rates are 0 to 1.

    Attributes:
        pile_up_at, pile_up_share: this share of scores sits within three points above this score.
        flag_type, flag_rate: this type is flagged at this rate.
        confidence_hot: what the recorded confidence adds to the true probability of a good outcome.
        escalation_rate: the rate of escalations; None is the healthy rate.
        label_disagreement: the share of records whose band is the neighbour of the implied one.
    """

    pile_up_at: float | None = None
    pile_up_share: float = 0.0
    flag_type: str | None = None
    flag_rate: float = 0.0
    confidence_hot: float = 0.0
    escalation_rate: float | None = None
    label_disagreement: float = 0.0


HEALTHY = Faults()


def simulate(
    config: Mapping[str, Any],
    *,
    rows: int,
    seed: int,
    start: dt.date,
    days: int,
    faults: Faults = HEALTHY,
    flag_types: Sequence[str] = FLAG_TYPES,
) -> Iterator[dict[str, object]]:
    """Draw assessments of one config.

    Args:
        config: a scoring config as JSON data; bands, categories, severities and range are read from it.
        rows: how many.
        seed: fixes every draw.
        start: first UTC day.
        days: how many days the assessments spread over, evenly.
        faults: what is wrong.
        flag_types: the types of red flag that occur.

    Yields:
        Rows with the columns of `engine.table.COLUMNS`; `category_scores` and `red_flags` are JSON data.
    """
    digest = hashlib.sha256(f"calibgit/simulate/1:{seed}".encode()).digest()
    population = _Population(config, faults, tuple(flag_types), random.Random(int.from_bytes(digest, "big")))  # noqa: S311
    begin = dt.datetime(start.year, start.month, start.day, tzinfo=dt.UTC)
    for number in range(rows):
        at = begin + dt.timedelta(seconds=int(days * 86400 * (number + population.draw()) / rows))
        yield {"id": number + 1, "created_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **population.assessment()}


class _Population:
    def __init__(
        self, config: Mapping[str, Any], faults: Faults, flag_types: tuple[str, ...], stream: random.Random
    ) -> None:
        self.draw = stream.random
        self._config = config
        self._faults = faults
        self._types = flag_types
        self._gates = semantics.gates(config)
        self._low = float(config["score_range"]["min"])
        self._span = float(config["score_range"]["max"]) - self._low
        self._categories = [name for name in config["category_weights"] if name != "default"]
        self._severities = list(config["red_flag_severity_thresholds"])

    def assessment(self) -> dict[str, object]:
        """One row without its id and time."""
        faults = self._faults
        quality = 0.12 * self._normal()
        piled = faults.pile_up_at is not None and self.draw() < faults.pile_up_share
        flags = [] if piled else self._flags(quality)
        scores = self._piled(faults.pile_up_at or 0.0) if piled else self._scores(quality)
        truth = min(max(0.76 + 0.45 * quality + 0.08 * self._normal(), 0.05), 0.99)
        confidence = round(min(max(truth + faults.confidence_hot, 0.0), 1.0), 4)
        counts: dict[str, int] = {}
        for flag in flags:
            counts[flag["severity"]] = counts.get(flag["severity"], 0) + 1
        score = semantics.score(self._config, semantics.Assessment(scores, confidence, counts))
        effective = semantics.effective_flags(self._config, counts)
        band = semantics.band_index(self._gates, score, confidence, effective)
        subject = int(self.draw() * 1e9)
        row = {
            "subject": f"s{subject:09d}",
            "cohort": COHORTS[subject % len(COHORTS)],
            "logic_version": self._config["logic_version"],
            "overall_score": score,
            "category": self._gates.bands[self._recorded(band)],
            "category_scores": scores,
            "confidence_score": confidence,
            "red_flags": flags,
            **self._circumstances(),
            "outcome": None if self.draw() < 0.2 else int(self.draw() < truth),
        }
        return {**row, "feedback": {1: 4, 0: 2}.get(row["outcome"]) if subject % 3 else None}

    def _normal(self) -> float:
        draw = self.draw
        return (draw() + draw() + draw() + draw() + draw() + draw() - 3.0) * 1.4142135623730951

    def _scores(self, quality: float) -> dict[str, float]:
        level = 0.62 + 1.65 * quality
        return {
            name: round(self._low + self._span * min(max(level + 0.1 * self._normal(), 0.0), 1.0), 2)
            for name in self._categories
        }

    def _piled(self, at: float) -> dict[str, float]:
        score = round(min(at + _PILE_WIDTH * self.draw(), self._low + self._span), 2)
        return dict.fromkeys(self._categories, score)

    def _flags(self, quality: float) -> list[dict[str, str]]:
        return [self._flag(name) for name in self._types if self.draw() < self._rate(name, quality)]

    def _rate(self, name: str, quality: float) -> float:
        if name == self._faults.flag_type:
            return self._faults.flag_rate
        return min(max(0.045 - 0.15 * quality, 0.01), 0.2)

    def _flag(self, name: str) -> dict[str, str]:
        position = self.draw()
        rank = sum(position >= share for share in _SEVERITY_SHARES)
        person = self._person()
        return {
            "type": name,
            "severity": self._severities[min(rank, len(self._severities) - 1)] if self._severities else "none",
            "category": self._categories[int(self.draw() * len(self._categories))],
            "signal": f"{person} avoided the question",
            "evidence": f"{person} wrote from {person.split()[0].lower()}@example.org that it was fine",
        }

    def _recorded(self, band: int) -> int:
        if self.draw() >= self._faults.label_disagreement:
            return band
        return band - 1 if band == len(self._gates.bands) - 1 else band + 1

    def _circumstances(self) -> dict[str, object]:
        rate = 0.07 if self._faults.escalation_rate is None else self._faults.escalation_rate
        escalated, reason, tier = self.draw() < rate, self.draw(), self.draw()
        sufficiency, conflict = self.draw(), self._conflict()
        text = ESCALATION_TEXTS[int(reason * len(ESCALATION_TEXTS))].format(name=self._person())
        return {
            "data_sufficiency": None if sufficiency < 0.01 else sufficiency > 0.09,
            "conflict_density": round(conflict, 4),
            "escalation_reason": text if escalated else None,
            "tier": TIERS[sum(tier >= share for share in _TIER_SHARES)],
        }

    def _conflict(self) -> float:
        agreed, density = self.draw() < _AGREED_SHARE, self.draw()
        return _SLIGHT * density if agreed else _SLIGHT + 0.5 * density * self.draw()

    def _person(self) -> str:
        return _NAMES[int(self.draw() * len(_NAMES))]
