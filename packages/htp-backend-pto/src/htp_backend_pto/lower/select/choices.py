"""What every rule is made of: tiles of one number, rows and columns repeated, other dtypes, flags and choices.

Knows which instructions these are, and what keeps their values exact; does not know operations.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const
from htp.lowering.build import constant, expression
from htp.types import TileType, bool_, f16, f32, i16, i32, i64
from htp_backend_pto.lower.select.unsigned import SIGNED, Item, Unsigned
from htp_backend_pto.lower.writing import is_column, room

if TYPE_CHECKING:
    from htp.types import DType

__all__ = ["COMPARISONS", "Choices", "Item"]

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip
MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
APART = {"lt": ("left", "ne"), "ge": ("left", "eq"), "gt": ("right", "ne"), "le": ("right", "eq")}
"""Integers compare by what the larger of both differs from, and how: `a < b` where the larger is not `a`."""


class Choices(Unsigned):
    """Writes the instructions that other rules are made of."""

    # shapes -------------------------------------------------------------------------------------------------------

    def is_full(self, name: str, type_: TileType) -> bool:
        """Whether a tile already has the sizes of the result."""
        return self.types[name].dims == type_.dims

    def across(self, name: str, row: TileType) -> str:
        """A column, or the one number of a tile, as a row of this size."""
        if all(each.constant == 1 for each in self.types[name].dims):
            return self.spread(name, row)
        return self.row(name)

    def one_row(self, name: str, type_: TileType) -> str:
        """A row as long as the result is wide; a single number is repeated."""
        if self.types[name].dims[1] == type_.dims[1]:
            return name
        wide = self.line(self.types[name].dtype, type_.dims[1], room(type_).columns)
        if not is_column(self.types[name]):
            name = self.column(None, self.type(wide.dtype, (const(1), const(1)), 1, 1), name)
        return self.instruct(None, wide, "rowexpand", name, expression(type_.dims[1]))

    def spread(self, name: str, type_: TileType) -> str:
        """The tile with the sizes of the result: a row or column is repeated."""
        if self.is_full(name, type_):
            return name if is_column(type_) else self.row(name)
        here = self.types[name]
        if here.dtype is bool_:
            return self.mask_of(name, type_)
        full = self.sized(type_, here.dtype)
        if is_column(type_):
            return self.column(None, full, self.spread(self.row(name), self.as_row_type(full)))
        if is_column(here) and here.dims[0] == type_.dims[0]:
            return self.instruct(None, full, "rowexpand", name, expression(type_.dims[1]))
        row = self.one_row(name, type_)
        if self.is_full(row, type_):
            return row
        return self.instruct(None, full, "colexpand", row, expression(type_.dims[0]))

    # making -------------------------------------------------------------------------------------------------------

    def filled(self, target: str | None, type_: TileType, number: ast.expr) -> str:
        """Every element the same number."""
        if type_.dtype is bool_:
            return self.cast(target, type_, self.filled(None, self.sized(type_, f16), _number(number)))
        if type_.dtype is i64:
            if isinstance(number, ast.Constant) and int(str(number.value)) not in range(-(1 << 31), 1 << 31):
                raise self.refused(f"{number.value} is no i32, and no instruction makes tiles of i64", "use i32")
            return self.cast(target, type_, self.filled(None, self.sized(type_, i32), number))
        if is_column(type_):
            return self.column(target, type_, self.filled(None, self.as_row_type(type_), number))
        rows, columns = (expression(each) for each in type_.dims)
        return self.instruct(target, type_, "expands", number, rows, columns, dtype=type_.dtype.name)

    def counted(self, target: str | None, type_: TileType, axis: int) -> str:
        """0, 1, 2 … along an axis."""
        size: Expr = type_.dims[axis]
        if size.constant == 1:
            return self.filled(target, type_, constant(0.0 if type_.dtype.kind == "float" else 0))
        length = room(type_).rows if axis == 0 else room(type_).columns
        row = self.instruct(None, self.line(i32, size, length), "ci", 0, expression(size), dtype="i32")
        if type_.dtype is not i32:
            row = self.cast(None, self.like(row, type_.dtype), row)
        if axis == 0:
            column = self.type(type_.dtype, (size, const(1)), length, 1)
            if is_column(type_):
                return self.column(target, type_, row)
            return self.instruct(target, type_, "rowexpand", self.column(None, column, row), expression(type_.dims[1]))
        if self.is_full(row, type_):
            return self.instruct(target, type_, "mov", row)
        return self.instruct(target, type_, "colexpand", row, expression(type_.dims[0]))

    # dtypes -------------------------------------------------------------------------------------------------------

    def cast(self, target: str | None, type_: TileType, x: str, mode: str = "none") -> str:
        """The tile in another dtype, by way of others where no instruction makes one, and exactly."""
        source, dtype = self.types[x].dtype, type_.dtype
        if source is bool_ and dtype is bool_:
            return self.compared(target, type_, "ne", self.flags(None, self.like(x, f16), x), constant(0.0))
        if source is bool_:
            return self.flags(target, type_, x)
        if dtype is bool_:
            return self.compared(target, type_, "ne", x, constant(0.0 if source.kind == "float" else 0))
        if is_column(type_):
            return self.column(target, type_, self.cast(None, self.as_row_type(type_), self.row(x), mode))
        x = self.row(x)
        if source is dtype:
            return x if target is None else self.instruct(target, type_, "mov", x)
        if source.name in SIGNED or dtype.name in SIGNED:
            return self.cast_unsigned(target, type_, x, mode)
        if dtype.bits == 8 and source is not f16 and mode == "none":
            return self.to_bytes(target, type_, x)
        if dtype is i16 and source in (i32, i64):
            whole = x if source is i32 else self.cast(None, self.like(x, i32), x)
            return self.converted(target, type_, self.wrapped(whole, i16), mode)
        return self.converted(target, type_, x, mode)

    def converted(self, target: str | None, type_: TileType, x: str, mode: str) -> str:
        """The tile in another dtype that holds its values."""
        source, dtype = self.types[x].dtype, type_.dtype
        between = self.between(source, dtype)
        if between is not None:
            mode_now = mode if between.kind != "float" and source.kind == "float" else "none"
            return self.converted(target, type_, self.converted(None, self.like(x, between), x, mode_now), mode)
        if mode == "none" or dtype.kind == "float" or source.kind != "float":
            return self.instruct(target, type_, "cvt", x, dtype=dtype.name)
        return self.instruct(target, type_, "cvt", x, dtype=dtype.name, mode=ast.Constant(mode))

    def between(self, source: DType, dtype: DType) -> DType | None:
        """The dtype that comes first on the way from one to another; `None` where an instruction leads there."""
        if self.has("cvt", source, dtype):
            return None
        if source.bits == 8:
            return f16  # 8-bit integers are exact in 11 bits
        if dtype.bits == 8:
            return f16 if source is i16 else i16 if source is i32 else i32 if source is i64 else f32
        return i32 if (source, dtype) == (i64, i16) else f32

    def to_bytes(self, target: str | None, type_: TileType, x: str) -> str:
        """8-bit integers: of integers the low bits, of floats the nearest."""
        source, dtype = self.types[x].dtype, type_.dtype
        if source.kind == "float":
            whole = self.cast(None, self.like(x, i32), x)
            low, high = (-128, 127) if dtype.kind == "int" else (0, 255)
            kept = self.instruct(None, self.types[whole], "maxs", whole, low)
            kept = self.instruct(None, self.types[whole], "mins", kept, high)
        else:
            wide = i16 if source.bits <= 16 else i32
            kept = x if source is wide else self.cast(None, self.like(x, wide), x)
            kept = self.wrapped(kept, dtype)
        return self.converted(target, type_, kept, "none")

    def wrapped(self, x: str, dtype: DType) -> str:
        """Integers of 16 or 32 bits as what fewer bits of them mean."""
        type_ = self.types[x]
        if dtype.kind == "uint":
            return self.instruct(None, type_, "ands", x, (1 << dtype.bits) - 1)
        apart = type_.dtype.bits - dtype.bits
        return self.instruct(None, type_, "shrs", self.instruct(None, type_, "shls", x, apart), apart)

    def flags(self, target: str | None, type_: TileType, mask: str) -> str:
        """Ones where the flag is set, else zeros."""
        if is_column(type_):
            return self.column(target, type_, self.flags(None, self.as_row_type(type_), self.row(mask)))
        direct = type_.dtype.bits > 8 and type_.dtype is not i64
        wide = type_ if direct else self.like(mask, i32 if type_.dtype is i64 else f16)
        one, zero = (constant(each) if wide.dtype.kind != "float" else constant(float(each)) for each in (1, 0))
        ones = self.filled(None, wide, one)
        if direct:
            return self.chosen(target, type_, mask, ones, zero)
        return self.converted(target, type_, self.chosen(None, wide, mask, ones, zero), "none")

    def flags_like(self, type_: TileType) -> TileType:
        """The type of flags for every element."""
        return self.sized(type_, bool_)

    # comparing and choosing ---------------------------------------------------------------------------------------

    def compared(self, target: str | None, type_: TileType, mode: str, left: Item, right: Item) -> str:
        """One flag an element."""
        if not isinstance(left, str):
            left, right, mode = right, left, MIRRORED[mode]
        if not isinstance(left, str):
            raise self.refused("two numbers make no tile", "compare them outside of the tile")
        if is_column(type_):
            wanted = self.flag_row(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.compared(None, wanted, mode, *rows))
        dtype = self.types[left].dtype
        if dtype is bool_:
            numbers = [self.flags(None, self.like(each, f16), each) if isinstance(each, str) else _number(each)
                       for each in (left, right)]  # fmt: skip
            return self.compared(target, type_, mode, *numbers)
        if dtype is i64:
            raise self.refused("no instruction compares i64", "pass it as i32, or cast it: `.astype(i32)`")
        if dtype.name in SIGNED:
            items = [self.signed_item(each, self.sized(type_, dtype), order=True) for each in (left, right)]
            return self.compared(target, type_, mode, *items)
        if not (dtype.kind == "float" and self.has("cmp", dtype)) and dtype is not i32:
            wide = f16 if dtype.bits == 8 else f32
            items = [self.cast(None, self.like(each, wide), each) if isinstance(each, str) else _float(each)
                     for each in (left, right)]  # fmt: skip
            return self.compared(target, type_, mode, *items)
        full = self.sized(type_, dtype)
        left = self.spread(left, full)
        right = self.spread(right, full) if isinstance(right, str) else right
        if dtype is i32 and mode != "eq":
            apart, mode = self.apart(full, mode, left, right)
            return self.instruct(target, type_, "cmps", apart, constant(0.0), mode=ast.Constant(mode))
        name = "cmp" if isinstance(right, str) else "cmps"
        return self.instruct(target, type_, name, left, right, mode=ast.Constant(mode))

    def apart(self, type_: TileType, mode: str, left: str, right: Item) -> tuple[str, str]:
        """A number that is zero where two integers, or one and the larger of both, are equal; and how to look at it.

        On A2 and A3 integers compare by eq only, and f32 does not hold all of them.
        """
        one: str = left
        other: Item = right
        if mode != "ne":
            whose, mode = APART[mode]
            one = self.instruct(None, type_, "max" if isinstance(right, str) else "maxs", left, right)
            other = left if whose == "left" else right
        gap = self.instruct(None, type_, "sub" if isinstance(other, str) else "subs", one, other)
        return self.instruct(None, self.sized(type_, f32), "cvt", gap, dtype="f32"), mode

    def flag_row(self, type_: TileType) -> TileType:
        """The type of a column of flags that are kept as a row."""
        return self.line(bool_, type_.dims[0], room(type_).rows)

    def chosen(self, target: str | None, type_: TileType, mask: str, yes: Item, no: Item) -> str:
        """`yes` where the flag is set, else `no`."""
        if type_.dtype.bits == 8 or type_.dtype is bool_:
            items = [self.cast(None, self.like(each, f16), each) if isinstance(each, str) else _float(each)
                     for each in (yes, no)]  # fmt: skip
            return self.cast(target, type_, self.chosen(None, self.sized(type_, f16), mask, *items))
        if type_.dtype is i64:
            raise self.refused("no instruction chooses among i64", "cast to i32 before: `.astype(i32)`")
        if is_column(type_):
            wanted = self.as_row_type(type_)
            items = [self.across(each, wanted) if isinstance(each, str) else each for each in (mask, yes, no)]
            row = self.chosen(None, wanted, str(items[0]), items[1], items[2])
            return self.column(target, type_, row)
        mask = self.mask_of(mask, type_)
        if not isinstance(yes, str):
            yes = self.filled(None, type_, yes)
        yes = self.spread(yes, type_)
        if isinstance(no, str):
            return self.instruct(target, type_, "sel", mask, yes, self.spread(no, type_), self.small_scratch())
        return self.instruct(target, type_, "sels", mask, yes, no, self.small_scratch())

    def mask_of(self, mask: str, type_: TileType) -> str:
        """A mask with the sizes of what is chosen; flags cannot be repeated, so numbers are, and compared again."""
        if self.types[mask].dims == type_.dims:
            return mask
        wide = self.spread(self.flags(None, self.like(mask, f16), mask), self.sized(type_, f16))
        return self.compared(None, self.flags_like(type_), "ne", wide, constant(0.0))


def _number(value: ast.expr) -> ast.expr:
    """A flag as a number."""
    return constant(float(bool(value.value))) if isinstance(value, ast.Constant) else value


def _float(value: ast.expr) -> ast.expr:
    """A number as a float."""
    match value:
        case ast.Constant(value=int() as number):
            return constant(float(number))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as number)):
            return constant(-float(number))
        case ast.Constant() | ast.UnaryOp(operand=ast.Constant()) | ast.Call(func=ast.Name(id="float")):
            return value
        case _:
            return ast.Call(ast.Name("float", ast.Load()), [value], [])
