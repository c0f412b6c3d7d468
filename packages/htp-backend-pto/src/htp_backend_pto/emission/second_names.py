"""Tiles by a second name, as a tile of another size: what a2a3sim needs where a device looks at less.

A second name moves nothing and costs a device nothing. Knows what the simulator takes otherwise; does not know C++.
Sources: hw-native-sys/pto-isa@cd4a3d3f, include/pto/cpu/{TRowSum,TCmps,TSel,TBinSOps}.hpp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from htp.dims import const
from htp_backend_pto.tiles import room_of, with_room

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.types import TileType
    from htp_backend_pto.steps import Step

__all__ = ["second_names"]

FLAGS = 8
"""Flags of a byte."""
UB_BYTES = 184 << 10
"""Of a vector core's memory: what `model` calls usable."""


def second_names(step: Step, types: Mapping[str, TileType]) -> dict[str, tuple[str, TileType]]:
    """The operands that an instruction takes by a second name: what is added to the name, and the type behind it."""
    match step.instruction.name:
        case "rowsum":
            found = {"x": ("tall", _as_tall(_type(step, "x", types), _type(step, "dst", types)))}
        case "cmps":
            found = {"dst": ("whole", _of_whole_rows(_type(step, "dst", types), _type(step, "x", types)))}
        case "sel":
            found = {each: ("whole", _of_whole_bytes(_type(step, each, types))) for each in ("dst", "a", "b")}
        case "xors":
            found = {"tmp": ("part", _of_its_size(_type(step, "tmp", types), _type(step, "dst", types)))}
        case _:
            return {}
    return {name: (suffix, type_) for name, (suffix, type_) in found.items() if type_ is not None}


def _type(step: Step, operand: str, types: Mapping[str, TileType]) -> TileType:
    return types[step.tile(operand) or ""]


def _as_tall(source: TileType, column: TileType) -> TileType | None:
    """The source of a sum with as many rows as the result has room for.

    TROWSUM wants them equal, which a column padded to 32 bytes prevents. Rows behind the valid ones are not touched.
    """
    room, wanted = room_of(source), room_of(column)
    if room is None or wanted is None or room.rows >= wanted.rows or not isinstance(room.at, int):
        return None
    taller = replace(room, rows=wanted.rows)
    return with_room(source, taller) if room.at + taller.nbytes(source.dtype.bits) <= UB_BYTES else None


def _of_whole_rows(flags: TileType, compared: TileType) -> TileType | None:
    """Flags with one for every column that what is compared has room for.

    TCMPS writes them for all of a row, and the bytes one after the other into what is valid of the result.
    """
    room = room_of(compared)
    if room is None or room.rows == 1:
        return None
    rows, columns = flags.dims
    wanted = const(room.columns)
    return None if _bytes(columns.constant) == _bytes(room.columns) else replace(flags, dims=(rows, wanted))


def _of_whole_bytes(type_: TileType) -> TileType | None:
    """A tile with as many columns as whole bytes of flags say something of.

    TSEL goes through the flags without regard to where a row of them ends. What it chooses behind the last column
    lies in the padding of the tile.
    """
    room = room_of(type_)
    rows, columns = type_.dims
    whole = (columns + (FLAGS - 1)) // FLAGS * FLAGS
    return None if room is None or room.rows == 1 or whole == columns else replace(type_, dims=(rows, whole))


def _of_its_size(scratch: TileType, result: TileType) -> TileType | None:
    """The scratch of TXORS as a tile of the size of the result, which it wants to be of one type with it."""
    return None if scratch.dims == result.dims else replace(scratch, dims=result.dims)


def _bytes(flags: int | None) -> int | None:
    return None if flags is None else -(-flags // FLAGS)
