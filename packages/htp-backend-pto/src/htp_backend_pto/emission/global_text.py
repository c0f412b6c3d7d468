"""Regions of a kernel's arrays as C++ views of global memory.

Knows extents, strides and the two orders in which the runtime's views name them; does not know instructions. Source:
hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/pto_tile.hpp (`GlobalTensor`, `Shape`, `Stride`, `Layout`).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Refused
from htp.program import origin_of
from htp_backend_pto.emission.regions import region_of
from htp_backend_pto.emission.scalars import PRODUCT, SUM, cpp_name, scalar_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.dims import Expr
    from htp_backend_pto.emission.regions import Region
    from htp_backend_pto.emission.scalars import Meanings

__all__ = ["View", "view_of"]

Order = Literal["matrix", "matrices", "upright", "transposed", "row", "column"]


@dataclass(frozen=True)
class View:
    """A C++ view: its type, and its constructor's arguments."""

    type: str
    arguments: tuple[str, ...]


def view_of(
    node: ast.expr, arrays: Mapping[str, tuple[Expr, ...]], element: str, names: Meanings, order: Order = "matrix"
) -> View:
    """What `node` names of an array, as rows and columns.

    Of `matrices` the first two of three dimensions are rows. A `transposed` view has the region's rows as its columns;
    a `row` or a `column` is a part of a vector, and a matrix of one column is `upright`: its rows lie one behind the
    other.

    Raises:
        Refused: `pto.strided-view` for a region whose rows are not contiguous.
    """
    region = region_of(node, arrays)
    kept = [index for index, each in enumerate(region.axes) if not each.dropped]
    wanted = {"row": 1, "column": 1, "matrices": 3}.get(order, 2)
    last = len(region.axes) - 1
    # An axis of one element behind the last that is kept leaves its elements one behind the other.
    behind = [arrays[region.array][index].constant for index in range(kept[-1] + 1, last + 1)] if kept else []
    if len(kept) != wanted or any(extent != 1 for extent in behind):
        raise Refused(
            "pto.strided-view",
            f"`{ast.unparse(node)}` has no contiguous rows, which a load or store needs",
            span=origin_of(node),
            help="take the part so that its last axis is the array's last one",
        )
    extents = [scalar_text(region.axes[index].extent, names).cpp for index in kept]
    strides = [_stride(region.array, index, last) for index in kept]
    start = _start(region, names, last)
    match order:
        case "row":
            sizes, steps = ("1", extents[0]), (extents[0], "1")
        case "column" | "upright":
            sizes, steps = (extents[0], "1"), ("1", extents[0])
        case "transposed":
            sizes, steps = (extents[1], extents[0]), ("1", strides[0])
        case "matrices":
            sizes, steps = tuple(extents), (*strides[:2], "1")
        case _:
            sizes, steps = (extents[0], extents[1]), (strides[0], "1")
    layout = "" if order in ("matrix", "matrices", "row") else ", Layout::DN"
    shape, stride = _packed("Shape", sizes), _packed("Stride", steps)
    return View(f"GlobalTensor<{element}, {shape[0]}, {stride[0]}{layout}>", (start, shape[1], stride[1]))


def _packed(name: str, last: tuple[str, ...]) -> tuple[str, str]:
    """A five-fold shape or stride whose last ones are given: its type, and a value of it."""
    known = ", ".join(each if each.isdigit() else "-1" for each in (*("1",) * (5 - len(last)), *last))
    type_ = f"pto::{name}<{known}>"
    given = [each for each in last if not each.isdigit()]
    return type_, f"{type_}({', '.join(given)})"


def _start(region: Region, names: Meanings, last: int) -> str:
    terms = [cpp_name(region.array)]
    for index, axis in enumerate(region.axes):
        text = scalar_text(axis.start, names)
        if text.cpp == "0":
            continue
        step = _stride(region.array, index, last)
        terms.append(text.within(SUM) if step == "1" else f"{text.within(PRODUCT)} * {step}")
    return " + ".join(terms)


def _stride(array: str, index: int, last: int) -> str:
    return "1" if index == last else f"{cpp_name(array)}_tensor->strides[{index}]"
