"""Which tasks depend on which: from the boxes that tasks read and write to edges, and to as few edges as say the same.

Knows accesses of tasks in program order; does not know where they come from, nor when tasks run. The rule is exact for
boxes: its transitive closure is that of tracking the last writer and the readers of every element.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from htp.runs import TaskEdge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["Box", "TaskAccess", "derive", "empty", "overlap", "reduced", "stream_edges"]

Box = tuple[tuple[int, int], ...]
"""Start and end of a region along every axis of its tensor; without axes it is the one element of a scalar tensor."""

RAW, WAR, WAW = KINDS = 1, 2, 4
SPOKEN = tuple(
    "+".join(name for kind, name in zip(KINDS, ("RAW", "WAR", "WAW"), strict=True) if bits & kind) for bits in range(8)
)
"""Kinds of dependences, as they are called, by the set of their bits."""


@dataclass(frozen=True)
class TaskAccess:
    """What one task does to a box of a tensor; `inout` reads and writes it.

    `exact` is False where it is only known that what the task touches lies in the box.
    """

    tensor: str
    box: Box
    mode: Literal["in", "out", "inout"]
    exact: bool = True

    @property
    def reads(self) -> bool:
        """Whether the task reads the box."""
        return self.mode != "out"

    @property
    def writes(self) -> bool:
        """Whether the task writes to the box; with `exact` it overwrites every element."""
        return self.mode != "in"


def empty(box: Box) -> bool:
    """Whether a box has no element."""
    return any(start >= end for start, end in box)


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes of one tensor, neither of them empty, share an element."""
    return all(a < d and c < b for (a, b), (c, d) in zip(one, other, strict=True))


class _Ends:
    """Where boxes start, or where they end, along one axis; sets of boxes are the bits of a number."""

    def __init__(self, ends: Iterable[int]) -> None:
        """For the boxes 0, 1, …, in this order."""
        there: defaultdict[int, int] = defaultdict(int)
        for number, each in enumerate(ends):
            there[each] |= 1 << number
        self.places = sorted(there)
        self.sets = list(accumulate((there[each] for each in self.places), int.__or__, initial=0))

    def below(self, place: int) -> int:
        """The boxes of which the end lies below a place."""
        return self.sets[bisect_left(self.places, place)]


class _Boxes:
    """The boxes in which tasks touch one tensor, by number; sets of them are the bits of a number."""

    def __init__(self, boxes: Collection[Box]) -> None:
        self.number = {box: number for number, box in enumerate(boxes)}
        axes = list(zip(*boxes, strict=True))
        self.starts = [_Ends(start for start, _ in each) for each in axes]
        self.ends = [_Ends(end for _, end in each) for each in axes]

    def overlapping(self, box: Box) -> int:
        """The boxes that share an element with one."""
        found = (1 << len(self.number)) - 1
        for (start, end), starts, ends in zip(box, self.starts, self.ends, strict=True):
            found &= starts.below(end) & ~ends.below(start + 1)
        return found

    def within(self, box: Box) -> int:
        """The boxes that one covers."""
        found = (1 << len(self.number)) - 1
        for (start, end), starts, ends in zip(box, self.starts, self.ends, strict=True):
            found &= ends.below(end + 1) & ~starts.below(start)
        return found


class _Tasks:
    """Which tasks read, or wrote, boxes of one tensor and may still matter."""

    def __init__(self) -> None:
        self.boxes = 0
        self.of: defaultdict[int, list[int]] = defaultdict(list)

    def add(self, task: int, box: int) -> None:
        """Remembers a task that touched the box of this number."""
        self.boxes |= 1 << box
        self.of[box].append(task)

    def among(self, boxes: int) -> Iterable[int]:
        """The tasks that touched some boxes."""
        return (task for box in _bits(self.boxes & boxes) for task in self.of[box])

    def forget(self, boxes: int) -> None:
        """Forgets who touched some boxes."""
        for box in _bits(self.boxes & boxes):
            del self.of[box]
        self.boxes &= ~boxes


