"""Instructions written one a statement: names, types and rooms of what they give.

Knows statements and tiles; which instruction is wanted, the rules of `select_*` say.
"""

from __future__ import annotations

import ast
import contextlib
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.dims import Expr, const
from htp.fresh_names import numbered
from htp.liveness import loads, writes
from htp.lowering.build import call, expression
from htp.names import RESERVED
from htp.program import stamp
from htp.types import TileType, bool_, u8
from htp_backend_pto.isa import VARIANTS, in_place, instruction
from htp_backend_pto.layouts import OnChip, ub
from htp_backend_pto.lower.bound.bound import room_for, rows_for
from htp_backend_pto.lower.units import walk
from htp_backend_pto.tiles import annotation_of, declared, room_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from htp.diagnostics import Span
    from htp.lowering.build import Operand
    from htp.program import Function
    from htp.types import DType

__all__ = ["Writer", "is_column", "room"]

REPEAT = 256
"""Bytes that the vector unit works on at once."""


def is_column(type_: TileType) -> bool:
    """Whether a tile is one column, which has an order of its own on the chip; one number may be a column or a row."""
    found = room_of(type_)
    is_row = type_.dims[0].constant == 1 and found is not None and found.form in ("nd", "bits")
    return type_.dims[1].constant == 1 and not is_row


def room(type_: TileType) -> OnChip:
    """Where a tile of selected form lies."""
    found = room_of(type_)
    if found is None:
        raise Bug(f"{type_} has no room")
    return found


