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
from htp.infer.engine import infer
from htp.infer.values import Region, Value
from htp.types import TileType

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from htp.program import Function, Program
    from htp.types import Param

__all__ = ["with_tails"]

Size: TypeAlias = "tuple[str, str, int]"
"""A kernel, one of its ends, and an axis of what it carries."""


def with_tails(program: Program) -> Program:
    """The program with a name for every size that differs from token to token."""
    processes = [each for each in program.functions if each.kind == "kernel" and any(p.is_end for p in each.params)]
    links = list(_links(program, processes))
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
            return program.replace(*(_named(each, smaller) for each in processes))
        smaller |= found


def _named(process: Function, sizes: AbstractSet[Size], *, sends: bool = False) -> Function:
    """A process in which these sizes have names; with `sends` those of everything that it sends too."""
    return replace(process, params=tuple(_with_names(process, each, sizes, sends) for each in process.params))


def _with_names(process: Function, param: Param, sizes: AbstractSet[Size], sends: bool) -> Param:
    if not param.is_end or not isinstance(param.type, TileType):
        return param
    every = sends and param.direction == "send"
    dims = list(param.type.dims)
    for axis, dim in enumerate(dims):
        if dim.constant is not None and (every or (process.name, param.name, axis) in sizes):
            dims[axis] = sym(f"{param.name}_{axis}")
    return replace(param, type=replace(param.type, dims=tuple(dims)))


def _sent_smaller(program: Program, process: Function, smaller: AbstractSet[Size]) -> Iterator[Size]:
    """The sizes of which it cannot be proven that the process sends nothing smaller."""
    trial = _named(process, smaller, sends=True)
    try:
        known = infer(program.replace(trial), trial)
    except Refused:  # which is refused again, and said, when the lowered program is checked
        return
    bounds = {each.name: each.type.dims for each in process.params if isinstance(each.type, TileType)}
    for statement in (node for each in trial.body for node in ast.walk(each) if isinstance(node, ast.stmt)):
        for out, value in _sends(statement):
            sent = known.types.get(id(value))
            if out not in bounds or not isinstance(sent, Value | Region):
                continue
            for axis, (bound, have) in enumerate(zip(bounds[out], sent.dims, strict=False)):
                if bound.constant is not None and not known.facts_at(statement).equal(have, bound):
                    yield process.name, out, axis


def _sends(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The ends and the values of the sends that are part of a statement itself."""
    own = (each for each in ast.iter_child_nodes(statement) if not isinstance(each, ast.stmt))
    for node in (node for each in own for node in ast.walk(each)):
        match node:
            case ast.Call(func=ast.Name(id="send" | "try_send"), args=[ast.Name(id=out), value]):
                yield out, value
            case _:
                pass


def _links(program: Program, processes: list[Function]) -> Iterator[tuple[str, str, str, str]]:
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
