"""Operations that move elements and compute none: shapes, joins and triangles.

Knows shapes; does not know dtypes beyond that parts must agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsIndex, TypeVar

from htp._impl.axes import axes_of, axis_of, count_of, integer_of, items, shape_of
from htp._impl.lazy import LazyModule
from htp._impl.operands import operand, refuse_argument, require_tile
from htp._impl.storage import make
from htp.diagnostics import Refused
from htp.values import Array, numpy_of, snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
else:
    np = LazyModule("numpy")

A = TypeVar("A", bound=Array)


def reshape(x: A, shape: SupportsIndex | Sequence[SupportsIndex]) -> A:
    """The elements in row-major order under another shape of the same size; one size may be -1."""
    require_tile(x, "`tile.reshape`")
    wanted = shape_of("`tile.reshape`", shape, unknown=True)
    known = 1
    for size in wanted:
        known *= 1 if size == -1 else size
    if x.size != known if -1 not in wanted else not known or x.size % known:
        raise Refused("type.shape-mismatch", f"{x.size} elements of shape {x.shape} do not fill shape {wanted}")
    return make(type(x), snapshot(x).reshape(wanted))


def transpose(x: A, axes: Sequence[int] | None = None) -> A:
    """The axes in the order `axes`, reversed if none is given: `y[j, i] = x[i, j]`."""
    require_tile(x, "`tile.transpose`")
    order = axes_of("`tile.transpose`", axes, x.ndim)[:: -1 if axes is None else 1]
    if len(order) != x.ndim:
        raise Refused("type.bad-axis", f"`tile.transpose` of an array of rank {x.ndim} names {len(order)} axes")
    return make(type(x), snapshot(x).transpose(order))


def broadcast_to(x: A, shape: SupportsIndex | Sequence[SupportsIndex]) -> A:
    """The elements repeated along new leading axes and along axes of size 1, up to `shape`."""
    require_tile(x, "`tile.broadcast_to`")
    wanted = shape_of("`tile.broadcast_to`", shape)
    try:
        return make(type(x), np.broadcast_to(snapshot(x), wanted))
    except ValueError:
        raise Refused("type.shape-mismatch", f"shape {x.shape} does not broadcast to {wanted}") from None


def concat(parts: Sequence[A], axis: int = 0) -> A:
    """Arrays put one behind the other along `axis`; their other sizes agree."""
    what = "`tile.concat`"
    if not isinstance(parts, tuple | list) or not parts:
        raise refuse_argument(what, "parts", parts, "a tuple of arrays")
    first = parts[0]
    require_tile(first, what)
    place = axis_of(what, axis, first.ndim)
    arrays = [numpy_of(first)]
    for part in parts[1:]:
        require_tile(part, what)
        found = operand(part, type(first), what)
        if found.ndim != first.ndim or _without(found.shape, place) != _without(first.shape, place):
            raise Refused(
                "type.shape-mismatch",
                f"{what} along axis {place}: shapes {first.shape} and {found.shape} differ elsewhere",
            )
        arrays.append(found)
    return make(type(first), np.concatenate(arrays, axis=place))


def split(x: A, sections: int | Sequence[int], axis: int = 0) -> tuple[A, ...]:
    """Parts along `axis`: as many equal ones as `sections` says, or those between the indices it lists.

    Raises:
        Refused: `type.shape-mismatch` when the axis has no such equal parts.
    """
    what = "`tile.split`"
    require_tile(x, what)
    place = axis_of(what, axis, x.ndim)
    size = x.shape[place]
    count = integer_of(sections)
    if count is None:
        if not isinstance(sections, tuple | list):
            raise refuse_argument(what, "sections", sections, "an int or a tuple of ints")
        bounds = [count_of(what, "sections", each) for each in sections]
        if bounds != sorted(bounds):
            raise refuse_argument(what, "sections", sections, "in ascending order")
    else:
        if count < 1:
            raise refuse_argument(what, "sections", sections, "an int from 1")
        if size % count:
            raise Refused(
                "type.shape-mismatch", f"{what}: an axis of {size} elements has no {count} equal parts",
                help="give the indices at which to cut, as in tile.split(x, (3, 6))",
            )  # fmt: skip
        bounds = [size // count * each for each in range(1, count)]
    return tuple(make(type(x), part) for part in np.split(snapshot(x), bounds, axis=place))


def squeeze(x: A, axis: int | tuple[int, ...] | None = None) -> A:
    """Without the axes of size 1 named by `axis`, or without all of them."""
    require_tile(x, "`tile.squeeze`")
    ones = tuple(each for each, size in enumerate(x.shape) if size == 1)
    axes = ones if axis is None else axes_of("`tile.squeeze`", axis, x.ndim)
    for each in axes:
        if each not in ones:
            raise Refused("type.bad-axis", f"`tile.squeeze`: axis {each} of shape {x.shape} has not size 1")
    return make(type(x), snapshot(x).squeeze(axes))


def expand_dims(x: A, axis: int | tuple[int, ...]) -> A:
    """With new axes of size 1 at the places `axis` of the result."""
    require_tile(x, "`tile.expand_dims`")
    rank = x.ndim + len(items(axis))
    return make(type(x), np.expand_dims(snapshot(x), axes_of("`tile.expand_dims`", items(axis), rank)))


def flip(x: A, axis: int | tuple[int, ...] | None = None) -> A:
    """The elements in reverse order along the axes `axis`, or along all: `y[i] = x[n - 1 - i]`."""
    require_tile(x, "`tile.flip`")
    return make(type(x), np.flip(snapshot(x), axes_of("`tile.flip`", axis, x.ndim)))


def tril(x: A, k: SupportsIndex = 0) -> A:
    """The lower triangle of the last two axes: `y[i, j] = x[i, j]` where `j <= i + k`, else 0."""
    return _triangle("tril", x, k)


def triu(x: A, k: SupportsIndex = 0) -> A:
    """The upper triangle of the last two axes: `y[i, j] = x[i, j]` where `j >= i + k`, else 0."""
    return _triangle("triu", x, k)


def _triangle(name: str, x: A, k: SupportsIndex) -> A:
    what = f"`tile.{name}`"
    require_tile(x, what)
    if x.ndim < 2:
        raise Refused("type.shape-mismatch", f"{what} takes an array of rank 2 or more, not shape {x.shape}")
    diagonal = integer_of(k)
    if diagonal is None:
        raise refuse_argument(what, "k", k, "an int")
    rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1])[None, :]
    kept = columns <= rows + diagonal if name == "tril" else columns >= rows + diagonal
    data = numpy_of(x)
    return make(type(x), np.where(kept, data, np.zeros((), data.dtype)))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]
