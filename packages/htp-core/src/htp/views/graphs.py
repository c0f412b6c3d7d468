"""Task graphs as SVG: a box for every task in the colour of its kernel, arrows downward in the style of their kind.

Knows how a graph looks; what is drawn is said by `pictures`, where by `layers`.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from htp.views.drawing import box, kernel_class, legend, line_class, number, path, shortened, svg, text_at, width_of
from htp.views.layers import layered
from htp.views.pictures import KINDS, TASKS, kernels_of, picture_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.runs import TaskGraph
    from htp.views.layers import Layout
    from htp.views.pictures import Arrow, Picture

_MARGIN, _HEIGHT, _ROOM, _PACKED, _LEAST, _NAME, _DETAIL = 20.0, 38.0, 44.0, 12.0, 420.0, 26, 44
_KERNELS = 16
"""How many kernels the legend names, each with the number of its tasks."""


def graph_svg(graph: TaskGraph, *, reduce: bool = True, limit: int = TASKS) -> str:
    """The graph as a self-contained SVG, readable on light and dark grounds.

    Tasks stand below all tasks they run after. With `reduce`, edges that follow from others are left out. More than
    `limit` tasks are grouped by kernel with counts; a note in the drawing then says so.
    """
    picture = picture_of(graph, reduce=reduce, limit=limit)
    numbers = kernels_of(graph)
    names = [shortened(node.kernel, _NAME) for node in picture.nodes]
    details = [shortened(node.detail, _DETAIL) for node in picture.nodes]
    widths = [max(map(width_of, lines)) + 18 for lines in zip(names, details, strict=True)]
    layout = layered(widths, [(each.source, each.target) for each in picture.arrows])
    width = max(layout.width, _LEAST)
    left = _MARGIN + (width - layout.width) / 2
    head, top = _head(graph, picture, width)
    tops = _tops(layout, top)
    boxes: list[str] = []
    for index, node in enumerate(picture.nodes):
        x, y, size = left + layout.middles[index], tops[layout.rows[index]], widths[index]
        role = kernel_class(numbers[node.kernel])
        boxes.append(box(x - size / 2, y, size, _HEIGHT, role, round_=5, said=node.said))
        boxes.append(text_at(x, y + 16, names[index], anchor="middle"))
        boxes.append(text_at(x, y + 31, details[index], role="quiet", anchor="middle", size=11))
    arrows = _arrows(picture.arrows, layout, tops, left)
    bottom = (tops[-1] + _HEIGHT if tops else top) + _MARGIN
    label = f"task graph: {len(graph.tasks)} tasks, {len(graph.edges)} edges"
    return svg(width + 2 * _MARGIN, bottom, f"{head}{arrows}{''.join(boxes)}", label=label)


def _head(graph: TaskGraph, picture: Picture, width: float) -> tuple[str, float]:
    """The legend of kernels and kinds and the note; and where the graph begins."""
    tasks = Counter(task.kernel for task in graph.tasks)
    numbers = kernels_of(graph)
    shown = list(numbers.items())[:_KERNELS]
    entries = [(kernel_class(at), f"{shortened(name, _NAME)}: {tasks[name]}") for name, at in shown]
    if len(shown) < len(numbers):
        entries.append(("v-plain", f"and {len(numbers) - len(shown)} more"))
    found = dict.fromkeys(line_class(each.kind) for each in picture.arrows)
    entries += [(f"v-{kind}", kind) for kind in (*KINDS, "other") if kind in found]
    drawn, y = legend(entries, _MARGIN, _MARGIN + 10, width)
    lines = [drawn]
    if not graph.tasks:
        lines.append(text_at(_MARGIN, y, "no tasks", role="quiet"))
    most = int(width / width_of("m"))
    for line in [each for text in _notes(picture) for each in textwrap.wrap(text, most)]:
        y += 18
        lines.append(text_at(_MARGIN, y, line, role="quiet"))
    return "".join(lines), y + 24


def _notes(picture: Picture) -> list[str]:
    """The note, and for arrows between kernels what they stand for."""
    names = [shortened(node.kernel, _NAME) for node in picture.nodes]
    arrows = picture.arrows if picture.grouped else ()
    counts = [f"{names[each.source]} → {names[each.target]}: {each.label}" for each in arrows[:_KERNELS]]
    more = [f"and {len(arrows) - _KERNELS} more arrows"] if len(arrows) > _KERNELS else []
    return [picture.note, *counts, *more]


def _tops(layout: Layout, top: float) -> list[float]:
    """The upper edge of every row; rows with nothing between them stand close."""
    tops: list[float] = []
    for row in range(max(layout.rows, default=-1) + 1):
        tops.append(top)
        top += _HEIGHT + (_ROOM if row in layout.busy else _PACKED)
    return tops


def _arrows(arrows: Sequence[Arrow], layout: Layout, tops: Sequence[float], left: float) -> str:
    drawn: list[str] = []
    for arrow, route in zip(arrows, layout.routes, strict=True):
        row = layout.rows[min(arrow.source, arrow.target)]
        kind = line_class(arrow.kind)
        points = _curve([left + each for each in route], row, tops)
        said = f"{arrow.source} → {arrow.target}: {arrow.label}"
        drawn.append(path(points, f"v-{kind}", said=said, data=f"{arrow.source}-{arrow.target}"))
        if arrow.source < arrow.target:
            drawn.append(path(_head_at(left + route[-1], tops[row + len(route) - 1], -1), f"v-head-{kind}"))
        else:
            drawn.append(path(_head_at(left + route[0], tops[row] + _HEIGHT, 1), f"v-head-{kind}"))
    return "".join(drawn)


def _curve(middles: Sequence[float], row: int, tops: Sequence[float]) -> str:
    """From the lower edge of a box to the upper edge of another one; straight through the rows between them."""
    points = [f"M{number(middles[0])} {number(tops[row] + _HEIGHT)}"]
    for index, (x, to) in enumerate(pairwise(middles), start=row):
        start, end = tops[index] + _HEIGHT, tops[index + 1]
        middle = number((start + end) / 2)
        points.append(f"C{number(x)} {middle} {number(to)} {middle} {number(to)} {number(end)}")
        if index + 1 < row + len(middles) - 1:
            points.append(f"V{number(end + _HEIGHT)}")
    return "".join(points)


def _head_at(x: float, y: float, direction: int) -> str:
    """An arrow head whose tip is at the point; it points down for -1, up for 1."""
    return f"M{number(x)} {number(y)}l-4 {7 * direction}h8z"
