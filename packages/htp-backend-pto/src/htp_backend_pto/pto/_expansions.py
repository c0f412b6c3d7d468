"""A tile with one number for every row or column."""

from __future__ import annotations

from htp import Tile, tile
from htp.intrinsics import intrinsic
from htp_backend_pto.pto._dtypes import Float, Number

__all__ = [
    "colexpandadd",
    "colexpanddiv",
    "colexpandexpdif",
    "colexpandmax",
    "colexpandmin",
    "colexpandmul",
    "colexpandsub",
    "rowexpandadd",
    "rowexpanddiv",
    "rowexpandexpdif",
    "rowexpandmax",
    "rowexpandmin",
    "rowexpandmul",
    "rowexpandsub",
]


@intrinsic(unit="vector")
def rowexpandadd(a: Tile[Number, "M", "N"], b: Tile[Number, "M", 1]) -> Tile[Number, "M", "N"]:
    """`a + b`, with the one `b` that its row has."""
    return a + b


@intrinsic(unit="vector")
def rowexpandsub(a: Tile[Number, "M", "N"], b: Tile[Number, "M", 1]) -> Tile[Number, "M", "N"]:
    """`a - b`, with the one `b` that its row has."""
    return a - b


@intrinsic(unit="vector")
def rowexpandmul(a: Tile[Number, "M", "N"], b: Tile[Number, "M", 1]) -> Tile[Number, "M", "N"]:
    """`a * b`, with the one `b` that its row has."""
    return a * b


@intrinsic(unit="vector")
def rowexpanddiv(a: Tile[Float, "M", "N"], b: Tile[Float, "M", 1]) -> Tile[Float, "M", "N"]:
    """`a / b`, with the one `b` that its row has."""
    return a / b


@intrinsic(unit="vector")
def rowexpandmax(a: Tile[Number, "M", "N"], b: Tile[Number, "M", 1]) -> Tile[Number, "M", "N"]:
    """The larger of `a` and `b`, with the one `b` that its row has."""
    return tile.maximum(a, b)


@intrinsic(unit="vector")
def rowexpandmin(a: Tile[Number, "M", "N"], b: Tile[Number, "M", 1]) -> Tile[Number, "M", "N"]:
    """The smaller of `a` and `b`, with the one `b` that its row has."""
    return tile.minimum(a, b)


@intrinsic(unit="vector")
def rowexpandexpdif(a: Tile[Float, "M", "N"], b: Tile[Float, "M", 1]) -> Tile[Float, "M", "N"]:
    """`exp(a - b)`, with the one `b` that its row has."""
    return tile.exp(a - b)


@intrinsic(unit="vector")
def colexpandadd(a: Tile[Number, "M", "N"], b: Tile[Number, 1, "N"]) -> Tile[Number, "M", "N"]:
    """`a + b`, with the one `b` that its column has."""
    return a + b


@intrinsic(unit="vector")
def colexpandsub(a: Tile[Number, "M", "N"], b: Tile[Number, 1, "N"]) -> Tile[Number, "M", "N"]:
    """`a - b`, with the one `b` that its column has."""
    return a - b


@intrinsic(unit="vector")
def colexpandmul(a: Tile[Number, "M", "N"], b: Tile[Number, 1, "N"]) -> Tile[Number, "M", "N"]:
    """`a * b`, with the one `b` that its column has."""
    return a * b


@intrinsic(unit="vector")
def colexpanddiv(a: Tile[Float, "M", "N"], b: Tile[Float, 1, "N"]) -> Tile[Float, "M", "N"]:
    """`a / b`, with the one `b` that its column has."""
    return a / b


@intrinsic(unit="vector")
def colexpandmax(a: Tile[Number, "M", "N"], b: Tile[Number, 1, "N"]) -> Tile[Number, "M", "N"]:
    """The larger of `a` and `b`, with the one `b` that its column has."""
    return tile.maximum(a, b)


@intrinsic(unit="vector")
def colexpandmin(a: Tile[Number, "M", "N"], b: Tile[Number, 1, "N"]) -> Tile[Number, "M", "N"]:
    """The smaller of `a` and `b`, with the one `b` that its column has."""
    return tile.minimum(a, b)


@intrinsic(unit="vector")
def colexpandexpdif(a: Tile[Float, "M", "N"], b: Tile[Float, 1, "N"]) -> Tile[Float, "M", "N"]:
    """`exp(a - b)`, with the one `b` that its column has."""
    return tile.exp(a - b)
