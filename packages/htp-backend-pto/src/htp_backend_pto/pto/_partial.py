"""A tile and a smaller one over its first rows and columns: combined where both are, else the larger one's."""

from __future__ import annotations

from typing import TypeVar

from htp import Tile, func, tile
from htp.intrinsics import intrinsic
from htp.types import Array
from htp_backend_pto.pto._dtypes import Float, Index, Number

__all__ = ["partadd", "partargmax", "partargmin", "partmax", "partmin", "partmul"]


A = TypeVar("A", bound=Array)


@func
def over(part: A, a: A) -> A:
    """`a` with its first rows and columns replaced."""
    P, Q = part.shape
    return tile.concat((tile.concat((part, a[0:P, Q:]), 1), a[P:, :]), 0)


@intrinsic(unit="vector")
def partadd(a: Tile[Number, "M", "N"], b: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """`a + b` where `b` is, else `a`."""
    M, N = a.shape
    P, Q = b.shape
    assert P <= M
    assert Q <= N
    return over(a[0:P, 0:Q] + b, a)


@intrinsic(unit="vector")
def partmul(a: Tile[Number, "M", "N"], b: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """`a * b` where `b` is, else `a`."""
    M, N = a.shape
    P, Q = b.shape
    assert P <= M
    assert Q <= N
    return over(a[0:P, 0:Q] * b, a)


@intrinsic(unit="vector")
def partmax(a: Tile[Number, "M", "N"], b: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """The larger of both where `b` is, else `a`."""
    M, N = a.shape
    P, Q = b.shape
    assert P <= M
    assert Q <= N
    return over(tile.maximum(a[0:P, 0:Q], b), a)


@intrinsic(unit="vector")
def partmin(a: Tile[Number, "M", "N"], b: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """The smaller of both where `b` is, else `a`."""
    M, N = a.shape
    P, Q = b.shape
    assert P <= M
    assert Q <= N
    return over(tile.minimum(a[0:P, 0:Q], b), a)


@intrinsic(unit="vector")
def partargmax(
    a: Tile[Float, "M", "N"],
    b: Tile[Float, "P", "Q"],
    ia: Tile[Index, "M", "N"],
    ib: Tile[Index, "P", "Q"],
    tmp: Tile[Float, "M", "N"],
) -> Tile[Index, "M", "N"]:
    """The index of the larger of both where `b` is, of `b` where they are equal, else `ia`; `partmax` gives values.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    M, N = a.shape
    P, Q = b.shape
    assert P <= M
    assert Q <= N
    return over(tile.where(a[0:P, 0:Q] > b, ia[0:P, 0:Q], ib), ia)


@intrinsic(unit="vector")
def partargmin(
    a: Tile[Float, "M", "N"],
    b: Tile[Float, "P", "Q"],
    ia: Tile[Index, "M", "N"],
    ib: Tile[Index, "P", "Q"],
    tmp: Tile[Float, "M", "N"],
) -> Tile[Index, "M", "N"]:
    """The index of the smaller of both where `b` is, of `b` where they are equal, else `ia`; `partmin` gives values.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    M, N = a.shape
    P, Q = b.shape
    assert P <= M
    assert Q <= N
    return over(tile.where(a[0:P, 0:Q] < b, ia[0:P, 0:Q], ib), ia)