class Writer:
    """The statements of one kernel in the making."""

    def __init__(self, kernel: Function) -> None:
        self.kernel = kernel
        self.types: dict[str, TileType] = {name: type_ for _, name, type_ in declared(kernel.body)}
        self.largest = _largest(self.types.values())
        """How large sizes are at most, from tiles that are not flags."""
        self.taken = {name for each in walk(kernel.body) for name in (*loads(each), *writes(each))}
        self.taken |= {each.name for each in kernel.params} | set(RESERVED) | {"pto"}
        self.out: list[ast.stmt] = []
        self.place: Span | None = kernel.origin
        self.rows: dict[str, str] = {}
        """Columns that lie as rows under another name, in the statements so far."""

    # statements ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def block(self) -> Generator[list[ast.stmt]]:
        """Statements of an inner block; what is known of columns outside holds inside, not the other way."""
        outer, rows = self.out, dict(self.rows)
        self.out = []
        yield self.out
        self.out, self.rows = outer, rows

    def put(self, statement: ast.stmt) -> None:
        """Appends a statement."""
        self.out.append(stamp(statement, self.place))

    def fresh(self, base: str) -> str:
        """A name that nothing has."""
        return numbered(base, self.taken)

    def forget(self, name: str) -> None:
        """A variable gets another value: what was known of the former one no longer holds."""
        self.rows = {column: row for column, row in self.rows.items() if name not in (column, row)}

    def instruct(
        self, target: str | None, type_: TileType, name: str, *arguments: Operand, base: str = "", **named: Operand
    ) -> str:
        """`target: type = pto.name(…)`; without a target the result gets a name of its own."""
        found = instruction(name)
        if target in arguments and not in_place(found) and type_.dtype is not bool_:
            made = self.instruct(None, type_, name, *arguments, base=base, **named)
            return self.instruct(target, type_, "mov", made)
        chosen = target if target is not None else self.fresh(base or "t")
        self.forget(chosen)
        self.types[chosen] = type_
        value = call(f"pto.{name}", *arguments, **named)
        self.put(ast.AnnAssign(ast.Name(chosen, ast.Store()), annotation_of(type_), value, 1))
        return chosen

    # types --------------------------------------------------------------------------------------------------------

    def type(self, dtype: DType, dims: Sequence[Expr], rows: int, columns: int) -> TileType:
        """The type of a tile on a vector core with room for `rows` by `columns`."""
        bare = TileType(dtype, tuple(dims))
        return TileType(dtype, tuple(dims), (room_for(bare, rows, columns),))

    def line(self, dtype: DType, size: Expr, most: int) -> TileType:
        """The type of a row, of one element as well, which `type` takes for a column."""
        return TileType(dtype, (const(1), size), (rows_for(dtype, 1, most),))

    def like(self, name: str, dtype: DType) -> TileType:
        """The type of a tile with the sizes of another one."""
        return self.sized(self.types[name], dtype)

    def sized(self, type_: TileType, dtype: DType) -> TileType:
        """The type of a tile of the same size with elements of another dtype; what flags are padded to is no size."""
        here = room(type_)
        if type_.dims[1].constant == 1 and not is_column(type_):
            return self.line(dtype, type_.dims[1], 1)
        rows, columns = (self.most(*each) for each in zip(type_.dims, (here.rows, here.columns), strict=True))
        return self.type(dtype, type_.dims, rows, columns)

    def most(self, size: Expr, usual: int) -> int:
        """The largest value of a size."""
        return min(usual, self.largest.get(size, usual)) if size.constant is None else max(size.constant, 1)

    def as_row_type(self, type_: TileType) -> TileType:
        """The type of a column that is turned into a row."""
        return self.line(type_.dtype, type_.dims[0], room(type_).rows)

    def scratch(self, like: TileType, width: int | None = None) -> str:
        """Room for an instruction that needs some: as much as another tile takes, or fewer columns of it."""
        rows, columns = room(like).rows, room(like).columns
        columns = columns if width is None else min(columns, width)
        type_ = TileType(like.dtype, (const(rows), const(columns)), (ub(rows, columns),))
        return self.instruct(None, type_, "scratch", base="tmp", rows=rows, cols=columns, dtype=like.dtype.name)

    def row_scratch(self, like: TileType) -> str:
        """Room for a reduction of rows: one repeat of the vector unit, 256 bytes, for each.

        Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/TRowReduceOps.hpp.
        """
        return self.scratch(like, REPEAT * 8 // like.dtype.bits)

    def small_scratch(self) -> str:
        """The 32 bytes that a selection needs."""
        type_ = TileType(u8, (const(1), const(32)), (ub(1, 32),))
        return self.instruct(None, type_, "scratch", base="tmp", rows=1, cols=32, dtype="u8")

    # columns ------------------------------------------------------------------------------------------------------

    def row(self, name: str) -> str:
        """The tile itself, or a column as a row: the same bytes."""
        type_ = self.types[name]
        if not is_column(type_):
            return name
        if name not in self.rows:
            turned = self.as_row_type(type_)
            size = expression(type_.dims[0])
            self.rows[name] = self.instruct(None, turned, "reshape", name, 1, size, base=f"{name}_row")
        return self.rows[name]

    def column(self, target: str | None, type_: TileType, row: str) -> str:
        """A row as the column that it is meant to be."""
        name = self.instruct(target, type_, "reshape", row, expression(type_.dims[0]), 1, base="column")
        self.rows[name] = row
        return name

    # what there is --------------------------------------------------------------------------------------------------

    def has(self, name: str, *dtypes: DType) -> bool:
        """Whether the machine and its simulator both have an instruction for these dtypes."""
        return all(instruction(name).takes(each, *(one.name for one in dtypes)) for each in VARIANTS)

    def refused(self, what: str, help_: str, code: str = "pto.not-selected") -> Refused:
        """The refusal of what no instruction does, at the user's line."""
        return Refused(code, what, span=self.place, help=help_)


def _largest(types: Iterable[TileType]) -> dict[Expr, int]:
    found: dict[Expr, int] = {}
    for each in types:
        here = room_of(each)
        if here is not None and each.dtype is not bool_:
            for size, most in zip(each.dims, (here.rows, here.columns), strict=True):
                found[size] = min(found.get(size, most), most)
    return found
