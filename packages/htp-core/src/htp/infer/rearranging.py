"""Types of operations that move elements about or make new tiles.

Knows shapes; `shapes.py` has the rules that several operations share.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const, maximum
from htp.infer import shapes
from htp.infer.arguments import Arguments
from htp.infer.shapes import Mismatch
from htp.infer.values import Group, Index, Known, Region, Value
from htp.types import f32, i32

if TYPE_CHECKING:
    from htp.ops import Op


class Rearranging(Arguments):
    """The part of the engine that types operations on shapes, and those that make tiles."""

    def _op_reshape(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        return Value(value.dtype, shapes.reshaped(self.facts, value.dims, self.shape(given[op.params[1].name])))

    def _op_transpose(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        rank = len(value.dims)
        axes = given.get(op.params[1].name)
        order = tuple(range(rank))[::-1] if axes is None or self.is_none(axes) else (self.axes(axes, rank) or ())
        if sorted(order) != list(range(rank)):
            raise self.refused(node, "type.bad-axis", f"{order} is not an order of {rank} axes")
        self.result.axes[id(given["x"])] = order
        return Value(value.dtype, tuple(value.dims[each] for each in order))

    def _op_broadcast_to(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        wanted = self.shape(given[op.params[1].name])
        if len(value.dims) > len(wanted):
            raise Mismatch(f"{shapes.show(value.dims)} cannot be broadcast to {shapes.show(wanted)}")
        for have, want in zip(value.dims[::-1], wanted[::-1], strict=False):
            if have.constant != 1:
                shapes.same(
                    self.facts, have, want, f"{shapes.show(value.dims)} cannot be broadcast to {shapes.show(wanted)}"
                )
        return Value(value.dtype, wanted)

    def _op_concat(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        listed = given[op.params[0].name]
        parts = list(listed.elts) if isinstance(listed, ast.Tuple) else []
        if not parts:
            raise self.refused(
                node,
                "type.bad-arguments",
                "`tile.concat` takes a tuple of tiles",
                "write `tile.concat((a, b), axis=0)`",
            )
        self.expression(listed)
        values = [self.tile(each) for each in parts]
        dtype = self.common(node, [each.dtype for each in values], "tile.concat")
        axis = self.axis(given.get("axis"), len(values[0].dims))
        return Value(dtype, shapes.concatenated(self.facts, [each.dims for each in values], axis))

    def _op_split(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        axis = self.along(given, value)
        sections = self.index(given[op.params[1].name]).constant
        if sections is None or sections < 1:
            raise self.refused(node, "type.bad-arguments", "the number of sections is a positive constant")
        size = value.dims[axis]
        if not self.facts.divides(sections, size):
            raise Mismatch(f"cannot prove that {size} divides by {sections}", multiple=(size, const(sections)))
        part = tuple(size // sections if index == axis else each for index, each in enumerate(value.dims))
        return Group(tuple(Value(value.dtype, part) for _ in range(sections)))

    def _op_squeeze(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        ones = tuple(index for index, size in enumerate(value.dims) if size.constant == 1)
        axes = self.axes(given.get("axis"), len(value.dims))
        for axis in axes or ():
            if axis not in ones:
                raise Mismatch(f"axis {axis} has size {value.dims[axis]}, not 1")
        return Value(value.dtype, shapes.reduced(value.dims, ones if axes is None else axes, keepdims=False))

    def _op_expand_dims(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        axes = self.axes(given["axis"], len(value.dims) + 1) or ()
        rank = len(value.dims) + len(axes)
        axes = tuple(
            each.value.constant % rank
            for each in self._items(given["axis"])
            if isinstance(each, Index) and each.value.constant is not None
        )
        old = iter(value.dims)
        return Value(value.dtype, tuple(const(1) if index in axes else next(old) for index in range(rank)))

    def _items(self, node: ast.expr) -> tuple[Known, ...]:
        known = self.expression(node)
        return known.items if isinstance(known, Group) else (known,)

    def _op_flip(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        axes = self.axes(given.get("axis"), len(value.dims))
        self.result.axes[id(given["x"])] = tuple(range(len(value.dims))) if axes is None else axes
        return value

    # making -------------------------------------------------------------------------------------------------------

    def _family_make(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        dims = self.shape(given[op.params[0].name])
        for size in dims:
            if size.constant is not None and size.constant < 0:
                raise Mismatch(f"a shape has no negative size: {shapes.show(dims)}")
        dtype = self.dtype(given["dtype"]) if "dtype" in given else f32
        if "value" in given:
            known = self.expression(given["value"])
            if isinstance(known, Value | Region):
                value = self.as_tile(given["value"], known)
                self.same_dtype(given["value"], value.dtype, dtype, "tile.full")
            else:
                self.adapt_scalar(given["value"], known, dtype)
        return Value(dtype, dims)

    def _op_arange(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        bounds = [each for name, each in given.items() if name not in ("dtype",) and not self.is_none(each)]
        values = [self.index(each) for each in bounds]
        start, stop = (const(0), values[0]) if len(values) == 1 else (values[0], values[1])
        step = values[2].constant if len(values) > 2 else 1
        if step is None or step == 0:
            raise self.refused(node, "type.bad-arguments", "the step of `tile.arange` is a non-zero constant")
        count = (stop - start + (step - 1)) // step if step > 0 else (start - stop + (-step - 1)) // -step
        size = count if self.facts.nonnegative(count) else maximum(const(0), count)
        return Value(self.dtype(given["dtype"]) if "dtype" in given else i32, (self.facts.simplify(size),))

    def _op_iota(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        dims = self.shape(given[op.params[0].name])
        self.axis(given.get("axis"), len(dims))
        return Value(self.dtype(given["dtype"]) if "dtype" in given else i32, dims)

    def _op_eye(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        rows = self.index(given[op.params[0].name])
        return Value(self.dtype(given["dtype"]), (rows, rows))

    def _op_one_hot(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        indices = self.tile_of(given[op.params[0].name], op)
        count = self.index(given[op.params[1].name])
        return Value(self.dtype(given["dtype"]) if "dtype" in given else f32, (*indices.dims, count))
