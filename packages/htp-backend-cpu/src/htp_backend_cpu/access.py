"""Elements, lines and blocks of arrays: `a[i, j]`, `a[i, j:j + n]`, `a[i, v]`, `a[0:m, :]`.

Knows which view function names which piece; does not know what is done with it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from htp_backend_cpu.literals import constant_of
from htp_backend_cpu.names import spelled
from htp_backend_cpu.scope import ArrayName, Scope, not_register_form

if TYPE_CHECKING:
    from htp_backend_cpu.expressions import Expressions


@dataclass(frozen=True)
class Access:
    """One element, one line of lanes along an axis, or a gathered vector; `place` is a reference, pointer or line."""

    way: Literal["element", "line", "gather"]
    place: str
    lanes: str = ""
    width: int = 0
    index: str = ""


def element_access(printer: Expressions, node: ast.Subscript, array: ArrayName, scope: Scope) -> Access:
    """What `name[…]` names when it stands for a value: an element, a line of lanes or gathered lanes."""
    indices = indices_of(node)
    if len(indices) != array.rank:
        not_register_form(node, f"{len(indices)} indices for {array.rank} axes")
    name = _array(node)
    starts: list[str] = []
    found: tuple[int, str, int, str] | None = None
    for axis, index in enumerate(indices):
        if isinstance(index, ast.Slice):
            start = "0" if index.lower is None else printer.scalar(index.lower, scope)
            lanes, width = _lanes(printer, node, index, scope)
            entry = (axis, lanes, width, "")
        else:
            text = printer.text(index, scope)
            start = text.cpp
            if not text.kind.lanes:
                starts.append(start)
                continue
            strip = scope.strip
            entry = (axis, strip.lanes if strip else f"Full<{text.kind.lanes}>{{}}", text.kind.lanes, text.cpp)
            start = "0"
        starts.append(start)
        if found is not None:
            not_register_form(node, "more than one axis of lanes")
        found = entry
    if found is None:
        return Access("element", f"{name}({', '.join(starts)})")
    axis, lanes, width, index_text = found
    last = axis == array.rank - 1
    place = f"{'row' if last else f'along<{axis}>'}({', '.join([name, *starts])})"
    return Access("gather" if index_text else "line", place, lanes, width, index_text)


def _lanes(printer: Expressions, node: ast.expr, piece: ast.Slice, scope: Scope) -> tuple[str, int]:
    length = _length(piece)
    if isinstance(length, ast.Name) and scope.strip is not None and spelled(length.id) == scope.strip.lanes:
        return scope.strip.lanes, scope.strip.width
    number = constant_of(length) if length is not None else None
    if isinstance(number, int) and number > 0:
        return f"Full<{number}>{{}}", number
    return not_register_form(node, "the length of the slice is not the lane count of the open strip")


def _length(piece: ast.Slice) -> ast.expr | None:
    if piece.upper is None or piece.step is not None:
        return None
    if piece.lower is None or constant_of(piece.lower) == 0:
        return piece.upper
    match piece.upper:
        case ast.BinOp(left=left, op=ast.Add(), right=right) if ast.dump(left) == ast.dump(piece.lower):
            return right
        case _:
            low, high = constant_of(piece.lower), constant_of(piece.upper)
            return ast.Constant(high - low) if isinstance(low, int) and isinstance(high, int) else None


def cut(printer: Expressions, node: ast.expr, scope: Scope) -> str:
    """The text of an array or a block of one, as an argument of a kernel or of a block operation."""
    if isinstance(node, ast.Name) and isinstance(scope.find(node.id), ArrayName):
        return spelled(node.id)
    if not isinstance(node, ast.Subscript):
        return not_register_form(node, "not an array or a block of one")
    name = _array(node)
    array = scope.find(node.value.id) if isinstance(node.value, ast.Name) else None
    if not isinstance(array, ArrayName):
        return not_register_form(node, "not a block of an array")
    indices = indices_of(node)
    pieces = [_piece(printer, each, scope) for each in indices]
    pieces += ["whole"] * (array.rank - len(indices))
    return name if all(each == "whole" for each in pieces) else f"cut({', '.join([name, *pieces])})"


def rank_of(node: ast.expr, scope: Scope) -> int:
    """How many axes an array or a block of one has."""
    match node:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            array = scope.find(name)
            if isinstance(array, ArrayName):
                dropped = indices_of(node) if isinstance(node, ast.Subscript) else []
                return array.rank - sum(not isinstance(each, ast.Slice) for each in dropped)
        case _:
            pass
    return not_register_form(node, "not an array or a block of one")


def _piece(printer: Expressions, index: ast.expr, scope: Scope) -> str:
    if not isinstance(index, ast.Slice):
        text = printer.scalar(index, scope)
        return f"i64({text})" if constant_of(index) is not None else text
    if index.step is not None:
        return not_register_form(index, "a slice with a step")
    if index.lower is None and index.upper is None:
        return "whole"
    start = "0" if index.lower is None else printer.scalar(index.lower, scope)
    return f"span({start})" if index.upper is None else f"span({start}, {printer.scalar(index.upper, scope)})"


def indices_of(node: ast.Subscript) -> list[ast.expr]:
    """The indices between the brackets; `...` is the only element of an array without axes."""
    if isinstance(node.slice, ast.Constant) and node.slice.value is ...:
        return []
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _array(node: ast.Subscript) -> str:
    if isinstance(node.value, ast.Name):
        return spelled(node.value.id)
    return not_register_form(node, "not an array that has a name")
