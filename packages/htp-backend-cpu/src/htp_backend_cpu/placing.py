"""Tiles that are computed where they will lie: in the slot of the channel on which they are sent.

Knows when the order of statements allows it; how a slot is printed is known by `statements.py`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_backend_cpu.definitions import called
from htp_backend_cpu.literals import constant_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PUTTING = ("send", "try_send", "close")
"""Words behind which another slot is the next one of a channel."""


def placed(body: Sequence[ast.stmt]) -> Mapping[int, str]:
    """By statements that make buffers which are sent whole and not used any more: the ends they are sent on."""
    found: dict[int, str] = {}
    for number, statement in enumerate(body):
        match statement:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Name(id="send"),
                    args=[ast.Name(id=end), ast.Subscript(value=ast.Name(id=name), slice=piece)],
                )
            ):
                made = next((at for at in range(number) if _makes(body[at], name)), None)
                if made is None or any(_uses(each, name) for each in (*body[:made], *body[number + 1 :])):
                    continue
                sizes = _sizes(body[made])
                between = body[made + 1 : number]
                if _is_whole(piece, sizes) and not any(_puts(each, end) or _stores(each, sizes) for each in between):
                    found[id(body[made])] = end
            case _:
                pass
    return found


def _makes(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
            return target == name and called(value, ("alloc",)) is not None
        case _:
            return False


def _sizes(statement: ast.stmt) -> list[ast.expr]:
    value = statement.value if isinstance(statement, ast.AnnAssign) else None
    shape = value.args[0] if isinstance(value, ast.Call) else None
    return list(shape.elts) if isinstance(shape, ast.Tuple) else [shape] if shape is not None else []


def _is_whole(piece: ast.expr, sizes: Sequence[ast.expr]) -> bool:
    """Whether a slice takes all of a buffer: rows of known length may have more room than they need."""
    parts = list(piece.elts) if isinstance(piece, ast.Tuple) else [piece]
    return len(parts) == len(sizes) and all(
        isinstance(part, ast.Slice)
        and part.step is None
        and (part.lower is None or constant_of(part.lower) == 0)
        and (part.upper is None or ast.dump(part.upper) == ast.dump(size))
        for part, size in zip(parts, sizes, strict=True)
    )


def _uses(statement: ast.stmt, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(statement))


def _puts(statement: ast.stmt, end: str) -> bool:
    for each in ast.walk(statement):
        match each:
            case ast.Call(func=ast.Name(id=word), args=[ast.Name(id=name), *_]) if word in PUTTING and name == end:
                return True
            case _:
                pass
    return False


def _stores(statement: ast.stmt, sizes: Iterable[ast.expr]) -> bool:
    """Whether a name that a size is made of may change."""
    names = {each.id for size in sizes for each in ast.walk(size) if isinstance(each, ast.Name)}
    stored = (each for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
    return any(each.id in names for each in stored)
