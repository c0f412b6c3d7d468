"""Timelines as SVG: a lane for each worker with the tasks it ran, and below how full window and channels were.

Knows how a timeline looks; the times are read by `htp.views.times`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.views.drawing import (
    CHARACTER,
    box,
    clean,
    columns,
    kernel_class,
    legend,
    number,
    path,
    shortened,
    svg,
    text_at,
    width_of,
)
from htp.views.pictures import kernels_of
from htp.views.times import clocks_of, filling, names_of, occupancy, said, ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.runs import RunReport, Simulated, TaskGraph, TaskRun
    from htp.views.times import Clock, Steps

BARS = 2000
"""How many tasks are drawn one by one; of more, a lane shows only when its worker was busy."""
_MARGIN, _WIDTH, _LANE, _BAR, _AREA = 20.0, 880.0, 24.0, 18.0, 40.0
_WAITS = (("busy", "v-k2"), ("waiting for input", "v-k1"), ("waiting for room", "v-k3"))


@dataclass(frozen=True)
class _Scale:
    """Where a time stands: `left` is 0, and `end` is `width` further right."""

    left: float
    end: int
    width: float = _WIDTH

    def __call__(self, time: float) -> float:
        return self.left + self.width * min(max(time, 0), self.end) / max(self.end, 1)


def timeline_svg(report: RunReport) -> str:
    """The run as a self-contained SVG: tasks in real and in simulated time, then processes and channels.

    What was not measured is named in the drawing. Of more than `BARS` tasks, lanes show only when a worker was busy.
    """
    clocks = clocks_of(report)
    names = [f"worker {worker}" for clock in clocks for worker in range(clock.workers)]
    found = report.simulated
    names += [*found.processes, *found.channels] if found is not None else []
    left = _MARGIN + max(width_of(shortened(name, 24)) for name in [*names, "window"]) + 12
    drawn, y = _head(report, clocks, left + _WIDTH - _MARGIN)
    parts = [drawn]
    for clock in clocks:
        drawn, y = _tasks(clock, report.graph, left, y)
        parts.append(drawn)
    if found is not None and (found.processes or found.channels):
        drawn, y = _processes(found, left, y)
        parts.append(drawn)
    return svg(left + _WIDTH + 2 * _MARGIN, y, "".join(parts), label=f"timeline of {report.entry}")


def _head(report: RunReport, clocks: Sequence[Clock], width: float) -> tuple[str, float]:
    """The legend of kernels, and what was not measured."""
    known = kernels_of(report.graph) if clocks and len(kernels_of(report.graph)) <= 16 else {}
    entries = [(kernel_class(at), shortened(name, 26)) for name, at in known.items()]
    if report.simulated is not None and report.simulated.processes:
        entries += [(role, name) for name, role in _WAITS]
    drawn, y = legend(entries, _MARGIN, _MARGIN + 10, width)
    lines, y = [drawn], y if entries else y - 18
    timed = {clock.name for clock in clocks}
    if report.simulated is not None and report.simulated.processes:
        timed.add("simulated time")
    for name in ("real time", "simulated time"):
        if name not in timed:
            y += 18
            lines.append(text_at(_MARGIN, y, f"tasks in {name}: not measured", role="quiet"))
    return "".join(lines), y + 14


def _tasks(clock: Clock, graph: TaskGraph | None, left: float, top: float) -> tuple[str, float]:
    """One clock's panel, which begins with the first submission: title, lanes, the window, the axis."""
    begin = clock.begin
    clock = clock.since(begin)
    scale = _Scale(left, clock.end)
    few = len(clock.runs) <= BARS
    tasks = f"{len(clock.runs)} tasks" if len(clock.runs) > 1 else "1 task"
    title = f"{clock.name}: {tasks} in {said(clock.end, clock.unit)}"
    title += f", from {said(begin, clock.unit)} after the start on" if begin else ""
    title += "" if few else "; too many to tell apart: when each worker was busy"
    parts = [text_at(_MARGIN, top + 14, title)]
    top += 24
    bottom = top + clock.workers * _LANE + _AREA + 8
    parts.append(_axis(scale, clock.unit, top, bottom))
    parts += [_lane(f"worker {each}", scale, top + each * _LANE) for each in range(clock.workers)]
    parts.append(_bars(clock, graph, scale, top) if few else _busy(clock.runs, scale, top))
    parts.append(_area("window", occupancy(clock.runs), scale, bottom - _AREA))
    return "".join(parts), bottom + 34


def _lane(name: str, scale: _Scale, top: float) -> str:
    rule = path(f"M{number(scale.left)} {number(top + _LANE)}h{number(scale.width)}", "v-rule")
    return text_at(_MARGIN, top + 16, shortened(name, 24), role="quiet") + rule


