"""Which rule each operation of htp.tile has on a vector core.

Knows operations by name; `vector` knows statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp.lowering.build import constant, expression
from htp.types import bool_, f32, i32
from htp_backend_pto.isa import instruction
from htp_backend_pto.lower.select.elementwise import BINARY, UNARY
from htp_backend_pto.lower.select.integers import BITS
from htp_backend_pto.lower.select.reductions import REDUCTIONS, Reductions
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.lower.writing import is_column
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Function
    from htp.types import TileType
    from htp_backend_pto.lower.bounds import Sizes
    from htp_backend_pto.lower.select.choices import Item

__all__ = ["COMPARING", "Calls"]

FUNCTIONS = (
    *UNARY, "exp2", "log2", "sigmoid", "silu", "tanh", "gelu", "erf", "sign", "floor", "ceil", "round", "isnan",
    "isinf", "isfinite", "sin", "cos",
)  # fmt: skip
COMPARING = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"}
MEMORY = ("load", "load_t", "load_row", "load_rows", "load_col", "mgather", "mgather_rows")
"""Instructions that read memory by themselves."""
UPDATES = ("pto.mscatter", "pto.mscatter_rows", "pto.store_add")


class Calls(Reductions):
    """Writes calls as instructions."""

    def __init__(self, kernel: Function, known: Inference, given: Sizes) -> None:
        super().__init__(kernel)
        self.known = known
        self.given_sizes = given
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

    def may_be_empty(self, size: Expr, others: Sequence[Expr]) -> bool:
        """Whether nothing says that a size is above zero where other sizes are."""
        facts = self.given_sizes.within(self.known.facts_at(self.current))
        for each in others:
            facts = facts.with_nonnegative(each - 1)
        least = facts.lower_bound(size)
        return least is None or least < 1

    def copied(self, name: str, type_: TileType, other: str) -> None:
        """Another name for a tile: the value moves, so that each name keeps its place."""
        if type_.dtype is bool_:
            self.cast(name, type_, self.flags(None, self.like(other, f32), other))
        elif is_column(type_):
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
        rule = getattr(self, f"on_{operation}", None)
        if rule is not None:
            rule(name, type_, given)
        elif operation in FUNCTIONS:
            self.function(name, type_, operation, self.tile(given["x"]), **options)
        elif operation in REDUCTIONS:
            self.reduced(name, type_, operation, self.tile(given["x"]), self.known.axes[id(given["x"])])
        elif len(given) == 2 and self.pair(name, type_, operation, *(self.item(each) for each in given.values())):
            pass
        else:
            raise self.refused(
                f"`tile.{operation}` has no instruction on Ascend, nor a formula of those that there are",
                "use an instruction of `htp_backend_pto.pto`, or compute it outside",
            )

    def pair(self, name: str, type_: TileType, operation: str, left: Item, right: Item) -> bool:
        """An operation on two operands; whether there is a rule for it."""
        if operation in BINARY:
            self.binary(name, type_, BINARY[operation], left, right)
        elif operation in COMPARING:
            self.compared(name, type_, COMPARING[operation], left, right)
        elif operation in BITS:
            self.bits(name, type_, BITS[operation], left, right)
        elif operation in ("left_shift", "right_shift"):
            self.shifted(name, type_, "shl" if operation == "left_shift" else "shr", left, right)
        elif operation in ("floor_divide", "mod"):
            self.divided(name, type_, "quotient" if operation == "floor_divide" else "remainder", left, right)
        elif operation == "power":
            self.power(name, type_, left, right)
        else:
            return False
        return True

    def written(self, name: str, type_: TileType, node: ast.Call) -> None:
        """The user's own instruction; what it takes from memory is loaded first."""
        if called(node) in UPDATES:
            raise self.refused(
                f"`{called(node)}` changes an array where it lies, and `{name}` is no array",
                f"store what it gives where it is: `y[:, :] = {called(node)}(x, index, y[:, :])`",
            )
        memory = called(node).removeprefix("pto.") in MEMORY
        arguments = [node.args[0], *(self.loaded(each) for each in node.args[1:])] if memory else [
            self.loaded(each) for each in node.args
        ]  # fmt: skip
        known = instruction(called(node))
        if known.inout is not None:
            place = [each.name for each in known.operands if each.role != "dst"].index(known.inout)
            arguments[place] = self.spare(name, arguments[place])
        self.forget(name)
        call = ast.Call(node.func, arguments, node.keywords)
        self.put(ast.AnnAssign(ast.Name(name, ast.Store()), annotation_of(type_), call, 1))

    def spare(self, name: str, old: ast.expr) -> ast.expr:
        """The tile in whose place `name` is put: a copy of it where the old value is read again."""
        if not isinstance(old, ast.Name) or old.id == name:
            return old
        simple = [each for each in walk(self.kernel.body) if not hasattr(each, "body")]
        others = any(old.id in loads(each) for each in simple if each is not self.current)
        if not others and any(old.id in writes(each) for each in self.out):  # it is made anew before each use
            return old
        copy = self.fresh(old.id)
        self.types[copy] = self.types[old.id]
        self.copied(copy, self.types[copy], old.id)
        return ast.Name(copy, ast.Load())

    def loaded(self, node: ast.expr) -> ast.expr:
        """An operand as an expression."""
        found = self.item(node)
        return ast.Name(found, ast.Load()) if isinstance(found, str) else found

    # operations ---------------------------------------------------------------------------------------------------

    def on_cast(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.cast(x, dtype)`; what is no whole number is cut, as in Python."""
        self.cast(name, type_, self.tile(given["x"]))

    def on_invert(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.invert(x)`."""
        self.inverted(name, type_, self.tile(given["x"]))

    on_logical_not = on_invert

    def on_full(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.full(shape, value, dtype)`."""
        self.filled(name, type_, given["value"])

    def on_iota(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.iota(shape, axis)`."""
        axis = given["axis"]
        self.counted(name, type_, axis.value if isinstance(axis, ast.Constant) and isinstance(axis.value, int) else 0)

    def on_eye(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.eye(n, dtype)`: ones where the row is the column."""
        numbers = self.sized(type_, f32)
        lines, lanes = (self.counted(None, numbers, axis) for axis in (0, 1))
        if type_.dtype is bool_:
            self.compared(name, type_, "eq", lines, lanes)
        else:
            self.cast(name, type_, self.compared(None, self.flags_like(type_), "eq", lines, lanes))

    def on_where(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.where(condition, a, b)`."""
        condition, yes, no = given.values()
        self.chosen(name, type_, self.tile(condition), self.item(yes), self.item(no))

    on_select = on_where

    def on_tril(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.tril(x, k)`: zero above a diagonal."""
        self.triangle(name, type_, given, "ge")

    def on_triu(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.triu(x, k)`: zero below a diagonal."""
        self.triangle(name, type_, given, "le")

    def triangle(self, name: str, type_: TileType, given: dict[str, ast.expr], mode: str) -> None:
        """What lies on one side of a diagonal is kept."""
        x, diagonal = self.tile(given["x"]), given.get("k", ast.Constant(0))
        zero = constant(0.0 if type_.dtype.kind == "float" else 0)
        if not is_column(type_):
            upper = ast.Constant(mode == "le")
            sizes = (expression(each) for each in type_.dims)
            ones = self.instruct(None, self.sized(type_, f32), "tri", diagonal, *sizes, dtype="f32", upper=upper)
            self.chosen(name, type_, self.compared(None, self.flags_like(type_), "ne", ones, constant(0.0)), x, zero)
            return
        numbers = self.as_row_type(self.sized(type_, i32))
        lanes = self.instruct(None, numbers, "adds", self.counted(None, numbers, 1), diagonal)
        mask = self.compared(None, self.flags_like(numbers), mode, lanes, constant(0))
        self.chosen(name, type_, mask, x, zero)

    def on_clip(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.clip(x, low, high)`."""
        none = ast.Constant(None)
        low, high = (self.item(given.get(each, none)) for each in ("lo", "hi"))
        self.clipped(name, type_, self.tile(given["x"]), low, high)

    def on_transpose(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.transpose(x)`."""
        x = self.tile(given["x"])
        if is_column(self.types[x]) or self.types[x].dims[0].constant == 1:
            self.reshaped(name, type_, x)
        else:
            self.transposed_to(name, type_, x)

    def on_reshape(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """The same elements in other rows and columns."""
        self.reshaped(name, type_, self.tile(given["x"]))

    on_squeeze = on_reshape
    on_expand_dims = on_reshape

    def on_broadcast_to(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """A row or column repeated."""
        self.copied(name, type_, self.spread(self.tile(given["x"]), type_))

    def on_concat(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """Tiles one behind the other."""
        values, axis = given["parts"], given.get("axis")
        parts = [self.tile(each) for each in values.elts] if isinstance(values, ast.Tuple) else []
        self.joined(name, type_, parts, _axis(axis, 0))

    def on_flip(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.flip(x, axis)`."""
        axes = self.known.axes.get(id(given["x"]), (0, 1))
        self.flipped(name, type_, self.tile(given["x"]), axes)

    # by index -----------------------------------------------------------------------------------------------------

    def axis_of(self, given: dict[str, ast.expr], usual: int) -> int:
        """The axis of an operation."""
        found = self.known.axes.get(id(given["x"]))
        return found[0] if found else _axis(given.get("axis"), usual)

    def on_gather(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.gather(x, indices, axis)`."""
        x, index = self.tile(given["x"]), self.tile(given["indices"])
        self.by_index(name, type_, x, index, self.axis_of(given, 0))

    def on_scatter(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.scatter(x, indices, updates, axis)`."""
        mode = given.get("mode")
        x, index, updates = self.tile(given["x"]), self.tile(given["indices"]), self.item(given["updates"])
        if not isinstance(updates, str):
            updates = self.filled(None, self.like(index, type_.dtype), updates)
        how = str(mode.value) if isinstance(mode, ast.Constant) else "set"
        self.scattered(name, type_, x, index, updates, self.axis_of(given, 0), how)

    def on_take(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.take(x, indices, axis)` of a tile, by a row or column of indices."""
        x, index, axis = self.tile(given["x"]), self.tile(given["indices"]), self.axis_of(given, 0)
        if axis == 0 and not is_column(self.types[index]):
            index = self.turned(index)
        self.by_index(name, type_, x, index, axis)

    def on_cumsum(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.cumsum(x, axis)`."""
        self.running(name, type_, self.tile(given["x"]), self.axis_of(given, 0))

    def on_argsort(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.argsort(x, axis, descending)`."""
        made = self.sized(type_, i32)
        falling = _flag(given.get("descending"))
        last = name if type_.dtype is i32 else None
        found = self.order(last, made, self.tile(given["x"]), self.axis_of(given, 1), falling=falling)
        if last is None:
            self.cast(name, type_, found)

    def on_sort(self, name: str, type_: TileType, given: dict[str, ast.expr]) -> None:
        """`tile.sort(x, axis, descending)`."""
        x, axis = self.tile(given["x"]), self.axis_of(given, 1)
        if self.single(x, axis):
            self.copied(name, type_, x)
            return
        order = self.order(None, self.sized(type_, i32), x, axis, falling=_flag(given.get("descending")))
        self.by_index(name, type_, x, order, axis)


def _axis(node: ast.expr | None, usual: int) -> int:
    value = ast.literal_eval(node) if node is not None else usual
    return value % 2 if isinstance(value, int) else usual


def _flag(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)
