"""Rules for bits of integers, and for quotients, remainders and powers.

Knows how whole numbers are divided by instructions that divide floats only.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.lowering.build import constant
from htp.types import bool_, f16, f32, i16, i32, u32
from htp_backend_pto.lower.select.elementwise import Elementwise
from htp_backend_pto.lower.select.unsigned import SIGNED, Item
from htp_backend_pto.lower.writing import is_column

if TYPE_CHECKING:
    from htp.types import TileType

__all__ = ["BITS", "Integers"]

BITS: dict[type[ast.operator] | str, str] = {
    ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor", "bitwise_and": "and", "bitwise_or": "or",
    "bitwise_xor": "xor", "logical_and": "and", "logical_or": "or", "logical_xor": "xor",
}  # fmt: skip
ON_FLAGS = {"and": "mul", "or": "max", "xor": "sub"}
"""Operations on flags as ones and zeros, of which the result is set where it is not zero."""
SIGN = 31
LEAST = -(1 << SIGN)


class Integers(Elementwise):
    """Writes what integers have of their own."""

    # bits ---------------------------------------------------------------------------------------------------------

    def bits(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """`and`, `or` or `xor` of bits, or of flags."""
        if type_.dtype is bool_:
            numbers = [self.flags(None, self.like(each, f16), each) if isinstance(each, str)
                       else constant(float(ast.literal_eval(each))) for each in (left, right)]  # fmt: skip
            found = self.binary(None, self.sized(type_, f16), ON_FLAGS[name], *numbers)
            return self.compared(target, type_, "ne", found, constant(0.0))
        if is_column(type_):
            wanted = self.as_row_type(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.bits(None, wanted, name, *rows))
        if not isinstance(left, str):
            left, right = right, left
        if not isinstance(left, str):
            raise self.refused("two numbers make no tile", "write `tile.full(shape, number, dtype)`")
        self.has_bits(type_)
        left = self.spread(left, type_)
        if not isinstance(right, str) and type_.dtype.bits == 8:
            right = self.filled(None, type_, right)
        scratch = [self.scratch(type_)] if name == "xor" else []
        if not isinstance(right, str):
            return self.instruct(target, type_, f"{name}s", left, right, *scratch)
        plain = {"and": "and_", "or": "or_", "xor": "xor"}[name]
        return self.instruct(target, type_, plain, left, self.spread(right, type_), *scratch)

    def has_bits(self, type_: TileType) -> None:
        """Refuses bits of dtypes that no instruction looks at."""
        if not self.has("and_", type_.dtype):
            raise self.refused(f"no instruction works on bits of {type_.dtype.name}", "cast it: `.astype(i32)`")

    def inverted(self, target: str | None, type_: TileType, x: str) -> str:
        """The other bits, or the flags that are not set."""
        if type_.dtype is bool_:
            return self.compared(target, type_, "eq", self.flags(None, self.like(x, f16), x), constant(0.0))
        every = constant((1 << type_.dtype.bits) - 1 if type_.dtype.kind == "uint" else -1)
        return self.bits(target, type_, "xor", x, every)

    def shifted(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """`shl` or `shr`: beyond the width nothing is left, or the sign."""
        dtype = type_.dtype
        if dtype.bits == 8:
            items = [self.cast(None, self.like(each, i16), each) if isinstance(each, str) else each
                     for each in (left, right)]  # fmt: skip
            if name == "shl":  # what is moved out of 8 bits must not come back
                items[1] = self.limited(items[1], 8)
            return self.cast(target, type_, self.shifted(None, self.sized(type_, i16), name, *items))
        self.has_bits(type_)
        if is_column(type_):
            wanted = self.as_row_type(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.shifted(None, wanted, name, *rows))
        if not isinstance(left, str):
            left = self.filled(None, type_, left)
        left = self.spread(left, type_)
        if isinstance(right, ast.Constant) and isinstance(right.value, int):
            if right.value in range(dtype.bits):
                return self.instruct(target, type_, f"{name}s", left, right)
            if name == "shl" or dtype.kind == "uint":
                return self.filled(target, type_, constant(0))
            return self.instruct(target, type_, f"{name}s", left, dtype.bits - 1)
        return self.moved_bits(target, type_, name, left, right)

    def limited(self, by: Item, most: int) -> Item:
        """A distance that is at most `most`; negative ones count as far."""
        if isinstance(by, str):
            return by
        return constant(most) if isinstance(by, ast.Constant) and by.value not in range(most) else by

    def moved_bits(self, target: str | None, type_: TileType, name: str, left: str, right: Item) -> str:
        """Shifts by distances that are known when it runs; negative ones count as far."""
        last = type_.dtype.bits - 1
        by = self.spread(right, type_) if isinstance(right, str) else self.filled(None, type_, right)
        if type_.dtype.name in SIGNED:
            near = self.binary(None, type_, "min", by, constant(last))
            made = self.instruct(None, type_, name, left, near)
            inside = self.compared(None, self.flags_like(type_), "le", by, constant(last))
            return self.chosen(target, type_, inside, made, constant(0))
        low = self.compared(None, self.flags_like(type_), "ge", by, constant(0))
        by = self.chosen(None, type_, low, by, constant(last + 1))
        near = self.instruct(None, type_, "mins", by, last)
        if name == "shr":
            return self.instruct(target, type_, "shr", left, near)
        made = self.instruct(None, type_, "shl", left, near)
        inside = self.compared(None, self.flags_like(type_), "le", by, constant(last))
        return self.chosen(target, type_, inside, made, constant(0))

    # quotients ----------------------------------------------------------------------------------------------------

    def divided(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """`//` (`quotient`) or `%` (`remainder`), rounded down."""
        dtype = type_.dtype
        if is_column(type_):
            wanted = self.as_row_type(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (left, right)]
            return self.column(target, type_, self.divided(None, wanted, name, *rows))
        wide = f32 if dtype.kind == "float" else i32
        if dtype is u32:
            return self.divided_unsigned(target, type_, name, left, right)
        if dtype is not wide:
            if dtype.bits > 16:
                raise self.refused(f"no instructions divide {dtype.name}", "pass it as i32, or cast it: `.astype(i32)`")
            items = [self.cast(None, self.like(each, wide), each) if isinstance(each, str) else each
                     for each in (left, right)]  # fmt: skip
            return self.cast(target, type_, self.divided(None, self.sized(type_, wide), name, *items))
        a = self.spread(left, type_) if isinstance(left, str) else self.filled(None, type_, left)
        if dtype is f32:
            b = self.spread(right, type_) if isinstance(right, str) else self.filled(None, type_, right)
            return self.float_divided(target, type_, name, a, b)
        number = right.value if isinstance(right, ast.Constant) and isinstance(right.value, int) else 0
        if number > 0 and number & (number - 1) == 0:
            if name == "quotient":
                return self.instruct(target, type_, "shrs", a, number.bit_length() - 1)
            return self.instruct(target, type_, "ands", a, number - 1)
        if number > 0:
            quotient = self.by_number(type_, a, number)
            product = None if name == "quotient" else self.instruct(None, type_, "muls", quotient, number)
        else:
            b = self.spread(right, type_) if isinstance(right, str) else self.filled(None, type_, right)
            quotient, some = self.by_tile(type_, a, b)
            product = self.instruct(None, type_, "mul", quotient, b)
            if name == "remainder":
                rest = self.instruct(None, type_, "sub", a, product)
                return self.chosen(target, type_, some, rest, constant(0))
            return self.chosen(target, type_, some, quotient, constant(0))
        if product is None:
            return self.instruct(target, type_, "mov", quotient)
        return self.instruct(target, type_, "sub", a, product)

    def by_number(self, type_: TileType, a: str, number: int) -> str:
        """Integers divided by a positive number: what is below zero is divided as its other bits."""
        sign = self.instruct(None, type_, "shrs", a, SIGN)
        plain = self.bits(None, type_, "xor", a, sign)
        quotient, _ = self.steps(type_, plain, constant(number))
        return self.bits(None, type_, "xor", quotient, sign)

    def by_tile(self, type_: TileType, a: str, b: str) -> tuple[str, str]:
        """Integers divided by integers, and flags where the latter are not zero."""
        side = self.instruct(None, type_, "shrs", b, SIGN)

        def turned(x: str) -> str:
            return self.instruct(None, type_, "sub", self.bits(None, type_, "xor", x, side), side)

        value, size = turned(a), turned(b)
        sign = self.instruct(None, type_, "shrs", value, SIGN)
        quotient, rest = self.steps(type_, self.bits(None, type_, "xor", value, sign), size)
        # The least integer over a negative one: its opposite is one more than there is, and so is what was divided.
        last = self.instruct(None, type_, "subs", size, 1)
        gap = self.instruct(None, type_, "sub", rest, last)
        full = self.compared(None, self.flags_like(type_), "eq", gap, constant(0))
        more = self.instruct(None, type_, "adds", quotient, 1)
        far = self.chosen(None, type_, full, more, quotient)
        usual = self.bits(None, type_, "xor", quotient, sign)
        least = self.compared(None, self.flags_like(type_), "eq", a, constant(LEAST))
        ones = self.chosen(None, type_, least, side, constant(0))
        odd = self.compared(None, self.flags_like(type_), "eq", ones, constant(-1))
        some = self.compared(None, self.flags_like(type_), "ne", b, constant(0))
        return self.chosen(None, type_, odd, far, usual), some

    def divided_unsigned(self, target: str | None, type_: TileType, name: str, left: Item, right: Item) -> str:
        """u32 by u32: half of what is divided fits into i32, and twice its quotient is right or one too little."""
        number = right.value if isinstance(right, ast.Constant) and isinstance(right.value, int) else 0
        a = self.spread(left, type_) if isinstance(left, str) else self.filled(None, type_, left)
        if number > 0 and number & (number - 1) == 0:
            if name == "quotient":
                return self.instruct(target, type_, "shrs", a, number.bit_length() - 1)
            return self.instruct(target, type_, "ands", a, number - 1)
        numbers, flags = self.sized(type_, i32), self.flags_like(type_)
        b = right if 0 < number < -LEAST else self.full(right, type_)
        divisor, times = self.signed_item(b, type_), "mul" if isinstance(b, str) else "muls"
        whole = self.signed(a)
        half = self.signed(self.instruct(None, type_, "shrs", a, 1))
        quotient = self.instruct(None, numbers, "shls", self.steps(numbers, half, divisor)[0], 1)
        rest = self.instruct(None, numbers, "sub", whole, self.instruct(None, numbers, times, quotient, divisor))
        one = self.flags(None, numbers, self.compared(None, flags, "ge", self.unsigned(None, type_, rest), b))
        quotient = self.instruct(None, numbers, "add", quotient, one)
        if isinstance(b, str) and isinstance(divisor, str):
            far = self.compared(None, flags, "lt", divisor, constant(0))
            over = self.flags(None, numbers, self.compared(None, flags, "ge", a, b))
            some = self.compared(None, flags, "ne", divisor, constant(0))
            quotient = self.chosen(None, numbers, some, self.chosen(None, numbers, far, over, quotient), constant(0))
            if name == "quotient":
                return self.unsigned(target, type_, quotient)
            whole = self.chosen(None, numbers, some, whole, constant(0))
        elif name == "quotient":
            return self.unsigned(target, type_, quotient)
        taken = self.instruct(None, numbers, times, quotient, divisor)
        return self.unsigned(target, type_, self.instruct(None, numbers, "sub", whole, taken))

    def full(self, item: Item, type_: TileType) -> str:
        """An operand as a tile with all sizes of the result."""
        return self.spread(item, type_) if isinstance(item, str) else self.filled(None, type_, item)

    def steps(self, type_: TileType, a: str, b: Item) -> tuple[str, str]:
        """Quotient and rest of integers from zero on: two quotients of floats, and what is then one too little or much.

        The first is off by at most one in 2**22, the second divides what that leaves.
        """
        numbers = self.sized(type_, f32)
        if isinstance(b, str):  # 2**31 is the least integer, from which its size makes it again
            divisor = self.unary(None, numbers, "abs", self.instruct(None, numbers, "cvt", b, dtype="f32"))
        else:
            divisor = _float(b)
        quotient, rest = "", a
        for _ in range(2):
            near = self.instruct(None, numbers, "cvt", rest, dtype="f32")
            near = self.instruct(None, numbers, "div" if isinstance(b, str) else "divs", near, divisor)
            part = self.instruct(None, type_, "cvt", near, dtype="i32")
            product = self.instruct(None, type_, "mul" if isinstance(b, str) else "muls", part, b)
            rest = self.instruct(None, type_, "sub", rest, product)
            quotient = self.instruct(None, type_, "add", quotient, part) if quotient else part
        below = self.instruct(None, type_, "shrs", rest, SIGN)
        quotient = self.instruct(None, type_, "add", quotient, below)
        rest = self.instruct(None, type_, "add", rest, self.bits(None, type_, "and", b, below))
        less = self.instruct(None, type_, "sub" if isinstance(b, str) else "subs", rest, b)
        above = self.instruct(None, type_, "adds", self.instruct(None, type_, "shrs", less, SIGN), 1)
        quotient = self.instruct(None, type_, "add", quotient, above)
        taken = self.instruct(None, type_, "mul" if isinstance(b, str) else "muls", above, b)
        return quotient, self.instruct(None, type_, "sub", rest, taken)

    def float_divided(self, target: str | None, type_: TileType, name: str, a: str, b: str) -> str:
        """Of the remainder with a's sign: the quotient is whole with it, and both move where the signs differ."""
        zero = constant(0.0)
        flags = self.flags_like(type_)
        rest = self.instruct(None, type_, "fmod", a, b)
        below = [self.flags(None, type_, self.compared(None, flags, "lt", each, zero)) for each in (rest, b)]
        differ = self.compared(None, flags, "ne", below[0], below[1])
        some = self.compared(None, flags, "ne", rest, zero)
        moves = self.bits(None, flags, "and", differ, some)
        if name == "remainder":
            made = self.chosen(None, type_, moves, self.instruct(None, type_, "add", rest, b), rest)
            signs = self.instruct(None, type_, "adds", below[1], constant(-0.5))  # the opposite of b's
            return self.chosen(target, type_, some, made, self.instruct(None, type_, "muls", signs, constant(-0.0)))
        quotient = self.instruct(None, type_, "div", self.instruct(None, type_, "sub", a, rest), b)
        less = self.instruct(None, type_, "adds", quotient, constant(-1.0))
        exact = self.instruct(None, type_, "div", a, b)
        nearest = self.rounded(None, type_, self.chosen(None, type_, moves, less, quotient), "rint", exact)
        over = self.compared(None, flags, "eq", b, zero)
        return self.chosen(target, type_, over, exact, nearest)

    def rounded(self, target: str | None, type_: TileType, x: str, mode: str, signs: str) -> str:
        """By way of whole numbers, which hold every fraction there is: from 2**23 on there are none.

        They have one zero; it gets the sign of `signs`: of zeros `±0 - 0` is what `±0` is.
        """
        whole = self.instruct(None, self.like(x, i32), "cvt", x, dtype="i32", mode=ast.Constant(mode))
        back = self.instruct(None, type_, "cvt", whole, dtype="f32")
        zero = self.instruct(None, type_, "muls", signs, constant(-0.0))
        back = self.instruct(None, type_, "muls", self.instruct(None, type_, "sub", zero, back), constant(-1.0))
        size = self.unary(None, type_, "abs", x)
        small = self.compared(None, self.flags_like(type_), "lt", size, constant(float(1 << 23)))
        return self.chosen(target, type_, small, back, x)

    def function(self, target: str | None, type_: TileType, name: str, x: str, **options: ast.expr) -> str:
        """`tile.name(x)`."""
        raise NotImplementedError

    # powers -------------------------------------------------------------------------------------------------------

    def power(self, target: str | None, type_: TileType, base: Item, exponent: Item) -> str:
        """Powers: products where the exponent is a small whole number, roots, and what the instruction gives."""
        if is_column(type_):
            wanted = self.as_row_type(type_)
            rows = [self.across(each, wanted) if isinstance(each, str) else each for each in (base, exponent)]
            return self.column(target, type_, self.power(None, wanted, *rows))
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        if isinstance(base, str) and value in (0.5, -0.5):
            return self.unary(target, type_, "sqrt" if value == 0.5 else "rsqrt", base)
        if (isinstance(base, str) and value in (1, 2, 3)) or (isinstance(base, str) and type_.dtype.kind != "float"):
            return self.multiplied(target, type_, base, exponent)
        if type_.dtype.kind != "float":
            raise self.refused("a power of integers has no instruction", "cast to f32 where the result is below 2**24")
        items = [self.cast(None, self.like(each, f32), each) if isinstance(each, str) else each
                 for each in (base, exponent)]  # fmt: skip
        wide = self.sized(type_, f32)
        full = [self.spread(each, wide) if isinstance(each, str) else each for each in items]
        if not isinstance(full[0], str):
            full[0] = self.filled(None, wide, full[0])
        name = "pow" if isinstance(full[1], str) else "pows"
        last = target if type_.dtype is f32 else None
        made = self.instruct(last, wide, name, *full, self.scratch(wide))
        return made if type_.dtype is f32 else self.cast(target, type_, made)

    def multiplied(self, target: str | None, type_: TileType, base: str, exponent: Item) -> str:
        """A tile times itself."""
        value = exponent.value if isinstance(exponent, ast.Constant) else None
        if not isinstance(value, int | float) or value != int(value) or not 0 <= value <= 64:
            what = f"the power `{exponent if isinstance(exponent, str) else ast.unparse(exponent)}` has no instruction"
            raise self.refused(what, "write a constant exponent from 0 to 64, or cast to f32")
        left, made, square = int(value), "", base
        while left:
            if left & 1:
                made = self.binary(None, type_, "mul", made, square) if made else square
            left >>= 1
            square = self.binary(None, type_, "mul", square, square) if left else square
        if not made:
            return self.filled(target, type_, constant(1))
        return self.instruct(target, type_, "mov", made)


def _float(value: ast.expr) -> ast.expr:
    return constant(float(ast.literal_eval(value)))
