"""Which rule each operation of htp.tile has on a vector core.

Knows operations by name; `select_vector` knows statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.lowering.build import constant, expression
from htp.types import TileType, f32, i32
from htp_backend_pto.lower.select_elementwise import BINARY, UNARY, Item
from htp_backend_pto.lower.select_functions import Functions
from htp_backend_pto.lower.split_units import called
from htp_backend_pto.lower.writing import is_column, room
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.infer.state import Inference
    from htp.program import Function

__all__ = ["Calls"]

REDUCTIONS = {"sum": "sum", "prod": "prod", "max": "max", "min": "min", "argmax": "argmax", "argmin": "argmin"}
SUMMED = ("sum", "prod", "mean")
FUNCTIONS = (*UNARY, "exp2", "log2", "sigmoid", "silu", "tanh", "gelu", "erf", "sign", "floor", "ceil", "round")
MEMORY = ("load", "load_t", "load_row", "load_col", "mgather", "mgather_rows")
"""Instructions that read memory by themselves."""


class Calls(Functions):
    """Writes calls as instructions."""

    def __init__(self, kernel: Function, known: Inference) -> None:
        super().__init__(kernel)
        self.known = known
        self.current: ast.stmt = ast.Pass()
        """The statement at work."""

    def item(self, node: ast.expr) -> Item:
        """An operand: the name of a tile, which a slice of memory becomes, or a number."""
        raise NotImplementedError

    def tile(self, node: ast.expr) -> str:
        """An operand that is a tile."""
        found = self.item(node)
        if not isinstance(found, str):
            raise self.refused(f"`{ast.unparse(node)}` is no tile", "write a tile here")
        return found

    def copied(self, name: str, type_: TileType, other: str) -> None:
        """Another name for a tile: the value moves, so that each name keeps its place."""
        if is_column(type_):
            row = self.instruct(None, self.as_row_type(type_), "mov", self.row(other), base=f"{name}_row")
            self.column(name, type_, row)
        else:
            self.instruct(name, type_, "mov", other)

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
        self.put(ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), call, 1))

    def loaded(self, node: ast.expr) -> ast.expr:
        """An operand as an expression."""
        found = self.item(node)
        return ast.Name(found, ast.Load()) if isinstance(found, str) else found

    def reduced(self, name: str, type_: TileType, how: str, x: str, axes: Sequence[int]) -> None:
        """One number for every row or column."""
        if how in ("any", "all"):
            numbers = self.cast(None, self.like(x, f32), x)
            wide = self.type(f32, type_.dims, room(type_).rows, room(type_).columns)
            made = self.fresh(name)
            self.types[made] = wide
            self.reduced(made, wide, "max" if how == "any" else "min", numbers, axes)
            self.compared(name, type_, "ne", made, constant(0.0))
            return
        if len(axes) != 1:
            what = "a reduction over all elements has no instruction"
            raise self.refused(what, "reduce one axis after the other, with `keepdims=True`")
        source = self.types[x]
        if (source.dtype.bits == 16 and how in SUMMED and source.dtype.kind == "float") or not self.reduces(how, x):
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
        """Whether an instruction reduces tiles of this dtype, or nothing else would."""
        dtype = self.types[x].dtype
        return self.has(f"row{REDUCTIONS.get(how, 'sum')}", dtype) or dtype.kind != "float"

    def sum(self, name: str | None, type_: TileType, x: str, axis: int, how: str = "sum") -> str:
        """Rows with scratch give a column; columns give a row."""
        if axis == 1 and is_column(self.types[x]):
            return self.instruct(name, type_, "mov", x)
        if how.startswith("arg"):
            return self.placed(name, type_, x, axis, how)
        if axis == 1:
            return self.instruct(name, type_, f"row{how}", x, self.row_scratch(self.types[x]))
        if is_column(self.types[x]):
            row = self.row(x)
            return self.instruct(name, type_, f"row{how}", row, self.row_scratch(self.types[row]))
        return self.instruct(name, type_, f"col{how}", x)

    def placed(self, name: str | None, type_: TileType, x: str, axis: int, how: str) -> str:
        """Where the largest is, as i32 and then as what the program wants."""
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

    def on_tril(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.tril(x, k)`: zero above a diagonal."""
        self.triangle(name, type_, given, upper=False)

    def on_triu(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.triu(x, k)`: zero below a diagonal."""
        self.triangle(name, type_, given, upper=True)

    def triangle(self, name: str, type_: TileType, given: dict[str, ast.expr], *, upper: bool) -> None:
        """Ones in a triangle say what is kept."""
        x, diagonal = self.tile(given["x"]), given.get("k", ast.Constant(0))
        rows, columns = (expression(each) for each in type_.dims)
        wide = self.like(x, f32)
        if upper:
            ones = self.instruct(None, wide, "tri", diagonal, rows, columns, dtype="f32", upper=ast.Constant(True))
        else:
            ones = self.instruct(None, wide, "tri", diagonal, rows, columns, dtype="f32")
        mask = self.compared(None, self.flags_like(type_), "ne", ones, constant(0.0))
        self.chosen(name, type_, mask, x, constant(0.0) if type_.dtype.kind == "float" else constant(0))

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
