"""`pto.overlap`: loops that bring tiles nearer and compute take two turns at a time, so that the pipes overlap.

Knows loops and names; does not know places. The second turn has tiles of its own: while the first computes, the second
loads. A last turn without a partner is a branch not taken. Loops within loops may both do so: one brings operands to
the chip, one to the unit.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.liveness import loads, writes
from htp.lowering.build import expression
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp_backend_pto.forms import Bounded, Overlapped, Selected
from htp_backend_pto.lower.blocks import exposed, with_blocks
from htp_backend_pto.lower.place.place import fitting
from htp_backend_pto.lower.units import walk
from htp_backend_pto.steps import steps_in
from htp_backend_pto.tiles import declared, room_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.program import Function, Program

__all__ = ["Overlap"]

OPERANDS = ("l0a", "l0b")
"""Memories from which the cube unit multiplies, to which a pipe of its own moves."""


@dataclass(frozen=True)
class Overlap(Pass):
    """Gives the loads and stores of a loop two buffers, where both fit and no value goes from one turn to the next."""

    name = "pto.overlap"
    requires = (Selected(isa="pto"), Bounded())
    provides = (Overlapped(),)

    def apply(self, program: Program) -> Program:
        """Every kernel by itself."""
        kernels = [each for each in program.functions if each.kind == "kernel"]
        return program.replace(*(_overlapped(each) for each in kernels))


def _overlapped(kernel: Function) -> Function:
    """The kernel with all loops twofold that have room, the innermost first."""
    chosen: frozenset[int] = frozenset()
    for loop in _loops(kernel.body):
        more = chosen | {id(loop)}
        if _streams(loop) and fitting(replace(kernel, body=_written(kernel.body, more)), streams="loops") is not None:
            chosen = more
    return replace(kernel, body=_written(kernel.body, chosen)) if chosen else kernel


def _loops(body: Sequence[ast.stmt]) -> Iterator[ast.For]:
    """All loops, those in others before these."""
    for statement in body:
        if isinstance(statement, ast.For | ast.While | ast.If):
            yield from _loops([*statement.body, *statement.orelse])
        if isinstance(statement, ast.For):
            yield statement


def _written(body: Sequence[ast.stmt], chosen: frozenset[int]) -> tuple[ast.stmt, ...]:
    """The statements with the chosen loops twofold."""
    found: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.For | ast.While | ast.If):
            inner = list(_written(statement.body, chosen))
            made = with_blocks(statement, inner, list(_written(statement.orelse, chosen)))
            found.append(_twofold(made) if id(statement) in chosen and isinstance(made, ast.For) else made)
        else:
            found.append(statement)
    return tuple(found)


def _streams(loop: ast.For) -> bool:
    """Whether a loop's turns themselves bring tiles nearer, something computes, and no value is taken along.

    Which way it counts has to be known.
    """
    steps = [*steps_in(loop.body)]
    moved = [each for each in steps if _moves(each.instruction.name, each.statement)]
    own = {id(each) for each in loop.body}
    near = any(id(each.statement) in own for each in moved) and len(moved) < len(steps)
    step = _three(loop.iter.args if isinstance(loop.iter, ast.Call) else [])[2]
    return near and _constant(step) != 0 and not _carried(loop.body)


def _moves(instruction: str, statement: ast.stmt) -> bool:
    """Whether a statement loads a tile, or moves one to where the cube unit multiplies."""
    if instruction.startswith(("mov", "extract")):
        rooms = [room_of(type_) for _, _, type_ in declared([statement])]
        return any(each is not None and each.space in OPERANDS for each in rooms)
    return instruction.startswith("load")


def _carried(body: Sequence[ast.stmt]) -> frozenset[str]:
    """What a turn uses before it makes it, but for sums that stay in the cube unit's own memory."""
    return (exposed(body) & {name for each in walk(body) for name in writes(each)}) - _kept(body)


def _kept(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Tiles that an instruction changes where they are, turn after turn."""
    return frozenset(each.result for each in steps_in(body) if each.result is not None and each.shared == each.result)


def _sums(body: Sequence[ast.stmt]) -> frozenset[str]:
    """Sums that go from turn to turn; one that a turn begins and ends is its own."""
    return _kept(body) & exposed(body)


def _twofold(loop: ast.For) -> ast.stmt:
    """The loop with two turns in one: the second behind a test that there is one."""
    start, stop, step = _three(loop.iter.args if isinstance(loop.iter, ast.Call) else [])
    if not isinstance(loop.target, ast.Name):
        return loop
    variable = loop.target.id
    later = expression(sym(variable) + _constant(step))
    taken = {name for each in walk(loop.body) for name in (*loads(each), *writes(each))}
    renamed = {name: _fresh(f"{name}_next", taken) for name in sorted(_own(loop.body) - _sums(loop.body))}
    second = [_Second(variable, later, renamed).visit(copy.deepcopy(each)) for each in loop.body]
    # Nodes of their own: a loop around this one renames what it finds, once in each place.
    before = ast.Lt() if _constant(step) > 0 else ast.Gt()
    there = ast.If(ast.Compare(copy.deepcopy(later), [before], [copy.deepcopy(stop)]), second, [])
    iterator = ast.Call(ast.Name("range", ast.Load()), [start, stop, ast.Constant(2 * _constant(step))], [])
    made = ast.For(loop.target, iterator, [*loop.body, there], [], lineno=getattr(loop, "lineno", 0))
    return stamp(made, origin_of(loop))


def _own(body: Sequence[ast.stmt]) -> set[str]:
    """What a turn assigns itself, tiles and numbers: loops in it have the same tiles in both turns."""
    found: set[str] = set()
    for each in body:
        if isinstance(each, ast.If):
            found |= _own([*each.body, *each.orelse])
        elif not isinstance(each, ast.For | ast.While):
            found |= writes(each)
    return found


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_next"
    taken.add(name)
    return name


def _three(bounds: Sequence[ast.expr]) -> tuple[ast.expr, ast.expr, ast.expr]:
    match list(bounds):
        case [stop]:
            return ast.Constant(0), stop, ast.Constant(1)
        case [start, stop]:
            return start, stop, ast.Constant(1)
        case [start, stop, step, *_]:
            return start, stop, step
        case _:
            return ast.Constant(0), ast.Constant(0), ast.Constant(1)


def _constant(step: ast.expr) -> int:
    """A step that is known; zero for others."""
    try:
        value = ast.literal_eval(step)
    except ValueError:
        return 0
    return value if isinstance(value, int) else 0


class _Second(ast.NodeTransformer):
    """The statements of one turn as those of the next: the loop's variable is one step further, tiles have other names.

    Sizes in annotations are text, in which the variable is replaced too.
    """

    def __init__(self, variable: str, later: ast.expr, renamed: Mapping[str, str]) -> None:
        self.variable = variable
        self.later = later
        self.renamed = renamed

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id == self.variable:
            return copy.deepcopy(self.later)
        return ast.Name(self.renamed.get(node.id, node.id), node.ctx)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = _Sizes(self).visit(node.annotation)
        node.target = self.visit(node.target)
        if node.value is not None:
            node.value = self.visit(node.value)
        return node


class _Sizes(ast.NodeTransformer):
    def __init__(self, names: _Second) -> None:
        self.names = names

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str) or not any(each.isalpha() for each in node.value):
            return node
        text = ast.unparse(self.names.visit(ast.parse(node.value, mode="eval").body))
        return ast.Constant(text)
