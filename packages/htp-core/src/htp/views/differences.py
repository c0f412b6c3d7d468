"""Two stages side by side: which lines a step changed, added and removed.

Knows lines of stage texts; does not know what a step does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from htp.views.drawing import escaped
from htp.views.markup import Markup, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AROUND = 3
"""How many equal lines are shown on each side of a change."""
Sort = Literal["same", "changed", "added", "removed"]
_ORIGIN = re.compile(r"^(.*?)\s+# (\S+:\d+)$")
_HEAD = re.compile(r"\A# \S+ of `[^`]*`: [^\n]*\n\n?")


@dataclass(frozen=True)
class Line:
    """A line without the comment that names the user's line, its number, and that comment."""

    number: int
    text: str
    origin: str = ""


@dataclass(frozen=True)
class Row:
    """A line before and the one after it that it became; `None` where there is none."""

    sort: Sort
    before: Line | None
    after: Line | None


def lines_of(text: str) -> tuple[Line, ...]:
    """The lines of a stage, less the first one, which names the stage."""
    head = _HEAD.match(text)
    skipped = head[0].count("\n") if head else 0
    found: list[Line] = []
    for number, line in enumerate(text.splitlines()[skipped:], start=skipped + 1):
        parts = _ORIGIN.match(line)
        found.append(Line(number, parts[1], parts[2]) if parts else Line(number, line))
    return tuple(found)


def rows_of(before: Sequence[Line], after: Sequence[Line]) -> tuple[Row, ...]:
    """Both stages line by line; the user's places are not compared, since steps only pass them on."""
    rows: list[Row] = []
    matcher = SequenceMatcher(None, [each.text for each in before], [each.text for each in after], autojunk=False)
    for what, first, last, start, end in matcher.get_opcodes():
        pairs = zip_longest(before[first:last], after[start:end])
        rows += [Row("same" if what == "equal" else _sort(*pair), *pair) for pair in pairs]
    return tuple(rows)


def _sort(before: Line | None, after: Line | None) -> Sort:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def said(rows: Sequence[Row]) -> str:
    r"""How much a step changed.

    >>> said(rows_of(lines_of("a\nb"), lines_of("a\nc\nd")))
    '1 line changed, 1 line added'
    """
    sorts = [row.sort for row in rows]
    counts = [(sorts.count(sort), sort) for sort in ("changed", "added", "removed") if sort in sorts]
    return ", ".join(f"{many} line{'s' if many > 1 else ''} {sort}" for many, sort in counts) or "the same text"


def side_by_side(rows: Sequence[Row]) -> Markup:
    """The rows as a table with changes marked; equal lines far from any change are counted instead of shown."""
    parts = ['<div class="wide diff"><table><colgroup><col class="line"><col><col class="line"><col></colgroup>\n']
    for row in _near(rows):
        if isinstance(row, int):
            parts.append(f'<tr><td class="line">⋮</td><td class="quiet" colspan="3">{row} equal lines</td></tr>\n')
        else:
            parts.append(f"<tr>{_cell(row.before, row)}{_cell(row.after, row)}</tr>\n")
    return Markup("".join([*parts, "</table></div>\n"]))


def _near(rows: Sequence[Row]) -> Iterator[Row | int]:
    """The rows near changes; in between, how many there are."""
    changes = [index for index, row in enumerate(rows) if row.sort != "same"]
    kept = {near for index in changes for near in range(index - AROUND, index + AROUND + 1)}
    skipped = 0
    for index, row in enumerate(rows):
        if index in kept:
            yield from (skipped,) if skipped else ()
            skipped = 0
            yield row
        else:
            skipped += 1
    yield from (skipped,) if skipped else ()


def _cell(line: Line | None, row: Row) -> str:
    if line is None:
        return '<td class="line"></td><td></td>'
    role = "" if row.sort == "same" else f' class="{row.sort}"'
    origin = f' <span class="origin"># {escaped(line.origin)}</span>' if line.origin else ""
    return f'<td class="line">{line.number}</td><td{role}>{shown(line.text)}{origin}</td>'
