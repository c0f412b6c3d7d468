"""Rows of the vector unit that see whole rows and columns: reductions, expansions, parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp_backend_pto.isa.dtypes import ARITHMETIC, FLOATS, MOVING, pairs
from htp_backend_pto.isa.rows import row

if TYPE_CHECKING:
    from htp_backend_pto.isa.instructions import Instruction

__all__ = ["COLUMNS"]

NAN = "what a NaN gives is not told"
EMPTY = "no row and no column may be empty"
ORDER = "the order of the sum is not told, and f16 is rounded at every step"
ARG = "f32 f16 i32 i16"
COLARG = "f32 f16 u32 u16"

REDUCTIONS: tuple[Instruction, ...] = (
    row("rowsum", "TROWSUM", "dst:dn x ~tmp", "sum of each row", dtypes=ARITHMETIC, notes=(ORDER,)),
    row("rowprod", "TROWPROD", "dst:dn x ~tmp", "product of each row", dtypes=ARITHMETIC, notes=(ORDER,)),
    row("rowmax", "TROWMAX", "dst:dn x ~tmp", "largest of each row", dtypes=ARITHMETIC, notes=(NAN, EMPTY)),
    row("rowmin", "TROWMIN", "dst:dn x ~tmp", "smallest of each row", dtypes=ARITHMETIC, notes=(NAN, EMPTY)),
    row("rowargmax", "TROWARGMAX", "dst:dn x ~tmp", "column of each row's largest", dtypes=ARG, notes=(NAN, EMPTY)),
    row("rowargmin", "TROWARGMIN", "dst:dn x ~tmp", "column of each row's smallest", dtypes=ARG, notes=(NAN, EMPTY)),
    row("colsum", "TCOLSUM", "x", "sum of each column", dtypes=ARITHMETIC, sim=FLOATS, notes=(ORDER,)),
    row("colprod", "TCOLPROD", "x", "product of each column", dtypes=ARITHMETIC, notes=(ORDER,)),
    row("colmax", "TCOLMAX", "x", "largest of each column", dtypes=ARITHMETIC, sim=FLOATS, notes=(NAN, EMPTY)),
    row("colmin", "TCOLMIN", "x", "smallest of each column", dtypes=ARITHMETIC, sim=FLOATS, notes=(NAN, EMPTY)),
    row("colargmax", "TCOLARGMAX", "x ~tmp", "row of each column's largest", dtypes=COLARG, notes=(NAN, EMPTY)),
    row("colargmin", "TCOLARGMIN", "x ~tmp", "row of each column's smallest", dtypes=COLARG, notes=(NAN, EMPTY)),
    row("pairreducesum", "TPAIRREDUCESUM", "x", "sums of neighbours, then zeros", dtypes=FLOATS),
)

OPERATIONS = (
    ("add", "a + b", ARITHMETIC),
    ("sub", "a - b", ARITHMETIC),
    ("mul", "a * b", ARITHMETIC),
    ("div", "a / b", FLOATS),
    ("max", "the larger", ARITHMETIC),
    ("min", "the smaller", ARITHMETIC),
    ("expdif", "e**(a - b)", FLOATS),
)
EXPANSIONS: tuple[Instruction, ...] = (
    *(
        row(f"rowexpand{name}", f"TROWEXPAND{name.upper()}", "a b:dn", f"{meaning}, one b a row", dtypes=dtypes)
        for name, meaning, dtypes in OPERATIONS
    ),
    *(
        row(f"colexpand{name}", f"TCOLEXPAND{name.upper()}", "a b", f"{meaning}, one b a column", dtypes=dtypes)
        for name, meaning, dtypes in OPERATIONS
    ),
    row("rowexpand", "TROWEXPAND", "x:dn #cols", "each row's number, repeated", dtypes=MOVING,
        call="TROWEXPAND({dst}, {x})"),
    row("colexpand", "TCOLEXPAND", "x #rows", "each column's number, repeated", dtypes=MOVING,
        call="TCOLEXPAND({dst}, {x})"),
)  # fmt: skip

ARGUMENTS = f"{pairs('f32', 'i32 u32')} {pairs('f16', 'i32 u32 i16 u16')}"
PARTS: tuple[Instruction, ...] = (
    row("partadd", "TPARTADD", "a b", "a + b, or a", dtypes=ARITHMETIC),
    row("partmul", "TPARTMUL", "a b", "a * b, or a", dtypes=ARITHMETIC),
    row("partmax", "TPARTMAX", "a b", "the larger, or a", dtypes=ARITHMETIC, notes=(NAN,)),
    row("partmin", "TPARTMIN", "a b", "the smaller, or a", dtypes=ARITHMETIC, notes=(NAN,)),
    row("partargmax", "TPARTARGMAX", "a b ia ib ~tmp", "index of the larger, or of a", variables="Float Index",
        dtypes=ARGUMENTS, call="TPARTARGMAX({tmp}, {a}, {b}, {dst}, {ia}, {ib})",
        notes=("the larger values themselves are in the scratch afterwards",)),
    row("partargmin", "TPARTARGMIN", "a b ia ib ~tmp", "index of the smaller, or of a", variables="Float Index",
        dtypes=ARGUMENTS, call="TPARTARGMIN({tmp}, {a}, {b}, {dst}, {ia}, {ib})",
        notes=("the smaller values themselves are in the scratch afterwards",)),
)  # fmt: skip

COLUMNS = (*REDUCTIONS, *EXPANSIONS, *PARTS)
