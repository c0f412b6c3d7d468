"""Types of tile operations: finds the rule of each operation of `htp.tile`; elementwise ones, reductions and products.

Knows the operation table; does not know statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const
from htp.infer import shapes
from htp.infer.indexing import Indexing
from htp.infer.operators import matmul_dtype
from htp.infer.shapes import Mismatch
from htp.infer.values import Index, Known, Number, Region, Text, Value
from htp.types import bool_

if TYPE_CHECKING:
    from htp.ops import Op


class Operations(Indexing):
    """The part of the engine that types calls of `htp.tile`."""

    def operation(self, node: ast.Call, op: Op, first: ast.expr | None = None) -> Known:
        """The type of `tile.op(…)`, or of the method call `first.op(…)`."""
        arguments = self.bind_arguments(node, op, first)
        self.result.operations[id(node)] = (op.name, arguments)
        rule = getattr(self, f"_op_{op.name}", None) or getattr(self, f"_family_{op.family}")
        known = rule(node, op, arguments)
        for each in arguments.values():
            if id(each) not in self.result.types:
                self.expression(each)
        return known

    def _family_unary(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile_of(given[op.params[0].name], op)
        return Value(self.result_dtype(op, value.dtype), value.dims)

    def _family_binary(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        return self._mixed(
            node,
            op,
            [given[each.name] for each in op.params if each.kind in ("tile", "operand") and each.name in given],
        )

    _family_compare = _family_logical = _family_binary

    def _mixed(self, node: ast.AST, op: Op, operands: list[ast.expr]) -> Value:
        """An elementwise operation over tiles and Python scalars."""
        known = [(each, self.expression(each)) for each in operands]
        tiles = [(each, self.tile_of(each, op)) for each, what in known if isinstance(what, Value | Region)]
        if not tiles:
            raise self.refused(
                node,
                "type.not-a-tile",
                f"`tile.{op.name}` takes at least one tile",
                "use `min`, `max` or operators on Python scalars",
            )
        dtype = self.common(node, [value.dtype for _, value in tiles], f"tile.{op.name}")
        for each, what in known:
            if not isinstance(what, Value | Region):
                self.adapt_scalar(each, what, dtype)
        return Value(self.result_dtype(op, dtype), shapes.broadcast(self.facts, *(value.dims for _, value in tiles)))

    def _op_where(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        names = [each.name for each in op.params]
        condition = self.tile(given[names[0]])
        if condition.dtype is not bool_:
            raise self.refused(
                given[names[0]],
                "type.dtype-mismatch",
                f"the condition is {condition.dtype.name}, not bool_",
                "compare it: `x != 0`",
            )
        branches = [given[each] for each in names[1:3]]
        known = [self.expression(each) for each in branches]
        if not any(isinstance(each, Value | Region) for each in known):
            raise self.refused(
                node,
                "type.not-a-tile",
                "`tile.where` needs a tile in one branch",
                "make one with `tile.full(shape, value, dtype)`",
            )
        tiles = [
            self.as_tile(each, what)
            for each, what in zip(branches, known, strict=True)
            if isinstance(what, Value | Region)
        ]
        dtype = self.common(node, [each.dtype for each in tiles], "tile.where")
        for each, what in zip(branches, known, strict=True):
            if not isinstance(what, Value | Region):
                self.adapt_scalar(each, what, dtype)
        return Value(dtype, shapes.broadcast(self.facts, condition.dims, *(each.dims for each in tiles)))

    _op_select = _op_where

    def _op_clip(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        return self._mixed(
            node,
            op,
            [given[each.name] for each in op.params if each.name in given and not self.is_none(given[each.name])],
        )

    def _op_cast(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile(given[op.params[0].name])
        return Value(self.dtype(given[op.params[1].name]), value.dims)

    _op_astype = _op_cast

    def _family_reduce(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile_of(given[op.params[0].name], op)
        axes = self.axes(given.get("axis"), len(value.dims))
        if op.name in ("argmax", "argmin") and "axis" in given and axes is not None and len(axes) != 1:
            raise self.refused(node, "type.bad-axis", f"`tile.{op.name}` reduces one axis or all")
        over = tuple(range(len(value.dims))) if axes is None else axes
        self.result.axes[id(given["x"])] = over
        if op.name in ("argmax", "argmin"):
            for axis in over:
                if value.dims[axis].constant == 0:
                    what = f"`tile.{op.name}` over axis {axis}, which is empty"
                    raise self.refused(node, "type.empty-reduction", what, "test the size first")
        keepdims = self.flag(given.get("keepdims"))
        return Value(self.result_dtype(op, value.dtype), shapes.reduced(value.dims, over, keepdims))

    def _family_scan(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        value = self.tile_of(given["x"], op)
        self.along(given, value)
        return Value(self.result_dtype(op, value.dtype), value.dims)

    def _family_matmul(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        a, b = (self.tile_of(given[each.name], op) for each in op.params[:2])
        self.same_dtype(node, a.dtype, b.dtype, "tile.dot")
        dims = shapes.matmul(self.facts, a.dims, b.dims)
        dtype = matmul_dtype(a.dtype)
        if "out_dtype" in given and not self.is_none(given["out_dtype"]):
            dtype = self.dtype(given["out_dtype"])
        if "acc" in given and not self.is_none(given["acc"]):
            acc = self.tile(given["acc"])
            if acc.dtype is not matmul_dtype(a.dtype):
                raise self.refused(
                    given["acc"],
                    "type.dtype-mismatch",
                    f"acc is {acc.dtype.name}, the product accumulates in {matmul_dtype(a.dtype).name}",
                    f"make it `tile.zeros(shape, {matmul_dtype(a.dtype).name})`",
                )  # fmt: skip
            if len(acc.dims) != len(dims):
                raise Mismatch(f"acc has shape {shapes.show(acc.dims)}, the product {shapes.show(dims)}")
            for one, two in zip(acc.dims, dims, strict=True):
                shapes.same(self.facts, one, two, "acc does not fit the product")
        return Value(dtype, dims)

    def _op_item(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        known = self.expression(given[op.params[0].name])
        value = self.as_tile(given[op.params[0].name], known)
        total = shapes.product(value.dims)
        if self.facts.equal(total, const(1)) is not True:
            raise self.refused(
                node,
                "type.not-one-element",
                f"`tile.item` takes one element, not {shapes.show(value.dims)}",
                "take one: `x[0, 0]`",
            )
        if not isinstance(known, Region):
            return self.scalar_of(value.dtype, self.fresh("item", node))
        element = known.root, known.box  # an element is one number as often as a statement asks for it
        if element not in self.items:
            self.items[element] = self.fresh("item", node)
        return self.scalar_of(value.dtype, self.items[element])

    def _op_print(self, node: ast.Call, op: Op, given: dict[str, ast.expr]) -> Known:
        text, *values = node.args or [node]
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str)) or node.keywords:
            raise self.refused(
                node, "type.bad-arguments", "`tile.print` takes a literal text first", 'write `tile.print("x", x[:])`'
            )
        self.expression(text)
        for each in values:
            known = self.expression(each)
            if isinstance(known, Value | Region):
                self.as_tile(each, known)
            elif not isinstance(known, Index | Number):
                raise self.refused(each, "type.bad-arguments", "`tile.print` takes tiles and numbers behind its text")
        return Text(None)
