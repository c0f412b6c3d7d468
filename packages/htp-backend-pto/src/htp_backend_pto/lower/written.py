"""What is wrong with the memories that a program says its tiles lie in, before the compiler chooses them.

Knows rooms as they are written with a tile's type, and the memories of instructions; chooses none.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from msgspec import structs

from htp.diagnostics import Refused
from htp.foreign import intrinsic_called, intrinsic_named
from htp.program import origin_of
from htp_backend_pto.isa import INSTRUCTIONS
from htp_backend_pto.tiles import declared, room_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.program import Function, Program
    from htp_backend_pto.layouts import OnChip

__all__ = ["misplaced"]

SET = "pto."


def misplaced(program: Program) -> Iterator[Refused]:
    """Rooms that do not hold their values, and operands in memories from which an instruction does not take them."""
    for function in program.functions:
        rooms: dict[str, OnChip] = {}
        for statement, name, type_ in declared(function.body):
            room = room_of(type_)
            if room is None:
                continue
            rooms[name] = room
            shape = tuple(1 if each.constant is None else each.constant for each in type_.dims)
            for found in room.check(shape, type_.dtype.bits):
                yield Refused.of(structs.replace(found, span=origin_of(statement)))
            yield from _result(statement, name, room)
        if rooms:
            yield from _operands(function, rooms)


def _result(statement: ast.AnnAssign, name: str, room: OnChip) -> Iterator[Refused]:
    """A room to which the instruction that makes the tile does not bring it."""
    called = intrinsic_called(statement.value) if isinstance(statement.value, ast.Call) else None
    intrinsic = intrinsic_named(called) if called is not None and called.startswith(SET) else None
    if intrinsic is None:
        return
    spaces = dict.fromkeys(each.spaces[0] for each in INSTRUCTIONS[intrinsic.name.removeprefix(SET)].routes)
    if room.space not in spaces:
        where = " or ".join(each.upper() for each in spaces)
        yield Refused(
            "pto.wrong-memory",
            f"`{intrinsic.name}` gives a tile in {where}, and `{name}` is `{room}`",
            span=origin_of(statement),
            help=f"write the type of `{name}` without a room: the compiler finds one, and the way there",
        )


def _operands(function: Function, rooms: Mapping[str, OnChip]) -> Iterator[Refused]:
    for node in (each for statement in function.body for each in ast.walk(statement)):
        name = intrinsic_called(node) if isinstance(node, ast.Call) else None
        intrinsic = intrinsic_named(name) if name is not None and name.startswith(SET) else None
        if intrinsic is None or not isinstance(node, ast.Call):
            continue
        given = dict(zip((each.name for each in intrinsic.signature.formals), node.args, strict=False))
        given |= {each.arg: each.value for each in node.keywords if each.arg is not None}
        instruction = INSTRUCTIONS[intrinsic.name.removeprefix(SET)]
        for index, operand in enumerate(instruction.tiles):
            value = given.get(operand.name)
            room = rooms.get(value.id) if isinstance(value, ast.Name) else None
            spaces = dict.fromkeys(each.spaces[index] for each in instruction.routes)
            forms = operand.forms
            if room is None or not isinstance(value, ast.Name):
                continue
            if room.space in spaces and (not forms or room.form in forms):
                continue
            where = " or ".join(each.upper() for each in spaces)
            yield Refused(
                "pto.wrong-memory",
                f"`{intrinsic.name}` takes `{operand.name}` from {where}, and `{value.id}` is `{room}`",
                span=origin_of(node),
                help=f"write `pto.mov({value.id})` in its place, which brings it there"
                if len(spaces) == 1
                else f"write the type of `{value.id}` without a room: the compiler finds one",
            )
