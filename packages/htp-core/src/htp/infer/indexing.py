"""Types of operations that look elements up by index, and those that find indices: sorting and selection.

Knows how indices and tiles have to align.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.infer import shapes
from htp.infer.rearranging import Rearranging
from htp.infer.shapes import Mismatch
from htp.infer.values import Group, Known, Region, Value
from htp.types import i64

if TYPE_CHECKING:
    import ast

    from htp.ops import Op


class Indexing(Rearranging):
    """The part of the engine that types indexing, sorting and masks."""

    def _op_take(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value, indices = self.tile(given[op.params[0].name]), self._indices(given[op.params[1].name])
        axis = self.along(given, value)
        return Value(value.dtype, (*value.dims[:axis], *indices.dims, *value.dims[axis + 1 :]))

    def _op_gather(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value, indices = self.tile(given[op.params[0].name]), self._indices(given[op.params[1].name])
        self._aligned(value, indices, self.along(given, value))
        return Value(value.dtype, indices.dims)

    def _op_scatter(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value, indices = self.tile(given[op.params[0].name]), self._indices(given[op.params[1].name])
        given_updates = self.expression(given["updates"])
        if not isinstance(given_updates, Value | Region):
            self.adapt_scalar(given["updates"], given_updates, value.dtype)
            self._aligned(value, indices, self.along(given, value))
            return value
        updates = self.as_tile(given["updates"], given_updates)
        self.same_dtype(node, value.dtype, updates.dtype, "tile.scatter")
        self._aligned(value, indices, self.along(given, value))
        if len(updates.dims) != len(indices.dims):
            raise Mismatch(f"updates {shapes.show(updates.dims)} and indices {shapes.show(indices.dims)} differ")
        for one, two in zip(updates.dims, indices.dims, strict=True):
            shapes.same(self.facts, one, two, "updates and indices differ")
        mode = self.text(given.get("mode")) or "set"
        if mode not in ("set", "add", "max", "min"):
            raise self.refused(
                node, "type.bad-arguments", f"`{mode}` is no mode of scatter", 'use "set", "add", "max" or "min"'
            )
        return value

    def _aligned(self, value: Value, indices: Value, axis: int) -> None:
        if len(value.dims) != len(indices.dims):
            raise Mismatch(f"indices {shapes.show(indices.dims)} need as many dimensions as {shapes.show(value.dims)}")
        for index, (one, two) in enumerate(zip(value.dims, indices.dims, strict=True)):
            if index != axis:
                shapes.same(self.facts, one, two, f"indices and tile differ in dimension {index}")

    def _indices(self, node: ast.expr) -> Value:
        indices = self.tile(node)
        if indices.dtype.kind not in ("int", "uint"):
            raise self.refused(
                node, "type.bad-dtype", f"indices are integers, not {indices.dtype.name}", "cast: `.astype(i32)`"
            )
        return indices

    def _op_sort(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile_of(given[op.params[0].name], op)
        self.along(given, value, default=-1)
        self.flag(given.get("descending"))
        return value

    def _op_argsort(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile_of(given["x"], op)
        self.along(given, value, default=-1)
        self.flag(given.get("descending"))
        return Value(i64, value.dims)

    def _op_topk(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile_of(given[op.params[0].name], op)
        axis = self.along(given, value, default=-1)
        count = self.index(given[op.params[1].name])
        if self.facts.nonnegative(count - value.dims[axis] - 1):
            raise Mismatch(f"top {count} of {value.dims[axis]} elements", "take fewer")
        dims = tuple(count if index == axis else size for index, size in enumerate(value.dims))
        return Group((Value(value.dtype, dims), Value(i64, dims)))

    def _family_mask(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        if len(value.dims) < 2:
            raise Mismatch(f"`tile.{op.name}` takes at least two dimensions")
        if "k" in given:
            self.index(given["k"])
        return value
