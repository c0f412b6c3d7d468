"""Numbers in fewer bits: scales and offsets of rows, and sums of integers as floats."""

from __future__ import annotations

from htp import Scalar, Tile, f16, f32, i8, i16, i32, tile, u8
from htp.intrinsics import DTypeVar, intrinsic
from htp_backend_pto.pto._dtypes import Float

__all__ = ["adddeqrelu", "dequant", "pairreducesum", "quant", "quant_asym"]

Narrow = DTypeVar("Narrow", i8, i16)


@intrinsic(unit="vector")
def quant(x: Tile[f32, "M", "N"], scale: Tile[f32, "M", 1]) -> Tile[i8, "M", "N"]:
    """`x * scale` to the nearest of -128 to 127."""
    return tile.clip(tile.round(x * scale), -128.0, 127.0).astype(i8)


@intrinsic(unit="vector")
def quant_asym(x: Tile[f32, "M", "N"], scale: Tile[f32, "M", 1], offset: Tile[f32, "M", 1]) -> Tile[u8, "M", "N"]:
    """`x * scale + offset` to the nearest of 0 to 255."""
    return tile.clip(tile.round(x * scale + offset), 0.0, 255.0).astype(u8)


@intrinsic(unit="vector")
def dequant(x: Tile[Narrow, "M", "N"], scale: Tile[f32, "M", 1], offset: Tile[f32, "M", 1]) -> Tile[f32, "M", "N"]:
    """`(x - offset) * scale`."""
    return (x.astype(f32) - offset) * scale


@intrinsic(unit="vector")
def adddeqrelu(
    a: Tile[i32, "M", "N"], b: Tile[i32, "M", "N"], scale: Scalar[f32], tmp: Tile[i32, "P", "Q"]
) -> Tile[f16, "M", "N"]:
    """`(a + b) * scale` where that is positive, else zero.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=i32)`.
    """
    return tile.relu(((a + b).astype(f32) * scale).astype(f16))


@intrinsic(unit="vector")
def pairreducesum(x: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """Sums of every two neighbours in the first half of the columns, and zeros in the second."""
    M, N = x.shape
    assert N % 2 == 0
    pairs = tile.reshape(x, (M, N // 2, 2))
    return tile.concat((pairs[:, :, 0] + pairs[:, :, 1], tile.zeros((M, N // 2), x.dtype)), 1)
