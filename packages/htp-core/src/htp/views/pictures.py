"""What is drawn of a task graph: every task and the edges that order them, or one node for each kernel.

Knows reduction and grouping; does not know any format.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.runs import TaskEdge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.runs import TaskGraph, TaskNode

TASKS = 200
"""How many tasks are drawn one by one; with more, one node stands for all tasks of a kernel."""
ARROWS = 500
"""How many arrows are drawn between single tasks: Mermaid draws no more unless its `maxEdges` is raised.

https://mermaid.js.org/config/schema-docs/config.html
"""
KINDS = ("RAW", "WAR", "WAW", "after", "stream")


@dataclass(frozen=True)
class Node:
    """A box: the kernel it belongs to, the line below its name, and all that is known of it."""

    kernel: str
    detail: str
    said: str


@dataclass(frozen=True)
class Arrow:
    """From one box to another, with its kinds, as `RAW+WAR`, or with a count of each, as `RAW 64, WAR 3`."""

    source: int
    target: int
    label: str

    @property
    def kind(self) -> str:
        """The first kind, by which the arrow is drawn."""
        return self.label.replace("+", " ").replace(",", " ").split(" ")[0]


@dataclass(frozen=True)
class Picture:
    """Boxes in program order, arrows between them, what the reader must be told, and whether boxes are kernels."""

    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    note: str = ""
    grouped: bool = False


def picture_of(graph: TaskGraph, *, reduce: bool = True, limit: int = TASKS) -> Picture:
    """Every task of the graph if there are at most `limit`, else its kernels.

    With `reduce`, edges that follow from others are left out. Kernels are also drawn when more than `ARROWS` arrows
    would be left between tasks.

    Raises:
        Bug: an edge does not lead from a task to a later one.
    """
    for edge in graph.edges:
        if not 0 <= edge.source < edge.target < len(graph.tasks):
            raise Bug(f"edge {edge.source} -> {edge.target} of a graph of {len(graph.tasks)} tasks leads nowhere later")
    if len(graph.tasks) > limit:
        return _by_kernel(graph, f"{len(graph.tasks)} tasks are more than {limit}")
    edges = reduced_edges(graph) if reduce else _merged(graph.edges)
    if len(edges) > ARROWS:
        return _by_kernel(graph, f"{len(edges)} edges are more than {ARROWS}")
    left_out = len(_merged(graph.edges)) - len(edges)
    nodes = tuple(_task(index, task) for index, task in enumerate(graph.tasks))
    arrows = tuple(Arrow(edge.source, edge.target, edge.kind) for edge in edges)
    return Picture(nodes, arrows, f"not drawn: {left_out} of the edges, which follow from others" if left_out else "")


def reduced_edges(graph: TaskGraph) -> tuple[TaskEdge, ...]:
    """The fewest edges that order the tasks as all of them do; of two edges between the same tasks one with both kinds.

    Tasks are in program order, so the graph has no cycles and this reduction is unique.
    """
    targets: dict[int, list[TaskEdge]] = {}
    for edge in _merged(graph.edges):
        targets.setdefault(edge.source, []).append(edge)
    behind: dict[int, int] = {}  # the tasks behind a task, as the bits of a number
    kept: list[TaskEdge] = []
    for source in sorted(targets, reverse=True):
        reached = 0
        for edge in targets[source]:  # the nearest first: what it leads to is then known
            if not reached >> edge.target & 1:
                kept.append(edge)
                reached |= 1 << edge.target | behind.get(edge.target, 0)
        behind[source] = reached
    return tuple(sorted(kept, key=lambda edge: (edge.source, edge.target)))


def kernels_of(graph: TaskGraph | None) -> dict[str, int]:
    """Every kernel with its number, in order of first appearance: its colour in every view."""
    names = dict.fromkeys(task.kernel for task in graph.tasks) if graph is not None else {}
    return {name: number for number, name in enumerate(names)}


def coordinates(task: TaskNode) -> str:
    """The loop coordinates as `(0, 1)`; empty for a task outside of loops."""
    return f"({', '.join(map(str, task.at))})" if task.at else ""


def _merged(edges: Iterable[TaskEdge]) -> tuple[TaskEdge, ...]:
    """One edge for each pair of tasks, sorted, with all kinds."""
    kinds: dict[tuple[int, int], dict[str, None]] = {}
    for edge in edges:
        kinds.setdefault((edge.source, edge.target), {}).update(dict.fromkeys(edge.kind.split("+")))
    return tuple(
        TaskEdge(source=source, target=target, kind="+".join(sorted(found, key=_rank)))
        for (source, target), found in sorted(kinds.items())
    )


def _rank(kind: str) -> tuple[int, str]:
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), kind)


def _task(index: int, task: TaskNode) -> Node:
    at = coordinates(task)
    said = f"task {index}: {task.kernel} {at}".rstrip()
    return Node(task.kernel, at or f"task {index}", f"{said}, {task.place}" if task.place else said)


def _by_kernel(graph: TaskGraph, why: str) -> Picture:
    numbers = kernels_of(graph)
    tasks = Counter(task.kernel for task in graph.tasks)
    found: dict[tuple[int, int], Counter[str]] = {}
    for edge in _merged(graph.edges):
        ends = (numbers[graph.tasks[edge.source].kernel], numbers[graph.tasks[edge.target].kernel])
        found.setdefault(ends, Counter()).update(edge.kind.split("+"))
    inside = {source: counts for (source, target), counts in found.items() if source == target}
    nodes: list[Node] = []
    for name, number in numbers.items():
        detail = f"{tasks[name]} tasks" if tasks[name] > 1 else "1 task"
        detail += f", among them {_counted(inside[number])}" if number in inside else ""
        nodes.append(Node(name, detail, f"{name}: {detail}"))
    between = sorted((ends, counts) for ends, counts in found.items() if ends[0] != ends[1])
    arrows = tuple(Arrow(*ends, _counted(counts)) for ends, counts in between)
    note = f"{why}: grouped by kernel, with the number of edges of each kind"
    return Picture(tuple(nodes), arrows, note, grouped=True)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {counts[kind]}" for kind in sorted(counts, key=_rank))
