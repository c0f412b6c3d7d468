"""The pass that chooses instructions.

Knows kernels of one unit; the rules stand in `vector` and `cube`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import IntrinsicUse, Loops, Normalized, OpUse, Parallel, Simplified, Typed, Vectorized
from htp.infer.engine import infer
from htp.passes import Pass
from htp_backend_pto.forms import Bounded, Divided, Selected
from htp_backend_pto.lower.bounds import Sizes, sizes_of
from htp_backend_pto.lower.select.copies import without_copies
from htp_backend_pto.lower.select.cube import Cube
from htp_backend_pto.lower.select.silent import silent
from htp_backend_pto.lower.select.vector import Vector
from htp_backend_pto.lower.taken import accepted
from htp_backend_pto.lower.tidy import alive, with_sizes
from htp_backend_pto.tiles import declared, room_of

if TYPE_CHECKING:
    import ast

    from htp.program import Function, Program

__all__ = ["Select"]


@dataclass(frozen=True)
class Select(Pass):
    """Every statement of a kernel becomes one instruction of pto-isa, on tiles with a memory and a form."""

    name = "pto.select"
    requires = (Divided(), Bounded(), Typed(), Normalized())
    provides = (Selected(isa="pto"),)
    invalidates = (Simplified(), Loops(), Parallel(), Vectorized())
    eliminates = (OpUse("tile.*"),)
    may_introduce = (IntrinsicUse("pto.*"), OpUse("tile.item"))

    def apply(self, program: Program) -> Program:
        """The program with instructions in its kernels.

        Raises:
            Refused: `pto.not-selected`.
        """
        program = program.replace(*(without_copies(each) for each in program.functions if each.kind == "kernel"))
        kernels = [each for each in program.functions if each.kind == "kernel"]
        given = sizes_of(program)
        plain = silent(program)
        chosen = [_selected(program, each, given.get(each.name, Sizes()), plain) for each in kernels]
        return accepted(program, program.replace(*chosen))


def _selected(program: Program, kernel: Function, given: Sizes, plain: frozenset[int]) -> Function:
    known = infer(program, kernel)
    rooms = [room for _, _, type_ in declared(kernel.body) if (room := room_of(type_)) is not None]
    rules = Cube if any(each.space != "ub" for each in rooms) else Vector
    writer = rules(kernel, known, given, plain)
    body: list[ast.stmt] = writer.statements(kernel.body)
    return replace(kernel, body=tuple(with_sizes(kernel, alive(body))))
