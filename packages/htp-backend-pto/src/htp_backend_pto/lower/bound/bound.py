"""The pass that gives every tile of a kernel two dimensions and a room of constant size.

Knows sizes and their bounds; which tiles become rows or columns is `ranks`' business.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from linecache import getline
from typing import TYPE_CHECKING

from htp.capabilities import IntrinsicUse, Normalized, OpUse, Simplified, Typed
from htp.diagnostics import Refused
from htp.infer.engine import infer
from htp.liveness import loads, writes
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp_backend_pto.forms import Bounded, Divided
from htp_backend_pto.layouts import BOX_ROWS, ROW, OnChip
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.bound.deep import folded
from htp_backend_pto.lower.bound.parts import parted
from htp_backend_pto.lower.bound.ranks import flat
from htp_backend_pto.lower.bound.sharing import shared
from htp_backend_pto.lower.bound.variants import with_variants
from htp_backend_pto.lower.bounds import Sizes, sizes_of
from htp_backend_pto.lower.taken import accepted
from htp_backend_pto.lower.units import Units, called, walk
from htp_backend_pto.tiles import annotation_of, declared, tile_type, with_room

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.dims import Expr, Facts
    from htp.program import Function, Program
    from htp.types import DType, TileType
    from htp_backend_pto.lower.units import Unit

__all__ = ["Bound", "room_for", "rows_for"]


@dataclass(frozen=True)
class Bound(Pass):
    """Every tile gets two dimensions and room for the largest value it can have."""

    name = "pto.bound"
    requires = (Divided(), Typed(), Normalized())
    provides = (Bounded(),)
    invalidates = (Simplified(),)
    may_introduce = (OpUse("tile.*"), IntrinsicUse("pto.mgather_rows"), IntrinsicUse("pto.load_rows"),
                     IntrinsicUse("pto.store_rows"))  # fmt: skip

    def apply(self, program: Program) -> Program:
        """The program whose kernels have tiles with rooms."""
        program = given = with_variants(program)
        for change in (folded, shared, flat):
            program = program.replace(*(change(program, each) for each in program.functions if each.kind == "kernel"))
        sizes = sizes_of(program)
        kernels = [each for each in program.functions if each.kind == "kernel"]
        rooms = (_Rooms(program, each, sizes.get(each.name, Sizes())).function() for each in kernels)
        program = program.replace(*rooms)
        return accepted(given, program.replace(*(parted(program, program.function(each.name)) for each in kernels)))


class _Rooms:
    """Annotates the tiles of one kernel."""

    def __init__(self, program: Program, kernel: Function, sizes: Sizes) -> None:
        self.program = program
        self.kernel = kernel
        self.sizes = sizes
        self.known = infer(program, kernel)
        self.unit: Unit = "cube" if _is_cube(kernel, Units(kernel, self.known)) else "vector"
        self.rooms: dict[str, tuple[int, int]] = {}
        self.sent = _token_columns(kernel)
        self.scalars = [each.name for each in kernel.params if each.direction == "scalar"]
        self.clips = dict(each for one in (program.main, kernel) for each in _clips(one))

    def function(self) -> Function:
        for statement, name, type_ in declared(self.kernel.body):
            facts = self.sizes.within(self.known.facts_at(statement))
            rows, columns = (self.most(each, statement, name, axis, facts) for axis, each in enumerate(type_.dims))
            before = self.rooms.get(name, (0, 0))
            self.rooms[name] = (max(rows, before[0]), max(columns, before[1]))
        return replace(self.kernel, body=tuple(changed(self.kernel.body, self.statement)))

    def most(self, size: Expr, statement: ast.stmt, name: str, axis: int, facts: Facts) -> int:
        """The largest value that a size can have."""
        found = facts.upper_bound(size)
        if found is None:
            raise self.unbounded(size, statement, name, axis)
        return max(found, 1)

    def unbounded(self, size: Expr, statement: ast.stmt, name: str, axis: int) -> Refused:
        origins = [(given, place) for each in sorted(size.symbols) for given, place in self.sizes.given.get(each, [])]
        free = sorted({symbol for given, _ in origins for symbol in given.symbols} or size.symbols)
        what, text = ("rows", "columns")[axis], self.written(size)
        user = f"`{name}`" if not name[1:].isdigit() else "a tile"
        places = ((self.written(given), place.line) for given, place in origins if place is not None)
        calls = (f"it is {given} in the call of line {line}" for given, line in places)
        entry = [each for each in free if each in _entry_sizes(self.program)]
        scalars = [each for each in self.scalars if re.search(rf"\b{each}\b", text)]
        slices = ("x[i:i + {}, :]", "x[:, j:j + {}]")[axis]
        help = (f"take {what} a constant number at a time in a loop: `{slices.format((64, 128)[axis])}`",)
        if scalars:
            help = (f"bound `{scalars[0]}`: `n = max(0, min({scalars[0]}, 64))`, and then `{slices.format('n')}`",)
        elif entry:
            help = (*_bounding(self.program.main, entry[0]), *help)
        return Refused(
            "pto.unbounded-tile",
            f"{user} has {self.counted(text, what, scalars)}, and nothing says how many that can be",
            span=origin_of(statement),
            notes=tuple(dict.fromkeys(calls))[:2],
            help=help,
        )

    def counted(self, text: str, what: str, scalars: Sequence[str]) -> str:
        """A number of rows or columns; without its formula where that has names that a pass made."""
        main, params = self.program.main, (*self.program.main.params, *self.kernel.params)
        names = {name for each in walk(main.body) for name in (*loads(each), *writes(each))} | {"clip", "max", "min"}
        names |= {name for each in params for dim in getattr(each.type, "dims", ()) for name in dim.symbols}
        names |= {name for each in walk(self.kernel.body) for name in writes(each) if _is_written(name, each)}
        if set(re.findall(r"[^\W\d]\w*", text)) <= names | {each.name for each in params}:
            return f"{text} {what}"
        by = f"depends on {' and '.join(f'`{each}`' for each in scalars)}" if scalars else "changes"
        return f"a number of {what} that {by}"

    def written(self, size: Expr) -> str:
        """A size as a message says it: bounds of slices by what they are."""
        return re.sub(r"\w+", lambda found: self.clips.get(found[0], found[0]), str(size))

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        """One simple statement, whose tile has its room."""
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            return [node]
        type_ = tile_type(node.annotation)
        if type_ is None:
            return [node]
        annotation = annotation_of(with_room(type_, self.room(node.target.id, type_, node)))
        return [stamp(ast.AnnAssign(node.target, annotation, node.value, 1), origin_of(node))]

    def room(self, name: str, type_: TileType, statement: ast.AnnAssign) -> OnChip:
        rows, columns = self.rooms[name]
        if self.unit == "vector":
            return room_for(type_, rows, _up(columns, BOX_ROWS) if type_.dims[1] in self.sent else columns)
        box = ROW * 8 // type_.dtype.bits
        moved = isinstance(statement.value, ast.Subscript) or called(statement.value) in ("tile.transpose", "token")
        if moved:
            return OnChip("l1", _up(rows, max(BOX_ROWS, box)), _up(columns, max(BOX_ROWS, box)), "nz", box)
        return OnChip("l0c", _up(rows, BOX_ROWS), _up(columns, BOX_ROWS), "nz", 16)


def _bounding(main: Function, size: str) -> tuple[str, ...]:
    """How a size of the entry becomes a known one: for all calls with an assertion, or for one number."""
    given = f'compile for one size: `--dims {size}=128`, or `dims={{"{size}": 128}}`'
    places = ((each.name, axis) for each in main.params for axis, one in enumerate(getattr(each.type, "dims", ()))
              if str(one) == size)  # fmt: skip
    array, axis = next(places, ("", 0))
    if not array:
        return (given,)
    return f"say how much it can be, and keep one package for all sizes: `assert {array}.shape[{axis}] <= 128`", given


def _token_columns(kernel: Function) -> set[Expr]:
    """The columns of tiles that a process sends or receives, of which the cube core has room for whole boxes."""
    types = {name: type_ for _, name, type_ in declared(kernel.body)}
    names = {name for each, name, _ in declared(kernel.body) if called(each.value) == "token"}
    for each in walk(kernel.body):
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call) and called(each.value) == "send":
            names.add(ast.unparse(each.value.args[1]))
    return {types[each].dims[1] for each in names if each in types and types[each].dims[1].constant != 1}


def room_for(type_: TileType, rows: int, columns: int) -> OnChip:
    """The usual room on a vector core for a value of at most these sizes."""
    if type_.dims[1].constant == 1 and type_.dtype.name != "bool_":
        return OnChip("ub", _up(rows, ROW * 8 // type_.dtype.bits), 1, "dn")
    return rows_for(type_.dtype, rows, columns)


def rows_for(dtype: DType, rows: int, columns: int) -> OnChip:
    """The room of a tile that lies row by row, one of a single column as well."""
    if dtype.name == "bool_":
        return OnChip("ub", rows, _up(columns, ROW * 8), "bits")
    return OnChip("ub", rows, _up(columns, ROW * 8 // dtype.bits))


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _is_cube(kernel: Function, units: Units) -> bool:
    return any("cube" in units.units(each) for each in kernel.body)


def _is_written(name: str, statement: ast.stmt) -> bool:
    """Whether the user's line of a statement has a name."""
    origin = origin_of(statement)
    return origin is not None and re.search(rf"\b{name}\b", getline(origin.file, origin.line)) is not None


def _clips(function: Function) -> Iterator[tuple[str, str]]:
    """The names of bounds of slices, and what they are."""
    for each in walk(function.body):
        if isinstance(each, ast.AnnAssign) and called(each.value) == "clip_index":
            value = ast.unparse(each.value or each.target)
            yield ast.unparse(each.target), value.replace("clip_index", "clip", 1)


def _entry_sizes(program: Program) -> frozenset[str]:
    types = (each.type for each in program.main.params)
    return frozenset(name for each in types for dim in getattr(each, "dims", ()) for name in dim.symbols)
