"""Tasks on the cores of a chip: a list schedule, the same on every machine.

Knows what tasks cost, what they wait for, and how many cores there are; does not know kernels. All tasks are submitted
as soon as the window has room for them; that submitting and starting a task take no time is an assumption. Whenever a
core is free it takes the task that was submitted first among those that are ready.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.runs import BlockRun, Simulated, TaskRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["CoreKind", "Planned", "schedule"]

CoreKind = tuple[int, int]
"""How many cube cores and vector cores of one cluster a block needs."""


@dataclass(frozen=True)
class Planned:
    """A task: the cores that each of its blocks needs together, and what each block takes, in cycles."""

    cores: CoreKind
    blocks: tuple[int, ...]


@dataclass
class _Chip:
    """The clusters: which cube core and which vector cores are free."""

    clusters: int
    cubes: list[int] = field(default_factory=list[int])
    vectors: list[int] = field(default_factory=list[int])

    def __post_init__(self) -> None:
        self.cubes = list(range(self.clusters))
        self.vectors = list(range(2 * self.clusters))

    def take(self, kind: CoreKind) -> tuple[list[int], list[int]] | None:
        """Cores for a block, those of the lowest numbers; a block for both kinds has them of one cluster."""
        cubes, vectors = kind
        if not cubes or not vectors:
            if len(self.cubes) < cubes or len(self.vectors) < vectors:
                return None
            found = self.cubes[:cubes], self.vectors[:vectors]
        else:
            options = ((cube, [each for each in self.vectors if each // 2 == cube]) for cube in self.cubes)
            cube, beside = next(((c, v) for c, v in options if len(v) >= vectors), (None, list[int]()))
            if cube is None:
                return None
            found = [cube], beside[:vectors]
        self.cubes = [each for each in self.cubes if each not in found[0]]
        self.vectors = [each for each in self.vectors if each not in found[1]]
        return found

    def give(self, cubes: list[int], vectors: list[int]) -> None:
        """Cores are free again."""
        self.cubes = sorted([*self.cubes, *cubes])
        self.vectors = sorted([*self.vectors, *vectors])


@dataclass
class _State:
    """One task on its way."""

    missing: int
    submit: int = 0
    start: int = -1
    end: int = -1
    begun: int = 0
    left: int = 0
    blocks: list[tuple[str, int, int]] = field(default_factory=list["tuple[str, int, int]"])
    """The core of each block that has begun, when that was, and when it ends."""


def schedule(
    tasks: Sequence[Planned], edges: Iterable[tuple[int, int]], clusters: int, window: int | None
) -> Simulated:
    """When every task is submitted, starts and ends, and on which cores its blocks run.

    >>> found = schedule([Planned((0, 1), (5,)), Planned((0, 1), (3,))], [(0, 1)], clusters=1, window=None)
    >>> found.makespan, [(each.start, each.end) for each in found.tasks], found.workers
    (8, [(0, 5), (5, 8)], ('aiv 0',))
    """
    run = _Run(tasks, edges, clusters, window)
    run.go()
    cores = {core for each in run.states for core, _, _ in each.blocks}
    names = sorted(cores, key=lambda name: (name[:3], int(name[4:])))
    number = {name: index for index, name in enumerate(names)}
    done = tuple(_task_run(each, number) for each in run.states)
    return Simulated(
        makespan=max((each.end for each in done), default=0),
        tasks=done,
        workers=tuple(names),
        window_high_water=run.high_water,
        window_stalls=run.stalls,
    )


def _task_run(state: _State, number: Mapping[str, int]) -> TaskRun:
    blocks = tuple(BlockRun(worker=number[core], start=start, end=end) for core, start, end in state.blocks)
    worker = blocks[0].worker if blocks else 0
    own = blocks if len(blocks) > 1 else ()
    return TaskRun(worker=worker, submit=state.submit, start=state.start, end=state.end, blocks=own)


class _Run:
    """The state of the chip as time goes on."""

    def __init__(
        self, tasks: Sequence[Planned], edges: Iterable[tuple[int, int]], clusters: int, window: int | None
    ) -> None:
        self.tasks, self.window, self.chip = tasks, window, _Chip(clusters)
        self.after: list[list[int]] = [[] for _ in tasks]
        self.states = [_State(0, left=len(each.blocks)) for each in tasks]
        for source, target in {*edges}:
            self.after[source].append(target)
            self.states[target].missing += 1
        self.now = self.submitted = self.retired = self.high_water = self.stalls = 0
        self.stalled = -1
        self.ready: dict[CoreKind, list[int]] = {}
        self.running: list[tuple[int, int, list[int], list[int]]] = []

    def go(self) -> None:
        """From the first submission to the last end."""
        while True:
            self._submit()
            while self._start():
                self._submit()
            if not self.running:
                return
            self.now = self.running[0][0]
            while self.running and self.running[0][0] == self.now:
                _, task, cubes, vectors = heapq.heappop(self.running)
                self.chip.give(cubes, vectors)
                self._block_done(task)

    def _submit(self) -> None:
        while self.submitted < len(self.tasks):
            if self.window is not None and self.submitted - self.retired >= self.window:
                self.stalls += self.stalled != self.submitted
                self.stalled = self.submitted
                return
            self.states[self.submitted].submit = self.now
            if not self.states[self.submitted].missing:
                self._is_ready(self.submitted)
            self.submitted += 1
            self.high_water = max(self.high_water, self.submitted - self.retired)

    def _is_ready(self, task: int) -> None:
        heapq.heappush(self.ready.setdefault(self.tasks[task].cores, []), task)

    def _start(self) -> bool:
        """Starts what can start now; whether a task without work ended, so that more may start."""
        full = set[CoreKind]()
        ended = False
        while heads := [(heap[0], kind) for kind, heap in self.ready.items() if heap and kind not in full]:
            task, kind = min(heads)
            state, planned = self.states[task], self.tasks[task]
            if not planned.blocks:
                state.start = self.now
                heapq.heappop(self.ready[kind])
                self._task_done(task)
                ended = True
                continue
            found = self.chip.take(kind)
            if found is None:
                full.add(kind)
                continue
            self._begin(task, *found)
            if state.begun == len(planned.blocks):
                heapq.heappop(self.ready[kind])
        return ended

    def _begin(self, task: int, cubes: list[int], vectors: list[int]) -> None:
        state = self.states[task]
        if state.begun == 0:
            state.start = self.now
        end = self.now + self.tasks[task].blocks[state.begun]
        state.blocks.append((f"aic {cubes[0]}" if cubes else f"aiv {vectors[0]}", self.now, end))
        heapq.heappush(self.running, (end, task, cubes, vectors))
        state.begun += 1

    def _block_done(self, task: int) -> None:
        self.states[task].left -= 1
        if not self.states[task].left:
            self._task_done(task)

    def _task_done(self, task: int) -> None:
        self.states[task].end = self.now
        for target in self.after[task]:
            self.states[target].missing -= 1
            if not self.states[target].missing and target < self.submitted:
                self._is_ready(target)
        while self.retired < self.submitted and self.states[self.retired].end >= 0:
            self.retired += 1
