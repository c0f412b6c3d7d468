"""What is known of one run of a package: wall time, simulated time, tasks and their graph.

Knows the records and their units; does not know how anything was measured. What was not measured is `None`.
"""

from typing import Literal

import msgspec

from htp.declarations import Mode
from htp.diagnostics import Diagnostic

__all__ = [
    "BlockRun",
    "ChannelRun",
    "Figure",
    "KernelRun",
    "NetworkRun",
    "ProcessRun",
    "RunReport",
    "Simulated",
    "TaskEdge",
    "TaskGraph",
    "TaskNode",
    "TaskRun",
    "TaskStatistics",
    "UnitRun",
    "UnitWork",
    "Wait",
]


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A process stood still from `start` to `end`, in cycles, because of a channel.

    It was `full` for a token to send, or `empty` of one to receive; or nothing came any more, and the process learned
    at `end` that the stream had ended, which is no stall.
    """

    start: int
    end: int
    channel: str
    why: Literal["full", "empty", "end"]


class ProcessRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a process did, in simulated cycles: when it ended, how long it computed and waited, and how often.

    Where `waits` are known the process was busy at all other times until its end.
    """

    end: int
    busy: int
    stall_in: int
    stall_out: int
    stalls: int = 0
    waits: tuple[Wait, ...] | None = None


class ChannelRun(msgspec.Struct, frozen=True, kw_only=True):
    """What went through a channel: counts, simulated cycles, and the times of every accept and dequeue.

    `stall_full` and `stall_empty` are cycles, `stalls_full` and `stalls_empty` how often a process waited. `sender` and
    `receiver` are processes, empty where they are not known; `initial` is how many of the tokens nobody sent.
    """

    capacity: int
    latency: int = 0
    response: int = 0
    initial: int = 0
    sender: str = ""
    receiver: str = ""
    sends: int
    receives: int
    high_water: int
    stall_full: int
    stall_empty: int
    stalls_full: int = 0
    stalls_empty: int = 0
    accepts: tuple[int, ...] = ()
    dequeues: tuple[int, ...] = ()


class BlockRun(msgspec.Struct, frozen=True, kw_only=True):
    """One of the blocks of a task: who ran it, and when it started and ended."""

    worker: int
    start: int
    end: int


class TaskRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task: who ran it, and when it was submitted, started and ended.

    In simulated cycles in `Simulated.tasks`, in nanoseconds since the run began in `TaskStatistics.runs`. Of a task of
    several `blocks` each has its worker and its times; `worker` is that of the first one.
    """

    worker: int
    submit: int
    start: int
    end: int
    blocks: tuple[BlockRun, ...] = ()

    @property
    def places(self) -> tuple[BlockRun, ...]:
        """What ran where and when: its blocks, or the task as a whole."""
        return self.blocks or (BlockRun(worker=self.worker, start=self.start, end=self.end),)


class TaskNode(msgspec.Struct, frozen=True, kw_only=True):
    """A task of the graph: the kernel it calls, the loop coordinates it stands for, and the user's line."""

    kernel: str
    at: tuple[int, ...] = ()
    place: str = ""


class TaskEdge(msgspec.Struct, frozen=True, kw_only=True):
    """`target` runs after `source`, both indices of tasks; `kind` says why.

    One of `RAW`, `WAR`, `WAW`, or several of these joined by `+` in that order, `after`, `stream`.
    """

    source: int
    target: int
    kind: str


class TaskGraph(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of a run in program order, and every dependence between them that was derived or declared."""

    tasks: tuple[TaskNode, ...] = ()
    edges: tuple[TaskEdge, ...] = ()


class TaskStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What the native task runtime counted in one run; `runs` only where a trace was asked for.

    `left_out` says which tasks are not counted, and why.
    """

    tasks: int
    workers: int
    window_high_water: int | None = None
    window_stalls: int | None = None
    runs: tuple[TaskRun, ...] = ()
    left_out: str = ""


class UnitWork(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One thing that a unit of a core did, in cycles since its task started."""

    start: int
    end: int
    name: str


class UnitRun(msgspec.Struct, frozen=True, kw_only=True):
    """What one unit of a core did for a task, one thing after the other."""

    unit: str
    works: tuple[UnitWork, ...] = ()


class KernelRun(msgspec.Struct, frozen=True, kw_only=True):
    """What went on inside one task: the units of its cores side by side; `task` is an index of `Simulated.tasks`.

    `assumed` are those cycles of units for which nobody published a figure; `counts` are totals over all tasks of the
    kernel.
    """

    kernel: str
    task: int
    cycles: int
    assumed: int = 0
    units: tuple[UnitRun, ...] = ()
    counts: dict[str, int] = {}


class NetworkRun(msgspec.Struct, frozen=True, kw_only=True):
    """A network of a run: when it began, in simulated cycles, and its own times, which count from there."""

    start: int
    makespan: int
    processes: dict[str, ProcessRun] = {}
    channels: dict[str, ChannelRun] = {}


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """Simulated time of a run, in cycles.

    Processes and channels are those of the last of its `networks`, which began at `start`; those that ran before it are
    `earlier`. `workers` are names of those that ran tasks, where they have names; `kernels` show what went on inside
    some tasks, one of each kernel.
    """

    makespan: int
    networks: int = 0
    processes: dict[str, ProcessRun] = {}
    channels: dict[str, ChannelRun] = {}
    earlier: tuple[NetworkRun, ...] = ()
    start: int = 0
    tasks: tuple[TaskRun, ...] = ()
    workers: tuple[str, ...] = ()
    kernels: tuple[KernelRun, ...] = ()
    window_high_water: int | None = None
    window_stalls: int | None = None

    @property
    def network_runs(self) -> tuple[NetworkRun, ...]:
        """Every network that ran, in order."""
        if not (self.processes or self.channels):
            return self.earlier
        took = max((each.end for each in self.processes.values()), default=0)
        last = NetworkRun(start=self.start, makespan=took, processes=self.processes, channels=self.channels)
        return (*self.earlier, last)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a package, as a table: rows of as many texts as there are columns, and what to know of them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one run; what was not measured is `None`."""

    schema: Literal["htp.run/1"] = "htp.run/1"
    entry: str
    target: str
    mode: Mode
    wall_seconds: float | None = None
    simulated: Simulated | None = None
    tasks: TaskStatistics | None = None
    graph: TaskGraph | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
