"""What moves: between global memory and tiles, between on-chip memories, parts of tiles, other dtypes and shapes."""

from __future__ import annotations

from htp import Scalar, Tile, bool_, f32, func, i64, tile, u8
from htp.intrinsics import intrinsic
from htp.types import Numeric
from htp_backend_pto.pto._dtypes import Any, Given, Number, Other

__all__ = [
    "concat",
    "cvt",
    "extract",
    "fillpad",
    "fillpad_expand",
    "fillpad_inplace",
    "insert",
    "load",
    "load_col",
    "load_col_flags",
    "load_flags",
    "load_row",
    "load_row_flags",
    "load_rows",
    "load_t",
    "mov",
    "mov_as",
    "reinterpret",
    "reshape",
    "store",
    "store_add",
    "store_as",
    "store_col",
    "store_col_flags",
    "store_flags",
    "store_row",
    "store_row_flags",
    "store_rows",
    "store_t",
    "subview",
    "trans",
]


@intrinsic(unit="memory")
def load(x: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """A region of an array in global memory as a tile."""
    return x


@intrinsic(unit="memory")
def load_t(x: Tile[Any, "M", "N"]) -> Tile[Any, "N", "M"]:
    """A region of an array with its rows as columns, as the cube unit takes a transposed right-hand side."""
    return tile.transpose(x)


@intrinsic(unit="memory")
def load_rows(x: Tile[Any, "L", "M", "N"]) -> Tile[Any, "L * M", "N"]:
    """A region of three dimensions as a tile: the rows of its matrices, one behind the other."""
    L, M, N = x.shape
    return tile.reshape(x, (L * M, N))


@intrinsic(unit="memory")
def load_row(x: Tile[Any, "N"]) -> Tile[Any, 1, "N"]:
    """A part of a vector as one row."""
    return tile.expand_dims(x, 0)


@intrinsic(unit="memory")
def load_col(x: Tile[Any, "M"]) -> Tile[Any, "M", 1]:
    """A part of a vector as one column."""
    return tile.expand_dims(x, 1)


@intrinsic(unit="memory")
def store(x: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """A tile for a region of an array in global memory: `y[…] = pto.store(x)`."""
    return x


@intrinsic(unit="memory")
def store_as(x: Tile[Number, "M", "N"], *, dtype: type[Other]) -> Tile[Other, "M", "N"]:
    """An accumulator for a region of an array of a narrower dtype, rounded to the nearest."""
    return x.astype(dtype)


@intrinsic(unit="memory")
def store_add(x: Tile[Number, "M", "N"], old: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """A tile added to a region as one step that no other task divides: `y[…] = pto.store_add(x, y[…])`."""
    return old + x


@intrinsic(unit="memory")
def store_t(x: Tile[Any, "M", "N"]) -> Tile[Any, "N", "M"]:
    """A tile for a region of an array whose rows are its columns."""
    return tile.transpose(x)


@intrinsic(unit="memory")
def store_rows(x: Tile[Any, "P", "N"], groups: Scalar[i64], rows: Scalar[i64]) -> Tile[Any, "groups", "rows", "N"]:
    """A tile for a region of three dimensions: `rows` rows for each of `groups` matrices."""
    P, N = x.shape
    assert groups * rows == P
    return tile.reshape(x, (groups, rows, N))


@intrinsic(unit="memory")
def store_row(x: Tile[Any, 1, "N"]) -> Tile[Any, "N"]:
    """One row for a part of a vector."""
    return tile.squeeze(x, 0)


@intrinsic(unit="memory")
def store_col(x: Tile[Any, "M", 1]) -> Tile[Any, "M"]:
    """One column for a part of a vector."""
    return tile.squeeze(x, 1)


@intrinsic(unit="memory")
def load_flags(x: Tile[bool_, "M", "N"]) -> Tile[u8, "M", "N"]:
    """A region of flags as zeros and ones: on the chip flags are bits, and in global memory they are bytes."""
    return x.astype(u8)


@intrinsic(unit="memory")
def load_row_flags(x: Tile[bool_, "N"]) -> Tile[u8, 1, "N"]:
    """A part of a vector of flags as one row of zeros and ones."""
    return tile.expand_dims(x.astype(u8), 0)


@intrinsic(unit="memory")
def load_col_flags(x: Tile[bool_, "M"]) -> Tile[u8, "M", 1]:
    """A part of a vector of flags as one column of zeros and ones."""
    return tile.expand_dims(x.astype(u8), 1)


@intrinsic(unit="memory")
def store_flags(x: Tile[u8, "M", "N"]) -> Tile[bool_, "M", "N"]:
    """Zeros and ones for a region of flags: `y[…] = pto.store_flags(x)`."""
    return x.astype(bool_)


@intrinsic(unit="memory")
def store_row_flags(x: Tile[u8, 1, "N"]) -> Tile[bool_, "N"]:
    """One row of zeros and ones for a part of a vector of flags."""
    return tile.squeeze(x.astype(bool_), 0)


@intrinsic(unit="memory")
def store_col_flags(x: Tile[u8, "M", 1]) -> Tile[bool_, "M"]:
    """One column of zeros and ones for a part of a vector of flags."""
    return tile.squeeze(x.astype(bool_), 1)


@intrinsic(unit="memory")
def mov(x: Tile[Any, "M", "N"]) -> Tile[Any, "M", "N"]:
    """The tile in another memory, or once more."""
    return x


@intrinsic(unit="memory")
def mov_as(x: Tile[Number, "M", "N"], *, dtype: type[Other]) -> Tile[Other, "M", "N"]:
    """An accumulator in another memory and a narrower dtype, rounded to the nearest."""
    return x.astype(dtype)


@intrinsic(unit="memory")
def extract(
    x: Tile[Any, "M", "N"], row: Scalar[i64], col: Scalar[i64], rows: Scalar[i64], cols: Scalar[i64]
) -> Tile[Any, "rows", "cols"]:
    """`rows` by `cols` elements of `x`, from `row` and `col` on; in UB `col` is a multiple of 32 bytes."""
    M, N = x.shape
    assert row >= 0
    assert rows >= 0
    assert row + rows <= M
    assert col >= 0
    assert cols >= 0
    assert col + cols <= N
    return x[row : row + rows, col : col + cols]


@intrinsic(unit="memory")
def subview(
    x: Tile[Any, "M", "N"], row: Scalar[i64], col: Scalar[i64], rows: Scalar[i64], cols: Scalar[i64]
) -> Tile[Any, "rows", "cols"]:
    """`rows` by `cols` elements of `x`, from `row` and `col` on, without moving them; `col` is as for `extract`."""
    return extract(x, row, col, rows, cols)


@intrinsic(unit="memory")
def insert(old: Tile[Any, "M", "N"], x: Tile[Any, "P", "Q"], row: Scalar[i64], col: Scalar[i64]) -> Tile[Any, "M", "N"]:
    """`old`, with the elements of `x` from `row` and `col` on; in UB `col` is a multiple of 32 bytes."""
    M, N = old.shape
    P, Q = x.shape
    assert row >= 0
    assert row + P <= M
    assert col >= 0
    assert col + Q <= N
    middle = tile.concat((old[row : row + P, 0:col], x, old[row : row + P, col + Q : N]), 1)
    return tile.concat((old[0:row, :], middle, old[row + P : M, :]), 0)


@intrinsic(unit="vector")
def fillpad(
    x: Tile[Number, "M", "N"], rows: Scalar[i64], cols: Scalar[i64], *, value: float
) -> Tile[Number, "rows", "cols"]:
    """The elements of `x`, and `value` to the right of them and below, up to `rows` by `cols`.

    An infinity is the largest or the smallest of a dtype of integers.
    """
    M, N = x.shape
    assert rows >= M
    assert cols >= N
    right = tile.full((M, cols - N), value, f32).astype(x.dtype)
    below = tile.full((rows - M, cols), value, f32).astype(x.dtype)
    return tile.concat((tile.concat((x, right), 1), below), 0)


@intrinsic(unit="vector")
def fillpad_inplace(
    x: Tile[Number, "M", "N"], rows: Scalar[i64], cols: Scalar[i64], *, value: float
) -> Tile[Number, "rows", "cols"]:
    """As `fillpad`, where the elements of `x` are."""
    return fillpad(x, rows, cols, value=value)


@intrinsic(unit="vector")
def fillpad_expand(
    x: Tile[Number, "M", "N"], rows: Scalar[i64], cols: Scalar[i64], *, value: float
) -> Tile[Number, "rows", "cols"]:
    """As `fillpad`, for a result that is a larger tile and not just `x` with all of it valid."""
    return fillpad(x, rows, cols, value=value)


@intrinsic(unit="vector")
def concat(a: Tile[Any, "M", "N"], b: Tile[Any, "M", "P"]) -> Tile[Any, "M", "N + P"]:
    """The columns of `a`, then those of `b`."""
    return tile.concat((a, b), 1)


@intrinsic(unit="vector")
def trans(x: Tile[Any, "M", "N"], tmp: Tile[Any, "P", "Q"]) -> Tile[Any, "N", "M"]:
    """Rows as columns.

    `tmp` is room as large as `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return tile.transpose(x)


@intrinsic(unit="vector")
def reshape(x: Tile[Any, "M", "N"], rows: Scalar[i64], cols: Scalar[i64]) -> Tile[Any, "rows", "cols"]:
    """The same elements in the same order, in `rows` rows."""
    M, N = x.shape
    assert rows * cols == M * N
    return tile.reshape(x, (rows, cols))


@intrinsic(unit="vector")
def reinterpret(x: Tile[Given, "M", "N"], *, dtype: type[Other]) -> Tile[Other, "M", "N"]:
    """The same bits as integers that have a sign, or have none."""
    return x.astype(dtype)


@func
def rounded(x: Numeric) -> Numeric:
    """The nearest integers, halves away from zero; a half is looked for, as adding one would round."""
    size = tile.abs(x)
    whole = tile.floor(size)
    return tile.sign(x) * tile.where(size - whole >= 0.5, whole + 1.0, whole)


@intrinsic(unit="vector")
def cvt(x: Tile[Given, "M", "N"], *, dtype: type[Other], mode: str = "none") -> Tile[Other, "M", "N"]:
    """Elements as another dtype. Mode `none` rounds to the nearest float, and to an integer towards zero.

    Fractions become integers by mode `rint` (halves to even), `round` (halves away from zero), `floor`, `ceil` or
    `trunc`.
    """
    if mode == "rint":
        return tile.round(x).astype(dtype)
    if mode == "round":
        return rounded(x).astype(dtype)
    if mode == "floor":
        return tile.floor(x).astype(dtype)
    if mode == "ceil":
        return tile.ceil(x).astype(dtype)
    return x.astype(dtype)
