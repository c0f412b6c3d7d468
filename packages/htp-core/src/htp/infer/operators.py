"""Types of operators on tiles: arithmetic, comparisons, and Python numbers beside a tile.

Knows the dtype rules of operators; does not know the operation table.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.infer import shapes
from htp.infer.core import Core
from htp.infer.values import Index, Known, Number, Region, Value
from htp.types import bool_, f32, i8, i32, u8

if TYPE_CHECKING:
    from htp.types import DType


SYMBOLS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.MatMult: "@",
}  # fmt: skip
BITWISE = (ast.BitAnd, ast.BitOr, ast.BitXor)
SHIFTS = (ast.LShift, ast.RShift)


def matmul_dtype(dtype: DType) -> DType:
    """What `@` yields: f32 for narrow floats, i32 for 8-bit integers, else the operands' dtype."""
    if dtype.kind == "float" and dtype.bits < 32:
        return f32
    return i32 if dtype in (i8, u8) else dtype


class Operators(Core):
    """The part of the engine that types operators with a tile on at least one side."""

    def tile_arithmetic(self, node: ast.BinOp, left: Known, right: Known) -> Known:
        """The type of an operator with a tile on at least one side."""
        symbol = SYMBOLS[type(node.op)]
        if isinstance(node.op, ast.MatMult):
            a, b = self.as_tile(node.left, left), self.as_tile(node.right, right)
            self.same_dtype(node, a.dtype, b.dtype, "@")
            if a.dtype is bool_:
                raise self.refused(
                    node, "type.bad-dtype", "`@` does not take bool_", "cast to a number: `.astype(i32)`"
                )
            return Value(matmul_dtype(a.dtype), shapes.matmul(self.facts, a.dims, b.dims))
        result = self._elementwise(node, (node.left, left), (node.right, right), symbol)
        dtype = result.dtype
        if isinstance(node.op, BITWISE):
            allowed = dtype.kind != "float"
        elif isinstance(node.op, SHIFTS):
            allowed = dtype.kind in ("int", "uint")
        else:
            allowed = dtype is not bool_
        if not allowed:
            hint = "cast first: `.astype(i32)`" if dtype is bool_ else "cast to an integer first"
            raise self.refused(node, "type.bad-dtype", f"`{symbol}` does not take {dtype.name}", hint)
        if isinstance(node.op, ast.Div) and dtype.kind != "float":
            raise self.refused(
                node, "type.integer-division", f"`/` on {dtype.name} tiles",
                "use `//`, or cast to a float first: `.astype(f32)`",
            )  # fmt: skip
        return result

    def tile_unary(self, node: ast.UnaryOp, value: Value) -> Known:
        """The type of `-x`, `+x` and `~x`."""
        if isinstance(node.op, ast.Invert):
            if value.dtype.kind == "float":
                raise self.refused(node, "type.bad-dtype", f"`~` does not take {value.dtype.name}")
        elif value.dtype is bool_:
            raise self.refused(node, "type.bad-dtype", "`-` does not take bool_", "use `~`")
        return value

    def tile_comparison(self, node: ast.Compare, left: Known, right: Known) -> Known:
        """The type of a comparison with a tile on at least one side."""
        result = self._elementwise(node, (node.left, left), (node.comparators[0], right), "a comparison")
        return Value(bool_, result.dims)

    def _elementwise(
        self, node: ast.AST, left: tuple[ast.expr, Known], right: tuple[ast.expr, Known], what: str
    ) -> Value:
        tiles = [self.as_tile(*each) if isinstance(each[1], Region | Value) else None for each in (left, right)]
        dtype = self.common(node, [each.dtype for each in tiles if each is not None], what)
        for each, tile in zip((left, right), tiles, strict=True):
            if tile is None:
                self.adapt_scalar(each[0], each[1], dtype)
        return Value(dtype, shapes.broadcast(self.facts, *(each.dims for each in tiles if each is not None)))

    def common(self, node: ast.AST, dtypes: list[DType], what: str) -> DType:
        """The one dtype that operands share."""
        for each in dtypes[1:]:
            self.same_dtype(node, dtypes[0], each, what)
        return dtypes[0]

    def same_dtype(self, node: ast.AST, one: DType, two: DType, what: str) -> None:
        """Refuses mixed dtypes."""
        if one is not two:
            raise self.refused(
                node, "type.dtype-mismatch", f"`{what}` mixes {one.name} and {two.name}",
                f"cast one side: `.astype({one.name})` or `.astype({two.name})`",
            )  # fmt: skip

    def adapt_scalar(self, node: ast.AST, known: Known, dtype: DType) -> None:
        """Checks that a Python scalar can take the dtype of the tile beside it."""
        if isinstance(known, Index):
            value = known.value.constant
            if dtype is bool_:
                raise self.refused(node, "type.dtype-mismatch", "an integer beside a bool_ tile", "write True or False")
            if value is not None and dtype.kind in ("int", "uint"):
                low = -(1 << (dtype.bits - 1)) if dtype.kind == "int" else 0
                if not low <= value < low + (1 << dtype.bits):
                    raise self.refused(
                        node,
                        "type.constant-out-of-range",
                        f"{value} does not fit {dtype.name}",
                        "cast the tile to a wider dtype",
                    )
            return
        if isinstance(known, Number):
            if known.kind == "float" and dtype.kind != "float":
                raise self.refused(
                    node, "type.dtype-mismatch", f"a Python float beside a tile of {dtype.name}",
                    "write an integer, or cast the tile: `.astype(f32)`",
                )  # fmt: skip
            return
        raise self.refused(node, "type.bad-operands", f"{known} cannot be combined with a tile")
