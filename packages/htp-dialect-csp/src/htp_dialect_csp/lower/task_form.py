"""The pass `csp.tasks`: networks in process form become routines in task form.

For targets that run tasks and know no processes. Knows which routines open networks; `htp_dialect_csp.tasks` writes
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, DTypeUse, Loops, Normalized, OpUse, Parallel, Simplified, Typed, Vectorized
from htp.passes import Pass
from htp_dialect_csp.tasks.declared import net_of
from htp_dialect_csp.tasks.kernels import Kernels
from htp_dialect_csp.tasks.routine import with_tasks

if TYPE_CHECKING:
    from htp.program import Function, Program

__all__ = ["Tasks"]


@dataclass(frozen=True)
class Tasks(Pass):
    """Networks become routines: what a process does between two waits is a task, channels are slots of buffers."""

    name = "csp.tasks"
    requires = (Typed(), Normalized(), Simplified())
    invalidates = (Typed(), Normalized(), Simplified(), Parallel(), Loops(), Vectorized())
    eliminates = (DialectUse("streams"),)
    introduces = (DialectUse("host"), DialectUse("tasks"), DialectUse("tile"))
    may_introduce = (OpUse("tile.item"), OpUse("tile.full"), DTypeUse("i64"), DTypeUse("f32"), DTypeUse("bool_"))
    understands = tuple(DialectUse(each) for each in ("tile", "host", "tasks", "streams"))

    def apply(self, program: Program) -> Program:
        """The program without channels.

        Raises:
            Refused: `csp.timed` for operations whose answer depends on the time, `csp.no-tasks` for others that no
                order of tasks does.
        """
        kernels = Kernels({each.name for each in program.functions})
        functions: list[Function] = []
        for each in program.functions:
            net = net_of(program, each) if each.kind == "routine" else None
            if net is not None:
                ready = len(kernels.made)
                written = with_tasks(program, each, net, kernels)
                functions += kernels.made[ready:]
                functions.append(written)
            elif not any(param.is_end for param in each.params):
                functions.append(each)
        return replace(program, functions=tuple(functions))
