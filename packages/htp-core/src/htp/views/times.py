"""Times of a run: what went on in which lane, how full the window was, round numbers for an axis.

Knows records of runs; does not know any format.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from msgspec import structs

from htp.views.pictures import coordinates

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.runs import ChannelRun, NetworkRun, ProcessRun, RunReport, TaskGraph, TaskRun, Wait

Doing = Literal["work", "full", "empty", "end"]
"""What a process does: it works, or waits for room, for a token or for the end of a stream."""
WAITING = {"full": "waiting for room in", "empty": "waiting for a token of", "end": "waiting for the end of"}
Steps = tuple[tuple[int, int], ...]
"""A count over time: from each time on, until the next one."""


@dataclass(frozen=True)
class Clock:
    """The tasks of a run on one clock: real, in nanoseconds, or simulated, in cycles."""

    name: str
    unit: str
    end: int
    workers: int
    runs: tuple[TaskRun, ...]
    names: tuple[str, ...] = ()
    """Of the workers, where they have names."""

    def worker(self, number: int) -> str:
        """What a worker is called."""
        return self.names[number] if number < len(self.names) else f"worker {number}"

    @property
    def begin(self) -> int:
        """When the first task was submitted."""
        return min(run.submit for run in self.runs)

    def since(self, begin: int) -> Clock:
        """The same on a clock that starts at `begin`."""
        runs = tuple(
            structs.replace(run, submit=run.submit - begin, start=run.start - begin, end=run.end - begin)
            for run in self.runs
        )
        return replace(self, end=self.end - begin, runs=runs)


@dataclass(frozen=True)
class Span:
    """What a process did from one time to another, in cycles; `channel` is the one it waited for."""

    start: int
    end: int
    doing: Doing = "work"
    channel: str = ""

    @property
    def said(self) -> str:
        """What it did."""
        return f"{WAITING[self.doing]} {self.channel}" if self.channel else "working"


def begin_of(run: ProcessRun) -> int:
    """When a process began: at 0, unless another one started it."""
    return run.end - run.busy - sum(each.end - each.start for each in run.waits or ())


def spans_of(run: ProcessRun, operations: Iterable[int] = (), until: int | None = None) -> tuple[Span, ...]:
    """What a process did from its start to its end; work is cut where it sent or received something.

    What begins at `until` or later is left out. Where it is not known when a process waited there is nothing.
    """
    if run.waits is None:
        return ()
    at, end = begin_of(run), run.end if until is None else until
    found: list[Span] = []
    cuts = iter(sorted(each for each in operations if each <= end))
    cut = next(cuts, run.end)
    waits = run.waits[: bisect_left(run.waits, end, key=lambda each: each.start)]
    for start, wait in [*((each.start, each) for each in waits), (run.end, None)]:
        while cut < start:
            if cut > at:
                found.append(Span(at, cut))
                at = cut
            cut = next(cuts, run.end)
        if start > at:
            found.append(Span(at, start))
        if wait is not None:
            found.append(Span(wait.start, wait.end, wait.why, wait.channel))
            at = wait.end
    return tuple(each for each in found if each.start < end)


def operations_of(found: NetworkRun) -> dict[str, list[int]]:
    """When each process completed a send or a receive, not in order."""
    times: dict[str, list[int]] = {name: [] for name in found.processes}
    for each in found.channels.values():
        if each.sender in times:
            times[each.sender] += each.accepts[each.initial :]
        if each.receiver in times:
            times[each.receiver] += each.dequeues
    return times


def on_one_clock(found: NetworkRun) -> NetworkRun:
    """The network with times that count from the start of the run, as those of other networks do."""
    start = found.start

    def later(times: Iterable[int]) -> tuple[int, ...]:
        return tuple(each + start for each in times)

    def waited(run: ProcessRun) -> tuple[Wait, ...] | None:
        waits = run.waits
        return waits and tuple(structs.replace(w, start=w.start + start, end=w.end + start) for w in waits)

    processes = {
        name: structs.replace(each, end=each.end + start, waits=waited(each)) for name, each in found.processes.items()
    }
    channels = {
        name: structs.replace(each, accepts=later(each.accepts), dequeues=later(each.dequeues))
        for name, each in found.channels.items()
    }
    return structs.replace(found, processes=processes, channels=channels)


def clocks_of(report: RunReport) -> tuple[Clock, ...]:
    """The clocks on which the run's tasks were timed, real time first."""
    found: list[Clock] = []
    if report.tasks is not None and report.tasks.runs:
        runs = report.tasks.runs
        workers = max(report.tasks.workers, *(run.worker + 1 for run in runs))
        found.append(Clock("real time", "ns", max(run.end for run in runs), workers, runs))
    if report.simulated is not None and report.simulated.tasks:
        runs = report.simulated.tasks
        end = max(report.simulated.makespan, *(run.end for run in runs))
        names = report.simulated.workers
        workers = max(len(names), *(each.worker + 1 for run in runs for each in run.places))
        found.append(Clock("simulated time", "cycles", end, workers, runs, names))
    return tuple(found)


def names_of(graph: TaskGraph | None, count: int) -> tuple[tuple[str, str], ...]:
    """Kernel and coordinates of every task; without a graph of as many tasks only numbers are known."""
    if graph is None or len(graph.tasks) != count:
        return tuple(("", f"task {index}") for index in range(count))
    return tuple((task.kernel, coordinates(task)) for task in graph.tasks)


def occupancy(runs: Sequence[TaskRun]) -> Steps:
    """How many tasks were submitted and not yet retired; tasks retire in program order."""
    retired = accumulate((run.end for run in runs), max)
    return _counted([run.submit for run in runs], list(retired))


def filling(channel: ChannelRun) -> Steps:
    """How many items were in a channel."""
    return _counted(channel.accepts, channel.dequeues)


def _counted(more: Sequence[int], fewer: Sequence[int]) -> Steps:
    changes = Counter(more)
    changes.subtract(fewer)
    level, steps = 0, list[tuple[int, int]]()
    for time in sorted(changes):
        level += changes[time]
        if not steps or steps[-1][1] != level:
            steps.append((time, level))
    return tuple(steps)


def ticks(end: int, most: int) -> tuple[int, ...]:
    """At most `most` + 1 round times from 0 to `end`.

    >>> ticks(12, 6), ticks(0, 6)
    ((0, 2, 4, 6, 8, 10, 12), (0,))
    """
    if end <= 0:
        return (0,)
    power = 10 ** max(0, math.floor(math.log10(end / most)))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if end <= factor * power * most)
    return tuple(range(0, end + 1, step))


def said(time: float, unit: str) -> str:
    """A time for people.

    >>> said(1500, "ns"), said(2_000_000, "ns"), said(1500, "cycles"), said(0, "ns")
    ('1.5 us', '2 ms', '1500 cycles', '0 ns')
    """
    if unit != "ns":
        return f"{time:g} {unit}" if time < 1e6 else f"{time:.0f} {unit}"
    for size, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if abs(time) >= size:
            return f"{time / size:.4g} {name}"
    return f"{time:g} ns"
