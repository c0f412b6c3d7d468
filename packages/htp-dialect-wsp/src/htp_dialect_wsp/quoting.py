"""How a loop is told to the user: as its line says, not as passes have rewritten it. Knows places and source texts."""

from __future__ import annotations

import ast
import linecache

from htp.program import origin_of

__all__ = ["header_of", "walk_of"]

LINES = 12
"""The most lines that the head of a loop is looked for in."""


def header_of(loop: ast.AST | None) -> str | None:
    """`for i in P(n)` as the user wrote the loop; None where no source is there, or it has no such loop."""
    written = _written(loop)
    return None if written is None else f"for {_bare(written.target)} in {ast.unparse(written.iter)}"


def walk_of(loop: ast.For) -> str:
    """What the loop goes over, as the user wrote it where the loop is the user's."""
    written = _written(loop)
    names = {ast.unparse(each) for each in _elements(written.target)} if written is not None else set[str]()
    kept = written is not None and ast.unparse(loop.target) in names
    return ast.unparse(written.iter if written is not None and kept else loop.iter)


def _written(loop: ast.AST | None) -> ast.For | None:
    """The head of the loop in the user's file, with an empty body."""
    place = origin_of(loop) if loop is not None else None
    if place is None:
        return None
    text = ""
    for number in range(place.line, place.line + LINES):
        text = f"{text}\n{linecache.getline(place.file, number)}".strip()
        if not text.startswith("for "):
            return None
        for head in (text, f"{text}\n    ..."):
            try:
                (found,) = ast.parse(head).body
            except (SyntaxError, ValueError):
                continue
            return found if isinstance(found, ast.For) else None
    return None


def _elements(target: ast.expr) -> list[ast.expr]:
    return list(target.elts) if isinstance(target, ast.Tuple) else [target]


def _bare(target: ast.expr) -> str:
    return ", ".join(map(ast.unparse, _elements(target)))
