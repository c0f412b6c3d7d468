"""Rows of the vector unit that work element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_pto.isa.dtypes import ARITHMETIC, BITS, FLOATS
from htp_backend_pto.isa.rows import row

if TYPE_CHECKING:
    from htp_backend_pto.isa.instructions import Instruction

__all__ = ["APART", "ELEMENTWISE"]

NAN = "what a NaN gives is not told"
APART = "not in the place of its operand on A2 and A3"
SIM = "f32 f16 i32 i16"
ONCE = "f16 is rounded once, here after each step"

TILES: tuple[Instruction, ...] = (
    row("add", "TADD", "a b", "a + b", dtypes=ARITHMETIC),
    row("sub", "TSUB", "a b", "a - b", dtypes=ARITHMETIC),
    row("mul", "TMUL", "a b", "a * b", dtypes=ARITHMETIC),
    row("div", "TDIV", "a b", "a / b", dtypes=FLOATS),
    row("max", "TMAX", "a b", "the larger", dtypes=ARITHMETIC, notes=(NAN,)),
    row("min", "TMIN", "a b", "the smaller", dtypes=ARITHMETIC, notes=(NAN,)),
    row("abs", "TABS", "x", "|x|", dtypes=FLOATS),
    row("neg", "TNEG", "x", "-x", dtypes=ARITHMETIC),
    row("exp", "TEXP", "x", "e**x", dtypes=FLOATS),
    row("log", "TLOG", "x", "ln x", dtypes=FLOATS),
    row("sqrt", "TSQRT", "x", "square root", dtypes=FLOATS),
    row("rsqrt", "TRSQRT", "x", "1 / square root", dtypes=FLOATS, notes=(APART,)),
    row("recip", "TRECIP", "x", "1 / x", dtypes=FLOATS, notes=(APART,)),
    row("relu", "TRELU", "x", "max(x, 0)", dtypes="f32 f16 i32", notes=(NAN,)),
    row("subrelu", "TSUBRELU", "a b", "max(a - b, 0)", dtypes=FLOATS, notes=(NAN,)),
    row("prelu", "TPRELU", "a b ~tmp", "a, or a * b below zero", variables="Float Bits", dtypes="f32>u8 f16>u8"),
    row("rem", "TREM", "a b ~tmp", "remainder with b's sign", dtypes="f32 i32"),
    row("fmod", "TFMOD", "a b", "remainder with a's sign", dtypes="f32"),
    row("pow", "TPOW", "a b ~tmp", "a**b", dtypes="f32 i32 u32 i16 u16 i8 u8"),
    row("addc", "TADDC", "a b c", "a + b + c", dtypes="", sim=SIM, notes=(ONCE,)),
    row("subc", "TSUBC", "a b c", "a - b + c", dtypes="", sim=SIM, notes=(ONCE,)),
    row("addsc", "TADDSC", "a #value b", "a + value + b", dtypes="", sim=SIM, notes=(ONCE,)),
    row("subsc", "TSUBSC", "a #value b", "a - value + b", dtypes="", sim=SIM, notes=(ONCE,)),
    row("fusedmuladd", "TFUSEDMULADD", "!acc a b", "a * acc + b", dtypes=FLOATS),
    row("fusedmuladdrelu", "TFUSEDMULADDRELU", "!acc a b", "max(a * acc + b, 0)", dtypes=FLOATS, notes=(NAN,)),
    row("muladddst", "TMULADDDST", "!acc a b", "a * b + acc", dtypes=FLOATS),
    row("axpy", "TAXPY", "!acc x #value", "value * x + acc", dtypes=FLOATS),
    row("and_", "TAND", "a b", "bits of both", dtypes=BITS),
    row("or_", "TOR", "a b", "bits of either", dtypes=BITS),
    row("xor", "TXOR", "a b ~tmp", "bits of just one", dtypes=BITS),
    row("not_", "TNOT", "x", "the other bits", dtypes="i16 u16"),
    row("shl", "TSHL", "a b", "a << b", dtypes=BITS),
    row("shr", "TSHR", "a b", "a >> b", dtypes=BITS),
)

NUMBERS: tuple[Instruction, ...] = (
    row("adds", "TADDS", "x #value", "x + value", dtypes=ARITHMETIC),
    row("subs", "TSUBS", "x #value", "x - value", dtypes=ARITHMETIC),
    row("muls", "TMULS", "x #value", "x * value", dtypes=ARITHMETIC),
    row("divs", "TDIVS", "x #value", "x / value", dtypes=FLOATS),
    row("sdivs", "TDIVS", "x #value", "value / x", dtypes=FLOATS, call="TDIVS({dst}, {value}, {x})"),
    row("maxs", "TMAXS", "x #value", "the larger", dtypes=ARITHMETIC, notes=(NAN,)),
    row("mins", "TMINS", "x #value", "the smaller", dtypes=ARITHMETIC, notes=(NAN,)),
    row("lrelu", "TLRELU", "x #value", "x, or value * x below zero", dtypes=FLOATS),
    row("rems", "TREMS", "x #value ~tmp", "remainder with value's sign", dtypes="f32 i32"),
    row("fmods", "TFMODS", "x #value", "remainder with x's sign", dtypes="f32"),
    row("pows", "TPOWS", "x #value ~tmp", "x**value", dtypes="f32 i32 u32 i16 u16 i8 u8"),
    row("ands", "TANDS", "x #value", "bits of both", dtypes="i32 u32 i16 u16"),
    row("ors", "TORS", "x #value", "bits of either", dtypes="i32 u32 i16 u16"),
    row("xors", "TXORS", "x #value ~tmp", "bits of just one", dtypes=BITS),
    row("shls", "TSHLS", "x #value", "x << value", dtypes="i32 u32 i16 u16"),
    row("shrs", "TSHRS", "x #value", "x >> value", dtypes="i32 u32 i16 u16"),
)

ELEMENTWISE = (*TILES, *NUMBERS)
