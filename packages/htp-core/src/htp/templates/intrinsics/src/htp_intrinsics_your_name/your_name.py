"""The intrinsics: each is a function whose body is what it means. A target without a handler uses the body."""
# ruff: noqa: F821, UP037 - a dim such as "M" stands where ruff expects a forward reference

from __future__ import annotations

from htp import Tile, f16, f32, tile
from htp.intrinsics import DTypeVar, intrinsic

__all__ = ["leaky", "rowmax"]

T = DTypeVar("T", f16, f32)


@intrinsic(unit="vector")
def rowmax(x: Tile[T, "M", "N"]) -> Tile[T, "M", 1]:
    """The largest element of every row."""
    return tile.max(x, axis=1, keepdims=True)


@intrinsic(unit="vector")
def leaky(x: Tile[T, "M", "N"], *, slope: float) -> Tile[T, "M", "N"]:
    """`x` where it is positive, else `slope * x`; the slope is known when a program is compiled."""
    return tile.where(x > 0.0, x, x * slope)
