"""Functions that no single instruction computes, made of those that there are.

Knows formulas; does not know statements.
"""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import f16, f32, i32
from htp_backend_pto.lower.select.angles import Angles
from htp_backend_pto.lower.select.elementwise import UNARY
from htp_backend_pto.lower.writing import is_column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from htp.types import TileType

__all__ = ["Functions"]

TANH = (0.0164375803, -0.0526718131, 0.1332072505, -0.3333294664, 1.0)
TANH_NEAR = 0.55
"""`tanh(x) / x` in the square of x up to this size: the smallest largest relative error of its degree, 3.7e-8."""
ERF = (0.0047179901, -0.0267571843, 0.1128282281, -0.3761260857, 1.1283791656)
ERF_NEAR = 0.5
"""`erf(x) / x` in the square of x up to this size, likewise within 1.4e-9."""
TAIL = (-0.200257969, 0.7091421992, -0.3708997724, 0.4682676999, 0.1618261078, 0.2319216969)
TAIL_STEP = 0.4
"""`(1 - erf(x)) * exp(x * x) / t` in t, `1 / (1 + 0.4 x)`, from zero on: the smallest largest error of erf, 2.8e-8."""
LOG_2 = (0.693145751953125, math.log(2.0) - 0.693145751953125)
"""The logarithm of 2 in two parts, of which the first has so few bits that times a whole number it is exact."""
CUBE = 0.044715
"""The coefficient of the cube in the tanh form of gelu: Hendrycks and Gimpel, arXiv:1606.08415."""

ANGLES = ("sin", "cos")
TESTS = {"isnan": "ne", "isinf": "ge", "isfinite": "lt"}
"""What is asked of floats, and how their size compares with infinity.

The simulator subtracts to see whether numbers are equal, so that infinity is not: hw-native-sys/pto-isa@cd4a3d3f,
include/pto/cpu/TCmps.hpp.
"""


