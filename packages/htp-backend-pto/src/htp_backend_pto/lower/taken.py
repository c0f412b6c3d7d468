"""The instructions that a pass chose, held against the dtypes that the machine takes.

Knows programs before and after a pass; does not know how instructions are chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.infer.engine import infer
from htp_backend_pto.isa.instructions import VARIANTS
from htp_backend_pto.isa.rules import problems
from htp_backend_pto.lower.called import calls_in

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from htp.diagnostics import Diagnostic, Span
    from htp.program import Program

__all__ = ["accepted"]


def accepted(before: Program, after: Program) -> Program:
    """The program that a pass made, all of whose instructions the machine takes.

    Instructions that stood there before are the user's own, and were held against the target by `pto.check`.

    Raises:
        Refused: `pto.not-selected` at the user's lines.
    """
    own = {(call.name, call.span) for function in before.functions for call in calls_in(before, function)}
    if found := [_refusal(each) for each in _untaken(after, own)]:
        raise Refused.of(*found)
    return after


def _untaken(program: Program, own: Container[tuple[str, Span | None]]) -> Iterator[Diagnostic]:
    for kernel in (each for each in program.functions if each.kind == "kernel"):
        try:
            infer(program, kernel)
        except Refused as refused:
            yield from refused.diagnostics
            continue
        for call in calls_in(program, kernel):
            if (call.name, call.span) not in own:
                found = [each.diagnostic for variant in VARIANTS for each in problems(call, variant)]
                yield from found[:1]


def _refusal(found: Diagnostic) -> Diagnostic:
    return Refused(
        "pto.not-selected",
        f"no instruction does this with these dtypes: {found.message}",
        span=found.span,
        help="cast to f32 before, `.astype(f32)`, and the result to what you store: flags to u8, integers to i32",
    ).diagnostic
