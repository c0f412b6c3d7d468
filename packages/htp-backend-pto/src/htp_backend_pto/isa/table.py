"""The instructions by name.

Knows which there are; what each is stands in `moving.py`, `vector.py`, `columns.py` and `shaping.py`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from htp_backend_pto.isa.columns import COLUMNS
from htp_backend_pto.isa.moving import CUBE, MEMORY
from htp_backend_pto.isa.shaping import SHAPING
from htp_backend_pto.isa.vector import ELEMENTWISE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp_backend_pto.isa.instructions import Instruction

__all__ = ["INSTRUCTIONS", "instruction"]

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
