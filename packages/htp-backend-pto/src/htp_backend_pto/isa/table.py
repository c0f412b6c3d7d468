"""The instructions by name.

Knows which there are; what each is stands in `moving.py`, `vector.py`, `columns.py` and `shaping.py`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from htp_backend_pto.isa.columns import COLUMNS
from htp_backend_pto.isa.moving import CUBE, MEMORY
from htp_backend_pto.isa.shaping import SHAPING
from htp_backend_pto.isa.vector import APART, ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp_backend_pto.isa.instructions import Instruction

__all__ = ["INSTRUCTIONS", "in_place", "instruction"]

INSTRUCTIONS: Mapping[str, Instruction] = MappingProxyType(
    {each.name: each for each in (*MEMORY, *CUBE, *ELEMENTWISE, *COLUMNS, *SHAPING)}
)
"""Every instruction that programs may write, by the name of its intrinsic."""


def instruction(name: str) -> Instruction:
    """The instruction called `name`, as `rowmax` or `pto.rowmax`.

    Raises:
        LookupError: There is none.
    """
    found = INSTRUCTIONS.get(name.removeprefix("pto."))
    if found is None:
        raise LookupError(f"`{name}` is no instruction of pto-isa that programs may write")
    return found


def _has_scratch(found: Instruction) -> bool:
    return any(each.role == "scratch" for each in found.operands)


OVER_OPERANDS = frozenset((
    "mov", "sel", "sels", *(each.name for each in ELEMENTWISE if APART not in each.notes and not _has_scratch(each)),
    *(each.name for each in COLUMNS if each.name.startswith(("rowexpand", "colexpand")) and len(each.tiles) > 2),
))  # fmt: skip


def in_place(found: Instruction) -> bool:
    """Whether an instruction's result may lie where an operand of its size lies: each element is written where it was
    read, or the operand is one that the instruction changes.

    That is so of what works element by element in one step, and of choices (hw-native-sys/pto-isa@cd4a3d3f,
    include/pto/npu/a2a3/TSels.hpp, one `vsel` a row). Of others nothing is said.
    """
    return found.name in OVER_OPERANDS or found.inout is not None
