"""Which part of which array an expression names: `a[n, i:i + 32, :]` of an array with its extents.

Knows slices and numbers as indices, one after the other; does not know what is done with a part.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.dims import const, parse
from htp_backend_pto.emission.scalars import dim_node, unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.dims import Expr

__all__ = ["Axis", "Region", "as_dim", "difference", "region_of", "root_of"]


@dataclass(frozen=True)
class Axis:
    """What is taken along one axis of the array: `start` to `stop`, or one index, which drops the axis."""

    start: ast.expr
    stop: ast.expr
    dropped: bool
    whole: bool

    @property
    def extent(self) -> ast.expr:
        """How many there are."""
        return difference(self.stop, self.start)


@dataclass(frozen=True)
class Region:
    """A part of an array, axis by axis of the array."""

    array: str
    axes: tuple[Axis, ...]

    @property
    def whole(self) -> bool:
        """Whether it is all of the array."""
        return all(each.whole for each in self.axes)

    @property
    def kept(self) -> tuple[Axis, ...]:
        """The axes that the part has."""
        return tuple(each for each in self.axes if not each.dropped)


def root_of(node: ast.expr) -> str | None:
    """The name of the array that an expression names a part of."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def region_of(node: ast.expr, arrays: Mapping[str, tuple[Expr, ...]]) -> Region:
    """The part that `node` names of an array of those extents.

    Raises:
        Refused: `pto.no-orchestration`.
    """
    if isinstance(node, ast.Name) and node.id in arrays:
        whole = [Axis(ast.Constant(0), dim_node(dim), dropped=False, whole=True) for dim in arrays[node.id]]
        return Region(node.id, tuple(whole))
    if not isinstance(node, ast.Subscript):
        raise unprintable(node, "it names no part of an array")
    outer = region_of(node.value, arrays)
    given = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if len(given) > len(outer.kept):
        raise unprintable(node, "it has more indices than axes")
    axes = tuple(axis if axis.dropped or not given else _cut(axis, given.pop(0), node) for axis in outer.axes)
    return Region(outer.array, axes)


def _cut(axis: Axis, index: ast.expr, node: ast.Subscript) -> Axis:
    if not isinstance(index, ast.Slice):
        at = _sum(axis.start, index)
        return Axis(at, _sum(at, ast.Constant(1)), dropped=True, whole=False)
    if index.step is not None and not (isinstance(index.step, ast.Constant) and index.step.value == 1):
        raise Bug(f"`{ast.unparse(node)}` has steps, which no part of an array has")
    if index.lower is None and index.upper is None:
        return axis
    start = axis.start if index.lower is None else _sum(axis.start, index.lower)
    stop = axis.stop if index.upper is None else _sum(axis.start, index.upper)
    return Axis(start, stop, dropped=False, whole=False)


def difference(stop: ast.expr, start: ast.expr) -> ast.expr:
    """`stop - start`, simplified where both are expressions over dims."""
    return _simplified(ast.BinOp(stop, ast.Sub(), start))


def _sum(left: ast.expr, right: ast.expr) -> ast.expr:
    return right if _is_zero(left) else _simplified(ast.BinOp(left, ast.Add(), right))


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _simplified(node: ast.expr) -> ast.expr:
    found = as_dim(node)
    return node if found is None else dim_node(found)


def as_dim(node: ast.expr) -> Expr | None:
    """An expression as a dim; None for one that dims cannot say."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return const(int(node.value))
    try:
        return parse(ast.unparse(node))
    except Refused:
        return None
