"""Reductions and scans along axes.

Knows accumulation rules and what nothing reduces to; NumPy does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast, overload

from htp._impl import numeric
from htp._impl.axes import axes_of, axis_of
from htp._impl.lazy import LazyModule
from htp._impl.operands import require_kind, require_tile
from htp._impl.storage import make
from htp.diagnostics import Refused
from htp.dtypes import Floating, Numeric, bool_, i64
from htp.values import Array, numpy_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy as np

    from htp._impl.numeric import Elements

    Axes: TypeAlias = int | tuple[int, ...] | None
else:
    np = LazyModule("numpy")

A = TypeVar("A", bound=Array)
F = TypeVar("F", bound=Floating)
N = TypeVar("N", bound=Numeric)


@overload
def sum(x: bool_, axis: Axes = None, keepdims: bool = False) -> i64: ...
@overload
def sum(x: N, axis: Axes = None, keepdims: bool = False) -> N: ...
def sum(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum over `axis` (all axes by default): `x[0] + x[1] + ...`; 0 of nothing.

    Floats of 16 and 8 bits accumulate in f32 and round once; integers wrap; truth values count as i64. The order of a
    float sum is not specified.
    """
    return _accumulated("sum", x, axis, keepdims)


@overload
def prod(x: bool_, axis: Axes = None, keepdims: bool = False) -> i64: ...
@overload
def prod(x: N, axis: Axes = None, keepdims: bool = False) -> N: ...
def prod(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The product over `axis` (all axes by default): `x[0] * x[1] * ...`; 1 of nothing; accumulates like `sum`."""
    return _accumulated("prod", x, axis, keepdims)


def mean(x: F, axis: Axes = None, keepdims: bool = False) -> F:
    """The mean over `axis` (all axes by default): `sum(x) / n`; NaN of nothing; accumulates like `sum`."""
    require_tile(x, "`tile.mean`")
    require_kind("mean", type(x))
    data, axes = numeric.widened(numpy_of(x)), axes_of("`tile.mean`", axis, x.ndim)
    count = np.prod([data.shape[each] for each in axes], dtype=np.float64)
    with np.errstate(all="ignore"):
        total = np.sum(data, axis=axes, keepdims=keepdims, dtype=data.dtype)
        found = np.asarray(total / data.dtype.type(count))
    return make(type(x), numeric.narrowed(found, numpy_of(x).dtype))


def max(x: A, axis: Axes = None, keepdims: bool = False) -> A:
    """The largest element over `axis` (all axes by default); NaN if there is one.

    Of nothing it is the dtype's least value: minus infinity, or the least integer (NumPy refuses).
    """
    return _extreme("max", x, axis, keepdims)


def min(x: A, axis: Axes = None, keepdims: bool = False) -> A:
    """The smallest element over `axis` (all axes by default); NaN if there is one.

    Of nothing it is the dtype's largest value: infinity, or the largest integer (NumPy refuses).
    """
    return _extreme("min", x, axis, keepdims)


def any(x: Array, axis: Axes = None, keepdims: bool = False) -> bool_:
    """Whether any element over `axis` (all axes by default) is true, that is not zero; false of nothing."""
    require_tile(x, "`tile.any`")
    data, axes = numeric.widened(numpy_of(x)), axes_of("`tile.any`", axis, x.ndim)
    return make(bool_, np.asarray(np.any(data != 0, axis=axes, keepdims=keepdims)))


def all(x: Array, axis: Axes = None, keepdims: bool = False) -> bool_:
    """Whether all elements over `axis` (all axes by default) are true, that is not zero; true of nothing."""
    require_tile(x, "`tile.all`")
    data, axes = numeric.widened(numpy_of(x)), axes_of("`tile.all`", axis, x.ndim)
    return make(bool_, np.asarray(np.all(data != 0, axis=axes, keepdims=keepdims)))


def argmax(x: Numeric, axis: int | None = None, keepdims: bool = False) -> i64:
    """The index of the first largest element along `axis`, or in row-major order without one; a NaN is the largest.

    Raises:
        Refused: `type.empty-reduction` when there is no element to point at.
    """
    return _place("argmax", x, axis, keepdims)


def argmin(x: Numeric, axis: int | None = None, keepdims: bool = False) -> i64:
    """The index of the first smallest element along `axis`, or in row-major order without one; a NaN is the smallest.

    Raises:
        Refused: `type.empty-reduction` when there is no element to point at.
    """
    return _place("argmin", x, axis, keepdims)


@overload
def cumsum(x: bool_, axis: int) -> i64: ...
@overload
def cumsum(x: N, axis: int) -> N: ...
def cumsum(x: Array, axis: int) -> Array:
    """Running sums along `axis`: `y[i] = x[0] + ... + x[i]`; accumulates like `sum` and rounds every element once."""
    require_tile(x, "`tile.cumsum`")
    data, place = numeric.widened(numpy_of(x)), axis_of("`tile.cumsum`", axis, x.ndim)
    with np.errstate(all="ignore"):
        if type(x) is bool_:
            return make(i64, np.cumsum(data, axis=place, dtype=np.int64))
        return make(type(x), numeric.narrowed(np.cumsum(data, axis=place, dtype=data.dtype), numpy_of(x).dtype))


def _accumulated(name: str, x: Array, axis: Axes, keepdims: bool) -> Array:
    require_tile(x, f"`tile.{name}`")
    data, axes = numeric.widened(numpy_of(x)), axes_of(f"`tile.{name}`", axis, x.ndim)
    run = np.sum if name == "sum" else np.prod
    with np.errstate(all="ignore"):
        if type(x) is bool_:
            return make(i64, np.asarray(run(data, axis=axes, keepdims=keepdims, dtype=np.int64)))
        found = np.asarray(run(data, axis=axes, keepdims=keepdims, dtype=data.dtype))
    return make(type(x), numeric.narrowed(found, numpy_of(x).dtype))


def _extreme(name: str, x: A, axis: Axes, keepdims: bool) -> A:
    require_tile(x, f"`tile.{name}`")
    data, axes = numpy_of(x), axes_of(f"`tile.{name}`", axis, x.ndim)
    wide = numeric.widened(data)
    run = cast("Callable[..., Elements]", np.max if name == "max" else np.min)
    start = numeric.identity(name, data.dtype).astype(wide.dtype)
    with np.errstate(all="ignore"):
        found = np.asarray(run(wide, axis=axes, keepdims=keepdims, initial=start[()]))
    return make(type(x), numeric.narrowed(found, data.dtype))


def _place(name: str, x: Array, axis: int | None, keepdims: bool) -> i64:
    what = f"`tile.{name}`"
    require_tile(x, what)
    require_kind(name, type(x))
    place = None if axis is None else axis_of(what, axis, x.ndim)
    data = numeric.widened(numpy_of(x))
    count = data.size if place is None else data.shape[place]
    run = np.argmax if name == "argmax" else np.argmin
    if count:
        return make(i64, np.asarray(run(data, axis=place, keepdims=keepdims), np.int64))
    shape = [] if place is None else [size for each, size in enumerate(data.shape) if each != place]
    if 0 not in shape:
        raise Refused("type.empty-reduction", f"{what} of an axis without elements", help="test the size first")
    if keepdims and place is not None:
        shape.insert(place, 1)
    return make(i64, np.zeros(shape, np.int64))
