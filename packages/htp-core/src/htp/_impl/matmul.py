"""Matrix products.

Knows which dtype accumulates; NumPy multiplies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, overload

from htp._impl import numeric
from htp._impl.lazy import LazyModule
from htp._impl.operands import operand, require_dtype, require_kind, require_tile
from htp._impl.storage import make, numpy_of
from htp.diagnostics import Refused
from htp.dtypes import NarrowFloating, NarrowIntegral, Numeric, f32, i32

if TYPE_CHECKING:
    import numpy as np

    from htp._impl.storage import Shape
    from htp.values import Array
else:
    np = LazyModule("numpy")

N = TypeVar("N", bound=Numeric)
M = TypeVar("M", bound=Numeric)


@overload
def dot(a: N, b: N, acc: M, out_dtype: None = None) -> M: ...
@overload
def dot(a: N, b: N, acc: M | None = None, *, out_dtype: type[M]) -> M: ...
@overload
def dot(a: N, b: N, acc: M | None, out_dtype: type[M]) -> M: ...
@overload
def dot(a: N, b: N, acc: None = None, out_dtype: None = None) -> Numeric: ...
def dot(a: Numeric, b: Numeric, acc: Numeric | None = None, out_dtype: type[Numeric] | None = None) -> Array:
    """The matrix product: `c[i, j] = acc[i, j] + sum_k a[i, k] * b[k, j]`; shapes `(m, k), (k, n) -> (m, n)`.

    Axes before the last two broadcast, and arrays of rank 1 are a row on the left and a column on the right, as in
    `numpy.matmul`. Floats of 16 and 8 bits accumulate in f32 and yield f32, integers of 8 bits accumulate in i32 and
    yield i32, every other dtype keeps. `out_dtype` asks for another result of the same kind: a wider one accumulates in
    it, a narrower one is rounded to at the end. `acc` has the shape and dtype of the result.

    Raises:
        Refused: `type.shape-mismatch`, `type.dtype-mismatch`, `type.bad-dtype`.
    """
    return product(a, b, acc, out_dtype)


def product(a: Array, b: Array, acc: Array | None = None, out_dtype: type[Array] | None = None) -> Array:
    """What `dot` does, for arrays whose dtype is still to be checked."""
    what = "`@`"
    require_tile(a, what)
    require_tile(b, what)
    require_kind("dot", type(a))
    right = operand(b, type(a), what)
    shape = _shape(a.shape, b.shape)
    accumulator = accumulator_of(type(a))
    result = accumulator if out_dtype is None else out_dtype
    require_dtype("`tile.dot`", result)
    if (result.kind == "float") != (accumulator.kind == "float") or result.kind == "bool":
        raise Refused(
            "type.bad-dtype", f"{what} of {type(a).name} cannot yield {result.name}", help="cast its result"
        )
    if result.bits > accumulator.bits:
        accumulator = result
    stored = numeric.numpy_dtype(accumulator.name)
    with np.errstate(all="ignore"):
        found = np.asarray(np.matmul(numpy_of(a).astype(stored), right.astype(stored)))
        if acc is not None:
            start = operand(acc, result, "acc of `tile.dot`")
            if start.shape != shape:
                raise Refused("type.shape-mismatch", f"acc has shape {start.shape}, the product {shape}")
            found = start.astype(stored) + found
    return make(result, numeric.convert(found, numeric.numpy_dtype(result.name)))


def accumulator_of(dtype: type[Array]) -> type[Array]:
    """The dtype in which `@` of `dtype` accumulates, and which it yields."""
    if issubclass(dtype, NarrowFloating):
        return f32
    return i32 if issubclass(dtype, NarrowIntegral) else dtype


def _shape(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        raise Refused("type.shape-mismatch", f"`@` takes arrays with axes, not shapes {a} and {b}")
    rows, columns = a[-2:-1], b[-1:] if len(b) > 1 else ()
    inner = b[max(len(b) - 2, 0)]
    if a[-1] != inner:
        raise Refused(
            "type.shape-mismatch",
            f"`@` of shapes {a} and {b}: {a[-1]} columns meet {inner} rows",
        )
    try:
        return np.broadcast_shapes(a[:-2], b[:-2]) + rows + columns
    except ValueError:
        raise Refused("type.shape-mismatch", f"`@` of shapes {a} and {b}: the leading axes do not broadcast") from None