def _axis(scale: _Scale, unit: str, top: float, bottom: float) -> str:
    parts: list[str] = []
    for tick in ticks(scale.end, 6):
        x = scale(tick)
        parts.append(path(f"M{number(x)} {number(top)}V{number(bottom + 4)}", "v-rule"))
        name = said(tick, unit).removesuffix(" cycles") if tick else f"0 {unit}"
        parts.append(text_at(x, bottom + 17, name, role="quiet", anchor="middle", size=11))
    return "".join(parts)


def _bars(clock: Clock, graph: TaskGraph | None, scale: _Scale, top: float) -> str:
    numbers = kernels_of(graph)
    parts: list[str] = []
    names = names_of(graph, len(clock.runs))
    for index, (run, (kernel, at)) in enumerate(zip(clock.runs, names, strict=True)):
        x, y = scale(run.start), top + run.worker * _LANE + (_LANE - _BAR) / 2
        width = max(scale(run.end) - x, 1)
        x = min(x, scale.left + scale.width - width)
        name = f"{kernel} {at}".strip()
        submit, start, end = (said(each, clock.unit) for each in (run.submit, run.start, run.end))
        times = f"submitted {submit}, from {start} to {end}"
        role = kernel_class(numbers.get(kernel))
        parts.append(box(x, y, width, _BAR, role, said=f"task {index}: {name}, worker {run.worker}, {times}"))
        room = int((width - 8) / (CHARACTER * 11 / 12))
        label = next((each for each in (name, at) if each and columns(clean(each)) <= room), "")
        if label:
            parts.append(text_at(x + width / 2, y + 13, label, anchor="middle", size=11))
    return "".join(parts)


def _busy(runs: Iterable[TaskRun], scale: _Scale, top: float) -> str:
    """The pixels in which each worker was busy, as few boxes as possible."""
    pixels: dict[int, set[int]] = {}
    for run in runs:
        first, last = int(scale(run.start) - scale.left), int(scale(run.end) - scale.left)
        pixels.setdefault(run.worker, set()).update(range(first, min(max(last, first + 1), int(scale.width))))
    parts: list[str] = []
    for worker, found in sorted(pixels.items()):
        y = top + worker * _LANE + (_LANE - _BAR) / 2
        for start in sorted(each for each in found if each - 1 not in found):
            end = start
            while end in found:
                end += 1
            parts.append(box(scale.left + start, y, end - start, _BAR, "v-plain"))
    return "".join(parts)


def _area(name: str, steps: Steps, scale: _Scale, top: float) -> str:
    """A count over time, filled, with its largest value; in each pixel the largest is drawn."""
    most = max((level for _, level in steps), default=0)
    columns: dict[int, int] = {}
    for time, level in steps:
        column = int(scale(time) - scale.left)
        columns[column] = max(columns.get(column, 0), level)
    height, base = _AREA - 12, top + _AREA
    points = [f"M{number(scale.left)} {number(base)}"]
    for column, largest in sorted(columns.items()):
        points.append(f"H{number(scale.left + column)}V{number(base - height * largest / max(most, 1))}")
    points.append(f"H{number(scale.left + scale.width)}V{number(base)}Z")
    label = text_at(_MARGIN, base - height / 2 + 2, shortened(name, 24), role="quiet")
    label += text_at(_MARGIN, base - height / 2 + 15, f"most {most}", role="quiet", size=10)
    return label + path("".join(points), "v-area")


def _processes(found: Simulated, left: float, top: float) -> tuple[str, float]:
    """Processes with how long each was busy and waited in all, and channels with what was in them over time."""
    scale = _Scale(left, max([found.makespan, *(each.end for each in found.processes.values())]))
    parts = [text_at(_MARGIN, top + 14, "processes: how long each was busy and waited in all, not when")]
    top += 24
    bottom = top + len(found.processes) * _LANE + len(found.channels) * (_AREA + 8)
    parts.append(_axis(scale, "cycles", top, bottom))
    for name, run in found.processes.items():
        parts.append(_lane(name, scale, top))
        at = 0
        for (what, role), took in zip(_WAITS, (run.busy, run.stall_in, run.stall_out), strict=True):
            if took:
                x, end = scale(at), scale(at + took)
                parts.append(box(x, top + 3, end - x, _BAR, role, said=f"{name}: {what} {took} cycles"))
            at += took
        top += _LANE
    for name, channel in found.channels.items():
        parts.append(_area(name, filling(channel), scale, top + 4))
        top += _AREA + 8
    return "".join(parts), bottom + 34
