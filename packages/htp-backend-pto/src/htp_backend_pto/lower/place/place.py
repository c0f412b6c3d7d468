"""`pto.place`: every tile gets its bytes in its memory.

Knows sizes, alignments and who is in use when; does not know instructions. First fit in the order in which tiles are
made: bytes of a tile that is done with are given to the next that has room in them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp_backend_pto.forms import Bounded, Overlapped, Placed, Selected
from htp_backend_pto.layouts import BOX_ROWS, ROW
from htp_backend_pto.lower.place.lives import lives
from htp_backend_pto.model import a2a3
from htp_backend_pto.tiles import annotation_of, declared, room_of, with_room

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Function, Program
    from htp_backend_pto.layouts import OnChip
    from htp_backend_pto.lower.place.lives import Life, Streams

__all__ = ["Place", "Region", "arrange", "fitting"]


@dataclass(frozen=True)
class Region:
    """Bytes of one memory, and the tiles that lie there."""

    life: Life
    space: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size


class Place(Pass):
    """Gives every tile an address in its memory; tiles that are in use at the same time do not overlap."""

    name = "pto.place"
    requires = (Selected(isa="pto"), Bounded(), Overlapped())
    provides = (Placed(),)

    def apply(self, program: Program) -> Program:
        """Every kernel by itself.

        Raises:
            Refused: `pto.ub-overflow` or `pto.buffer-overflow` where tiles in use together have no room.
        """
        kernels = [each for each in program.functions if each.kind == "kernel"]
        return program.replace(*(_placed(each) for each in kernels))


def arrange(kernel: Function) -> list[Region]:
    """Where the tiles of a kernel lie, in the order in which they are made.

    Raises:
        Refused: `pto.ub-overflow`, `pto.buffer-overflow`.
    """
    rooms = _rooms(kernel)
    there = _arranged(kernel, rooms)
    if there is not None:
        return there
    tried = _fitted(_wanted(kernel, rooms, streams="nowhere", reuses=True))
    first = next(each for each in tried if each.end > _limit(each.space))
    raise _overflow(kernel, *_crowd([each for each in tried if each.space == first.space], first), rooms)


def _arranged(kernel: Function, rooms: Mapping[str, _Room]) -> list[Region] | None:
    """Where the tiles lie, or `None`: what orders the pipes least is tried first, what needs the fewest bytes last."""
    tries: tuple[Streams, ...] = ("everywhere", "loops", "nowhere")
    found = (_fitting(kernel, rooms, streams=each, reuses=reuses) for each in tries for reuses in (False, True))
    return next((each for each in found if each is not None), None)


def _crowd(regions: Sequence[Region], failed: Region) -> tuple[Region, list[Region]]:
    """The region that makes a memory fullest, with those in use beside it; else what failed, if gaps are to blame."""
    crowds = [(each, [other for other in regions if other.life.first <= each.life.first <= other.life.last])
              for each in regions]  # fmt: skip
    fullest = max(crowds, key=lambda found: sum(each.size for each in found[1]))
    if sum(each.size for each in fullest[1]) > _limit(failed.space):
        return fullest
    return failed, [each for each in regions if each.life.meets(failed.life)]


def fitting(kernel: Function, *, streams: Streams = "nowhere", reuses: bool = False) -> list[Region] | None:
    """Where the tiles lie, or `None` where there is no room; `streams` and `reuses` are those of `lives`."""
    return _fitting(kernel, _rooms(kernel), streams=streams, reuses=reuses)


def _fitting(
    kernel: Function, rooms: Mapping[str, _Room], *, streams: Streams, reuses: bool
) -> list[Region] | None:
    wanted = _wanted(kernel, rooms, streams=streams, reuses=reuses)
    # A large tile that is made late may find only gaps; the second try gives the largest their bytes first.
    for each in (wanted, sorted(wanted, key=lambda each: -each.size)):
        found = _fitted(each)
        if all(region.end <= _limit(region.space) for region in found):
            return sorted(found, key=lambda region: (region.life.first, region.start))
    return None


def _wanted(kernel: Function, rooms: Mapping[str, _Room], *, streams: Streams, reuses: bool) -> list[_Wanted]:
    sizes = {name: _size(room) for name, room in rooms.items()}
    return [
        _Wanted(life, rooms[life.names[0]].room.space, max(sizes[name] for name in life.names))
        for life in lives(kernel.body, sizes, streams=streams, reuses=reuses)
    ]


@dataclass(frozen=True)
class _Wanted:
    life: Life
    space: str
    size: int


def _fitted(wanted: Sequence[_Wanted]) -> list[Region]:
    found: list[Region] = []
    for each in wanted:
        beside = [other for other in found if other.space == each.space and other.life.meets(each.life)]
        found.append(Region(each.life, each.space, _first_gap(beside, each.size, _alignment(each.space)), each.size))
    return found


@dataclass(frozen=True)
class _Room:
    room: OnChip
    bits: int


def _rooms(kernel: Function) -> dict[str, _Room]:
    found: dict[str, _Room] = {}
    for statement, name, type_ in declared(kernel.body):
        room = room_of(type_)
        if room is None:
            raise Bug(f"`{ast.unparse(statement)}` has no room")
        known = found.setdefault(name, _Room(room, type_.dtype.bits))
        if (known.room.space, known.room.form) != (room.space, room.form):
            raise Bug(f"`{name}` is `{known.room}` and `{room}`: a name stands for one place")
        if _size(_Room(room, type_.dtype.bits)) > _size(known):
            found[name] = _Room(room, type_.dtype.bits)
    return found


def _placed(kernel: Function) -> Function:
    places = {name: each.start for each in arrange(kernel) for name in each.life.names}
    return replace(kernel, body=tuple(_with_places(kernel.body, places)))


def _with_places(body: Sequence[ast.stmt], places: Mapping[str, int]) -> list[ast.stmt]:
    return [_with_place(each, places) for each in body]


def _with_place(statement: ast.stmt, places: Mapping[str, int]) -> ast.stmt:
    match statement:
        case ast.For(target, iterator, body, orelse):
            made = ast.For(target, iterator, _with_places(body, places), orelse, lineno=getattr(statement, "lineno", 0))
        case ast.While(test, body, orelse):
            made = ast.While(test, _with_places(body, places), orelse)
        case ast.If(test, body, orelse):
            made = ast.If(test, _with_places(body, places), _with_places(orelse, places))
        case ast.AnnAssign(target=ast.Name(name) as target, value=value) if name in places:
            ((_, _, type_),) = declared([statement])
            room = room_of(type_)
            if room is None:
                raise Bug(f"`{ast.unparse(statement)}` has no room")
            annotation = annotation_of(with_room(type_, replace(room, at=places[name])))
            made = ast.AnnAssign(target, annotation, value, 1)
        case _:
            return statement
    return stamp(made, origin_of(statement))


def _first_gap(beside: Sequence[Region], size: int, align: int) -> int:
    start = 0
    for each in sorted(beside, key=lambda region: region.start):
        if start + size <= each.start:
            break
        start = max(start, -(-each.end // align) * align)
    return start


def _size(room: _Room) -> int:
    return room.room.nbytes(room.bits)


def _alignment(space: str) -> int:
    found = a2a3().space(space)
    return found.align if found is not None else 1


def _limit(space: str) -> int:
    found = a2a3().space(space)
    return found.limit or 0 if found is not None else 0


def _overflow(kernel: Function, region: Region, together: Sequence[Region], rooms: Mapping[str, _Room]) -> Refused:
    """What lies in the memory when `region` finds no room in it, the largest first."""
    space, limit = region.space, _limit(region.space)
    needed = sum(each.size for each in together)
    listed = sorted(together, key=lambda each: -each.size)
    notes = [f"{_named(each)}: {each.size} bytes{_room_text(each, rooms)}" for each in listed[:8]]
    notes += [f"and {len(listed) - 8} more" for _ in listed[8:9]]
    return Refused(
        "pto.ub-overflow" if space == "ub" else "pto.buffer-overflow",
        f"the tiles in use at once in `{kernel.name}` need {needed} bytes of {space.upper()}, which has {limit}",
        span=origin_of(region.life.statement),
        notes=tuple(notes),
        help=(_smaller(kernel, together, rooms, limit),),
    )


def _smaller(kernel: Function, together: Sequence[Region], rooms: Mapping[str, _Room], limit: int) -> str:
    """A size of tiles with which all of the kernel finds its places: fewer rows, else fewer columns."""
    crowd = [rooms[name] for each in together for name in each.life.names]
    for axis in ("rows", "columns"):
        whole = max(getattr(each.room, axis) for each in crowd)
        count = whole // 2
        while count >= 1:
            smaller = {name: _scaled(room, axis, whole, count) for name, room in rooms.items()}
            if _arranged(kernel, smaller) is not None:
                needed = sum(max(_size(smaller[name]) for name in each.life.names) for each in together)
                return f"take {count} {axis} at a time instead of {whole}: that would need {needed} bytes"
            count //= 2
    return f"make the tiles smaller: {limit / sum(each.size for each in together):.0%} of their size would fit"


def _scaled(room: _Room, axis: str, whole: int, count: int) -> _Room:
    """The room of a tile of fewer rows or columns, if it has as many as are to become fewer."""
    if getattr(room.room, axis) != whole:
        return room
    along = "rows" if room.room.form == "dn" else "columns"
    unit = ROW * 8 // (1 if room.room.form == "bits" else room.bits) if axis == along else 1
    unit = max(unit, BOX_ROWS) if room.room.form in ("nz", "zn", "zz") else unit
    return replace(room, room=replace(room.room, **{axis: -(-count // unit) * unit}))


def _named(region: Region) -> str:
    span = origin_of(region.life.statement)
    line = f" (line {span.line})" if span is not None else ""
    return f"`{', '.join(region.life.names)}`{line}"


def _room_text(region: Region, rooms: Mapping[str, _Room]) -> str:
    largest = max((rooms[name] for name in region.life.names), key=_size)
    return f", {largest.room.rows} x {largest.room.columns} of {largest.bits} bits"
