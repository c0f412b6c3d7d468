"""Extremes of which no result tells what they give for a NaN: those of softmaxes, in one piece or bit by bit.

`higher = maximum(top, max(x))`, `w = exp(x - higher)`, `total = total * exp(top - higher) + sum(w)`: where a row of x
has a NaN, w has one, so that total is NaN from then on, and with it whatever is divided by it. A whole program is
followed, kernel by kernel in the order of its calls, since the parts of such a row are often different tasks. Where
that cannot be done, as with processes that send each other tiles, kernels are followed one by one, and nothing that
one gives away may tell.
Knows the orchestration of bound programs; kernels are `followed`'s business.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads
from htp_backend_pto.lower.gangs import is_member
from htp_backend_pto.lower.select.followed import PAIRING, REDUCING, Kernel, axis_of
from htp_backend_pto.lower.select.frames import Both, Frame
from htp_backend_pto.lower.select.lost import Known, Lost, Rows
from htp_backend_pto.lower.units import called, walk
from htp_backend_pto.tiles import tile_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program

__all__ = ["silent"]


def silent(program: Program) -> frozenset[int]:
    """The identities of the statements that make such extremes."""
    holds = _together if _together(program, frozenset()) else _apart
    found = [each for one in program.functions if one.kind == "kernel" for each in walk(one.body)]
    chosen = frozenset[int]()
    for names in (REDUCING, PAIRING):
        for each in (each for each in found if _is_extreme(each, names)):
            more = chosen | {id(each)}
            if holds(program, more):
                chosen = more
    return chosen


def _is_extreme(statement: ast.stmt, names: Sequence[str]) -> bool:
    """Whether it makes floats that are extremes: of each row, or of tiles element by element."""
    if not isinstance(statement, ast.AnnAssign) or called(statement.value) not in names:
        return False
    type_ = tile_type(statement.annotation)
    by_row = names is PAIRING or axis_of(statement.value) == "1"
    return type_ is not None and type_.dtype.kind == "float" and by_row


def _together(program: Program, chosen: frozenset[int]) -> bool:
    """Whether all results of a program are the same in both runs; what processes hand each other is not followed."""
    if any(is_member(each) for each in program.functions):
        return False
    try:
        _Routine(Both(chosen, Rows({})), program).block(program.main.body)
    except Lost:
        return False
    return True


def _apart(program: Program, chosen: frozenset[int]) -> bool:
    """Whether all results of every kernel with a chosen extreme are, whoever calls it."""
    for each in program.functions:
        if each.kind == "kernel" and any(id(one) in chosen for one in walk(each.body)):
            try:
                _alone(Kernel(Both(chosen, Rows({})), each))
            except Lost:
                return False
    return True


def _alone(kernel: Kernel) -> None:
    kernel.block(kernel.function.body)
    for each in kernel.function.params:
        if not kernel.known(each.name).same:
            raise Lost


class _Routine(Frame):
    """The orchestration: buffers, and calls of kernels."""

    def __init__(self, run: Both, program: Program) -> None:
        super().__init__(run, program.main, "")
        self.kernels = {each.name: each for each in program.functions if each.kind == "kernel"}
        self.buffers: set[str] = set()

    def statement(self, node: ast.stmt) -> None:
        """A buffer, a call, or numbers."""
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if called(value) == "empty":
                self.buffers.add(name)
                self.run.rows = self.run.rows.having(name, Known())
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as value) if name in self.kernels:
                self.call(self.kernels[name], value)
            case ast.Break() | ast.Continue() | ast.Return():
                raise Lost
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]) if name in self.buffers:
                self.ask(node)
                self.run.rows = self.run.rows.having(name, Known())
            case ast.AnnAssign(value=value) if called(value) == "tile.item":
                self.ask(node)
            case _ if loads(node) & self.buffers:
                raise Lost  # it may be another name for one, or change an element
            case _:
                pass

    def call(self, kernel: Function, node: ast.Call) -> None:
        """One task: whole buffers keep what is known of them; parts and arrays of the caller must not differ."""
        if node.keywords or len(node.args) != len(kernel.params):
            raise Lost
        inner = Kernel(self.run, kernel)
        parts: list[tuple[str, str]] = []
        for param, argument in zip(kernel.params, node.args, strict=True):
            if isinstance(argument, ast.Name) and argument.id in self.buffers:
                inner.arrays[param.name] = argument.id
                continue
            self.ask(argument)
            if param.direction not in ("in", "scalar"):
                parts += [(inner.key(param.name), each) for each in loads(argument)]
        inner.block(kernel.body)
        for key, name in parts:
            if not self.run.rows.of(key).same:
                raise Lost
            if name in self.buffers:
                self.run.rows = self.run.rows.having(name, Known())
        inner.forget(set())
