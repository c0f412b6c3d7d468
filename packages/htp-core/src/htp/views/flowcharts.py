"""Task graphs as Mermaid flowcharts, which Markdown viewers draw.

Knows Mermaid's syntax; what is drawn is said by `htp.views.pictures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.views.drawing import COLOURS, clean, kernel_colours
from htp.views.pictures import TASKS, kernels_of, picture_of

if TYPE_CHECKING:
    from htp.runs import TaskGraph

_TEXT = "#1b2027"


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


def _quoted(text: str) -> str:
    """Text between quotes: everything that Mermaid or HTML would read as markup becomes a numbered entity."""
    return "".join(c if c.isalnum() or c in " _-+.,:()…" else f"#{ord(c)};" for c in clean(text))
