"""Bits of integers, element by element and with a number."""

from __future__ import annotations

from htp import Scalar, Tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Whole

__all__ = ["and_", "ands", "not_", "or_", "ors", "shl", "shls", "shr", "shrs", "xor", "xors"]


@intrinsic(unit="vector")
def and_(a: Tile[Whole, "M", "N"], b: Tile[Whole, "M", "N"]) -> Tile[Whole, "M", "N"]:
    """The bits that both have."""
    return a & b


@intrinsic(unit="vector")
def or_(a: Tile[Whole, "M", "N"], b: Tile[Whole, "M", "N"]) -> Tile[Whole, "M", "N"]:
    """The bits that one of them has."""
    return a | b


@intrinsic(unit="vector")
def xor(a: Tile[Whole, "M", "N"], b: Tile[Whole, "M", "N"], tmp: Tile[Whole, "P", "Q"]) -> Tile[Whole, "M", "N"]:
    """The bits that just one of them has.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=i32)`.
    """
    return a ^ b


@intrinsic(unit="vector")
def not_(x: Tile[Whole, "M", "N"]) -> Tile[Whole, "M", "N"]:
    """The other bits."""
    return ~x


@intrinsic(unit="vector")
def shl(a: Tile[Whole, "M", "N"], b: Tile[Whole, "M", "N"]) -> Tile[Whole, "M", "N"]:
    """`a` with its bits moved `b` to the left."""
    return a << b


@intrinsic(unit="vector")
def shr(a: Tile[Whole, "M", "N"], b: Tile[Whole, "M", "N"]) -> Tile[Whole, "M", "N"]:
    """`a` with its bits moved `b` to the right; a sign stays."""
    return a >> b


@intrinsic(unit="vector")
def ands(x: Tile[Whole, "M", "N"], value: Scalar[Whole]) -> Tile[Whole, "M", "N"]:
    """The bits that both have."""
    return x & value


@intrinsic(unit="vector")
def ors(x: Tile[Whole, "M", "N"], value: Scalar[Whole]) -> Tile[Whole, "M", "N"]:
    """The bits that one of them has."""
    return x | value


@intrinsic(unit="vector")
def xors(x: Tile[Whole, "M", "N"], value: Scalar[Whole], tmp: Tile[Whole, "P", "Q"]) -> Tile[Whole, "M", "N"]:
    """The bits that just one of them has.

    `tmp` is room as large as `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=i32)`.
    """
    return x ^ value


@intrinsic(unit="vector")
def shls(x: Tile[Whole, "M", "N"], value: Scalar[Whole]) -> Tile[Whole, "M", "N"]:
    """`x` with its bits moved to the left."""
    return x << value


@intrinsic(unit="vector")
def shrs(x: Tile[Whole, "M", "N"], value: Scalar[Whole]) -> Tile[Whole, "M", "N"]:
    """`x` with its bits moved to the right; a sign stays."""
    return x >> value
