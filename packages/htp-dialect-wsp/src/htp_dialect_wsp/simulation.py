"""The reference of how tasks run: who runs each of them and when, in simulated cycles, the same on every machine.

Knows costs, edges and the settings of `htp.tasks.open_tasks`; does not know what tasks compute. Targets that report
simulated time give exactly these numbers.

The rules, which leave nothing open:

* A **worker** runs one task at a time. Pool `p` has the workers `p * workers` to `p * workers + workers - 1`, and a
  task belongs to one of them, or, where it names none, to the one whose number in its pool is the task's id modulo
  `workers`. Ids count tasks in program order, whatever their pool.
* Time stands still for a **round** of four steps; rounds repeat at one time until one changes nothing. Then time goes
  on to the next end of a task, or to the issue clock if that is nearer, is still to come and tasks are left to submit.

  1. *Complete*: running tasks whose end is now complete. A task is **ready** when it is submitted and all tasks that it
     depends on are complete. A task of cost 0 completes in the round after the one it starts in.
  2. *Retire*: `oldest` moves on over completed tasks, so tasks leave the window in program order only.
  3. *Submit*: batches are submitted as long as nothing holds the next one back.
  4. *Start*: every idle worker, from the lowest number up, starts one ready task.
* A **batch** is the next `batch` tasks in program order, fewer where the program ends or a task with `waits` comes: the
  submitting program cannot know tasks behind such a point yet, so it submits what it has. What `waits` names must be
  complete, the issue clock must have been reached, and the window must have room for all tasks of the batch, in this
  order. All of a batch are submitted at the same time.
* The **issue clock** starts at 0. Every `every`-th submission of a task sets it to `max(clock, now) + issue`.
  `rate_limit(k, cycles)` is `every=k, issue=cycles`; an issue cost of 3 for each task is `every=1, issue=3`. Inside a
  batch it is not asked; a batch with several such submissions moves it on for each of them.
* The **window** holds tasks that are submitted and not retired. It has room for a batch when the tasks in it, or the
  bytes that these write, and those of the batch together are at most `window`; 0 is no limit. A batch that alone is
  larger than the window has room once the window is empty, so a program always ends. Where there is no room, `stall`
  waits, which counts as one stall however long it takes, and `abort` refuses the run.
* A worker **starts** the ready task of its own set of the highest priority, among these with `interleaved` one of the
  stream whose latest start, on any worker, is longest ago (a stream that never started comes first; tasks of no stream
  are one stream), among these the one of the lowest id. "Longest ago" counts starts, not cycles, so no two tie.
* With `steal` an idle worker whose own set is empty takes a task of the largest set of its pool, the lowest worker's
  on ties: the one of the lowest priority there, among these the one of the highest id.
* Streams are edges (`dependences.stream_edges`). Where a program opens tasks several times, each time is a run of its
  own that begins when the one before it is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Refused
from htp.runs import Simulated, TaskRun

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.runs import TaskEdge

__all__ = ["Machine", "SimulatedTask", "simulate"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Workers and how tasks reach them; the fields are those of `htp.tasks.open_tasks`."""

    workers: int
    steal: bool = False
    window: int = 0
    unit: Literal["tasks", "bytes"] = "tasks"
    full: Literal["stall", "abort"] = "stall"
    pools: int = 1
    issue: int = 0
    every: int = 1
    batch: int = 1
    interleaved: bool = False


@dataclass(frozen=True, kw_only=True)
class SimulatedTask:
    """One task: its cost in cycles, where it belongs, the bytes it writes, and what is awaited before it is submitted.

    `worker` is a number in its pool, -1 for none in particular; `waits` are ids of earlier tasks.
    """

    cost: int
    worker: int = -1
    pool: int = 0
    priority: int = 0
    stream: int = -1
    bytes: int = 0
    waits: tuple[int, ...] = ()


def simulate(tasks: Sequence[SimulatedTask], edges: Iterable[TaskEdge], machine: Machine) -> Simulated:
    """When each task is submitted, starts and ends, and on which worker, by the rules of this module.

    Raises:
        Refused: `wsp.dispatch-range` for a task of a worker or pool that the machine lacks, `run.window-full` when the
            window is full and `machine.full` is `abort`.

    >>> four = [SimulatedTask(cost=cost) for cost in (5, 1, 1, 1)]
    >>> [(each.worker, each.start) for each in simulate(four, (), Machine(workers=2)).tasks]
    [(0, 0), (1, 0), (0, 5), (1, 1)]
    """
    run = _Run(tasks, machine)
    for each in edges:
        run.sources[each.target].add(each.source)
        run.targets[each.source].add(each.target)
    while True:
        while run.round():
            pass
        if (later := run.next_time()) is None:
            break
        run.now = later
    done = tuple(
        TaskRun(worker=run.home[task], submit=run.submitted[task], start=run.started[task], end=run.ended[task])
        for task in range(len(tasks))
    )
    return Simulated(
        makespan=max(run.ended, default=0), tasks=done, window_high_water=run.high_water, window_stalls=run.stalls
    )


