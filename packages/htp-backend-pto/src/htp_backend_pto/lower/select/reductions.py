"""Rules for what makes one number of many: sums, extremes, their places, and whether any or all are set.

Knows what a NaN, an empty axis and a narrow dtype give; does not know statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const
from htp.lowering.build import constant, expression
from htp.types import TileType, bool_, f16, f32, i16, i32, i64
from htp_backend_pto.lower.neutral import neutral
from htp_backend_pto.lower.select.sorting import Sorting
from htp_backend_pto.lower.select.unsigned import SIGNED
from htp_backend_pto.lower.writing import is_column, room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.types import DType

__all__ = ["REDUCTIONS", "Reductions"]

REDUCTIONS = ("sum", "prod", "mean", "max", "min", "argmax", "argmin", "any", "all")
WIDE = ("sum", "prod", "mean")
"""Reductions that narrow floats are widened for, so that they are rounded once."""


class Reductions(Sorting):
    """Writes reductions."""

    def reduced(self, name: str | None, type_: TileType, how: str, x: str, axes: Sequence[int]) -> str:
        """One number for every row or column."""
        if len(axes) != 1:
            what = "a reduction over all elements has no instruction"
            raise self.refused(what, "reduce one axis after the other, with `keepdims=True`")
        axis, dtype = axes[0], self.types[x].dtype
        if self.single(x, axis):
            return self.alone(name, type_, how, x)
        if how in ("any", "all"):
            return self.set_at_all(name, type_, how, x, axis)
        if how == "mean":
            wide = self.sized(type_, f32)
            total = self.reduced(None, wide, "sum", self.widened(x, f32), axes)
            count = ast.Call(ast.Name("float", ast.Load()), [expression(self.types[x].dims[axis])], [])
            size = self.types[x].dims[axis].constant
            number = constant(float(size)) if size is not None else count
            if type_.dtype is f32:
                return self.binary(name, type_, "div", total, number)
            return self.cast(name, type_, self.binary(None, wide, "div", total, number))
        if how.startswith("arg"):
            return self.placed(name, type_, x, axis, how)
        if (dtype.bits <= 16 and dtype.kind != "int" and how in WIDE) or dtype.name == "bf16":
            wide_dtype = f32 if dtype.kind == "float" else i32
            wide = self.sized(type_, wide_dtype)
            return self.given(name, type_, self.reduced(None, wide, how, self.widened(x, wide_dtype), axes))
        if dtype.name in SIGNED:
            return self.reduced_unsigned(name, type_, how, x, axes)
        if dtype.bits <= 8:
            wide = self.numbers_of(type_, i16)
            return self.given(name, type_, self.reduced(None, wide, how, self.widened(x, i16), axes))
        if how in ("max", "min") and dtype.kind == "float" and not self.quiet():
            return self.extreme_of(name, type_, x, axis, how)
        return self.fold(name, type_, x, axis, how)

    def reduced_unsigned(self, name: str | None, type_: TileType, how: str, x: str, axes: Sequence[int]) -> str:
        """Of numbers without a sign: sums and products by their bits, extremes by numbers of the same order."""
        dtype = self.types[x].dtype
        same = name if type_.dtype is dtype else None
        made, order = self.sized(type_, dtype), how in ("max", "min")
        signed = self.ordered(x) if order else self.signed(x)
        found = self.reduced(None, self.sized(type_, SIGNED[dtype.name]), how, signed, axes)
        back = self.from_ordered(same, made, found) if order else self.unsigned(same, made, found)
        return back if type_.dtype is dtype else self.given(name, type_, back)

    def numbers_of(self, type_: TileType, dtype: DType) -> TileType:
        """The type of a result as numbers: one number is a column, one flag a row."""
        column = type_.dims[1].constant == 1
        return self.type(dtype, type_.dims, room(type_).rows, 1) if column else self.sized(type_, dtype)

    def widened(self, x: str, dtype: DType) -> str:
        """The tile in a wider dtype."""
        return x if self.types[x].dtype is dtype else self.cast(None, self.like(x, dtype), x)

    def given(self, name: str | None, type_: TileType, made: str) -> str:
        """A result in the dtype and under the name that it is meant to have."""
        return self.cast(name, type_, made)

    def alone(self, name: str | None, type_: TileType, how: str, x: str) -> str:
        """A reduction of one element."""
        if how.startswith("arg"):
            return self.filled(name, type_, constant(0))
        return self.cast(name, type_, x)

    def set_at_all(self, name: str | None, type_: TileType, how: str, x: str, axis: int) -> str:
        """Whether any or all are set."""
        mask = x if self.types[x].dtype is bool_ else self.cast(None, self.like(x, bool_), x)
        numbers = self.flags(None, self.like(x, f32), mask)
        made = self.fold(None, self.numbers_of(type_, f32), numbers, axis, "max" if how == "any" else "min")
        return self.compared(name, type_, "ne", made, constant(0.0))

    # folding --------------------------------------------------------------------------------------------------------

    def fold(self, name: str | None, type_: TileType, x: str, axis: int, how: str) -> str:
        """The instruction, or what nothing reduces to where there are no elements."""
        size = self.types[x].dims[axis]
        if not self.may_be_empty(size, type_.dims):
            return self.folded(name, type_, x, axis, how)
        made = name if name is not None else self.fresh("t")
        with self.block() as some:
            self.folded(made, type_, x, axis, how)
        with self.block() as none:
            self.filled(made, type_, constant(neutral(how, type_.dtype)))
        test = ast.Compare(expression(size), [ast.Gt()], [ast.Constant(0)])
        self.rows = {column: row for column, row in self.rows.items() if made not in (column, row)}
        self.put(ast.If(test, some, none))
        return made

    def may_be_empty(self, size: Expr, others: Sequence[Expr]) -> bool:
        """Whether nothing says that a size is above zero where other sizes are."""
        raise NotImplementedError

    def folded(self, name: str | None, type_: TileType, x: str, axis: int, how: str) -> str:
        """Rows with scratch give a column; columns give a row."""
        if axis == 1:
            return self.instruct(name, type_, f"row{how}", x, self.row_scratch(self.types[x]))
        if is_column(self.types[x]):
            row = self.row(x)
            return self.instruct(name, type_, f"row{how}", row, self.row_scratch(self.types[row]))
        if self.has(f"col{how}", self.types[x].dtype):
            return self.instruct(name, type_, f"col{how}", x)
        column = self.type(type_.dtype, (type_.dims[1], const(1)), room(type_).columns, 1)
        made = self.folded(None, column, self.turned(x), 1, how)
        return self.instruct(name, type_, "mov", self.row(made))

    def extreme_of(self, name: str | None, type_: TileType, x: str, axis: int, how: str) -> str:
        """The largest or smallest, and NaN where there is one: a sum of zeros and NaNs is added."""
        plain = self.fold(None, type_, x, axis, how)
        odd = self.compared(None, self.flags_like(self.types[x]), "ne", x, x)
        zeros = self.chosen(None, self.types[x], odd, x, constant(0.0))
        return self.binary(name, type_, "add", plain, self.fold(None, type_, zeros, axis, "sum"))

    # places ---------------------------------------------------------------------------------------------------------

    def placed(self, name: str | None, type_: TileType, x: str, axis: int, how: str) -> str:
        """Where the first largest or smallest is, or the first NaN."""
        dtype = self.types[x].dtype
        if dtype is i64:
            raise self.refused("no instruction compares i64", "cast it: `.astype(i32)`")
        if dtype.name in SIGNED:
            x = self.ordered(x)
        if dtype.name == "bf16" or dtype.bits == 8:
            x = self.widened(x, f32 if dtype.kind == "float" else f16)
        if type_.dtype is not i32:
            return self.cast(name, type_, self.placed(None, self.sized(type_, i32), x, axis, how))
        if axis == 0 and not is_column(self.types[x]):
            column = self.type(i32, (type_.dims[1], const(1)), room(type_).columns, 1)
            made = self.first_place(None, column, self.turned(x), how)
            return self.instruct(name, type_, "mov", self.row(made))
        if axis == 0:
            return self.first_place(name, type_, self.row(x), how)
        return self.first_place(name, type_, x, how)

    def first_place(self, name: str | None, type_: TileType, x: str, how: str) -> str:
        """The column of the first largest or smallest of every row, or of the first NaN."""
        source = self.types[x]
        scratch = self.row_scratch(source)
        if source.dtype.kind != "float":
            return self.instruct(name, type_, f"row{how}", x, scratch)
        numeric = self.numeric(x)
        farthest = constant(float("-inf") if how == "argmax" else float("inf"))
        clean = self.chosen(None, source, numeric, x, farthest)
        usual = self.instruct(None, type_, f"row{how}", clean, scratch)
        odd = self.compared(None, self.flags_like(source), "ne", x, x)
        ones = self.flags(None, source, odd)
        numbers = self.type(source.dtype, type_.dims, room(type_).rows, room(type_).columns)
        found = self.instruct(None, numbers, "rowmax", ones, scratch)
        place = self.instruct(None, type_, "rowargmax", ones, scratch)
        mask = self.compared(None, self.flags_like(type_), "ne", found, constant(0.0))
        return self.chosen(name, type_, mask, place, usual)
