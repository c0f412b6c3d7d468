"""Rules for elements put, or added, at places that are known when the program runs.

Knows that one instruction keeps the last of several elements for a place, and what to do where all of them count.
"""

from __future__ import annotations

import ast

from htp.dims import const, sym
from htp.lowering.build import call, constant, expression
from htp.program import stamp
from htp.types import TileType, f32, i32, i64, u32
from htp_backend_pto.lower.select.indexing import Indexing
from htp_backend_pto.lower.writing import is_column, room

__all__ = ["Scattering"]


class Scattering(Indexing):
    """Writes what is put at places by index."""

    def scattered(
        self, target: str | None, type_: TileType, x: str, index: str, updates: str, axis: int, mode: str
    ) -> str:
        """A copy with elements at indices: `set` keeps the last one; `add`, `max` and `min` take what is there."""
        if is_column(type_):
            along = axis == 0 or type_.dims[0].constant == 1
            x, index, updates = (self.row(each) if along else self.turned(each) for each in (x, index, updates))
            row = self.scattered(None, self.as_row_type(type_), x, index, updates, int(along), mode)
            return self.column(target, type_, row)
        dtype = type_.dtype
        if dtype is i64:
            raise self.refused("no instruction scatters i64", "cast to i32 before: `.astype(i32)`")
        if dtype is u32 and mode in ("max", "min"):
            both = [self.ordered(each) for each in (x, updates)]
            made = self.scattered(None, self.sized(type_, i32), both[0], index, both[1], axis, mode)
            return self.from_ordered(target, type_, made)
        if dtype not in (f32, i32):
            wide = f32 if dtype.kind == "float" or (dtype.bits == 8 and mode == "set") else i32
            both = [self.cast(None, self.like(each, wide), each) for each in (x, updates)]
            made = self.scattered(None, self.sized(type_, wide), both[0], index, both[1], axis, mode)
            return self.cast(target, type_, made)
        there = room(self.types[index])
        wanted = [self.types[index].dims[each] if each == axis else type_.dims[each] for each in (0, 1)]
        size = self.type(dtype, wanted, there.rows if axis == 0 else room(type_).rows,
                         there.columns if axis == 1 else room(type_).columns)  # fmt: skip
        updates = self.spread(updates, size)
        old = self.entire(x)
        if old == x:
            old = self.instruct(None, type_, "mov", x)
        if mode == "set":
            spots = self.spots(size, x, index, axis)
            old = self.instruct(None, self.types[old], "scatter", old, self.row(updates), spots)
        else:
            places = self.spread(self.counted_from_end(index, type_.dims[axis]), self.sized(size, i32))
            self.accumulated(old, places, updates, axis, mode)
        return self.instruct(target, type_, "extract", old, 0, 0, *(expression(each) for each in type_.dims))

    def accumulated(self, made: str, index: str, updates: str, axis: int, mode: str) -> None:
        """Changes a tile by all updates: those of one turn of a loop are one of each lane, for places all different."""
        size, lanes = self.types[index].dims[axis], self.types[index].dims[1 - axis]
        here = room(self.types[index])
        column = self.type(i32, (lanes, const(1)), here.columns if axis == 0 else here.rows, 1)
        line = self.as_row_type(column)
        numbers = TileType(self.types[updates].dtype, line.dims, line.facets)
        lane = self.instruct(None, line, "ci", 0, expression(lanes), dtype="i32")
        beside = self.instruct(None, line, "muls", lane, self.distance(made, 1 - axis))
        starts = [self.instruct(None, line, "muls", lane, self.distance(each, 1 - axis)) for each in (index, updates)]
        rows = [self.row(each) for each in (index, updates)]
        variable = self.fresh("turn")
        with self.block() as body:
            turn, found = expression(sym(variable)), list[str]()
            for each, row, start in zip((index, updates), rows, starts, strict=True):
                far = ast.BinOp(turn, ast.Mult(), constant(self.distance(each, axis)))
                places = self.instruct(None, line, "adds", start, far)
                found.append(self.picked(None, line if each == index else numbers, row, places))
            spots = self.instruct(None, line, "muls", found[0], self.distance(made, axis))
            spots = self.instruct(None, line, "add", spots, beside)
            after = self.binary(None, numbers, mode, self.picked(None, numbers, made, spots), found[1])
            self.instruct(made, self.types[made], "scatter", made, after, spots)
        header = call("range", 0, expression(size))
        self.out.append(stamp(ast.For(ast.Name(variable, ast.Store()), header, body, [], lineno=0), self.place))

    def distance(self, x: str, axis: int) -> int:
        """How many elements of its room lie between neighbours along an axis."""
        return room(self.types[x]).columns if axis == 0 else 1
