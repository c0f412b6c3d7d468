"""The pass `csp.tasks`: stub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, Normalized, Simplified, Typed
from htp.passes import Pass

if TYPE_CHECKING:
    from htp.program import Program

__all__ = ["Tasks"]


@dataclass(frozen=True)
class Tasks(Pass):
    """Networks become routines whose calls of kernels are tasks."""

    name = "csp.tasks"
    requires = (Typed(), Normalized(), Simplified())
    invalidates = (Typed(), Normalized(), Simplified())
    eliminates = (DialectUse("streams"),)
    introduces = (DialectUse("host"), DialectUse("tasks"), DialectUse("tile"))

    def apply(self, program: Program) -> Program:
        """The program without channels."""
        return program
