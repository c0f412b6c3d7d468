"""Which tiles may be smaller than their channels say, as at an edge: their sizes get names, the others stay exact.

Knows programs in process form and what inference says of the tiles that are sent. A size is exact as long as every
sender of the kernel that receives it provably sends just that.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from htp.diagnostics import Refused
from htp.dims import sym
from htp.infer.ends import is_process
from htp.infer.engine import infer
from htp.infer.values import Region, Value
from htp.program import origin_of
from htp.types import TileType
from htp_dialect_csp.lower.trees import not_compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from htp.diagnostics import Span
    from htp.dims import Expr, Facts
    from htp.infer.state import Inference
    from htp.program import Function, Program
    from htp.types import Param

__all__ = ["with_tails"]

Size: TypeAlias = "tuple[str, str, int]"
"""A kernel, one of its ends, and an axis of what it carries."""
Link: TypeAlias = "tuple[str, str, str, str]"
"""A kernel and an end of it, and another kernel with an end at which its tokens arrive, or leave as they are."""


def with_tails(program: Program) -> Program:
    """The program with a name for every size that differs from token to token.

    Raises:
        Refused: `csp.payload` for a tile that is larger than its channel carries, whatever the sizes are, or that can
            be as far as its size is bounded; `type.*` where the tiles that a process receives do not fit.
    """
    processes = [each for each in program.functions if each.kind == "kernel" and is_process(each)]
    links = [*_links(program, processes), *(link for each in processes for link in _started(program, each))]
    smaller: set[Size] = set()
    while True:
        found = {size for each in processes for size in _sent_smaller(program, each, smaller)}
        found |= {
            (receiver, inp, axis)
            for sender, out, receiver, inp in links
            for kernel, end, axis in found | smaller
            if (kernel, end) == (sender, out)
        }
        if found <= smaller:
            made = program.replace(*(_named(each, smaller) for each in processes))
            for each in processes:
                _check_own(program, each, smaller)
                trial = _named(each, smaller, ("send",))
                infer(made.replace(trial), trial)  # before what it sends is compared, which may only follow from it
            return made
        smaller |= found


def _named(process: Function, sizes: AbstractSet[Size], every: tuple[str, ...] = ()) -> Function:
    """A process in which these sizes have names, and those of all its ends of the directions `every`."""
    return replace(process, params=tuple(_with_names(process, each, sizes, every) for each in process.params))


def _with_names(process: Function, param: Param, sizes: AbstractSet[Size], directions: tuple[str, ...]) -> Param:
    if not param.is_end or not isinstance(param.type, TileType):
        return param
    every = param.direction in directions
    dims = list(param.type.dims)
    for axis, dim in enumerate(dims):
        if dim.constant is not None and (every or (process.name, param.name, axis) in sizes):
            dims[axis] = sym(f"{param.name}_{axis}")
    return replace(param, type=replace(param.type, dims=tuple(dims)))


def _sent_smaller(program: Program, process: Function, smaller: AbstractSet[Size]) -> Iterator[Size]:
    """The sizes of which it cannot be proven that the process sends nothing smaller."""
    trial, known = _tried(program, process, smaller)
    if known is None:
        return
    bounds = {each.name: each.type.dims for each in process.params if isinstance(each.type, TileType)}
    for statement in (node for each in trial.body for node in ast.walk(each) if isinstance(node, ast.stmt)):
        for out, value in _sends(statement):
            sent = known.types.get(id(value))
            if out not in bounds or not isinstance(sent, Value | Region):
                continue
            facts = known.facts_at(statement)
            for axis, (bound, have) in enumerate(zip(bounds[out], sent.dims, strict=False)):
                _check_room(process, out, axis, bound, have, facts, origin_of(statement))
                if bound.constant is not None and not facts.equal(have, bound):
                    yield process.name, out, axis


def _tried(program: Program, process: Function, smaller: AbstractSet[Size]) -> tuple[Function, Inference | None]:
    """A process that may send smaller tiles, and what is known in it.

    Nothing is known yet where it only makes sense once a token that it receives is known to be smaller, which may
    follow from what it sends itself: then its tokens are taken to be of any size.
    """
    for every in (("send",), ("send", "recv")):
        trial = _named(process, smaller, every)
        try:
            return trial, infer(program.replace(trial), trial)
        except Refused:
            continue
    return process, None


def _check_room(
    process: Function, out: str, axis: int, bound: Expr, have: Expr, facts: Facts, place: Span | None
) -> None:
    """Refuses a tile that is larger than its channel carries, or that may be as far as its size is known."""
    largest = facts.upper_bound(have)
    over = bound.constant is not None and largest is not None and largest > bound.constant
    if not facts.nonnegative(have - bound - 1) and (not over or facts.nonnegative(bound - have)):
        return
    carried = next(each.type for each in process.params if each.name == out)
    rank = len(carried.dims) if isinstance(carried, TileType) else 0
    words = ("elements",) if rank == 1 else (*(f"elements along axis {k}" for k in range(rank - 2)), "rows", "columns")
    along = words[axis]
    size = f"up to {largest}" if largest is not None and have.constant is None else have
    raise Refused(
        "csp.payload",
        f"`{out}` of '{process.name}' carries {carried}, and a tile of {size} {along} is sent",
        span=place,
        help=f"send at most {bound} {along} at a time, or make the tiles of the channel larger",
    )


def _sends(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The ends and the values of the sends that are part of a statement itself."""
    own = (each for each in ast.iter_child_nodes(statement) if not isinstance(each, ast.stmt))
    for node in (node for each in own for node in ast.walk(each)):
        match node:
            case ast.Call(func=ast.Name(id="send" | "try_send"), args=[ast.Name(id=out), value]):
                yield out, value
            case _:
                pass


