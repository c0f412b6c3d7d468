"""Several steps of arithmetic in one, and remainders and powers."""

from __future__ import annotations

from htp import Scalar, Tile, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Bits, Float, Number

__all__ = [
    "addc",
    "addsc",
    "axpy",
    "fmod",
    "fmods",
    "fusedmuladd",
    "fusedmuladdrelu",
    "muladddst",
    "pow",
    "pows",
    "prelu",
    "rem",
    "rems",
    "subc",
    "subrelu",
    "subsc",
]


@intrinsic(unit="vector")
def addc(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"], c: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a + b + c`."""
    return a + b + c


@intrinsic(unit="vector")
def subc(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"], c: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a - b + c`."""
    return a - b + c


@intrinsic(unit="vector")
def addsc(a: Tile[Number, "M", "N"], value: Scalar[Number], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a + value + b`."""
    return a + value + b


@intrinsic(unit="vector")
def subsc(a: Tile[Number, "M", "N"], value: Scalar[Number], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """`a - value + b`."""
    return a - value + b


@intrinsic(unit="vector")
def fusedmuladd(
    acc: Tile[Float, "M", "N"], a: Tile[Float, "M", "N"], b: Tile[Float, "M", "N"]
) -> Tile[Float, "M", "N"]:
    """`a * acc + b`, where `acc` is."""
    return a * acc + b


@intrinsic(unit="vector")
def fusedmuladdrelu(
    acc: Tile[Float, "M", "N"], a: Tile[Float, "M", "N"], b: Tile[Float, "M", "N"]
) -> Tile[Float, "M", "N"]:
    """`a * acc + b` where that is positive, else zero; where `acc` is."""
    return tile.relu(a * acc + b)


@intrinsic(unit="vector")
def muladddst(acc: Tile[Float, "M", "N"], a: Tile[Float, "M", "N"], b: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """`a * b + acc`, where `acc` is."""
    return a * b + acc


@intrinsic(unit="vector")
def axpy(acc: Tile[Float, "M", "N"], x: Tile[Float, "M", "N"], value: Scalar[Float]) -> Tile[Float, "M", "N"]:
    """`value * x + acc`, where `acc` is."""
    return x * value + acc


@intrinsic(unit="vector")
def subrelu(a: Tile[Float, "M", "N"], b: Tile[Float, "M", "N"]) -> Tile[Float, "M", "N"]:
    """`a - b` where that is positive, else zero."""
    return tile.relu(a - b)


@intrinsic(unit="vector")
def prelu(a: Tile[Float, "M", "N"], b: Tile[Float, "M", "N"], tmp: Tile[Bits, "P", "Q"]) -> Tile[Float, "M", "N"]:
    """`a` where it is positive, else `a * b`.

    `tmp` is room for a bit an element and one row more, as u8: `pto.scratch(rows=17, cols=32, dtype=u8)`.
    """
    return tile.where(a > 0.0, a, a * b)


@intrinsic(unit="vector")
def rem(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """The remainder of `a` by `b`, with the sign of `b`.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return a % b


@intrinsic(unit="vector")
def rems(x: Tile[Number, "M", "N"], value: Scalar[Number], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """The remainder of `x` by `value`, with the sign of `value`.

    `tmp` is room as large as `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return x % value


@intrinsic(unit="vector")
def fmod(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"]) -> Tile[Number, "M", "N"]:
    """The remainder of `a` by `b`, with the sign of `a`."""
    rest = tile.abs(a) % tile.abs(b)
    return tile.where(a < 0, -rest, rest)


@intrinsic(unit="vector")
def fmods(x: Tile[Number, "M", "N"], value: Scalar[Number]) -> Tile[Number, "M", "N"]:
    """The remainder of `x` by `value`, with the sign of `x`."""
    rest = tile.abs(x) % abs(value)
    return tile.where(x < 0, -rest, rest)


@intrinsic(unit="vector")
def pow(a: Tile[Number, "M", "N"], b: Tile[Number, "M", "N"], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """`a` to the power `b`.

    `tmp` is room as large as `a`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return a**b


@intrinsic(unit="vector")
def pows(x: Tile[Number, "M", "N"], value: Scalar[Number], tmp: Tile[Number, "P", "Q"]) -> Tile[Number, "M", "N"]:
    """`x` to the power `value`.

    `tmp` is room as large as `x`, of its dtype: `pto.scratch(rows=16, cols=64, dtype=f32)`.
    """
    return x**value
