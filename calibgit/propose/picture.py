"""One picture: the published scores, with the old and the new cuts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from calibgit.model.published import total
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import GridRow, Stratum

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 40, 40
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.bar{fill:#8c959f}.axis{stroke:#57606a}"
    ".old{stroke:#57606a;stroke-dasharray:4 3}.new{stroke:#0550ae;stroke-width:2}.new-text{fill:#0550ae}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}.axis{stroke:#8b949e}"
    ".old{stroke:#8b949e}.new{stroke:#79c0ff}.new-text{fill:#79c0ff}}"
)


def histogram_svg(stratum: Stratum, old: Gates, new: Gates) -> str:
    """Published score density with old cuts dashed and moved cuts solid; the same inputs give the same bytes.

    Args:
        stratum: published counts.
        old: gates in force.
        new: proposed gates of the same bands.
    """
    grid = stratum.score.grid
    if stratum.score.status != "present" or grid is None:
        return _page("No published scores", "The snapshot publishes no scores.", [])
    steps = _steps(stratum.score.rows, grid.bins)
    peak = max((d for _, _, d in steps), default=0.0) or 1.0
    low, high = grid.value(0), grid.value(grid.bins)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    base = HEIGHT - BOTTOM
    parts = [
        f'<rect class="bar" x="{x(grid.value(a)):.2f}" y="{base - (base - TOP) * d / peak:.2f}" '
        f'width="{max(x(grid.value(b)) - x(grid.value(a)) - 0.5, 0.2):.2f}" '
        f'height="{(base - TOP) * d / peak:.2f}"/>'
        for a, b, d in steps
        if d > 0
    ]
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>')
    parts += _cuts(old, new, x(low), [x(cut) for cut in old.cuts], [x(cut) for cut in new.cuts])
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">{low:g}</text>')
    top = grid.value(grid.bins - 1)
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{top:g}</text>')
    moved = [f"{band} {a:g} to {b:g}" for band, a, b in zip(old.bands, old.cuts, new.cuts, strict=True) if a != b]
    words = f"{total(stratum.score.rows)} assessments. Moved cuts: {', '.join(moved) or 'none'}."
    return _page(f"Scores under logic version {stratum.logic_version}", words, parts)


def _steps(rows: Sequence[GridRow], bins: int) -> list[tuple[int, int, float]]:
    """Density as runs `(lo, hi, assessments a bin)`; a merged cell is spread evenly."""
    density = [0.0] * bins
    for row in rows:
        for cell in row.cells:
            for place in range(cell.lo, min(cell.hi, bins)):
                density[place] += cell.n / (cell.hi - cell.lo)
    ends = [i for i in range(1, bins) if f"{density[i]:.9g}" != f"{density[i - 1]:.9g}"]
    return [(a, b, density[a]) for a, b in pairwise((0, *ends, bins))]


def _cuts(old: Gates, new: Gates, start: float, before: Sequence[float], after: Sequence[float]) -> list[str]:
    base, parts = HEIGHT - BOTTOM, []
    for place, band in enumerate(old.bands):
        moved = old.cuts[place] != new.cuts[place]
        a, b = before[place], after[place]
        if a > start:
            parts.append(f'<line class="old" x1="{a:.2f}" y1="{TOP - 6}" x2="{a:.2f}" y2="{base}"/>')
        if moved:
            parts.append(f'<line class="new" x1="{b:.2f}" y1="{TOP - 6}" x2="{b:.2f}" y2="{base}"/>')
            parts.append(
                f'<text class="new-text" x="{b:.2f}" y="{base + 15}" text-anchor="middle">{new.cuts[place]:g}</text>'
            )
        elif a > start:
            parts.append(f'<text x="{a:.2f}" y="{base + 15}" text-anchor="middle">{old.cuts[place]:g}</text>')
        parts.append(f'<text x="{b + 3:.2f}" y="{TOP - 12 - 13 * (place % 2)}">{escape(band)}</text>')
    return parts


def _page(title: str, words: str, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
            f'<title id="t">{escape(title)}</title>',
            f'<desc id="d">{escape(words)}</desc>',
            f"<style>{_STYLE}</style>",
            *parts,
            "</svg>",
            "",
        ]
    )
