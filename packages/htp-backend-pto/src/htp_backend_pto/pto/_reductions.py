"""One number of every row or column; reductions of rows need scratch."""

from __future__ import annotations

from htp import Tile, i32, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Number

__all__ = [
    "colargmax",
    "colargmin",
    "colmax",
    "colmin",
    "colprod",
    "colsum",
    "rowargmax",
    "rowargmin",
    "rowmax",
    "rowmin",
    "rowprod",
    "rowsum",
]


@intrinsic(unit="vector")
def rowsum(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", 1]:
    """The sum of every row.

    `tmp` is room for 256 bytes a row of `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.sum(x, axis=1, keepdims=True).astype(x.dtype)


@intrinsic(unit="vector")
def rowprod(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", 1]:
    """The product of every row.

    `tmp` is room for 256 bytes a row of `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.prod(x, axis=1, keepdims=True).astype(x.dtype)


@intrinsic(unit="vector")
def rowmax(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", 1]:
    """The largest of every row.

    `tmp` is room for 256 bytes a row of `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.max(x, axis=1, keepdims=True)


@intrinsic(unit="vector")
def rowmin(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", 1]:
    """The smallest of every row.

    `tmp` is room for 256 bytes a row of `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.min(x, axis=1, keepdims=True)


@intrinsic(unit="vector")
def rowargmax(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[i32, "M", 1]:
    """The column of the first largest of every row.

    `tmp` is room for 256 bytes a row of `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.argmax(x, axis=1, keepdims=True).astype(i32)


@intrinsic(unit="vector")
def rowargmin(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[i32, "M", 1]:
    """The column of the first smallest of every row.

    `tmp` is room for 256 bytes a row of `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.argmin(x, axis=1, keepdims=True).astype(i32)


@intrinsic(unit="vector")
def colsum(x: Tile[Number, "M", "N"]) -> Tile[Number, 1, "N"]:
    """The sum of every column."""
    return tile.sum(x, axis=0, keepdims=True).astype(x.dtype)


@intrinsic(unit="vector")
def colprod(x: Tile[Number, "M", "N"]) -> Tile[Number, 1, "N"]:
    """The product of every column."""
    return tile.prod(x, axis=0, keepdims=True).astype(x.dtype)


@intrinsic(unit="vector")
def colmax(x: Tile[Number, "M", "N"]) -> Tile[Number, 1, "N"]:
    """The largest of every column."""
    return tile.max(x, axis=0, keepdims=True)


@intrinsic(unit="vector")
def colmin(x: Tile[Number, "M", "N"]) -> Tile[Number, 1, "N"]:
    """The smallest of every column."""
    return tile.min(x, axis=0, keepdims=True)


@intrinsic(unit="vector")
def colargmax(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[i32, 1, "N"]:
    """The row of the first largest of every column.

    `tmp` is room as large as `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.argmax(x, axis=0, keepdims=True).astype(i32)


@intrinsic(unit="vector")
def colargmin(x: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[i32, 1, "N"]:
    """The row of the first smallest of every column.

    `tmp` is room as large as `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.argmin(x, axis=0, keepdims=True).astype(i32)
