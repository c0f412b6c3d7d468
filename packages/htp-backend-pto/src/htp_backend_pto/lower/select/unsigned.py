"""Integers without a sign, which few instructions take: their bits are those of integers that have one.

Sums, differences and products are the same bits. Orders are the same once the highest bit of all is turned.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import f32, i16, i32
from htp_backend_pto.lower.writing import Writer, is_column

if TYPE_CHECKING:
    from htp.types import DType, TileType

__all__ = ["SIGNED", "Item", "Unsigned"]

Item = str | ast.expr
"""An operand: the name of a tile, or a number."""

SIGNED: dict[str, DType] = {"u16": i16, "u32": i32}
"""Dtypes with the same bits and a sign."""
HALF = 16
HALF_MASK = (1 << HALF) - 1
MIDDLE = 1 << 31


class Unsigned(Writer):
    """Writes integers without a sign as integers with one, and back."""

    def signed(self, x: str) -> str:
        """The same bits with a sign."""
        dtype = SIGNED[self.types[x].dtype.name]
        return self.instruct(None, self.like(x, dtype), "reinterpret", x, dtype=dtype.name)

    def unsigned(self, target: str | None, type_: TileType, x: str) -> str:
        """The same bits without a sign."""
        return self.instruct(target, type_, "reinterpret", x, dtype=type_.dtype.name)

    def turned_sign(self, x: str) -> str:
        """Numbers with their highest bit turned."""
        type_ = self.types[x]
        if is_column(type_):
            return self.column(None, type_, self.turned_sign(self.row(x)))
        least = -(1 << (type_.dtype.bits - 1))
        return self.instruct(None, type_, "xors", x, constant(least), self.scratch(type_))

    def ordered(self, x: str) -> str:
        """Numbers with a sign that have the order of those without."""
        return self.turned_sign(self.signed(x))

    def from_ordered(self, target: str | None, type_: TileType, x: str) -> str:
        """The numbers without a sign of which `ordered` made these."""
        return self.unsigned(target, type_, self.turned_sign(x))

    def signed_item(self, item: Item, type_: TileType, *, order: bool = False) -> Item:
        """An operand of this unsigned dtype with a sign; `order` keeps what is less, else bits are kept."""
        if isinstance(item, ast.Constant) and isinstance(item.value, int):
            bits = type_.dtype.bits
            number = int(item.value) - (1 << (bits - 1)) if order else int(item.value)
            return constant((number + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1)))
        x = item if isinstance(item, str) else self.filled(None, type_, item)
        return self.ordered(x) if order else self.signed(x)

    def cast_unsigned(self, target: str | None, type_: TileType, x: str, mode: str) -> str:
        """The tile in another dtype, where one of both has no sign; on rows."""
        source, dtype = self.types[x].dtype, type_.dtype
        if source.name == "u16":
            wide = self.cast(None, self.like(x, i32), self.signed(x))
            return self.cast(target, type_, self.instruct(None, self.types[wide], "ands", wide, HALF_MASK), mode)
        if source.name == "u32":
            if dtype.bits > 32:
                raise self.refused("no instruction makes i64 of u32", "cast to i32: `.astype(i32)`")
            return self.cast(target, type_, self.to_float(x) if dtype.kind == "float" else self.signed(x), mode)
        if dtype.name == "u32":
            return self.unsigned(target, type_, self.from_float(x) if source.kind == "float" else self.to(i32, x))
        if source.kind != "float":
            return self.unsigned(target, type_, self.to(i16, x))
        whole = self.instruct(None, self.like(x, i32), "maxs", self.to(i32, x), 0)
        whole = self.instruct(None, self.types[whole], "mins", whole, HALF_MASK)
        return self.unsigned(target, type_, self.to(i16, whole))

    def to(self, dtype: DType, x: str) -> str:
        """The tile in a dtype that has a sign."""
        return x if self.types[x].dtype is dtype else self.cast(None, self.like(x, dtype), x)

    def to_float(self, x: str) -> str:
        """u32 as f32: both halves are exact, so that their sum is rounded once."""
        numbers = self.like(x, f32)
        low = self.instruct(None, self.like(x, i32), "ands", self.signed(x), HALF_MASK)
        high = self.signed(self.instruct(None, self.types[x], "shrs", x, HALF))
        parts = [self.instruct(None, numbers, "cvt", each, dtype="f32") for each in (high, low)]
        high = self.instruct(None, numbers, "muls", parts[0], constant(float(1 << HALF)))
        return self.instruct(None, numbers, "add", high, parts[1])

    def from_float(self, x: str) -> str:
        """Floats as bits of u32: what is 2**31 or more is converted without these, and the highest bit is set then."""
        x = self.to(f32, x)
        numbers = self.like(x, i32)
        near = self.instruct(None, numbers, "maxs", self.to(i32, x), 0)
        rest = self.instruct(None, self.types[x], "adds", x, constant(-float(MIDDLE)))
        far = self.turned_sign(self.instruct(None, numbers, "cvt", rest, dtype="i32"))
        beyond = self.compared(None, self.flags_like(numbers), "ge", x, constant(float(MIDDLE)))
        return self.chosen(None, numbers, beyond, far, near)

    # of other rules -------------------------------------------------------------------------------------------------

    def cast(self, target: str | None, type_: TileType, x: str, mode: str = "none") -> str:
        """The tile in another dtype."""
        raise NotImplementedError

    def filled(self, target: str | None, type_: TileType, number: ast.expr) -> str:
        """Every element the same number."""
        raise NotImplementedError

    def flags_like(self, type_: TileType) -> TileType:
        """The type of flags for every element."""
        raise NotImplementedError

    def compared(self, target: str | None, type_: TileType, mode: str, left: Item, right: Item) -> str:
        """One flag an element."""
        raise NotImplementedError

    def chosen(self, target: str | None, type_: TileType, mask: str, yes: Item, no: Item) -> str:
        """`yes` where the flag is set, else `no`."""
        raise NotImplementedError
