"""Calls in normal form: every operation of `htp.tile` with its options spelled out, along one axis at a time.

Knows the operations; `operands.py` knows operators and slices.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import const
from htp.infer import shapes
from htp.infer.operators import matmul_dtype
from htp.infer.values import Group, Index, Known, Region, Text, Type, Value
from htp.lowering.build import call, literal, span_of, subscript, tuple_of
from htp.lowering.operands import Operands
from htp.types import f32

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.types import DType

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all")
ROUNDED = ("sum", "mean", "prod")
COMPARISONS = {
    "equal": ast.Eq,
    "not_equal": ast.NotEq,
    "less": ast.Lt,
    "less_equal": ast.LtE,
    "greater": ast.Gt,
    "greater_equal": ast.GtE,
}
OPERATORS = {
    "add": ast.Add, "subtract": ast.Sub, "multiply": ast.Mult, "divide": ast.Div, "floor_divide": ast.FloorDiv,
    "mod": ast.Mod, "power": ast.Pow, "bitwise_and": ast.BitAnd, "bitwise_or": ast.BitOr, "bitwise_xor": ast.BitXor,
    "left_shift": ast.LShift, "right_shift": ast.RShift, "logical_and": ast.BitAnd, "logical_or": ast.BitOr,
    "logical_xor": ast.BitXor,
}  # fmt: skip


class Calls(Operands):
    """Writes statements for calls."""

    def call(self, node: ast.Call, known: Value, wanted: str | None) -> ast.expr:
        """The tile that a call gives."""
        if isinstance(node.func, ast.Name):
            return self.give(known, call(node.func.id, self.scalar(node.args[0])), wanted)
        name, given = self.arguments(node)
        for each in given.values():
            if isinstance(self.known.of(each), Index | Group):
                self.settle(each)
        if id(node) in self.known.intrinsics:
            return self._intrinsic(node, name, given, known, wanted)
        handler: Callable[[dict[str, ast.expr], Value, str | None], ast.expr] | None = getattr(
            self, f"_write_{name}", None
        )
        if handler is not None:
            return handler(given, known, wanted)
        if name in REDUCTIONS:
            return self._reduction(name, given, known, wanted)
        if name in OPERATORS:
            return self.give(known, ast.BinOp(self.tile(given["a"]), OPERATORS[name](), self.tile(given["b"])), wanted)
        if name in COMPARISONS:
            return self.give(
                known, ast.Compare(self.tile(given["a"]), [COMPARISONS[name]()], [self.tile(given["b"])]), wanted
            )
        tiles, named = self._plain(given)
        return self.give(known, call(f"tile.{name}", *tiles, **named), wanted)

    def _intrinsic(
        self, node: ast.Call, name: str, given: dict[str, ast.expr], known: Value, wanted: str | None
    ) -> ast.expr:
        """A call that is kept: tiles and numbers by position, every attribute by name as a constant."""
        attributes = self.known.intrinsics[id(node)].attributes
        operands = [self.tile(each) for parameter, each in given.items() if parameter not in attributes]
        return self.give(
            known, call(name, *operands, **{each: literal(value) for each, value in attributes.items()}), wanted
        )

    def _plain(self, given: dict[str, ast.expr]) -> tuple[list[ast.expr], dict[str, ast.expr]]:
        """Tiles by position, everything else by name and constant."""
        tiles: list[ast.expr] = []
        named: dict[str, ast.expr] = {}
        for name, node in given.items():
            known = self.known.of(node)
            if isinstance(known, Value | Region):
                tiles.append(self.tile(node))
            elif isinstance(known, Group) and all(isinstance(each, Value | Region) for each in known.items):
                tiles.append(
                    tuple_of([self.tile(each) for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)])
                )
            elif isinstance(known, Text) and known.text is None:
                continue
            else:
                named[name] = self._option(node, known)
        return tiles, named

    def _option(self, node: ast.expr, known: Known) -> ast.expr:
        if isinstance(known, Type):
            return ast.Name(known.dtype.name, ast.Load())
        if isinstance(known, Text):
            return ast.Constant(known.text)
        if isinstance(known, Group):
            return tuple_of([self.size(each.value) for each in known.items if isinstance(each, Index)])
        return self.scalar(node)

    def _write_neg(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self.give(known, ast.UnaryOp(ast.USub(), self.tile(given["x"])), wanted)

    def _write_invert(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self.give(known, ast.UnaryOp(ast.Invert(), self.tile(given["x"])), wanted)

    _write_logical_not = _write_invert

    def _write_where(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        parts = [self.tile(given[each]) for each in ("cond", "a", "b")]
        return self.give(known, call("tile.where", *parts), wanted)

    _write_select = _write_where

    def _write_clip(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        parts = {
            each: self.tile(given[each])
            for each in ("x", "lo", "hi")
            if each in given and not self._is_none(given[each])
        }
        if len(parts) == 1:
            return parts["x"]
        name = "clip" if len(parts) == 3 else "maximum" if "lo" in parts else "minimum"
        return self.give(known, call(f"tile.{name}", *parts.values()), wanted)

    def _is_none(self, node: ast.expr) -> bool:
        known = self.known.of(node)
        return isinstance(known, Text) and known.text is None

    def _write_maximum(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self.give(known, call("tile.maximum", self.tile(given["a"]), self.tile(given["b"])), wanted)

    def _write_minimum(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self.give(known, call("tile.minimum", self.tile(given["a"]), self.tile(given["b"])), wanted)

    def _write_cast(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        source = self.tile(given["x"])
        if self.value_of(given["x"]).dtype is known.dtype:
            return source
        return self._cast(source, known, wanted)

    def _cast(self, source: ast.expr, to: Value, wanted: str | None = None) -> ast.Name:
        return self.give(to, call("tile.cast", source, to.dtype.name), wanted)

    def _write_dot(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        acc = given.get("acc")
        added = self.tile(acc) if acc is not None and isinstance(self.known.of(acc), Value | Region) else None
        dtype = matmul_dtype(self.value_of(given["a"]).dtype)
        product = Value(dtype, known.dims)
        if dtype is known.dtype:
            return self.product(given["a"], given["b"], product, wanted, added)
        return self._cast(self.product(given["a"], given["b"], product, None, added), known, wanted)

    def _reduction(self, name: str, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        """One axis at a time, innermost first, sizes kept; narrow floats are summed in f32 and rounded once."""
        source, value = self.tile(given["x"]), self.value_of(given["x"])
        axes = self.known.axes[id(given["x"])]
        rounded = name in ROUNDED and value.dtype.kind == "float" and value.dtype.bits < 32
        dtype = f32 if rounded else known.dtype
        if rounded or (name in ROUNDED and value.dtype is not known.dtype):
            value = Value(dtype, value.dims)
            source = self._cast(source, value)
        for axis in sorted(axes, reverse=True):
            dims = tuple(const(1) if index == axis else size for index, size in enumerate(value.dims))
            value = Value(dtype if name not in ("any", "all") else known.dtype, dims)
            source = self.give(
                value, call(f"tile.{name}", source, axis=ast.Constant(axis), keepdims=ast.Constant(True))
            )
        if rounded:
            value = Value(known.dtype, value.dims)
            source = self._cast(source, value)
        return self._renamed(source, wanted) if value.dims == known.dims else self.reshape(known, source, wanted)

    def _renamed(self, source: ast.expr, wanted: str | None) -> ast.expr:
        """The last tile under the wanted name, without a copy."""
        last = self.out[-1] if self.out else None
        if (
            wanted
            and isinstance(last, ast.AnnAssign)
            and isinstance(last.target, ast.Name)
            and isinstance(source, ast.Name)
            and last.target.id == source.id
        ):
            self.taken.discard(source.id)
            last.target = ast.Name(wanted, ast.Store())
            return ast.Name(wanted, ast.Load())
        return source

    def _position(self, name: str, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        """The index of the largest or smallest element along one axis; over all axes, of the flattened tile."""
        source, value = self.tile(given["x"]), self.value_of(given["x"])
        axes = self.known.axes[id(given["x"])]
        if len(axes) != 1 or (len(value.dims) != 1 and len(axes) == len(value.dims)):
            value = Value(value.dtype, (shapes.product(value.dims),))
            source, axes = self.reshape(value, source), (0,)
        self.at_least(value.dims[axes[0]], const(1))
        dims = tuple(const(1) if index in axes else size for index, size in enumerate(value.dims))
        kept = Value(known.dtype, dims)
        found = self.give(kept, call(f"tile.{name}", source, axis=ast.Constant(axes[0]), keepdims=ast.Constant(True)))
        return self._renamed(found, wanted) if dims == known.dims else self.reshape(known, found, wanted)

    def _write_argmax(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._position("argmax", given, known, wanted)

    def _write_argmin(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._position("argmin", given, known, wanted)

    def _write_reshape(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        source = self.tile(given["x"])
        return source if self.value_of(given["x"]).dims == known.dims else self.reshape(known, source, wanted)

    _write_squeeze = _write_expand_dims = _write_reshape

    def _write_transpose(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        order = self.known.axes[id(given["x"])]
        return self.give(known, call("tile.transpose", self.tile(given["x"]), tuple_of(order)), wanted)

    def _write_broadcast_to(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        shape = tuple_of([self.size(each) for each in known.dims])
        return self.give(known, call("tile.broadcast_to", self.tile(given["x"]), shape), wanted)

    def _write_flip(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        axes = tuple_of(self.known.axes[id(given["x"])])
        return self.give(known, call("tile.flip", self.tile(given["x"]), axis=axes), wanted)

    def _write_full(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._full(self.tile(given["value"]), known, wanted)

    def _write_zeros(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._full(_number(known.dtype, 0), known, wanted)

    def _write_ones(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._full(_number(known.dtype, 1), known, wanted)

    def _full(self, value: ast.expr, known: Value, wanted: str | None) -> ast.expr:
        shape = tuple_of([self.size(each) for each in known.dims])
        return self.give(known, call("tile.full", shape, value, known.dtype.name), wanted)

    def _write_cumsum(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        source, value = self.tile(given["x"]), self.value_of(given["x"])
        (axis,) = self.known.axes[id(given["x"])]
        wide = f32 if value.dtype.kind == "float" and value.dtype.bits < 32 else known.dtype
        if wide is not value.dtype:
            source = self._cast(source, Value(wide, value.dims))
        summed = call("tile.cumsum", source, axis=ast.Constant(axis))
        if wide is known.dtype:
            return self.give(known, summed, wanted)
        return self._cast(self.give(Value(wide, known.dims), summed), known, wanted)

    def _axis_call(self, name: str, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        tiles, named = self._plain({key: value for key, value in given.items() if key != "axis"})
        (axis,) = self.known.axes[id(given["x"])]
        return self.give(known, call(f"tile.{name}", *tiles, **named, axis=ast.Constant(axis)), wanted)

    def _write_sort(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._axis_call("sort", given, known, wanted)

    def _write_argsort(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._axis_call("argsort", given, known, wanted)

    def _write_take(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._axis_call("take", given, known, wanted)

    def _write_gather(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._axis_call("gather", given, known, wanted)

    def _write_scatter(self, given: dict[str, ast.expr], known: Value, wanted: str | None) -> ast.expr:
        return self._axis_call("scatter", given, known, wanted)

    def results(self, node: ast.expr) -> list[ast.expr]:
        """The tiles of an operation with several results."""
        known = self.known.of(node)
        if not isinstance(node, ast.Call) or not isinstance(known, Group):
            raise Bug(f"not a call with several results: {ast.unparse(node)}")
        name, given = self.arguments(node)
        (axis,) = self.known.axes[id(given["x"])]
        values = [each for each in known.items if isinstance(each, Value)]
        source = self.tile(given["x"])
        if name == "split":
            return [self._part(source, value, axis, number) for number, value in enumerate(values)]
        names = [self.fresh(), self.fresh()]
        count = self.scalar(given["k"])
        target = ast.Tuple([ast.Name(each, ast.Store()) for each in names], ast.Store())
        self.at_least(self.value_of(given["x"]).dims[axis], values[0].dims[axis])
        self.emit(ast.Assign([target], call("tile.topk", source, count, axis=ast.Constant(axis)), lineno=0))
        return [ast.Name(each, ast.Load()) for each in names]

    def _part(self, source: ast.expr, value: Value, axis: int, number: int) -> ast.expr:
        parts: list[ast.expr] = [
            span_of(self.size(size * number), self.size(size)) if index == axis else ast.Slice()
            for index, size in enumerate(value.dims)
        ]
        return self.give(value, subscript(source.id if isinstance(source, ast.Name) else "", parts))


def _number(dtype: DType, value: int) -> ast.expr:
    if dtype.kind == "bool":
        return ast.Constant(bool(value))
    return ast.Constant(float(value) if dtype.kind == "float" else value)
