"""How often a process sends or receives on a channel: the loops around, over the sizes of its network.

Knows loops with bounds that are known before the run; everything else is refused, since a pipe has no end of stream.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.dims import Facts, const, sym
from htp.infer.values import Index, Region, Value
from htp_backend_pto.lower.cluster.reading import no_cluster
from htp_backend_pto.lower.units import called

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Function

__all__ = ["Nest", "Turns", "matched", "sites", "total", "turns_of"]


@dataclass(frozen=True)
class Turns:
    """A loop: its variable, where that starts and stops, and its step."""

    variable: str
    start: Expr
    stop: Expr
    step: int

    @property
    def count(self) -> Expr:
        """How many turns it has, where it has any."""
        return (self.stop - self.start + (self.step - 1)) // const(self.step)

    def within(self, values: Mapping[str, Expr]) -> Turns:
        """The loop in other names."""
        return Turns(self.variable, self.start.substitute(values), self.stop.substitute(values), self.step)


@dataclass(frozen=True)
class Nest:
    """One place where a process sends or receives, the loops around it, and the sizes of what it sends."""

    loops: tuple[Turns, ...]
    sizes: tuple[Expr, ...]
    place: ast.stmt

    def within(self, values: Mapping[str, Expr]) -> Nest:
        """The place in other names."""
        loops = tuple(each.within(values) for each in self.loops)
        return Nest(loops, tuple(each.substitute(values) for each in self.sizes), self.place)


def sites(kernel: Function, known: Inference, word: str, end: str) -> Iterator[Nest]:
    """Where a process says `word` of an end, as it is written; symbols are those of the process.

    Raises:
        Refused: `pto.no-cluster` in a branch, or in a loop that is not over numbers known before the run.
    """
    yield from _sites(kernel.body, known, word, end, (), {})


def _sites(
    body: Sequence[ast.stmt], known: Inference, word: str, end: str, loops: tuple[Turns, ...], names: dict[str, Expr]
) -> Iterator[Nest]:
    for statement in body:
        if isinstance(statement, ast.For | ast.While | ast.If):
            inner = [*statement.body, *(statement.orelse if isinstance(statement, ast.If) else [])]
            if not _says(statement, word, end):
                continue
            if not isinstance(statement, ast.For):
                kind = "branch" if isinstance(statement, ast.If) else "`while` loop"
                raise no_cluster(statement, f"a number of tokens of `{end}` that depends on a {kind}")
            turns = turns_of(statement, known).within(names)
            own = ast.unparse(statement.target)
            inside = {**names, turns.variable: sym(own)}
            yield from _sites(inner, known, word, end, (*loops, replace(turns, variable=own)), inside)
        elif (call := _call(statement, word, end)) is not None:
            value = known.of(call.args[1]) if word == "send" else None
            dims = value.dims if isinstance(value, Value | Region) else ()
            yield Nest(loops, tuple(each.substitute(names) for each in dims), statement)


def turns_of(loop: ast.For, known: Inference) -> Turns:
    """What a loop counts.

    Raises:
        Refused: `pto.no-cluster` where that is not known before the run.
    """
    given = [known.of(each) for each in loop.iter.args] if isinstance(loop.iter, ast.Call) else []
    bounds = [each.value for each in given if isinstance(each, Index)]
    variable = known.of(loop.target)
    if len(bounds) != len(given) or not bounds or not isinstance(variable, Index):
        raise no_cluster(loop, "a loop over numbers that are not known before the run")
    start, stop = (const(0), bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
    step = bounds[2].constant if len(bounds) > 2 else 1
    if step is None or step < 1:
        raise no_cluster(loop, "a loop that does not count up by a constant")
    return Turns(str(variable.value), start, stop, step)


def _call(statement: ast.stmt, word: str, end: str) -> ast.Call | None:
    value = statement.value if isinstance(statement, ast.Expr | ast.AnnAssign | ast.Assign) else None
    if not isinstance(value, ast.Call) or called(value) != word:
        return None
    return value if ast.unparse(value.args[0]) == end else None


def _says(statement: ast.stmt, word: str, end: str) -> bool:
    calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call) and called(node) == word)
    return any(ast.unparse(each.args[0]) == end for each in calls)


def matched(sent: Nest, taken: Nest) -> dict[str, Expr] | None:
    """What the variables of the loops around a send are at the receive that gets the token; none if loops differ."""
    if len(sent.loops) != len(taken.loops):
        return None
    found: dict[str, Expr] = {}
    for one, other in zip(sent.loops, taken.loops, strict=True):
        mine = one.within(found)
        if not same(mine.count, other.count):
            return None
        turn = sym(other.variable) - other.start
        if mine.step % other.step:
            return None
        found[one.variable] = mine.start + turn.scaled(mine.step // other.step)
    return found


def total(nests: Sequence[Nest]) -> Expr | None:
    """How many tokens these places handle; none where the turns of a loop depend on one around it."""
    found = const(0)
    for nest in nests:
        count = const(1)
        variables = {each.variable for each in nest.loops}
        for loop in nest.loops:
            if loop.count.symbols & variables:
                return None
            count = count * loop.count
        found = found + count
    return found


def same(one: Expr, other: Expr) -> bool:
    """Whether two sizes are equal whatever their names stand for."""
    return one == other or Facts().equal(one, other) is True
