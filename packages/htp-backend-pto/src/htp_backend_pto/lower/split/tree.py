"""The routine that a function becomes, as a tree: what stays in it, its loops, and the runs that become kernels.

Knows which loops stay in the routine; does not write anything.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.dims import Expr, sym
from htp.independence import Independence, is_range
from htp.infer.values import Region, Value
from htp.liveness import loads, writes
from htp.names import TASKS
from htp_backend_pto.lower.blocks import exposed
from htp_backend_pto.lower.sites import site_of
from htp_backend_pto.lower.split.numbers import computing, read_by
from htp_backend_pto.lower.split.order import Node, Run, grouped, node_of
from htp_backend_pto.lower.split.sink import sink
from htp_backend_pto.lower.translate import spelled_symbols
from htp_backend_pto.lower.units import Units, called, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from htp.infer.state import Inference
    from htp.program import Function, Program

__all__ = ["Item", "Nest", "Tree", "runs_of"]


@dataclass
class Nest:
    """A loop or branch that stays in the routine."""

    statement: ast.stmt
    body: list[Item] = field(default_factory=list["Item"])
    orelse: list[Item] = field(default_factory=list["Item"])


Item = Run | Nest | ast.stmt


class Tree:
    """`items` are what the function's body becomes; `made` the tiles that every kernel makes anew."""

    def __init__(self, program: Program, function: Function, known: Inference) -> None:
        self.known = known
        self.body = function.body
        self.units = Units(function, known)
        self.loops = Independence(function, known)
        self.spelled = spelled_symbols(function.body, known)
        self.kernels = frozenset(each.name for each in program.functions)
        self.types = _tile_types(function, known)
        self.buffers = frozenset(known.roots) - {each.name for each in function.params}
        self.made: dict[str, ast.stmt] = {}
        self.tasks: dict[int, ast.stmt] = {}
        """What is told of the task that a call is, by the call's statement."""
        self.items = self.block(function.body, free=True, top=True)

    def runs(self) -> list[Run]:
        """Every run, in order."""
        return list(runs_of(self.items))

    def outer(self, value: Expr) -> Expr:
        """An integer in the names of variables."""
        return value.substitute({each: sym(self.spelled[each]) for each in value.symbols if each in self.spelled})

    def needed(self, run: Run) -> list[ast.stmt]:
        """The statements that make the tiles anew that a run reads, in order."""
        wanted: dict[str, ast.stmt] = {}

        def want(names: frozenset[str]) -> None:
            for name in sorted(names & self.made.keys() - wanted.keys()):
                want(loads(self.made[name]))
                wanted.setdefault(name, self.made[name])

        for each in walk(run.statements):
            want(loads(each) if not isinstance(each, ast.For | ast.While | ast.If) else frozenset())
        order = {name: number for number, name in enumerate(self.made)}
        return [wanted[name] for name in sorted(wanted, key=order.__getitem__)]

    def numbers(self, run: Run) -> list[ast.stmt]:
        """The statements that compute the numbers which a run changes and something behind it reads."""
        inside = list(walk(run.statements))
        counted = frozenset(name for each in inside if isinstance(each, ast.For) for name in writes(each.target))
        changed = frozenset(name for each in inside for name in writes(each)) - self.types.keys() - counted
        if not changed:
            return []
        own = {id(each) for each in inside}
        read = frozenset(name for each in walk(self.body) if id(each) not in own for name in read_by(each))
        loops = (each for each in walk(self.body) if isinstance(each, ast.For | ast.While) and id(each) not in own)
        repeated = any(id(each) in own for loop in loops for each in loop.body)
        return computing(changed & (read | exposed(run.statements) if repeated else read), run.statements)

    def loaded(self, statement: ast.stmt) -> frozenset[str]:
        """The arrays from which a statement's kernel loads tiles anew."""
        values = (each.value for each in self.needed(Run("vector", [statement])) if isinstance(each, ast.AnnAssign))
        known = (self.known.types.get(id(each)) for each in values)
        return frozenset(each.root for each in known if isinstance(each, Region))

    def stored(self, statement: ast.stmt) -> frozenset[str]:
        """The arrays that a statement, or one in it, stores to."""
        inside = {id(each) for each in ast.walk(statement)}
        return frozenset(each.root for each in self.known.accesses if each.writes and id(each.node) in inside)

    def block(self, body: Sequence[ast.stmt], *, free: bool, top: bool = False) -> list[Item]:
        """The items of a block of the routine; `free` says that no dependent loop is around it."""
        left: list[ast.stmt] = []
        told: ast.stmt | None = None
        for each in body:
            if self.units.anew(each) and isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                self.made[each.target.id] = each
            elif _is_task(each):
                told = each
            else:
                left.append(each)
                if self.is_call(each):
                    site = site_of(each)
                    task = told or (site.task if site is not None else None)
                    if task is not None:
                        self.tasks[id(each)], told = task, None
        spread = free and (top or all(isinstance(each, ast.For) or not self.units.units(each) for each in left))
        nests: dict[int, Nest] = {}
        nodes: list[Node] = []
        for each in left:
            units = self.units.units(each)
            if isinstance(each, ast.For | ast.While | ast.If) and self.stays(each, spread=spread):
                nests[id(each)] = self.nest(each, free=free)
                nodes.append(node_of(each, None, self.known))
            else:
                nodes.append(node_of(each, min(units) if units else None, self.known, self.loaded(each)))
        items = [nests.get(id(each), each) if isinstance(each, ast.stmt) else each for each in grouped(nodes)]
        sink(items, self)
        return items

    def nest(self, statement: ast.For | ast.While | ast.If, *, free: bool) -> Nest:
        """A loop or branch of the routine."""
        free = free and (isinstance(statement, ast.If) or self.independent(statement) or self.hosts(statement))
        body = self.block(statement.body, free=free)
        orelse = self.block(statement.orelse, free=free) if isinstance(statement, ast.If) else []
        return Nest(statement, body, orelse)

    def stays(self, statement: ast.For | ast.While | ast.If, *, spread: bool) -> bool:
        """Whether a compound statement belongs to the routine."""
        units = self.units.units(statement)
        if len(units) != 1 or self.hosts(statement):
            return True
        if isinstance(statement, ast.If):
            return any(self.stays(each, spread=spread) for each in statement.body if isinstance(each, ast.For))
        return spread and self.independent(statement)

    def independent(self, statement: ast.stmt) -> bool:
        """Whether the turns of a loop do not depend on each other."""
        return isinstance(statement, ast.For) and is_range(statement) and self.loops.independent(statement)

    def is_call(self, statement: ast.stmt) -> bool:
        """Whether it calls a kernel."""
        value = statement.value if isinstance(statement, ast.Expr) else None
        return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in self.kernels

    def hosts(self, statement: ast.stmt) -> bool:
        """Whether something in it is the routine's business: a call, a buffer, an element, an assertion."""
        for each in ast.walk(statement):
            if isinstance(each, ast.Assert):
                return True
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
                if each.func.id in self.kernels or each.func.id in (*TASKS, "empty", "require"):
                    return True
            elif isinstance(each, ast.Call) and called(each) in ("tile.item", "tile.print"):
                return True
        return False


def runs_of(items: Iterable[Item]) -> Iterator[Run]:
    """The runs in items and in what is nested in them."""
    for item in items:
        if isinstance(item, Run):
            yield item
        elif isinstance(item, Nest):
            yield from runs_of((*item.body, *item.orelse))


def _is_task(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and called(statement.value) == "task"


def _tile_types(function: Function, known: Inference) -> dict[str, Value]:
    """The type of every tile variable."""
    found: dict[str, Value] = {}
    for each in walk(function.body):
        if isinstance(each, ast.For | ast.While | ast.If):
            continue
        for node in ast.walk(each):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                value = known.types.get(id(node))
                value = value.value if isinstance(value, Region) and value.root != node.id else value
                if isinstance(value, Value):
                    found.setdefault(node.id, value)
    return found
