"""Gangs as kernels: what a task of a cluster is to everything that is emitted but its own file.

Knows what the task takes: the arrays of both processes, and memory for the slots of every channel.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.dims import const
from htp.fresh_names import fresh
from htp.lowering.build import assigned, call, tuple_of
from htp.program import origin_of, stamp
from htp.types import DType, Param, TensorType, dtype_named
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.cluster.reading import no_cluster
from htp_backend_pto.lower.cluster.rows import Divided, divided
from htp_backend_pto.lower.cluster.slots import slots_for
from htp_backend_pto.lower.gangs import channels_of, gangs_of, is_gang, is_member, members_of
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.steps import end_of, steps_in, tile_names
from htp_backend_pto.tiles import room_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program

__all__ = ["Mix", "Ring", "joined"]

ROWS = 32
"""Rows of a slot are a multiple of these: a pop into L1 takes whole boxes."""


@dataclass(frozen=True)
class Ring:
    """The slots of a channel: the parameter of the task that is their memory, and what the pipe is made of."""

    channel: str
    memory: str
    dtype: DType
    rows: int
    columns: int
    slots: int
    flag: int
    to_vector: bool

    @property
    def slot_bytes(self) -> int:
        """Bytes of a slot."""
        return self.rows * self.columns * self.dtype.bits // 8

    @property
    def param(self) -> Param:
        """The parameter; the task writes it, and nobody else ever reads it."""
        dims = (const(self.rows * self.slots), const(self.columns))
        return Param(self.memory, "out", TensorType(self.dtype, dims))


@dataclass(frozen=True)
class Mix:
    """A gang as the kernel of a task, its processes with what they are given, and its channels.

    `divided` are the tiles of which each of the two vector cores has half of the rows, or why none can be.
    """

    kernel: Function
    cube: tuple[Function, dict[str, ast.expr]]
    vector: tuple[Function, dict[str, ast.expr]]
    rings: tuple[Ring, ...]
    divided: Divided

    @property
    def note(self) -> str:
        """What each of the two vector cores does."""
        if self.divided.axes:
            return "each of the two vector cores of a cluster takes half of the rows of every token"
        return f"one of the two vector cores of a cluster does all that is stored, since in {self.divided.why}"


def joined(program: Program) -> tuple[Program, dict[str, Mix]]:
    """The program with a kernel in the place of every gang, and of its processes; memory for slots is its caller's."""
    mixes = {each.name: _mix(program, each) for each in gangs_of(program)}
    if not mixes:
        return program, {}
    taken = {node.id for each in walk(program.main.body) for node in ast.walk(each) if isinstance(node, ast.Name)}

    def given(statement: ast.stmt) -> list[ast.stmt]:
        name = called(statement.value) if isinstance(statement, ast.Expr) else ""
        if name not in mixes or not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
            return [statement]
        made, more = list[ast.stmt](), list[ast.expr]()
        for ring in mixes[name].rings:
            memory = fresh(ring.memory, taken)
            sizes = tuple_of([ring.rows * ring.slots, ring.columns])
            made.append(assigned(memory, call("empty", sizes, ring.dtype.name)))
            more.append(ast.Name(memory, ast.Load()))
        args = [*statement.value.args, *more]
        made.append(ast.Expr(ast.Call(statement.value.func, args, statement.value.keywords)))
        return [stamp(each, origin_of(statement)) for each in made]

    main = replace(program.main, body=tuple(changed(program.main.body, given)))
    functions = [
        mixes[each.name].kernel if is_gang(each) else main if each.name == main.name else each
        for each in program.functions if not is_member(each)
    ]  # fmt: skip
    return replace(program, functions=tuple(functions)), mixes


def _mix(program: Program, gang: Function) -> Mix:
    members = members_of(program, gang)
    cube = next((each for each in members if _is_cube(each[0])), None)
    vector = next((each for each in members if not _is_cube(each[0])), None)
    if cube is None or vector is None:
        raise Bug(f"`{gang.name}` has no process for both units")
    taken = {each.name for each in gang.params}
    rings: list[Ring] = []
    for number, (name, made) in enumerate(channels_of(gang).items()):
        dtype, shape = dtype_named(ast.unparse(made.args[0])), ast.literal_eval(made.args[1])
        capacity = next((ast.literal_eval(each.value) for each in made.keywords if each.arg == "capacity"), 1)
        sends = next(each for each, value in cube[1].items() if ast.unparse(value) == name)
        if dtype is None:
            raise Bug(f"no channel: `{ast.unparse(made)}`")
        to_vector = cube[0].param(sends).direction == "send"
        rows = -(-shape[0] // ROWS) * ROWS
        memory = fresh(f"{name}_slots", taken)
        rings.append(Ring(name, memory, dtype, rows, shape[1], slots_for(capacity), 2 * number, to_vector))
    params = (*gang.params, *(each.param for each in rings))
    for ring in rings:
        _held(ring, (cube, vector) if ring.to_vector else (vector, cube))
    arrays = _whole_rows(program, gang)
    whole = {name for name, given in vector[1].items() if ast.unparse(given) in arrays}
    kernel = replace(gang, kind="kernel", params=params, body=())
    return Mix(kernel, cube, vector, tuple(rings), divided(vector[0], whole))


def _held(ring: Ring, ends: Sequence[tuple[Function, dict[str, ast.expr]]]) -> None:
    """Refuses tokens for whose rows the cores have room of different lengths, which the simulators take for strides.

    Raises:
        Refused: `pto.no-cluster`.
    """
    widths: dict[int, ast.stmt] = {}
    for kernel, given in ends:
        types, mine = tile_names(kernel.body), {name for name, end in given.items() if ast.unparse(end) == ring.channel}
        for step in steps_in(kernel.body):
            tile = step.result if step.instruction.name == "pop" else step.tile("x")
            room = room_of(types[tile]) if tile in types else None
            if room is not None and step.instruction.name in ("pop", "push") and end_of(step) in mine:
                widths[room.columns] = step.statement
    if len(widths) > 1:
        raise no_cluster(
            list(widths.values())[-1],
            f"giving tokens of '{ring.channel}' room for {min(widths)} columns on one core, {max(widths)} on another",
            "write the same bounds of columns at the send and at the receive",
        )


def _whole_rows(program: Program, gang: Function) -> set[str]:
    """The arrays of a gang of which its callers pass no part of a row."""
    found = {each.name for each in gang.params}
    for statement in walk(program.main.body):
        value = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(value, ast.Call) and called(value) == gang.name:
            found -= {param.name for param, given in zip(gang.params, value.args, strict=False) if not _rows(given)}
    return found


def _rows(given: ast.expr) -> bool:
    """Whether an argument has all columns of its array."""
    match given:
        case ast.Name():
            return True
        case ast.Subscript(value=ast.Name(), slice=ast.Tuple(elts=[*_, ast.Slice(lower=None, upper=None, step=None)])):
            return True
        case _:
            return False


def _is_cube(kernel: Function) -> bool:
    from htp_backend_pto.emission.kernels import core_of

    return core_of(kernel) == "aic"
