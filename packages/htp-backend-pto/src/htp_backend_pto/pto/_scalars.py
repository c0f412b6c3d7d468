"""A tile and a number."""

from __future__ import annotations

from htp import Scalar, Tile, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Float, Number

__all__ = ["adds", "divs", "lrelu", "maxs", "mins", "muls", "sdivs", "subs"]


@intrinsic(unit="vector")
def adds(x: Tile[Number, "M", "N"], value: Scalar[Number]) -> Tile[Number, "M", "N"]:
    """`x + value`."""
    return x + value


@intrinsic(unit="vector")
def subs(x: Tile[Number, "M", "N"], value: Scalar[Number]) -> Tile[Number, "M", "N"]:
    """`x - value`."""
    return x - value


@intrinsic(unit="vector")
def muls(x: Tile[Number, "M", "N"], value: Scalar[Number]) -> Tile[Number, "M", "N"]:
    """`x * value`."""
    return x * value


@intrinsic(unit="vector")
def divs(x: Tile[Float, "M", "N"], value: Scalar[Float]) -> Tile[Float, "M", "N"]:
    """`x / value`."""
    return x / value


@intrinsic(unit="vector")
def sdivs(x: Tile[Float, "M", "N"], value: Scalar[Float]) -> Tile[Float, "M", "N"]:
    """`value / x`."""
    return value / x


@intrinsic(unit="vector")
def maxs(x: Tile[Number, "M", "N"], value: Scalar[Number]) -> Tile[Number, "M", "N"]:
    """The larger of `x` and `value`."""
    return tile.maximum(x, value)


@intrinsic(unit="vector")
def mins(x: Tile[Number, "M", "N"], value: Scalar[Number]) -> Tile[Number, "M", "N"]:
    """The smaller of `x` and `value`."""
    return tile.minimum(x, value)


@intrinsic(unit="vector")
def lrelu(x: Tile[Float, "M", "N"], value: Scalar[Float]) -> Tile[Float, "M", "N"]:
    """`x` where it is positive, else `value * x`."""
    return tile.where(x > 0.0, x, x * value)