@dataclass
class _Run:
    """The state of a simulation; `ready` and `running` are by worker."""

    tasks: Sequence[SimulatedTask]
    machine: Machine
    now: int = 0
    clock: int = 0
    next: int = 0
    oldest: int = 0
    high_water: int = 0
    stalls: int = 0
    stalled: int = -1
    starts: int = 0
    latest: dict[int, int] = field(default_factory=dict[int, int])

    def __post_init__(self) -> None:
        count, workers = len(self.tasks), self.machine.workers * self.machine.pools
        self.home = [self._home(each) for each in range(count)]
        self.sources: list[set[int]] = [set() for _ in range(count)]
        self.targets: list[set[int]] = [set() for _ in range(count)]
        self.submitted, self.started, self.ended = [-1] * count, [-1] * count, [-1] * count
        self.complete = [False] * count
        self.ready: list[set[int]] = [set() for _ in range(workers)]
        self.running: list[int | None] = [None] * workers

    def _home(self, task: int) -> int:
        given, machine = self.tasks[task], self.machine
        worker = task % machine.workers if given.worker == -1 else given.worker
        if not (0 <= worker < machine.workers and 0 <= given.pool < machine.pools):
            raise Refused(
                "wsp.dispatch-range",
                f"task {task} goes to worker {worker} of pool {given.pool}; there are {machine.workers} workers in "
                f"each of {machine.pools} pools",
                help=f"give it a worker from 0 to {machine.workers - 1} and a pool from 0 to {machine.pools - 1}",
            )
        return given.pool * machine.workers + worker

    def round(self) -> bool:
        """The four steps; whether any of them changed something."""
        completed = self._complete()
        while self.oldest < self.next and self.complete[self.oldest]:
            self.oldest += 1
        submitted = self._submit()
        started = self._start()
        return completed or submitted or started

    def next_time(self) -> int | None:
        """The next time at which something can happen, None when everything has."""
        times = [self.ended[task] for task in self.running if task is not None]
        if self.next < len(self.tasks) and self.clock > self.now:
            times.append(self.clock)
        return min(times, default=None)

    # complete ---------------------------------------------------------------------------------------------------

    def _complete(self) -> bool:
        changed = False
        for worker, task in enumerate(self.running):
            if task is not None and self.ended[task] <= self.now:
                changed = self.complete[task] = True
                self.running[worker] = None
                for target in self.targets[task]:
                    self._offer(target)
        return changed

    def _offer(self, task: int) -> None:
        if self.submitted[task] >= 0 and all(self.complete[each] for each in self.sources[task]):
            self.ready[self.home[task]].add(task)

    # submit -----------------------------------------------------------------------------------------------------

    def _submit(self) -> bool:
        first = self.next
        while self.next < len(self.tasks) and self._may_submit(batch := self._batch()):
            for task in batch:
                self.submitted[task] = self.now
                self.next += 1
                if self.next % self.machine.every == 0:
                    self.clock = max(self.clock, self.now) + self.machine.issue
                self._offer(task)
            self.high_water = max(self.high_water, self._used(range(self.oldest, self.next)))
        return self.next > first

    def _batch(self) -> range:
        last = min(self.next + self.machine.batch, len(self.tasks))
        waiting = (task for task in range(self.next + 1, last) if self.tasks[task].waits)
        return range(self.next, next(waiting, last))

    def _may_submit(self, batch: range) -> bool:
        awaited = all(self.complete[each] for each in self.tasks[batch[0]].waits)
        if not awaited or self.clock > self.now:
            return False
        inside, window = range(self.oldest, self.next), self.machine.window
        if window == 0 or not inside or self._used(inside) + self._used(batch) <= window:
            return True
        if self.machine.full == "abort":
            raise Refused(
                "run.window-full",
                f"task {batch[0]} finds the window of {window} {self.machine.unit} full",
                help='make the window larger, or let submission wait: `mode="stall"`',
            )
        self.stalls += self.stalled != batch[0]
        self.stalled = batch[0]
        return False

    def _used(self, tasks: range) -> int:
        return len(tasks) if self.machine.unit == "tasks" else sum(self.tasks[each].bytes for each in tasks)

    # start ------------------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        before = self.starts
        for worker, task in enumerate(self.running):
            if task is not None:
                continue
            if (chosen := self._taken(worker)) is not None:
                self.running[worker] = chosen
                self.home[chosen] = worker
                self.started[chosen], self.ended[chosen] = self.now, self.now + self.tasks[chosen].cost
                self.latest[max(self.tasks[chosen].stream, -1)] = self.starts
                self.starts += 1
        return self.starts > before

    def _taken(self, worker: int) -> int | None:
        """The task that an idle worker starts, taken out of its set or, by stealing, of another's."""
        own = self.ready[worker]
        if own:
            chosen = min(own, key=self._order)
            own.remove(chosen)
            return chosen
        if not self.machine.steal:
            return None
        first = worker - worker % self.machine.workers
        pool = self.ready[first : first + self.machine.workers]
        victim = max(pool, key=len)  # the first of the largest
        if not victim:
            return None
        chosen = max(victim, key=lambda task: (-self.tasks[task].priority, task))
        victim.remove(chosen)
        return chosen

    def _order(self, task: int) -> tuple[int, int, int]:
        given = self.tasks[task]
        turn = self.latest.get(max(given.stream, -1), -1) if self.machine.interleaved else 0
        return -given.priority, turn, task
