"""A layered layout: boxes in rows such that arrows lead downward, between boxes and never across them.

The method is Sugiyama's (K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", 1981): longest-path layers, bends in every row an arrow passes, barycentre ordering. Knows boxes and
links; does not know what they stand for.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW = 1080.0
"""How wide the boxes of a row are at most, in pixels; a wider layer takes several rows."""
GAP = 16.0
"""Between boxes; half of it between a box and a bend."""
BEND = 8.0
"""How much room a line has that passes a row."""
_SWEEPS = 8


@dataclass(frozen=True)
class Layout:
    """The row and middle of every box, and for every link the middles it passes, from its upper end to its lower."""

    rows: tuple[int, ...]
    middles: tuple[float, ...]
    routes: tuple[tuple[float, ...], ...]
    width: float
    busy: frozenset[int]
    """Rows that a link leaves downward."""


@dataclass
class _Grid:
    """Boxes and bends by row; an item below the number of boxes is a box."""

    widths: list[float]
    rows: list[list[int]]
    above: list[list[int]]
    below: list[list[int]]
    chains: list[list[int]]


def layered(widths: Sequence[float], links: Sequence[tuple[int, int]], *, apart: bool = False) -> Layout:
    """Places boxes of these widths; a link leads from a box to another one and from the lower number downward.

    Links from one box, or to one box where more arrive there, share their bends: they are one line that branches. Links
    that are kept `apart` share none.
    """
    downward = [(min(link), max(link)) for link in links]
    rows = _rows(widths, downward)
    grid = _grid(widths, rows, links, apart=apart)
    _order(grid)
    middles = _middles(grid)
    left = min((middle - grid.widths[item] / 2 for item, middle in enumerate(middles)), default=0)
    middles = [middle - left for middle in middles]
    width = max((middle + grid.widths[item] / 2 for item, middle in enumerate(middles)), default=0)
    return Layout(
        rows=tuple(rows),
        middles=tuple(middles[: len(widths)]),
        routes=tuple(tuple(middles[item] for item in chain) for chain in grid.chains),
        width=width,
        busy=frozenset(row for row, items in enumerate(grid.rows) if any(grid.below[item] for item in items)),
    )


def _rows(widths: Sequence[float], downward: Sequence[tuple[int, int]]) -> list[int]:
    """The row of every box: below all it comes after, and no row wider than `ROW`."""
    layer = [0] * len(widths)
    for upper, lower in sorted(downward):
        layer[lower] = max(layer[lower], layer[upper] + 1)
    rows = [0] * len(widths)
    first = 0
    for depth in range(max(layer, default=-1) + 1):
        members = [box for box, each in enumerate(layer) if each == depth]
        total = sum(widths[box] + GAP for box in members)
        parts = math.ceil(total / ROW)
        for position, box in enumerate(members):
            rows[box] = first + position * parts // len(members)
        first += parts
    return rows


def _grid(widths: Sequence[float], rows: Sequence[int], links: Sequence[tuple[int, int]], *, apart: bool) -> _Grid:
    """Boxes and bends in rows, with what each is joined to in the rows above and below."""
    empty: list[list[int]] = [[] for _ in range(max(rows, default=-1) + 1)]
    grid = _Grid(list(widths), empty, [[] for _ in widths], [[] for _ in widths], [])
    for box, row in enumerate(rows):
        grid.rows[row].append(box)
    leaving = Counter(min(link) for link in links)
    arriving = Counter(max(link) for link in links)
    bends: dict[tuple[int, bool, int], int] = {}
    for number, (source, target) in enumerate(links):
        upper, lower = min(source, target), max(source, target)
        shared = number if apart else lower if arriving[lower] > leaving[upper] else upper
        chain = [upper]
        for row in range(rows[upper] + 1, rows[lower]):
            key = (shared, source < target, row)
            if key not in bends:
                bends[key] = len(grid.widths)
                grid.rows[row].append(bends[key])
                grid.widths.append(BEND)
                grid.above.append([])
                grid.below.append([])
            chain.append(bends[key])
        chain.append(lower)
        for one, other in pairwise(chain):
            if other not in grid.below[one]:
                grid.below[one].append(other)
                grid.above[other].append(one)
        grid.chains.append(chain)
    return grid


def _order(grid: _Grid) -> None:
    """Orders every row by the mean position of what its items are joined to; keeps the order with fewest crossings."""
    best = [list(row) for row in grid.rows]
    fewest = _crossings(grid, best)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        joined = grid.above if down else grid.below
        for row in range(1, len(grid.rows)) if down else range(len(grid.rows) - 2, -1, -1):
            near = grid.rows[row - 1 if down else row + 1]
            place = {item: (index + 0.5) / len(near) for index, item in enumerate(near)}
            items = grid.rows[row]
            wanted = {
                item: sum(place[each] for each in joined[item]) / len(joined[item])
                if joined[item]
                else (index + 0.5) / len(items)
                for index, item in enumerate(items)
            }
            items.sort(key=wanted.__getitem__)
        crossings = _crossings(grid, grid.rows)
        if crossings <= fewest:
            best, fewest = [list(row) for row in grid.rows], crossings
    grid.rows = best


def _crossings(grid: _Grid, rows: list[list[int]]) -> int:
    """How many pairs of lines between neighbouring rows cross, counted as inversions by merging."""
    total = 0
    for upper, lower in pairwise(rows):
        place = {item: index for index, item in enumerate(lower)}
        ends = [end for item in upper for end in sorted(place[each] for each in grid.below[item])]
        total += _inversions(ends)[1]
    return total


def _inversions(values: list[int]) -> tuple[list[int], int]:
    if len(values) < 2:
        return values, 0
    half = len(values) // 2
    (left, some), (right, others) = _inversions(values[:half]), _inversions(values[half:])
    merged: list[int] = []
    total, at = some + others, 0
    for value in right:
        while at < len(left) and left[at] <= value:
            merged.append(left[at])
            at += 1
        total += len(left) - at
        merged.append(value)
    return merged + left[at:], total


def _middles(grid: _Grid) -> list[float]:
    """The middle of every item: as near as its row's order allows to the mean of what it is joined to."""
    middles = [0.0] * len(grid.widths)
    for items in grid.rows:
        for item, middle in zip(items, _apart(grid, items, [0.0] * len(items)), strict=True):
            middles[item] = middle
    for sweep in range(_SWEEPS):
        rows = grid.rows if sweep % 2 == 0 else grid.rows[::-1]
        for items in rows:
            wanted: list[float] = []
            for item in items:
                joined = [*grid.above[item], *grid.below[item]]
                wanted.append(sum(middles[each] for each in joined) / len(joined) if joined else middles[item])
            for item, middle in zip(items, _apart(grid, items, wanted), strict=True):
                middles[item] = middle
    return middles


def _apart(grid: _Grid, items: Sequence[int], wanted: Sequence[float]) -> list[float]:
    """Middles in this order that do not overlap and miss the wanted ones by the least sum of squares.

    With the least distances taken off this is isotonic regression, which pooling adjacent violators solves.
    """
    offsets = [0.0]
    for one, other in pairwise(items):
        gap = GAP * (2 - (grid.widths[one] == BEND) - (grid.widths[other] == BEND)) / 2
        offsets.append(offsets[-1] + (grid.widths[one] + grid.widths[other]) / 2 + gap)
    pools: list[tuple[float, int]] = []  # sum of the wanted middles, number of items
    for middle, offset in zip(wanted, offsets, strict=False):
        total, size = middle - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            before = pools.pop()
            total, size = total + before[0], size + before[1]
        pools.append((total, size))
    placed = [total / size for total, size in pools for _ in range(size)]
    return [middle + offset for middle, offset in zip(placed, offsets, strict=False)]