def _links(program: Program, processes: list[Function]) -> Iterator[Link]:
    """The ends of every channel: the kernel and the parameter that send, and those that receive."""
    kernels = {each.name: each for each in processes}
    for routine in (each for each in program.functions if each.kind == "routine"):
        senders: dict[str, tuple[str, str]] = {}
        receivers: dict[str, tuple[str, str]] = {}
        for node in (node for each in routine.body for node in ast.walk(each)):
            match node:
                case ast.Call(func=ast.Name(id=name), args=args) if name in kernels:
                    for param, given in zip(kernels[name].params, args, strict=False):
                        if param.is_end and isinstance(given, ast.Name):
                            held = senders if param.direction == "send" else receivers
                            held[given.id] = (name, param.name)
                case _:
                    pass
        yield from ((*senders[each], *receivers[each]) for each in senders if each in receivers)


def _starts(process: Function) -> Iterator[tuple[str, list[ast.expr]]]:
    """The kernels that a process starts, and what they are given."""
    for node in (node for each in process.body for node in ast.walk(each)):
        match node:
            case ast.Call(func=ast.Name(id="spawn_process"), args=[ast.Name(id=name), *given]):
                yield name, given
            case _:
                pass


def _started(program: Program, process: Function) -> Iterator[Link]:
    """What a process that is started sends its parent sends, and what its parent receives it receives."""
    own = {each.name: each.direction for each in process.params if each.is_end}
    made: dict[str, dict[str, tuple[str, str]]] = {"send": {}, "recv": {}}
    for name, given in _starts(process):
        for param, argument in zip(program.function(name).params, given, strict=True):
            if not param.is_end or not isinstance(argument, ast.Name):
                continue
            if argument.id not in own:
                made[param.direction][argument.id] = (name, param.name)
            elif param.direction == "send":
                yield name, param.name, process.name, argument.id
            else:
                yield process.name, argument.id, name, param.name
    yield from ((*made["send"][each], *made["recv"][each]) for each in made["send"] if each in made["recv"])


def _check_own(program: Program, process: Function, smaller: AbstractSet[Size]) -> None:
    """Refuses smaller tiles on a channel from which the process that made it receives: it takes them to be full."""
    taken = {
        argument.id: node
        for each in process.body
        for node in ast.walk(each)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "token"
        for argument in ast.walk(node)
        if isinstance(argument, ast.Name)
    }
    for name, given in _starts(process):
        for param, argument in zip(program.function(name).params, given, strict=True):
            sends = param.direction == "send" and isinstance(argument, ast.Name) and argument.id in taken
            if sends and any((name, param.name) == each[:2] for each in smaller):
                raise not_compiled(
                    taken[ast.unparse(argument)],
                    f"a receive of tiles that may be smaller than '{ast.unparse(argument)}' carries, "
                    "in the process that made it,",
                    "receive them in a process that is given the channel",
                )
