"""Words of workloads in other functions: refused, since nothing lowers them there. Knows names; knows no meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.foreign import foreign_name, outside
from htp.program import origin_of

if TYPE_CHECKING:
    from htp.program import Program

__all__ = ["refuse_outsiders"]


def refuse_outsiders(program: Program) -> None:
    """Refuses a kernel, helper or routine that uses a word of workloads.

    Raises:
        Refused: `wsp.outside-workload`, at the first such word.
    """
    for function in program.functions:
        if function.kind == "workload":
            continue
        for name in outside(program, function):
            known = foreign_name(name.id)
            if known is not None and known.what == "word" and known.owner == "wsp":
                walks = name.id == "P" and function.kind == "kernel"
                raise Refused(
                    "wsp.outside-workload",
                    f"`{name.id}` stands in `{function.name}`, which is a {function.kind}; it belongs to workloads",
                    span=origin_of(name),
                    help="loop over `range(…)` here, or call this kernel from a `@workload`"
                    if walks
                    else "move it into a function that is decorated with `@workload`",
                )
