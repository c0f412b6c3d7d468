"""Which loops have iterations that do not depend on each other.

Knows memory regions and loop-carried variables; does not know threads or tasks.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, const
from htp.effects import has_effect
from htp.infer.values import Index
from htp.liveness import Liveness, writes
from htp.names import STREAMS

if TYPE_CHECKING:
    from htp.infer.state import Inference
    from htp.infer.values import Access
    from htp.program import Function

__all__ = ["Independence", "is_range"]


class Independence:
    """Answers for the loops of one function in normal form."""

    def __init__(self, function: Function, known: Inference) -> None:
        self.known = known
        self.live = Liveness(function.body)

    def nest(self, loop: ast.For) -> list[ast.For]:
        """The loop and the loops perfectly nested in it, as far as all are independent."""
        found: list[ast.For] = []
        outer: set[str] = set()
        while is_range(loop) and self.independent(loop) and not outer & _names(loop.iter):
            found.append(loop)
            outer |= _names(loop.target)
            if len(loop.body) != 1 or not isinstance(loop.body[0], ast.For):
                break
            loop = loop.body[0]
        return found

    def independent(self, loop: ast.For) -> bool:
        """Whether no iteration reads or overwrites what another one writes."""
        changed = {name for each in loop.body for name in writes(each)}
        if changed & (self.live.before(loop) | self.live.behind(loop)) or _is_ordered(loop):
            return False
        inside = {id(node) for node in ast.walk(loop)}
        accesses = [each for each in self.known.accesses if id(each.node) in inside]
        roots = {each.root for each in accesses if each.writes}
        symbol, step = self._variable(loop)
        return step > 0 and all(
            _disjoint([each for each in accesses if each.root == root], symbol, step, loop) for root in roots
        )

    def _variable(self, loop: ast.For) -> tuple[Expr, int]:
        known = self.known.of(loop.target)
        symbol = known.value if isinstance(known, Index) else const(0)
        arguments = loop.iter.args if isinstance(loop.iter, ast.Call) else []
        step = self.known.of(arguments[2]) if len(arguments) == 3 else Index(const(1))
        return symbol, (step.value.constant or 0) if isinstance(step, Index) else 0


def _disjoint(accesses: list[Access], symbol: Expr, step: int, loop: ast.For) -> bool:
    """Whether along some dimension every iteration keeps to an interval of its own."""
    rank = len(accesses[0].box.start)
    return any(_own_interval(accesses, axis, symbol, step, loop) for axis in range(rank))


def _own_interval(accesses: list[Access], axis: int, symbol: Expr, step: int, loop: ast.For) -> bool:
    first = next(each for each in accesses if each.writes)
    start = first.box.start[axis]
    (name,) = symbol.symbols
    factor = (start.substitute({name: symbol + 1}) - start).constant
    if factor is None or factor <= 0:
        return False
    for low in (start - symbol * factor, const(0)):
        if _bound_inside(low, loop):
            continue
        if all(_within(each, axis, symbol * factor + low, factor * step) for each in accesses):
            return True
    return False


def _bound_inside(low: Expr, loop: ast.For) -> bool:
    """Whether the offset changes from one iteration to the next."""
    return bool(low.symbols & {name for each in loop.body for name in writes(each)} | low.symbols & _names(loop.target))


def _within(access: Access, axis: int, low: Expr, width: int) -> bool:
    start, extent = access.box.start[axis], access.box.extent[axis]
    facts = access.facts
    if not access.box.kept[axis] and not facts.nonnegative(start):
        return False  # a negative position counts from the end: another iteration may mean the same place
    return facts.nonnegative(start - low) and facts.nonnegative(low + width - (start + extent))


def is_range(loop: ast.For) -> bool:
    """Whether the loop runs over a plain `range` with one name."""
    call = loop.iter
    plain = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"
    return plain and isinstance(loop.target, ast.Name)


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _is_ordered(loop: ast.For) -> bool:
    """Whether something in the loop shows in which order iterations run: printing, effects, channels."""
    calls = [each for each in ast.walk(loop) if isinstance(each, ast.Call)]
    words = any(isinstance(each.func, ast.Name) and each.func.id in STREAMS for each in calls)
    return words or any(has_effect(each) for each in calls if isinstance(each.func, ast.Attribute))
