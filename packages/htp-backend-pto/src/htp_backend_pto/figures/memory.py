"""What a kernel takes of the memories of its core, and the most that is in use at once.

Knows places and lives of tiles; does not know what fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp_backend_pto.emission.lines import place_of
from htp_backend_pto.figures.records import LiveTile, MemoryUse
from htp_backend_pto.lower.place.lives import lives
from htp_backend_pto.model import a2a3
from htp_backend_pto.steps import tile_names
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Sequence

    from htp.types import TileType
    from htp_backend_pto.lower.place.lives import Life

__all__ = ["memory_of"]

SPACES = ("ub", "l1", "l0a", "l0b", "l0c", "bias", "scaling")


def memory_of(body: Sequence[ast.stmt]) -> tuple[MemoryUse, ...]:
    """The memories that a placed kernel uses."""
    types = tile_names(body)
    bytes_ = {name: _range(type_) for name, type_ in types.items() if room_of(type_) is not None}
    found = lives(body, {name: end - start for name, (start, end) in bytes_.items()})
    uses: list[MemoryUse] = []
    for space in SPACES:
        here = [life for life in found if _space(types[life.names[0]]) == space]
        if here:
            uses.append(_use(space, here, bytes_))
    return tuple(uses)


def _use(space: str, here: Sequence[Life], bytes_: dict[str, tuple[int, int]]) -> MemoryUse:
    def together(moment: Life) -> list[Life]:
        return [each for each in here if each.first <= moment.first <= each.last]

    fullest = max(here, key=lambda each: _covered(_bytes(life, bytes_) for life in together(each)))
    crowd = sorted(together(fullest), key=lambda each: (_bytes(each, bytes_)[0], each.names))
    known = a2a3().space(space)
    tiles = tuple(
        LiveTile(tile=each.names[0], bytes=_size(_bytes(each, bytes_)), place=place_of(each.statement))
        for each in crowd
    )
    return MemoryUse(
        space=space,
        capacity=(known.limit if known is not None else None) or 0,
        used=_covered(_bytes(each, bytes_) for each in here),
        live=_covered(_bytes(each, bytes_) for each in crowd),
        place=place_of(fullest.statement),
        tiles=tiles,
    )


def _bytes(life: Life, bytes_: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return min(bytes_[name][0] for name in life.names), max(bytes_[name][1] for name in life.names)


def _size(found: tuple[int, int]) -> int:
    return found[1] - found[0]


def _covered(ranges: Iterable[tuple[int, int]]) -> int:
    """How many bytes lie in at least one of the ranges."""
    total, reached = 0, 0
    for start, end in sorted(ranges):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _space(type_: TileType) -> str:
    room = room_of(type_)
    return room.space if room is not None else ""


def _range(type_: TileType) -> tuple[int, int]:
    room = room_of(type_)
    if room is None or not isinstance(room.at, int):
        raise Bug(f"`{type_}` has no place")
    return room.at, room.at + room.nbytes(type_.dtype.bits)
