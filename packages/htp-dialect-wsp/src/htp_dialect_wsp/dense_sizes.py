"""Dense axes whose size may be below 0: where they are made in nested form, which is where the size is checked.

Knows statements; does not know what a check is lowered to.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from htp_dialect_wsp.directives.trees import assigned_names, blocks, load, names_in, store

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["before_loops", "dense_axis", "may_be_negative", "size_of"]


def may_be_negative(size: ast.expr) -> bool:
    """Whether a size may be below 0: it is neither such a constant nor a size of a tensor."""
    match size:
        case ast.Constant(int(value)):
            return value < 0
        case ast.Subscript(ast.Attribute(attr="shape")):
            return False
        case _:
            return True


def dense_axis(name: str, size: ast.expr) -> ast.Assign:
    """The statement that makes an axis."""
    return ast.Assign([store(name)], ast.Call(load("Dense"), [copy.deepcopy(size)], []), lineno=0)


def size_of(statement: ast.stmt) -> ast.expr | None:
    """The size of the axis that a statement makes; None if it makes none."""
    match statement:
        case ast.Assign([ast.Name()], ast.Call(func=ast.Name("Dense"), args=[size])):
            return size
        case _:
            return None


def before_loops(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """The statements with the axes of each loop made before it, unless their sizes change from turn to turn.

    So they are checked before the tasks of the loop, and nests of loops stay nests.
    """
    result: list[ast.stmt] = []
    for each in body:
        changed = copy.copy(each)
        for field, inner in blocks(each):
            setattr(changed, field, before_loops(inner))
        if isinstance(changed, ast.For):
            own = assigned_names(each)
            first = [one for one in changed.body if (size := size_of(one)) is not None and not names_in(size) & own]
            changed.body = [one for one in changed.body if one not in first]
            result += first
        result.append(changed)
    return result
