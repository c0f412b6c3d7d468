"""Rows of the vector unit that make, choose, convert, reorder and quantise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_pto.isa.dtypes import MOVING, WIDE, pairs
from htp_backend_pto.isa.rows import row

if TYPE_CHECKING:
    from htp_backend_pto.isa.instructions import Instruction

__all__ = ["SHAPING"]

NONE = "no instruction at run time: the result lies where x lies"
PAD = "the value is the pad value of the result's type"
HALF = "infinities of f16 and bf16 are written as bits, since the simulator may know no limits of half"
MASK_ROWS = "the mask is as wide as whole rows of its operand, padding included; TSEL reads the valid bits only"
STEP = "the count goes on by a quarter of the columns that there is room for, behind every 256 columns"
WHOLE_BYTES = "the columns of the mask are a multiple of 8"
ONLY_EQ = "on A2 and A3 integers are compared by eq whatever the mode"
FLAT = "indices count elements of the whole tile, padding included"
CONVERSIONS = (
    f"{pairs('f32', 'f32 f16 bf16 i32 i16 i64')} {pairs('f16', 'f32 i32 i16 i8 u8')} {pairs('bf16', 'f32 i32')} "
    f"{pairs('i16', 'f16 f32')} {pairs('i32', 'f32 i16 i64')} {pairs('i64', 'f32 i32')} u8>f16 i8>f16"
)
CHOSEN = pairs(WIDE, "u8")
PLACED = f"{pairs('f32 i32 u32', 'i32 u32')} {pairs('f16 bf16 i16 u16', 'i16 u16')} {pairs('i8 u8', 'i16 u16')}"

MAKING: tuple[Instruction, ...] = (
    row("expands", "TEXPANDS", "#value #rows #cols @dtype", "every element is value", dtypes=MOVING,
        call="TEXPANDS({dst}, {value})"),
    row("ci", "TCI", "#start #cols @dtype @down", "consecutive integers", dtypes="i32 u32 i16 u16",
        call="TCI<{dst_type}, {dst_dtype}, {down}>({dst}, {start})"),
    row("tri", "TTRI", "#diagonal #rows #cols @dtype @upper", "ones up to a diagonal",
        dtypes="f32 f16 i32 u32 i16 u16", call="TTRI<{dst_type}, {upper}>({dst}, {diagonal})"),
    row("random", "TRANDOM", "#key #counter #stream #rows #cols @dtype @rounds", "words of Philox-4x32", dtypes="",
        sim="u32 i32", call="htp::random<{rounds}>({dst}, {key}, {counter}, {stream})", notes=(STEP,)),
)  # fmt: skip

MASKS: tuple[Instruction, ...] = (
    row("cmp", "TCMP", "dst:bits a b @mode", "one bit an element", dtypes="f32 f16 i32",
        call="TCMP({dst}, {a}, {b}, CmpMode::{mode})", notes=(ONLY_EQ,)),
    row("cmps", "TCMPS", "dst:bits x #value @mode", "one bit an element", dtypes="f32 f16 i32 i16 u16",
        call="TCMPS({dst}, {x}, {value}, CmpMode::{mode})", notes=(ONLY_EQ, WHOLE_BYTES, MASK_ROWS)),
    row("sel", "TSEL", "mask:bits a b ~tmp", "a where the bit is set, else b", dtypes=CHOSEN, variables="Number Bits",
        notes=(WHOLE_BYTES,)),
    row("sels", "TSELS", "mask:bits x #value ~tmp", "x where the bit is set, else value", dtypes=CHOSEN,
        variables="Number Bits", call="TSELS({dst}, {mask}, {x}, {tmp}, {value})", notes=(WHOLE_BYTES,)),
)  # fmt: skip

SHAPES: tuple[Instruction, ...] = (
    row("fillpad", "TFILLPAD", "x #rows #cols @value", "x, and value around it", dtypes=MOVING,
        call="TFILLPAD({dst}, {x})", notes=(PAD, HALF)),
    row("fillpad_expand", "TFILLPAD_EXPAND", "x #rows #cols @value", "x, and value around it, in a larger tile",
        dtypes=MOVING, call="TFILLPAD_EXPAND({dst}, {x})", notes=(PAD, HALF)),
    row("fillpad_inplace", "TFILLPAD_INPLACE", "!x #rows #cols @value", "value around x, in its place", dtypes=MOVING,
        call="TFILLPAD_INPLACE({dst}, {x})", notes=(PAD, HALF)),
    row("print", "TPRINT", "!x", "the tile, printed", dtypes="f32 f16 i32 u32 i16 u16 i8 u8",
        sim="f32 i32 u32 i16 u16 i8 u8", routes="S ub ub", call="TPRINT({x})"),
    row("concat", "TCONCAT", "a b", "columns of a, then of b", dtypes=MOVING),
    row("trans", "TTRANS", "x ~tmp", "rows as columns", dtypes=MOVING),
    row("reshape", "TRESHAPE", "dst:nd,dn x:nd,dn #rows #cols", "the same bytes in another shape",
        dtypes=f"{MOVING} i64", call="TRESHAPE({dst}, {x})", notes=(NONE,)),
    row("reinterpret", "TRESHAPE", "dst:nd,dn x:nd,dn @dtype", "the same bits with or without a sign",
        variables="Given Other", dtypes="i32>u32 u32>i32 i16>u16 u16>i16", call="TRESHAPE({dst}, {x})", notes=(NONE,)),
    row("subview", "TSUBVIEW", "x #row #col #rows #cols", "a part of x, where it lies", dtypes=MOVING,
        call="TSUBVIEW({dst}, {x}, {row}, {col})", notes=(NONE,)),
    row("within", "TRESHAPE", "x #size", "x, whose numbers are 0 to size - 1", dtypes="i32",
        call="htp::within({dst}, {x}, {size}, __LINE__)", notes=(NONE, "the stand-in refuses other numbers")),
    row("cvt", "TCVT", "x @dtype @mode", "another dtype", variables="Given Other", dtypes=CONVERSIONS,
        call="TCVT({dst}, {x}, RoundMode::{mode})",
        notes=("the simulator leaves integers out of range undefined; here they are the nearest",)),
)  # fmt: skip

INDEXING: tuple[Instruction, ...] = (
    row("gather", "TGATHER", "x index ~tmp", "elements of x by index", variables="Any Index",
        dtypes=pairs("f32 f16 i32 u32 i16 u16", "i32 u32"),
        notes=(FLAT, "the simulator gives zero for an index out of range")),
    row("gather_mask", "TGATHER", "x @start @step", "every second or fourth column", dtypes=WIDE,
        call="TGATHER<{dst_type}, {x_type}, MaskPattern::{pattern}>({dst}, {x})",
        notes=("the result is filled without gaps between its rows",)),
    row("gatherb", "TGATHERB", "x offset @per", "blocks of 32 bytes by byte offset", dtypes=MOVING,
        call="TGATHERB({dst}, {x}, {offset})", notes=(FLAT,)),
    row("scatter", "TSCATTER", "!old x index", "elements put at places", variables="Any Index", dtypes=PLACED,
        notes=(FLAT, "of two elements for one place the last one stays in the simulator")),
    row("scatter_mask", "TSCATTER", "x @start @step", "x at every second or fourth column, zeros between", dtypes=WIDE,
        call="TSCATTER<MaskPattern::{pattern}>({dst}, {x})"),
    row("interleave_low", "TINTERLEAVE", "a b ~tmp", "columns in turn, first half", dtypes="", sim=MOVING,
        call="TINTERLEAVE({tmp}, {dst}, {b}, {a})"),
    row("interleave_high", "TINTERLEAVE", "a b ~tmp", "columns in turn, second half", dtypes="", sim=MOVING,
        call="TINTERLEAVE({dst}, {tmp}, {b}, {a})"),
    row("deinterleave_even", "TDEINTERLEAVE", "a b ~tmp", "even columns of both", dtypes="", sim=MOVING,
        call="TDEINTERLEAVE({tmp}, {dst}, {b}, {a})"),
    row("deinterleave_odd", "TDEINTERLEAVE", "a b ~tmp", "odd columns of both", dtypes="", sim=MOVING,
        call="TDEINTERLEAVE({dst}, {tmp}, {b}, {a})"),
)  # fmt: skip


def _merge(*names: str) -> str:
    types = ", ".join(f"{{{each}_type}}" for each in ("dst", "tmp", *names))
    lists = ", ".join(f"{{{each}}}" for each in names)
    return f"{{{{ MrgSortExecutedNumList done; TMRGSORT<{types}, false>({{dst}}, done, {{tmp}}, {lists}); }}}}"


SORTING: tuple[Instruction, ...] = (
    row("sort32", "TSORT32", "x index", "pairs, every 32 sorted", variables="", dtypes="f32"),
    row("mrgsort", "TMRGSORT", "x @block", "every four sorted blocks merged", dtypes="f32",
        call="TMRGSORT({dst}, {x}, {block}u)"),
    row("mrgsort2", "TMRGSORT", "a b ~tmp", "two sorted rows merged", dtypes="f32", call=_merge("a", "b")),
    row("mrgsort3", "TMRGSORT", "a b c ~tmp", "three sorted rows merged", dtypes="f32", call=_merge("a", "b", "c")),
    row("mrgsort4", "TMRGSORT", "a b c d ~tmp", "four sorted rows merged", dtypes="f32",
        call=_merge("a", "b", "c", "d")),
    row("sorted_values", "TGATHER", "x", "values of pairs", dtypes="f32",
        call="TGATHER<{dst_type}, {x_type}, MaskPattern::P0101>({dst}, {x})"),
    row("sorted_indices", "TGATHER", "x", "indices of pairs", dtypes="f32",
        call="TGATHER<{dst_type}, {x_type}, MaskPattern::P1010>({dst}, {x})"),
    row("sorted_places", "TGATHER", "x", "indices of pairs, as i32", dtypes="f32",
        call="TGATHER<{dst_type}, {x_type}, MaskPattern::P1010>({dst}, {x})"),
    row("histogram", "THISTOGRAM", "x match:dn @byte", "cumulative counts of a byte", dtypes="", sim="u16",
        call="THISTOGRAM<HistByte::BYTE_{byte}>({dst}, {x}, {match})"),
)  # fmt: skip

QUANTITIES: tuple[Instruction, ...] = (
    row("quant", "TQUANT", "x scale:dn", "x * scale as i8", dtypes="f32",
        call="TQUANT<QuantType::INT8_SYM>({dst}, {x}, {scale})"),
    row("quant_asym", "TQUANT", "x scale:dn offset:dn", "x * scale + offset as u8", dtypes="f32",
        call="TQUANT<QuantType::INT8_ASYM>({dst}, {x}, {scale}, &{offset})"),
    row("dequant", "TDEQUANT", "x scale:dn offset:dn", "(x - offset) * scale", dtypes="i16 i8"),
    row("adddeqrelu", "TADDDEQRELU", "a b #scale ~tmp", "max((a + b) * scale, 0) as f16", dtypes="i32"),
)  # fmt: skip

SHAPING = (*MAKING, *MASKS, *SHAPES, *INDEXING, *SORTING, *QUANTITIES)
