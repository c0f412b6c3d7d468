"""Sines and cosines: what is left of an angle beside a whole number of quarter turns, and polynomials of that.

Knows how large angles are reduced without losing digits; does not know statements.
"""

from __future__ import annotations

import ast
import functools
import math
from fractions import Fraction
from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import i32
from htp_backend_pto.lower.select.integers import Integers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.types import TileType

__all__ = ["Angles"]

QUARTERS_PER_RADIAN = 0.6366197723675814
QUARTER = (1.5703125, 0.000457763671875, 2.5987625122070312e-05, 7.549789954891882e-08)
"""A quarter turn in parts, of which the first three have 8 bits at most: times a number up to 2**16 each is exact."""
SINE = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COSINE = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
"""Coefficients on an eighth of a turn to both sides, for f32: S. L. Moshier, Cephes, single/sinf.c."""

NEAR = 16
"""Below 2**16 angles are reduced by subtracting quarter turns; from there on by multiplying integers."""
STEP = 8
FARTHEST = 120
"""Angles from 2**16 on have 14 ranges, `STEP` powers of two each, of which this is where the last one begins."""
INVERSE = Fraction(0x28BE60DB9391054A7F09D5F47D4D377036D8A5664F10E4107F9458EAF7AEF1586DC91B8E909374B8, 1 << 320)
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
        size = self.unary(None, type_, "abs", x)
        finite = self.compared(None, flags, "lt", size, constant(math.inf))
        inside = self.compared(None, flags, "lt", size, constant(float(1 << NEAR)))
        angle = None if near else self.far(type_, x, size)
        count, rest = self.near(type_, x)
        quarters = self.instruct(None, numbers, "cvt", count, dtype="i32")
        if angle is not None:
            others, far = self.parted(type_, angle)
            quarters = self.chosen(None, numbers, inside, quarters, others)
            rest = self.chosen(None, type_, inside, rest, far)
        if ahead:
            quarters = self.instruct(None, numbers, "adds", quarters, ahead)
        even, plain = (
            self.compared(None, flags, "eq", self.instruct(None, numbers, "ands", quarters, bit), constant(0))
            for bit in (1, 2)
        )
        square = self.instruct(None, type_, "mul", rest, rest)
        made = self.chosen(None, type_, even, self.sine(type_, rest, square), self.cosine(type_, square))
        made = self.chosen(None, type_, plain, made, self.unary(None, type_, "neg", made))
        return self.chosen(target, type_, finite, made, constant(math.nan))

    def sine(self, type_: TileType, rest: str, square: str) -> str:
        """The sine of an eighth of a turn at most."""
        slope = self.instruct(None, type_, "mul", self.polynomial(type_, square, SINE), square)
        slope = self.instruct(None, type_, "adds", slope, constant(0.0))  # no -0, which would turn the sign of -0
        return self.instruct(None, type_, "add", self.instruct(None, type_, "mul", slope, rest), rest)

    def cosine(self, type_: TileType, square: str) -> str:
        """The cosine of an eighth of a turn at most, of its square."""
        slope = self.instruct(None, type_, "mul", self.polynomial(type_, square, COSINE), square)
        slope = self.instruct(None, type_, "adds", slope, constant(-0.5))
        return self.instruct(None, type_, "adds", self.instruct(None, type_, "mul", slope, square), constant(1.0))

    def polynomial(self, type_: TileType, x: str, coefficients: tuple[float, ...]) -> str:
        """A polynomial, its highest coefficient first."""
        first, second, *others = coefficients
        made = self.instruct(None, type_, "muls", x, constant(first))
        made = self.instruct(None, type_, "adds", made, constant(second))
        for each in others:
            made = self.instruct(None, type_, "adds", self.instruct(None, type_, "mul", made, x), constant(each))
        return made

    def near(self, type_: TileType, x: str) -> tuple[str, str]:
        """Quarter turns in an angle below 2**16, and what is left of it: every difference but the last is exact."""
        many = self.instruct(None, type_, "muls", x, constant(QUARTERS_PER_RADIAN))
        whole = self.instruct(None, self.sized(type_, i32), "cvt", many, dtype="i32", mode=ast.Constant("rint"))
        count = self.instruct(None, type_, "cvt", whole, dtype="f32")
        for part in QUARTER:
            x = self.instruct(None, type_, "sub", x, self.instruct(None, type_, "muls", count, constant(part)))
        return count, x

    def far(self, type_: TileType, x: str, size: str) -> str:
        """An angle from 2**16 on in 2**-32 turns, whole ones left out.

        It is an integer times a power of two, and that integer times the turns in the power is the angle in turns, of
        which products that wrap keep the fraction. What of the turns is below 2**-32 is multiplied in f32.
        """
        numbers = self.sized(type_, i32)
        ranges = {
            start: self.compared(None, self.flags_like(type_), "ge", size, constant(float(1 << (start + STEP))))
            for start in range(FARTHEST - STEP, NEAR - STEP, -STEP)
        }
        shifted = self.instruct(None, type_, "mul", x, self.by_range(type_, ranges, 0))
        low = self.instruct(None, type_, "mul", shifted, self.by_range(type_, ranges, 2))
        low = self.instruct(None, numbers, "cvt", low, dtype="i32", mode=ast.Constant("rint"))
        integer = self.instruct(None, numbers, "cvt", shifted, dtype="i32")
        angle = self.instruct(None, numbers, "mul", integer, self.by_range(numbers, ranges, 1))
        return self.instruct(None, numbers, "add", angle, low)

    def parted(self, type_: TileType, angle: str) -> tuple[str, str]:
        """Quarter turns in an angle in 2**-32 turns, and what is left of it in radians."""
        numbers = self.sized(type_, i32)
        quarters = self.instruct(None, numbers, "adds", angle, TURN >> 3)
        quarters = self.instruct(None, numbers, "shrs", quarters, 30)
        rest = self.instruct(None, numbers, "sub", angle, self.instruct(None, numbers, "shls", quarters, 30))
        rest = self.instruct(None, type_, "cvt", rest, dtype="f32")
        return quarters, self.instruct(None, type_, "muls", rest, constant(float(1 / (INVERSE * TURN))))

    def by_range(self, type_: TileType, ranges: Mapping[int, str], which: int) -> str:
        """One of the numbers of the range that every angle is in: flags say which are beyond each but the last."""
        found = self.filled(None, type_, constant(_range(FARTHEST)[which]))
        for start, beyond in ranges.items():
            found = self.chosen(None, type_, beyond, found, constant(_range(start)[which]))
        return found


@functools.cache
def _range(start: int) -> tuple[float, int, float]:
    """Of angles from `2**start` on: a power of two that makes them integers of 31 bits, and the turns in its inverse.

    The turns are a 32nd power of two of them to the nearest, with a sign, and what is left.
    """
    power = 23 - start
    turns = INVERSE * Fraction(2) ** -power * TURN
    whole = round(turns)
    return 2.0**power, (whole + TURN // 2) % TURN - TURN // 2, float(turns - whole)
