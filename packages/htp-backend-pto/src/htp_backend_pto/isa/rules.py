"""What a variant asks of a call beside its types: the rules that the C++ compiler and the machine would find late or
never.

Knows one call at a time; `lower/check.py` finds the calls. Rules: hw-native-sys/pto-isa@cd4a3d3f, the checks in
include/pto/npu/a2a3 and the constraints in docs/isa.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp_backend_pto.isa.patches import patch_problem
from htp_backend_pto.isa.spelling import COMPARISONS, PATTERNS, ROUNDINGS
from htp_backend_pto.isa.table import INSTRUCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from htp.diagnostics import Span
    from htp.intrinsics import Attribute
    from htp_backend_pto.isa.instructions import Instruction, Variant

__all__ = ["MOST_FACTORS", "MOST_ROWS", "PRODUCTS", "Call", "problems"]

MOST_ROWS = 4095
"""Rows of one load into the unified buffer."""
MOST_FACTORS = 4095
"""Rows, columns and inner size of one product."""
TITLES: dict[Variant, str] = {"a2a3": "A2 and A3", "a2a3sim": "the simulator of A2 and A3"}
PRODUCTS = ("matmul", "matmul_acc", "matmul_bias", "gemv", "gemv_acc", "gemv_bias")
SCALED = ("store_fp", "mov_fp", "extract_fp", "insert_fp")
MOST_SCALES = 256
"""Words of 8 bytes in 2 KiB, of which whole 32 bytes are loaded."""
LOADS = ("load", "load_t", "load_col")
BLOCK = 32
ROUNDS = (7, 10)
"""How often random numbers are stirred."""
WORDS = BLOCK // 4
"""Columns of 32 bits that fill a row without padding."""
BITS = {
    "f32": 32, "f16": 16, "bf16": 16, "i64": 64, "i32": 32, "u32": 32, "i16": 16, "u16": 16, "i8": 8, "u8": 8,
    "bool_": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One call: its instruction, the dtypes of the variables, the sizes of tiles that are constant, its attributes.

    `sizes` has rows and columns of each tile operand, `None` where they depend on the run; `numbers` has operands that
    are constant integers; `for_cube` says whether the result goes on to the cube unit.
    """

    instruction: Instruction
    dtypes: tuple[str, ...]
    sizes: Mapping[str, tuple[int | None, ...]]
    attributes: Mapping[str, Attribute]
    span: Span | None
    numbers: Mapping[str, int]
    for_cube: bool = False

    @property
    def name(self) -> str:
        """As programs write it."""
        return f"pto.{self.instruction.name}"

    def refused(self, code: str, message: str, help: str) -> Refused:
        """A refusal at the call."""
        return Refused(code, message, span=self.span, help=help)


INSTEAD = {
    "addc": "write `pto.add(pto.add(a, b), c)`",
    "subc": "write `pto.add(pto.sub(a, b), c)`",
    "addsc": "write `pto.add(pto.adds(a, value), b)`",
    "subsc": "write `pto.add(pto.subs(a, value), b)`",
    "histogram": "write `pto.cmps` and `pto.rowsum` for each value that is counted",
    "interleave_low": "write `pto.scatter_mask` for each of both, and `pto.add`",
    "interleave_high": "write `pto.scatter_mask` for each of both, and `pto.add`",
    "deinterleave_even": "write `pto.gather_mask(…, start=0, step=2)` for each of both, and `pto.concat`",
    "deinterleave_odd": "write `pto.gather_mask(…, start=1, step=2)` for each of both, and `pto.concat`",
    "random": "pass random numbers in as an array",
}
"""What does the same where the instruction is missing."""


def problems(call: Call, variant: Variant) -> Iterator[Refused]:
    """Everything that keeps a variant from carrying out a call."""
    for rule in RULES:
        found = rule(call, variant)
        if found is not None:
            yield found
            return


def _missing(call: Call, variant: Variant) -> Refused | None:
    if variant in call.instruction.variants:
        return None
    return call.refused(
        "pto.no-instruction",
        f"{TITLES[variant]} have no `{call.instruction.cpp}`, which `{call.name}` stands for",
        INSTEAD.get(call.instruction.name, "compute it of other instructions"),
    )


def _dtypes(call: Call, variant: Variant) -> Refused | None:
    allowed = call.instruction.dtypes[variant]
    if not call.dtypes or call.dtypes in allowed:
        return None
    said = " with ".join(call.dtypes)
    names = ", ".join(" with ".join(each) for each in allowed)
    return call.refused(
        "pto.bad-dtype", f"`{call.name}` takes {names} on {TITLES[variant]}, not {said}", _fitting(call, variant)
    )


def _fitting(call: Call, variant: Variant) -> str:
    """What to write where the dtypes do not do."""
    allowed, first = call.instruction.dtypes[variant], call.dtypes[0]
    others = list(dict.fromkeys(each[1] for each in allowed if each[0] == first and len(each) > 1))
    if others and call.instruction.variables[1] == "Bits":
        return f"make the scratch {others[0]}: `tmp = pto.scratch(rows=…, cols=…, dtype={others[0]})`"
    if others:
        return f"beside {first}, make the other {' or '.join(others)}"
    whole = first.startswith(("i", "u"))
    ways = [each[0] for each in allowed if INSTRUCTIONS["cvt"].takes(variant, first, each[0])]
    wanted = next((each for each in ways if each.startswith(("i", "u")) is whole), next(iter(ways), None))
    if wanted is None:
        return "write it with operators and `htp.tile`, which the compiler computes in another dtype"
    return f"convert with `pto.cvt(…, dtype={wanted})` before, and back afterwards"


