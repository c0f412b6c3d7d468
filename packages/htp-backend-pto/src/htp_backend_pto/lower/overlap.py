"""`pto.overlap`: loops that load, compute and store take two turns at a time, so that the pipes overlap.

Knows loops and names; does not know places. The second turn has tiles of its own: while the first computes, the second
loads. A last turn without a partner is a branch not taken.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.passes import Pass
from htp.program import origin_of, stamp
from htp_backend_pto.forms import Bounded, Overlapped, Selected
from htp_backend_pto.lower.place.place import fitting
from htp_backend_pto.steps import step_of
from htp_backend_pto.tiles import declared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Function, Program

__all__ = ["Overlap"]


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
    made = replace(kernel, body=tuple(_block(kernel.body)))
    return kernel if fitting(made, streams=True) is None else made


def _block(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    found: list[ast.stmt] = []
    for statement in body:
        match statement:
            case ast.For(target, iterator, inner, orelse) if not _streams(statement):
                made = ast.For(target, iterator, _block(inner), orelse, lineno=getattr(statement, "lineno", 0))
                found.append(stamp(made, origin_of(statement)))
            case ast.For():
                found.append(_twofold(statement))
            case _:
                found.append(statement)
    return found


def _streams(loop: ast.For) -> bool:
    """Whether a loop's turns load and compute, with nothing but such statements in it, and no value is taken along."""
    if any(isinstance(each, (ast.For, ast.While, ast.If)) for each in loop.body):
        return False
    steps = [step for step in map(step_of, loop.body) if step is not None]
    loads = [each for each in steps if each.instruction.name.startswith("load")]
    return bool(loads) and len(loads) < len(steps) and not _carried(loop.body)


def _carried(body: Sequence[ast.stmt]) -> set[str]:
    """What a turn uses before it makes it, but for sums that stay in the cube unit's own memory."""
    made: set[str] = set()
    found: set[str] = set()
    names = _names(body)
    for statement in body:
        value = getattr(statement, "value", None)
        used = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} if value is not None else set[str]()
        step = step_of(statement)
        kept = step.shared if step is not None and step.shared == step.result else None
        found |= (used & names) - made - {kept}
        if isinstance(statement, (ast.AnnAssign, ast.Assign)):
            target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
            made |= {target.id} if isinstance(target, ast.Name) else set()
    return found


def _twofold(loop: ast.For) -> ast.stmt:
    """The loop with two turns in one: the second behind a test that there is one."""
    bounds = loop.iter.args if isinstance(loop.iter, ast.Call) else []
    start, stop, step = _three(bounds)
    if not isinstance(loop.target, ast.Name):
        return loop
    variable = loop.target.id
    later = ast.BinOp(ast.Name(variable, ast.Load()), ast.Add(), step)
    own = _names(loop.body) - _kept(loop.body)
    renamed = {name: f"{name}_next" for name in own}
    second = [_Second(variable, later, renamed).visit(copy.deepcopy(each)) for each in loop.body]
    there = ast.If(ast.Compare(later, [ast.Lt()], [stop]), second, [])
    iterator = ast.Call(ast.Name("range", ast.Load()), [start, stop, _doubled(step)], [])
    made = ast.For(loop.target, iterator, [*loop.body, there], [], lineno=getattr(loop, "lineno", 0))
    return stamp(made, origin_of(loop))


def _names(body: Sequence[ast.stmt]) -> set[str]:
    """What the statements assign: tiles and numbers."""
    targets = [target for each in body if isinstance(each, ast.Assign) for target in each.targets]
    return {name for _, name, _ in declared(body)} | {each.id for each in targets if isinstance(each, ast.Name)}


def _kept(body: Sequence[ast.stmt]) -> set[str]:
    """Tiles that an instruction changes where they are, turn after turn."""
    steps = [step for step in map(step_of, body) if step is not None]
    return {each.result for each in steps if each.result is not None and each.shared == each.result}


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


def _doubled(step: ast.expr) -> ast.expr:
    if isinstance(step, ast.Constant) and isinstance(step.value, int):
        return ast.Constant(2 * step.value)
    return ast.BinOp(ast.Constant(2), ast.Mult(), step)


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
