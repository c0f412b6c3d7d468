"""Rules for what is done element by element: with tiles, with rows and columns of numbers, with one number.

Knows which instruction each operation is; integers are `select_integers`' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import bool_, f32, i16, i64
from htp_backend_pto.isa import instruction
from htp_backend_pto.lower.select.carried import Carried
from htp_backend_pto.lower.select.unsigned import SIGNED
from htp_backend_pto.lower.writing import is_column

if TYPE_CHECKING:
    import ast

    from htp.types import TileType
    from htp_backend_pto.lower.select.choices import Item

__all__ = ["BINARY", "UNARY", "Elementwise"]

BINARY = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "maximum": "max", "minimum": "min", "add": "add", "subtract": "sub",
    "multiply": "mul", "divide": "div",
}  # fmt: skip
SWAPS = ("add", "mul", "max", "min")
"""Instructions whose operands may change places."""
UNARY = ("exp", "log", "sqrt", "rsqrt", "abs", "neg", "relu")
EXTREMES = ("max", "min")
"""Instructions that do not tell what a NaN gives."""


class Elementwise(Carried):
    """Writes instructions that go element by element."""

    # one operand --------------------------------------------------------------------------------------------------

    def unary(self, target: str | None, type_: TileType, name: str, x: str) -> str:
        """`pto.exp(x)` and the like; columns are computed as rows."""
        if type_.dtype.kind != "float":
            return self.whole(target, type_, name, x)
        if not self.has(name, type_.dtype):
            return self.cast(target, type_, self.unary(None, self.like(x, f32), name, self.wider(name, x)))
        if is_column(type_):
            made = self.unary(None, self.as_row_type(type_), name, self.row(x))
            return self.column(target, type_, made)
        if name == "relu":
            return self.kept(target, type_, self.instruct(None, type_, name, x), x)
        return self.instruct(target, type_, name, x)

    def whole(self, target: str | None, type_: TileType, name: str, x: str) -> str:
        """The functions that integers have."""
        zero = constant(0)
        match name:
            case "neg":
                return self.binary(target, type_, "sub", zero, x)
            case "relu":
                return self.binary(target, type_, "max", x, zero)
            case "abs" if type_.dtype.kind == "uint":
                return self.cast(target, type_, x)
            case "abs":
                return self.binary(target, type_, "max", x, self.binary(None, type_, "sub", zero, x))
            case _:
                raise self.refused(f"`pto.{name}` does not take {type_.dtype.name}", "cast it: `.astype(f32)`")

    # two operands -------------------------------------------------------------------------------------------------

    def binary(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """`left name right`, whichever of them are tiles, rows, columns or numbers."""
        if type_.dtype.name in SIGNED and name != "div":
            order = name in EXTREMES
            items = [self.signed_item(each, type_, order=order) for each in (left, right)]
            made = self.binary(None, self.sized(type_, SIGNED[type_.dtype.name]), name, *items)
            return self.from_ordered(target, type_, made) if order else self.unsigned(target, type_, made)
        if not self.has(name, type_.dtype):
            wide = f32 if type_.dtype.kind == "float" else i16
            items = [self.wider(name, each) if isinstance(each, str) else each for each in (left, right)]
            return self.cast(target, type_, self.binary(None, self.sized(type_, wide), name, *items))
        if is_column(type_):
            wanted = self.as_row_type(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.binary(None, wanted, name, *rows))
        if name in EXTREMES and type_.dtype.kind == "float":
            return self.extreme(target, type_, name, left, right)
        return self.paired(target, type_, name, left, right)

    def paired(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """The instruction for two operands of a dtype that it takes."""
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
            return self.instruct(target, type_, name, left, self.spread(right, type_))
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

    # NaN ------------------------------------------------------------------------------------------------------------

    def quiet(self) -> bool:
        """Whether what an extreme gives for a NaN makes no difference to the statement at work."""
        raise NotImplementedError

    def extreme(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """The larger or the smaller, and NaN where either is one."""
        if self.quiet():
            return self.paired(target, type_, name, left, right)
        items = [self.spread(each, type_) if isinstance(each, str) else each for each in (left, right)]
        tiles = [each for each in dict.fromkeys(items) if isinstance(each, str)]
        made = self.paired(None if tiles else target, type_, name, left, right)
        for number, each in enumerate(tiles):
            made = self.kept(target if number == len(tiles) - 1 else None, type_, made, each)
        return made

    def kept(self, target: str | None, type_: TileType, made: str, x: str) -> str:
        """What was made of `x`, and `x` itself where it is NaN."""
        return self.chosen(target, type_, self.numeric(x), made, x)

    def numeric(self, x: str) -> str:
        """Flags of the elements that are not NaN."""
        return self.compared(None, self.flags_like(self.types[x]), "eq", x, x)

    # dtypes -------------------------------------------------------------------------------------------------------

    def wider(self, name: str, x: str) -> str:
        """The tile in a dtype that an instruction knows: f32 for floats, i16 for 8-bit integers."""
        dtype = self.types[x].dtype
        if dtype.kind == "float":
            return x if dtype is f32 else self.cast(None, self.like(x, f32), x)
        if dtype.bits == 8:
            return self.cast(None, self.like(x, i16), x)
        if dtype in (i64, bool_):
            raise self.refused(
                f"`pto.{name}` does not take {dtype.name}",
                f"pass it as i32, or cast it: `.astype(i32)`; {', '.join(self.taken_by(name))} are taken",
            )
        raise self.refused(
            f"`pto.{name}` does not take {dtype.name}",
            f"cast it: `.astype(f32)`, or to one of {', '.join(self.taken_by(name))}",
        )

    def taken_by(self, name: str) -> list[str]:
        """The dtypes that an instruction takes."""
        return [each[0] for each in instruction(name).dtypes["a2a3"]]
