"""Sums that leave the cube unit in fewer bits, each column by a scale of its own.

A scale is a word of 64 bits, as `htp_backend_pto.scales.scale_words` makes it: bits 13 to 31 are the upper bits of its
f32, bits 37 to 45 what is added behind it, and bit 46 says that the result has a sign.
"""

from __future__ import annotations

from htp import Scalar, Tile, f16, f32, func, i8, i64, tile, u8
from htp.intrinsics import DTypeVar, intrinsic
from htp.types import Numeric
from htp_backend_pto.pto._dtypes import Sum
from htp_backend_pto.pto._transfers import extract, insert

__all__ = ["extract_fp", "insert_fp", "mov_fp", "store_fp"]

Scaled = DTypeVar("Scaled", i8, u8, f16)


@func
def factors(words: Numeric) -> Numeric:
    """The scales that words stand for, of which 10 bits of the fraction are kept; what is below 2**-126 is zero."""
    exponent = (words >> 23) & 0xFF
    fraction = ((words >> 13) & 0x3FF).astype(f32) / 1024.0
    size = (1.0 + fraction) * tile.exp2((exponent - 127).astype(f32))
    signed = tile.where(((words >> 31) & 1) == 1, -size, size)
    return tile.where(exponent == 0, 0.0, signed)


@func
def offsets(words: Numeric) -> Numeric:
    """What words add behind the scale."""
    return ((words >> 37) & 0x1FF).astype(f32)


@intrinsic(unit="cube")
def mov_fp(x: Tile[Sum, "M", "N"], scales: Tile[i64, 1, "N"], *, dtype: type[Scaled]) -> Tile[Scaled, "M", "N"]:
    """A sum times the scales of its columns, in another memory.

    As i8 and u8 the offsets are added and the result is rounded to the nearest of the dtype; as f16 it is at most 65504
    in size.
    """
    values = x.astype(f32) * factors(scales).astype(f32)
    if dtype == f16:
        return tile.clip(values, -65504.0, 65504.0).astype(dtype)
    return tile.round(values + offsets(scales).astype(f32)).astype(dtype)


@intrinsic(unit="cube")
def store_fp(x: Tile[Sum, "M", "N"], scales: Tile[i64, 1, "N"], *, dtype: type[Scaled]) -> Tile[Scaled, "M", "N"]:
    """A sum times the scales of its columns, for a region of an array: as `mov_fp`."""
    return mov_fp(x, scales, dtype=dtype)


@intrinsic(unit="cube")
def extract_fp(
    x: Tile[Sum, "M", "N"],
    scales: Tile[i64, 1, "N"],
    row: Scalar[i64],
    col: Scalar[i64],
    rows: Scalar[i64],
    cols: Scalar[i64],
    *,
    dtype: type[Scaled],
) -> Tile[Scaled, "rows", "cols"]:
    """`rows` by `cols` elements of a sum times the scales of its columns, from `row` and `col` on: as `mov_fp`."""
    return extract(mov_fp(x, scales, dtype=dtype), row, col, rows, cols)


@intrinsic(unit="cube")
def insert_fp(
    old: Tile[Scaled, "M", "N"], x: Tile[Sum, "P", "Q"], scales: Tile[i64, 1, "Q"], row: Scalar[i64], col: Scalar[i64]
) -> Tile[Scaled, "M", "N"]:
    """`old`, with a sum times the scales of its columns from `row` and `col` on: as `mov_fp`."""
    return insert(old, mov_fp(x, scales, dtype=old.dtype), row, col)
