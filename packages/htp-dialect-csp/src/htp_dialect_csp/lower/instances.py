"""Kernels made of processes: one for every way in which a process is used.

Knows signatures: several ends become as many parameters, and payloads are what the channels carry. Bodies are
`processes`' business.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.dims import const
from htp.fresh_names import fresh
from htp.program import Function, stamp
from htp.types import Param, ScalarType
from htp_dialect_csp.lower.ends import End
from htp_dialect_csp.lower.processes import process_body
from htp_dialect_csp.lower.starting import Starts
from htp_dialect_csp.lower.trees import assign, call, effect, load, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.program import Program
    from htp.types import TensorType, TileType
    from htp_dialect_csp.lower.ends import Meaning

    Carried = TensorType | TileType | ScalarType

__all__ = ["Instances"]


@dataclass(frozen=True)
class _Use:
    """A process with what its ends carry, one or several for each parameter that is an end."""

    process: str
    carried: tuple[tuple[Carried, ...], ...]


class Instances:
    """The kernels made so far; `names` also has those that are being made, which a process may start itself."""

    def __init__(self, program: Program) -> None:
        self.functions = {each.name: each for each in program.functions}
        self.constants = {name: const(value) for name, value in program.constants if type(value) is int}
        self.taken = {each.name for each in program.functions if each.kind != "process"}
        self.names: dict[_Use, str] = {}
        self.kernels: dict[_Use, Function] = {}

    def kernel(self, process: Function, carried: Mapping[str, Sequence[Carried]]) -> str:
        """The name of the kernel of a process whose ends carry these types.

        Raises:
            Refused: `csp.not-compiled`.
        """
        use = _Use(process.name, tuple(tuple(each) for each in carried.values()))
        if use not in self.names:
            first = all(each.process != process.name for each in self.names)
            self.names[use] = name = process.name if first else self.fresh(process.name)
            params, ends = _parameters(process, carried)
            types = [each for every in carried.values() for each in every]
            own = dict(zip((each.name for each in params if each.is_end), types, strict=True))
            starts = Starts(self, self.functions, self.constants, own)
            body = process_body(process, ends, (each.name for each in params), starts)
            self.kernels[use] = replace(process, name=name, kind="kernel", params=params, body=body)
        return self.names[use]

    def broadcast(self, carried: Carried, count: int, place: Span) -> str:
        """The name of the kernel of a process that sends what it receives on `count` channels."""
        use = _Use("(broadcast)", ((carried,) * (count + 1),))
        if use not in self.names:
            outs = [f"out{each}" for each in range(count)]
            params = [Param("inp", "recv", carried, place), *(Param(each, "send", carried, place) for each in outs)]
            body = [assign("t", call("token", load("inp"))), *(effect(call("send", load(e), load("t"))) for e in outs)]
            loop = stamp(ast.While(call("advance", load("inp")), body, []), place)
            made = Function(self.fresh("broadcast"), "kernel", tuple(params), (loop,), place)
            self.kernels[use], self.names[use] = made, made.name
        return self.names[use]

    def fresh(self, name: str) -> str:
        """A name that no function has."""
        return fresh(name, self.taken)


def _parameters(
    process: Function, carried: Mapping[str, Sequence[Carried]]
) -> tuple[tuple[Param, ...], dict[str, Meaning]]:
    taken = {each.name for each in process.params} | words_of(process.body)
    sizes = _sizes(process, carried)
    params: list[Param] = []
    ends: dict[str, Meaning] = {}
    for each in process.params:
        if not each.is_end:
            params.append(_sized(each, sizes))
            continue
        types = [_payload(have, each.type) for have in carried[each.name]]
        if not each.several:
            params.append(replace(each, type=types[0]))
            ends[each.name] = End(each.name)
            continue
        names = [fresh(f"{each.name}{k}", taken) for k in range(len(types))]
        params += [replace(each, name=n, type=t, several=False) for n, t in zip(names, types, strict=True)]
        ends[each.name] = tuple(End(name) for name in names)
    return tuple(params), ends


def _sizes(process: Function, carried: Mapping[str, Sequence[Carried]]) -> dict[str, Expr]:
    """The sizes that a process names in its payloads and that its channels give a number."""
    found: dict[str, Expr] = {}
    for each in process.params:
        if not each.is_end or each.type is None or isinstance(each.type, ScalarType):
            continue
        for have in carried[each.name]:
            dims = () if isinstance(have, ScalarType) else have.dims
            pairs = zip(each.type.dims, dims, strict=True)
            found |= {str(want): dim for want, dim in pairs if str(want) in want.symbols and dim.constant is not None}
    return found


def _payload(carried: Carried, declared: Carried | None) -> Carried:
    """What a process receives or sends: sizes that its channel gives no number are called as the process does."""
    if isinstance(carried, ScalarType) or declared is None or isinstance(declared, ScalarType):
        return carried
    pairs = zip(carried.dims, declared.dims, strict=True)
    return replace(carried, dims=tuple(have if have.constant is not None else want for have, want in pairs))


def _sized(param: Param, sizes: Mapping[str, Expr]) -> Param:
    if param.type is None or isinstance(param.type, ScalarType):
        return param
    dims = tuple(each.substitute(dict(sizes)) for each in param.type.dims)
    return replace(param, type=replace(param.type, dims=dims))
