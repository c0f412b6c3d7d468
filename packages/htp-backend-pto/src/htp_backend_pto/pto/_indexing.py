"""Elements picked and put by index."""

from __future__ import annotations

from htp import Tile, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Any, Index

__all__ = ["gather", "gather_mask", "mgather", "mgather_rows", "mscatter", "mscatter_rows", "scatter"]


@intrinsic(unit="memory")
def mgather(table: Tile[Any, "K", "L"], index: Tile[Index, "M", "N"]) -> Tile[Any, "M", "N"]:
    """Elements of a region of global memory, counted row by row from its first."""
    K, L = table.shape
    return tile.take(tile.reshape(table, (K * L,)), index)


@intrinsic(unit="memory")
def mgather_rows(table: Tile[Any, "K", "N"], index: Tile[Index, 1, "M"]) -> Tile[Any, "M", "N"]:
    """Rows of a region of global memory."""
    return tile.take(table, tile.squeeze(index, 0), 0)


@intrinsic(unit="memory")
def mscatter(
    x: Tile[Any, "M", "N"], index: Tile[Index, "M", "N"], old: Tile[Any, "K", "L"]
) -> Tile[Any, "K", "L"]:
    """A region of global memory with elements put at places counted row by row: `y[…] = pto.mscatter(x, i, y[…])`."""
    M, N = x.shape
    K, L = old.shape
    flat = tile.scatter(tile.reshape(old, (K * L,)), tile.reshape(index, (M * N,)), tile.reshape(x, (M * N,)), 0)
    return tile.reshape(flat, (K, L))


@intrinsic(unit="memory")
def mscatter_rows(
    x: Tile[Any, "M", "N"], index: Tile[Index, 1, "M"], old: Tile[Any, "K", "N"]
) -> Tile[Any, "K", "N"]:
    """A region of global memory with rows put at places: `y[…] = pto.mscatter_rows(x, i, y[…])`."""
    M, N = x.shape
    return tile.scatter(old, tile.broadcast_to(tile.transpose(index), (M, N)), x, 0)


@intrinsic(unit="vector")
def gather(x: Tile[Any, "K", "L"], index: Tile[Index, "M", "N"], tmp: Tile[Index, "P", "Q"]) -> Tile[Any, "M", "N"]:
    """Elements of a tile, counted row by row from its first."""
    K, L = x.shape
    return tile.take(tile.reshape(x, (K * L,)), index)


@intrinsic(unit="vector")
def gather_mask(x: Tile[Any, "M", "N"], *, start: int, step: int) -> Tile[Any, "M", "N // step"]:
    """Every second or fourth column, from `start` on."""
    M, N = x.shape
    assert N % step == 0
    return tile.reshape(x, (M, N // step, step))[:, :, start]


@intrinsic(unit="vector")
def scatter(old: Tile[Any, "K", "L"], x: Tile[Any, "M", "N"], index: Tile[Index, "M", "N"]) -> Tile[Any, "K", "L"]:
    """`old` with elements put at places counted row by row."""
    return mscatter(x, index, old)
