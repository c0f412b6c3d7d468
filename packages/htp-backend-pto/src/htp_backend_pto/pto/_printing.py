"""A look at a tile while a kernel runs."""

from __future__ import annotations

from htp import Tile, f16, f32, i8, i16, i32, tile, u8, u16, u32
from htp.intrinsics import DTypeVar, intrinsic

__all__ = ["print"]

Shown = DTypeVar("Shown", f32, f16, i32, u32, i16, u16, i8, u8)


@intrinsic(unit="vector", effects=True)
def print(x: Tile[Shown, "M", "N"]) -> Tile[Shown, "M", "N"]:
    """`x`, which is printed on the way: `t = pto.print(t)`. Tasks that run beside each other print in any order."""
    tile.print("pto.print", x)
    return x