class Functions(Angles):
    """Writes functions of one tile."""

    def function(self, target: str | None, type_: TileType, name: str, x: str, **options: ast.expr) -> str:
        """`tile.name(x)`: one instruction, or several, in f32 and on rows."""
        if name in UNARY:
            return self.unary(target, type_, name, x)
        if name in TESTS and not is_column(type_):
            return self.tested(target, type_, name, x)
        formula: Callable[..., str] | None = getattr(self, f"_{name}", None)
        if formula is None and name not in TESTS:
            raise self.refused(
                f"`tile.{name}` has no instruction on Ascend, nor a formula of those that there are",
                "compute it outside, and pass a table of its values as a parameter",
            )
        if is_column(type_):
            row = self.function(None, self.as_row_type(type_), name, self.row(x), **options)
            return self.column(target, type_, row)
        if type_.dtype.kind != "float":
            return self.rounded_already(target, type_, name, x)
        if type_.dtype is f16 and name in ANGLES:
            options["near"] = ast.Constant(True)  # no f16 is 2**16 or more
        if type_.dtype is not f32:
            wide = self.function(None, self.like(x, f32), name, self.cast(None, self.like(x, f32), x), **options)
            return self.cast(target, type_, wide)
        return self.tested(target, type_, name, x) if formula is None else formula(target, type_, x, **options)

    def tested(self, target: str | None, type_: TileType, name: str, x: str) -> str:
        """Whether elements are NaN, infinite, or neither."""
        if self.types[x].dtype not in (f16, f32):
            x = self.cast(None, self.like(x, f32), x)
        if name == "isnan":
            return self.compared(target, type_, "ne", x, x)
        size = self.unary(None, self.types[x], "abs", x)
        return self.compared(target, type_, TESTS[name], size, constant(math.inf))

    def rounded_already(self, target: str | None, type_: TileType, name: str, x: str) -> str:
        """The functions that integers have: they are whole, and have a sign."""
        if name == "sign":
            above = self.binary(None, type_, "min", x, constant(1))
            if type_.dtype.kind == "uint":
                return self.renamed(target, type_, above)
            return self.binary(target, type_, "max", above, constant(-1))
        if name in ("floor", "ceil", "round"):
            return self.renamed(target, type_, x)
        raise self.refused(f"`tile.{name}` takes floats", "cast it: `.astype(f32)`")

    def renamed(self, target: str | None, type_: TileType, x: str) -> str:
        """The tile under another name."""
        return self.instruct(target, type_, "mov", x) if target is not None else x

    def numbers(self, type_: TileType, x: str, *steps: tuple[str, float], target: str | None = None) -> str:
        """Instructions with a number, one after the other."""
        for index, (name, value) in enumerate(steps):
            last = target if index == len(steps) - 1 else None
            x = self.instruct(last, type_, name, x, constant(value))
        return x

    def _exp2(self, target: str | None, type_: TileType, x: str) -> str:
        """Of the nearest whole number, and of what is left: neither power's argument is rounded by much."""
        whole = self.instruct(None, self.sized(type_, i32), "cvt", x, dtype="i32", mode=ast.Constant("rint"))
        count = self.instruct(None, type_, "cvt", whole, dtype="f32")
        rest = self.numbers(type_, self.instruct(None, type_, "sub", x, count), ("muls", math.log(2.0)))
        rest = self.instruct(None, type_, "add", rest, self.numbers(type_, count, ("muls", LOG_2[1])))
        large = self.unary(None, type_, "exp", self.numbers(type_, count, ("muls", LOG_2[0])))
        return self.instruct(target, type_, "mul", large, self.unary(None, type_, "exp", rest))

    def _log2(self, target: str | None, type_: TileType, x: str) -> str:
        return self.numbers(type_, self.unary(None, type_, "log", x), ("muls", 1.0 / math.log(2.0)), target=target)

    def _decay(self, type_: TileType, x: str, factor: float) -> str:
        """`1 + exp(-factor * x)`."""
        power = self.unary(None, type_, "exp", self.numbers(type_, x, ("muls", -factor)))
        return self.numbers(type_, power, ("adds", 1.0))

    def _sigmoid(self, target: str | None, type_: TileType, x: str) -> str:
        return self.instruct(target, type_, "recip", self._decay(type_, x, 1.0))

    def _silu(self, target: str | None, type_: TileType, x: str) -> str:
        return self.instruct(target, type_, "div", x, self._decay(type_, x, 1.0))

    def _tanh(self, target: str | None, type_: TileType, x: str) -> str:
        """`2 / (1 + exp(-2 x)) - 1`, which has a value however large x is, and loses the digits of a small one."""
        near = self.odd(type_, x, TANH)
        size = self.unary(None, type_, "abs", x)
        small = self.compared(None, self.flags_like(type_), "lt", size, constant(TANH_NEAR))
        half = self.instruct(None, type_, "recip", self._decay(type_, x, 2.0))
        return self.chosen(target, type_, small, near, self.numbers(type_, half, ("muls", 2.0), ("adds", -1.0)))

    def odd(self, type_: TileType, x: str, coefficients: tuple[float, ...]) -> str:
        """`x` times a polynomial of its square."""
        square = self.instruct(None, type_, "mul", x, x)
        return self.instruct(None, type_, "mul", self.polynomial(type_, square, coefficients), x)

    def _gelu(self, target: str | None, type_: TileType, x: str, approximate: ast.expr | None = None) -> str:
        """`x / (1 + exp(-2 u))` in its tanh form, else `x * (1 + erf(u)) / 2`, where u is `x / sqrt 2`."""
        if isinstance(approximate, ast.Constant) and approximate.value == "tanh":
            square = self.instruct(None, type_, "mul", x, x)
            slope = self.numbers(type_, square, ("muls", CUBE), ("adds", 1.0))
            inner = self.instruct(None, type_, "mul", slope, x)
            return self.instruct(target, type_, "div", x, self._decay(type_, inner, 2.0 * math.sqrt(2.0 / math.pi)))
        tail = self.tail(type_, self.numbers(type_, x, ("muls", math.sqrt(0.5))))
        below = self.numbers(type_, tail, ("muls", 0.5))
        above = self.numbers(type_, below, ("muls", -1.0), ("adds", 1.0))
        mask = self.compared(None, self.flags_like(type_), "ge", x, constant(0.0))
        return self.instruct(target, type_, "mul", x, self.chosen(None, type_, mask, above, below))

    def _erf(self, target: str | None, type_: TileType, x: str) -> str:
        """What the tail leaves of 1, with the sign of x, which loses the digits of a small one."""
        flags = self.flags_like(type_)
        above = self.numbers(type_, self.tail(type_, x), ("muls", -1.0), ("adds", 1.0))
        below = self.unary(None, type_, "neg", above)
        far = self.chosen(None, type_, self.compared(None, flags, "ge", x, constant(0.0)), above, below)
        small = self.compared(None, flags, "lt", self.unary(None, type_, "abs", x), constant(ERF_NEAR))
        return self.chosen(target, type_, small, self.odd(type_, x, ERF), far)

    def tail(self, type_: TileType, x: str) -> str:
        """`1 - erf(|x|)`."""
        size = self.unary(None, type_, "abs", x)
        step = self.instruct(None, type_, "recip", self.numbers(type_, size, ("muls", TAIL_STEP), ("adds", 1.0)))
        bell = self.unary(None, type_, "exp", self.unary(None, type_, "neg", self.instruct(None, type_, "mul", x, x)))
        total = self.polynomial(type_, step, TAIL)
        return self.instruct(None, type_, "mul", self.instruct(None, type_, "mul", total, step), bell)

    def _sign(self, target: str | None, type_: TileType, x: str) -> str:
        flags = self.flags_like(type_)
        below = self.compared(None, flags, "lt", x, constant(0.0))
        above = self.compared(None, flags, "gt", x, constant(0.0))
        minus = self.chosen(None, type_, below, constant(-1.0), constant(0.0))
        return self.kept(target, type_, self.chosen(None, type_, above, constant(1.0), minus), x)

    def _floor(self, target: str | None, type_: TileType, x: str) -> str:
        return self.rounded(target, type_, x, "floor", x)

    def _ceil(self, target: str | None, type_: TileType, x: str) -> str:
        return self.rounded(target, type_, x, "ceil", x)

    def _round(self, target: str | None, type_: TileType, x: str) -> str:
        return self.rounded(target, type_, x, "rint", x)

    def clipped(self, target: str | None, type_: TileType, x: str, low: str | ast.expr, high: str | ast.expr) -> str:
        """`x` kept between two bounds."""
        steps: Sequence[tuple[str, str | ast.expr]] = [
            (name, each)
            for name, each in (("max", low), ("min", high))
            if not (isinstance(each, ast.Constant) and each.value is None)
        ]
        for index, (name, bound) in enumerate(steps):
            x = self.binary(target if index == len(steps) - 1 else None, type_, name, x, bound)
        return x if steps else self.renamed(target, type_, x)
