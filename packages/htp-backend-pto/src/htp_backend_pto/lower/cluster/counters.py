"""Numbers that a process counts up with every token, as what they are in a turn of a loop.

Knows `i = 0`, and `i = i + 64` at the end of a loop's body; does not know what is counted.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.liveness import loads, writes
from htp.lowering.build import expression
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp_backend_pto.lower.cluster.nests import Turns

__all__ = ["counted"]


def counted(
    body: Sequence[ast.stmt], before: Sequence[ast.stmt], behind: Sequence[ast.stmt], turns: Turns
) -> list[ast.stmt]:
    """The body of a loop, in which numbers that go up with its variable are that variable."""
    made = list(body)
    for name, first in _starts(before).items():
        heads = [each for each in made if _copy(each) == name]
        ends = [each for each in made if name in writes(each)]
        uses = [each for each in (*made, *behind) if name in loads(each)]
        if len(heads) != 1 or len(ends) != 1 or uses != heads or ends[0] is not made[-1]:
            continue
        local = min(writes(heads[0]))
        step = _step(ends[0], local)
        value = _value(turns, first, step)
        if value is None or any(local in writes(each) for each in made if each is not heads[0]):
            continue
        new = ast.Assign([ast.Name(local, ast.Store())], expression(value), lineno=0)
        made = [stamp(new, origin_of(each)) if each is heads[0] else each for each in made if each is not ends[0]]
        if first >= 0:
            made = _Clipped(local).statements(made)
    return made


class _Clipped(Rewriter):
    """`clip_index(i + 64, n)` becomes `min(i + 64, n)` where `i` is 0 or more."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """A call."""
        match node:
            case ast.Call(func=ast.Name("clip_index"), args=[bound, size]) if self.counts(bound):
                return ast.Call(ast.Name("min", ast.Load()), [bound, size], [])
            case _:
                return self.generic_visit(node)

    def counts(self, bound: ast.expr) -> bool:
        """Whether a bound is the number, or more."""
        match bound:
            case ast.Name(id=name):
                return name == self.name
            case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=int(more))):
                return name == self.name and more >= 0
            case _:
                return False


def _value(turns: Turns, first: int, step: int | None) -> Expr | None:
    if step is None or step % turns.step:
        return None
    return (sym(turns.variable) - turns.start).scaled(step // turns.step) + first


def _starts(body: Sequence[ast.stmt]) -> dict[str, int]:
    """The numbers that have a constant value behind the statements."""
    found: dict[str, int] = {}
    for each in body:
        for name in writes(each):
            found.pop(name, None)
        match each:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=int(value))) if not isinstance(
                value, bool
            ):
                found[name] = value
            case _:
                pass
    return found


def _copy(statement: ast.stmt) -> str:
    """The number to which a statement gives one more name."""
    match statement:
        case ast.AnnAssign(target=ast.Name(), value=ast.Name(id=name)):
            return name
        case _:
            return ""


def _step(statement: ast.stmt, local: str) -> int | None:
    """By how much `i = i_1 + 64` counts on."""
    match statement:
        case (
            ast.Assign(value=ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=int(step))))
            | ast.AnnAssign(value=ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=int(step))))
        ) if name == local:
            return step
        case _:
            return None
