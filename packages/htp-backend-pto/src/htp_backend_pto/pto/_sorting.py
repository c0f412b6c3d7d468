"""Sorting, and counting: pairs of a value and an index lie side by side in a tile of twice the columns.

On the chip the index of a pair is an integer in the place of a number. Here it is that number; only the instructions of
this module may take pairs apart.
"""

from __future__ import annotations

from htp import Tile, f32, func, i32, tile, u8, u16, u32
from htp.intrinsics import intrinsic

__all__ = [
    "histogram", "mrgsort", "mrgsort2", "mrgsort3", "mrgsort4", "sort32", "sorted_indices", "sorted_places",
    "sorted_values",
]  # fmt: skip


@func
def paired(values: f32, indices: f32) -> f32:
    """A value, its index, the next value, …: one row of pairs for each row."""
    M, N = values.shape
    return tile.reshape(tile.concat((tile.expand_dims(values, 2), tile.expand_dims(indices, 2)), 2), (M, 2 * N))


@func
def merged(pairs: f32) -> f32:
    """The pairs of one row, largest value first; equal ones stay in order."""
    N = pairs.shape[1]
    apart = tile.reshape(pairs, (N // 2, 2))
    order = tile.argsort(apart[:, 0], 0, descending=True)
    return tile.reshape(tile.take(apart, order, 0), (1, N))


@intrinsic(unit="vector")
def sort32(x: Tile[f32, "M", "N"], index: Tile[u32, "M", "N"]) -> Tile[f32, "M", "2 * N"]:
    """Pairs of `x` and `index`, every 32 of a row sorted, largest first, equal ones by index."""
    M, N = x.shape
    assert N % 32 == 0
    values = tile.reshape(x, (M * (N // 32), 32))
    indices = tile.reshape(index, (M * (N // 32), 32))
    first = tile.argsort(indices, 1)
    values = tile.gather(values, first, 1)
    indices = tile.gather(indices, first, 1)
    order = tile.argsort(values, 1, descending=True)
    pairs = paired(tile.gather(values, order, 1), tile.gather(indices, order, 1).astype(f32))
    return tile.reshape(pairs, (M, 2 * N))


@intrinsic(unit="vector")
def mrgsort(x: Tile[f32, 1, "N"], *, block: int) -> Tile[f32, 1, "N"]:
    """Every four sorted blocks of pairs merged to one; a block has `block` elements, twice as many as pairs."""
    N = x.shape[1]
    assert block % 2 == 0
    assert N % (4 * block) == 0
    groups, pairs = N // (4 * block), 2 * block
    apart = tile.reshape(x, (groups, pairs, 2))
    order = tile.argsort(apart[:, :, 0], 1, descending=True)
    values = tile.gather(apart[:, :, 0], order, 1)
    indices = tile.gather(apart[:, :, 1], order, 1)
    return tile.reshape(paired(values, indices), (1, N))


@intrinsic(unit="vector")
def mrgsort2(a: Tile[f32, 1, "A"], b: Tile[f32, 1, "B"], tmp: Tile[f32, 1, "T"]) -> Tile[f32, 1, "A + B"]:
    """Two sorted rows of pairs merged; of equal values that of `a` comes first.

    `tmp` is room for all the numbers: `pto.scratch(rows=1, cols=256, dtype=f32)`.
    """
    assert (a.shape[1] + b.shape[1]) % 2 == 0
    return merged(tile.concat((a, b), 1))


@intrinsic(unit="vector")
def mrgsort3(
    a: Tile[f32, 1, "A"], b: Tile[f32, 1, "B"], c: Tile[f32, 1, "C"], tmp: Tile[f32, 1, "T"]
) -> Tile[f32, 1, "A + B + C"]:
    """Three sorted rows of pairs merged; equal values keep the order of the operands.

    `tmp` is room for all the numbers: `pto.scratch(rows=1, cols=256, dtype=f32)`.
    """
    assert (a.shape[1] + b.shape[1] + c.shape[1]) % 2 == 0
    return merged(tile.concat((a, b, c), 1))


@intrinsic(unit="vector")
def mrgsort4(
    a: Tile[f32, 1, "A"], b: Tile[f32, 1, "B"], c: Tile[f32, 1, "C"], d: Tile[f32, 1, "D"], tmp: Tile[f32, 1, "T"]
) -> Tile[f32, 1, "A + B + C + D"]:
    """Four sorted rows of pairs merged; equal values keep the order of the operands.

    `tmp` is room for all the numbers: `pto.scratch(rows=1, cols=256, dtype=f32)`.
    """
    assert (a.shape[1] + b.shape[1] + c.shape[1] + d.shape[1]) % 2 == 0
    return merged(tile.concat((a, b, c, d), 1))


@intrinsic(unit="vector")
def sorted_values(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N // 2"]:
    """The values of pairs."""
    M, N = x.shape
    assert N % 2 == 0
    return tile.reshape(x, (M, N // 2, 2))[:, :, 0]


@intrinsic(unit="vector")
def sorted_indices(x: Tile[f32, "M", "N"]) -> Tile[u32, "M", "N // 2"]:
    """The indices of pairs."""
    M, N = x.shape
    assert N % 2 == 0
    return tile.reshape(x, (M, N // 2, 2))[:, :, 1].astype(u32)


@intrinsic(unit="vector")
def sorted_places(x: Tile[f32, "M", "N"]) -> Tile[i32, "M", "N // 2"]:
    """The indices of pairs, as i32."""
    return sorted_indices(x).astype(i32)


@intrinsic(unit="vector")
def histogram(x: Tile[u16, "M", "N"], match: Tile[u8, "M", 1], *, byte: int) -> Tile[u32, "M", 256]:
    """For every row, how many elements have a byte of at most 0, 1, … 255: byte 1 of all of them, or byte 0 of those
    whose byte 1 is the row's `match`.
    """
    high = (x >> 8).astype(i32)
    low = (x & 255).astype(i32)
    if byte == 1:
        counted = tile.one_hot(high, 256, i32)
    else:
        counted = tile.one_hot(low, 256, i32) * tile.expand_dims((high == match.astype(i32)).astype(i32), 2)
    return tile.cumsum(tile.sum(counted, axis=1), 1).astype(u32)
