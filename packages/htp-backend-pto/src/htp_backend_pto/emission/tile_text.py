"""Tiles and regions of global memory as C++: their types, their sizes, and where they begin.

Knows how forms are spelled; does not know instructions. Source of the spellings: hw-native-sys/pto-isa@cd4a3d3f,
include/pto/common/pto_tile.hpp (`Tile`, `TileLeft`, `TileRight`, `TileAcc`, `GlobalTensor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    from htp.types import TileType
    from htp_backend_pto.layouts import OnChip
    from htp_backend_pto.profile import Profile

__all__ = ["Handle", "handle_of"]

LEFT_ALONE = "PadValue::Null"


@dataclass(frozen=True)
class Handle:
    """A tile as a C++ object: its type, what its constructor is given, and its first byte."""

    type: str
    arguments: tuple[str, ...]
    at: int

    def declared(self, name: str, type_: str) -> str:
        """The declaration, under a name of the type, and where it lies."""
        given = f"({', '.join(self.arguments)})" if self.arguments else ""
        return f"{type_} {name}{given}; TASSIGN({name}, {self.at:#x});"


def handle_of(type_: TileType, sizes: tuple[str, str], profile: Profile, pad: str = LEFT_ALONE) -> Handle:
    """A tile of valid size `sizes`, in C++; constants become part of the type.

    `pad` is what lies around the valid part, for the instructions that write it there.
    """
    room = room_of(type_)
    if room is None or not isinstance(room.at, int):
        raise Bug(f"`{type_}` has no place")
    element = profile.element_of(type_.dtype.name)
    columns = room.columns
    if room.form == "bits":
        columns, sizes = columns // 8, (sizes[0], _bytes(sizes[1]))
    constant = all(each.isdigit() for each in sizes)
    valid = sizes if constant else ("-1", "-1")
    return Handle(_type(room, element, columns, valid, pad), () if constant else sizes, room.at)


def _bytes(bits: str) -> str:
    return str(-(-int(bits) // 8)) if bits.isdigit() else f"({bits} + 7) / 8"


def _type(room: OnChip, element: str, columns: int, valid: tuple[str, str], pad: str) -> str:
    sizes = f"{room.rows}, {columns}"
    seen = ", ".join(valid)
    match room.space, room.form:
        case "l0a", _:
            return f"TileLeft<{element}, {sizes}, {seen}>"
        case "l0b", _:
            return f"TileRight<{element}, {sizes}, {seen}>"
        case "l0c", _:
            return f"TileAcc<{element}, {sizes}, {seen}>"
        case space, form:
            kind = {"ub": "Vec", "l1": "Mat", "bias": "Bias", "scaling": "Scaling"}[space]
            rows_first, inner = {
                "nd": (True, ""), "bits": (True, ""), "dn": (False, ""),
                "nz": (False, "RowMajor"), "zn": (True, "ColMajor"), "zz": (True, "RowMajor"),
            }[form]  # fmt: skip
            outer = f"BLayout::{'RowMajor' if rows_first else 'ColMajor'}"
            rest = f", SLayout::{inner or 'NoneBox'}, 512" if inner or pad != LEFT_ALONE else ""
            rest += f", {pad}" if pad != LEFT_ALONE else ""
            return f"Tile<TileType::{kind}, {element}, {sizes}, {outer}, {seen}{rest}>"
