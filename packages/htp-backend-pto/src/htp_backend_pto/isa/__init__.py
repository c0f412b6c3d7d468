"""The instruction set of pto-isa as a table: `isa.instruction("rowmax").pipe`."""

from __future__ import annotations

from htp_backend_pto.isa.instructions import (
    VARIANTS,
    Dtypes,
    Instruction,
    Operand,
    Pipe,
    Role,
    Route,
    Space,
    Variant,
)
from htp_backend_pto.isa.table import INSTRUCTIONS, in_place, instruction

__all__ = [
    "INSTRUCTIONS",
    "VARIANTS",
    "Dtypes",
    "Instruction",
    "Operand",
    "Pipe",
    "Role",
    "Route",
    "Space",
    "Variant",
    "in_place",
    "instruction",
]
