"""Tiles of three dimensions become tiles of two: all axes but the last are rows, one behind the other.

Knows operations in normal form; which way vectors lie is `ranks`' business.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import Expr, const, sym
from htp.fresh_names import numbered
from htp.infer.engine import infer
from htp.infer.values import Region, Value
from htp.liveness import loads, writes
from htp.lowering.build import call, constant, expression, tuple_of
from htp.program import origin_of, stamp
from htp.types import TileType, bool_, f32
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.translate import spelled_symbols
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program
    from htp.types import DType

__all__ = ["folded"]

FLAT = 2
DEEP = 3
SHAPED = ("reshape", "expand_dims", "squeeze")
REDUCTIONS = ("all", "any", "argmax", "argmin", "max", "mean", "min", "prod", "sum")
PAIRED = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}
"""Reductions over whole matrices, and what does the same to two of them."""
ALONG = ("argsort", "sort", "cumsum", "flip", "concat", "gather", "scatter")
"""Operations along an axis, here the last one."""
BESIDE = ("indices", "updates")
"""Operands that have the rows of what an operation goes along."""
EACH = (
    "abs", "add", "bitwise_and", "bitwise_or", "bitwise_xor", "cast", "ceil", "clip", "cos", "divide", "equal", "erf",
    "exp", "exp2", "floor", "floor_divide", "gelu", "greater", "greater_equal", "invert", "isfinite", "isinf", "isnan",
    "left_shift", "less", "less_equal", "log", "log2", "logical_and", "logical_not", "logical_or", "logical_xor",
    "maximum", "minimum", "mod", "multiply", "neg", "not_equal", "power", "relu", "right_shift", "round", "rsqrt",
    "select", "sigmoid", "sign", "silu", "sin", "sqrt", "subtract", "tanh", "where",
)  # fmt: skip
"""Operations that go element by element."""
HELP = "make matrices, one for each turn of a loop over the leading dimension"


def folded(program: Program, kernel: Function) -> Function:
    """The kernel without tiles of three dimensions."""
    return _Deep(program, kernel).function()


class _Deep:
    """Rewrites one kernel."""

    def __init__(self, program: Program, kernel: Function) -> None:
        self.kernel = kernel
        self.known = infer(program, kernel)
        self.taken = {name for each in walk(kernel.body) for name in (*loads(each), *writes(each))}
        self.tiles = {
            each.target.id
            for each in walk(kernel.body)
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        }
        self.spelled = {symbol: sym(name) for symbol, name in spelled_symbols(kernel.body, self.known).items()}
        """Sizes of the kernel by the symbols of what is known."""
        self.loads = {
            each.target.id: region
            for each in walk(kernel.body)
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            and isinstance(region := self.known.types.get(id(each.value)), Region)
        }  # fmt: skip
        """What is read of arrays, by the names of the tiles."""
        self.out: list[ast.stmt] = []
        self.place: ast.stmt = ast.Pass()
        """The statement at work."""

    def function(self) -> Function:
        return replace(self.kernel, body=tuple(with_sizes(self.kernel, changed(self.kernel.body, self.statement))))

    # statements ---------------------------------------------------------------------------------------------------

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        self.out, self.place = [], node
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if self.is_deep(node):
                made = self.type(node.target)
                if made is None:
                    return [node]
                found = self.value(made, value)
                self.out.append(self.named(name, self.flat(made), found))
            case ast.Assign(targets=[ast.Subscript() as target]) if self.is_deep(node):
                self.store(target, node.value)
            case _:
                return [node]
        return [stamp(each, origin_of(node)) for each in self.out]

    def is_deep(self, node: ast.AnnAssign | ast.Assign) -> bool:
        """Whether a statement makes, takes or stores a tile of three dimensions or more."""
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        value = node.value
        if called(value).startswith("pto."):
            return False
        names = [each for each in ast.walk(value) if isinstance(each, ast.Name)] if value is not None else []
        inner = [each for each in names if each.id in self.tiles]  # arrays may have as many dimensions as they like
        return any(each is not None and len(each.dims) >= DEEP for each in map(self.type, (target, *inner)))

    def is_region(self, node: ast.expr) -> bool:
        """Whether an expression names a part of an array."""
        return isinstance(self.known.types.get(id(node)), Region)

    def named(self, name: str, type_: TileType, value: ast.expr) -> ast.stmt:
        return ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), value, 1)

    def put(self, dtype: DType, dims: Sequence[Expr], value: ast.expr) -> ast.Name:
        """One more statement, whose value has a name of its own."""
        name = numbered("rows", self.taken)
        self.out.append(self.named(name, TileType(dtype, tuple(dims)), value))
        return ast.Name(name, ast.Load())

    def refused(self, what: str, help_: str = "") -> Refused:
        """The refusal of what rows and columns cannot do, at the user's line."""
        return Refused("pto.tile-rank", f"{what}; tiles on the chip have rows and columns", span=origin_of(self.place),
                       help=help_ or self.advice())  # fmt: skip

    def advice(self) -> str:
        """What takes less at a time out of the array that the statement at work reads."""
        names = [each.id for each in ast.walk(self.place) if isinstance(each, ast.Name)]
        regions = [self.known.types.get(id(each)) for each in ast.walk(self.place)]
        regions += [self.loads.get(each) for each in names] + list(self.loads.values())
        deep = (each for each in regions if isinstance(each, Region) and len(each.dims) >= DEEP)
        if (found := next(deep, None)) is None:
            return HELP
        places = ", ".join(("b", *(":" for _ in found.dims[1:])))
        return f"take one at a time out of `{found.root}`, in a loop over its first axis: `t = {found.root}[{places}]`"

    # types --------------------------------------------------------------------------------------------------------

    def type(self, node: ast.expr) -> Value | None:
        known = self.known.types.get(id(node))
        return known.value if isinstance(known, Region) else known if isinstance(known, Value) else None

    def flat(self, value: Value) -> TileType:
        """The type of a tile whose leading axes are rows."""
        return TileType(value.dtype, _flat(value.dims) if len(value.dims) >= DEEP else value.dims)

    # memory -------------------------------------------------------------------------------------------------------

    def load(self, region: Region, node: ast.expr) -> ast.expr:
        if len(region.dims) != DEEP or region.dtype is bool_ or not isinstance(node, ast.Subscript):
            raise self.refused(f"`{ast.unparse(node)}` has {len(region.dims)} dimensions")
        groups, rows, last = region.dims
        if last.constant != 1:
            return call("pto.load_rows", node)
        made = self.put(region.dtype, (groups, rows), _without_last(node))
        return call("tile.reshape", made, self.shape(_flat(region.dims)))

    def store(self, target: ast.Subscript, value: ast.expr) -> None:
        region = self.known.of(target)
        if not isinstance(region, Region) or len(region.dims) != DEEP:
            raise self.refused(f"`{ast.unparse(target)}` has {len(getattr(region, 'dims', ()))} dimensions")
        if region.dtype is bool_:
            raise self.refused("flags are stored by rows and columns", "store numbers: `.astype(u8)`")
        if self.type(value) is None:
            value = call("tile.full", self.shape(_flat(region.dims)), value, region.dtype.name)
            value = self.put(region.dtype, _flat(region.dims), value)
        elif self.is_region(value):
            raise self.refused(f"`{ast.unparse(value)}` is no tile", "give it a name first: `t = x[…]`")
        else:
            value = self.operand(value, region.dims)
        groups, rows, last = region.dims
        if last.constant == 1:
            made = self.put(region.dtype, (groups, rows), call("tile.reshape", value, self.shape((groups, rows))))
            self.out.append(ast.Assign([_without_last(target)], made, lineno=0))
        else:
            made = call("pto.store_rows", value, self.number(groups), self.number(rows))
            self.out.append(ast.Assign([target], made, lineno=0))

    # values -------------------------------------------------------------------------------------------------------

    def value(self, made: Value, node: ast.expr) -> ast.expr:
        """What gives the folded tile."""
        known = self.known.types.get(id(node))
        match node:
            case _ if isinstance(known, Region):
                return self.load(known, node)
            case ast.Name():
                return node
            case ast.BinOp():
                left, right = (self.operand(each, made.dims) for each in (node.left, node.right))
                return ast.BinOp(left, node.op, right)
            case ast.Compare(comparators=[other]):
                return ast.Compare(self.operand(node.left, made.dims), node.ops, [self.operand(other, made.dims)])
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, self.operand(node.operand, made.dims))
            case ast.Subscript():
                return self.part(made, node)
            case ast.Call():
                return self.call(made, node)
            case _:
                raise self.refused(f"`{ast.unparse(node)}` has {len(made.dims)} dimensions")

    def call(self, made: Value, node: ast.Call) -> ast.expr:
        name = called(node).removeprefix("tile.")
        given = self.known.operations[id(node)][1] if id(node) in self.known.operations else {}
        if name in EACH and called(node).startswith("tile."):
            arguments = [self.operand(each, made.dims) for each in node.args]
            keywords = [ast.keyword(each.arg, self.operand(each.value, made.dims)) for each in node.keywords]
            return ast.Call(node.func, arguments, keywords)
        if name in SHAPED:
            return self.shaped(made, given["x"])
        if name == "broadcast_to":
            x = self.operand(given["x"], made.dims)
            return call("tile.broadcast_to", x, self.shape(_flat(made.dims)))
        if name == "full":
            return call("tile.full", self.shape(_flat(made.dims)), given["value"], made.dtype.name)
        if name in REDUCTIONS:
            return self.reduced(made, name, given["x"])
        if name == "transpose":
            return self.transposed(made, given)
        if name in ALONG:
            return self.along(made, name, node, given)
        raise self.refused(f"`{called(node)}` works on {len(made.dims)} dimensions")

    def operand(self, node: ast.expr, dims: Sequence[Expr]) -> ast.expr:
        """An operand whose rows are those of the result, or one that is repeated for all of them."""
        type_ = self.type(node)
        if type_ is None or len(dims) < DEEP:
            return node
        have = (*(const(1) for _ in range(len(dims) - len(type_.dims))), *type_.dims)
        lead, wanted = have[:-1], tuple(dims[:-1])
        if lead == wanted or all(each.constant == 1 for each in lead):
            return node
        count = wanted[0].constant
        if len(lead) == FLAT and lead[0].constant == 1 and lead[1] == wanted[1] and count is not None:
            parts = tuple_of([node] * count)
            return self.put(type_.dtype, (wanted[0] * wanted[1], have[-1]), call("tile.concat", parts, constant(0)))
        if len(lead) == FLAT and lead[1].constant == 1 and lead[0] == wanted[0] and have[-1].constant == 1:
            wide = self.put(type_.dtype, wanted, call("tile.broadcast_to", node, self.shape(wanted)))
            column = (wanted[0] * wanted[1], const(1))
            return self.put(type_.dtype, column, call("tile.reshape", wide, self.shape(column)))
        text = ", ".join(map(str, have))
        raise self.refused(f"an operand of shape ({text}) is repeated within leading dimensions")

    # shapes -------------------------------------------------------------------------------------------------------

    def shaped(self, made: Value, x: ast.expr) -> ast.expr:
        """The same elements with other dimensions, of which rows and columns may already be right."""
        type_ = self.type(x)
        have, wanted = self.flat(type_) if type_ is not None else None, self.flat(made)
        if have is not None and have.dims == wanted.dims:
            return x
        return call("tile.reshape", x, self.shape(wanted.dims))

    def matrices(self, x: ast.expr, what: str) -> tuple[Value, list[ast.expr]]:
        """The matrices that a tile of three dimensions is, if their number is known."""
        type_ = self.type(x)
        count = type_.dims[0].constant if type_ is not None and len(type_.dims) == DEEP else None
        if type_ is None or count is None:
            raise self.refused(f"{what} goes matrix by matrix: how many `{ast.unparse(x)}` has must be a constant")
        _, rows, columns = type_.dims
        return type_, [
            self.put(type_.dtype, (rows, columns), self.rows(x, rows * at, rows * (at + 1))) for at in range(count)
        ]

    def transposed(self, made: Value, given: dict[str, ast.expr]) -> ast.expr:
        axes = given.get("axes")
        order = ast.literal_eval(axes) if axes is not None else None
        if order is None or len(order) != DEEP or tuple(each % DEEP for each in order) != (0, 2, 1):
            raise self.refused("only the last two of three axes change places")
        _, parts = self.matrices(given["x"], "a transposition")
        turned = [self.put(made.dtype, made.dims[1:], call("tile.transpose", each)) for each in parts]
        return turned[0] if len(turned) == 1 else call("tile.concat", tuple_of(turned), constant(0))

    def along(self, made: Value, name: str, node: ast.Call, given: dict[str, ast.expr]) -> ast.expr:
        """An operation along the last axis, which is that of columns."""
        x = given["parts"] if name == "concat" else given["x"]
        first = x.elts[0] if isinstance(x, ast.Tuple) else x
        axis = given.get("axis")
        usual = ast.literal_eval(axis) if axis is not None else -1
        axes = self.known.axes.get(id(given["x"])) if name != "concat" else None
        rank = len(found.dims) if (found := self.type(first)) is not None else DEEP
        place = axes[0] % rank if axes else int(usual) % rank
        if place == 0 and name == "concat":
            return call("tile.concat", x, constant(0))
        if place != rank - 1:
            raise self.refused(f"`tile.{name}` goes along the last axis only")
        beside = [self.operand(given[each], made.dims) for each in BESIDE if each in given]
        said = ("axis", "x", "parts", *BESIDE)
        others = {str(each.arg): each.value for each in node.keywords if each.arg is not None and each.arg not in said}
        return call(f"tile.{name}", x, *beside, axis=constant(1), **others)

    def part(self, made: Value, node: ast.Subscript) -> ast.expr:
        """A part of a tile: rows that lie one behind the other, or those of every matrix."""
        type_, found = self.type(node.value), self.known.slices.get(id(node))
        if type_ is None or found is None or len(type_.dims) != DEEP or len(found[0]) != DEEP:
            raise self.refused(f"`{ast.unparse(node)}` has no rows and columns")
        (group, row, column), (groups, rows, columns), _, _ = found
        inner, last = type_.dims[1], (column, column + columns)
        dims = (groups * rows, columns)
        if row.constant == 0 and rows == inner:
            found_rows = self.rows(node.value, group * inner, (group + groups) * inner, *last)
        elif groups.constant is not None:
            starts = [(group + at) * inner + row for at in range(groups.constant)]
            parts = [self.rows(node.value, each, each + rows, *last) for each in starts]
            named = [self.put(made.dtype, (rows, columns), each) for each in parts]
            found_rows = named[0] if len(named) == 1 else call("tile.concat", tuple_of(named), constant(0))
        else:
            part, whole = ast.unparse(node), ast.unparse(node.value)
            raise self.refused(f"`{part}` goes matrix by matrix: how many `{whole}` has must be a constant")
        wanted = self.flat(made).dims
        if dims == wanted:
            return found_rows
        return call("tile.reshape", self.put(made.dtype, dims, found_rows), self.shape(wanted))

    # reductions -----------------------------------------------------------------------------------------------------

    def reduced(self, made: Value, name: str, x: ast.expr) -> ast.expr:
        """Along the last axis rows are reduced; along others every matrix, or all of them, one after the other."""
        type_, axes = self.type(x), self.known.axes.get(id(x), ())
        if type_ is None or len(axes) != 1:
            what = f"`tile.{name}` of three dimensions reduces one axis"
            raise self.refused(what, "reduce one axis after the other, with `keepdims=True`")
        axis, rank = axes[0] % len(type_.dims), len(type_.dims)
        if axis == rank - 1:
            column = (_flat(type_.dims)[0], const(1))
            found = call(f"tile.{name}", x, axis=constant(1), keepdims=ast.Constant(True))
            if self.flat(made).dims == column:
                return found
            return call("tile.reshape", self.put(made.dtype, column, found), self.shape(self.flat(made).dims))
        type_, parts = self.matrices(x, f"`tile.{name}` along axis {axis}")
        if axis == 1:
            lines = [
                self.put(made.dtype, (const(1), type_.dims[2]),
                         call(f"tile.{name}", each, axis=constant(0), keepdims=ast.Constant(True)))
                for each in parts
            ]  # fmt: skip
            return lines[0] if len(lines) == 1 else call("tile.concat", tuple_of(lines), constant(0))
        if name not in PAIRED:
            raise self.refused(f"`tile.{name}` along the first of three axes has no instruction")
        wide = f32 if made.dtype.kind == "float" else made.dtype
        dims = type_.dims[1:]
        if type_.dtype is not wide:
            parts = [self.put(wide, dims, call("tile.cast", each, wide.name)) for each in parts]
        total = parts[0]
        for each in parts[1:]:
            total = self.put(wide, dims, call(f"tile.{PAIRED[name]}", total, each))
        return total if wide is made.dtype else call("tile.cast", total, made.dtype.name)

    # numbers --------------------------------------------------------------------------------------------------------

    def number(self, size: Expr) -> ast.expr:
        """A size, in the variables of the kernel."""
        return expression(size.substitute(self.spelled))

    def shape(self, dims: Sequence[Expr]) -> ast.expr:
        return tuple_of([self.number(each) for each in dims])

    def rows(
        self, x: ast.expr, start: Expr, stop: Expr, first: Expr | None = None, last: Expr | None = None
    ) -> ast.expr:
        """Some rows of a folded tile, with all columns or some."""
        columns = ast.Slice() if first is None or last is None else ast.Slice(self.number(first), self.number(last))
        rows = ast.Slice(self.number(start), self.number(stop))
        return ast.Subscript(x, ast.Tuple([rows, columns], ast.Load()), ast.Load())


def _without_last(node: ast.Subscript) -> ast.Subscript:
    """A part of an array whose last slice is one element long, as a matrix of what the others are."""
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    last = max(number for number, each in enumerate(parts) if isinstance(each, ast.Slice))
    start = getattr(parts[last], "lower", None)
    parts[last] = start if start is not None else ast.Constant(0)
    return ast.Subscript(node.value, ast.Tuple(parts, ast.Load()), node.ctx)


def _flat(dims: Sequence[Expr]) -> tuple[Expr, Expr]:
    rows = const(1)
    for each in dims[:-1]:
        rows = rows * each
    return rows, dims[-1]
