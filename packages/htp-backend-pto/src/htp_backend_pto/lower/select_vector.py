"""Statements of a vector kernel as instructions.

Knows statements in normal form and which rule each operation has.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const
from htp.infer.values import Region, Value
from htp.lowering.build import call, constant, expression
from htp.program import origin_of
from htp.types import TileType, bool_, f32
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.select_calls import Calls
from htp_backend_pto.lower.select_elementwise import COMPARISONS, Item
from htp_backend_pto.lower.split_units import called
from htp_backend_pto.lower.writing import is_column, room
from htp_backend_pto.tiles import tile_type

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["Vector"]

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}

LOGICAL: dict[type[ast.operator], str] = {ast.BitAnd: "mul", ast.BitOr: "max", ast.BitXor: "sub"}
"""Operations on flags as ones and zeros, of which the result is set where it is not zero."""


class Vector(Calls):
    """Rewrites one kernel."""

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
                else:
                    self.types[name] = type_
                    self.value(name, type_, value)
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

    # memory -------------------------------------------------------------------------------------------------------

    def load(self, target: str | None, type_: TileType, node: ast.expr) -> str:
        """A slice of an array."""
        source = self.subscript(node)
        parts = list(source.slice.elts) if isinstance(source.slice, ast.Tuple) else [source.slice]
        new = next((number for number, each in enumerate(parts) if _is_new(each)), None)
        if type_.dtype is bool_:
            return self.load_flags(source)
        if is_column(type_):
            if new is None and isinstance(parts[-1], ast.Slice):
                start = parts[-1].lower or ast.Constant(0)
                return self.instruct(target, type_, "load_col", self.pointed(source, len(parts) - 1, start))
            return self.instruct(target, type_, "load_col", _without(source, new))
        if new is not None:
            return self.instruct(target, type_, "load_row", _without(source, new))
        return self.instruct(target, type_, "load", source)

    def load_flags(self, source: ast.expr) -> str:
        """Flags in memory have a byte each, and on the chip a bit."""
        raise self.refused(
            f"`{ast.unparse(source)}` holds flags, which no instruction loads",
            "pass them as a number, u8 or f32, and compare: `mask != 0`",
        )

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
        instruction = "store"
        place: ast.expr = target
        if is_column(type_) and known.dims[-1].constant == 1 and len(known.dims) == 2:
            instruction = "store_col"
            start = parts[-1].lower if isinstance(parts[-1], ast.Slice) else None
            place = _without(target, new) if new is not None else self.pointed(
                target, len(parts) - 1, start or ast.Constant(0)
            )  # fmt: skip
        elif new is not None or len(known.dims) == 1:
            instruction, place = "store_row", _without(target, new) if new is not None else target
        else:
            name = self.spread(name, self.type(type_.dtype, dims, room(type_).rows, room(type_).columns))
        self.put(ast.Assign([place], call(f"pto.{instruction}", name), lineno=0))

    # values -------------------------------------------------------------------------------------------------------

    def item(self, node: ast.expr) -> Item:
        """An operand: the name of a tile, which a slice of memory becomes, or a number."""
        known = self.known.types.get(id(node))
        if isinstance(known, Region):
            raise self.refused(f"`{ast.unparse(node)}` is an operand here", "give it a name first: `t = x[…]`")
        if isinstance(node, ast.Name) and node.id in self.types:
            return node.id
        if isinstance(known, Value) and known.dims:
            raise self.refused(f"`{ast.unparse(node)}` is no operand of an instruction", "give it a name first")
        return node

    def value(self, name: str, type_: TileType, node: ast.expr) -> None:
        """`name: type_ = node`."""
        known = self.known.types.get(id(node))
        match node:
            case _ if isinstance(known, Region):
                self.load(name, type_, node)
            case ast.Name(id=other) if other in self.types:
                self.copied(name, type_, other)
            case ast.BinOp(op=operator) if type(operator) in OPERATORS:
                self.binary(name, type_, OPERATORS[type(operator)], self.item(node.left), self.item(node.right))
            case ast.BinOp(op=ast.Pow()):
                self.power(name, type_, self.tile(node.left), node.right)
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() | ast.BitXor() as operator):
                self.logical(name, type_, operator, self.tile(node.left), self.tile(node.right))
            case ast.UnaryOp(op=ast.USub()):
                self.unary(name, type_, "neg", self.tile(node.operand))
            case ast.UnaryOp(op=ast.Invert() | ast.Not()) if type_.dtype is bool_:
                self.inverted(name, type_, self.tile(node.operand))
            case ast.Compare(ops=[operator], comparators=[right]):
                self.compared(name, type_, COMPARISONS[type(operator)], self.item(node.left), self.item(right))
            case ast.Subscript():
                self.part(name, type_, node)
            case ast.Call():
                self.call(name, type_, node)
            case _:
                raise self.refused(f"`{ast.unparse(node)}` has no instruction", "write it with operations of htp.tile")

    def power(self, name: str, type_: TileType, x: str, exponent: ast.expr) -> None:
        """The powers that are products or roots."""
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        if value == 2:
            self.binary(name, type_, "mul", x, x)
        elif value == 3:
            self.binary(name, type_, "mul", self.binary(None, type_, "mul", x, x), x)
        elif value == 0.5:
            self.unary(name, type_, "sqrt", x)
        elif value == -0.5:
            self.unary(name, type_, "rsqrt", x)
        else:
            raise self.refused(
                f"the power `{ast.unparse(exponent)}` has no instruction", "write `tile.exp(p * tile.log(x))` for x > 0"
            )

    def logical(self, name: str, type_: TileType, operator: ast.operator, left: str, right: str) -> None:
        """Flags combined as numbers."""
        if type_.dtype is not bool_:
            raise self.refused("bits of integers are not selected yet", "use `pto.and_`, `pto.or_` or `pto.xor`")
        numbers = [self.flags(None, self.like(each, f32), each) for each in (left, right)]
        how = LOGICAL[type(operator)]
        wide = self.type(f32, type_.dims, room(type_).rows, room(type_).columns)
        self.compared(name, type_, "ne", self.binary(None, wide, how, *numbers), constant(0.0))

    def inverted(self, name: str, type_: TileType, mask: str) -> None:
        """The flags that are not set."""
        self.compared(name, type_, "eq", self.flags(None, self.like(mask, f32), mask), constant(0.0))

    def part(self, name: str, type_: TileType, node: ast.Subscript) -> None:
        """A slice of a tile."""
        starts, extents, kept, dims = self.known.slices[id(node)]
        if not all(kept) or len(dims) != 2 or not isinstance(node.value, ast.Name):
            raise self.refused(f"`{ast.unparse(node)}` has no instruction", "slice both dimensions: `t[a:b, c:d]`")
        source = node.value.id
        places = (expression(each) for each in (*starts, *extents))
        if is_column(type_):
            raise self.refused("one column of a tile cannot be taken out", "load it from memory by itself")
        self.instruct(name, type_, "extract", source, *places)


def _is_new(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _without(node: ast.Subscript, axis: int | None) -> ast.Subscript:
    """The slice without its new axis."""
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    parts = [each for number, each in enumerate(parts) if number != axis]
    index = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(node.value, index, node.ctx)
