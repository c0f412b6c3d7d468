"""What a channel carries, out of the syntax of its annotation. Knows the forms of types; runs nothing."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from htp.dims import const, parse
from htp.types import ScalarType, TensorType, TileType, dtype_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.dims import Expr

__all__ = ["Carried", "carried_type"]

Carried: TypeAlias = TensorType | TileType | ScalarType


def carried_type(node: ast.expr, sizes: Mapping[str, int | None]) -> Carried | None:
    """The type that an annotation writes; None for one with layouts, which are values of other packages."""
    match node:
        case ast.Name(id=name):
            dtype = dtype_named(name)
            return ScalarType(dtype) if dtype is not None else None
        case ast.Subscript(value=ast.Name(id="Scalar"), slice=ast.Name(id=name)):
            dtype = dtype_named(name)
            return ScalarType(dtype) if dtype is not None else None
        case ast.Subscript(ast.Name(id=("Tile" | "Tensor") as form), ast.Tuple(elts=[ast.Name(id=name), *dims])):
            dtype = dtype_named(name)
            read = [_dim(each, sizes) for each in dims]
            known = tuple(each for each in read if each is not None)
            if dtype is None or len(known) != len(read):
                return None
            return (TileType if form == "Tile" else TensorType)(dtype, known)
        case _:
            return None


def _dim(node: ast.expr, sizes: Mapping[str, int | None]) -> Expr | None:
    match node:
        case ast.Constant(value=int(number)):
            return const(number)
        case ast.Constant(value=str(text)):
            return parse(text)
        case ast.Name(id=name) if (number := sizes.get(name)) is not None:
            return const(number)
        case _:
            return None
