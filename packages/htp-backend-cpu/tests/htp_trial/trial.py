"""The intrinsics: each body is what its name means."""

from typing import TypeVar

from htp import Scalar, Tile, f16, f32, i32, i64, tile
from htp.intrinsics import intrinsic

T = TypeVar("T", f32, f16, i32)


@intrinsic(unit="vector")
def rowmax(x: Tile[T, "M", "N"]) -> Tile[T, "M", 1]:
    """The largest element of every row."""
    return tile.max(x, axis=1, keepdims=True)


@intrinsic
def doubled(x: Tile[T, "M", "N"]) -> Tile[T, "M", "N"]:
    """Every element twice."""
    return x + x


@intrinsic
def scaled(x: Tile[T, "N"], a: Scalar[T], *, bias: float = 0.5, flip: bool = False) -> Tile[T, "N"]:
    """`x * a + bias`, backwards when `flip` is set."""
    y = x * a + tile.full(x.shape, bias, f32).astype(type(x))
    return tile.flip(y, axis=0) if flip else y


@intrinsic
def ranked(x: Tile[f32, "M", "N"]) -> Tile[f32, "M", "N"]:
    """Rows in ascending order."""
    return tile.sort(x, axis=1)


@intrinsic
def reach(a: Tile[f32, "M", "K"], b: Tile[f32, "N", "K"]) -> Tile[f32, "M", "N"]:
    """The largest `a[i, k] + b[j, k]` over k: a product in which `max` adds and `+` multiplies."""
    both = tile.reshape(a, (a.shape[0], 1, a.shape[1])) + tile.reshape(b, (1, b.shape[0], b.shape[1]))
    return tile.max(both, axis=2)


@intrinsic
def total(x: Tile[f32, "N"]) -> Tile[f32]:
    """The sum of all elements, as a tile without axes."""
    return tile.sum(x)


@intrinsic
def behind(s: Tile[f32], x: Tile[f32, "N"]) -> Tile[f32, "N"]:
    """`x - s`."""
    return x - s


@intrinsic
def windows(x: Tile[f32, "N"], *, size: int) -> Tile[f32, "N - size + 1"]:
    """Sums of `size` neighbours."""
    y = tile.zeros((x.shape[0] - size + 1,), f32)
    for k in range(size):
        y = y + x[k : k + y.shape[0]]
    return y


@intrinsic
def squashed(x: Tile[f32, "M", "N"], *, how: str = "soft") -> Tile[f32, "M", "N"]:
    """`tanh`, or a clip to [-1, 1] when `how` is `hard`."""
    return tile.clip(x, -1.0, 1.0) if how == "hard" else tile.tanh(x)


@intrinsic(expandable=False)
def opaque(x: Tile[f32, "N"]) -> Tile[f32, "N"]:
    """An intrinsic that targets without a handler cannot have."""
    return x


@intrinsic(effects=True)
def noted(x: Tile[f32, "N"]) -> Tile[f32, "N"]:
    """`x`; a target may note that it has seen it."""
    return x


@intrinsic
def ramp(first: Scalar[T], n: Scalar[i64], *, dtype: type[T]) -> Tile[T, "n"]:
    """`first`, `first + 1`, … in the dtype that is asked for."""
    return tile.iota((n,), 0, dtype) + first
