"""Whether each row of a process's tokens is computed by itself, so that two vector cores can take half of them each.

Knows which instructions keep rows apart; does not rewrite anything. What is not known to keep them apart joins them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.program import origin_of
from htp.types import TensorType
from htp_backend_pto.isa.vector import ELEMENTWISE
from htp_backend_pto.steps import root_name, steps_in, tile_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from htp.dims import Expr
    from htp.program import Function
    from htp.types import TileType
    from htp_backend_pto.steps import Step

__all__ = ["LINE", "Axis", "Divided", "divided"]

LINE = 64
"""Bytes that only one core may write. Source: hw-native-sys/pto-isa, blocks must not write the same 64-byte line."""
Axis = Literal[0, 1]
ALIKE = frozenset((*(each.name for each in ELEMENTWISE), "cvt", "cmp", "cmps", "sel", "sels", "mov"))
"""Instructions whose tiles have the same rows and columns, each element of the result made of those in its place."""
OF_ROWS = frozenset(("rowsum", "rowprod", "rowmax", "rowmin", "rowargmax", "rowargmin"))
CELLS = ("src", "dst", "inout")


@dataclass(frozen=True)
class Divided:
    """The tiles of which each core has a part, and along which axis; where none can be, `why`."""

    axes: Mapping[str, Axis]
    why: str = ""


def divided(kernel: Function, whole_rows: Collection[str]) -> Divided:
    """How the rows of tokens are divided; `whole_rows` are the arrays of which the kernel has all columns."""
    found = _Classes(tile_names(kernel.body), kernel, whole_rows)
    steps = list(steps_in(kernel.body))
    read = {root_name(each) for step in steps for name in step.operands if (each := step.region(name)) is not None}
    for step in steps:
        if step.stored is not None and root_name(step.stored) in read:
            return Divided({}, _told(step, f"`{root_name(step.stored)}` is read as well"))
        found.step(step)
    return found.solved(steps)


@dataclass
class _Class:
    """Tiles that are divided alike: `axes` is where instructions have their rows, `joined` why they cannot be."""

    parent: _Class | None = None
    divided: bool = False
    joined: str = ""
    axes: set[Axis] = field(default_factory=set["Axis"])
    linked: list[_Class] = field(default_factory=list["_Class"])

    def root(self) -> _Class:
        """The class that this one has become a part of."""
        return self if self.parent is None else self.parent.root()


class _Classes:
    """The tiles of one kernel by class."""

    def __init__(self, types: Mapping[str, TileType], kernel: Function, whole_rows: Collection[str]) -> None:
        self.types, self.kernel, self.whole_rows = types, kernel, whole_rows
        self.classes = {name: _Class() for name in types}

    def step(self, step: Step) -> None:
        """What one instruction says of its tiles."""
        name = step.instruction.name
        named = {each.name: step.tile(each.name) or "" for each in step.instruction.operands if each.role in CELLS}
        tiles = {operand: tile for operand, tile in named.items() if tile in self.types}
        match name:
            case "pop" | "push":
                self._token(step, *tiles.values())
            case "load":
                self._along(0, *tiles.values())
            case "store":
                self._along(0, *tiles.values())
                if why := self._shares_lines(step):
                    self._joined(step, why, *tiles.values())
            case "expands":
                pass
            case "reshape":
                self._turned(step, tiles["x"], tiles["dst"])
            case _ if name in ALIKE:
                self._alike(*tiles.values())
            case _ if name in OF_ROWS or name.startswith("rowexpand"):
                self._alike(*tiles.values())
                self._along(0, *tiles.values())
            case _ if name.startswith("colexpand"):
                row = tiles.pop("b" if "b" in tiles else "x")
                self._alike(*tiles.values())
                self._along(0, *tiles.values())
                self._joined(step, "", row)
            case _:
                self._joined(step, "", *tiles.values())

    def solved(self, steps: Sequence[Step]) -> Divided:
        """The axes along which tiles are divided, or what joins rows."""
        waiting = list({id(each.root()): each.root() for each in self.classes.values()}.values())
        while waiting:
            each = waiting.pop()
            for other in (one.root() for one in each.linked):
                if (each.divided, each.joined) != (other.divided, other.joined):
                    each.divided = other.divided = each.divided or other.divided
                    each.joined = other.joined = each.joined or other.joined
                    waiting += [each, other]
        axes: dict[str, Axis] = {}
        for name, one in self.classes.items():
            found = one.root()
            if found.divided and (found.joined or len(found.axes) != 1):
                return Divided({}, found.joined or f"`{name}` has its rows as columns too")
            if found.divided:
                axes[name] = next(iter(found.axes))
        return Divided(axes | self._scratch(steps, axes))

    def _scratch(self, steps: Sequence[Step], axes: Mapping[str, Axis]) -> dict[str, Axis]:
        """Scratch as large as a tile that is divided."""
        found: dict[str, Axis] = {}
        for step in steps:
            tiles = {each.name: step.tile(each.name) or "" for each in step.instruction.tiles}
            used: dict[tuple[Expr, ...], Axis] = {
                self.types[each].dims: axes[each] for each in tiles.values() if each in axes
            }
            rooms = [tile for name, tile in tiles.items() if step.instruction.operand(name).role == "scratch"]
            found |= {each: used[dims] for each in rooms if (dims := self.types[each].dims) in used}
        return found

    def _alike(self, *tiles: str) -> None:
        first, *others = [self.classes[each].root() for each in tiles]
        for each in others:
            if each.root() is not first:
                other = each.root()
                other.parent = first
                first.divided, first.joined = first.divided or other.divided, first.joined or other.joined
                first.axes |= other.axes
                first.linked += other.linked

    def _along(self, axis: Axis, *tiles: str) -> None:
        for each in tiles:
            self.classes[each].root().axes.add(axis)

    def _token(self, step: Step, tile: str) -> None:
        self._along(0, tile)
        found = self.classes[tile].root()
        found.divided = True
        columns, bits = self.types[tile].dims[1].constant, self.types[tile].dtype.bits
        if step.instruction.name == "push" and (columns is None or columns * bits // 8 % LINE):
            self._joined(step, f"rows of it share {LINE} bytes", tile)

    def _joined(self, step: Step, why: str, *tiles: str) -> None:
        for each in tiles:
            found = self.classes[each].root()
            found.joined = found.joined or _told(step, why or "it takes rows together")

    def _turned(self, step: Step, x: str, dst: str) -> None:
        """A column of rows as a row, or the other way round: the same bytes."""
        (rows, columns), (new_rows, new_columns) = self.types[x].dims, self.types[dst].dims
        if columns.constant == new_rows.constant == 1 and rows == new_columns:
            sides: tuple[tuple[str, Axis], ...] = ((x, 0), (dst, 1))
        elif rows.constant == new_columns.constant == 1 and columns == new_rows:
            sides = ((x, 1), (dst, 0))
        else:
            return self._joined(step, "", x, dst)
        for tile, axis in sides:
            self._along(axis, tile)
        one, other = self.classes[x].root(), self.classes[dst].root()
        one.linked.append(other)
        other.linked.append(one)
        return None

    def _shares_lines(self, step: Step) -> str:
        """Why rows of an array that is stored to cannot be written by two cores."""
        name = root_name(step.stored) if step.stored is not None else ""
        type_ = self.kernel.param(name).type
        columns = type_.dims[-1].constant if isinstance(type_, TensorType) and len(type_.dims) > 1 else None
        if name not in self.whole_rows:
            return f"rows of `{name}` are parts of longer ones"
        if columns is None or type_ is None or columns * type_.dtype.bits // 8 % LINE:
            return f"rows of `{name}` are no multiple of {LINE} bytes"
        return ""


def _told(step: Step, why: str) -> str:
    value = step.statement.value if isinstance(step.statement, ast.Assign | ast.AnnAssign | ast.Expr) else None
    place = origin_of(step.statement)
    line = f" (line {place.line})" if place is not None else ""
    return f"`{ast.unparse(value or step.statement)}`{line}: {why}"
