"""Predictions, held against what came: a metric of a later window, as an interval, against the interval promised."""

from __future__ import annotations

from typing import Literal

from calibgit.model.proposal import Flow, Prediction
from calibgit.propose.flow import share_bounds

Held = Literal["held", "missed", "not_assessable"]
CLASS_SHARE = "class_share:"


def hold(prediction: Prediction, came: tuple[int, int, int], least: int) -> Held:
    """Whether what was promised came.

    Args:
        prediction: an interval of a share.
        came: at least and at most how many, of how many, in the later window.
        least: fewer assessments than this prove nothing.

    Returns:
        missed where the share lies wholly outside the interval, whatever the hidden counts are; held where its interval
        and the promised one meet.
    """
    low, high, n = came
    if n < least:
        return "not_assessable"
    return "held" if low / n <= prediction.upper and high / n >= prediction.lower else "missed"


def share_after(found: Flow, band: str) -> tuple[int, int, int]:
    """At least, at most and of how many would be in a band after a move, from a window's own flow."""
    _, _, low, high = share_bounds(found, band)
    return round(low * found.n), round(high * found.n), found.n