class _Live:
    """What may still matter of one tensor, which is touched in `boxes` and no others."""

    def __init__(self, boxes: Collection[Box]) -> None:
        self.boxes = _Boxes(boxes)
        self.reads, self.writes = _Tasks(), _Tasks()

    def hazards(self, access: TaskAccess) -> Iterable[tuple[int, int]]:
        """The earlier tasks that an access depends on, each with the kinds of dependences as bits."""
        shared = self.boxes.overlapping(access.box)
        kinds = RAW * access.reads + WAW * access.writes
        yield from ((task, kinds) for task in self.writes.among(shared))
        if access.writes:
            yield from ((task, WAR) for task in self.reads.among(shared))

    def overwritten(self, box: Box) -> None:
        """Forgets what was done to a box that a task overwrites: who comes later depends on that task."""
        covered = self.boxes.within(box)
        self.reads.forget(covered)
        self.writes.forget(covered)

    def touched(self, task: int, access: TaskAccess) -> None:
        """Remembers an access."""
        number = self.boxes.number[access.box]
        if access.reads:
            self.reads.add(task, number)
        if access.writes:
            self.writes.add(task, number)


def _bits(of: int) -> Iterable[int]:
    """The bits that are set."""
    while of:
        lowest = of & -of
        yield lowest.bit_length() - 1
        of ^= lowest


def derive(tasks: Sequence[Iterable[TaskAccess]]) -> tuple[TaskEdge, ...]:
    """The dependences between tasks, given what each one accesses, in program order.

    A task depends on an earlier one when it reads what that one wrote (`RAW`), overwrites what it read (`WAR`) or
    overwrites what it wrote (`WAW`); several kinds are joined by `+` in this order. What a task overwrites completely
    is forgotten, since whoever comes later depends on that task. The edges are ordered by source, then by target.

    >>> write, read = TaskAccess("c", ((0, 8),), "out"), TaskAccess("c", ((4, 6),), "in")
    >>> [(each.source, each.target, each.kind) for each in derive([[write], [read], [write]])]
    [(0, 1, 'RAW'), (0, 2, 'WAW'), (1, 2, 'WAR')]
    """
    found: list[tuple[int, int, int]] = []
    touching = [[each for each in given if not empty(each.box)] for given in tasks]
    live = _written(touching)
    for task, given in enumerate(touching):
        accesses = [each for each in given if each.tensor in live]
        kinds: defaultdict[int, int] = defaultdict(int)
        for access in accesses:
            for earlier, bits in live[access.tensor].hazards(access):
                kinds[earlier] |= bits
        found += [(earlier, task, bits) for earlier, bits in kinds.items()]
        for access in accesses:
            if access.writes and access.exact:
                live[access.tensor].overwritten(access.box)
        for access in accesses:
            live[access.tensor].touched(task, access)
    return tuple(TaskEdge(source=source, target=target, kind=SPOKEN[bits]) for source, target, bits in sorted(found))


def _written(tasks: Sequence[Sequence[TaskAccess]]) -> dict[str, _Live]:
    """The tensors that tasks write; nothing depends on others."""
    boxes: defaultdict[str, dict[Box, None]] = defaultdict(dict)
    for each in (access for accesses in tasks for access in accesses):
        boxes[each.tensor][each.box] = None
    written = dict.fromkeys(each.tensor for accesses in tasks for each in accesses if each.writes)
    return {tensor: _Live(boxes[tensor]) for tensor in written}


def stream_edges(streams: Sequence[int]) -> tuple[TaskEdge, ...]:
    """An edge from every task of a stream to the next one of it, given the stream of each task; below 0 is none.

    >>> [(each.source, each.target) for each in stream_edges([0, 1, -1, 0, 1, -1])]
    [(0, 3), (1, 4)]
    """
    last: dict[int, int] = {}
    edges: list[TaskEdge] = []
    for task, stream in enumerate(streams):
        if stream >= 0:
            if stream in last:
                edges.append(TaskEdge(source=last[stream], target=task, kind="stream"))
            last[stream] = task
    return tuple(edges)


def reduced(edges: Iterable[TaskEdge]) -> tuple[TaskEdge, ...]:
    """The edges without those that follow from the others: the transitive reduction, ordered by source and target.

    Every edge leads from an earlier to a later task.
    """
    sources: dict[int, dict[int, TaskEdge]] = {}
    for each in edges:
        sources.setdefault(each.target, {}).setdefault(each.source, each)
    before: dict[int, int] = {}  # all that a task depends on, one bit for each task
    kept: list[TaskEdge] = []
    for target in sorted(sources):
        reached = 0
        for source in sorted(sources[target], reverse=True):
            if not reached >> source & 1:
                kept.append(sources[target][source])
                reached |= before.get(source, 0) | 1 << source
        before[target] = reached
    return tuple(sorted(kept, key=lambda edge: (edge.source, edge.target)))
