"""What instructions cost, for a model of time: figures that pto-isa publishes, and a few that are assumed.

Knows cycles of single instructions on one core; does not know pipes that wait for each other. Figures, facts of
hw-native-sys/pto-isa@cd4a3d3f under include/pto/costmodel: `arch_config.hpp` (clock, bandwidth), `a2a3/cce_costmodel/
cce_costmodel_vector_compute.hpp` and `…_core.hpp` (vector), `a2a3/formula_costmodel/formula_params.csv` (reductions,
fitted on a device), `a2a3/formula_costmodel/formula_backend_compute.hpp` (products). None of them was measured here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp_backend_pto.isa.instructions import Space

__all__ = [
    "ASSUMED_BANDWIDTH",
    "BANDWIDTH",
    "CLOCK_HZ",
    "REDUCTIONS",
    "REPEAT_BYTES",
    "SCALAR",
    "USUAL",
    "VECTOR",
    "VectorCost",
    "moved_cycles",
    "product_cycles",
    "reduction_cycles",
    "repeats_of",
    "vector_cycles",
]

CLOCK_HZ = 1.85e9
"""Cycles in a second."""
REPEAT_BYTES = 256
"""Bytes that the vector unit takes in one repeat."""
PARTIAL = 16
"""Cycles more for an instruction whose rows are no whole repeats."""
GIB = 1024**3

BANDWIDTH: Mapping[tuple[Space, Space], float] = MappingProxyType({
    ("gm", "ub"): 100.9, ("gm", "l1"): 135.0, ("ub", "gm"): 188.46, ("l1", "gm"): 32.0, ("ub", "ub"): 1024.0,
    ("l0c", "gm"): 70.0, ("l0c", "l1"): 128.0, ("l1", "l0a"): 441.0, ("l1", "l0b"): 220.5, ("l1", "bias"): 32.0,
})  # fmt: skip
"""GiB a second from one memory to another, for one core alone."""
ASSUMED_BANDWIDTH = 16
"""Bytes a cycle between memories of which the source says nothing: an assumption, near the slowest of the others."""
SCALAR = 1
"""Cycles of what the scalar unit does between instructions: an assumption."""


@dataclass(frozen=True)
class VectorCost:
    """Cycles of a vector instruction: before the first repeat, for each repeat, and until the last result is there."""

    head: int
    repeat: int
    tail: int
    assumed: bool = False


BINARY = VectorCost(10, 2, 14)
BITWISE = VectorCost(8, 2, 12)
CONVERSION = VectorCost(14, 2, 18)
USUAL = VectorCost(6, 2, 0)
"""What the source takes where it knows no better."""

VECTOR: Mapping[str, VectorCost] = MappingProxyType({
    **dict.fromkeys(("add", "sub", "max", "min"), BINARY), "mul": VectorCost(10, 2, 15), "div": VectorCost(11, 4, 19),
    "adds": VectorCost(13, 1, 18), "muls": VectorCost(11, 1, 15), "maxs": VectorCost(10, 1, 13),
    "mins": VectorCost(14, 1, 16), "abs": VectorCost(13, 1, 16), "exp": VectorCost(13, 2, 18),
    "log": VectorCost(13, 2, 20), "sqrt": VectorCost(14, 2, 25), "rsqrt": VectorCost(10, 1, 14),
    "relu": VectorCost(10, 1, 13), "lrelu": VectorCost(11, 1, 15), "expands": VectorCost(11, 1, 13),
    "mov": VectorCost(11, 1, 13), "sel": VectorCost(13, 2, 14), "not_": BITWISE, "and_": BITWISE, "or_": BITWISE,
    "cvt": CONVERSION, "gather": VectorCost(24, 2, 0), "axpy": USUAL, "shl": USUAL, "shr": USUAL, "gatherb": USUAL,
    "sort32": USUAL,
    # not in the source: taken to be the instructions that they are made of
    "subs": VectorCost(13, 1, 18, assumed=True), "divs": VectorCost(11, 4, 19, assumed=True),
    "recip": VectorCost(11, 4, 19, assumed=True), "neg": VectorCost(11, 1, 15, assumed=True),
    "fillpad": VectorCost(11, 1, 13, assumed=True), "fillpad_inplace": VectorCost(11, 1, 13, assumed=True),
    **{f"{where}expand{name}": VectorCost(10, 2, 14, assumed=True)
       for where in ("row", "col") for name in ("add", "sub", "max", "min", "mul")},
    **{f"{where}expanddiv": VectorCost(11, 4, 19, assumed=True) for where in ("row", "col")},
    **{f"{where}expandexpdif": VectorCost(23, 4, 32, assumed=True) for where in ("row", "col")},
})  # fmt: skip
"""By instruction; one that is missing here and among `REDUCTIONS` has no figure."""

REDUCTIONS: Mapping[str, tuple[tuple[int, float, float], ...]] = MappingProxyType({
    "rowsum": ((32, 7.0, 59.0), (64, 7.0, 44.0), (128, 8.0, 61.5), (336, 14.1, 121.0)),
    "rowmax": ((32, 7.0, 47.0), (64, 7.0, 32.0), (128, 8.0, 48.0), (336, 14.0, 131.0)),
    "colsum": ((32, 19.3, 15.0), (64, 19.5, 15.0), (128, 22.1, 8.0), (336, 28.0, 34.0)),
    "colmax": ((32, 17.3, 16.0), (64, 17.5, 17.0), (128, 20.1, 10.0)),
    "rowexpand": ((32, 14.0, 37.0), (64, 14.0, 37.0), (128, 15.1, 34.5)),
})  # fmt: skip
"""For f32 at some widths: columns, cycles a row, cycles at once. Slopes times columns; between them, straight lines."""
LIKE = {"rowmin": "rowmax", "colmin": "colmax"}
"""Assumed to cost the same."""

FIRST_PRODUCT = 6
"""Cycles before the first of the small products that a product is made of: 16 rows, 32 bytes, 16 columns."""
PRODUCT_BYTES, PRODUCT_ROWS = 32, 16


def moved_cycles(nbytes: int, source: Space, target: Space) -> float | None:
    """Cycles for bytes from one memory to another; `None` where no bandwidth is known."""
    found = BANDWIDTH.get((source, target))
    return None if found is None else nbytes / (found * GIB) * CLOCK_HZ


def vector_cycles(name: str, rows: int, row_bytes: int) -> float | None:
    """Cycles of a vector instruction on rows of so many bytes; `None` where no figure is known."""
    found = VECTOR.get(name)
    if found is None:
        return None
    whole = row_bytes % REPEAT_BYTES == 0
    return found.head + found.repeat * repeats_of(rows, row_bytes) + found.tail + (0 if whole else PARTIAL)


def repeats_of(rows: int, row_bytes: int) -> int:
    """How often the vector unit works for rows of so many bytes."""
    return rows * math.ceil(row_bytes / REPEAT_BYTES)


def reduction_cycles(name: str, rows: int, columns: int) -> float | None:
    """Cycles of a reduction or an expansion of f32; `None` where no figure is known."""
    points = REDUCTIONS.get(LIKE.get(name, name))
    if points is None:
        return None
    per_row, once = _between(points, columns)
    return per_row * rows + once


def product_cycles(rows: int, inner: int, columns: int, bits: int) -> float:
    """Cycles of a product of `rows` by `inner` by `columns`, of factors of `bits` bits; f32 takes twice as long."""
    steps = math.ceil(rows / PRODUCT_ROWS) * math.ceil(columns / PRODUCT_ROWS)
    steps *= math.ceil(inner * bits / 8 / PRODUCT_BYTES)
    return FIRST_PRODUCT + (2 if bits == 32 else 1) * steps


def _between(points: tuple[tuple[int, float, float], ...], columns: int) -> tuple[float, float]:
    """On the line between two points; outside of them, as at the nearest, more repeats costing in proportion."""
    if columns <= points[0][0]:
        return points[0][1], points[0][2]
    for (low, slope, bias), (high, slope2, bias2) in pairwise(points):
        if columns <= high:
            share = (columns - low) / (high - low)
            return slope + share * (slope2 - slope), bias + share * (bias2 - bias)
    last, slope, bias = points[-1]
    return slope * columns / last, bias
