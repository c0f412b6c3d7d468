"""Comparisons, whose result is one bit an element, and choices by such bits."""

from __future__ import annotations

from htp import Scalar, Tile, bool_, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Bits, Number

__all__ = ["cmp", "cmps", "sel", "sels"]


@intrinsic(unit="vector")
def cmp(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"], *, mode: str = "eq") -> Tile[bool_, "M", "N"]:
    """Whether `a` is `eq`, `ne`, `lt`, `le`, `gt` or `ge` to `b`."""
    if mode == "ne":
        return a != b
    if mode == "lt":
        return a < b
    if mode == "le":
        return a <= b
    if mode == "gt":
        return a > b
    if mode == "ge":
        return a >= b
    return a == b


@intrinsic(unit="vector")
def cmps(x: Tile[Number, "M", "N"], value: Scalar[Number], *, mode: str = "eq") -> Tile[bool_, "M", "N"]:
    """Whether `x` is `eq`, `ne`, `lt`, `le`, `gt` or `ge` to `value`."""
    if mode == "ne":
        return x != value
    if mode == "lt":
        return x < value
    if mode == "le":
        return x <= value
    if mode == "gt":
        return x > value
    if mode == "ge":
        return x >= value
    return x == value


@intrinsic(unit="vector")
def sel(
    mask: Tile[bool_, "M", "N"], a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"], tmp: Tile[Bits, "P", "Q"]
) -> Tile[Number, "M", "N"]:
    """`a` where the mask is set, else `b`.

    `tmp` is room for 32 bytes, as u8: `pto.scratch(rows=1, cols=32, dtype=u8)`.
    """
    return tile.where(mask, a, b)


@intrinsic(unit="vector")
def sels(
    mask: Tile[bool_, "M", "N"], x: Tile[Number, "M", "N"], value: Scalar[Number], tmp: Tile[Bits, "P", "Q"]
) -> Tile[Number, "M", "N"]:
    """`x` where the mask is set, else `value`.

    `tmp` is room for 32 bytes, as u8: `pto.scratch(rows=1, cols=32, dtype=u8)`.
    """
    return tile.where(mask, x, value)
