"""The statements of a process in a task of a cluster: as in other kernels, and sends and receives through pipes.

Knows pushes and pops; does not know files (`mix_source`) nor who stores (`mix_rows`). On a device a pop says itself
where its tile lies, from the pipe's buffer, and gives the slot back; in the simulators the tile says so, and a slot is
given back. Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/{TPush,TPop,TFree}.hpp and
include/pto/cpu/TPop.hpp.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_backend_pto.emission.kernel_body import Body
from htp_backend_pto.emission.scalars import cpp_name, scalar_text
from htp_backend_pto.emission.tile_text import LEFT_ALONE
from htp_backend_pto.lower.units import called
from htp_backend_pto.steps import end_of
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.program import Constant
    from htp_backend_pto.emission.kernel_body import Arrays
    from htp_backend_pto.emission.mix_rows import Half
    from htp_backend_pto.emission.mixes import Ring
    from htp_backend_pto.emission.scalars import Kind
    from htp_backend_pto.profile import Profile
    from htp_backend_pto.steps import Step

__all__ = ["MixBody"]

BOTH = "TileSplitAxis::TILE_UP_DOWN"
"""Both vector cores take part at every token; what each takes of it say `pop_part` and `push_part`."""


class MixBody(Body):
    """Prints the statements of one process; `rings` are its channels by the names of its ends.

    Of a process that the vector cores do, `half` is what each of them does.
    """

    def __init__(
        self,
        arrays: Arrays,
        constants: Mapping[str, Constant],
        numbers: Mapping[str, Kind],
        profile: Profile,
        rings: Mapping[str, Ring],
        half: Half | None,
    ) -> None:
        super().__init__(arrays, constants, numbers, profile)
        self.rings, self.half = rings, half

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
            case _:
                super()._step(step, depth)

    def _push(self, step: Step, depth: int) -> None:
        tile = self._operand(step, "x", depth)["x"]
        pipe = self._pipe(step)
        whole = f"TPUSH<{pipe}_pipe, decltype({tile}), {BOTH}>({pipe}, {tile});"
        self._line(self._part("push_part", step, tile) or whole, step.statement, depth)

    def _pop(self, step: Step, depth: int) -> None:
        pipe, name = self._pipe(step), step.result or ""
        tile = self._define(name, step.statement, LEFT_ALONE, depth)
        room = room_of(self.scope.types[name])
        buffer = "V2C_CONSUMER_BUF" if self.half is None else "C2V_CONSUMER_BUF"
        at = room.at if room is not None and isinstance(room.at, int) else 0
        self._line(f"{pipe}.fifo.{buffer} = {at:#x};", step.statement, depth)
        whole = f"TPOP<{pipe}_pipe, decltype({tile}), {BOTH}>({pipe}, {tile});"
        self._line(self._part("pop_part", step, tile) or whole, step.statement, depth)
        self._line(f"TFREE<{pipe}_pipe, {BOTH}>({pipe});", step.statement, depth)

    def _part(self, name: str, step: Step, tile: str) -> str:
        """How a vector core sends or receives its rows; nothing of the cube core, which has all."""
        if self.half is None:
            return ""
        first = scalar_text(self.half.firsts[id(step.statement)], self).cpp
        return f"htp::{name}({self._pipe(step)}, {tile}, {first}, {self.half.core});"

    def _pipe(self, step: Step) -> str:
        """The pipe of the end that a statement names."""
        return cpp_name(self.rings[end_of(step)].channel)
