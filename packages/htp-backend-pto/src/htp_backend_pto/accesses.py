"""What instructions read and write: bytes of the on-chip memories and arrays in global memory, each on a pipe.

Knows places; does not know what must wait for what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp_backend_pto.steps import root_name, steps_in, tile_names
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping, Sequence

    from htp.types import TileType
    from htp_backend_pto.steps import Step

__all__ = ["IN_ORDER", "Access", "accesses_of", "accesses_under", "bytes_of", "clash", "rooms_in"]

IN_ORDER = frozenset(("MTE1", "MTE2", "MTE3", "M", "FIX", "S"))
"""Pipes that finish what they begin in order, so that only the vector pipe needs barriers within itself.

An assumption: the hand-written kernels of hw-native-sys/pto-isa@cd4a3d3f, kernels/manual, have no others.
"""


@dataclass(frozen=True)
class Access:
    """Bytes from `start` up to `end` of a memory, or a whole array of global memory, that a pipe reads or writes."""

    pipe: str
    memory: str
    start: int
    end: int
    writes: bool
    name: str

    def overlaps(self, other: Access) -> bool:
        """Whether both touch some byte and one writes it."""
        together = self.memory == other.memory and self.start < other.end and other.start < self.end
        return together and (self.writes or other.writes)


def clash(first: Sequence[Access], second: Sequence[Access]) -> set[tuple[str, str]]:
    """The pairs of pipes, of the first and the second, of which the second must wait for the first."""
    return {
        (one.pipe, other.pipe)
        for one in first
        for other in second
        if one.overlaps(other) and not (one.pipe == other.pipe and one.pipe in IN_ORDER)
    }


def rooms_in(body: Sequence[ast.stmt]) -> dict[str, TileType]:
    """The types of all tiles of a body, whose rooms have places."""
    return tile_names(body)


def accesses_of(step: Step, types: Mapping[str, TileType]) -> list[Access]:
    """What one instruction touches; views touch nothing."""
    if not step.moves:
        return []
    pipe = step.pipe(types)
    found: list[Access] = []
    for operand in step.instruction.tiles:
        writes = operand.role in ("dst", "inout", "scratch")
        name = step.tile(operand.name)
        region = step.region(operand.name)
        if region is not None:
            found.append(Access(pipe, f"gm.{root_name(region)}", 0, 1, writes, root_name(region)))
        elif name is not None:
            found.append(bytes_of(name, types, pipe, writes=writes))
    return found


def accesses_under(statement: ast.stmt, types: Mapping[str, TileType]) -> list[Access]:
    """What a statement and everything in it touches."""
    return [access for step in steps_in([statement]) for access in accesses_of(step, types)]


def bytes_of(name: str, types: Mapping[str, TileType], pipe: str, *, writes: bool) -> Access:
    """All bytes of a tile, as a pipe reads or writes them."""
    type_ = types.get(name)
    room = room_of(type_) if type_ is not None else None
    if type_ is None or room is None or not isinstance(room.at, int):
        raise Bug(f"`{name}` has no place")
    return Access(pipe, room.space, room.at, room.at + room.nbytes(type_.dtype.bits), writes, name)