def _comparison(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name not in ("cmp", "cmps"):
        return None
    mode, dtype = call.attributes["mode"], call.dtypes[0]
    if mode not in COMPARISONS:
        return call.refused(
            "pto.bad-mode", f"`{call.name}` has no mode {mode!r}", f"write one of {', '.join(COMPARISONS)}"
        )
    if variant == "a2a3" and dtype == "i32" and mode != "eq":
        return call.refused(
            "pto.bad-mode",
            f"`{call.name}` compares i32 by eq on {TITLES[variant]}, whatever the mode",
            "convert both to f32 with `pto.cvt` where their numbers are below 2**24",
        )
    return None


def _rounding(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name != "cvt":
        return None
    mode = str(call.attributes["mode"])
    into, floats = call.dtypes[1], ("f32", "f16", "bf16")
    plain = 'leave the mode out: `"none"` rounds to the nearest'
    if mode != "none" and mode not in ROUNDINGS:
        fractions = into not in floats and call.dtypes[0] in floats
        wanted = f"write one of none, {', '.join(ROUNDINGS)}" if fractions else plain
        return call.refused("pto.bad-mode", f"`pto.cvt` has no mode {mode!r}", wanted)
    if mode != "none" and (into in floats or call.dtypes[0] not in floats):
        return call.refused(
            "pto.bad-mode",
            f"mode {mode!r} of `pto.cvt` says how fractions become integers, and this is {call.dtypes[0]} to {into}",
            plain,
        )
    return None


def _pattern(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name not in ("gather_mask", "scatter_mask"):
        return None
    chosen = (int(str(call.attributes["start"])), int(str(call.attributes["step"])))
    if chosen in PATTERNS:
        return None
    return call.refused(
        "pto.bad-mode",
        f"`{call.name}` has no pattern that begins at {chosen[0]} and takes every {chosen[1]}th column",
        "write `step=2` with `start` 0 or 1, or `step=4` with `start` 0 to 3",
    )


def _block(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name != "gatherb":
        return None
    wanted = BLOCK * 8 // BITS[call.dtypes[0]]
    if call.attributes["per"] == wanted:
        return None
    return call.refused(
        "pto.bad-mode",
        f"a block of `pto.gatherb` is {BLOCK} bytes, {wanted} of {call.dtypes[0]}",
        f"write `per={wanted}`",
    )


def _rows(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name not in LOADS or call.for_cube:
        return None
    rows = call.sizes["x"][0]
    if rows is None or rows <= MOST_ROWS:
        return None
    return call.refused(
        "pto.too-many-rows",
        f"`{call.name}` moves {MOST_ROWS} rows at most, and here they are {rows}",
        f"load it in parts of {MOST_ROWS + 1 >> 1} rows",
    )


def _factors(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name not in PRODUCTS:
        return None
    sizes = (*call.sizes["a"], *call.sizes["b"][1:])
    wrong = next((each for each in sizes if each is not None and not 1 <= each <= MOST_FACTORS), None)
    if wrong is None:
        return None
    return call.refused(
        "pto.bad-product",
        f"sizes of `{call.name}` are 1 to {MOST_FACTORS}, and one is {wrong} here",
        "divide it: rows and columns into tiles, the inner size into steps of `pto.matmul_acc`",
    )


def _aligned(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name not in ("extract", "insert", "subview") or call.for_cube:
        return None
    column, wanted = call.numbers.get("col", 0), BLOCK * 8 // BITS[call.dtypes[0]]
    if column % wanted == 0:
        return None
    return call.refused(
        "pto.unaligned-part",
        f"`{call.name}` begins at a column that is a multiple of {BLOCK} bytes, {wanted} of {call.dtypes[0]}, "
        f"and {column} is none",
        f"begin at column {column // wanted * wanted}"
        if call.instruction.name == "insert"
        else f"take it as a slice, which picks the elements one by one: `t[row:row + rows, {column}:{column} + cols]`",
    )


def _scales(call: Call, variant: Variant) -> Refused | None:
    row = call.sizes.get("scales", ())
    columns = row[-1] if row else 0
    if call.instruction.name not in SCALED or (columns is not None and columns % 4 == 0 and columns <= MOST_SCALES):
        return None
    return call.refused(
        "pto.bad-scales",
        f"a row of scales is a constant number, a multiple of 4 and at most {MOST_SCALES}, and `{call.name}` has "
        f"{'one for each of a number that depends on the run' if columns is None else columns}",
        "take a constant number of columns at a time, as `b[:, j:j + 64]`, from arrays whose columns are as many",
    )


def _random(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name != "random":
        return None
    rounds, columns = call.attributes["rounds"], call.numbers.get("cols")
    if rounds not in ROUNDS:
        return call.refused("pto.bad-mode", f"`{call.name}` has 7 or 10 rounds, not {rounds}", "write `rounds=10`")
    if columns is None or columns % WORDS:
        found = "a number that depends on the run" if columns is None else columns
        return call.refused(
            "pto.bad-mode",
            f"`{call.name}` counts on by columns, which are a constant multiple of {WORDS}, and here are {found}",
            "make 256 columns, and take those that you want: `pto.random(…, 256)[:, 0:n]`",
        )
    return None


def _patches(call: Call, variant: Variant) -> Refused | None:
    if call.instruction.name != "img2col":
        return None
    given = {name: int(str(value)) for name, value in call.attributes.items()}
    found = patch_problem(call.sizes["x"][1], BLOCK * 8 // BITS[call.dtypes[0]], given, call.numbers)
    return None if found is None else call.refused("pto.bad-mode", f"`{call.name}`: {found[0]}", found[1])


RULES: tuple[Callable[[Call, Variant], Refused | None], ...] = (
    _missing, _dtypes, _comparison, _rounding, _pattern, _block, _rows, _factors, _aligned, _scales, _random, _patches,
)  # fmt: skip
