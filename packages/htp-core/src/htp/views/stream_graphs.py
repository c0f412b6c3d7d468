"""Networks as SVG: a box for every process, a line for every channel with its label on it, what is blocked in red.

Knows how a network looks; what is drawn is said by `streams`, where by `layers`.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from htp.views.drawing import box, kernel_class, legend, number, path, shortened, svg, text_at, width_of
from htp.views.layers import layered
from htp.views.streams import KINDS, MEANINGS, PROCESSES, stream_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.views.declared import DeclaredNetwork
    from htp.views.layers import Layout
    from htp.views.streams import Run, StreamPicture

_MARGIN, _HEIGHT, _LINE, _ROOM, _PACKED, _LEAST = 20.0, 38.0, 14.0, 26.0, 14.0, 420.0
_NAME, _DETAIL, _LABEL, _PORT, _WIDEST = 26, 40, 44, 16.0, 300.0


def stream_svg(
    network: DeclaredNetwork | None = None,
    run: Run | None = None,
    *,
    limit: int = PROCESSES,
) -> str:
    """The network as a self-contained SVG, readable on light and dark grounds.

    Before a run it shows what is declared, with the least capacities where they are known; with a run also what went
    through every channel and who waited; of a deadlock what is blocked. Senders stand above receivers, unless there is
    a circle. More than `limit` processes are grouped by kernel; a note then says so.
    """
    picture = stream_picture(network, run, limit=limit)
    labels = [tuple(shortened(line, _LABEL) for line in each.lines) for each in picture.channels]
    order = _order(picture)
    sizes = [_size(picture, labels, item) for item in order]
    links = _links(picture, order)
    layout = layered([width for width, _ in sizes], links, apart=True)
    width = max(layout.width, _LEAST)
    head, top = _head(picture, width)
    grid = _Grid(layout, sizes, _MARGIN + (width - layout.width) / 2, top)
    drawn = f"{head}{_lines(picture, order, links, grid)}{_boxes(picture, labels, order, grid)}"
    label = f"network: {len(picture.processes)} processes, {len(picture.channels)} channels"
    return svg(width + 2 * _MARGIN, grid.bottom + _MARGIN, drawn, label=label)


def _links(picture: StreamPicture, order: Sequence[int]) -> list[tuple[int, int]]:
    """From every sender to the label of its channel, and from there to the receiver, by places in the order."""
    places = {item: place for place, item in enumerate(order)}
    links: list[tuple[int, int]] = []
    for index, channel in enumerate(picture.channels, start=len(picture.processes)):
        links += [(places[channel.source], places[index])] if channel.source is not None else []
        links += [(places[index], places[channel.target])] if channel.target is not None else []
    return links


def _lines(picture: StreamPicture, order: Sequence[int], links: Sequence[tuple[int, int]], grid: _Grid) -> str:
    """Both parts of every channel, the second one with a head."""
    drawn: list[str] = []
    processes = len(picture.processes)
    for link, route in zip(links, grid.routes(links), strict=True):
        received = order[link[1]] < processes
        index = order[link[0] if received else link[1]] - processes
        kind = picture.channels[index].kind
        drawn.append(path(grid.line(link, route), f"v-{kind}", data=f"{index}-{'recv' if received else 'send'}"))
        if received:
            drawn.append(path(grid.arrow(link, route), f"v-head-{kind}"))
    return "".join(drawn)


def _boxes(picture: StreamPicture, labels: Sequence[Sequence[str]], order: Sequence[int], grid: _Grid) -> str:
    """Every process, in the colour of its kernel or as stuck, and every label."""
    colours = {kernel: at for at, kernel in enumerate(dict.fromkeys(each.kernel for each in picture.processes))}
    drawn: list[str] = []
    for place, item in enumerate(order):
        x, y = grid.middle(place)
        if item >= len(picture.processes):
            drawn.append(_label(x, y, labels[item - len(picture.processes)]))
            continue
        each, (size, _) = picture.processes[item], grid.sizes[place]
        role = "v-stuck" if each.stuck else kernel_class(colours[each.kernel])
        drawn.append(box(x - size / 2, y - _HEIGHT / 2, size, _HEIGHT, role, round_=5, said=each.said))
        drawn.append(text_at(x, y + (-3 if each.detail else 4), shortened(each.name, _NAME), anchor="middle"))
        detail = shortened(each.detail, _DETAIL)
        drawn.append(text_at(x, y + 12, detail, role="quiet", anchor="middle", size=11) if detail else "")
    return "".join(drawn)


def _order(picture: StreamPicture) -> list[int]:
    """Processes, senders before receivers as far as there are no circles, each followed by its channels to later ones.

    A channel's number is counted on behind those of the processes.
    """
    targets: list[list[int]] = [[] for _ in picture.processes]
    for each in picture.channels:
        if each.source is not None and each.target is not None:
            targets[each.source].append(each.target)
    found: list[int] = []
    seen: set[int] = set()
    reached = {each.target for each in picture.channels if each.source is not None}
    roots = [each for each in range(len(targets)) if each not in reached]
    for start in (*reversed(roots), *range(len(targets))):
        walks = [(start, iter(targets[start]))] if start not in seen else []
        seen.add(start)
        while walks:
            process, rest = walks[-1]
            step = next((each for each in rest if each not in seen), None)
            if step is None:
                found.append(process)
                walks.pop()
            else:
                seen.add(step)
                walks.append((step, iter(targets[step])))
    ranks = {process: rank for rank, process in enumerate(reversed(found))}
    behind: dict[int, list[int]] = {}
    for index, each in enumerate(picture.channels):
        ends = [ranks[end] for end in (each.source, each.target) if end is not None]
        first = min(ends, default=-1)
        if each.source is None and ends:
            first -= 1
        behind.setdefault(first, []).append(len(targets) + index)
    order = behind.get(-1, [])
    for process, rank in ranks.items():
        order = [*order, process, *behind.get(rank, [])]
    return order


def _size(picture: StreamPicture, labels: Sequence[Sequence[str]], item: int) -> tuple[float, float]:
    """Width and height of a box or of a label."""
    processes = len(picture.processes)
    if item >= processes:
        lines = labels[item - processes]
        return max(width_of(line, 11) for line in lines) + 10, len(lines) * _LINE + 8
    each = picture.processes[item]
    lines = shortened(each.name, _NAME), shortened(each.detail, _DETAIL)
    ends = Counter(channel.source for channel in picture.channels), Counter(each.target for each in picture.channels)
    room = max(those[item] for those in ends) * _PORT + 12
    return max(max(map(width_of, lines)) + 18, min(room, _WIDEST)), _HEIGHT


def _head(picture: StreamPicture, width: float) -> tuple[str, float]:
    """The legend where something is remarkable, and the notes; and where the network begins."""
    found = {each.kind for each in picture.channels}
    entries = [(f"v-{kind}", MEANINGS[kind]) for kind in KINDS if kind in found] if found - {"channel"} else []
    drawn, y = legend(entries, _MARGIN, _MARGIN + 10, width)
    lines, y = [drawn], y if entries else y - 18
    notes = picture.notes if picture.processes else (*picture.notes, "no processes")
    for line in [each for note in notes for each in textwrap.wrap(note, int(width / width_of("m")))]:
        y += 18
        lines.append(text_at(_MARGIN, y, line, role="quiet"))
    return "".join(lines), y + 20


def _label(x: float, y: float, lines: Sequence[str]) -> str:
    """Lines of text, one below the other, the first one as strong as names are."""
    top = y - len(lines) * _LINE / 2 + 11
    texts = (
        text_at(x, top + at * _LINE, line, role="quiet" if at else "text", anchor="middle", size=11)
        for at, line in enumerate(lines)
    )
    return "".join(texts)


class _Grid:
    """Where rows, boxes and the ends of lines are."""

    def __init__(self, layout: Layout, sizes: Sequence[tuple[float, float]], left: float, top: float) -> None:
        self.layout = layout
        self.sizes = sizes
        self.left = left
        self.rows: list[tuple[float, float]] = []
        for row in range(max(layout.rows, default=-1) + 1):
            height = max((sizes[item][1] for item, at in enumerate(layout.rows) if at == row), default=0)
            self.rows.append((top, top + height))
            top += height + (_ROOM if row in layout.busy else _PACKED)
        self.bottom = self.rows[-1][1] if self.rows else top

    def middle(self, item: int) -> tuple[float, float]:
        """The middle of a box."""
        upper, lower = self.rows[self.layout.rows[item]]
        return self.left + self.layout.middles[item], (upper + lower) / 2

    def routes(self, links: Sequence[tuple[int, int]]) -> list[list[float]]:
        """For every link where it crosses the edges of rows; at a box each link has a place of its own."""
        routes = [[self.left + each for each in route] for route in self.layout.routes]
        for end, towards in ((0, 1), (-1, -2)):
            at: dict[int, list[int]] = {}
            for index, link in enumerate(links):
                at.setdefault(max(link) if end else min(link), []).append(index)
            wanted = [route[towards] for route in routes]
            for item, those in at.items():
                step = min(_PORT, (self.sizes[item][0] - 12) / len(those))
                for rank, index in enumerate(sorted(those, key=wanted.__getitem__)):
                    routes[index][end] += (rank - (len(those) - 1) / 2) * step
        return routes

    def line(self, link: tuple[int, int], route: Sequence[float]) -> str:
        """From the lower edge of the upper box to the upper edge of the lower one."""
        upper, lower = min(link), max(link)
        row = self.layout.rows[upper]
        start = self.middle(upper)[1] + self.sizes[upper][1] / 2
        points = [f"M{number(route[0])} {number(start)}V{number(self.rows[row][1])}"]
        for index, (x, to) in enumerate(pairwise(route), start=row):
            begin, end = self.rows[index][1], self.rows[index + 1][0]
            half = number((begin + end) / 2)
            points.append(f"C{number(x)} {half} {number(to)} {half} {number(to)} {number(end)}")
            last = index + 1 == self.layout.rows[lower]
            down = self.middle(lower)[1] - self.sizes[lower][1] / 2 if last else self.rows[index + 1][1]
            points.append(f"V{number(down)}")
        return "".join(points)

    def arrow(self, link: tuple[int, int], route: Sequence[float]) -> str:
        """The head at the box to which the link leads."""
        box_, down = link[1], link[0] < link[1]
        edge = self.middle(box_)[1] + (-1 if down else 1) * self.sizes[box_][1] / 2
        return f"M{number(route[-1 if down else 0])} {number(edge)}l-4 {-7 if down else 7}h8z"
