"""Elements picked and put by index."""

from __future__ import annotations

from htp import Scalar, Tile, i32, i64, tile, u32
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Any, Index

__all__ = [
    "deinterleave_even", "deinterleave_odd", "gather", "gather_mask", "gatherb", "interleave_high", "interleave_low",
    "mgather", "mgather_rows", "mscatter", "mscatter_rows", "scatter", "scatter_mask", "within",
]  # fmt: skip


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
def mscatter(x: Tile[Any, "M", "N"], index: Tile[Index, "M", "N"], old: Tile[Any, "K", "L"]) -> Tile[Any, "K", "L"]:
    """A region of global memory with elements put at places counted row by row: `y[…] = pto.mscatter(x, i, y[…])`."""
    M, N = x.shape
    K, L = old.shape
    flat = tile.scatter(tile.reshape(old, (K * L,)), tile.reshape(index, (M * N,)), tile.reshape(x, (M * N,)), 0)
    return tile.reshape(flat, (K, L))


@intrinsic(unit="memory")
def mscatter_rows(x: Tile[Any, "M", "N"], index: Tile[Index, 1, "M"], old: Tile[Any, "K", "N"]) -> Tile[Any, "K", "N"]:
    """A region of global memory with rows put at places: `y[…] = pto.mscatter_rows(x, i, y[…])`."""
    M, N = x.shape
    return tile.scatter(old, tile.broadcast_to(tile.transpose(index), (M, N)), x, 0)


@intrinsic(unit="vector")
def gather(x: Tile[Any, "K", "L"], index: Tile[Index, "M", "N"], tmp: Tile[Index, "P", "Q"]) -> Tile[Any, "M", "N"]:
    """Elements of a tile, counted row by row from its first.

    `tmp` is room as large as `index`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=i32)`.
    """
    K, L = x.shape
    return tile.take(tile.reshape(x, (K * L,)), index)


@intrinsic(unit="vector", effects=True)  # refusing is what it is for, also where nothing reads the result
def within(x: Tile[i32, "M", "N"], size: Scalar[i64]) -> Tile[i32, "M", "N"]:
    """`x`, whose numbers are places on an axis of `size`: the stand-in refuses others, devices do not look."""
    return x


@intrinsic(unit="vector")
def gather_mask(x: Tile[Any, "M", "N"], *, start: int = 0, step: int = 2) -> Tile[Any, "M", "N // step"]:
    """Every second or fourth column, from `start` on."""
    M, N = x.shape
    assert N % step == 0
    return tile.reshape(x, (M, N // step, step))[:, :, start]


@intrinsic(unit="vector")
def scatter(old: Tile[Any, "K", "L"], x: Tile[Any, "M", "N"], index: Tile[Index, "M", "N"]) -> Tile[Any, "K", "L"]:
    """`old` with elements put at places counted row by row."""
    return mscatter(x, index, old)


@intrinsic(unit="vector")
def scatter_mask(x: Tile[Any, "M", "N"], *, start: int = 0, step: int = 2) -> Tile[Any, "M", "step * N"]:
    """The columns of `x` at every second or fourth column from `start` on, and zeros between them."""
    M, N = x.shape
    before = tile.zeros((M, N, start), x.dtype)
    after = tile.zeros((M, N, step - 1 - start), x.dtype)
    return tile.reshape(tile.concat((before, tile.expand_dims(x, 2), after), 2), (M, step * N))


@intrinsic(unit="vector")
def gatherb(x: Tile[Any, "K", "L"], offset: Tile[u32, "M", "B"], *, per: int) -> Tile[Any, "M", "per * B"]:
    """Blocks of 32 bytes, `per` elements, from byte offsets into `x`."""
    K, L = x.shape
    M, B = offset.shape
    first = (offset.astype(i32) * per) // 32
    every = tile.expand_dims(first, 2) + tile.arange(per)
    return tile.reshape(tile.take(tile.reshape(x, (K * L,)), every), (M, per * B))


@intrinsic(unit="vector")
def interleave_low(a: Tile[Any, "M", "N"], b: Tile[Any, "M", "N"], tmp: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """Columns of the first halves in turn: one of `a`, one of `b`, ….

    The instruction also gives `interleave_high`, in `tmp`.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    M, N = a.shape
    assert N % 2 == 0
    both = tile.concat((tile.expand_dims(a, 2), tile.expand_dims(b, 2)), 2)
    return tile.reshape(both, (M, 2 * N))[:, 0:N]


@intrinsic(unit="vector")
def interleave_high(a: Tile[Any, "M", "N"], b: Tile[Any, "M", "N"], tmp: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """Columns of the second halves in turn; the instruction also gives `interleave_low`, in `tmp`.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    M, N = a.shape
    assert N % 2 == 0
    both = tile.concat((tile.expand_dims(a, 2), tile.expand_dims(b, 2)), 2)
    return tile.reshape(both, (M, 2 * N))[:, N : 2 * N]


@intrinsic(unit="vector")
def deinterleave_even(a: Tile[Any, "M", "N"], b: Tile[Any, "M", "N"], tmp: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """Columns 0, 2, … of `a` and then of `b`; the instruction also gives `deinterleave_odd`, in `tmp`.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    M, N = a.shape
    assert N % 2 == 0
    return tile.reshape(tile.concat((a, b), 1), (M, N, 2))[:, :, 0]


@intrinsic(unit="vector")
def deinterleave_odd(a: Tile[Any, "M", "N"], b: Tile[Any, "M", "N"], tmp: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """Columns 1, 3, … of `a` and then of `b`; the instruction also gives `deinterleave_even`, in `tmp`.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    M, N = a.shape
    assert N % 2 == 0
    return tile.reshape(tile.concat((a, b), 1), (M, N, 2))[:, :, 1]
