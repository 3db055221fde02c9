"""Drift: has the distribution of scores, or of confidences, moved by more than is tolerated since the window before?

Both windows are compared on the coarsening that they have in common, among those whom the other gates allow the same,
so a change of what the gates allow counts too. The distance is chi-square's, per assessment; the
test is the resemblance test of Potgieter, van Niekerk and others (2023): the statistic of homogeneity against a
noncentral chi-square whose noncentrality is that of a tolerated shift. So more data prove a small shift better, and do
not make it larger. Wasserstein's distance in points, Jensen-Shannon's divergence and the population stability index are
shown beside it; the last says little, because its size by chance depends on the number of bins and assessments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.analyze.effects import Distance
from calibgit.model.published import all_edges, common_edges, masses, measured, spread_masses, together, total
from calibgit.model.report import Scalar
from calibgit.model.snapshot import GridBlock, GridRow, GridSpec, Stratum

DRIFT = "drift"
LEAST_BINS = 2
LEAST_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class _Axis:
    name: str
    what: str
    block: Callable[[Stratum], GridBlock]
    affected: str


@dataclass(frozen=True, slots=True)
class Common:
    """Two windows in the same bins: ascending edges, and the counts between them."""

    edges: Sequence[int]
    new: Sequence[int]
    old: Sequence[int]


_AXES = (
    _Axis(
        "score",
        "The distance of this window's scores, cap by cap, from those of the window before",
        lambda s: s.score,
        "scoring",
    ),
    _Axis(
        "confidence",
        "The distance of this window's confidences, cap by cap, from those of the window before",
        lambda s: s.confidence,
        "confidence",
    ),
)


def drift(context: Context) -> list[Draft]:
    """One finding an axis. Only windows of the same logic version are compared."""
    return [_drift(context, axis) for axis in _AXES]


def _drift(context: Context, axis: _Axis) -> Draft:
    topic = Topic(
        context.name("drift", axis.name), DRIFT, axis.name, axis.what, (axis.affected,),
        advice_high="The population or its assessment has changed. Find out which before a cut is moved: a cut that "
        "was right for other people may be wrong for these.",
    )  # fmt: skip
    now, before = axis.block(context.stratum), context.before
    if now.status != "present" or now.grid is None:
        return unpublished(context, topic, now.status)
    then = axis.block(before) if before is not None else None
    if then is None or then.status != "present" or then.grid != now.grid:
        reason = context.before_note if before is None else "the previous window publishes nothing on the same grid"
        return judge(context, topic, None, Limits(high=0.0), reason=reason)
    rows = in_common(now, then, now.grid)
    new, old = [n for row in rows for n in row.new], [n for row in rows for n in row.old]
    limit = tolerated(rows, now.grid, context.settings.analysis.drift_shift)
    limits = Limits(high=limit, unit="ratio")
    least, smaller = context.settings.analysis.min_n, min(sum(new), sum(old))
    if smaller < least:
        reason = f"{smaller} assessments in the smaller window are too few; it takes {least}"
        return judge(context, topic, None, limits, reason=reason, n=smaller)
    found = distance(new, old)
    if found is None:
        return judge(context, topic, None, limits, reason="the windows have no two bins in common", n=smaller)
    evidence = {**_display(now, then, now.grid), "bins": found.df + 1, "n_before": sum(old)}
    return judge(context, topic, found, limits, n=sum(new), evidence=evidence)


def in_common(now: GridBlock, then: GridBlock, grid: GridSpec) -> list[Common]:
    """Both windows on edges that they share, cap by cap, in bins that hold enough of both windows together."""
    least = LEAST_SHARE * (total(measured(now.rows)) + total(measured(then.rows)))
    found = []
    for new, old in together(measured(now.rows), measured(then.rows)):
        edges = _wider(common_edges((*new, *old), grid.bins), (*new, *old), least)
        found.append(Common(edges, masses(new, edges), masses(old, edges)))
    return found


def _wider(edges: Sequence[int], rows: Sequence[GridRow], least: float) -> list[int]:
    """Edges between which at least so many stand, from below; what remains at the top joins the last bin."""
    kept, held = [edges[0]], 0
    for edge, n in zip(edges[1:], masses(rows, edges), strict=True):
        held += n
        if held >= least:
            kept.append(edge)
            held = 0
    return [*kept[: -1 if len(kept) > 1 else None], edges[-1]]


def distance(new: Sequence[int], old: Sequence[int]) -> Distance | None:
    """Chi-square's distance of two histograms of the same bins; None where they share fewer than two."""
    pairs = [(a, b) for a, b in zip(new, old, strict=True) if a + b]
    n, m = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    if len(pairs) < LEAST_BINS or not n or not m:
        return None
    size = n * m / (n + m)
    statistic = math.fsum(size * (a / n - b / m) ** 2 * (n + m) / (a + b) for a, b in pairs)
    return Distance(statistic, len(pairs) - 1, size)


