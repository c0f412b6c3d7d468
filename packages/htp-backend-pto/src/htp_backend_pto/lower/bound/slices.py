"""Slices of arrays that keep fewer than two dimensions, written as rows, columns or elements that keep both.

Knows how slices are written; does not know which way a vector lies.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from htp.infer.values import Region

__all__ = ["Lying", "matrix", "one_element", "one_slice"]

Lying = Literal["row", "column"]


def matrix(node: ast.expr, region: Region, lying: Lying) -> ast.expr:
    """A slice that keeps one dimension as one row or one column of its array."""
    if not isinstance(node, ast.Subscript):
        return node
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    kept = next(number for number, each in enumerate(parts) if isinstance(each, ast.Slice))
    beside = kept - 1 if lying == "row" else kept + 1
    if 0 <= beside < len(parts):
        parts[beside] = one_slice(parts[beside])
    else:
        parts.insert(kept if lying == "row" else kept + 1, ast.Constant(None))
    return ast.Subscript(node.value, ast.Tuple(parts, ast.Load()), node.ctx)


def one_element(node: ast.Subscript) -> ast.Subscript:
    """An element of an array as a matrix of one row and one column."""
    starts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    parts: list[ast.expr] = [one_slice(start) for start in starts]
    if len(parts) == 1:
        parts.insert(0, ast.Constant(None))
    return ast.Subscript(node.value, ast.Tuple(parts, ast.Load()), node.ctx)


def one_slice(start: ast.expr) -> ast.Slice:
    """One position of an axis as a slice."""
    if isinstance(start, ast.Constant) and isinstance(start.value, int):
        return ast.Slice(start, ast.Constant(start.value + 1))
    return ast.Slice(start, ast.BinOp(start, ast.Add(), ast.Constant(1)))
