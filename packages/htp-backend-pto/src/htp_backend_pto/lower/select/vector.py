"""Statements of a vector kernel as instructions.

Knows statements in normal form and which rule each operation has.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const, minimum
from htp.infer.values import Region, Value
from htp.lowering.build import call, constant, expression
from htp.program import origin_of
from htp.types import TileType, bool_, i32, i64, u8
from htp_backend_pto.emission.regions import as_dim
from htp_backend_pto.layouts import ROW, ub
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.bound.slices import one_slice
from htp_backend_pto.lower.select.calls import Calls
from htp_backend_pto.lower.select.choices import COMPARISONS, Item
from htp_backend_pto.lower.select.integers import BITS
from htp_backend_pto.lower.select.spans import Spans
from htp_backend_pto.lower.units import called
from htp_backend_pto.lower.writing import is_column, room
from htp_backend_pto.tiles import annotation_of, tile_type

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from htp.infer.state import Inference
    from htp.program import Function
    from htp_backend_pto.lower.bounds import Sizes

__all__ = ["Vector"]

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}

QUOTIENTS: dict[type[ast.operator], str] = {ast.FloorDiv: "quotient", ast.Mod: "remainder"}
SHIFTS: dict[type[ast.operator], str] = {ast.LShift: "shl", ast.RShift: "shr"}


class Vector(Calls):
    """Rewrites one kernel."""

    def __init__(self, kernel: Function, known: Inference, given: Sizes, silent: Container[int] = ()) -> None:
        super().__init__(kernel, known, given)
        self.silent = silent
        """Statements whose extremes may give anything for a NaN."""
        self.spans = Spans(kernel, known)
        self.narrowed: dict[str, str] = {}
        """Tiles of i64 whose numbers are known to be small, as i32 under another name."""

    def quiet(self) -> bool:
        """Whether what an extreme gives for a NaN makes no difference to the statement at work."""
        return id(self.current) in self.silent

    def statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements as instructions."""
        with self.block() as out:
            for each in body:
                self.place, self.current = origin_of(each), each
                self.statement(each)
        return out

    def statement(self, node: ast.stmt) -> None:
        """One statement."""
        match node:
            case ast.For():
                self.loop(node)
            case ast.While():
                self.rows = {}
                self.out.append(with_blocks(node, self.statements(node.body)))
                self.rows = {}
            case ast.If():
                self.out.append(with_blocks(node, self.statements(node.body), self.statements(node.orelse)))
                self.rows = {}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                type_ = tile_type(node.annotation)
                if type_ is None:
                    self.out.append(node)
                elif called(value) == "token":
                    self.received(name, type_, value)
                else:
                    self.types[name] = type_
                    self.value(name, type_, value)
            case ast.Assign(targets=[ast.Subscript()]) if called(node.value).startswith("pto.store"):
                self.out.append(node)
            case ast.Assign(targets=[ast.Subscript() as target]):
                self.store(target, node.value)
            case ast.Assign(targets=[ast.Tuple()], value=ast.Call() as value):
                raise self.refused(f"`{called(value)}` has no instruction yet", "use one of the `pto` instructions")
            case _:
                self.out.append(node)

    def loop(self, node: ast.For) -> None:
        """A loop, in whose body columns are not yet rows."""
        self.rows = {}
        body = self.statements(node.body)
        self.rows = {}
        self.out.append(with_blocks(node, body))

    def received(self, name: str, type_: TileType, value: ast.expr) -> None:
        """A token from the other kind of core, which lies where tiles are loaded to."""
        self.forget(name)
        self.types[name] = type_
        self.put(ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), value, 1))

    # memory -------------------------------------------------------------------------------------------------------

    def load(self, target: str | None, type_: TileType, node: ast.expr) -> str:
        """A slice of an array."""
        source = self.subscript(node)
        parts = list(source.slice.elts) if isinstance(source.slice, ast.Tuple) else [source.slice]
        new = next((number for number, each in enumerate(parts) if _is_new(each)), None)
        if type_.dtype is bool_:
            bytes_ = self.load(None, self.sized(type_, u8), node)
            return self.compared(target, type_, "ne", bytes_, constant(0))
        known = self.known.types.get(id(node))
        suffix = "_flags" if isinstance(known, Region) and known.dtype is bool_ else ""
        if is_column(type_):
            if new is None and isinstance(parts[-1], ast.Slice):
                return self.load_column(target, type_, source, f"load_col{suffix}")
            return self.instruct(target, type_, f"load_col{suffix}", _without(source, new))
        if new is not None and not isinstance(parts[-1], ast.Slice) and isinstance(known, Region):
            column = self.type(type_.dtype, (type_.dims[1], const(1)), room(type_).columns, 1)
            made = self.load_column(None, column, _without(source, new), f"load_col{suffix}")
            return self.instruct(target, type_, "mov", self.row(made))
        if new is not None:
            return self.instruct(target, type_, f"load_row{suffix}", _without(source, new))
        return self.instruct(target, type_, f"load{suffix}", source)

    def load_column(self, target: str | None, type_: TileType, source: ast.Subscript, how: str) -> str:
        """One column of an array; where the array is wider, two of its columns are loaded, and one is taken out."""
        parts = list(source.slice.elts) if isinstance(source.slice, ast.Tuple) else [source.slice]
        start = (parts[-1].lower or ast.Constant(0)) if isinstance(parts[-1], ast.Slice) else parts[-1]
        array = self.known.roots.get(source.value.id) if isinstance(source.value, ast.Name) else None
        width = array[-1].constant if array else 1
        first = as_dim(start)
        if width is None or width < 2 or first is None or len(parts) < 2:
            return self.instruct(target, type_, how, self.pointed(source, len(parts) - 1, start))
        begin = minimum(first, const(width - 2))
        window = ast.Slice(expression(begin), expression(begin + 2))
        both = ast.Subscript(source.value, ast.Tuple([*parts[:-1], window], ast.Load()), ast.Load())
        wide = self.type(type_.dtype, (type_.dims[0], const(2)), room(type_).rows, 2)
        made = self.instruct(None, wide, how.replace("load_col", "load"), both)
        return self.taken_out(target, type_, made, (const(0), first - begin))

    def subscript(self, node: ast.expr) -> ast.Subscript:
        """The slice that an expression over memory is; an array alone is all of it."""
        if isinstance(node, ast.Subscript):
            return node
        known = self.known.of(node)
        rank = len(known.dims) if isinstance(known, Region) else 2
        index: ast.expr = ast.Slice() if rank == 1 else ast.Tuple([ast.Slice() for _ in range(rank)], ast.Load())
        return ast.Subscript(node, index, ast.Load())

    def pointed(self, source: ast.Subscript, axis: int, start: ast.expr) -> ast.Subscript:
        """The slice with one position of an axis."""
        parts = list(source.slice.elts) if isinstance(source.slice, ast.Tuple) else [source.slice]
        parts[axis] = start
        return ast.Subscript(source.value, ast.Tuple(parts, ast.Load()), source.ctx)

    def store(self, target: ast.Subscript, value: ast.expr) -> None:
        """A tile, or a number for every element, into an array."""
        known = self.known.of(target)
        if not isinstance(known, Region):
            return
        parts = list(target.slice.elts) if isinstance(target.slice, ast.Tuple) else [target.slice]
        new = next((number for number, each in enumerate(parts) if _is_new(each)), None)
        dims = known.dims if len(known.dims) == 2 else (const(1), known.dims[0])
        if not isinstance(value, ast.Name) or value.id not in self.types:
            raise self.refused(f"`{ast.unparse(value)}` is no tile", "store a tile")
        name = value.id
        type_ = self.types[name]
        if type_.dtype is bool_:
            bytes_ = self.sized(type_, u8)
            name, type_ = self.flags(None, bytes_, name), bytes_
        instruction = "store"
        place: ast.expr = target
        one = is_column(type_) and type_.dims[0].constant == 1
        column = not one and is_column(type_) and known.dims[-1].constant == 1 and len(known.dims) == 2
        # One element is a row as well, and rows may be part of a wider array.
        name = self.row(name) if one else name
        if one and new is None and len(known.dims) == 2:
            instruction = "store_row"
            axis = next(number for number, each in enumerate(parts) if isinstance(each, ast.Slice))
            place = self.pointed(target, axis, _start(parts[axis]))
        elif column and self.lone(target):
            instruction = "store_col"
            place = _without(target, new) if new is not None else self.pointed(
                target, len(parts) - 1, _start(parts[-1])
            )  # fmt: skip
        elif column:
            name = self.spaced(name, type_)
        elif not one and not isinstance(parts[-1], ast.Slice) and not self.lone(target):
            upright = self.type(type_.dtype, (type_.dims[1], const(1)), room(type_).columns, 1)
            name = self.spaced(self.column(None, upright, name), upright)
            place = _without(self.pointed(target, len(parts) - 1, one_slice(parts[-1])), new)
        elif new is not None or len(known.dims) == 1:
            instruction, place = "store_row", _without(target, new) if new is not None else target
        else:
            name = self.spread(name, self.type(type_.dtype, dims, room(type_).rows, room(type_).columns))
        suffix = "_flags" if known.dtype is bool_ else ""
        self.put(ast.Assign([place], call(f"pto.{instruction}{suffix}", name), lineno=0))

    def spaced(self, column: str, type_: TileType) -> str:
        """A column as rows of one element each, which need not lie one behind the other."""
        block = ub(room(type_).rows, ROW * 8 // type_.dtype.bits)
        return self.instruct(None, TileType(type_.dtype, type_.dims, (block,)), "rowexpand", column, 1)

    def lone(self, column: ast.Subscript) -> bool:
        """Whether the array of a column has no other, so that its elements lie one behind the other."""
        sizes = self.known.roots.get(column.value.id) if isinstance(column.value, ast.Name) else None
        return not sizes or sizes[-1].constant == 1 or len(sizes) == 1

    # values -------------------------------------------------------------------------------------------------------

    def item(self, node: ast.expr) -> Item:
        """An operand: the name of a tile, which a slice of memory becomes, or a number."""
        known = self.known.types.get(id(node))
        if isinstance(known, Region):
            raise self.refused(f"`{ast.unparse(node)}` is an operand here", "give it a name first: `t = x[…]`")
        if isinstance(node, ast.Name) and node.id in self.types:
            return self.narrowed.get(node.id, node.id)
        if isinstance(known, Value) and known.dims:
            raise self.refused(f"`{ast.unparse(node)}` is no operand of an instruction", "give it a name first")
        return node

    def value(self, name: str, type_: TileType, node: ast.expr) -> None:
        """`name: type_ = node`; numbers of i64 that are known to be small are computed as i32."""
        given = isinstance(self.known.types.get(id(node)), Region) or isinstance(node, ast.Name)
        if type_.dtype is i64 and not (given and not self.spans.small(name)):
            if not self.spans.small(name):
                raise self.refused(
                    f"nothing says that the numbers of `{ast.unparse(node)}` fit into i32, and i64 has no arithmetic",
                    "cast to i32 before: `.astype(i32)`",
                )
            made = self.fresh(f"{name}_i32")
            self.types[made] = self.sized(type_, i32)
            self.made(made, self.types[made], node)
            self.cast(name, type_, made)
            self.narrowed[name] = made
        else:
            self.made(name, type_, node)
        if (type_.dtype is i32 and self.spans.exact_as_float(name)) or name in self.narrowed:
            self.few |= {self.narrowed.get(name, name)}

    def made(self, name: str, type_: TileType, node: ast.expr) -> None:
        """What computes a tile."""
        known = self.known.types.get(id(node))
        match node:
            case _ if isinstance(known, Region):
                self.load(name, type_, node)
            case ast.Name(id=other) if other in self.types:
                self.copied(name, type_, self.narrowed.get(other, other))
            case ast.BinOp(op=operator) if type(operator) in OPERATORS:
                self.binary(name, type_, OPERATORS[type(operator)], self.item(node.left), self.item(node.right))
            case ast.BinOp(op=ast.Pow()):
                self.power(name, type_, self.item(node.left), self.item(node.right))
            case ast.BinOp(op=operator) if type(operator) in QUOTIENTS:
                self.divided(name, type_, QUOTIENTS[type(operator)], self.item(node.left), self.item(node.right))
            case ast.BinOp(op=operator) if type(operator) in SHIFTS:
                self.shifted(name, type_, SHIFTS[type(operator)], self.item(node.left), self.item(node.right))
            case ast.BinOp(op=operator) if type(operator) in BITS:
                self.bits(name, type_, BITS[type(operator)], self.item(node.left), self.item(node.right))
            case ast.UnaryOp(op=ast.USub()):
                self.unary(name, type_, "neg", self.tile(node.operand))
            case ast.UnaryOp(op=ast.Invert() | ast.Not()):
                self.inverted(name, type_, self.tile(node.operand))
            case ast.Compare(ops=[operator], comparators=[right]):
                self.compared(name, type_, COMPARISONS[type(operator)], self.item(node.left), self.item(right))
            case ast.Subscript():
                self.part(name, type_, node)
            case ast.Call():
                self.call(name, type_, node)
            case _:
                raise self.refused(f"`{ast.unparse(node)}` has no instruction", "write it with operations of htp.tile")

    def part(self, name: str, type_: TileType, node: ast.Subscript) -> None:
        """A slice of a tile."""
        starts, _, kept, dims = self.known.slices[id(node)]
        if not all(kept) or len(dims) != 2 or not isinstance(node.value, ast.Name):
            raise self.refused(f"`{ast.unparse(node)}` has no instruction", "slice both dimensions: `t[a:b, c:d]`")
        self.taken_out(name, type_, self.tile(node.value), starts)


def _is_new(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _start(part: ast.expr) -> ast.expr:
    """Where a slice begins."""
    return (part.lower if isinstance(part, ast.Slice) else None) or ast.Constant(0)


def _without(node: ast.Subscript, axis: int | None) -> ast.Subscript:
    """The slice without its new axis."""
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    parts = [each for number, each in enumerate(parts) if number != axis]
    index = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(node.value, index, node.ctx)
