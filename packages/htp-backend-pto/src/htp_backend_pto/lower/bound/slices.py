"""Slices of arrays that keep fewer than two dimensions, written as rows, columns or elements that keep both.

Knows how slices are written; does not know which way a vector lies.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from htp.infer.values import Region

__all__ = ["Lying", "matrix", "one_element"]

Lying = Literal["row", "column"]


def matrix(node: ast.expr, region: Region, lying: Lying) -> ast.expr:
    """A slice that keeps one dimension as one row or one column of its array."""
    if not isinstance(node, ast.Subscript):
        return node
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    kept = next(number for number, each in enumerate(parts) if isinstance(each, ast.Slice))
    beside = kept - 1 if lying == "row" else kept + 1
    if 0 <= beside < len(parts):
        start = parts[beside]
        stop = ast.parse(f"{ast.unparse(start)} + 1", mode="eval").body
        if isinstance(start, ast.Constant) and isinstance(start.value, int):
            stop = ast.Constant(start.value + 1)
        parts[beside] = ast.Slice(start, stop)
    else:
        parts.insert(kept if lying == "row" else kept + 1, ast.Constant(None))
    return ast.Subscript(node.value, ast.Tuple(parts, ast.Load()), node.ctx)


def one_element(node: ast.Subscript) -> ast.Subscript:
    """An element of an array as a matrix of one row and one column."""
    parts: list[ast.expr] = []
    for start in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
        stop = ast.BinOp(start, ast.Add(), ast.Constant(1))
        if isinstance(start, ast.Constant) and isinstance(start.value, int):
            parts.append(ast.Slice(start, ast.Constant(start.value + 1)))
        else:
            parts.append(ast.Slice(start, stop))
    if len(parts) == 1:
        parts.insert(0, ast.Constant(None))
    return ast.Subscript(node.value, ast.Tuple(parts, ast.Load()), node.ctx)
