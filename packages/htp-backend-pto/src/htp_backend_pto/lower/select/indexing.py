"""Rules for what moves elements: slices, other shapes, parts joined, elements by index, running sums.

Knows places in tiles; what is neither rows nor columns one behind the other goes through `pto.gather`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const
from htp.lowering.build import constant, expression
from htp.types import TileType, bool_, f16, f32, i32, i64
from htp_backend_pto.layouts import ub
from htp_backend_pto.lower.select.functions import Functions
from htp_backend_pto.lower.writing import is_column, room

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from htp.types import DType

__all__ = ["Indexing"]

GATHERED = ("f32", "f16", "i32", "u32", "i16", "u16")
BLOCK = 256
"""Bits to a multiple of which a part begins that is taken out as it lies."""


class Indexing(Functions):
    """Writes what moves elements within the chip."""

    # places -------------------------------------------------------------------------------------------------------

    def entire(self, x: str, rows: int = 0, columns: int = 0, value: float = 0.0) -> str:
        """The tile with all of its room, or of a larger one, filled, so that places are those of memory."""
        here, type_ = room(self.types[x]), self.types[x]
        rows, columns = max(rows, here.rows), max(columns, here.columns)
        if type_.dims == (const(rows), const(columns)):
            return x
        name = "fillpad" if (rows, columns) == (here.rows, here.columns) else "fillpad_expand"
        full = TileType(type_.dtype, (const(rows), const(columns)), (ub(rows, columns),))
        return self.instruct(None, full, name, x, rows, columns, value=constant(value))

    def places(self, type_: TileType, down: Expr | int, across: int, start: Expr | int) -> str:
        """For every element of a result `start + down * its row + across * its column`."""
        numbers = self.sized(type_, i32)
        row = self.line(i32, type_.dims[1], room(type_).columns)
        line = self.instruct(None, row, "ci", 0, expression(type_.dims[1]), dtype="i32")
        if across != 1:
            line = self.instruct(None, row, "muls", line, constant(across))
        if start != 0:
            line = self.instruct(None, row, "adds", line, _number(start))
        if type_.dims[0].constant == 1:
            return line
        lines = self.counted(None, numbers, 0)
        if down != 1:
            lines = self.instruct(None, numbers, "muls", lines, _number(down))
        return self.binary(None, numbers, "add", lines, line)

    def picked(self, target: str | None, type_: TileType, x: str, places: str) -> str:
        """The elements of a tile, entire, at these places."""
        dtype = type_.dtype
        if dtype is i64:
            raise self.refused("no instruction moves single elements of i64", "cast to i32 before: `.astype(i32)`")
        if dtype.name not in GATHERED:
            wide, here = f32 if dtype.name == "bf16" else f16, room(self.types[x])
            # Rows as far apart as those of `x`, of which the places are.
            source = TileType(wide, self.types[x].dims, (ub(here.rows, here.columns),))
            source = self.cast(None, source, x)
            return self.cast(target, type_, self.picked(None, self.sized(type_, wide), source, places))
        return self.instruct(target, type_, "gather", self.entire(x), places, self.scratch(self.types[places]))

    def flatly(self, target: str | None, type_: TileType, x: str, rule: Callable[[TileType, str], str]) -> str:
        """A rule for rows, whose result is what a column is meant to be; sources that are columns are rows."""
        if is_column(type_):
            return self.column(target, type_, rule(self.as_row_type(type_), self.row(x)))
        made = rule(type_, self.row(x))
        return made if target is None else self.cast(target, type_, made)

    def turned(self, x: str) -> str:
        """Rows as columns."""
        type_ = self.types[x]
        if is_column(type_):
            return self.row(x)
        if type_.dims[0].constant == 1:
            column = self.type(type_.dtype, (type_.dims[1], const(1)), room(type_).columns, 1)
            return self.column(None, column, x)
        return self.transposed_to(None, self.type(
            type_.dtype, (type_.dims[1], type_.dims[0]), room(type_).columns, room(type_).rows
        ), x)  # fmt: skip

    def transposed_to(self, target: str | None, type_: TileType, x: str) -> str:
        """Rows as columns, neither of which is one."""
        if type_.dtype is bool_:
            numbers = self.flags(None, self.like(x, f16), x)
            return self.cast(target, type_, self.transposed_to(None, self.sized(type_, f16), numbers))
        if type_.dtype is i64:
            raise self.refused("no instruction transposes i64", "cast to i32 before: `.astype(i32)`")
        return self.instruct(target, type_, "trans", x, self.scratch(self.types[x]))

    # parts --------------------------------------------------------------------------------------------------------

    def taken_out(self, target: str | None, type_: TileType, x: str, starts: Sequence[Expr]) -> str:
        """A part of a tile that begins at a row and a column."""
        if is_column(self.types[x]) and is_column(type_):
            row = self.as_row_type(type_)
            return self.column(target, type_, self.taken_out(None, row, self.row(x), (const(0), starts[0])))
        first = starts[1].constant
        if not is_column(type_) and first is not None and first * type_.dtype.bits % BLOCK == 0:
            if type_.dtype is bool_:
                numbers = self.flags(None, self.like(x, f16), x)
                return self.cast(target, type_, self.taken_out(None, self.sized(type_, f16), numbers, starts))
            places = (expression(each) for each in (*starts, *type_.dims))
            return self.instruct(target, type_, "extract", x, *places)
        across = room(self.types[x]).columns
        start = starts[0] * across + starts[1]
        if is_column(type_):
            row = self.as_row_type(type_)
            return self.column(target, type_, self.picked(None, row, x, self.places(row, 0, across, start)))
        return self.picked(target, type_, x, self.places(type_, across, 1, start))

    def reshaped(self, target: str | None, type_: TileType, x: str) -> str:
        """The same elements in the same order in other rows."""
        if is_column(type_) and not is_column(self.types[x]) and self.types[x].dims[0].constant == 1:
            return self.column(target, type_, x)
        return self.flatly(target, type_, x, self.in_rows)

    def in_rows(self, type_: TileType, x: str) -> str:
        """Elements of rows in rows of another length."""
        source = self.types[x]
        if source.dims == type_.dims:
            return x
        here, there = room(source), room(type_)
        whole = source.dims[1].constant == here.columns and type_.dims[1].constant == there.columns
        if whole and here.rows * here.columns == there.rows * there.columns and type_.dtype.bits > 1:
            return self.instruct(None, type_, "reshape", x, *(expression(each) for each in type_.dims))
        if source.dims[0].constant == 1 or source.dims[1].constant == here.columns:
            places = self.places(type_, type_.dims[1], 1, 0)
        else:
            numbers = self.sized(type_, i32)
            flat = self.places(type_, type_.dims[1], 1, 0)
            length = expression(source.dims[1])
            rows = self.divided(None, numbers, "quotient", flat, length)
            gap = self.instruct(None, numbers, "muls", rows, _number(const(here.columns) - source.dims[1]))
            places = self.instruct(None, numbers, "add", flat, gap)
        return self.picked(None, type_, x, places)

    def flipped(self, target: str | None, type_: TileType, x: str, axes: Sequence[int]) -> str:
        """The elements in reverse order along axes."""
        if is_column(type_):
            row = self.flipped(None, self.as_row_type(type_), self.row(x), (1,) if 0 in axes else ())
            return self.column(target, type_, row)
        across = room(self.types[x]).columns
        rows, columns = (each - 1 for each in type_.dims)
        start = (rows * across if 0 in axes else const(0)) + (columns if 1 in axes else const(0))
        places = self.places(type_, -across if 0 in axes else across, -1 if 1 in axes else 1, start)
        return self.picked(target, type_, x, places)

    def joined(self, target: str | None, type_: TileType, parts: Sequence[str], axis: int) -> str:
        """Tiles one behind the other."""
        if type_.dtype in (bool_, i64):
            if type_.dtype is i64:
                raise self.refused("no instruction joins i64", "cast to i32 before: `.astype(i32)`")
            numbers = [self.flags(None, self.like(each, f16), each) for each in parts]
            return self.cast(target, type_, self.joined(None, self.sized(type_, f16), numbers, axis))
        if len(parts) == 1:
            return self.cast(target, type_, parts[0])
        if axis == 0 and is_column(type_):
            rows = [self.row(each) for each in parts]
            return self.column(target, type_, self.joined(None, self.as_row_type(type_), rows, 1))
        if axis == 0:
            made = self.filled(None, type_, constant(0.0 if type_.dtype.kind == "float" else 0))
            at = const(0)
            for number, each in enumerate(parts):
                wanted = target if number == len(parts) - 1 else None
                made = self.instruct(wanted, type_, "insert", made, each, expression(at), 0)
                at = at + self.types[each].dims[0]
            return made
        if len(parts) == 2 and not any(is_column(self.types[each]) for each in parts):
            return self.instruct(target, type_, "concat", *parts)
        return self.side_by_side(target, type_, parts)

    def side_by_side(self, target: str | None, type_: TileType, parts: Sequence[str]) -> str:
        """Tiles joined by choosing for every column which one it is of."""
        lanes = self.counted(None, self.sized(type_, f32), 1)
        made, at = "", const(0)
        for number, each in enumerate(parts):
            source, last = self.types[each], number == len(parts) - 1
            if is_column(source):
                wide = self.spread(each, self.sized(type_, source.dtype))
            else:
                across = room(source).columns
                places = self.places(type_, across, 1, const(0) - at)
                places = self.instruct(None, self.sized(type_, i32), "maxs", places, 0)
                most = _number(const(room(source).rows * across - 1))
                places = self.instruct(None, self.sized(type_, i32), "mins", places, most)
                wide = self.picked(None, type_, each, places)
            if made:
                start = ast.Call(ast.Name("float", ast.Load()), [expression(at)], [])
                begun = constant(float(at.constant)) if at.constant is not None else start
                mask = self.compared(None, self.flags_like(type_), "ge", lanes, begun)
                made = self.chosen(target if last else None, type_, mask, wide, made)
            else:
                made = wide
            at = at + source.dims[1]
        return made

    # by index -----------------------------------------------------------------------------------------------------

    def counted_from_end(self, index: str, size: Expr) -> str:
        """Indices as i32, of which negative ones count from the end; the stand-in refuses those out of range."""
        type_ = self.sized(self.types[index], i32)
        if is_column(type_):
            return self.column(None, type_, self.counted_from_end(self.row(index), size))
        places = index if self.types[index].dtype is i32 else self.cast(None, type_, index)
        signs = self.instruct(None, type_, "shrs", places, 31)
        more = self.instruct(None, type_, "muls", signs, _number(const(0) - size))
        return self.instruct(None, type_, "within", self.instruct(None, type_, "add", places, more), _number(size))

    def single(self, x: str, axis: int) -> bool:
        """Whether a tile has one element along an axis."""
        return self.types[x].dims[axis].constant == 1

    def by_index(self, target: str | None, type_: TileType, x: str, index: str, axis: int) -> str:
        """One element per index along an axis."""
        if self.single(x, axis):
            self.counted_from_end(index, self.types[x].dims[axis])
            return self.cast(target, type_, self.spread(x, type_))
        if is_column(type_) and is_column(self.types[x]):
            row = self.by_index(None, self.as_row_type(type_), self.row(x), self.row(index), 1)
            return self.column(target, type_, row)
        spots = self.spots(type_, x, index, axis)
        if is_column(type_):
            return self.column(target, type_, self.picked(None, self.as_row_type(type_), x, spots))
        return self.picked(target, type_, x, spots)

    def spots(self, type_: TileType, x: str, index: str, axis: int) -> str:
        """Places in the room of a tile that indices along one axis of it mean; those of a column as a row."""
        numbers = self.sized(type_, i32)
        if is_column(type_):
            line, across = self.as_row_type(numbers), room(self.types[x]).columns
            places = self.row(self.counted_from_end(index, self.types[x].dims[axis]))
            if axis == 0:
                return self.instruct(None, line, "muls", places, across)
            return self.instruct(None, line, "add", places, self.places(line, 0, across, 0))
        places = self.spread(self.counted_from_end(index, self.types[x].dims[axis]), numbers)
        across = room(self.types[x]).columns
        if axis == 0:
            down = self.instruct(None, numbers, "muls", places, across)
            return self.instruct(None, numbers, "add", down, self.counted(None, numbers, 1))
        if type_.dims[0].constant == 1:
            return places
        rows = self.instruct(None, numbers, "muls", self.counted(None, numbers, 0), across)
        return self.instruct(None, numbers, "add", places, rows)

    # running sums -------------------------------------------------------------------------------------------------

    def running(self, target: str | None, type_: TileType, x: str, axis: int) -> str:
        """Running sums: every number gets the sum of those 1, 2, 4 … before it."""
        if self.single(x, axis):
            return self.cast(target, type_, x)
        dtype = type_.dtype
        wide: DType = f32 if dtype.kind == "float" else i32
        if is_column(type_):
            row = self.running(None, self.as_row_type(type_), self.row(x), 1)
            return self.column(target, type_, row)
        if dtype is not wide or self.types[x].dtype is not wide:
            made = self.running(None, self.sized(type_, wide), self.cast(None, self.like(x, wide), x), axis)
            return self.cast(target, type_, made)
        across = room(type_).columns if axis == 0 else 1
        most = room(type_).rows if axis == 0 else room(type_).columns
        numbers = self.sized(type_, i32)
        base = self.places(type_, room(type_).columns, 1, 0)
        lanes = self.counted(None, self.sized(type_, f32), axis)
        made, step = x, 1
        zero = constant(0.0 if wide is f32 else 0)
        while step < most:
            back = self.instruct(None, numbers, "subs", base, step * across)
            before = self.picked(None, type_, made, self.instruct(None, numbers, "maxs", back, 0))
            mask = self.compared(None, self.flags_like(type_), "ge", lanes, constant(float(step)))
            made = self.instruct(None, type_, "add", made, self.chosen(None, type_, mask, before, zero))
            step *= 2
        return made if target is None else self.instruct(target, type_, "mov", made)


def _number(value: Expr | int) -> ast.expr:
    return constant(value) if isinstance(value, int) else expression(value)
