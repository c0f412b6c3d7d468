"""Operations that make arrays out of shapes and numbers, and the two that leave the world of arrays.

Knows shapes and dtypes; has no operands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsIndex, TypeVar, cast, overload

from htp._impl import numeric
from htp._impl.axes import axis_of, count_of, integer_of, shape_of
from htp._impl.lazy import LazyModule
from htp._impl.operands import constant, operand, refuse_argument, require_dtype, require_kind, require_tile
from htp._impl.storage import make
from htp.diagnostics import Refused
from htp.dtypes import Numeric, i32
from htp.values import Array, snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from htp.values import Number
else:
    np = LazyModule("numpy")

A = TypeVar("A", bound=Array)
N = TypeVar("N", bound=Numeric)


def zeros(shape: SupportsIndex | Sequence[SupportsIndex], dtype: type[A]) -> A:
    """An array of zeros (false for bool_)."""
    return _filled("`tile.zeros`", shape, 0, dtype)


def ones(shape: SupportsIndex | Sequence[SupportsIndex], dtype: type[A]) -> A:
    """An array of ones (true for bool_)."""
    return _filled("`tile.ones`", shape, 1, dtype)


def full(shape: SupportsIndex | Sequence[SupportsIndex], value: A | Number, dtype: type[A]) -> A:
    """An array that holds `value`, a number or an array of rank 0, everywhere."""
    return _filled("`tile.full`", shape, value, dtype)


@overload
def arange(start: int, stop: int | None = None, step: int = 1) -> i32: ...
@overload
def arange(start: int, stop: type[N]) -> N: ...
@overload
def arange(start: int, stop: int | None = None, step: int = 1, *, dtype: type[N]) -> N: ...
@overload
def arange(start: int, stop: int | None, step: int, dtype: type[N]) -> N: ...
def arange(
    start: int, stop: int | type[Numeric] | None = None, step: int = 1, dtype: type[Numeric] = i32
) -> Numeric:  # fmt: skip
    """Evenly spaced integers `start, start + step, ...` below `stop`; `arange(n)` and `arange(n, dtype)` count from 0.

    The shape is `(max(0, ceil((stop - start) / step)),)`.

    Raises:
        Refused: `type.constant-out-of-range` when the dtype cannot hold them.
    """
    what = "`tile.arange`"
    if isinstance(stop, type):
        stop, dtype = None, stop
    require_dtype(what, dtype)
    require_kind("arange", dtype)
    bounds = [integer_of(each) for each in ((0, start, step) if stop is None else (start, stop, step))]
    if None in bounds or bounds[2] == 0:
        raise refuse_argument(what, "a bound", (start, stop, step), "an int, the step not 0")
    values = range(*(each for each in bounds if each is not None))
    for each in values[:1], values[-1:]:
        for end in each:
            constant(dtype, end)
    return make(
        dtype, np.asarray(np.arange(values.start, values.stop, values.step)).astype(numeric.numpy_dtype(dtype.name))
    )


@overload
def iota(shape: SupportsIndex | Sequence[SupportsIndex], axis: int) -> i32: ...
@overload
def iota(shape: SupportsIndex | Sequence[SupportsIndex], axis: int, dtype: type[N]) -> N: ...
def iota(shape: SupportsIndex | Sequence[SupportsIndex], axis: int, dtype: type[Numeric] = i32) -> Numeric:
    """Every element's index along `axis`: `y[i, j] = j` for axis 1."""
    what = "`tile.iota`"
    sizes = shape_of(what, shape)
    place = axis_of(what, axis, len(sizes))
    along = arange(sizes[place], dtype=dtype)
    column = snapshot(along).reshape([-1 if each == place else 1 for each in range(len(sizes))])
    return make(dtype, np.broadcast_to(column, sizes))


def eye(n: int, dtype: type[A]) -> A:
    """The identity matrix of n rows and columns: `y[i, j] = i == j`."""
    require_dtype("`tile.eye`", dtype)
    return make(dtype, np.eye(count_of("`tile.eye`", "n", n)).astype(numeric.numpy_dtype(dtype.name)))


def item(x: A) -> A:
    """The only element of an array as a Python number, for conditions, bounds and further arithmetic.

    Type checkers see the dtype, as they do for `Scalar` parameters; at run time scalars are Python numbers, which take
    the dtype of the tile beside them.

    Raises:
        Refused: `type.not-one-element` when there is not exactly one element.
    """
    require_tile(x, "`tile.item`")
    if x.size != 1:
        raise Refused("type.not-one-element", f"`tile.item` takes an array of one element, not shape {x.shape}")
    return cast("A", numeric.python_number(snapshot(x).reshape(())))


def print(text: str, *values: Array | Number) -> None:
    """Prints `text` and the values on one line of standard output; numbers have at most six significant digits."""
    from htp.loops import print_tile

    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise Refused("type.bad-arguments", "`tile.print` takes a literal text first")
    print_tile(text, *values)


def _filled(what: str, shape: object, value: object, dtype: type[A]) -> A:
    require_dtype(what, dtype)
    number = bool(value) if dtype.kind == "bool" and isinstance(value, int) and value in (0, 1) else value
    element = operand(number, dtype, what)
    if element.ndim:
        raise Refused("type.not-one-element", f"{what} takes one number, not an array of shape {element.shape}")
    return make(dtype, np.full(shape_of(what, shape), element))
