"""Rules for what brings elements in order, by the instructions that sort 32 and merge four.

Knows keys that keep every order that programs can ask for; does not know statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const, sym
from htp.lowering.build import call, constant, expression
from htp.program import stamp
from htp.types import TileType, bool_, f16, f32, i32, i64, u32
from htp_backend_pto.layouts import ub
from htp_backend_pto.lower.select.scattering import Scattering
from htp_backend_pto.lower.select.unsigned import SIGNED
from htp_backend_pto.lower.writing import is_column, room

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Sorting"]

SORTED = 32
"""Elements that one instruction sorts."""
LOW = 16
"""Bits of an integer that f32 holds for certain, and by which it is sorted at once."""
LARGEST = 3.4028234663852886e38
MINUS = float("-inf")


class Sorting(Scattering):
    """Writes orders."""

    def order(self, target: str | None, type_: TileType, x: str, axis: int, *, falling: bool) -> str:
        """The places of elements in order, equal ones as they stood; NaN is the largest; as i32."""
        if self.single(x, axis):
            return self.filled(target, type_, constant(0))
        dtype = self.types[x].dtype
        if dtype is i64:
            raise self.refused("no instruction sorts i64", "cast it: `.astype(i32)`")
        if dtype.name in SIGNED:
            x = self.ordered(x)
        if dtype is bool_:
            x = self.flags(None, self.like(x, f16), x)
        if axis == 0 and not is_column(self.types[x]):
            turned = self.type(i32, (type_.dims[1], type_.dims[0]), room(type_).columns, room(type_).rows)
            made = self.order(None, turned, self.turned(x), 1, falling=falling)
            return self.transposed_to(target, type_, made)
        if is_column(type_):
            row = self.order(None, self.as_row_type(type_), self.row(x), 1, falling=falling)
            return self.column(target, type_, row)
        here = room(self.types[x])
        length = SORTED
        while length < here.columns:
            length *= 4
        keys = [self.entire(each, columns=length, value=MINUS) for each in self.keys(x, falling)]
        found = self.largest_first(keys[0], self.types[x].dims[0])
        for each in keys[1:]:
            there = self.types[found]
            at = self.spots(there, each, found, 1)
            then = self.largest_first(self.picked(None, self.sized(there, f32), each, at), self.types[x].dims[0])
            found = self.picked(None, there, found, self.spots(there, found, then, 1))
        return self.instruct(target, type_, "extract", found, 0, 0, *(expression(each) for each in type_.dims))

    def keys(self, x: str, falling: bool) -> Sequence[str]:
        """Numbers whose falling order is the one that is wanted; of several the last one counts most."""
        dtype = self.types[x].dtype
        if dtype is i32 and not any(x in (each, self.rows.get(each)) for each in self.few):
            low = self.instruct(None, self.types[x], "ands", x, (1 << LOW) - 1)
            high = self.instruct(None, self.types[x], "shrs", x, LOW)
            return [self.falling_key(self.cast(None, self.like(each, f32), each), falling) for each in (low, high)]
        numbers = x if dtype is f32 else self.cast(None, self.like(x, f32), x)
        if dtype.kind != "float":
            return [self.falling_key(numbers, falling)]
        type_ = self.types[numbers]
        numeric = self.numeric(numbers)
        if dtype is f32:
            clean = self.chosen(None, type_, numeric, numbers, constant(0.0))
            odd = self.chosen(None, type_, numeric, self.filled(None, type_, constant(0.0)), constant(1.0))
            return [self.falling_key(each, falling) for each in (clean, odd)]
        # Finite numbers of 16 bits are below the largest f32, which so has room for infinity, and infinity for NaN.
        finite = self.instruct(None, type_, "mins", numbers, constant(LARGEST))
        return [self.falling_key(self.chosen(None, type_, numeric, finite, constant(float("inf"))), falling)]

    few: frozenset[str] = frozenset()
    """Tiles of i32 whose numbers f32 holds."""

    def falling_key(self, key: str, falling: bool) -> str:
        """A key, or its opposite where the smallest comes first."""
        return key if falling else self.instruct(None, self.types[key], "muls", key, constant(-1.0))

    def largest_first(self, keys: str, count: Expr) -> str:
        """The places of keys, largest first, in every row of a tile that is all in use."""
        rows, columns = room(self.types[keys]).rows, room(self.types[keys]).columns
        line = TileType(u32, (const(1), const(columns)), (ub(1, columns),))
        index = self.instruct(None, line, "ci", 0, columns, dtype="u32")
        if rows > 1:
            index = self.instruct(None, self.like(keys, u32), "colexpand", index, rows)
        wide = TileType(f32, (const(rows), const(2 * columns)), (ub(rows, 2 * columns),))
        pairs = self.instruct(None, wide, "sort32", keys, index)
        if columns > SORTED and rows == 1:
            pairs = self.merged(pairs)
        elif columns > SORTED:
            pairs = self.merged_by_row(pairs, count)
        return self.instruct(None, self.like(keys, i32), "sorted_places", pairs)

    def merged(self, pairs: str) -> str:
        """One row of pairs, every 32 of them sorted, all sorted."""
        type_, block = self.types[pairs], 2 * SORTED
        while block < room(type_).columns:
            pairs = self.instruct(None, type_, "mrgsort", pairs, block=block)
            block *= 4
        return pairs

    def merged_by_row(self, pairs: str, count: Expr) -> str:
        """Rows of pairs, one after the other."""
        type_ = self.types[pairs]
        columns = room(type_).columns
        made = self.instruct(None, type_, "mov", pairs)
        variable = self.fresh("row")
        line = TileType(f32, (const(1), const(columns)), (ub(1, columns),))
        with self.block() as body:
            row = self.instruct(None, line, "extract", pairs, expression(sym(variable)), 0, 1, columns)
            self.instruct(made, type_, "insert", made, self.merged(row), expression(sym(variable)), 0)
        header = call("range", 0, expression(count))
        self.out.append(stamp(ast.For(ast.Name(variable, ast.Store()), header, body, [], lineno=0), self.place))
        return made
