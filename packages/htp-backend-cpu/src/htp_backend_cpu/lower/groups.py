"""Entries gathered into loop nests: groups share their outer loops, segments of a group share an inner loop.

Knows dependences between entries; does not write any text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp_backend_cpu.lower.entries import COLUMN, row_symbol

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp_backend_cpu.lower.elements import Index
    from htp_backend_cpu.lower.entries import Entry


@dataclass(eq=False)
class Segment:
    """Entries of one inner loop over `extent`, or of no loop when `extent` is None."""

    extent: Expr | None
    entries: list[Entry] = field(default_factory=list["Entry"])


@dataclass(eq=False)
class Group:
    """Entries under the same outer loops; an entry that needs loops of its own is alone in its group."""

    outer: tuple[Expr, ...]
    alone: bool
    entries: list[Entry] = field(default_factory=list["Entry"])
    segments: list[Segment] = field(default_factory=list[Segment])


def groups_of(entries: list[Entry]) -> list[Group]:
    """Entries in order, each joined to the last group where that keeps every dependence."""
    groups: list[Group] = []
    for entry in entries:
        last = groups[-1] if groups else None
        if entry.kind == "alone" or last is None or not _joins(last, entry):
            last = Group(entry.outer, entry.kind == "alone")
            groups.append(last)
        last.entries.append(entry)
    for group in groups:
        if not group.alone:
            group.segments = _segments(group)
    return groups


def _joins(group: Group, entry: Entry) -> bool:
    if group.alone or group.outer != entry.outer:
        return False
    inside = {id(each.node): each for each in group.entries if each.node is not None}
    for node, index in entry.reads:
        if id(node) in inside and not same_row(index, entry):
            return False
    return all(_memory_keeps_rows(each, entry) for each in group.entries)


def same_row(index: Index, entry: Entry) -> bool:
    """Whether an element that `entry` reads lies in the row that is being computed."""
    rows = len(entry.outer)
    return len(index) >= rows and all(index[number] == entry.index[number] for number in range(rows))


def _memory_keeps_rows(first: Entry, second: Entry) -> bool:
    """Whether two entries may run row by row together although one writes what the other touches."""
    for written, other in ((first.written, second), (second.written, first)):
        if written is None:
            continue
        touched = [each for each in (*other.memory, other.written) if each is not None and each[0] == written[0]]
        if any(not _same_row_of_memory(written[1], each[1], len(first.outer)) for each in touched):
            return False
    return True


def _same_row_of_memory(one: Index, two: Index, rows: int) -> bool:
    """Same places for every row symbol, and the rows of different iterations are disjoint."""
    if len(one) != len(two):
        return False
    symbols = {str(row_symbol(number)) for number in range(rows)}
    for a, b in zip(one, two, strict=True):
        if (a.symbols | b.symbols) & symbols and a != b:
            return False
        if not (a.symbols | b.symbols) & (symbols | {str(COLUMN)}) and a != b:
            return False
    seen = {name for each in one for name in each.symbols} & symbols
    needed = {name for each in (*one, *two) for name in each.symbols} & symbols
    return seen == needed


def _segments(group: Group) -> list[Segment]:
    segments: list[Segment] = []
    home: dict[int, int] = {}
    for entry in group.entries:
        earliest = 0
        for other in group.entries:
            if other is entry:
                break
            gap = _gap(other, entry)
            if gap is not None:
                earliest = max(earliest, home[id(other)] + gap)
        extent = None if entry.kind == "row" else entry.extent
        for number in range(earliest, len(segments)):
            if segments[number].extent == extent:
                break
        else:
            number = len(segments)
            segments.append(Segment(extent))
        segments[number].entries.append(entry)
        home[id(entry)] = number
    return segments


def _gap(first: Entry, second: Entry) -> int | None:
    """How many segments `second` must lie behind `first`; None when they are independent."""
    gap: int | None = None
    for node, index in second.reads:
        if node is first.node:
            same = first.kind == "row" and second.kind == "row"
            lane = (
                first.kind == "vector" and second.kind in ("vector", "reduce") and bool(index) and index[-1] == COLUMN
            )
            gap = max(gap or 0, 0 if same or lane else 1)
    for written, other, order in ((first.written, second, 1), (second.written, first, 1)):
        if written is None:
            continue
        for root, index in (*other.memory, *((other.written,) if other.written is not None else ())):
            if root == written[0]:
                lane = first.kind == second.kind == "vector" and index == written[1]
                same = first.kind == second.kind == "row"
                gap = max(gap or 0, 0 if lane or same else order)
    return gap
