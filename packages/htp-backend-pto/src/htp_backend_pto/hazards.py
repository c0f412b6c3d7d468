"""Which tasks must wait for which: the whole relation over boxes of arrays, and what the runtime is to be told of it.

Knows boxes, uses and the numbers of tasks; does not know programs or C++. `native/orchestration/htp_order.hpp` does the
same while a graph is built; this is what predicts it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["REACH", "Array", "Box", "Edge", "Order", "Seen", "Touch", "Use", "covers", "empty", "meets"]

Box = tuple[tuple[int, int], ...]
"""Start and end along every axis; without axes it is the one element of a scalar."""
Use = Literal["reads", "writes", "updates"]
Seen = Literal["never", "by_region", "by_owner"]
"""Whether the runtime sees by itself that later tasks depend on an access."""

REACH = 4096
"""How many tasks back an edge is looked for that follows from others; one that is not found costs time, never order."""


def empty(box: Box) -> bool:
    """Whether a box has no element."""
    return any(low >= high for low, high in box)


def meets(one: Box, other: Box) -> bool:
    """Whether two boxes of one array, neither empty, share an element."""
    return all(a < d and c < b for (a, b), (c, d) in zip(one, other, strict=True))


def covers(one: Box, other: Box) -> bool:
    """Whether every element of the other box is in the first."""
    return all(a <= c and d <= b for (a, b), (c, d) in zip(one, other, strict=True))


@dataclass(frozen=True)
class Access:
    """What an earlier task did to a box."""

    box: Box
    task: int
    seen: Seen
    use: Use

    @property
    def reads(self) -> bool:
        """Whether the task needs what was there."""
        return self.use != "writes"

    @property
    def writes(self) -> bool:
        """Whether the task leaves something else there."""
        return self.use != "reads"


@dataclass(eq=False)
class Array:
    """The accesses to one array that later tasks may depend on.

    It is `by_hand` once more tasks wrote to it than the runtime takes as predecessors of one task; from then on the
    runtime is told about it.
    """

    name: str
    accesses: list[Access] = field(default_factory=list[Access])
    by_hand: bool = False


@dataclass(frozen=True)
class Touch:
    """A use of a box by the next task."""

    array: Array
    use: Use
    box: Box


@dataclass(frozen=True)
class Edge:
    """`target` waits for `source`; `kinds` are those of `RAW`, `WAR`, `WAW` in this order, or `after`.

    `needed` says that no other edges lead from source to target; `told` that the runtime is told about it.
    """

    source: int
    target: int
    kinds: tuple[str, ...]
    arrays: tuple[str, ...]
    needed: bool
    told: bool


@dataclass
class _Candidate:
    kinds: dict[str, None] = field(default_factory=dict[str, None])
    arrays: dict[str, None] = field(default_factory=dict[str, None])
    seen: bool = False


class Order:
    """The order of the tasks so far: for one after the other `touch` what it touches, `after` what it follows, `done`.

    `fanin` is the number of predecessors of one task that the runtime takes.
    """

    def __init__(self, fanin: int = 64, reach: int = REACH) -> None:
        self.edges: list[Edge] = []
        self._fanin, self._reach = fanin, reach
        self._before: list[tuple[int, ...]] = []
        self._touched: list[Touch] = []
        self._follows: list[int] = []

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return len(self._before)

    def touch(self, array: Array, use: Use, box: Box) -> None:
        """The next task uses a box of an array."""
        if not empty(box):
            self._touched.append(Touch(array, use, box))

    def after(self, task: int) -> None:
        """The next task runs after another one."""
        self._follows.append(task)

    def after_all(self) -> None:
        """The next task runs after every other one."""
        reached = {each for before in self._before for each in before}
        self._follows += [each for each in range(self.tasks) if each not in reached]

    def owns(self, array: Array, whole: Box) -> None:
        """The task that was submitted last allocated an array, and wrote all of it."""
        array.accesses.append(Access(whole, self.tasks - 1, "by_owner", "writes"))

    def done(self) -> tuple[int, ...]:
        """The next task is submitted; returns the tasks that it waits for and that the runtime does not find."""
        candidates = self._candidates()
        if sum(each.seen for each in candidates.values()) > self._fanin:
            for each in self._touched:
                each.array.by_hand = True
            candidates = self._candidates()
        kept = self._kept(candidates)
        target = self.tasks
        for source, each in sorted(candidates.items()):
            needed = source in kept
            told = needed and not each.seen
            kinds = tuple(kind for kind in ("RAW", "WAR", "WAW", "after") if kind in each.kinds)
            self.edges.append(Edge(source, target, kinds, tuple(sorted(each.arrays)), needed, told))
        self._before.append(tuple(task for task, each in candidates.items() if task in kept or each.seen))
        self._register(target)
        return tuple(sorted(task for task in kept if not candidates[task].seen))

    def _candidates(self) -> dict[int, _Candidate]:
        found: dict[int, _Candidate] = {}
        for touch in self._touched:
            for access in touch.array.accesses:
                if not meets(access.box, touch.box) or (touch.use == "reads" and not access.writes):
                    continue
                each = found.setdefault(access.task, _Candidate())
                each.kinds.update(dict.fromkeys(_kinds(touch, access)))
                each.arrays[touch.array.name] = None
                by_region = access.seen == "by_region" and not touch.array.by_hand and access.writes
                each.seen = each.seen or by_region or access.seen == "by_owner"
        for task in self._follows:
            found.setdefault(task, _Candidate()).kinds["after"] = None
        return found

    def _kept(self, candidates: dict[int, _Candidate]) -> set[int]:
        """The candidates from which no other one leads here, and those too far back to find out."""
        if not candidates:
            return set()
        highest, kept, reached = max(candidates), set[int](), set[int]()
        far = max(0, highest - self._reach)
        for task in range(highest, max(min(candidates), far) - 1, -1):
            if task in candidates and task not in reached:
                kept.add(task)
            if task in candidates or task in reached:
                reached.update(self._before[task])
        return kept | {task for task, each in candidates.items() if task < far and not each.seen}

    def _register(self, task: int) -> None:
        for touch in self._touched:
            if touch.use != "reads":
                left = [each for each in touch.array.accesses if not covers(touch.box, each.box)]
                touch.array.accesses = left
        for touch in self._touched:
            seen: Seen = "never" if touch.array.by_hand else "by_region"
            touch.array.accesses.append(Access(touch.box, task, seen, touch.use))
        self._touched, self._follows = [], []


def _kinds(touch: Touch, access: Access) -> Iterable[str]:
    if access.writes and touch.use != "writes":
        yield "RAW"
    if access.reads and touch.use != "reads":
        yield "WAR"
    if access.writes and touch.use != "reads":
        yield "WAW"
