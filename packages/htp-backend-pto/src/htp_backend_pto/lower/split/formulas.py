"""Tile operations that are others put together: what they are is written out before a program is divided.

Knows operations in normal form; does not know units nor instructions.
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
from htp.lowering.build import binary, call, constant, expression, tuple_of
from htp.program import origin_of, stamp
from htp.types import TileType, bool_, i32, i64
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.sites import marked, site_of
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program

__all__ = ["WRITTEN", "written_out"]

WRITTEN = ("argsort", "gather", "iota", "cast", "equal", "expand_dims", "squeeze", "reshape")
"""Operations that formulas are made of."""


def written_out(program: Program) -> Program:
    """The program without operations that are formulas of others."""
    return program.replace(*(_Formulas(program, each).function() for each in program.functions if each.kind != "func"))


class _Formulas:
    """Rewrites one function."""

    def __init__(self, program: Program, function: Function) -> None:
        self.source = function
        self.known = infer(program, function)
        self.taken = {name for each in walk(function.body) for name in (*loads(each), *writes(each))}
        self.out: list[ast.stmt] = []

    def function(self) -> Function:
        return replace(self.source, body=tuple(changed(self.source.body, self.statement)))

    def statement(self, node: ast.stmt) -> list[ast.stmt]:
        self.out = []
        match node:
            case ast.Assign(targets=[ast.Tuple() as names], value=ast.Call() as value) if called(value) == "tile.topk":
                self.largest(names, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as value):
                rule = getattr(self, called(value).replace("tile.", "on_"), None)
                if rule is None or not rule(name, node.annotation, value):
                    return [node]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Subscript() as value):
                if not self.part(name, node.annotation, value):
                    return [node]
            case ast.Assign(targets=[ast.Subscript() as target], value=value) if self.is_element(node, target):
                self.element(target, value)
            case _:
                return [node]
        return [marked(stamp(each, origin_of(node)), site_of(node)) for each in self.out]

    # statements ---------------------------------------------------------------------------------------------------

    def put(self, name: str | None, annotation: ast.expr | TileType, value: ast.expr) -> ast.Name:
        """One more statement; without a name the value gets one of its own."""
        if name is None:
            name = numbered("part", self.taken)
        spelled = annotation_of(annotation) if isinstance(annotation, TileType) else annotation
        self.out.append(ast.AnnAssign(ast.Name(name, ast.Store()), spelled, value, 1))
        return ast.Name(name, ast.Load())

    def type(self, node: ast.expr) -> Value | None:
        """What is known of a tile."""
        known = self.known.types.get(id(node))
        return known.value if isinstance(known, Region) else known if isinstance(known, Value) else None

    def given(self, node: ast.Call) -> dict[str, ast.expr]:
        """The arguments of an operation by name."""
        return self.known.operations[id(node)][1]

    # operations ---------------------------------------------------------------------------------------------------

    def largest(self, names: ast.Tuple, node: ast.Call) -> None:
        """The first few of a falling order, and the elements there."""
        given = self.given(node)
        whole = self.type(given["x"])
        count = given["k"]
        if whole is None or not isinstance(count, ast.Constant) or not isinstance(count.value, int):
            return
        axes = self.known.axes.get(id(given["x"]), (len(whole.dims) - 1,))
        if len(whole.dims) > 2 and axes[0] % len(whole.dims) != len(whole.dims) - 1:
            raise Refused(
                "pto.tile-rank", f"`tile.topk` of {len(whole.dims)} dimensions goes along the last axis only",
                span=origin_of(node), help="take matrices, one a turn of a loop over the first axis: `t = x[b, :, :]`",
            )  # fmt: skip
        order = self.put(
            None, TileType(i64, whole.dims),
            call("tile.argsort", given["x"], axis=axes[0], descending=ast.Constant(True)),
        )  # fmt: skip
        dims = [const(count.value) if axis == axes[0] else each for axis, each in enumerate(whole.dims)]
        parts = [ast.Slice(None, ast.Constant(count.value)) if axis == axes[0] else ast.Slice()
                 for axis in range(len(dims))]  # fmt: skip
        index: ast.expr = parts[0] if len(parts) == 1 else ast.Tuple([*parts], ast.Load())
        values, places = (each.id for each in names.elts if isinstance(each, ast.Name))
        first = self.put(places, TileType(i64, tuple(dims)), ast.Subscript(order, index, ast.Load()))
        self.put(values, TileType(whole.dtype, tuple(dims)), call("tile.gather", given["x"], first, axis=axes[0]))

    def is_element(self, node: ast.Assign, target: ast.Subscript) -> bool:
        """Whether a number goes to one element, which there is, of an array of a kernel."""
        found = self.known.types.get(id(target))
        if not isinstance(found, Region) or found.dims or self.source.kind != "kernel":
            return False
        facts, sizes = self.known.facts_at(node), self.known.roots[found.root]
        return not isinstance(self.known.types.get(id(node.value)), Value) and all(
            facts.nonnegative(start) and facts.nonnegative(size - 1 - start)
            for start, size in zip(found.box.start, sizes, strict=True)
        )

    def element(self, target: ast.Subscript, value: ast.expr) -> None:
        """A number as a tile of one element, which a core stores where the orchestration may not."""
        found = self.known.of(target)
        if not isinstance(found, Region):
            return
        index = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        tiled = [ast.Slice(each, binary(each, ast.Add(), 1)) for each in index[-2:]]
        dims = (const(1),) * len(tiled)
        made = call("tile.full", tuple_of([constant(1) for _ in dims]), value, found.dtype.name)
        parts = [*index[:-2], *tiled]
        place = ast.Subscript(target.value, parts[0] if len(parts) == 1 else tuple_of(parts), target.ctx)
        self.out.append(ast.Assign([place], self.put(None, TileType(found.dtype, dims), made), lineno=0))

    def on_one_hot(self, name: str, annotation: ast.expr, node: ast.Call) -> bool:
        """Every index beside every place: they are the same, or not."""
        given = self.given(node)
        index, made = self.type(given["indices"]), self.type(node)
        if index is None or made is None or len(index.dims) != 1:
            return False
        column: ast.expr = given["indices"]
        if index.dtype is not i32:
            column = self.put(None, TileType(i32, index.dims), call("tile.cast", column, "i32"))
        dims = (index.dims[0], const(1))
        column = self.put(None, TileType(i32, dims), call("tile.expand_dims", column, axis=constant(1)))
        every = self.put(None, TileType(i32, (const(1), made.dims[1])), call(
            "tile.iota", tuple_of([constant(1), expression(made.dims[1])]), axis=constant(1), dtype="i32"
        ))  # fmt: skip
        same = self.put(None, TileType(bool_, made.dims), ast.Compare(column, [ast.Eq()], [every]))
        self.put(name, annotation, call("tile.cast", same, made.dtype.name))
        return True

    def on_argmax(self, name: str, annotation: ast.expr, node: ast.Call) -> bool:
        """Without an axis the elements are one row."""
        given = self.given(node)
        whole, made = self.type(given["x"]), self.type(node)
        if whole is None or made is None or len(whole.dims) < 2 or made.dims or (given.get("axis") is not None and not (
            isinstance(given["axis"], ast.Constant) and given["axis"].value is None
        )):
            return False
        size = whole.dims[0]
        for each in whole.dims[1:]:
            size = size * each
        flat = self.put(None, TileType(whole.dtype, (size,)), call(
            "tile.reshape", given["x"], tuple_of([expression(size)])
        ))  # fmt: skip
        self.put(name, annotation, call(called(node), flat, axis=constant(0)))
        return True

    on_argmin = on_argmax

    def part(self, name: str, annotation: ast.expr, node: ast.Subscript) -> bool:
        """A row or column of a tile keeps its dimension first, and loses it then."""
        made, whole = self.type(node), self.type(node.value)
        if isinstance(self.known.types.get(id(node)), Region) or id(node) not in self.known.slices:
            return False
        starts, _, kept, _ = self.known.slices[id(node)]
        if made is None or whole is None or all(kept) or len(made.dims) != 1 or len(whole.dims) != 2:
            return False
        if len(kept) != 2 or not isinstance(node.slice, ast.Tuple):
            return False
        parts: Sequence[ast.expr] = [
            each if keep else ast.Slice(expression(start), expression(start + 1))
            for each, keep, start in zip(node.slice.elts, kept, starts, strict=True)
        ]
        dims = (made.dims[0], const(1)) if kept[0] else (const(1), made.dims[0])
        kept_both = ast.Subscript(node.value, ast.Tuple([*parts], ast.Load()), ast.Load())
        wide = self.put(None, TileType(made.dtype, dims), kept_both)
        self.put(name, annotation, call("tile.squeeze", wide, axis=constant(1 if kept[0] else 0)))
        return True
