"""The pass that holds instructions written by hand against what the target has, and turns moves and products
into tile operations, which selection turns into the right moves.

Knows which instructions only choose a memory; what is wrong with calls is in `called`, with memories in `written`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import LOWERED, Inlined, OpUse, Typed
from htp.diagnostics import Refused
from htp.lowering.expand import ExpandIntrinsics
from htp.passes import Pass
from htp.program import origin_of
from htp_backend_pto.forms import Legal
from htp_backend_pto.isa.rules import PRODUCTS
from htp_backend_pto.lower.called import illegal
from htp_backend_pto.lower.units import called
from htp_backend_pto.lower.written import misplaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.environment import Environment
    from htp.program import Program
    from htp_backend_pto.isa import Variant

__all__ = ["CheckInstructions"]

CHOSEN = tuple(
    f"pto.{each}"
    for each in (
        "load", "load_t", "load_row", "load_col", "store", "store_as", "store_t", "store_row", "store_col",
        "store_add", "mov", "mov_as", "accumulator", *PRODUCTS,
    )
)  # fmt: skip
"""Which memory a tile lies in is decided for all of a kernel at once; products are nothing but moves and steps."""


@dataclass(frozen=True)
class CheckInstructions(Pass):
    """Every `pto.*` call is one that the target carries out; moves and products become plain tile operations again."""

    name = "pto.check"
    requires = (Inlined(), Typed())
    provides = (Legal(),)
    invalidates = LOWERED
    may_introduce = (OpUse("*"),)

    variant: str = "a2a3sim"

    def for_target(self, environment: Environment) -> CheckInstructions:
        """For the variant of the target."""
        return replace(self, variant=environment.target.variant)

    def apply(self, program: Program) -> Program:
        """The program without instructions that only bring tiles from one memory to another.

        Raises:
            Refused: `pto.*`, all there are.
        """
        variant: Variant = "a2a3" if self.variant == "a2a3" else "a2a3sim"
        refusals = (*_prints(program), *misplaced(program), *illegal(program, variant))
        if found := [each for refusal in refusals for each in refusal.diagnostics]:
            raise Refused.of(*found)
        return ExpandIntrinsics(CHOSEN).apply(program)


def _prints(program: Program) -> Iterator[Refused]:
    """What is printed without going on: cores print tiles that pass by."""
    for node in (each for function in program.functions for one in function.body for each in ast.walk(one)):
        if isinstance(node, ast.Call) and called(node) == "tile.print":
            yield Refused(
                "pto.not-selected",
                "tasks do not print texts and numbers",
                span=origin_of(node),
                help="print a tile of a vector core on its way, `t = pto.print(t)`, with `pto` of `htp_backend_pto`; "
                "the target `cpu` prints all",
            )
        elif isinstance(node, ast.Expr) and called(node.value) == "pto.print":
            yield Refused(
                "pto.not-selected",
                "`pto.print` gives the tile that it prints, and here nothing takes it",
                span=origin_of(node),
                help="write it where the tile passes by: `t = pto.print(t)`",
            )
