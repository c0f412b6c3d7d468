"""Lines of emitted C++ and the statements they were printed from.

Knows indentation and the user's places; the text is the printers' business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from htp.program import origin_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

__all__ = ["INDENT", "Line", "Lines", "place_of"]

INDENT = "    "


@dataclass(frozen=True)
class Line:
    """One emitted line, and the statement that it was printed from."""

    text: str
    statement: ast.stmt | None = None


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
        if place and place != self.place:
            self.place = place
            text = f"{text}  // {place}"
        self.lines.append(Line(f"{INDENT * depth}{text}" if text else "", statement))

    def all(self, depth: int, texts: Iterable[str], statement: ast.stmt | None = None) -> None:
        """Several lines."""
        for each in texts:
            self.write(depth, each, statement)
