"""Sines and cosines: what is left of an angle beside a whole number of quarter turns, and polynomials of that.

Knows how large angles are reduced without losing digits; does not know statements.
"""

from __future__ import annotations

import ast
import functools
from fractions import Fraction
from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import f32, i32
from htp_backend_pto.lower.select.integers import Integers

if TYPE_CHECKING:
    from htp.types import TileType

__all__ = ["Angles"]

QUARTERS_PER_RADIAN = 0.6366197723675814
QUARTER = (1.5703125, 0.0004825592041015625, 1.2665987014770508e-06, 6.077100628276710e-11)
"""A quarter turn in parts: the first three have 8 bits each, so that their product with up to 2**16 is exact in f32."""
SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COSINE = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
"""Coefficients on an eighth of a turn to both sides, for f32: S. L. Moshier, Cephes, single/sinf.c."""

NEAR = 16
"""Below 2**16 angles are reduced by subtracting quarter turns; from there on by multiplying integers."""
STEP = 8
FARTHEST = 120
"""Angles from 2**16 on have 14 ranges, `STEP` powers of two each, of which this is where the last one begins."""
INVERSE = Fraction(0x517CC1B727220A94FE13ABE8FA9A6EE06DB14ACC9E21C820FF28B1D5EF5DE2B0DB92371D2126E97, 1 << 317)
"""Turns in a radian, 1 / (2 pi), in binary."""
TURN = 1 << 32
"""A turn, as an integer that wraps."""


