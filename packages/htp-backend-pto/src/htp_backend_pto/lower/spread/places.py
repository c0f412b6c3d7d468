"""Calls whose worker a schedule says: which loop around them is spread over blocks, and what else stands in it.

Knows statements of routines in task form; does not write kernels.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Label, Refused
from htp.dims import const
from htp.liveness import writes
from htp.names import TASKS
from htp.program import origin_of, stamp
from htp_backend_pto.lower.blocks import exposed, with_blocks
from htp_backend_pto.lower.tidy import alive
from htp_backend_pto.lower.translate import integer
from htp_backend_pto.lower.units import called, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.diagnostics import Span
    from htp.dims import Expr

__all__ = ["Parts", "Place", "bounds_of", "divided", "no_blocks", "places_in", "variable"]


@dataclass(frozen=True)
class Place:
    """A call, what is told of its task, the loops around it from the outermost in, and the expression of its worker.

    `parallel` are the variables of those loops whose turns are independent, `line` is where the schedule says so.
    """

    statement: ast.Expr
    call: ast.Call
    told: ast.Call
    line: Span | None
    loops: tuple[ast.For, ...]
    worker: ast.expr
    parallel: frozenset[str]

    @property
    def kernel(self) -> str:
        """What is called."""
        return called(self.call)

    def said(self, name: str) -> ast.expr | None:
        """An attribute of the task."""
        return next((each.value for each in self.told.keywords if each.arg == name), None)

    @property
    def level(self) -> int:
        """Which loop is spread: the outermost from which in to the last one that the worker depends on all are free.

        Raises:
            Refused: `pto.no-blocks` if one of these is not.
        """
        used = {node.id for node in ast.walk(self.worker) if isinstance(node, ast.Name)}
        names = [variable(each) for each in self.loops]
        last = max((number for number, name in enumerate(names) if name in used), default=len(names) - 1)
        first = last + 1
        while first and names[first - 1] in self.parallel:
            first -= 1
        wanted = min((number for number, name in enumerate(names) if name in used), default=last)
        if first > wanted or not names:
            ordered = next((each for each in names[wanted : last + 1] if each not in self.parallel), "")
            if not names:
                raise no_blocks(self, "no loop is around them")
            fix = f"give workers by loops over `P(…)` alone: `{ordered}` may not stand among them"
            raise no_blocks(self, f"the turns of the loop over `{ordered}` have an order", fix)
        return wanted

    @property
    def stride(self) -> bool:
        """Whether the worker is the number of the turn of the loop that is spread."""
        loop = self.loops[self.level]
        start, _, step = bounds_of(loop)
        one, worker = integer(ast.Name(variable(loop), ast.Load())), integer(self.worker)
        return one is not None and start is not None and worker == (one - start) // step


NUMBERS = "bind a loop over `P(…)` in which nothing stands but numbers, loops and calls of kernels"


def no_blocks(place: Place, why: str, help: str = NUMBERS) -> Refused:
    """The refusal of a worker that no blocks can be made of, with what would help beside what always does."""
    called_at = origin_of(place.statement)
    return Refused(
        "pto.no-blocks",
        f"the tasks of `{place.kernel}` have workers, and cannot become the blocks of one task: {why}",
        span=place.line,
        labels=(Label(span=called_at, text=f"`{place.kernel}` is called here"),) if called_at is not None else (),
        help=(help,
              "leave `bind` and `map` out for this target: the runtime then gives each task to whichever core is free"),
    )  # fmt: skip


def variable(loop: ast.For) -> str:
    """What a loop counts with."""
    return loop.target.id if isinstance(loop.target, ast.Name) else ""


def bounds_of(loop: ast.For) -> tuple[Expr | None, Expr | None, int]:
    """Start, stop and step of a range."""
    given = [integer(each) for each in loop.iter.args] if isinstance(loop.iter, ast.Call) else []
    step = given[2].constant if len(given) == 3 and given[2] is not None else 1
    start, stop = (const(0), given[0]) if len(given) == 1 else (given[0], given[1])
    return start, stop, step or 1


def places_in(body: Sequence[ast.stmt], loops: tuple[ast.For, ...] = ()) -> Iterator[Place]:
    """The calls that have a worker, in order."""
    told: ast.Call | None = None
    line: Span | None = None
    values: dict[str, ast.expr] = {}
    for each in body:
        match each:
            case ast.Expr(value=ast.Call(func=ast.Name(id="task")) as told):
                line = origin_of(each)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if told is not None and name != "require":
                named = {word.arg: word.value for word in told.keywords}
                if "parallel" in named and "worker" in named:
                    free = frozenset(ast.unparse(one) for one in getattr(named["parallel"], "elts", ()))
                    worker = named["worker"]
                    worker = values.get(worker.id, worker) if isinstance(worker, ast.Name) else worker
                    yield Place(each, call, told, line, loops, worker, free)
                told = None
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = value
            case ast.For():
                yield from places_in(each.body, (*loops, each))
            case ast.While() | ast.If():
                yield from places_in(each.body, loops)
                yield from places_in(each.orelse, loops)
            case _:
                pass


@dataclass
class Parts:
    """What stands before a call, the call, and what stands behind it, each in the loops around the call."""

    before: list[ast.stmt] = field(default_factory=list[ast.stmt])
    only: list[ast.stmt] = field(default_factory=list[ast.stmt])
    after: list[ast.stmt] = field(default_factory=list[ast.stmt])


def divided(place: Place) -> Parts:
    """The loop that is spread as three loops: that they may stand one behind the other follows from its turns being
    independent.

    Raises:
        Refused: `pto.no-blocks`.
    """
    whole = place.loops[place.level]
    found = _opened(place, whole)
    parts = Parts(alive(found.before), alive(found.only), alive(found.after))
    ordered = [each for each in place.loops[place.level :] if variable(each) not in place.parallel]
    if ordered and any(each is not place.call for each in _calls([ordered[0]])):
        name = variable(ordered[0])
        fix = f"let one call stand in the loop over `{name}`: leave `unroll` out, or make one kernel of them all"
        raise no_blocks(place, f"other tasks stand with it in the ordered loop over `{name}`", fix)
    carried = exposed(whole.body) & {name for each in walk(whole.body) for name in writes(each)}
    if carried:
        fix = f"compute `{min(carried)}` from the variables of loops"
        raise no_blocks(place, f"`{min(carried)}` goes from one turn to the next", fix)
    _check(place, parts.only)
    return parts


def _divided(place: Place, body: Sequence[ast.stmt]) -> Parts:
    at = next(number for number, each in enumerate(body) if any(node is place.statement for node in ast.walk(each)))
    before = [each for each in body[:at] if not (isinstance(each, ast.Expr) and each.value is place.told)]
    known = [each for each in before if isinstance(each, ast.Assign | ast.AnnAssign | ast.Assert)]
    here = Parts(only=[body[at]]) if body[at] is place.statement else _opened(place, body[at])
    after = _behind(known, [*here.after, *body[at + 1 :]])
    return Parts([*before, *here.before], _behind(known, here.only), after)


def _behind(known: Sequence[ast.stmt], rest: list[ast.stmt]) -> list[ast.stmt]:
    """The statements where numbers are computed again, and what has been checked of them is their condition.

    A core cannot check anything, and what it does may have been simplified by what was checked.
    """
    for each in reversed(copy.deepcopy(known)):
        if not isinstance(each, ast.Assert):
            rest = [each, *rest]
        elif rest and not _of_arrays(each.test):
            rest = [stamp(ast.If(each.test, rest, []), origin_of(each))]
    return rest


def _opened(place: Place, each: ast.stmt) -> Parts:
    match each:
        case ast.For(body=body):
            inner = _divided(place, body)
            made = iter([with_blocks(each, part)] for part in (inner.before, inner.only, inner.after))
        case ast.If(test=test, body=body, orelse=orelse):
            here = any(node is place.statement for one in body for node in ast.walk(one))
            inner, rest = (_divided(place, body), orelse) if here else (_divided(place, orelse), body)
            head = stamp(ast.If(test if here else ast.UnaryOp(ast.Not(), test), [], []), origin_of(each))
            first, only = (with_blocks(head, part) for part in (inner.before, inner.only))
            made = iter(([first], [only], [with_blocks(head, inner.after, rest)]))
        case _:
            raise no_blocks(place, f"it stands in `{ast.unparse(each).splitlines()[0]}`")
    return Parts(*(copy.deepcopy(part) if number == 2 else part for number, part in enumerate(made)))


def _check(place: Place, body: Sequence[ast.stmt]) -> None:
    """Refuses what a kernel cannot do by itself."""
    for each in body:
        match each:
            case ast.For(iter=ast.Call(func=ast.Name(id="range")), body=inner):
                _check_numbers(place, each.iter)
                _check(place, inner)
            case ast.If(test=test, body=inner, orelse=orelse):
                _check_numbers(place, test)
                _check(place, [*inner, *orelse])
            case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value):
                _check_numbers(place, value)
            case ast.Pass():
                pass
            case _ if each is place.statement:
                pass
            case _:
                raise no_blocks(place, f"`{ast.unparse(each).splitlines()[0]}` is the orchestration's, not a core's")


def _check_numbers(place: Place, value: ast.expr) -> None:
    made = _of_arrays(value)
    if "tile.item" in made:
        raise no_blocks(place, "a turn takes a number out of an array, which the orchestration has to do")
    if "empty" in made:
        fix = "make one buffer before the loop, with a part for each turn"
        raise no_blocks(place, "a turn makes a buffer, which the orchestration has to do", fix)


def _of_arrays(value: ast.expr) -> set[str]:
    """What an expression does with arrays, which a core cannot."""
    return {called(node) for node in ast.walk(value) if isinstance(node, ast.Call)} & {"tile.item", "empty"}


def _calls(body: Sequence[ast.stmt]) -> Iterator[ast.Call]:
    for each in (node for statement in body for node in ast.walk(statement)):
        value = each.value if isinstance(each, ast.Expr) else None
        if isinstance(value, ast.Call) and called(value) not in (*TASKS, "require"):
            yield value
