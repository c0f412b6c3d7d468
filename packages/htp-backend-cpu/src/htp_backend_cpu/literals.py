"""Numbers of a program in C++: literals and scalar arguments.

Knows spelling only.
"""

from __future__ import annotations

import ast
import math

from htp_backend_cpu.scope import FLOATS

INT32 = 1 << 31
INT64 = 1 << 63


def constant_of(node: ast.expr) -> bool | float | None:
    """The number that a literal stands for: `3`, `-0.5`, `float("-inf")`, `True`; None for other expressions."""
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = constant_of(operand)
            return None if value is None or isinstance(value, bool) else -value
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str() as text)]):
            return float(text)
        case _:
            return None


def literal(value: float, dtype: str = "") -> str:
    """`value` in C++, as an operand of `dtype(…)` when a dtype is given.

    >>> literal(3), literal(0.5), literal(float("-inf")), literal(True), literal(-(2**63))
    ('3', '0.5', '-__builtin_inf()', 'true', '(-9223372036854775807 - 1)')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or dtype in FLOATS:
        number = float(value)
        if math.isnan(number):
            return '__builtin_nan("")'
        if math.isinf(number):
            return "-__builtin_inf()" if number < 0 else "__builtin_inf()"
        return repr(number)
    if value == -INT64:
        return f"(-{INT64 - 1} - 1)"
    return f"{value}u" if value >= INT64 else str(value)


def widened(text: str, dtype: str, namespace: str = "") -> str:
    """A scalar of `dtype` as the Python number that a scalar parameter is: f16 and narrower become f64.

    >>> widened("a", "f16"), widened("a", "f32")
    ('f64(f32(a))', 'a')
    """
    return f"{namespace}f64({namespace}f32({text}))" if dtype in FLOATS - {"f64", "f32"} else text