class Angles(Integers):
    """Writes sines and cosines."""

    def _sin(self, target: str | None, type_: TileType, x: str, near: ast.expr | None = None) -> str:
        return self.wave(target, type_, x, ahead=0, near=near is not None)

    def _cos(self, target: str | None, type_: TileType, x: str, near: ast.expr | None = None) -> str:
        return self.wave(target, type_, x, ahead=1, near=near is not None)

    def wave(self, target: str | None, type_: TileType, x: str, *, ahead: int, near: bool) -> str:
        """The sine some quarter turns ahead; `near` says that no angle is 2**16 or more."""
        numbers, flags = self.sized(type_, i32), self.flags_like(type_)
        quarters, rest = self.near(type_, x)
        if not near:
            far_quarters, far_rest = self.far(type_, x)
            inside = self.compared(None, flags, "lt", self.unary(None, type_, "abs", x), constant(float(1 << NEAR)))
            quarters = self.chosen(None, numbers, inside, quarters, far_quarters)
            rest = self.chosen(None, type_, inside, rest, far_rest)
        if ahead:
            quarters = self.instruct(None, numbers, "adds", quarters, ahead)
        square = self.instruct(None, type_, "mul", rest, rest)
        even = self.compared(None, flags, "eq", self.instruct(None, numbers, "ands", quarters, 1), constant(0))
        size = self.chosen(None, type_, even, self.sine(type_, rest, square), self.cosine(type_, square))
        half = self.instruct(None, type_, "cvt", self.instruct(None, numbers, "ands", quarters, 2), dtype="f32")
        sign = self.instruct(None, type_, "adds", self.instruct(None, type_, "muls", half, constant(-1.0)), constant(1.0))
        odd = self.instruct(None, type_, "sub", x, x)  # zero, or NaN for infinities and NaN
        return self.instruct(target, type_, "mul", size, self.instruct(None, type_, "add", sign, odd))

    def sine(self, type_: TileType, rest: str, square: str) -> str:
        """The sine of an eighth of a turn at most."""
        slope = self.instruct(None, type_, "mul", self.polynomial(type_, square, SINE), square)
        return self.instruct(None, type_, "add", self.instruct(None, type_, "mul", slope, rest), rest)

    def cosine(self, type_: TileType, square: str) -> str:
        """The cosine of an eighth of a turn at most, of its square."""
        slope = self.instruct(None, type_, "mul", self.polynomial(type_, square, COSINE), square)
        slope = self.instruct(None, type_, "adds", slope, constant(-0.5))
        return self.instruct(None, type_, "adds", self.instruct(None, type_, "mul", slope, square), constant(1.0))

    def polynomial(self, type_: TileType, x: str, coefficients: tuple[float, ...]) -> str:
        """A polynomial, its highest coefficient first."""
        first, second, *others = coefficients
        made = self.instruct(None, type_, "adds", self.instruct(None, type_, "muls", x, constant(first)), constant(second))
        for each in others:
            made = self.instruct(None, type_, "adds", self.instruct(None, type_, "mul", made, x), constant(each))
        return made

    def near(self, type_: TileType, x: str) -> tuple[str, str]:
        """Quarter turns in an angle below 2**16, and what is left of it: every difference but the last is exact."""
        numbers = self.sized(type_, i32)
        many = self.instruct(None, type_, "muls", x, constant(QUARTERS_PER_RADIAN))
        quarters = self.instruct(None, numbers, "cvt", many, dtype="i32", mode=ast.Constant("rint"))
        count = self.instruct(None, type_, "cvt", quarters, dtype="f32")
        for part in QUARTER:
            x = self.instruct(None, type_, "sub", x, self.instruct(None, type_, "muls", count, constant(part)))
        return quarters, x

    def far(self, type_: TileType, x: str) -> tuple[str, str]:
        """The same of an angle from 2**16 on, which is an integer times a power of two.

        That integer times the turns in that power of two is the angle in turns, of which products that wrap keep the
        fraction. What of the turns is below 2**-32 is multiplied in f32.
        """
        numbers = self.sized(type_, i32)
        scale, whole, below = self.by_range(type_, x)
        shifted = self.instruct(None, type_, "mul", x, scale)
        integer = self.instruct(None, numbers, "cvt", shifted, dtype="i32")
        low = self.instruct(None, type_, "mul", shifted, below)
        low = self.instruct(None, numbers, "cvt", low, dtype="i32", mode=ast.Constant("rint"))
        angle = self.instruct(None, numbers, "add", self.instruct(None, numbers, "mul", integer, whole), low)
        quarters = self.instruct(None, numbers, "adds", angle, TURN >> 3)
        quarters = self.instruct(None, numbers, "shrs", quarters, 30)
        rest = self.instruct(None, numbers, "sub", angle, self.instruct(None, numbers, "shls", quarters, 30))
        rest = self.instruct(None, type_, "cvt", rest, dtype="f32")
        return quarters, self.instruct(None, type_, "muls", rest, constant(float(1 / (INVERSE * TURN))))

    def by_range(self, type_: TileType, x: str) -> tuple[str, str, str]:
        """For every angle the power of two that makes it an integer, and the turns in the inverse of that power."""
        types = (type_, self.sized(type_, i32), type_)
        size = self.unary(None, type_, "abs", x)
        found = [self.filled(None, each, constant(value)) for each, value in zip(types, _range(FARTHEST), strict=True)]
        for start in range(FARTHEST - STEP, NEAR - STEP, -STEP):
            beyond = self.compared(None, self.flags_like(type_), "ge", size, constant(float(1 << (start + STEP))))
            found = [
                self.chosen(None, each, beyond, made, constant(value))
                for each, made, value in zip(types, found, _range(start), strict=True)
            ]
        return found[0], found[1], found[2]


@functools.cache
def _range(start: int) -> tuple[float, int, float]:
    """Of angles from `2**start` on: a power of two that makes them integers of 31 bits, and the turns in its inverse.

    The turns are a 32nd power of two of them to the nearest, with a sign, and what is left.
    """
    power = 23 - start
    turns = INVERSE * Fraction(2) ** -power * TURN
    whole = round(turns)
    return 2.0**power, (whole + TURN // 2) % TURN - TURN // 2, float(turns - whole)
