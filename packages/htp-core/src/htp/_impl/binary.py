"""Elementwise operations on two and more arrays, which broadcast as in NumPy.

Knows names and signatures; the elements are computed in `numeric.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from htp._impl import numeric
from htp._impl.lazy import LazyModule
from htp._impl.operands import apply, both, compare, operand, require_broadcast, require_dtype, require_tile
from htp._impl.storage import make
from htp.diagnostics import Refused
from htp.dtypes import Floating, Numeric, bool_
from htp.values import Array, numpy_of, snapshot

if TYPE_CHECKING:
    import numpy as np

    from htp.values import Number
else:
    np = LazyModule("numpy")

A = TypeVar("A", bound=Array)
F = TypeVar("F", bound=Floating)
N = TypeVar("N", bound=Numeric)


def add(a: N | Number, b: N | Number) -> N:
    """The sum `a + b`; integers wrap."""
    x, y, swapped = both("`tile.add`", a, b)
    return apply("add", x, y, reflected=swapped)


def subtract(a: N | Number, b: N | Number) -> N:
    """The difference `a - b`; integers wrap."""
    x, y, swapped = both("`tile.subtract`", a, b)
    return apply("subtract", x, y, reflected=swapped)


def multiply(a: N | Number, b: N | Number) -> N:
    """The product `a * b`; integers wrap."""
    x, y, swapped = both("`tile.multiply`", a, b)
    return apply("multiply", x, y, reflected=swapped)


def divide(a: F | Number, b: F | Number) -> F:
    """The quotient `a / b` of floats."""
    x, y, swapped = both("`tile.divide`", a, b)
    return apply("divide", x, y, reflected=swapped)


def floor_divide(a: N | Number, b: N | Number) -> N:
    """The quotient rounded down, `floor(a / b)`; 0 where an integer is divided by 0."""
    x, y, swapped = both("`tile.floor_divide`", a, b)
    return apply("floor_divide", x, y, reflected=swapped)


def mod(a: N | Number, b: N | Number) -> N:
    """The remainder `a - floor(a / b) * b`, which has the sign of b; 0 where an integer is divided by 0."""
    x, y, swapped = both("`tile.mod`", a, b)
    return apply("mod", x, y, reflected=swapped)


def power(a: N | Number, b: N | Number) -> N:
    """The power `a**b`; integers wrap and take no negative exponent."""
    x, y, swapped = both("`tile.power`", a, b)
    return apply("power", x, y, reflected=swapped)


def maximum(a: N | Number, b: N | Number) -> N:
    """The larger of a and b; NaN if either is NaN."""
    x, y, swapped = both("`tile.maximum`", a, b)
    return apply("maximum", x, y, reflected=swapped)


def minimum(a: N | Number, b: N | Number) -> N:
    """The smaller of a and b; NaN if either is NaN."""
    x, y, swapped = both("`tile.minimum`", a, b)
    return apply("minimum", x, y, reflected=swapped)


def bitwise_and(a: A | Number, b: A | Number) -> A:
    """The bitwise and `a & b`; logical and of truth values."""
    x, y, swapped = both("`tile.bitwise_and`", a, b)
    return apply("bitwise_and", x, y, reflected=swapped)


def bitwise_or(a: A | Number, b: A | Number) -> A:
    """The bitwise or `a | b`; logical or of truth values."""
    x, y, swapped = both("`tile.bitwise_or`", a, b)
    return apply("bitwise_or", x, y, reflected=swapped)


def bitwise_xor(a: A | Number, b: A | Number) -> A:
    """The bitwise exclusive or `a ^ b`; inequality of truth values."""
    x, y, swapped = both("`tile.bitwise_xor`", a, b)
    return apply("bitwise_xor", x, y, reflected=swapped)


def left_shift(a: A | Number, b: A | Number) -> A:
    """The bits of a moved up by b: `a * 2**b`, 0 when b is not below the width or is negative."""
    x, y, swapped = both("`tile.left_shift`", a, b)
    return apply("left_shift", x, y, reflected=swapped)


def right_shift(a: A | Number, b: A | Number) -> A:
    """The bits of a moved down by b, the sign kept: `floor(a / 2**b)`; all sign when b is out of range."""
    x, y, swapped = both("`tile.right_shift`", a, b)
    return apply("right_shift", x, y, reflected=swapped)


def equal(a: A | Number, b: A | Number) -> bool_:
    """Whether `a == b`, element by element; NaN equals nothing."""
    x, y, swapped = both("`tile.equal`", a, b)
    return compare("equal", x, y, reflected=swapped)


def not_equal(a: A | Number, b: A | Number) -> bool_:
    """Whether `a != b`, element by element."""
    x, y, swapped = both("`tile.not_equal`", a, b)
    return compare("not_equal", x, y, reflected=swapped)


def less(a: A | Number, b: A | Number) -> bool_:
    """Whether `a < b`, element by element."""
    x, y, swapped = both("`tile.less`", a, b)
    return compare("less", x, y, reflected=swapped)


def less_equal(a: A | Number, b: A | Number) -> bool_:
    """Whether `a <= b`, element by element."""
    x, y, swapped = both("`tile.less_equal`", a, b)
    return compare("less_equal", x, y, reflected=swapped)


def greater(a: A | Number, b: A | Number) -> bool_:
    """Whether `a > b`, element by element."""
    x, y, swapped = both("`tile.greater`", a, b)
    return compare("greater", x, y, reflected=swapped)


def greater_equal(a: A | Number, b: A | Number) -> bool_:
    """Whether `a >= b`, element by element."""
    x, y, swapped = both("`tile.greater_equal`", a, b)
    return compare("greater_equal", x, y, reflected=swapped)


def logical_and(a: bool_ | bool, b: bool_ | bool) -> bool_:
    """The logical and."""
    x, y, swapped = both("`tile.logical_and`", a, b)
    return compare("logical_and", x, y, reflected=swapped)


def logical_or(a: bool_ | bool, b: bool_ | bool) -> bool_:
    """The logical or."""
    x, y, swapped = both("`tile.logical_or`", a, b)
    return compare("logical_or", x, y, reflected=swapped)


def logical_xor(a: bool_ | bool, b: bool_ | bool) -> bool_:
    """The logical exclusive or."""
    x, y, swapped = both("`tile.logical_xor`", a, b)
    return compare("logical_xor", x, y, reflected=swapped)


def where(cond: bool_, a: A | Number, b: A | Number) -> A:
    """Elements of a where cond holds, else of b: `a if cond else b`; all three broadcast.

    Raises:
        Refused: `type.bad-dtype` when cond is no bool_, `type.not-a-tile` when a and b are both numbers.
    """
    require_tile(cond, "`tile.where`")
    x, y, swapped = both("`tile.where`", a, b)
    if type(cond) is not bool_:
        raise Refused(
            "type.bad-dtype", f"the condition of `tile.where` is {cond.name}, not bool_", help="compare first"
        )
    first, second = numpy_of(x), operand(y, type(x), "`tile.where`")
    shape = require_broadcast("`tile.where`", cond.shape, first.shape, second.shape)
    chosen = np.where(numpy_of(cond), second if swapped else first, first if swapped else second)
    return make(type(x), np.broadcast_to(chosen, shape))


def select(cond: bool_, a: A | Number, b: A | Number) -> A:
    """Another name of `where`."""
    return where(cond, a, b)


def clip(x: N, lo: N | Number | None = None, hi: N | Number | None = None) -> N:
    """Elements bounded from both sides, `min(max(x, lo), hi)`, or from one; NaN stays NaN."""
    require_tile(x, "`tile.clip`")
    if lo is None:
        return apply("minimum", x, hi) if hi is not None else make(type(x), snapshot(x))
    return apply("clip", x, lo, hi) if hi is not None else apply("maximum", x, lo)


def cast(x: Array, dtype: type[A]) -> A:
    """Every element as `dtype`.

    To a float: rounded to nearest even, overflow gives infinity (NaN in f8e4m3). From float to integer: truncated
    toward zero and saturated, NaN gives 0. Between integers: wrapped. To bool_: whether it is not zero.
    """
    require_tile(x, "`tile.cast`")
    require_dtype("`tile.cast`", dtype)
    return make(dtype, numeric.convert(snapshot(x), numeric.numpy_dtype(dtype.name)))
