"""On-chip tiles: the memory a tile lies in, its whole size there, and the order of its elements.

Knows the seven on-chip memories and five orders; does not know instructions, nor what lies beside a tile.
Orders and boxes: hw-native-sys/pto-isa@cd4a3d3f, include/pto/common/pto_tile.hpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.layout import Coord, Requirement, Role

if TYPE_CHECKING:
    from htp.layout import LayoutFacet

__all__ = [
    "BOX_ROWS",
    "ROW",
    "Form",
    "OnChip",
    "Space",
    "bias",
    "l0a",
    "l0b",
    "l0c",
    "l1",
    "scaling",
    "to_strided",
    "ub",
]

Space = Literal["ub", "l1", "l0a", "l0b", "l0c", "bias", "scaling"]
Form = Literal["nd", "dn", "nz", "zn", "zz", "bits"]

ROW = 32
"""Bytes of which every row of an unboxed tile, and every row of a box, is a multiple."""
BOX_ROWS = 16
AXES = ("rows", "columns")
FORMS: dict[Space, tuple[Form, ...]] = {
    "ub": ("nd", "dn", "nz", "bits"),
    "l1": ("nz", "zn", "nd"),
    "l0a": ("zz",),
    "l0b": ("zn",),
    "l0c": ("nz",),
    "bias": ("nd",),
    "scaling": ("nd",),
}
"""The forms that each memory takes, the usual one first. The CPU simulator keeps L0A as nz; kernels never see that."""


@dataclass(frozen=True)
class OnChip:
    """A tile in `space` of `rows` x `columns` elements, of which a value may fill fewer from the first on.

    Forms: `nd` row after row, `dn` column after column, and three of boxes of 16 rows by `box` columns: `nz` columns of
    boxes with rows inside, `zz` rows of boxes with rows inside, `zn` rows of boxes of `box` rows by 16 columns with
    columns inside. `bits` are flags, one bit each, row after row. `at` is the first byte, a number or an expression
    over loop variables; `None` before places are given.
    """

    KIND: ClassVar[str] = "pto"
    VERSION: ClassVar[int] = 1
    ROLES: ClassVar[frozenset[Role]] = frozenset(("memory",))
    MAKERS: ClassVar[tuple[str, ...]] = ("ub", "l1", "l0a", "l0b", "l0c", "bias", "scaling")

    space: Space
    rows: int
    columns: int
    form: Form = "nd"
    box: int = 16
    at: int | str | None = None

    def nbytes(self, bits: int) -> int:
        """Bytes of the whole tile, for elements of `bits` bits; a flag of a tile in `bits` form has one."""
        return self.rows * self.columns * (1 if self.form == "bits" else bits) // 8

    def check(self, shape: tuple[int, ...], bits: int) -> tuple[Diagnostic, ...]:
        """Whether the form is one of the space's, rows and boxes are whole, and the value has room."""
        problem, help_ = self._problem(shape, bits)
        message = f"`{self}` holds no tile with {bits} bits an element: {problem}"
        return (Diagnostic(code="pto.bad-tile", message=message, help=(help_,)),) if problem else ()

    def _problem(self, shape: tuple[int, ...], bits: int) -> tuple[str, str]:
        if len(shape) != 2:
            return "an on-chip tile has two dimensions", "reshape it to rows and columns"
        if self.form not in FORMS[self.space]:
            return f"`{self.space}` holds {' or '.join(FORMS[self.space])}", f'write "{FORMS[self.space][0]}"'
        more = [f"{size} {what}" for size, have, what in zip(shape, (self.rows, self.columns), AXES, strict=True)
                if size > have]  # fmt: skip
        if more or min(self.rows, self.columns) < 1:
            rows, columns = max(self.rows, shape[0], 1), max(self.columns, shape[1], 1)
            beside = f", and the tile has {' and '.join(more)}" if more else ""
            return f"it has room for {self.rows} x {self.columns}{beside}", f"write `{self.space}({rows}, {columns})`"
        if self.form in ("nd", "dn", "bits"):
            length = self.rows if self.form == "dn" else self.columns
            width = length * (1 if self.form == "bits" else bits)
            unit = ROW * 8 // (1 if self.form == "bits" else bits)
            padded = -(-length // unit) * unit
            return ("", "") if width % (ROW * 8) == 0 else (_row_text(width), f"pad it to {padded} elements")
        return self._box_problem(bits)

    def _box_problem(self, bits: int) -> tuple[str, str]:
        wanted = 16 if self.space == "l0c" else ROW * 8 // bits
        if self.box != wanted:
            return f"a box is {wanted} elements wide", f"write `box={wanted}`"
        down, across = (self.box, BOX_ROWS) if self.form == "zn" else (BOX_ROWS, self.box)
        if self.rows % down or self.columns % across:
            rows, columns = (-(-size // unit) * unit for size, unit in ((self.rows, down), (self.columns, across)))
            return f"it is no whole number of {down} x {across} boxes", f"make it {rows} x {columns}"
        return "", ""

    def place(self, row: int, column: int) -> int:
        """How many elements lie before element `(row, column)`."""
        match self.form:
            case "nd" | "bits":
                return row * self.columns + column
            case "dn":
                return column * self.rows + row
            case "nz":
                box, inner = (column // self.box) * (self.rows // BOX_ROWS) + row // BOX_ROWS, self.box
            case "zz":
                box, inner = (row // BOX_ROWS) * (self.columns // self.box) + column // self.box, self.box
            case "zn":
                box = (row // self.box) * (self.columns // BOX_ROWS) + column // BOX_ROWS
                return (box * BOX_ROWS + column % BOX_ROWS) * self.box + row % self.box
        return (box * BOX_ROWS + row % BOX_ROWS) * inner + column % inner

    def coords(self, index: tuple[int, ...], shape: tuple[int, ...]) -> frozenset[Coord]:
        """The one place of an element, on the axis `m`, from the tile's own start on."""
        place = self.place(*index)
        return frozenset(((("m", place),) if place else (),))

    def canonical(self) -> Self:
        """Itself: there is one way to write it."""
        return self

    def equivalent(self, other: LayoutFacet) -> bool | None:
        """True for equal ones; else it depends on the array, or nothing is known of the other kind."""
        return True if self == other else None

    def join(self, other: LayoutFacet) -> LayoutFacet | Diagnostic:
        """Tiles of one form in one space give the larger of each extent, not yet placed; others have no common form."""
        if isinstance(other, OnChip) and (self.space, self.form, self.box) == (other.space, other.form, other.box):
            rows, columns = max(self.rows, other.rows), max(self.columns, other.columns)
            return OnChip(self.space, rows, columns, self.form, self.box, self.at if self == other else None)
        return Diagnostic(
            code="pto.no-join",
            message=f"`{self}` and `{other}` have no common form",
            help=("move one of them to the other's space and form first",),
        )

    def requirements(self, shape: tuple[int, ...], bits: int) -> tuple[Requirement, ...]:
        """The space, room in it, the alignment of its tiles, and the form."""
        return (
            Requirement(kind="space", subject=self.space),
            Requirement(kind="capacity", subject=self.space, value=self.nbytes(bits)),
            Requirement(kind="align", subject=self.space, value=ROW),
            Requirement(kind="form", subject=self.space, value=self.form),
        )

    def to_data(self) -> dict[str, object]:
        """The fields."""
        return {name: getattr(self, name) for name in ("space", "rows", "columns", "form", "box", "at")}

    @classmethod
    def from_data(cls, data: dict[str, object]) -> Self:
        """Reads what `to_data` wrote."""
        return msgspec.convert(data, cls)

    def __repr__(self) -> str:
        usual = FORMS[self.space][0]
        parts = [f"{self.rows}, {self.columns}"]
        parts += [f'"{self.form}"'] if self.form != usual else []
        parts += [f"box={self.box}"] if self.box != 16 else []
        parts += [f'at="{self.at}"' if isinstance(self.at, str) else f"at={self.at}"] if self.at is not None else []
        return f"{self.space}({', '.join(parts)})"


def ub(rows: int, columns: int, form: Form = "nd", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """A tile in the unified buffer of a vector core.

    >>> ub(64, 8, "dn").nbytes(32)
    2048
    """
    return OnChip("ub", rows, columns, form, box, at)


def l1(rows: int, columns: int, form: Form = "nz", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """A tile in the L1 buffer of a cube core."""
    return OnChip("l1", rows, columns, form, box, at)


def l0a(rows: int, columns: int, form: Form = "zz", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """The left operand of a product."""
    return OnChip("l0a", rows, columns, form, box, at)


def l0b(rows: int, columns: int, form: Form = "zn", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """The right operand of a product."""
    return OnChip("l0b", rows, columns, form, box, at)


def l0c(rows: int, columns: int, form: Form = "nz", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """The sum that a product is added to; its boxes are 16 x 16 whatever the dtype."""
    return OnChip("l0c", rows, columns, form, box, at)


def bias(rows: int, columns: int, form: Form = "nd", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """A row that is added to every row of a product."""
    return OnChip("bias", rows, columns, form, box, at)


def scaling(rows: int, columns: int, form: Form = "nd", *, box: int = 16, at: int | str | None = None) -> OnChip:
    """A row of scales, one for each column of a sum that leaves L0C."""
    return OnChip("scaling", rows, columns, form, box, at)


def to_strided(facet: LayoutFacet) -> LayoutFacet:
    """Plain strides where rows or columns lie one behind the other.

    Raises:
        Refused: `pto.not-strided` for boxes and bits, which no strides describe.
    """
    from htp.strides import strided  # loaded with every plugin otherwise

    if isinstance(facet, OnChip) and facet.form in ("nd", "dn"):
        return strided(facet.columns, 1) if facet.form == "nd" else strided(1, facet.rows)
    raise Refused(
        "pto.not-strided",
        f"`{facet}` has no strides: its elements lie in boxes or bits",
        help='convert tiles of the form "nd" or "dn"',
    )


def _row_text(bits: int) -> str:
    size = f"{bits // 8} bytes" if bits % 8 == 0 else f"{bits} bits"
    return f"a row of {size} is no multiple of {ROW} bytes"
