"""Panels: a matrix in memory with a few rows interleaved, as the left side of a matrix product is packed.

Knows where each element lies; does not know who reads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.layout import Coord, Requirement, Role
from htp.strides import strided

if TYPE_CHECKING:
    from htp.layout import LayoutFacet


@dataclass(frozen=True)
class Panels:
    """Panels of `rows` rows, one behind the other; inside a panel, column by column.

    Element `(i, j)` of a matrix with N columns lies `(i // rows * N + j) * rows + i % rows` elements behind the start.
    The last panel is whole: if `rows` does not divide the height, its missing rows are gaps.
    """

    KIND: ClassVar[str] = "your-name"
    VERSION: ClassVar[int] = 1
    ROLES: ClassVar[frozenset[Role]] = frozenset(("memory",))

    rows: Annotated[int, msgspec.Meta(ge=1)]

    def check(self, shape: tuple[int, ...], bits: int) -> tuple[Diagnostic, ...]:
        """A matrix, and at least one row in a panel."""
        if len(shape) == 2 and self.rows >= 1:
            return ()
        problem = f"`{self}` is a layout of matrices" if self.rows >= 1 else f"`{self}` has no row in a panel"
        message = f"{problem}, and this is an array of shape {shape}"
        return (Diagnostic(code="your-name.bad-panels", message=message, help=("write Panels(4) on a matrix",)),)

    def coords(self, index: tuple[int, ...], shape: tuple[int, ...]) -> frozenset[Coord]:
        """The one place of an element, on the axis `m`."""
        (row, column), columns = index, shape[1]
        place = (row // self.rows * columns + column) * self.rows + row % self.rows
        return frozenset(((("m", place),) if place else (),))

    def canonical(self) -> Self:
        """Itself: there is one way to write it."""
        return self

    def equivalent(self, other: LayoutFacet) -> bool | None:
        """Whether the panels have as many rows; of another kind, nothing is known."""
        return self.rows == other.rows if isinstance(other, Panels) else None

    def join(self, other: LayoutFacet) -> LayoutFacet | Diagnostic:
        """The panels into which those of both fit; values do not depend on where they lie."""
        if isinstance(other, Panels):
            return Panels(math.lcm(self.rows, other.rows))
        return Diagnostic(code="your-name.no-join", message=f"`{self}` and `{other}` have no common form")

    def requirements(self, shape: tuple[int, ...], bits: int) -> tuple[Requirement, ...]:
        """A buffer aligned to one column of a panel, so that it is loaded at once."""
        return (Requirement(kind="align", subject="buffer", value=max(1, self.rows * bits // 8)),)

    def to_data(self) -> dict[str, object]:
        """The fields."""
        return {"rows": self.rows}

    @classmethod
    def from_data(cls, data: dict[str, object]) -> Self:
        """Reads what `to_data` wrote."""
        return msgspec.convert(data, cls)


def to_strided(facet: LayoutFacet) -> LayoutFacet:
    """Plain strides where the panels have one row.

    Raises:
        Refused: `your-name.not-strided` for every other height, since no strides say it.
    """
    if isinstance(facet, Panels) and facet.rows == 1:
        return strided()
    raise Refused(
        "your-name.not-strided",
        f"`{facet}` has no strides: the distance between two rows is not the same everywhere",
        help="keep the panels, or write Panels(1)",
    )
