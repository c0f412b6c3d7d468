"""Tiles of one dimension become rows or columns, as their use asks.

Knows operations in normal form; does not know how large anything is.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import const
from htp.fresh_names import numbered
from htp.infer.engine import infer
from htp.infer.values import Region, Value
from htp.liveness import loads, writes
from htp.lowering.build import call, constant, expression, tuple_of
from htp.program import origin_of, stamp
from htp.types import TileType, bool_, i32
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.bound.slices import Lying, matrix, one_element
from htp_backend_pto.lower.tidy import alive, with_sizes
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.infer.state import Inference
    from htp.program import Function, Program
    from htp.types import DType

__all__ = ["flat"]

REDUCTIONS = ("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "sum")
SHAPED = ("tile.expand_dims", "tile.reshape", "tile.squeeze", "tile.broadcast_to")
"""Operations that only say anew how many dimensions there are, where one side has one."""
ALONG = tuple(
    f"tile.{each}" for each in ("argsort", "sort", "cumsum", "flip", "gather", "scatter", "concat", "take")
)  # fmt: skip
"""Operations along an axis whose operands, and result, lie alike."""


def flat(program: Program, kernel: Function) -> Function:
    """The kernel with tiles of two dimensions only."""
    return _Flat(kernel, infer(program, kernel)).function()


def _tiles(kernel: Function, known: Inference) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for statement in walk(kernel.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            value = known.types.get(id(statement.target))
            value = value.value if isinstance(value, Region) else value
            if isinstance(value, Value):
                found[statement.target.id] = value
    return found


class _Flat:
    """Rewrites one kernel."""

    def __init__(self, kernel: Function, known: Inference) -> None:
        self.kernel = kernel
        self.known = known
        self.tiles = _tiles(kernel, known)
        self.taken = {name for each in walk(kernel.body) for name in (*loads(each), *writes(each))}
        self.loads = {
            each.target.id: each.value
            for each in walk(kernel.body)
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None
            and isinstance(known.types.get(id(each.value)), Region)
        }  # fmt: skip
        self.lying = self._lying()
        self.out: list[ast.stmt] = []

    def function(self) -> Function:
        return replace(self.kernel, body=tuple(with_sizes(self.kernel, alive(self.block(self.kernel.body)))))

    # which way ----------------------------------------------------------------------------------------------------

    def _lying(self) -> dict[str, Lying]:
        """Which way every vector lies: those that elements are combined of lie alike."""
        groups = {name: {name} for name, each in self.tiles.items() if len(each.dims) == 1}
        columns: set[str] = set()
        for statement in walk(self.kernel.body):
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            target, value = statement.target.id, statement.value
            names = {each for each in loads(value) if each in groups} if value is not None else set[str]()
            if called(value) in SHAPED:
                columns |= self._columns(target, value, names)
            elif called(value).removeprefix("tile.") in REDUCTIONS:
                if target in groups and not names and self._axis(value) == 1:
                    columns.add(target)
            elif target in groups:
                joined = set[str]().union(*(groups[each] for each in (target, *names)))
                groups |= dict.fromkeys(joined, joined)
        return {name: "column" if group & columns else "row" for name, group in groups.items()}

    def _columns(self, target: str, value: ast.expr | None, names: set[str]) -> set[str]:
        """Vectors that are, or become, one column of a matrix."""
        here = self.tiles[target].dims
        if names and len(here) == 2 and here[1].constant == 1:
            return names
        source = value.args[0] if isinstance(value, ast.Call) else None
        known = self.known.types.get(id(source))
        dims = known.dims if isinstance(known, Value | Region) else ()
        return {target} if len(here) == 1 and len(dims) == 2 and dims[1].constant == 1 else set()

    def _axis(self, value: ast.expr | None) -> int | None:
        keywords = value.keywords if isinstance(value, ast.Call) else []
        axis = next((each.value for each in keywords if each.arg == "axis"), None)
        return axis.value if isinstance(axis, ast.Constant) and isinstance(axis.value, int) else None

    # statements ---------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        outer, self.out = self.out, []
        for statement in body:
            self.out.append(stamp(self.statement(statement), origin_of(statement)))
        inner, self.out = self.out, outer
        return inner

    def statement(self, node: ast.stmt) -> ast.stmt:
        match node:
            case ast.For() | ast.While():
                return with_blocks(node, self.block(node.body))
            case ast.If():
                return with_blocks(node, self.block(node.body), self.block(node.orelse))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name in self.tiles:
                type_ = self.type(name, node)
                return ast.AnnAssign(node.target, annotation_of(type_), self.value(name, value, type_), 1)
            case ast.Assign(targets=[ast.Subscript() as target]):
                return self.stored(node, target)
            case _:
                return node

    def type(self, name: str, statement: ast.stmt) -> TileType:
        value = self.tiles[name]
        dims = value.dims
        if len(dims) == 1:
            dims = (const(1), dims[0]) if self.lying[name] == "row" else (dims[0], const(1))
        dims = dims or (const(1), const(1))
        if len(dims) != 2:
            raise self.refused_rank(f"`{name}`", len(dims), statement)
        return TileType(value.dtype, dims)

    def stored(self, node: ast.Assign, target: ast.Subscript) -> ast.stmt:
        known = self.known.of(target)
        value = node.value
        if isinstance(known, Region) and not isinstance(self.known.types.get(id(value)), Value | Region):
            return self.filled(target, value, known)
        if not isinstance(value, ast.Name) or value.id not in self.tiles or not isinstance(known, Region):
            return node
        if len(known.dims) == 2:
            return ast.Assign([target], self.operand(value, "row"), lineno=0)
        if not known.dims:
            return ast.Assign([one_element(target)], value, lineno=0)
        return ast.Assign([matrix(target, known, self.lying.get(value.id, "row"))], value, lineno=0)

    def filled(self, target: ast.Subscript, value: ast.expr, region: Region) -> ast.stmt:
        """A number for every element of a slice: a tile of it is made first."""
        dims = region.dims if len(region.dims) == 2 else (const(1), *region.dims)
        if len(dims) != 2:
            raise self.refused_rank("a number", len(dims), target)
        name = self.fresh("filled")
        shape = tuple_of([expression(each) for each in dims])
        made = call("tile.full", shape, value, region.dtype.name)
        annotation = annotation_of(TileType(region.dtype, dims))
        self.out.append(stamp(ast.AnnAssign(ast.Name(name, ast.Store()), annotation, made, 1), origin_of(target)))
        place = target if len(region.dims) == 2 else matrix(target, region, "row")
        return ast.Assign([place], ast.Name(name, ast.Load()), lineno=0)

    def fresh(self, base: str) -> str:
        """A name that nothing in the kernel has."""
        return numbered(base, self.taken)

    def refused_rank(self, what: str, rank: int, node: ast.AST) -> Refused:
        """The refusal of a tile that has neither rows and columns nor one dimension."""
        return Refused(
            "pto.tile-rank",
            f"{what} has {rank} dimensions; tiles on the chip have rows and columns",
            span=origin_of(node),
            help="loop over the leading dimensions: `for b in range(B): t = x[b, :, :]`"
            if rank > 2
            else "keep the dimensions: `keepdims=True`",
        )

    # values -------------------------------------------------------------------------------------------------------

    def value(self, name: str, value: ast.expr, type_: TileType) -> ast.expr:
        """What gives the matrix in place of what gave the vector."""
        known = self.known.types.get(id(value))
        if isinstance(known, Region) and len(known.dims) == 1:
            return matrix(value, known, self.lying[name])
        if isinstance(known, Region) and not known.dims and isinstance(value, ast.Subscript):
            return one_element(value)
        operation = called(value)
        if isinstance(value, ast.Call) and operation in SHAPED:
            return self.shaped(value, type_)
        if isinstance(value, ast.Call) and operation.removeprefix("tile.") in REDUCTIONS:
            return self.reduced(name, value)
        if isinstance(value, ast.Call) and operation == "tile.take" and self.takes_rows(value):
            return self.taken_rows(value)
        if isinstance(value, ast.Call) and operation == "tile.arange":
            return self.counted(value, type_, self.lying[name])
        if isinstance(value, ast.Call) and operation in ("tile.full", "tile.iota") and name in self.lying:
            return self.made(value, type_, self.lying[name])
        if isinstance(value, ast.Call) and operation in ALONG:
            return self.along(name, value)
        if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and value.value.id in self.lying:
            return self.part(name, value)
        lying = self.lying.get(name, "row")
        return self.operands(value, lying)

    def along(self, name: str, value: ast.Call) -> ast.expr:
        """An operation along an axis: of vectors it is the one along which they lie."""
        if name not in self.lying:
            return self.operands(value, "row")
        made = self.operands(value, self.lying[name])
        if not isinstance(made, ast.Call):
            return made
        axis = ast.keyword("axis", constant(1 if self.lying[name] == "row" else 0))
        number = 2 if called(value) in ("tile.gather", "tile.take") else 3 if called(value) == "tile.scatter" else 1
        return ast.Call(made.func, made.args[:number], [*(each for each in made.keywords if each.arg != "axis"), axis])

    def part(self, name: str, value: ast.Subscript) -> ast.expr:
        """A part of a vector as a part of its row or column."""
        vector = value.value
        if not isinstance(vector, ast.Name) or name not in self.lying or not isinstance(value.slice, ast.Slice):
            return value
        source = self.operand(vector, self.lying[name])
        whole = ast.Slice(ast.Constant(0), ast.Constant(1))
        parts = [whole, value.slice] if self.lying[name] == "row" else [value.slice, whole]
        return ast.Subscript(source, ast.Tuple([*parts], ast.Load()), ast.Load())

    def operands(self, value: ast.expr, lying: Lying) -> ast.expr:
        match value:
            case ast.Name():
                return self.operand(value, lying)
            case ast.BinOp():
                return ast.BinOp(self.operands(value.left, lying), value.op, self.operands(value.right, lying))
            case ast.Compare():
                right = [self.operands(each, lying) for each in value.comparators]
                return ast.Compare(self.operands(value.left, lying), value.ops, right)
            case ast.UnaryOp():
                return ast.UnaryOp(value.op, self.operands(value.operand, lying))
            case ast.Tuple():
                return ast.Tuple([self.operands(each, lying) for each in value.elts], ast.Load())
            case ast.Call():
                keywords = [ast.keyword(each.arg, self.operands(each.value, lying)) for each in value.keywords]
                return ast.Call(value.func, [self.operands(each, lying) for each in value.args], keywords)
            case _:
                return value

    def operand(self, node: ast.Name, lying: Lying) -> ast.expr:
        """A vector that lies as it is wanted; one that does not is turned first."""
        if self.lying.get(node.id, lying) == lying:
            return node
        size = self.tiles[node.id].dims[0]
        dims = (const(1), size) if lying == "row" else (size, const(1))
        name = self.fresh(f"{node.id}_{lying}")
        turned = call("tile.reshape", node, tuple_of([expression(each) for each in dims]))
        annotation = annotation_of(TileType(self.tiles[node.id].dtype, dims))
        self.out.append(stamp(ast.AnnAssign(ast.Name(name, ast.Store()), annotation, turned, 1), origin_of(node)))
        return ast.Name(name, ast.Load())

    def shaped(self, value: ast.Call, type_: TileType) -> ast.expr:
        """The same elements with other dimensions: often nothing is left to do."""
        source = value.args[0]
        if not isinstance(source, ast.Name) or source.id not in self.tiles:
            return value
        dims = self.tiles[source.id].dims
        have = self.type(source.id, ast.Pass()).dims if len(dims) == 1 else dims
        if have == type_.dims:
            return source
        if called(value) == "tile.broadcast_to":
            shape = tuple_of([expression(each) for each in type_.dims])
            return call("tile.broadcast_to", self.operand(source, "row"), shape)
        return call("tile.reshape", source, tuple_of([expression(each) for each in type_.dims]))

    def reduced(self, name: str, value: ast.Call) -> ast.expr:
        """A reduction that keeps its dimension."""
        source = value.args[0]
        axis = self._axis(value)
        if isinstance(source, ast.Name) and source.id in self.lying:
            axis = 1 if self.lying[source.id] == "row" else 0
        elif not self.tiles[name].dims and isinstance(source, ast.Name):
            value, axis = self.columns_first(value, source.id), 0
        keywords = [each for each in value.keywords if each.arg not in ("axis", "keepdims")]
        keywords += [ast.keyword("axis", constant(axis or 0)), ast.keyword("keepdims", ast.Constant(True))]
        return ast.Call(value.func, value.args, keywords)

    def takes_rows(self, value: ast.Call) -> bool:
        """Whether rows of an array in memory are taken by a vector of indices."""
        _, given = self.known.operations[id(value)]
        x, index = given["x"], given["indices"]
        table = self.loads.get(x.id) if isinstance(x, ast.Name) else x
        known = self.known.types.get(id(table))
        rank = len(self.tiles[index.id].dims) if isinstance(index, ast.Name) and index.id in self.tiles else 0
        first = self.known.axes.get(id(x)) == (0,)
        return isinstance(known, Region) and len(known.dims) == 2 and rank == 1 and first and known.dtype is not bool_

    def taken_rows(self, value: ast.Call) -> ast.expr:
        """Rows of an array by index, which an instruction reads from memory; negative ones count from the end."""
        _, given = self.known.operations[id(value)]
        x, index = given["x"], given["indices"]
        table = self.loads[x.id] if isinstance(x, ast.Name) else x
        known = self.known.types.get(id(table))
        if not isinstance(index, ast.Name) or not isinstance(known, Region):
            return value
        source = self.operand(index, "row")
        type_ = TileType(i32, (const(1), self.tiles[index.id].dims[0]))
        if self.tiles[index.id].dtype is not i32:
            source = self.before(f"{index.id}_i32", type_, call("tile.cast", source, "i32"), value)
        below = self.before("below", TileType(bool_, type_.dims), ast.Compare(source, [ast.Lt()], [constant(0)]), value)
        above = self.before("above", type_, ast.BinOp(source, ast.Add(), expression(known.dims[0])), value)
        places = self.before("places", type_, call("tile.where", below, above, source), value)
        return call("pto.mgather_rows", table, places)

    def before(self, base: str, type_: TileType, value: ast.expr, node: ast.expr) -> ast.Name:
        """A tile that is made in a statement before."""
        name = self.fresh(base)
        made = ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), value, 1)
        self.out.append(stamp(made, origin_of(node)))
        return ast.Name(name, ast.Load())

    def columns_first(self, value: ast.Call, source: str) -> ast.Call:
        """A reduction of all elements: every row is reduced before."""
        whole = self.tiles[source]
        name = self.fresh(f"{source}_rows")
        keywords = [each for each in value.keywords if each.arg not in ("axis", "keepdims")]
        keywords += [ast.keyword("axis", constant(1)), ast.keyword("keepdims", ast.Constant(True))]
        annotation = annotation_of(TileType(self.dtype_of(value, whole), (whole.dims[0], const(1))))
        reduced = ast.Call(value.func, value.args, keywords)
        self.out.append(stamp(ast.AnnAssign(ast.Name(name, ast.Store()), annotation, reduced, 1), origin_of(value)))
        return ast.Call(value.func, [ast.Name(name, ast.Load())], value.keywords)

    def dtype_of(self, value: ast.Call, whole: Value) -> DType:
        """The dtype that a reduction gives."""
        known = self.known.types.get(id(value))
        return known.dtype if isinstance(known, Value) else whole.dtype

    def counted(self, value: ast.Call, type_: TileType, lying: Lying) -> ast.expr:
        """Evenly spaced numbers: 0, 1, 2 …, times the step, from the start on."""
        _, given = self.known.operations[id(value)]
        bounds = [each for name, each in given.items() if name != "dtype" and not _is(each, None)]
        start = bounds[0] if len(bounds) > 1 else ast.Constant(0)
        step = bounds[2] if len(bounds) > 2 else ast.Constant(1)
        shape = tuple_of([expression(each) for each in type_.dims])
        found = call("tile.iota", shape=shape, axis=1 if lying == "row" else 0, dtype=type_.dtype.name)
        for operator, number, nothing in ((ast.Mult(), step, 1), (ast.Add(), start, 0)):
            if not _is(number, nothing):
                found = ast.BinOp(self.before("counted", type_, found, value), operator, number)
        return found

    def made(self, value: ast.Call, type_: TileType, lying: Lying) -> ast.expr:
        """Tiles made of nothing have their new shape."""
        shape = tuple_of([expression(each) for each in type_.dims])
        if called(value) == "tile.full":
            return ast.Call(value.func, [shape, *value.args[1:]], value.keywords)
        others = [each for each in value.keywords if each.arg not in ("shape", "axis")]
        axis = ast.keyword("axis", ast.Constant(1 if lying == "row" else 0))
        return ast.Call(value.func, [], [ast.keyword("shape", shape), axis, *others])


def _is(node: ast.expr, value: int | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == value
