"""Tiles element by element."""

from __future__ import annotations

from htp import Tile, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Float, Number

__all__ = ["abs", "add", "div", "exp", "log", "max", "min", "mul", "neg", "recip", "relu", "rsqrt", "sqrt", "sub"]


@intrinsic(unit="vector")
def add(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a + b`."""
    return a + b


@intrinsic(unit="vector")
def sub(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a - b`."""
    return a - b


@intrinsic(unit="vector")
def mul(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a * b`."""
    return a * b


@intrinsic(unit="vector")
def div(a: Tile[Float, "M", "N"], b: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """`a / b`."""
    return a / b


@intrinsic(unit="vector")
def max(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """The larger of `a` and `b`."""
    return tile.maximum(a, b)


@intrinsic(unit="vector")
def min(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """The smaller of `a` and `b`."""
    return tile.minimum(a, b)


@intrinsic(unit="vector")
def abs(x: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """The absolute value."""
    return tile.abs(x)


@intrinsic(unit="vector")
def neg(x: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`-x`."""
    return -x


@intrinsic(unit="vector")
def exp(x: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """The exponential."""
    return tile.exp(x)


@intrinsic(unit="vector")
def log(x: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """The natural logarithm."""
    return tile.log(x)


@intrinsic(unit="vector")
def sqrt(x: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """The square root."""
    return tile.sqrt(x)


@intrinsic(unit="vector")
def rsqrt(x: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """`1 / sqrt(x)`."""
    return 1.0 / tile.sqrt(x)


@intrinsic(unit="vector")
def recip(x: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """`1 / x`."""
    return 1.0 / x


@intrinsic(unit="vector")
def relu(x: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`x` where it is positive, else zero."""
    return tile.relu(x)
