"""Timelines as SVG: a lane for each worker with the tasks it ran, then networks, and the units inside kernels.

Knows how a timeline looks; the times are read by `htp.views.times`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.views.drawing import (
    CHARACTER,
    box,
    clean,
    columns,
    kernel_class,
    legend,
    shortened,
    svg,
    text_at,
    width_of,
)
from htp.views.kernel_lanes import kernel_lanes, name_of
from htp.views.lanes import AREA, BAR, LANE, MARGIN, WIDTH, Scale, area, axis, lane
from htp.views.pictures import kernels_of
from htp.views.process_lanes import WAITS, high_water, network_lanes
from htp.views.times import clocks_of, names_of, occupancy, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.runs import RunReport, TaskGraph, TaskRun
    from htp.views.times import Clock

BARS = 2000
"""How many tasks are drawn one by one; of more, a lane shows only when its worker was busy."""


def timeline_svg(report: RunReport) -> str:
    """The run as a self-contained SVG: tasks in real and in simulated time, then processes and channels.

    What was not measured is named in the drawing. Of more than `BARS` tasks, lanes show only when a worker was busy;
    of processes that did more than `THINGS`, what each did most of the time.
    """
    clocks = clocks_of(report)
    names = [clock.worker(worker) for clock in clocks for worker in range(clock.workers)]
    found = report.simulated
    runs = found.network_runs if found is not None else ()
    names += [name for each in runs for name in (*each.processes, *each.channels)]
    names += [name_of(unit, kernel) for kernel in found.kernels for unit in kernel.units] if found is not None else []
    told = max((width_of(high_water(each), 10) for run in runs for each in run.channels.values()), default=0)
    left = MARGIN + max(told, *(width_of(shortened(name, 24)) for name in [*names, "window"])) + 12
    drawn, y = _head(report, clocks, left + WIDTH - MARGIN)
    parts = [drawn]
    for clock in clocks:
        drawn, y = _tasks(clock, report.graph, left, y)
        parts.append(drawn)
    if found is not None:
        drawn, y = network_lanes(found, left, y)
        parts.append(drawn)
    if found is not None and found.kernels:
        drawn, y = kernel_lanes(found.kernels, left, y)
        parts.append(drawn)
    return svg(left + WIDTH + 2 * MARGIN, y, "".join(parts), label=f"timeline of {report.entry}")


def _head(report: RunReport, clocks: Sequence[Clock], width: float) -> tuple[str, float]:
    """The legend of kernels, and what was not measured."""
    known = kernels_of(report.graph) if clocks and len(kernels_of(report.graph)) <= 16 else {}
    entries = [(kernel_class(at), shortened(name, 26)) for name, at in known.items()]
    if report.simulated is not None and report.simulated.processes:
        entries += [(role, name) for name, role in WAITS]
    drawn, y = legend(entries, MARGIN, MARGIN + 10, width)
    lines, y = [drawn], y if entries else y - 18
    timed, what = {clock.name for clock in clocks}, "tasks"
    if report.simulated is not None and report.simulated.processes:
        timed.add("simulated time")
        what = "processes" if report.graph is None and not clocks else what
    for name in ("real time", "simulated time"):
        if name not in timed:
            y += 18
            lines.append(text_at(MARGIN, y, f"{what} in {name}: not measured", role="quiet"))
    return "".join(lines), y + 14


def _tasks(clock: Clock, graph: TaskGraph | None, left: float, top: float) -> tuple[str, float]:
    """One clock's panel, which begins with the first submission: title, lanes, the window, the axis."""
    begin = clock.begin
    clock = clock.since(begin)
    scale = Scale(left, clock.end)
    few = len(clock.runs) <= BARS
    tasks = f"{len(clock.runs)} tasks" if len(clock.runs) > 1 else "1 task"
    title = f"{clock.name}: {tasks} in {said(clock.end, clock.unit)}"
    title += f", from {said(begin, clock.unit)} after the start on" if begin else ""
    title += "" if few else "; too many to tell apart: when each worker was busy"
    parts = [text_at(MARGIN, top + 14, title)]
    top += 24
    bottom = top + clock.workers * LANE + AREA + 8
    parts.append(axis(scale, clock.unit, top, bottom))
    parts += [lane(clock.worker(each), scale, top + each * LANE) for each in range(clock.workers)]
    parts.append(_bars(clock, graph, scale, top) if few else _busy(clock.runs, scale, top))
    parts.append(area("window", occupancy(clock.runs), scale, bottom - AREA))
    return "".join(parts), bottom + 34


def _bars(clock: Clock, graph: TaskGraph | None, scale: Scale, top: float) -> str:
    numbers = kernels_of(graph)
    parts: list[str] = []
    names = names_of(graph, len(clock.runs))
    drawn = (
        (index, run, each, *name)
        for index, (run, name) in enumerate(zip(clock.runs, names, strict=True))
        for each in run.places
    )
    for index, run, each, kernel, at in drawn:
        x, y = scale(each.start), top + each.worker * LANE + (LANE - BAR) / 2
        width = max(scale(each.end) - x, 1)
        x = min(x, scale.left + scale.width - width)
        name = f"{kernel} {at}".strip()
        submit, start, end = (said(time, clock.unit) for time in (run.submit, each.start, each.end))
        times = f"submitted {submit}, from {start} to {end}"
        role = kernel_class(numbers.get(kernel))
        parts.append(box(x, y, width, BAR, role, said=f"task {index}: {name}, {clock.worker(each.worker)}, {times}"))
        room = int((width - 8) / (CHARACTER * 11 / 12))
        label = next((text for text in (name, at) if text and columns(clean(text)) <= room), "")
        if label:
            parts.append(text_at(x + width / 2, y + 13, label, anchor="middle", size=11))
    return "".join(parts)


def _busy(runs: Iterable[TaskRun], scale: Scale, top: float) -> str:
    """The pixels in which each worker was busy, as few boxes as possible."""
    pixels: dict[int, set[int]] = {}
    for run in (each for task in runs for each in task.places):
        first, last = int(scale(run.start) - scale.left), int(scale(run.end) - scale.left)
        pixels.setdefault(run.worker, set()).update(range(first, min(max(last, first + 1), int(scale.width))))
    parts: list[str] = []
    for worker, found in sorted(pixels.items()):
        y = top + worker * LANE + (LANE - BAR) / 2
        for start in sorted(each for each in found if each - 1 not in found):
            end = start
            while end in found:
                end += 1
            parts.append(box(scale.left + start, y, end - start, BAR, "v-plain"))
    return "".join(parts)
