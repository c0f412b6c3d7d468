"""Calls of kernels that are work for both units, and of routines: their bodies take the place of the call.

Knows calls and bodies; does not know how a body is divided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from htp.program import Program

__all__ = ["flattened"]


def flattened(program: Program) -> Program:
    """The program whose entry calls kernels of one unit only."""
    return program
