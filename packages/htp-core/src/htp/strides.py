"""The plain memory facet: an array's elements at a fixed distance along each dimension.

Knows strides, order and size; does not know who else may own a layout (`layout` asks).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.layout import Coord, Requirement, Role

if TYPE_CHECKING:
    from htp.layout import LayoutFacet

__all__ = ["Strided", "strided"]

Order = Literal["C", "F"] | tuple[int, ...]


@dataclass(frozen=True)
class Strided:
    """Element `index` lies `offset + sum(index * strides)` elements behind the start of the buffer.

    Either `strides` are given, or `order`: the dimensions from outermost to innermost of a dense array, `"C"` for
    rows first and `"F"` for columns first.
    """

    KIND: ClassVar[str] = "strided"
    VERSION: ClassVar[int] = 1
    ROLES: ClassVar[frozenset[Role]] = frozenset(("memory",))

    strides: tuple[int, ...] | None = None
    order: Order = "C"
    offset: int = 0
    align: int = 1

    def on(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The strides, in elements, on an array of this shape.

        >>> strided().on((2, 3, 4)), strided(order="F").on((2, 3, 4))
        ((12, 4, 1), (1, 2, 6))
        """
        if self.strides is not None:
            return self.strides
        strides = [1] * len(shape)
        distance = 1
        for dim in reversed(_outermost_first(self.order, len(shape))):
            strides[dim] = distance
            distance *= shape[dim]
        return tuple(strides)

    def extent(self, shape: tuple[int, ...]) -> int:
        """Elements from the start of the buffer to behind the last one used; 0 for an empty array."""
        if 0 in shape:
            return 0
        reach = sum(max(0, (size - 1) * stride) for size, stride in zip(shape, self.on(shape), strict=True))
        return self.offset + reach + 1

    def nbytes(self, shape: tuple[int, ...], bits: int) -> int:
        """Bytes of the buffer, rounded up to the facet's alignment."""
        size = -(-self.extent(shape) * bits // 8)
        return -(-size // self.align) * self.align

    def contiguous(self, shape: tuple[int, ...]) -> bool:
        """Whether the elements fill their buffer without gaps or overlap, in whatever order."""
        distance = 1
        for stride, size in sorted((s, n) for s, n in zip(self.on(shape), shape, strict=True) if n != 1):
            if stride != distance and 0 not in shape:
                return False
            distance *= size
        return self.offset == 0

    def order_on(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The dimensions from outermost to innermost: largest stride first, ties in their own order."""
        strides = self.on(shape)
        return tuple(sorted(range(len(shape)), key=lambda dim: (-abs(strides[dim]), dim)))

    def check(self, shape: tuple[int, ...], bits: int) -> tuple[Diagnostic, ...]:
        """Rank, order, offset, alignment, and whether two elements share a place."""
        problem = self._problem(shape, bits)
        return (
            (Diagnostic(code="layout.bad-strides", message=f"`{self!r}` on shape {shape}: {problem}"),)
            if problem
            else ()
        )

    def _problem(self, shape: tuple[int, ...], bits: int) -> str | None:
        if self.strides is None and isinstance(self.order, tuple) and sorted(self.order) != list(range(len(shape))):
            return f"order {self.order} is no order of {len(shape)} dimensions"
        strides = self.on(shape)
        if len(strides) != len(shape):
            return f"{len(strides)} strides for {len(shape)} dimensions"
        if 0 in shape:
            return None
        lowest = sum(min(0, (n - 1) * s) for n, s in zip(shape, strides, strict=True))
        if self.offset + lowest < 0:
            return f"element {self.offset + lowest} lies before the buffer"
        if not _injective(shape, strides):
            return "two elements share one place"
        if self.align < 1 or self.offset * bits % (8 * self.align):
            return f"offset {self.offset} is not a multiple of {self.align} bytes"
        return None

    def coords(self, index: tuple[int, ...], shape: tuple[int, ...]) -> frozenset[Coord]:
        """The one place of an element, on the axis `m`."""
        place = self.offset + sum(i * s for i, s in zip(index, self.on(shape), strict=True))
        return frozenset(((("m", place),) if place else (),))

    def canonical(self) -> Self:
        """The same facet with the order spelled `C` or `F` where it is one of these."""
        if self.strides is not None:
            return replace(self, order="C")
        if isinstance(self.order, tuple) and list(self.order) == list(range(len(self.order))):
            return replace(self, order="C")
        return replace(self, order="F") if self.order == tuple(range(len(self.order)))[::-1] else self

    def equivalent(self, other: LayoutFacet) -> bool | None:
        """Whether the canonical forms place alike; `None` where that depends on the shape or on another kind."""
        if not isinstance(other, Strided):
            return None
        mine, theirs = replace(self.canonical(), align=1), replace(other.canonical(), align=1)
        if mine == theirs:
            return True
        return None if (mine.strides is None) != (theirs.strides is None) else False

    def join(self, other: LayoutFacet) -> LayoutFacet | Diagnostic:
        """Equal layouts stay; others give a dense result with rows first, since values do not depend on strides."""
        if not isinstance(other, Strided):
            return Diagnostic(code="layout.no-join", message=f"`{self!r}` and `{other!r}` have no common form")
        mine, theirs = self.canonical(), other.canonical()
        ranks = {len(each) for each in (mine.strides, theirs.strides) if each is not None}
        if len(ranks) > 1:
            return Diagnostic(code="layout.no-join", message=f"`{self!r}` and `{other!r}` have different ranks")
        if mine == theirs:
            return mine
        return Strided(align=math.lcm(mine.align, theirs.align))

    def requirements(self, shape: tuple[int, ...], bits: int) -> tuple[Requirement, ...]:
        """The buffer's alignment, where one is asked for."""
        return (Requirement(kind="align", subject="buffer", value=self.align),) if self.align > 1 else ()

    def to_data(self) -> dict[str, object]:
        """The fields."""
        return {"strides": self.strides, "order": self.order, "offset": self.offset, "align": self.align}

    @classmethod
    def from_data(cls, data: dict[str, object]) -> Self:
        """Reads what `to_data` wrote."""
        return msgspec.convert(data, cls)

    def picture(self, shape: tuple[int, ...], bits: int = 32, *, rows: int = 8, columns: int = 12) -> str:
        """The offsets of the first elements as a table; dimensions before the last two are counted through.

        >>> print(strided(order="F").picture((2, 3)))
        strided(order='F') on (2, 3): 24 bytes, contiguous
          0  2  4
          1  3  5
        """
        kind = "contiguous" if self.contiguous(shape) else "with gaps"
        lines = [f"{self!r} on {shape}: {self.nbytes(shape, bits)} bytes, {kind}"]
        wide = shape[-1] if shape else 1
        outer = list(product(*(range(size) for size in shape[:-1])))
        strides = self.on(shape)
        digits = len(str(max(0, self.extent(shape) - 1))) + 2
        for index in outer[:rows]:
            start = self.offset + sum(i * s for i, s in zip(index, strides, strict=False))
            cells = [start + column * (strides[-1] if shape else 0) for column in range(min(wide, columns))]
            text = "".join(f"{cell:>{digits}}" for cell in cells)
            lines.append(text + (f"{'…':>{digits}}" if wide > columns else ""))
        if len(outer) > rows:
            lines.append(f"{'…':>{digits}}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        parts = [str(each) for each in self.strides or ()]
        if self.order != "C" and self.strides is None:
            parts.append(f"order={self.order!r}")
        parts += [f"{name}={value}" for name, value, plain in self._extras() if value != plain]
        return f"strided({', '.join(parts)})"

    def _extras(self) -> tuple[tuple[str, int, int], ...]:
        return (("offset", self.offset, 0), ("align", self.align, 1))


def strided(*strides: int, order: Order = "C", offset: int = 0, align: int = 1) -> Strided:
    """A plain memory layout: strides in elements, or none and an order; `offset` in elements, `align` in bytes.

    >>> strided(256, 1).contiguous((4, 128))
    False

    Raises:
        Refused: `layout.bad-strides` when both strides and an order are given.
    """
    if strides and order != "C":
        raise Refused(
            "layout.bad-strides",
            f"`strided` was given strides {strides} and order {order!r}",
            help="give the strides, or the order of a dense array",
        )
    return Strided(strides or None, order, offset, align)


def _outermost_first(order: Order, rank: int) -> tuple[int, ...]:
    if isinstance(order, tuple):
        return order
    return tuple(range(rank)) if order == "C" else tuple(reversed(range(rank)))


def _injective(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether no two indices meet; nested strides are seen at once, otherwise all sums are built."""
    dims = sorted((abs(stride), size) for stride, size in zip(strides, shape, strict=True) if size > 1)
    reach = 0
    for stride, size in dims:
        if stride <= reach:
            break
        reach += stride * (size - 1)
    else:
        return True
    if math.prod(size for _, size in dims) > 1 + sum(stride * (size - 1) for stride, size in dims):
        return False  # more elements than places
    sums = {0}
    for stride, size in dims:
        grown = {base + stride * step for base in sums for step in range(size)}
        if len(grown) != len(sums) * size:
            return False
        sums = grown
    return True
