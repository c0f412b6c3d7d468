"""Which tasks depend on which: from the boxes that tasks read and write to edges, and to as few edges as say the same.

Knows accesses of tasks in program order; does not know where they come from, nor when tasks run. The rule is exact for
boxes: its transitive closure is that of tracking the last writer and the readers of every element.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.runs import TaskEdge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Box", "TaskAccess", "covers", "derive", "empty", "overlap", "reduced", "stream_edges"]

Box = tuple[tuple[int, int], ...]
"""Start and end of a region along every axis of its tensor; without axes it is the one element of a scalar tensor."""

KINDS = ("RAW", "WAR", "WAW")


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


def covers(outer: Box, inner: Box) -> bool:
    """Whether a box of a tensor holds every element of another one."""
    return all(a <= c and d <= b for (a, b), (c, d) in zip(outer, inner, strict=True))


@dataclass
class _Live:
    """What may still matter of one tensor: boxes with the tasks that read and that wrote them."""

    reads: list[tuple[int, Box]] = field(default_factory=list[tuple[int, Box]])
    writes: list[tuple[int, Box]] = field(default_factory=list[tuple[int, Box]])

    def overwritten(self, task: int, box: Box) -> None:
        """Forgets what others did to a box that `task` overwrites: who comes later depends on `task`."""
        self.reads = [each for each in self.reads if each[0] == task or not covers(box, each[1])]
        self.writes = [each for each in self.writes if each[0] == task or not covers(box, each[1])]


def derive(tasks: Sequence[Iterable[TaskAccess]]) -> tuple[TaskEdge, ...]:
    """The dependences between tasks, given what each one accesses, in program order.

    A task depends on an earlier one when it reads what that one wrote (`RAW`), overwrites what it read (`WAR`) or
    overwrites what it wrote (`WAW`); several kinds are joined by `+` in this order. What a task overwrites completely
    is forgotten, since whoever comes later depends on that task. The edges are ordered by source, then by target.

    >>> write, read = TaskAccess("c", ((0, 8),), "out"), TaskAccess("c", ((4, 6),), "in")
    >>> [(each.source, each.target, each.kind) for each in derive([[write], [read], [write]])]
    [(0, 1, 'RAW'), (0, 2, 'WAW'), (1, 2, 'WAR')]
    """
    live: dict[str, _Live] = {}
    found: dict[tuple[int, int], set[str]] = {}
    for task, given in enumerate(tasks):
        accesses = [each for each in given if not empty(each.box)]
        for access in accesses:
            known = live.setdefault(access.tensor, _Live())
            for kind, earlier in _hazards(known, access):
                found.setdefault((earlier, task), set()).add(kind)
        for access in accesses:
            if access.writes and access.exact:
                live[access.tensor].overwritten(task, access.box)
        for access in accesses:
            if access.reads:
                live[access.tensor].reads.append((task, access.box))
            if access.writes:
                live[access.tensor].writes.append((task, access.box))
    return tuple(
        TaskEdge(source=source, target=target, kind="+".join(each for each in KINDS if each in kinds))
        for (source, target), kinds in sorted(found.items())
    )


def _hazards(live: _Live, access: TaskAccess) -> Iterable[tuple[str, int]]:
    for task, box in live.writes:
        if overlap(box, access.box):
            if access.reads:
                yield "RAW", task
            if access.writes:
                yield "WAW", task
    for task, box in live.reads if access.writes else ():
        if overlap(box, access.box):
            yield "WAR", task


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
