"""The instructions of pto-isa that are no function of tiles, and how a program comes by what they do.

Knows names and reasons; what each does is in `pto_isa.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OTHERS", "Other", "not_by_hand"]

Reach = Literal["compiler", "none"]
"""Whether the compiler writes it where it is needed, or nothing does."""


@dataclass(frozen=True)
class Other:
    """An instruction that programs do not write: who does, why not they, and what they write instead."""

    cpp: str
    reach: Reach
    why: str
    instead: str

    @property
    def name(self) -> str:
        """What its intrinsic would be called."""
        return (self.cpp[1:] if self.cpp.startswith("T") else self.cpp).lower()


SCALED = "write `pto.store_fp`, `pto.mov_fp`, `pto.extract_fp` or `pto.insert_fp`, which take a row of scales"
SYNCHRONIZED = "leave it out: flags and barriers are put in where pipes depend on each other"
CHANNEL = "write a network: its channels become buffers between tasks, or pipes where `pto.cluster` is pinned"
CONVOLUTION = "leave it out: they are set in front of `pto.img2col`"
REGISTER = "it sets registers that other instructions read, and gives no tile"
MICROSCALED = "there is no dtype for the shared exponents of microscaled blocks"
COMPOSED = "write `pto.{}`, then `pto.relu` and `pto.cvt`"

ROWS = (
    Other("TASSIGN", "compiler", "addresses come from the plan of memory", "leave it out: every tile gets an address"),
    Other("TSYNC", "compiler", "it gives no tile", SYNCHRONIZED),
    Other("SYNCALL", "none", "tasks on different cores wait for each other by what they read and write",
          "divide the kernel: what follows becomes a task of its own"),
    Other("TPREFETCH", "none", "it gives no tile, and changes none", "leave it out, or load earlier"),
    Other("TPREFETCH_ASYNC", "none", "it gives no tile, and changes none", "leave it out, or load earlier"),
    Other("TPUSH", "compiler", "it waits for another core", CHANNEL),
    Other("TPOP", "compiler", "it waits for another core", CHANNEL),
    Other("TFREE", "compiler", "it frees a place in a channel", CHANNEL),
    Other("TALLOC", "none", "it takes a place in a channel, and the simulator lacks it", CHANNEL),
    Other("SET_QUANT_SCALAR", "none", REGISTER, SCALED),
    Other("SET_QUANT_VECTOR", "none", REGISTER, SCALED),
    Other("SETFMATRIX", "compiler", REGISTER, CONVOLUTION),
    Other("SET_IMG2COL_RPT", "compiler", REGISTER, CONVOLUTION),
    Other("SET_IMG2COL_PADDING", "compiler", REGISTER, CONVOLUTION),
    Other("TMATMUL_MX", "none", MICROSCALED, "write `pto.matmul` on f16 or bf16"),
    Other("TGEMV_MX", "none", MICROSCALED, "write `pto.gemv` on f16 or bf16"),
    Other("TGET_SCALE_ADDR", "none", MICROSCALED, "leave it out"),
    Other("TADDRELUCONV", "none", "the simulator lacks it, so that nobody could test it", COMPOSED.format("add")),
    Other("TSUBRELUCONV", "none", "the simulator lacks it, so that nobody could test it", COMPOSED.format("sub")),
)  # fmt: skip

OTHERS: Mapping[str, Other] = MappingProxyType({each.name: each for each in ROWS})
"""By the name that its intrinsic would have."""


def not_by_hand(name: str) -> Refused | None:
    """The refusal of `pto.name` in a program; `None` when it is no instruction at all."""
    found = OTHERS.get(name)
    if found is None:
        return None
    return Refused(
        "pto.not-by-hand",
        f"`{found.cpp}` is no function of tiles, so there is no `pto.{name}`: {found.why}",
        help=found.instead,
    )
