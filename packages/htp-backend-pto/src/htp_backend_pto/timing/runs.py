"""Simulated time of a run on the stand-in: what its cores did becomes times of tasks, and of pipes inside kernels.

Knows the stand-in's report; the rules of time are those of `cores` and `tasks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from htp.runs import KernelRun, UnitRun, UnitWork
from htp_backend_pto.timing.cores import run_cores
from htp_backend_pto.timing.events import Meet
from htp_backend_pto.timing.tasks import Planned, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.runs import Simulated
    from htp_backend_pto.binding.reports import Report, RunTask
    from htp_backend_pto.timing.cores import CoreTime

__all__ = ["simulated"]

PIPES = ("S", "MTE2", "MTE1", "V", "M", "FIX", "MTE3")
"""In the order in which data passes them."""


def simulated(report: Report, clusters: int, window: int | None) -> Simulated:
    """The times of a run: of its tasks, and of what went on in the longest task of each kernel.

    `window` is how many tasks may be submitted and not retired, `None` where the whole graph is built first.
    """
    timed = _Timed(report)
    blocks = [timed.blocks(each) for each in report.tasks]
    planned = [_planned(each) for each in blocks]
    edges = [(each.from_, each.to) for each in report.edges]
    numbers = {each.id: number for number, each in enumerate(report.tasks)}
    found = schedule(planned, [(numbers[one], numbers[other]) for one, other in edges], clusters, window)
    counts = _counts(report.tasks)
    kernels = tuple(structs.replace(each, counts=counts[each.kernel]) for each in _kernels(report.tasks, blocks))
    return structs.replace(found, kernels=kernels)


Block = list[tuple[str, "CoreTime"]]


class _Timed:
    """The times of tasks, each different one worked out once."""

    def __init__(self, report: Report) -> None:
        self.traces = report.traces
        self.known: dict[tuple[int, ...], list[CoreTime]] = {}

    def blocks(self, task: RunTask) -> list[Block]:
        """The cores of each block with what they did; those of all blocks run together where they meet."""
        blocks: dict[int, list[tuple[str, int]]] = {}
        for core, block, trace in task.cores:
            blocks.setdefault(block, []).append((core, trace))
        groups = [*blocks.values()]
        events = (event for _, _, number in task.cores for event in self.traces[number])
        if any(isinstance(each, Meet) for each in events):
            times = iter(self._times([trace for group in groups for _, trace in group]))
            return [[(core, next(times)) for core, _ in group] for group in groups]
        return [
            [(core, time) for (core, _), time in zip(group, self._times([each for _, each in group]), strict=True)]
            for group in groups
        ]

    def _times(self, traces: Sequence[int]) -> list[CoreTime]:
        key = tuple(traces)
        if key not in self.known:
            self.known[key] = run_cores([self.traces[each] for each in traces])
        return self.known[key]


def _planned(blocks: Sequence[Block]) -> Planned:
    names = [core for core, _ in blocks[0]] if blocks else []
    cubes = sum(each == "aic" for each in names)
    return Planned((cubes, len(names) - cubes), tuple(max(time.end for _, time in block) for block in blocks))


def _counts(tasks: Sequence[RunTask]) -> dict[str, dict[str, int]]:
    """What all tasks of each kernel did together."""
    found: dict[str, dict[str, int]] = {}
    for each in tasks:
        if each.kernels:
            mine = found.setdefault(each.kernels[0], dict.fromkeys(("tasks", "loaded", "stored", "instructions"), 0))
            more = {"tasks": 1, "loaded": each.loaded, "stored": each.stored}
            for name, value in {**more, "instructions": sum(each.instructions.values())}.items():
                mine[name] += value
    return found


def _kernels(tasks: Sequence[RunTask], blocks: Sequence[Sequence[Block]]) -> Iterator[KernelRun]:
    """For each kernel the block that takes longest, of the first such task."""
    longest: dict[str, tuple[int, int, Block]] = {}
    for number, (task, found) in enumerate(zip(tasks, blocks, strict=True)):
        for block in found:
            cycles = max(time.end for _, time in block)
            if task.kernels[0] not in longest or cycles > longest[task.kernels[0]][0]:
                longest[task.kernels[0]] = cycles, number, block
    for kernel, (cycles, number, block) in longest.items():
        units = [unit for core, time in block for unit in _units(core if len(block) > 1 else "", time)]
        assumed = sum(time.assumed for _, time in block)
        yield KernelRun(kernel=kernel, task=number, cycles=cycles, assumed=assumed, units=tuple(units))


def _units(core: str, time: CoreTime) -> Iterator[UnitRun]:
    for pipe in PIPES:
        works = tuple(
            UnitWork(start=each.start, end=each.end, name=each.name) for each in time.works if each.pipe == pipe
        )
        if works:
            yield UnitRun(unit=f"{core} {pipe}".strip(), works=works)
