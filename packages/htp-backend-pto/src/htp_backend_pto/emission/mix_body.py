"""The statements of a process in a task of a cluster: as in other kernels, and sends and receives through pipes.

Knows pushes and pops, and who stores; does not know files (`mix_source`). Source: hw-native-sys/pto-isa@cd4a3d3f,
include/pto/npu/a2a3/{TPush,TPop,TFree}.hpp and include/pto/cpu/TPop.hpp. On a device a pop says itself where its tile
lies, from the pipe's buffer, and gives the slot back; in the simulators the tile says so, and a slot is given back.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_backend_pto.emission.kernel_body import Body
from htp_backend_pto.emission.scalars import cpp_name
from htp_backend_pto.emission.tile_text import LEFT_ALONE
from htp_backend_pto.lower.units import called
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.program import Constant
    from htp_backend_pto.emission.kernel_body import Arrays
    from htp_backend_pto.emission.mixes import Ring
    from htp_backend_pto.emission.scalars import Kind
    from htp_backend_pto.profile import Profile
    from htp_backend_pto.steps import Step

__all__ = ["FIRST", "WHOLE", "MixBody"]

FIRST = "is_first"
"""Whether a vector core is the first one of its cluster, which stores for both."""
WHOLE = "TileSplitAxis::TILE_NO_SPLIT"


class MixBody(Body):
    """Prints the statements of one process; `rings` are its channels by the names of its ends."""

    def __init__(
        self,
        arrays: Arrays,
        constants: Mapping[str, Constant],
        numbers: Mapping[str, Kind],
        profile: Profile,
        rings: Mapping[str, Ring],
        *,
        cube: bool,
    ) -> None:
        super().__init__(arrays, constants, numbers, profile)
        self.rings = rings
        self.cube = cube

    def _plain(self, statement: ast.stmt, depth: int) -> None:
        taken = isinstance(statement, ast.Expr) and called(statement.value) == "advance"
        if not taken and not isinstance(statement, ast.Assert):  # what is asserted the orchestration has checked
            super()._plain(statement, depth)

    def _step(self, step: Step, depth: int) -> None:
        match step.instruction.name:
            case "push":
                self._push(step, depth)
            case "pop":
                self._pop(step, depth)
            case _ if step.stored is not None and not self.cube:
                self._line(f"if ({FIRST}) {{", step.statement, depth)
                super()._step(step, depth + 1)
                self._line("}", step.statement, depth)
            case _:
                super()._step(step, depth)

    def _push(self, step: Step, depth: int) -> None:
        (tile,) = self._operand(step, "x", depth).values()
        pipe = self._pipe(step)
        self._line(f"TPUSH<{pipe}_pipe, decltype({tile}), {WHOLE}>({pipe}, {tile});", step.statement, depth)

    def _pop(self, step: Step, depth: int) -> None:
        pipe, name = self._pipe(step), step.result or ""
        tile = self._define(name, step.statement, LEFT_ALONE, depth)
        room = room_of(self.scope.types[name])
        buffer = "V2C_CONSUMER_BUF" if self.cube else "C2V_CONSUMER_BUF"
        at = room.at if room is not None and isinstance(room.at, int) else 0
        self._line(f"{pipe}.fifo.{buffer} = {at:#x};", step.statement, depth)
        self._line(f"TPOP<{pipe}_pipe, decltype({tile}), {WHOLE}>({pipe}, {tile});", step.statement, depth)
        self._line(f"TFREE<{pipe}_pipe, {WHOLE}>({pipe});", step.statement, depth)

    def _pipe(self, step: Step) -> str:
        """The pipe of the end that a statement names."""
        value = step.statement.value if isinstance(step.statement, ast.Expr | ast.AnnAssign) else None
        end = ast.unparse(value.args[0]) if isinstance(value, ast.Call) else ""
        return cpp_name(self.rings[end].channel)
