"""Types of slices and indices: where they lie in a tensor, and how bounds clip.

Knows Python's slicing of sizes that may be symbolic.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const, maximum, sym
from htp.infer import shapes
from htp.infer.spawning import Spawning
from htp.infer.values import Box, Group, Index, Known, Region, Value

if TYPE_CHECKING:
    from htp.dims import Expr


class Slicing(Spawning):
    """The part of the engine that types subscripts."""

    def _type_subscript(self, node: ast.Subscript) -> Known:
        known = self.expression(node.value)
        parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if isinstance(known, Group):
            return self._item(node, known)
        if not isinstance(known, Value | Region):
            raise self.refused(
                node, "type.bad-index", f"{known} cannot be indexed", "index a tile, a tensor or a shape"
            )
        starts, extents, kept, dims = self._sliced(node, parts, known.dims)
        if isinstance(known, Value):
            self.result.slices[id(node)] = (starts, extents, kept, dims)
            return Value(known.dtype, dims)
        return Region(known.dtype, dims, known.root, _compose(known.box, starts, extents, kept))

    def _item(self, node: ast.Subscript, group: Group) -> Known:
        if isinstance(node.slice, ast.Slice):
            bounds = [
                None if each is None else self.index(each).constant for each in (node.slice.lower, node.slice.upper)
            ]
            return Group(group.items[bounds[0] : bounds[1]])
        position = self.index(node.slice).constant
        if position is None or not -len(group.items) <= position < len(group.items):
            raise self.refused(
                node,
                "type.bad-index",
                f"{group} has no item {ast.unparse(node.slice)}",
                "use a constant index inside it",
            )
        return group.items[position]

    def _sliced(
        self, node: ast.Subscript, parts: list[ast.expr], sizes: tuple[Expr, ...]
    ) -> tuple[list[Expr], list[Expr], list[bool], tuple[Expr, ...]]:
        """Start, extent and keptness per dimension, and the resulting shape (with new axes)."""
        parts = _without_ellipsis(parts, len(sizes))
        used = sum(1 for each in parts if not _is_new_axis(each))
        if used > len(sizes):
            raise self.refused(
                node,
                "type.bad-index",
                f"{used} indices for {len(sizes)} dimensions",
                "give one index or slice for each dimension",
            )
        starts: list[Expr] = []
        extents: list[Expr] = []
        kept: list[bool] = []
        dims: list[Expr] = []
        parts += [ast.Slice()] * (len(sizes) - used)
        for part in parts:
            if _is_new_axis(part):
                dims.append(const(1))
                continue
            size = sizes[len(starts)]
            if isinstance(part, ast.Slice):
                start, extent = self._slice(part, size)
                dims.append(extent)
                kept.append(True)
            else:
                start, extent = self._position(part, size), const(1)
                kept.append(False)
            starts.append(start)
            extents.append(extent)
        return starts, extents, kept, tuple(dims)

    def _slice(self, part: ast.Slice, size: Expr) -> tuple[Expr, Expr]:
        """Start and extent of a slice over `size` elements."""
        if part.step is not None and self.index(part.step).constant != 1:
            raise self.refused(
                part.step,
                "type.strided-slice",
                "slices have step 1",
                "reshape, or use `tile.take`, to pick every n-th element",
            )
        low = self.index(part.lower) if part.lower is not None else None
        high = self.index(part.upper) if part.upper is not None else None
        self._in_range(part, low, high, size)
        start = const(0) if low is None else self.clipped(low, size)
        stop = size if high is None else self.clipped(high, size, low)
        if low is not None and high is not None:
            self.facts = shapes.clipped_width(self.facts, (low, start), (high, stop))
        extent = stop - start
        return start, self.facts.simplify(extent if self.facts.nonnegative(extent) else maximum(const(0), extent))

    def clipped(self, bound: Expr, size: Expr, low: Expr | None = None) -> Expr:
        """Where a slice bound falls in `size` elements; one symbol for every bound whose sign is not known."""
        known = shapes.clip(self.facts, bound, size, low)
        if known is not None:
            return known
        symbol = self.clip_symbols.get((bound, size))
        if symbol is None:
            symbol = self.clip_symbols[bound, size] = self.fresh("bound")
            self.result.clips[symbol] = (bound, size)
        self.facts = self.facts.with_nonnegative(sym(symbol)).with_nonnegative(size - sym(symbol))
        return sym(symbol)

    def _in_range(self, part: ast.Slice, low: Expr | None, high: Expr | None, size: Expr) -> None:
        limit = size.constant
        if limit is None:
            return
        for bound, node in ((low, part.lower), (high, part.upper)):
            value = bound.constant if bound is not None else None
            if value is not None and node is not None and not -limit <= value <= limit:
                raise self.refused(
                    node, "type.slice-out-of-range", f"{value} is outside a dimension of {limit}",
                    f"use a bound between {-limit} and {limit}",
                )  # fmt: skip

    def _position(self, part: ast.expr, size: Expr) -> Expr:
        known = self.expression(part)
        if isinstance(known, Value | Region):
            raise self.refused(part, "type.bad-index", "a tile cannot be an index", "use `tile.take(x, indices, axis)`")
        if not isinstance(known, Index):
            raise self.refused(
                part, "type.not-an-integer", f"an integer index is needed here, not {known}", "indices are integers"
            )
        index = known.value
        limit, value = size.constant, index.constant
        if limit is not None and value is not None and not -limit <= value < limit:
            raise self.refused(
                part,
                "type.index-out-of-range",
                f"index {value} is outside a dimension of {limit}",
                f"indices go from 0 to {limit - 1}, or backwards from -1",
            )
        if value is not None and value < 0:
            return size + index
        return index


def _is_new_axis(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _without_ellipsis(parts: list[ast.expr], rank: int) -> list[ast.expr]:
    for position, part in enumerate(parts):
        if isinstance(part, ast.Constant) and part.value is ...:
            rest = sum(1 for each in parts if not _is_new_axis(each)) - 1
            return [*parts[:position], *([ast.Slice()] * (rank - rest)), *parts[position + 1 :]]
    return list(parts)


def _compose(box: Box, starts: list[Expr], extents: list[Expr], kept: list[bool]) -> Box:
    inner = iter(zip(starts, extents, kept, strict=True))
    start: list[Expr] = []
    extent: list[Expr] = []
    keep: list[bool] = []
    for old_start, old_extent, old_kept in zip(box.start, box.extent, box.kept, strict=True):
        if not old_kept:
            start.append(old_start)
            extent.append(old_extent)
            keep.append(False)
            continue
        new_start, new_extent, new_kept = next(inner)
        start.append(old_start + new_start)
        extent.append(new_extent)
        keep.append(new_kept)
    return Box(tuple(start), tuple(extent), tuple(keep))
