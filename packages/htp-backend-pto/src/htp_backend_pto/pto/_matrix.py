"""The cube unit: products of matrices, whose sums are of a wider dtype."""

from __future__ import annotations

from htp import Scalar, Tile, f32, i64, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Factor, Sum

__all__ = ["accumulator", "gemv", "gemv_acc", "gemv_bias", "matmul", "matmul_acc", "matmul_bias"]


@intrinsic(unit="cube")
def accumulator(rows: Scalar[i64], cols: Scalar[i64], *, dtype: type[Sum]) -> Tile[Sum, "rows", "cols"]:
    """Room for a sum, which the first product fills; until then it stands for zero."""
    return tile.zeros((rows, cols), dtype)


@intrinsic(unit="cube")
def matmul(a: Tile[Factor, "M", "K"], b: Tile[Factor, "K", "N"], *, dtype: type[Sum] = f32) -> Tile[Sum, "M", "N"]:
    """`a @ b`."""
    return tile.dot(a, b, out_dtype=dtype)


@intrinsic(unit="cube")
def matmul_acc(acc: Tile[Sum, "M", "N"], a: Tile[Factor, "M", "K"], b: Tile[Factor, "K", "N"]) -> Tile[Sum, "M", "N"]:
    """`acc + a @ b`, where `acc` is."""
    return tile.dot(a, b, acc)


@intrinsic(unit="cube")
def matmul_bias(a: Tile[Factor, "M", "K"], b: Tile[Factor, "K", "N"], bias: Tile[Sum, 1, "N"]) -> Tile[Sum, "M", "N"]:
    """`a @ b`, and the one `bias` of each column."""
    return tile.dot(a, b, out_dtype=bias.dtype) + bias


@intrinsic(unit="cube")
def gemv(a: Tile[Factor, 1, "K"], b: Tile[Factor, "K", "N"], *, dtype: type[Sum] = f32) -> Tile[Sum, 1, "N"]:
    """One row times a matrix."""
    return tile.dot(a, b, out_dtype=dtype)


@intrinsic(unit="cube")
def gemv_acc(acc: Tile[Sum, 1, "N"], a: Tile[Factor, 1, "K"], b: Tile[Factor, "K", "N"]) -> Tile[Sum, 1, "N"]:
    """`acc`, and one row times a matrix, where `acc` is."""
    return tile.dot(a, b, acc)


@intrinsic(unit="cube")
def gemv_bias(a: Tile[Factor, 1, "K"], b: Tile[Factor, "K", "N"], bias: Tile[Sum, 1, "N"]) -> Tile[Sum, 1, "N"]:
    """One row times a matrix, and a row added to it."""
    return tile.dot(a, b, out_dtype=bias.dtype) + bias
