"""Statements of a vector kernel as instructions.

Knows statements in normal form and which rule each operation has.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const
from htp.infer.values import Index, Number, Region, Value
from htp.lowering.build import constant, expression
from htp.program import origin_of, stamp
from htp.types import TileType, bool_, f32
from htp_backend_pto.lower.select_elementwise import BINARY, COMPARISONS, UNARY, Item
from htp_backend_pto.lower.select_functions import Functions
from htp_backend_pto.lower.split_units import called
from htp_backend_pto.lower.writing import is_column, room
from htp_backend_pto.tiles import tile_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.infer.state import Inference
    from htp.program import Function

__all__ = ["Vector"]

OPERATORS: dict[type[ast.operator], str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
REDUCTIONS = {"sum": "sum", "prod": "prod", "max": "max", "min": "min", "argmax": "argmax", "argmin": "argmin"}
SUMMED = ("sum", "prod", "mean")
FUNCTIONS = (*UNARY, "exp2", "log2", "sigmoid", "silu", "tanh", "gelu", "erf", "sign", "floor", "ceil", "round")


class Vector(Functions):
    """Rewrites one kernel."""

    def __init__(self, kernel: Function, known: Inference) -> None:
        super().__init__(kernel)
        self.known = known

    def statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements as instructions."""
        with self.block() as out:
            for each in body:
                self.place = origin_of(each)
                self.statement(each)
        return out

    def statement(self, node: ast.stmt) -> None:
        """One statement."""
        match node:
            case ast.For():
                self.loop(node)
            case ast.While():
                self.rows = {}
                new = ast.While(node.test, self.statements(node.body), [])
                self.out.append(stamp(new, origin_of(node)))
                self.rows = {}
            case ast.If():
                body, orelse = self.statements(node.body), self.statements(node.orelse) if node.orelse else []
                self.out.append(stamp(ast.If(node.test, body or [ast.Pass()], orelse), origin_of(node)))
                self.rows = {}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                type_ = tile_type(node.annotation)
                if type_ is None:
                    self.out.append(node)
                else:
                    self.types[name] = type_
                    self.value(name, type_, value)
            case ast.Assign(targets=[ast.Subscript() as target]) if isinstance(self.known.types.get(id(target)), Region):
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
        self.out.append(stamp(ast.For(node.target, node.iter, body or [ast.Pass()], [], lineno=0), origin_of(node)))

    # memory -------------------------------------------------------------------------------------------------------

    def load(self, target: str | None, type_: TileType, node: ast.expr) -> str:
        """A slice of an array."""
        source = self.subscript(node)
        parts = list(source.slice.elts) if isinstance(source.slice, ast.Tuple) else [source.slice]
        new = next((number for number, each in enumerate(parts) if _is_new(each)), None)
        if type_.dtype is bool_:
            return self.load_flags(target, type_, source)
        if is_column(type_):
            if new is None and isinstance(parts[-1], ast.Slice):
                start = parts[-1].lower or ast.Constant(0)
                return self.instruct(target, type_, "load_col", self.pointed(source, len(parts) - 1, start))
            return self.instruct(target, type_, "load_col", _without(source, new))
        if new is not None:
            return self.instruct(target, type_, "load_row", _without(source, new))
        return self.instruct(target, type_, "load", source)

    def load_flags(self, target: str | None, type_: TileType, source: ast.expr) -> str:
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
        name = self.tile_or_filled(value, known, dims)
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
        call = ast.Call(ast.Attribute(ast.Name("pto", ast.Load()), instruction, ast.Load()), [ast.Name(name, ast.Load())], [])
        self.put(ast.Assign([place], call, lineno=0))

    def tile_or_filled(self, value: ast.expr, region: Region, dims: Sequence[object]) -> str:
        if isinstance(value, ast.Name) and value.id in self.types:
            return value.id
        raise self.refused(
            "a number stored in an array needs a tile of it",
            f"store a tile: `… = tile.full(({', '.join(map(str, dims))}), number, {region.dtype.name})`",
        )

    # values -------------------------------------------------------------------------------------------------------

    def item(self, node: ast.expr) -> Item:
        """An operand: the name of a tile, which a slice of memory becomes, or a number."""
        known = self.known.types.get(id(node))
        if isinstance(known, Region):
            return self.load(None, self.region_type(known), node)
        if isinstance(node, ast.Name) and node.id in self.types:
            return node.id
        if isinstance(known, Value) and known.dims:
            raise self.refused(f"`{ast.unparse(node)}` is no operand of an instruction", "give it a name first")
        return node

    def region_type(self, region: Region) -> TileType:
        raise self.refused("a slice of memory is an operand here", "give it a name first: `t = x[…]`")

    def tile(self, node: ast.expr) -> str:
        """An operand that is a tile."""
        found = self.item(node)
        if not isinstance(found, str):
            raise self.refused(f"`{ast.unparse(node)}` is no tile", "write a tile here")
        return found

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

    def copied(self, name: str, type_: TileType, other: str) -> None:
        """Another name for a tile: the value moves, so that each name keeps its place."""
        if is_column(type_):
            row = self.instruct(None, self.as_row_type(type_), "mov", self.row(other), base=f"{name}_row")
            self.column(name, type_, row)
        else:
            self.instruct(name, type_, "mov", other)

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
        how = {ast.BitAnd: "mul", ast.BitOr: "max", ast.BitXor: "sub"}[type(operator)]
        wide = self.type(f32, type_.dims, room(type_).rows, room(type_).columns)
        self.compared(name, type_, "ne", self.binary(None, wide, how, *numbers), constant(0.0))

    def inverted(self, name: str, type_: TileType, mask: str) -> None:
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

    # calls --------------------------------------------------------------------------------------------------------

    def call(self, name: str, type_: TileType, node: ast.Call) -> None:
        """An operation of htp.tile, or an instruction that the user wrote."""
        if called(node).startswith("pto."):
            self.written(name, type_, node)
            return
        operation, given = self.known.operations[id(node)]
        options = {each: value for each, value in given.items() if each != "x"}
        if operation in FUNCTIONS:
            self.function(name, type_, operation, self.tile(given["x"]), **options)
        elif operation in BINARY:
            left, right = (self.item(each) for each in given.values())
            self.binary(name, type_, BINARY[operation], left, right)
        elif operation in (*REDUCTIONS, "mean", "any", "all"):
            self.reduced(name, type_, operation, self.tile(given["x"]), self.known.axes[id(given["x"])])
        else:
            rule = getattr(self, f"on_{operation}", None)
            if rule is None:
                raise self.refused(
                    f"`tile.{operation}` has no instruction on Ascend yet",
                    "use an instruction of `htp_backend_pto.pto`, or compute it outside",
                )
            rule(name, type_, given)

    def written(self, name: str, type_: TileType, node: ast.Call) -> None:
        """The user's own instruction; what it takes from memory is loaded first."""
        memory = called(node).removeprefix("pto.") in MEMORY
        arguments = [each if memory else self.loaded(each) for each in node.args]
        self.forget(name)
        call = ast.Call(node.func, arguments, node.keywords)
        from htp_backend_pto.tiles import annotation_of

        self.put(ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), call, 1))

    def loaded(self, node: ast.expr) -> ast.expr:
        found = self.item(node)
        return ast.Name(found, ast.Load()) if isinstance(found, str) else found

    def reduced(self, name: str, type_: TileType, how: str, x: str, axes: Sequence[int]) -> None:
        """One number for every row or column."""
        if how in ("any", "all"):
            numbers = self.flags(None, self.like(x, f32), x)
            wide = self.type(f32, type_.dims, room(type_).rows, room(type_).columns)
            made = self.fresh(name)
            self.types[made] = wide
            self.reduced(made, wide, "max" if how == "any" else "min", numbers, axes)
            self.compared(name, type_, "ne", made, constant(0.0))
            return
        if len(axes) != 1:
            raise self.refused("a reduction over all elements has no instruction yet", "reduce one axis after the other")
        source = self.types[x]
        if source.dtype.bits == 16 and how in SUMMED and source.dtype.kind == "float" or not self.reduces(how, x):
            wide = self.cast(None, self.like(x, f32), x)
            made = self.fresh(name)
            result = self.type(f32, type_.dims, room(type_).rows, room(type_).columns)
            self.types[made] = result
            self.reduced(made, result, how, wide, axes)
            self.cast(name, type_, made)
        elif how == "mean":
            made = self.sum(None, type_, x, axes[0])
            self.binary(name, type_, "div", made, expression(source.dims[axes[0]]))
        else:
            self.sum(name, type_, x, axes[0], REDUCTIONS[how])

    def reduces(self, how: str, x: str) -> bool:
        dtype = self.types[x].dtype
        return self.has(f"row{REDUCTIONS.get(how, 'sum')}", dtype) or dtype.kind != "float"

    def sum(self, name: str | None, type_: TileType, x: str, axis: int, how: str = "sum") -> str:
        """Rows with scratch give a column; columns give a row."""
        if axis == 1 and is_column(self.types[x]):
            return self.instruct(name, type_, "mov", x)
        if how.startswith("arg"):
            return self.placed(name, type_, x, axis, how)
        if axis == 1:
            return self.instruct(name, type_, f"row{how}", x, self.scratch(self.types[x]))
        if is_column(self.types[x]):
            row = self.row(x)
            return self.instruct(name, type_, f"row{how}", row, self.scratch(self.types[row]))
        return self.instruct(name, type_, f"col{how}", x)

    def placed(self, name: str | None, type_: TileType, x: str, axis: int, how: str) -> str:
        """Where the largest is, as i32 and then as what the program wants."""
        from htp.types import i32

        result = self.type(i32, type_.dims, room(type_).rows, room(type_).columns)
        kind = "row" if axis == 1 else "col"
        if type_.dtype is i32:
            return self.instruct(name, type_, f"{kind}{how}", x, self.scratch(self.types[x]))
        made = self.instruct(None, result, f"{kind}{how}", x, self.scratch(self.types[x]))
        return self.cast(name, type_, made)

    def on_cast(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.cast(x, dtype)`; what is no whole number is cut, as in Python."""
        self.cast(name, type_, self.tile(given["x"]))

    def on_full(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.full(shape, value, dtype)`."""
        self.filled(name, type_, given["value"])

    def on_iota(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.iota(shape, axis)`."""
        axis = given["axis"]
        self.counted(name, type_, axis.value if isinstance(axis, ast.Constant) and isinstance(axis.value, int) else 0)

    def on_where(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.where(condition, a, b)`."""
        condition, yes, no = given.values()
        self.chosen(name, type_, self.tile(condition), self.item(yes), self.item(no))

    def on_clip(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.clip(x, low, high)`."""
        x, *bounds = given.values()
        low, high = (*(self.item(each) for each in bounds), ast.Constant(None), ast.Constant(None))[:2]
        self.clipped(name, type_, self.tile(x), low, high)

    def on_transpose(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.transpose(x)`."""
        x = self.tile(given["x"])
        if is_column(self.types[x]) or self.types[x].dims[0].constant == 1:
            self.on_reshape(name, type_, given)
        else:
            self.instruct(name, type_, "trans", x, self.scratch(self.types[x]))

    def on_reshape(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """A row as a column or a column as a row; the rest would move elements."""
        x = self.tile(given["x"])
        source = self.types[x]
        if is_column(type_) and source.dims[0].constant == 1:
            self.column(name, type_, x)
        elif is_column(source) and type_.dims[0].constant == 1:
            self.instruct(name, type_, "reshape", x, 1, expression(type_.dims[1]))
        else:
            raise self.refused("only rows and columns can be reshaped on the chip", "reshape the array in memory")

    def on_broadcast_to(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """A row or column repeated."""
        x = self.spread(self.tile(given["x"]), type_)
        self.copied(name, type_, x)

    def on_concat(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """Columns beside columns."""
        values = next(iter(given.values()))
        parts = [self.tile(each) for each in values.elts] if isinstance(values, ast.Tuple) else []
        if len(parts) != 2 or self.types[parts[0]].dims[0] != type_.dims[0]:
            raise self.refused("only two tiles side by side can be joined", "join them by storing both to an array")
        self.instruct(name, type_, "concat", *parts)


MEMORY = ("load", "load_t", "load_row", "load_col", "mgather", "mgather_rows")


def _is_new(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _without(node: ast.Subscript, axis: int | None) -> ast.Subscript:
    """The slice without its new axis."""
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    parts = [each for number, each in enumerate(parts) if number != axis]
    index = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(node.value, index, node.ctx)
