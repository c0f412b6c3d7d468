"""Operations that look elements up by index, and those that find indices: sorting and selection.

Knows indices; negative ones count from the end and none may lie outside its axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from htp._impl import numeric
from htp._impl.axes import axis_of, count_of
from htp._impl.lazy import LazyModule
from htp._impl.operands import operand, refuse_argument, require_dtype, require_kind, require_tile
from htp._impl.storage import make
from htp.diagnostics import Refused
from htp.dtypes import Integral, i64
from htp.values import Array, numpy_of, snapshot

if TYPE_CHECKING:
    import numpy as np

    from htp._impl.numeric import Elements
    from htp.values import Number
else:
    np = LazyModule("numpy")

A = TypeVar("A", bound=Array)
Mode = Literal["set", "add", "max", "min"]


def take(x: A, indices: Integral, axis: int = 0) -> A:
    """Whole slices along `axis`: `y[i, k] = x[indices[i], k]` for axis 0.

    The shape is that of x with the axis replaced by the shape of indices.

    Raises:
        Refused: `run.index-out-of-range`.
    """
    what = "`tile.take`"
    require_tile(x, what)
    place = axis_of(what, axis, x.ndim)
    return make(type(x), np.take(numpy_of(x), _wrapped(what, indices, x.shape[place]), axis=place))


def gather(x: A, indices: Integral, axis: int) -> A:
    """One element per index along `axis`: `y[i, k] = x[indices[i, k], k]` for axis 0; the shape is that of indices.

    Every other size of indices is that of x, or 1 and repeated.

    Raises:
        Refused: `run.index-out-of-range` or `type.shape-mismatch`.
    """
    what = "`tile.gather`"
    require_tile(x, what)
    place = axis_of(what, axis, x.ndim)
    lanes = _aligned(what, indices, x, place)
    return make(type(x), np.take_along_axis(numpy_of(x), lanes, axis=place))


def scatter(x: A, indices: Integral, updates: A | Number, axis: int, mode: Mode = "set") -> A:
    """A copy of x with updates at the indices: `y[indices[i, k], k] = updates[i, k]` for axis 0.

    Modes `add`, `max` and `min` combine with what is there; they accumulate over repeated indices in row-major order
    (narrow floats in f32, rounded once), and `set` keeps the last. updates broadcast to the shape of indices.

    Raises:
        Refused: `run.index-out-of-range`, `type.shape-mismatch`, `type.dtype-mismatch`, `type.bad-arguments`.
    """
    what = "`tile.scatter`"
    require_tile(x, what)
    if mode not in ("set", "add", "max", "min"):
        raise refuse_argument(what, "mode", mode, 'one of "set", "add", "max", "min"')
    if mode != "set":
        require_kind("add", type(x))
    place = axis_of(what, axis, x.ndim)
    lanes = _aligned(what, indices, x, place)
    given = operand(updates, type(x), what)
    try:
        source = numeric.widened(np.broadcast_to(given, lanes.shape))
    except ValueError:
        raise Refused(
            "type.shape-mismatch", f"{what}: updates of shape {given.shape} do not broadcast to {lanes.shape}"
        ) from None
    target = numeric.widened(numpy_of(x)).copy()
    where = tuple(lanes if each == place else grid for each, grid in enumerate(np.indices(lanes.shape, sparse=True)))
    with np.errstate(all="ignore"):
        if mode == "set":
            target[where] = source
        else:
            {"add": np.add, "max": np.maximum, "min": np.minimum}[mode].at(target, where, source)
    return make(type(x), numeric.narrowed(target, numpy_of(x).dtype))


def sort(x: A, axis: int = -1, descending: bool = False) -> A:
    """Elements in ascending (or descending) order along `axis`; NaN counts as the largest."""
    order = _order("sort", x, axis, descending)
    return make(type(x), np.take_along_axis(numpy_of(x), order, axis=axis))


def argsort(x: Array, axis: int = -1, descending: bool = False) -> i64:
    """Indices that sort along `axis`: `gather(x, y, axis) == sort(x, axis)`; equal elements keep their order."""
    return make(i64, _order("argsort", x, axis, descending))


def topk(x: A, k: int, axis: int = -1) -> tuple[A, i64]:
    """The k largest elements along `axis`, largest first, and their indices; NaN counts as the largest.

    Equal elements come lowest index first. Both results have the shape of x with the axis of size k.
    """
    what = "`tile.topk`"
    require_tile(x, what)
    place = axis_of(what, axis, x.ndim)
    count = count_of(what, "k", k)
    if count > x.shape[place]:
        raise refuse_argument(what, "k", k, f"at most {x.shape[place]}, the size of axis {place}")
    order = _order("topk", x, place, descending=True)
    first = order[(slice(None),) * place + (slice(count),)]
    return make(type(x), np.take_along_axis(numpy_of(x), first, axis=place)), make(i64, first)


def one_hot(indices: Integral, n: int, dtype: type[A]) -> A:
    """One at the index along a new last axis of size n, zero elsewhere: `y[i, j] = indices[i] == j`.

    An index outside `[0, n)` gives zeros only.
    """
    what = "`tile.one_hot`"
    lanes = _indices(what, indices)
    require_dtype(what, dtype)
    count = count_of(what, "n", n)
    hot = lanes[..., None] == np.arange(count)
    return make(dtype, hot.astype(numeric.numpy_dtype(dtype.name)))


def _order(name: str, x: Array, axis: int, descending: bool) -> Elements:
    what = f"`tile.{name}`"
    require_tile(x, what)
    place = axis_of(what, axis, x.ndim)
    data = numeric.widened(snapshot(x))
    if not descending:
        return np.argsort(data, axis=place, kind="stable")
    backwards = np.argsort(np.flip(data, place), axis=place, kind="stable")
    return np.flip(data.shape[place] - 1 - backwards, place)


def _indices(what: str, indices: object) -> Elements:
    require_tile(indices, what)
    if not isinstance(indices, Array) or indices.kind not in ("int", "uint"):
        kind = indices.name if isinstance(indices, Array) else type(indices).__name__
        raise Refused(
            "type.bad-dtype", f"the indices of {what} are {kind}, not integers", help="cast them to i32 or i64"
        )
    return numpy_of(indices)


def _wrapped(what: str, indices: object, size: int) -> Elements:
    given = _indices(what, indices)
    outside = (given >= size) | (given < -size) if given.dtype.kind == "i" else given >= size
    if np.any(outside):
        raise Refused(
            "run.index-out-of-range",
            f"{what}: index {given[outside].reshape(-1)[0]} is out of range for an axis of {size} elements",
        )
    lanes = given.astype(np.int64)
    return np.where(lanes < 0, lanes + size, lanes)


def _aligned(what: str, indices: object, x: Array, place: int) -> Elements:
    lanes = _wrapped(what, indices, x.shape[place])
    fits = lanes.ndim == x.ndim and all(
        each == place or size in (1, x.shape[each]) for each, size in enumerate(lanes.shape)
    )
    if not fits:
        raise Refused(
            "type.shape-mismatch",
            f"{what} along axis {place}: indices of shape {lanes.shape} do not fit an array of shape {x.shape}",
            help="give indices the sizes of the array everywhere but on the axis",
        )
    full = tuple(size if each == place else x.shape[each] for each, size in enumerate(lanes.shape))
    return np.broadcast_to(lanes, full)
