"""How much a chosen cut depends on where exactly it lies: one and two published edges further down and up."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import replace

from calibgit.model.proposal import Neighbour
from calibgit.model.rounding import six_digits
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import Stratum
from calibgit.propose.board import Board
from calibgit.propose.flow import impact
from calibgit.propose.paths import cut_path, plain
from calibgit.propose.rank import objectives
from calibgit.propose.space import Space

STEPS = (-2, -1, 1, 2)


def sensitivity(stratum: Stratum, old: Gates, new: Gates, board: Board, tuned: Space | None) -> tuple[Neighbour, ...]:
    """Objective and moved people beside every moved cut, as long as the bands stay in order.

    Args:
        stratum: published counts.
        old: gate table in force.
        new: the same bands with the chosen cuts.
        board: published scores of what is tuned on; its edges are the ones that are tried.
        tuned: candidates whose objective is told, or None where none was searched for.
    """
    result = []
    for cut, band in enumerate(new.bands[:-1]):
        if old.cuts[cut] == new.cuts[cut]:
            continue
        for steps, edge in _edges(board, cut, new):
            value = board.grid.value(edge)
            there = replace(new, cuts=(*new.cuts[:cut], value, *new.cuts[cut + 1 :]))
            effect = impact(stratum, old, there)
            result.append(
                Neighbour(
                    path=cut_path(band),
                    steps=steps,
                    value=plain(value),
                    objective=None if tuned is None else _objective(tuned, there),
                    moved_low=effect.moved_low,
                    moved_high=effect.moved_high,
                    n=effect.n,
                )
            )
    return tuple(result)


def _edges(board: Board, cut: int, gates: Gates) -> list[tuple[int, int]]:
    """Steps and edges beside a cut, between the cuts above and below it."""
    edges = [edge for edge in board.edges[cut] if 0 < edge < board.grid.bins]
    values = [board.grid.value(edge) for edge in edges]
    own = gates.cuts[cut]
    above = gates.cuts[cut - 1] if cut else float("inf")
    first, after = bisect_left(values, own), bisect_right(values, own)
    found = []
    for steps in STEPS:
        place = first + steps if steps < 0 else after + steps - 1
        if 0 <= place < len(edges) and gates.cuts[cut + 1] < values[place] < above:
            found.append((steps, edges[place]))
    return found


def _objective(tuned: Space, gates: Gates) -> float | None:
    """The objective at the cuts of a gate table, or None where one lies on no edge of the grid."""
    edges = [tuned.board.grid.edge(cut) for cut in gates.cuts[:-1]]
    if None in edges:
        return None
    fixed = (*(edge or 0 for edge in edges), 0)
    axes: Mapping[int, tuple[int, ...]] = {cut: (fixed[cut],) for cut in tuned.axes}
    return six_digits(float(objectives(replace(tuned, axes=axes, fixed=fixed))[0]))
