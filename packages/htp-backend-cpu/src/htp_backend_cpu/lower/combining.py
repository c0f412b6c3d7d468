"""Reductions step by step: where one starts, how an element joins, how it ends.

Knows the arithmetic of reductions; does not know loops.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.lowering.build import binary, call, expression, typed

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp.types import DType


def initial(how: str, dtype: DType) -> ast.expr:
    """The neutral element as a typed constant."""
    if how in ("sum", "mean"):
        return typed(dtype, 0.0 if dtype.kind == "float" else 0)
    if how == "prod":
        return typed(dtype, 1.0 if dtype.kind == "float" else 1)
    if how in ("any", "all"):
        return typed(dtype, how == "all")
    return typed(dtype, _extreme(how, dtype))


def _extreme(how: str, dtype: DType) -> float:
    if dtype.kind == "float":
        # f8e4m3 has no infinity; its NaN-free extreme is 448 (ml_dtypes float8_e4m3fn).
        limit = 448.0 if dtype.name == "f8e4m3" else float("inf")
        return -limit if how == "max" else limit
    if dtype.kind == "bool":
        return how == "min"
    low = -(1 << (dtype.bits - 1)) if dtype.kind == "int" else 0
    return low if how == "max" else low + (1 << dtype.bits) - 1


def combined(how: str, total: str, element: ast.expr, source: DType) -> ast.expr:
    """`total` with one more element."""
    if how in ("sum", "mean"):
        return binary(total, ast.Add(), element)
    if how == "prod":
        return binary(total, ast.Mult(), element)
    if how in ("any", "all"):
        if source.kind != "bool":
            zero = typed(source, 0.0 if source.kind == "float" else 0)
            element = ast.Compare(element, [ast.NotEq()], [zero])
        return binary(total, ast.BitOr() if how == "any" else ast.BitAnd(), element)
    if source.kind == "bool":
        return binary(total, ast.BitOr() if how == "max" else ast.BitAnd(), element)
    return call("tile.maximum" if how == "max" else "tile.minimum", total, element)


def finished(how: str, total: str, dtype: DType, extent: Expr) -> ast.expr:
    """The result out of the running total; a mean is divided by the number of elements."""
    if how != "mean":
        return expression(total)
    return binary(total, ast.Div(), ast.Call(ast.Name(dtype.name, ast.Load()), [expression(extent)], []))