def tolerated(rows: Sequence[Common], grid: GridSpec, share: float) -> float:
    """The distance between the window before and itself, moved by a share of the range, the larger of up and down.

    What chance alone adds is taken off: a moved histogram differs from itself by its own noise, too.
    """
    points, total = share * (grid.bins - 1), sum(n for row in rows for n in row.old) or 1
    squares = max(math.fsum(_squares(row, move) for row in rows) for move in (-points, points))
    return math.sqrt(max(squares, 0.0) / total)


def _squares(row: Common, move: float) -> float:
    """Sum of the squared differences of a histogram and itself moved by so many bins, each over its size."""
    found, edges, old = 0.0, row.edges, row.old
    for into, n in enumerate(old):
        parts = [_part(edges, place, into, move) for place in range(len(old))]
        moved = math.fsum(part * m for part, m in zip(parts, old, strict=True))
        noise = math.fsum(
            (part - (place == into)) ** 2 * m for place, (part, m) in enumerate(zip(parts, old, strict=True))
        )
        found += ((moved - n) ** 2 - noise) / ((moved + n) / 2) if moved + n > 0 else 0.0
    return found


def _part(edges: Sequence[int], place: int, into: int, move: float) -> float:
    """The part of a bin that lies in another one after everybody moved; what leaves the range stays at its end."""
    low, high = edges[place] + move, edges[place + 1] + move
    start = -math.inf if into == 0 else edges[into]
    end = math.inf if into == len(edges) - 2 else edges[into + 1]
    return max(0.0, min(high, end) - max(low, start)) / (high - low)


def _display(now: GridBlock, then: GridBlock, grid: GridSpec) -> dict[str, Scalar]:
    edges = all_edges((*measured(now.rows), *measured(then.rows)), grid.bins)
    new, old = spread_masses(measured(now.rows), edges), spread_masses(measured(then.rows), edges)
    n, m = sum(new), sum(old)
    p, q = [a / n for a in new], [b / m for b in old]
    widths = [(grid.value(b) - grid.value(a)) for a, b in pairwise(edges)]
    ahead = moved = 0.0
    for a, b, width in zip(p, q, widths, strict=True):
        moved += abs(ahead + (a - b) / 2) * width
        ahead += a - b
    shared = [(a, b) for a, b in zip(p, q, strict=True) if a > 0 and b > 0]
    return {
        "wasserstein_points": moved,
        "jensen_shannon": _divergence(p, q),
        "stability_index": math.fsum((a - b) * math.log(a / b) for a, b in shared),
        "stability_index_by_chance": (len(shared) - 1) * (1 / n + 1 / m),
    }


def _divergence(p: Sequence[float], q: Sequence[float]) -> float:
    """Jensen-Shannon's divergence in bits, 0 to 1."""

    def part(a: float, b: float) -> float:
        return a * math.log2(2 * a / (a + b)) if a > 0 else 0.0

    return max(0.0, math.fsum((part(a, b) + part(b, a)) / 2 for a, b in zip(p, q, strict=True)))
