"""Functions that no single instruction computes, made of those that there are.

Knows formulas; does not know statements.
"""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import f16, f32
from htp_backend_pto.lower.select.angles import Angles
from htp_backend_pto.lower.select.elementwise import UNARY
from htp_backend_pto.lower.writing import is_column

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from htp.types import TileType

__all__ = ["Functions"]

ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""Coefficients of erf in 1 / (1 + 0.3275911 |x|), within 1.5e-7: Abramowitz and Stegun, 7.1.26."""
ERF_STEP = 0.3275911
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
        return self.unary(target, type_, "exp", self.numbers(type_, x, ("muls", math.log(2.0))))

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
        """`2 / (1 + exp(-2 x)) - 1`, which has a value however large x is."""
        half = self.instruct(None, type_, "recip", self._decay(type_, x, 2.0))
        return self.numbers(type_, half, ("muls", 2.0), ("adds", -1.0), target=target)

    def _gelu(self, target: str | None, type_: TileType, x: str, approximate: ast.expr | None = None) -> str:
        """`x / (1 + exp(-2 u))` in its tanh form, else `x * (1 + erf(x / sqrt 2)) / 2`."""
        if isinstance(approximate, ast.Constant) and approximate.value == "tanh":
            square = self.instruct(None, type_, "mul", x, x)
            slope = self.numbers(type_, square, ("muls", CUBE), ("adds", 1.0))
            inner = self.instruct(None, type_, "mul", slope, x)
            return self.instruct(target, type_, "div", x, self._decay(type_, inner, 2.0 * math.sqrt(2.0 / math.pi)))
        erf = self._erf(None, type_, self.numbers(type_, x, ("muls", math.sqrt(0.5))))
        share = self.numbers(type_, erf, ("adds", 1.0), ("muls", 0.5))
        return self.instruct(target, type_, "mul", x, share)

    def _erf(self, target: str | None, type_: TileType, x: str) -> str:
        size = self.unary(None, type_, "abs", x)
        step = self.instruct(None, type_, "recip", self.numbers(type_, size, ("muls", ERF_STEP), ("adds", 1.0)))
        total = self.numbers(type_, step, ("muls", ERF[-1]))
        for coefficient in reversed(ERF[:-1]):
            total = self.instruct(None, type_, "mul", self.numbers(type_, total, ("adds", coefficient)), step)
        bell = self.unary(None, type_, "exp", self.unary(None, type_, "neg", self.instruct(None, type_, "mul", x, x)))
        rest = self.instruct(None, type_, "mul", total, bell)
        above = self.numbers(type_, rest, ("muls", -1.0), ("adds", 1.0))
        below = self.unary(None, type_, "neg", above)
        mask = self.compared(None, self.flags_like(type_), "ge", x, constant(0.0))
        return self.chosen(target, type_, mask, above, below)

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
