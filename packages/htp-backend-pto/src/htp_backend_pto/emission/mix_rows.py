"""A process of the vector unit as each of two cores does it: half of the rows of every token, or all of them.

What both compute the first one stores. Of halves the first core takes the upper one, with one row more where their
number is odd. Of a single row both take that one, and the first core stores it, since no tile may be empty.
Knows statements; `lower.cluster.rows` says which rows can be divided.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import const, sym
from htp.fresh_names import fresh
from htp.lowering.build import assigned, expression
from htp.program import origin_of, stamp
from htp.types import TensorType
from htp_backend_pto.emission.regions import region_of
from htp_backend_pto.layouts import ROW
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.cluster.sizes import used_names
from htp_backend_pto.steps import step_of
from htp_backend_pto.tiles import annotation_of, room_of, tile_type, with_room

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.dims import Expr
    from htp.program import Function
    from htp.types import TileType
    from htp_backend_pto.lower.cluster.rows import Axis

__all__ = ["Half", "half_of"]


@dataclass(frozen=True)
class Half:
    """The process of one core, the number that says which core it is, and the first rows of sends and receives."""

    kernel: Function
    core: str
    firsts: Mapping[int, ast.expr]


def half_of(kernel: Function, axes: Mapping[str, Axis]) -> Half:
    """The process in which the tiles of `axes` have half of their rows; other tiles the first core stores."""
    halving = _Halving(kernel, axes)
    body = halving.block(kernel.body, {})
    return Half(replace(kernel, body=tuple(body)), halving.core, halving.firsts)


class _Halving:
    """Writes the statements of one process."""

    def __init__(self, kernel: Function, axes: Mapping[str, Axis]) -> None:
        self.axes = axes
        self.extents = {each.name: each.type.dims for each in kernel.params if isinstance(each.type, TensorType)}
        self.taken = set(used_names(kernel))
        self.core = fresh("core", self.taken)
        self.types: dict[str, TileType] = {}
        self.firsts: dict[int, ast.expr] = {}

    def block(self, body: Sequence[ast.stmt], known: Mapping[str, tuple[Expr, Expr]]) -> list[ast.stmt]:
        """Statements one after the other; `known` are the names of parts by numbers of rows."""
        made, names = list[ast.stmt](), dict(known)
        for each in body:
            match each:
                case ast.For() | ast.While():
                    made.append(with_blocks(each, self.block(each.body, names)))
                case ast.If():
                    blocks = (self.block(one, names) for one in (each.body, each.orelse))
                    made.append(with_blocks(each, *blocks))
                case _:
                    made += [stamp(one, origin_of(each)) for one in self.statement(each, names)]
        return made

    def statement(self, node: ast.stmt, names: dict[str, tuple[Expr, Expr]]) -> list[ast.stmt]:
        """One statement, behind the numbers that it needs."""
        step, type_ = step_of(node), tile_type(node.annotation) if isinstance(node, ast.AnnAssign) else None
        name = node.target.id if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else ""
        if type_ is not None:
            self.types[name] = type_
        elif step is not None:
            name = step.tile("x") or ""
        if name not in self.axes:
            self.firsts[id(node)] = ast.Constant(0)
            return [self.guarded(node, ast.Eq(), const(0))] if step is not None and step.stored is not None else [node]
        size, made = self.types[name].dims[self.axes[name]], list[ast.stmt]()
        rows, first = self.part(size, names, made)
        if type_ is not None and isinstance(node, ast.AnnAssign):
            annotation = annotation_of(_half(type_, self.axes[name], rows))
            value = self.moved(node.value, rows, first) if step is not None else node.value
            node = ast.AnnAssign(node.target, annotation, value, 1)
        elif isinstance(node, ast.Assign):
            node = ast.Assign([self.moved(node.targets[0], rows, first)], node.value, lineno=0)
            if size.constant is None or size.constant < 2:
                node = self.guarded(node, ast.Lt(), size)
        self.firsts[id(node)] = expression(first)
        return [*made, node]

    def part(self, size: Expr, names: dict[str, tuple[Expr, Expr]], made: list[ast.stmt]) -> tuple[Expr, Expr]:
        """How many of so many rows are this core's, and the first of them."""
        if size.constant is not None and size.constant % 2 == 0:
            half = size.constant // 2
            return const(half), sym(self.core).scaled(half)
        if str(size) not in names:
            rows, first = (fresh(each, self.taken) for each in ("rows", "first"))
            upper = f"{self.core} * (({size} + 1) // 2)"
            for name, text in ((rows, f"max(1, ({size} + 1 - {self.core}) // 2)"),
                               (first, f"max(0, min({upper}, {size} - 1))")):  # fmt: skip
                made.append(assigned(name, ast.parse(text, mode="eval").body))
            names[str(size)] = sym(rows), sym(first)
        return names[str(size)]

    def guarded(self, node: ast.stmt, how: ast.cmpop, limit: Expr) -> ast.stmt:
        """A store that one core does."""
        test = ast.Compare(ast.Name(self.core, ast.Load()), [how], [expression(limit)])
        return ast.If(test, [stamp(node, origin_of(node))], [])

    def moved(self, node: ast.expr | None, rows: Expr, first: Expr) -> ast.expr:
        """A region of an array, or an instruction on one, with the rows of this core."""
        match node:
            case ast.Subscript() | ast.Name():
                return self.rows_of(node, rows, first)
            case ast.Call(args=[ast.Subscript() | ast.Name() as region, *others]) if _root(region) in self.extents:
                return ast.Call(node.func, [self.rows_of(region, rows, first), *others], node.keywords)
            case ast.Call():
                return node
            case _:
                raise Bug("a tile is made of nothing")

    def rows_of(self, node: ast.expr, rows: Expr, first: Expr) -> ast.expr:
        """The part of a region that this core has."""
        region = region_of(node, self.extents)
        places = list[ast.expr]()
        for axis in region.axes:
            if axis.dropped:
                places.append(axis.start)
            elif axis in region.kept[:1]:
                start = expression(first)
                if ast.unparse(axis.start) != "0":
                    start = ast.BinOp(axis.start, ast.Add(), start)
                places.append(ast.Slice(start, ast.BinOp(start, ast.Add(), expression(rows))))
            else:
                places.append(ast.Slice() if axis.whole else ast.Slice(axis.start, axis.stop))
        index = places[0] if len(places) == 1 else ast.Tuple(places, ast.Load())
        context = node.ctx if isinstance(node, ast.Subscript) else ast.Load()
        return ast.Subscript(ast.Name(region.array, ast.Load()), index, context)


def _half(type_: TileType, axis: Axis, rows: Expr) -> TileType:
    """The type of a tile with that many of its rows, which lie along `axis`, and with half of the room."""
    room = room_of(type_)
    if room is None:
        raise Bug(f"`{type_}` has no place")
    row = ROW * 8 // (1 if room.form == "bits" else type_.dtype.bits)
    dims = (rows, type_.dims[1]) if axis == 0 else (type_.dims[0], rows)
    if axis == 0:
        room = replace(room, rows=_up(-(-room.rows // 2), row if room.form == "dn" else 1))
    else:
        room = replace(room, columns=_up(-(-room.columns // 2), row))
    return with_room(replace(type_, dims=dims), room)


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
