"""Task graphs and networks as Mermaid flowcharts, which Markdown viewers draw.

Knows Mermaid's syntax; what is drawn is said by `htp.views.pictures` and `htp.views.streams`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.views.drawing import COLOURS, LIGHT, LINES, clean, kernel_colours
from htp.views.pictures import TASKS, kernels_of, picture_of
from htp.views.streams import KINDS, PROCESSES, stream_picture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from htp.runs import TaskGraph
    from htp.views.declared import DeclaredNetwork
    from htp.views.streams import Run

_TEXT = LIGHT["text"]


def mermaid(graph: TaskGraph, *, reduce: bool = True, limit: int = TASKS) -> str:
    """The graph as a Mermaid flowchart: a node for each task, with its kernel and coordinates, an edge with its kinds.

    With `reduce`, edges that follow from others are left out. More than `limit` tasks, or more edges than Mermaid
    draws, are grouped by kernel with counts; the title then says so. Syntax: https://mermaid.js.org/syntax/flowchart.html
    """
    picture = picture_of(graph, reduce=reduce, limit=limit)
    numbers = kernels_of(graph)
    head = ["---", f'title: "{picture.note}"', "---"] if picture.note else []
    if not picture.nodes:
        return "\n".join([*head, "flowchart TD", '    none["no tasks"]', ""])
    lines = [*head, "flowchart TD"]
    members: dict[int, list[str]] = {}
    for index, node in enumerate(picture.nodes):
        lines.append(f'    t{index}["{_quoted(node.kernel)}<br/>{_quoted(node.detail)}"]')
        members.setdefault(numbers[node.kernel] % COLOURS, []).append(f"t{index}")
    lines += [f'    t{each.source} -->|"{_quoted(each.label)}"| t{each.target}' for each in picture.arrows]
    for number, names in sorted(members.items()):
        fill, stroke = kernel_colours(number, dark=False)
        lines.append(f"    classDef k{number} fill:{fill},stroke:{stroke},color:{_TEXT}")
        lines.append(f"    class {','.join(names)} k{number}")
    return "\n".join([*lines, ""])


def stream_mermaid(
    network: DeclaredNetwork | None = None,
    run: Run | None = None,
    *,
    limit: int = PROCESSES,
) -> str:
    """The network as a Mermaid flowchart: a node for each process, an edge with its label for each channel.

    What is said, and how much is grouped, is as in `stream_svg`. An end of a channel that nobody is known to have is a
    node with a question mark.
    """
    picture = stream_picture(network, run, limit=limit)
    notes = [*picture.notes, *([] if picture.processes else ["no processes"])]
    lines = ["flowchart TD", *([f'    note["{_lines(notes)}"]'] if notes else [])]
    colours = {name: at % COLOURS for at, name in enumerate(dict.fromkeys(each.kernel for each in picture.processes))}
    members: dict[str, list[str]] = {}
    for index, each in enumerate(picture.processes):
        lines.append(f'    p{index}["{_lines((each.name, each.detail))}"]')
        members.setdefault("stuck" if each.stuck else f"k{colours[each.kernel]}", []).append(f"p{index}")
    styles: dict[str, list[str]] = {}
    for index, each in enumerate(picture.channels):
        source = f"s{index}" if each.source is None else f"p{each.source}"
        target = f"r{index}" if each.target is None else f"p{each.target}"
        lines += [f'    {end}(["?"])' for end in (source, target) if not end.startswith("p")]
        lines.append(f'    {source} -->|"{_lines(each.lines)}"| {target}')
        styles.setdefault(each.kind, []).append(str(index))
    for kind in KINDS[1:]:
        width = "3px" if kind == "blocked" else "2px"
        if kind in styles:
            lines.append(f"    linkStyle {','.join(styles[kind])} stroke:{LINES[kind][0]},stroke-width:{width}")
    for name, those in sorted(members.items()):
        stuck = LIGHT["stuck"], LINES["blocked"][0]
        fill, stroke = stuck if name == "stuck" else kernel_colours(int(name[1:]), dark=False)
        lines.append(f"    classDef {name} fill:{fill},stroke:{stroke},color:{_TEXT}")
        lines.append(f"    class {','.join(those)} {name}")
    return "\n".join([*lines, ""])


def _lines(texts: Iterable[str]) -> str:
    """Lines of text between quotes."""
    return "<br/>".join(_quoted(each) for each in texts if each)


def _quoted(text: str) -> str:
    """Text between quotes: everything that Mermaid or HTML would read as markup becomes a numbered entity."""
    return "".join(c if c.isalnum() or c in " _-+.,:()…" else f"#{ord(c)};" for c in clean(text))
