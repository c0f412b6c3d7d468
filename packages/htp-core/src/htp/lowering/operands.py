"""Tiles in normal form: every tile gets a statement and a name; slices are spelled out for every dimension.

Knows operators, slices and products; calls of operations are in `calls.py`.
"""

from __future__ import annotations

import ast

from htp.diagnostics import Bug
from htp.dims import Expr, const
from htp.infer import shapes
from htp.infer.operators import matmul_dtype
from htp.infer.values import Index, Number, Region, Value
from htp.lowering.build import annotated, call, expression, span_of, subscript, tuple_of
from htp.lowering.scalars import Scalars

MAKERS = ("tile.full", "tile.iota", "tile.arange", "tile.eye", "tile.one_hot")


class Operands(Scalars):
    """Writes statements for the tiles of expressions and gives their names; `written` is the one at work."""

    written: ast.AST | None = None

    def compare_sizes(self, node: ast.AST) -> None:
        """Compares sizes of tokens that could not be compared before the program runs."""
        raise NotImplementedError

    def give(self, tile: Value, value: ast.expr, wanted: str | None = None) -> ast.Name:
        """Writes `name: type = value`."""
        if isinstance(value, ast.Call) and ast.unparse(value.func) in MAKERS:
            self._sized(tile)
        if self.written is not None:
            self.compare_sizes(self.written)
            self.written = None
        name = wanted or self.fresh()
        self.emit(annotated(name, self.type_text(tile), value))
        return ast.Name(name, ast.Load())

    def at_least(self, size: Expr, least: Expr) -> None:
        """Checks, while the program runs, that a size is large enough, unless it is known to be."""
        if not self.facts.nonnegative(size - least):
            wanted = expression(self.size(least))
            self.emit(ast.Assert(ast.Compare(expression(self.size(size)), [ast.GtE()], [wanted]), None))

    def _sized(self, tile: Value) -> None:
        """Sizes of a new tile that may be negative are checked while the program runs."""
        for size in tile.dims:
            if not self.facts.nonnegative(size):
                self.emit(ast.Assert(ast.Compare(expression(self.size(size)), [ast.GtE()], [ast.Constant(0)]), None))

    def tile(self, node: ast.expr, wanted: str | None = None) -> ast.expr:
        """The name of the tile that `node` gives; a new tile is named `wanted`."""
        outer, self.written = self.written, node
        given = self._tile(node, wanted)
        self.written = outer
        return given

    def _tile(self, node: ast.expr, wanted: str | None) -> ast.expr:
        known = self.known.of(node)
        if isinstance(known, Index | Number):
            return self.scalar(node)
        if isinstance(known, Region):
            return self._load(node, known, wanted)
        if not isinstance(known, Value):
            raise Bug(f"not a tile: {ast.unparse(node)}")
        if isinstance(node, ast.Name):
            return ast.Name(self.tiles[node.id], ast.Load())
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.MatMult):
                return self.product(node.left, node.right, known, wanted)
            return self.give(known, ast.BinOp(self.tile(node.left), node.op, self.tile(node.right)), wanted)
        if isinstance(node, ast.UnaryOp):
            operand = self.tile(node.operand)
            return operand if isinstance(node.op, ast.UAdd) else self.give(known, ast.UnaryOp(node.op, operand), wanted)
        if isinstance(node, ast.Compare):
            return self.give(
                known, ast.Compare(self.tile(node.left), node.ops, [self.tile(node.comparators[0])]), wanted
            )
        if isinstance(node, ast.Attribute):
            order = tuple(range(len(known.dims)))[::-1]
            return self.give(known, call("tile.transpose", self.tile(node.value), tuple_of(order)), wanted)
        if isinstance(node, ast.Subscript):
            return self._slice(node, known, wanted)
        if isinstance(node, ast.Call):
            return self.call(node, known, wanted)
        raise Bug(f"not a tile expression: {ast.unparse(node)}")

    def region(self, region: Region, *, store: bool = False) -> ast.expr:
        """The slice of a tensor that a region is, spelled out for every dimension."""
        parts: list[ast.expr] = []
        whole = self.known.roots[region.root]
        for start, extent, kept, size in zip(region.box.start, region.box.extent, region.box.kept, whole, strict=True):
            first = self.size(start)
            if kept and start == const(0) and extent == size:
                parts.append(ast.Slice())
                continue
            parts.append(span_of(first, self.size(extent)) if kept else expression(first))
        base = self.variable(region.root)
        return subscript(base, parts, store=store) if parts else subscript(base, [ast.Constant(...)], store=store)

    def _load(self, node: ast.expr, region: Region, wanted: str | None) -> ast.expr:
        self.settle(node)
        plain = tuple(size for size, kept in zip(region.box.extent, region.box.kept, strict=True) if kept)
        if plain == region.dims:
            return self.give(region.value, self.region(region), wanted)
        # New axes do not belong to the slice: they are made after reading.
        read = self.give(Value(region.dtype, plain), self.region(region))
        return self.reshape(region.value, read, wanted)

    def _slice(self, node: ast.Subscript, known: Value, wanted: str | None) -> ast.expr:
        source = self.tile(node.value)
        self.settle(node.slice)
        starts, extents, kept, dims = self.known.slices[id(node)]
        parts = [
            span_of(self.size(start), self.size(extent)) if keep else expression(self.size(start))
            for start, extent, keep in zip(starts, extents, kept, strict=True)
        ]
        plain = tuple(size for size, keep in zip(extents, kept, strict=True) if keep)
        name = source.id if isinstance(source, ast.Name) else ""
        if plain == dims:
            return self.give(known, subscript(name, parts), wanted)
        return self.reshape(known, self.give(Value(known.dtype, plain), subscript(name, parts)), wanted)

    def reshape(self, result: Value, source: ast.expr, wanted: str | None = None) -> ast.Name:
        """The tile with the shape of `result`."""
        return self.give(
            result, call("tile.reshape", source, tuple_of([self.size(each) for each in result.dims])), wanted
        )

    def product(
        self, a: ast.expr, b: ast.expr, known: Value, wanted: str | None, acc: ast.expr | None = None
    ) -> ast.expr:
        """The product of two tiles, which starts at `acc` when there is one."""
        left, right = self.value_of(a), self.value_of(b)
        one, two = self.tile(a), self.tile(b)
        named = {"acc": acc} if acc is not None else {}
        if len(left.dims) > 1 and len(right.dims) > 1:
            return self.give(Value(matmul_dtype(left.dtype), known.dims), call("tile.dot", one, two, **named), wanted)
        # Vectors become matrices with one row or column, and the result loses it again.
        if len(left.dims) == 1:
            left = Value(left.dtype, (const(1), *left.dims))
            one = self.reshape(left, one)
        if len(right.dims) == 1:
            right = Value(right.dtype, (*right.dims, const(1)))
            two = self.reshape(right, two)
        dims = shapes.matmul(self.known.last, left.dims, right.dims)
        product = self.give(Value(known.dtype, dims), call("tile.dot", one, two, **named))
        return self.reshape(known, product, wanted)

    def value_of(self, node: ast.expr) -> Value:
        """What is known of a tile or of the elements of a region."""
        known = self.known.of(node)
        if isinstance(known, Region):
            return known.value
        if isinstance(known, Value):
            return known
        raise Bug(f"not a tile: {ast.unparse(node)}")

    def call(self, node: ast.Call, known: Value, wanted: str | None) -> ast.expr:
        """The tile that a call gives."""
        raise NotImplementedError
