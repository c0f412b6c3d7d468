"""Elementwise operations on one array; the shape stays the same.

Knows names and signatures; the elements are computed in `numeric.py`.
"""

from __future__ import annotations

from typing import Literal, TypeVar

from htp._impl.operands import apply, compare, refuse_argument, require_tile
from htp.dtypes import Floating, Numeric, bool_
from htp.values import Array

A = TypeVar("A", bound=Array)
F = TypeVar("F", bound=Floating)
N = TypeVar("N", bound=Numeric)


def exp(x: F) -> F:
    """The exponential of every element: `e**x`."""
    require_tile(x, "`tile.exp`")
    return apply("exp", x)


def exp2(x: F) -> F:
    """The power of two: `2**x`."""
    require_tile(x, "`tile.exp2`")
    return apply("exp2", x)


def log(x: F) -> F:
    """The natural logarithm of every element, NaN below zero: `ln(x)`."""
    require_tile(x, "`tile.log`")
    return apply("log", x)


def log2(x: F) -> F:
    """The logarithm to base two of every element, NaN below zero: `log2(x)`."""
    require_tile(x, "`tile.log2`")
    return apply("log2", x)


def sqrt(x: F) -> F:
    """The square root of every element, NaN below zero: `sqrt(x)`."""
    require_tile(x, "`tile.sqrt`")
    return apply("sqrt", x)


def rsqrt(x: F) -> F:
    """The reciprocal square root of every element: `1 / sqrt(x)`; infinite at zero, NaN below."""
    require_tile(x, "`tile.rsqrt`")
    return apply("rsqrt", x)


def abs(x: N) -> N:
    """The absolute value of every element: `|x|`; the least signed integer stays what it is."""
    require_tile(x, "`tile.abs`")
    return apply("abs", x)


def neg(x: N) -> N:
    """The negative of every element: `-x`; integers wrap."""
    require_tile(x, "`tile.neg`")
    return apply("neg", x)


def sign(x: N) -> N:
    """The sign of every element: -1, 0 or 1; NaN stays NaN."""
    require_tile(x, "`tile.sign`")
    return apply("sign", x)


def sin(x: F) -> F:
    """The sine of every element, in radians."""
    require_tile(x, "`tile.sin`")
    return apply("sin", x)


def cos(x: F) -> F:
    """The cosine of every element, in radians."""
    require_tile(x, "`tile.cos`")
    return apply("cos", x)


def tanh(x: F) -> F:
    """The hyperbolic tangent of every element."""
    require_tile(x, "`tile.tanh`")
    return apply("tanh", x)


def erf(x: F) -> F:
    """The error function of every element: `2/sqrt(pi)` times the integral of `exp(-t*t)` from 0 to x."""
    require_tile(x, "`tile.erf`")
    return apply("erf", x)


def sigmoid(x: F) -> F:
    """The logistic function of every element: `1 / (1 + exp(-x))`."""
    require_tile(x, "`tile.sigmoid`")
    return apply("sigmoid", x)


def relu(x: N) -> N:
    """The positive part of every element: `max(x, 0)`; NaN stays NaN."""
    require_tile(x, "`tile.relu`")
    return apply("relu", x)


def silu(x: F) -> F:
    """The sigmoid linear unit of every element: `x * sigmoid(x)`, so NaN at minus infinity."""
    require_tile(x, "`tile.silu`")
    return apply("silu", x)


def floor(x: N) -> N:
    """The greatest integer that is not above the element, in the same dtype."""
    require_tile(x, "`tile.floor`")
    return apply("floor", x)


def ceil(x: N) -> N:
    """The least integer that is not below the element, in the same dtype."""
    require_tile(x, "`tile.ceil`")
    return apply("ceil", x)


def round(x: N) -> N:
    """The nearest integer, halves to even, in the same dtype."""
    require_tile(x, "`tile.round`")
    return apply("round", x)


def invert(x: A) -> A:
    """All bits of every element inverted: `~x`; logical not of truth values."""
    require_tile(x, "`tile.invert`")
    return apply("invert", x)


def gelu(x: F, approximate: Literal["none", "tanh"] = "none") -> F:
    """The Gaussian error linear unit of every element.

    By default the exact form `x/2 * (1 + erf(x / sqrt(2)))`; with `approximate="tanh"` its usual approximation
    `x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x**3)))` (Hendrycks and Gimpel, arXiv:1606.08415). NaN at minus
    infinity.
    """
    require_tile(x, "`tile.gelu`")
    if approximate not in ("none", "tanh"):
        raise refuse_argument("`tile.gelu`", "approximate", approximate, 'either "none" or "tanh"')
    return apply("gelu" if approximate == "none" else "gelu_tanh", x)


def isnan(x: Floating) -> bool_:
    """Whether every element is NaN: `x != x`."""
    require_tile(x, "`tile.isnan`")
    return compare("isnan", x)


def isinf(x: Floating) -> bool_:
    """Whether every element is an infinity."""
    require_tile(x, "`tile.isinf`")
    return compare("isinf", x)


def isfinite(x: Floating) -> bool_:
    """Whether every element is neither NaN nor an infinity."""
    require_tile(x, "`tile.isfinite`")
    return compare("isfinite", x)


def logical_not(x: bool_) -> bool_:
    """The logical not of every element."""
    require_tile(x, "`tile.logical_not`")
    return compare("logical_not", x)
