"""Rules for what is done element by element: with tiles, with rows and columns of numbers, with one number.

Knows which instruction each operation is; does not know statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const
from htp.lowering.build import constant, expression
from htp.types import TileType, bool_, f16, f32, i32
from htp_backend_pto.isa import instruction
from htp_backend_pto.lower.writing import Writer, is_column, room

if TYPE_CHECKING:
    from htp.types import DType

__all__ = ["BINARY", "COMPARISONS", "UNARY", "Elementwise"]

BINARY = {"+": "add", "-": "sub", "*": "mul", "/": "div", "maximum": "max", "minimum": "min"}
SWAPS = ("add", "mul", "max", "min")
"""Instructions whose operands may change places."""
UNARY = ("exp", "log", "sqrt", "rsqrt", "abs", "neg", "relu")
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq", ast.NotEq: "ne", ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge",
}  # fmt: skip
MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

Item = str | ast.expr
"""An operand: the name of a tile, or a number."""


class Elementwise(Writer):
    """Writes instructions that go element by element."""

    # one operand --------------------------------------------------------------------------------------------------

    def unary(self, target: str | None, type_: TileType, name: str, x: str) -> str:
        """`pto.exp(x)` and the like; columns are computed as rows."""
        if not self.has(name, type_.dtype):
            wide = self.wider(name, x)
            return self.narrowed(target, type_, self.unary(None, self.like(wide, f32), name, wide))
        if is_column(type_):
            made = self.instruct(None, self.as_row_type(type_), name, self.row(x), base=f"{target or x}_row")
            return self.column(target, type_, made)
        return self.instruct(target, type_, name, x)

    # two operands -------------------------------------------------------------------------------------------------

    def binary(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """`left name right`, whichever of them are tiles, rows, columns or numbers."""
        if not self.has(name, type_.dtype):
            wide = [self.wider(name, each) if isinstance(each, str) else each for each in (left, right)]
            result = self.type(f32, type_.dims, room(type_).rows, room(type_).columns)
            return self.narrowed(target, type_, self.binary(None, result, name, *wide))
        if is_column(type_):
            wanted = self.as_row_type(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.binary(None, wanted, name, *rows))
        if not isinstance(left, str) and isinstance(right, str):
            return self.reversed(target, type_, name, left, self.spread(right, type_))
        if not isinstance(left, str):
            raise self.refused("two numbers make no tile", "write `tile.full(shape, number, dtype)`")
        if not isinstance(right, str):
            return self.instruct(target, type_, f"{name}s", self.spread(left, type_), right)
        if name in SWAPS and not self.is_full(left, type_):
            left, right = right, left
        left = self.spread(left, type_)
        if self.is_full(right, type_):
            return self.instruct(target, type_, name, left, right)
        if is_column(self.types[right]) and self.types[right].dims[0] == type_.dims[0]:
            return self.instruct(target, type_, f"rowexpand{name}", left, right)
        return self.instruct(target, type_, f"colexpand{name}", left, self.one_row(right, type_))

    def reversed(self, target: str | None, type_: TileType, name: str, number: ast.expr, x: str) -> str:
        """A number before a tile."""
        if name in SWAPS:
            return self.instruct(target, type_, f"{name}s", x, number)
        if name == "div":
            return self.instruct(target, type_, "sdivs", x, number)
        less = self.instruct(None, type_, "muls", x, constant(-1.0 if type_.dtype.kind == "float" else -1))
        return self.instruct(target, type_, "adds", less, number)

    # shapes -------------------------------------------------------------------------------------------------------

    def is_full(self, name: str, type_: TileType) -> bool:
        """Whether a tile already has the sizes of the result."""
        return self.types[name].dims == type_.dims

    def across(self, name: str, row: TileType) -> str:
        """A column, or the one number of a tile, as a row of this size."""
        if all(each.constant == 1 for each in self.types[name].dims):
            return self.row(name) if row.dims[1].constant == 1 else self.one_row(name, row)
        return self.row(name)

    def one_row(self, name: str, type_: TileType) -> str:
        """A row as long as the result is wide; a single number is repeated."""
        if self.types[name].dims[1] == type_.dims[1]:
            return name
        wide = self.type(self.types[name].dtype, (const(1), type_.dims[1]), 1, room(type_).columns)
        return self.instruct(None, wide, "rowexpand", name, expression(type_.dims[1]))

    def spread(self, name: str, type_: TileType) -> str:
        """The tile with the sizes of the result: a row or column is repeated."""
        if self.is_full(name, type_):
            return name
        here = self.types[name]
        full = self.type(here.dtype, type_.dims, room(type_).rows, room(type_).columns)
        if is_column(here) and here.dims[0] == type_.dims[0]:
            return self.instruct(None, full, "rowexpand", name, expression(type_.dims[1]))
        row = self.one_row(name, type_)
        if self.is_full(row, type_):
            return row
        return self.instruct(None, full, "colexpand", row, expression(type_.dims[0]))

    # dtypes -------------------------------------------------------------------------------------------------------

    def wider(self, name: str, x: str) -> str:
        """The tile in f32, for an instruction that does not know its dtype."""
        type_ = self.types[x]
        if type_.dtype.kind != "float":
            raise self.refused(
                f"`pto.{name}` does not take {type_.dtype.name}",
                f"cast it: `.astype(f32)`, or to one of {', '.join(self.taken_by(name))}",
            )
        return self.cast(None, self.like(x, f32), x)

    def taken_by(self, name: str) -> list[str]:
        """The dtypes that an instruction takes."""
        return [each[0] for each in instruction(name).dtypes["a2a3"]]

    def narrowed(self, target: str | None, type_: TileType, wide: str) -> str:
        """A result in f32 as what it was meant to be."""
        return self.cast(target, type_, wide)

    def cast(self, target: str | None, type_: TileType, x: str, mode: str = "none") -> str:
        """The tile in another dtype, in two steps where no instruction makes one."""
        source, dtype = self.types[x].dtype, type_.dtype
        if source is bool_:
            return self.flags(target, type_, x)
        if dtype is bool_:
            return self.compared(target, type_, "ne", x, constant(0))
        if is_column(type_):
            row = self.cast(None, self.as_row_type(type_), self.row(x), mode)
            return self.column(target, type_, row)
        if self.has("cvt", source, dtype):
            if mode == "none":
                return self.instruct(target, type_, "cvt", x, dtype=dtype.name)
            return self.instruct(target, type_, "cvt", x, dtype=dtype.name, mode=ast.Constant(mode))
        for between in self.steps(source, dtype):
            if self.has("cvt", source, between) and self.has("cvt", between, dtype):
                step = self.cast(None, self.like(x, between), x, mode)
                return self.cast(target, type_, step)
        raise self.refused(
            f"no instruction makes {dtype.name} of {source.name}",
            "cast through f32 or f16 where that keeps your values",
        )

    def steps(self, source: DType, dtype: DType) -> tuple[DType, ...]:
        """Dtypes between two, through which no value is lost that the target keeps."""
        if source.bits == 8:
            return (f16,)  # 8-bit integers are exact in 11 bits
        if dtype.bits == 8:
            return (f16,) if source.kind != "float" else ()
        return (f32,) if "float" in (source.kind, dtype.kind) else (i32, f32)

    def flags(self, target: str | None, type_: TileType, mask: str) -> str:
        """Ones where the flag is set, else zeros."""
        wide = type_ if type_.dtype.bits > 8 else self.like(mask, f32)
        one, zero = (constant(each) if wide.dtype.kind != "float" else constant(float(each)) for each in (1, 0))
        ones = self.filled(None, wide, one)
        if wide is type_:
            return self.chosen(target, type_, mask, ones, zero)
        return self.cast(target, type_, self.chosen(None, wide, mask, ones, zero))

    # comparing and choosing ---------------------------------------------------------------------------------------

    def compared(self, target: str | None, type_: TileType, mode: str, left: Item, right: Item) -> str:
        """One flag an element."""
        if not isinstance(left, str):
            left, right, mode = right, left, MIRRORED[mode]
        if not isinstance(left, str):
            raise self.refused("two numbers make no tile", "compare them outside of the tile")
        if is_column(type_):
            rows = [self.row(each) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.compared(None, self.flag_row(type_), mode, *rows))
        tiles = [each for each in (left, right) if isinstance(each, str)]
        dtype = self.types[left].dtype
        if dtype is bool_ or dtype.bits == 8:
            raise self.refused(f"no instruction compares {dtype.name}", "cast to f16 first: `.astype(f16)`")
        if not (dtype.kind == "float" and self.has("cmp", dtype)):
            wide = {each: self.cast(None, self.like(each, f32), each) for each in dict.fromkeys(tiles)}
            left = wide[left]
            right = wide[right] if isinstance(right, str) else right
        full = self.type(self.types[left].dtype, type_.dims, room(type_).rows, room(type_).columns)
        left = self.spread(left, full)
        if isinstance(right, str):
            return self.instruct(target, type_, "cmp", left, self.spread(right, full), mode=ast.Constant(mode))
        return self.instruct(target, type_, "cmps", left, right, mode=ast.Constant(mode))

    def flag_row(self, type_: TileType) -> TileType:
        """The type of a column of flags that are kept as a row."""
        return self.type(bool_, (const(1), type_.dims[0]), 1, room(type_).rows)

    def chosen(self, target: str | None, type_: TileType, mask: str, yes: Item, no: Item) -> str:
        """`yes` where the flag is set, else `no`."""
        if type_.dtype.bits == 8:
            raise self.refused(f"no instruction chooses among {type_.dtype.name}", "cast to f16 first: `.astype(f16)`")
        if is_column(type_):
            items = [self.row(each) if isinstance(each, str) else each for each in (mask, yes, no)]
            row = self.chosen(None, self.as_row_type(type_), str(items[0]), items[1], items[2])
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
        numbers = self.flags(None, self.like(mask, f32), mask)
        wide = self.spread(numbers, self.type(f32, type_.dims, room(type_).rows, room(type_).columns))
        flags = self.type(bool_, type_.dims, room(type_).rows, room(type_).columns)
        return self.instruct(None, flags, "cmps", wide, constant(0.0), mode=ast.Constant("ne"))

    # making -------------------------------------------------------------------------------------------------------

    def filled(self, target: str | None, type_: TileType, number: ast.expr) -> str:
        """Every element the same number."""
        if is_column(type_):
            return self.column(target, type_, self.filled(None, self.as_row_type(type_), number))
        rows, columns = (expression(each) for each in type_.dims)
        return self.instruct(target, type_, "expands", number, rows, columns, dtype=type_.dtype.name)

    def counted(self, target: str | None, type_: TileType, axis: int) -> str:
        """0, 1, 2 … along an axis."""
        size: Expr = type_.dims[axis]
        length = room(type_).rows if axis == 0 else room(type_).columns
        row = self.instruct(None, self.type(i32, (const(1), size), 1, length), "ci", 0, expression(size), dtype="i32")
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
