"""Tiles made of nothing, or of a number."""

from __future__ import annotations

from htp import Scalar, Tile, i64, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Any, Index, Number

__all__ = ["ci", "colexpand", "expands", "rowexpand", "scratch", "tri"]


@intrinsic(unit="memory")
def scratch(*, rows: int, cols: int, dtype: type[Any]) -> Tile[Any, "rows", "cols"]:
    """Room for an instruction that needs some; its elements mean nothing, here they are zero."""
    return tile.zeros((rows, cols), dtype)


@intrinsic(unit="vector")
def expands(
    value: Scalar[Number], rows: Scalar[i64], cols: Scalar[i64], *, dtype: type[Number]
) -> Tile[Number, "rows", "cols"]:
    """Every element is `value`."""
    return tile.full((rows, cols), value, dtype)


@intrinsic(unit="vector")
def rowexpand(x: Tile[Number, "M", 1], cols: Scalar[i64]) -> Tile[Number, "M", "cols"]:
    """The one number of every row, `cols` times."""
    return tile.broadcast_to(x, (x.shape[0], cols))


@intrinsic(unit="vector")
def colexpand(x: Tile[Number, 1, "N"], rows: Scalar[i64]) -> Tile[Number, "rows", "N"]:
    """The one number of every column, `rows` times."""
    return tile.broadcast_to(x, (rows, x.shape[1]))


@intrinsic(unit="vector")
def ci(start: Scalar[Index], cols: Scalar[i64], *, dtype: type[Index], down: bool = False) -> Tile[Index, 1, "cols"]:
    """`start`, `start + 1`, … in one row, or with `down` `start - 1`, …."""
    steps = tile.iota((1, cols), 1, dtype)
    return start - steps if down else start + steps


@intrinsic(unit="vector")
def tri(
    diagonal: Scalar[i64], rows: Scalar[i64], cols: Scalar[i64], *, dtype: type[Number], upper: bool = False
) -> Tile[Number, "rows", "cols"]:
    """Ones on and below a diagonal, or with `upper` on and above it, and zeros elsewhere."""
    ones = tile.ones((rows, cols), dtype)
    return tile.triu(ones, diagonal) if upper else tile.tril(ones, diagonal)
