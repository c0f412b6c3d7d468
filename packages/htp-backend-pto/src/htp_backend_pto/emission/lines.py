"""Lines of emitted C++ and the statements they were printed from.

Knows indentation and the user's places; the text is the printers' business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.program import origin_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

__all__ = ["INDENT", "Line", "Lines", "folded", "place_of"]

INDENT = "    "
WIDTH, WHOLE = 100, 120
"""Columns of code behind which the user's place may stand, and of a whole line."""
_BREAKS = re.compile(r"(?<=,) |(?<=;) | (?=[+-] )|(?<= =) ")


@dataclass(frozen=True)
class Line:
    """One emitted line, and the statement that it was printed from."""

    text: str
    statement: ast.stmt | None = None


def folded(text: str, width: int = WIDTH) -> list[str]:
    """A line of C++ as several that are not too long, where it can be parted; the rest stands further in.

    >>> folded("f(" + ", ".join(["a" * 30] * 4) + ");")[1]
    '    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa);'
    """
    indent = text[: len(text) - len(text.lstrip())]
    comment = "// " if text.lstrip().startswith("// ") else ""
    lines: list[str] = []
    while len(text) > width:
        places = [each for each in _BREAKS.finditer(text) if len(indent) + 8 < each.start() <= width]
        if not places:
            break
        whole = [each for each in places if text[each.start() - 1] == ";"]
        place = (whole or places)[-1]
        lines.append(text[: place.start()])
        further = "" if whole else INDENT
        text = f"{indent}{comment}{further}{text[place.end() :]}"
    return [*lines, text]


def place_of(statement: ast.AST | None) -> str:
    """The user's place behind a statement, as `file.py:12`; empty when it has none."""
    origin = None if statement is None else origin_of(statement)
    return "" if origin is None else f"{PurePath(origin.file).name}:{origin.line}"


@dataclass
class Lines:
    """Lines as they are written; the user's place is said where it changes."""

    lines: list[Line] = field(default_factory=list[Line])
    place: str = ""

    def write(self, depth: int, text: str, statement: ast.stmt | None = None) -> None:
        """One line, with the place of its statement behind it if it is another one than before."""
        place = place_of(statement)
        first, *rest = folded(f"{INDENT * depth}{text}") if text else ("",)
        if place and place != self.place:
            self.place = place
            first = f"{first}  // {place}"
        self.lines += [Line(each, statement) for each in (first, *rest)]

    def all(self, depth: int, texts: Iterable[str], statement: ast.stmt | None = None) -> None:
        """Several lines."""
        for each in texts:
            self.write(depth, each, statement)
