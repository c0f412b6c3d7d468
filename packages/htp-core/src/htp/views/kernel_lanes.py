"""What went on inside kernels, for timelines: a lane for each unit of a core with what it worked on.

Knows how lanes look; does not know how cycles were counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.views.drawing import CHARACTER, box, kernel_class, text_at
from htp.views.lanes import BAR, LANE, MARGIN, Scale, axis, lane
from htp.views.times import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.runs import KernelRun, UnitRun

BARS = 1500
"""How many works are drawn one by one in a lane; of more, those too close to tell apart are one box."""


def kernel_lanes(kernels: Sequence[KernelRun], left: float, top: float) -> tuple[str, float]:
    """A panel for each kernel, one below the other, and where they end."""
    parts: list[str] = []
    for kernel in kernels:
        drawn, top = _panel(kernel, left, top)
        parts.append(drawn)
    return "".join(parts), top


def busy(unit: UnitRun) -> int:
    """Cycles in which a unit worked."""
    return sum(each.end - each.start for each in unit.works)


def name_of(unit: UnitRun, kernel: KernelRun) -> str:
    """The name of a lane: the unit and how much of the time it worked."""
    return f"{unit.unit} {busy(unit) / kernel.cycles:.0%}" if kernel.cycles else unit.unit


def _panel(kernel: KernelRun, left: float, top: float) -> tuple[str, float]:
    scale = Scale(left, kernel.cycles)
    title = f"inside {kernel.kernel}, task {kernel.task}: {said(kernel.cycles, 'cycles')}"
    total = sum(busy(each) for each in kernel.units)
    title += f"; {kernel.assumed / total:.0%} of its work rests on assumed figures" if kernel.assumed and total else ""
    parts = [text_at(MARGIN, top + 14, title)]
    top += 24
    bottom = top + len(kernel.units) * LANE
    parts.append(axis(scale, "cycles", top, bottom))
    numbers = {name: at for at, name in enumerate(dict.fromkeys(w.name for u in kernel.units for w in u.works))}
    for row, unit in enumerate(kernel.units):
        y = top + row * LANE
        parts.append(lane(name_of(unit, kernel), scale, y))
        parts += _bars(unit, numbers, scale, y + (LANE - BAR) / 2)
    return "".join(parts), bottom + 34


def _bars(unit: UnitRun, numbers: dict[str, int], scale: Scale, y: float) -> Iterator[str]:
    for start, end, name, count in _joined(unit, scale):
        x, right = scale(start), scale(end)
        many = f", {count} times" if count > 1 else ""
        times = f"from {said(start, 'cycles')} to {said(end, 'cycles')}"
        yield box(x, y, max(right - x, 0.75), BAR, kernel_class(numbers[name]), said=f"{name}{many}, {times}")
        if len(name) * CHARACTER * 11 / 12 + 6 < right - x:
            yield text_at((x + right) / 2, y + 13, name, anchor="middle", size=11)


def _joined(unit: UnitRun, scale: Scale) -> Iterator[tuple[int, int, str, int]]:
    """The works, of very many those of one pixel together under the name of the first."""
    if len(unit.works) <= BARS:
        yield from ((each.start, each.end, each.name, 1) for each in unit.works)
        return
    start, end, name, count = 0, 0, "", 0
    for each in unit.works:
        if count and scale(each.end) - scale(start) > 1:
            yield start, end, name, count
            count = 0
        start, name = (start, name) if count else (each.start, each.name)
        end, count = each.end, count + 1
    if count:
        yield start, end, name, count
