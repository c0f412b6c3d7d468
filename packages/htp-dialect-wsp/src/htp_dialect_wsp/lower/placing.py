"""The attributes of tasks: where each runs, before which others, and what it is called.

Knows directives and the loops around a call; does not know when tasks run.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from htp.capture import extended
from htp.diagnostics import Bug, Refused
from htp.program import stamp
from htp.rewriting import with_origin
from htp_dialect_wsp.directives.trees import assigned_names, built, load, store, substituted
from htp_dialect_wsp.lower.trying import check_integer
from htp_dialect_wsp.places import place_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp_dialect_wsp.lower.directed import Chosen, Directed, Key

__all__ = ["Placing"]


class Placing:
    """Writes the `task(…)` of every call; `program` has the policy's helper in it."""

    def __init__(self, program: Program, workload: Function, directed: Directed, fresh: Callable[[str], str]) -> None:
        self.directed = directed
        self.workload = workload
        self.fresh = fresh
        self.program = program
        self.helper = ""
        policy = directed.policy
        if policy is not None and isinstance(policy.place, str):
            self.helper = policy.place
        elif policy is not None and not isinstance(policy.place, str):
            self.program, self.helper = extended(program, policy.place)
        if policy is not None and not policy.own:
            check_integer(self.program, self.helper, policy)
        loops = [node for each in workload.body for node in ast.walk(each) if isinstance(node, ast.For)]
        self.loops = {ast.unparse(each.target) for each in loops}
        # So do the row and the place that a loop over the positions of a ragged axis assigns.
        self.loops |= assigned_names(*(each for loop in loops for each in loop.body if isinstance(each, ast.Assign)))
        asked = policy is not None and "order" in policy.parameters
        counted = asked or (directed.streams is not None and directed.stream_by is None)
        self.order = fresh("order") if counted else None
        awaited = sorted({each for names in directed.after.values() for each in names})
        self.tags = {name: number for number, name in enumerate(awaited)}

    def before(self) -> list[ast.stmt]:
        """What stands before all tasks."""
        return [ast.Assign([store(self.order)], ast.Constant(0), lineno=0)] if self.order is not None else []

    def task(self, call: ast.Call, loops: Sequence[ast.For]) -> list[ast.stmt]:
        """The statements before a call."""
        kernel = ast.unparse(call.func)
        statements: list[ast.stmt] = []
        attributes: dict[str, ast.expr] = {}
        self._worker(kernel, loops, attributes, statements)
        if self.directed.pools:
            attributes["pool"] = ast.Constant(0 if _multiplies(self.program, kernel, set()) else 1)
        if self.directed.priority is not None:
            attributes["priority"] = self._key(self.directed.priority, kernel, loops, statements)
        self._stream(kernel, loops, attributes, statements)
        if loops:
            names: list[ast.expr] = [load(_name(each)) for each in loops]
            attributes["at"] = ast.Tuple(names, ast.Load())
        bound, mapped = self._bound(loops), self.directed.mapped.get(kernel)
        if "worker" in attributes and (mapped is not None or bound):
            free: list[ast.expr] = [load(_name(each)) for each in loops if _is_parallel(each)]
            attributes["parallel"] = ast.Tuple(free, ast.Load())
        if kernel in self.tags:
            attributes["tag"] = ast.Constant(self.tags[kernel])
        if earlier := sorted(self.directed.after.get(kernel, ())):
            attributes["after"] = ast.Tuple([ast.Constant(self.tags[each]) for each in earlier], ast.Load())
        keywords = [ast.keyword(name, value) for name, value in attributes.items()]
        if keywords:
            placed_by = mapped.span if mapped is not None else self.directed.bound[_name(bound[-1])] if bound else None
            statements.append(stamp(ast.Expr(ast.Call(load("task"), [], keywords)), placed_by))
        if self.order is not None:
            statements.append(ast.AugAssign(store(self.order), ast.Add(), ast.Constant(1)))
        return [with_origin(each, call) for each in statements]

    # attributes -----------------------------------------------------------------------------------------------------

    def _worker(
        self,
        kernel: str,
        loops: Sequence[ast.For],
        attributes: dict[str, ast.expr],
        statements: list[ast.stmt],
    ) -> None:
        policy = self.directed.policy
        bound = self._bound(loops)
        if (mapped := self.directed.mapped.get(kernel)) is not None:
            attributes["worker"] = self._key(mapped, kernel, loops, statements)
            if policy is not None:
                who = f"`map` takes `{kernel}` to `{ast.unparse(mapped.tree)}`, which gives"
                self._checked(who, mapped.span, policy.workers, attributes, statements)
        elif bound:
            attributes["worker"] = _position(bound[-1])
        elif policy is not None:
            attributes["worker"] = self._placed(policy, kernel, loops, statements)
            if not policy.own:
                who = f"`{self.helper}` of `{policy.name}` gives"
                self._checked(who, policy.span, policy.workers, attributes, statements)

    def _bound(self, loops: Sequence[ast.For]) -> list[ast.For]:
        """The loops around a task that are bound to workers."""
        return [each for each in loops if _name(each) in self.directed.bound]

    def _placed(self, policy: Chosen, kernel: str, loops: Sequence[ast.For], statements: list[ast.stmt]) -> ast.expr:
        arguments: list[ast.expr] = []
        for name in policy.parameters:
            if name == "order" and self.order is not None:
                arguments.append(load(self.order))
            elif name in policy.numbers:
                arguments.append(ast.Constant(policy.numbers[name]))
            elif policy.key is not None:
                key = self._key(policy.key, kernel, loops, statements)
                arguments.append(_of_key(name, key, policy.workers))
            else:
                raise Bug(f"nothing is known of `{name}`, which policy {policy} asks for")
        return ast.Call(load(self.helper), arguments, [])

    def _checked(
        self,
        who: str,
        span: Span | None,
        workers: int,
        attributes: dict[str, ast.expr],
        statements: list[ast.stmt],
    ) -> None:
        """Takes the worker into a variable and requires that there is one of that number."""
        name = self.fresh("place")
        text = f"{who} a worker that is not among 0 to {workers - 1}"
        help = f"take the number `% {workers}`, which keeps it there"
        said = [ast.Constant(each) for each in (text, place_text(span), "wsp.dispatch-range", help)]
        arguments = [built("w >= 0 and w < n", w=load(name), n=workers), *said]
        statements.append(ast.Assign([store(name)], attributes["worker"], lineno=0))
        statements.append(ast.Expr(ast.Call(load("require"), arguments, [])))
        attributes["worker"] = load(name)

    def _stream(
        self, kernel: str, loops: Sequence[ast.For], attributes: dict[str, ast.expr], statements: list[ast.stmt]
    ) -> None:
        number, key = self.directed.streams, self.directed.stream_by
        if key is not None:
            stream = self._key(key, kernel, loops, statements)
            attributes["stream"] = built("s % n", s=stream, n=number) if number is not None else stream
        elif number is not None and self.order is not None:
            attributes["stream"] = built("s % n", s=load(self.order), n=number)

    def _key(self, key: Key, kernel: str, loops: Sequence[ast.For], statements: list[ast.stmt]) -> ast.expr:
        """An expression over loops where a task stands; a loop that the task is not in counts as 0.

        What it divides by is checked before, in `statements`.
        """
        around = {_name(each) for each in loops}
        # What an unrolled loop leaves over runs under another name, and assigns the loop's own.
        around |= assigned_names(*(each for loop in loops for each in loop.body if isinstance(each, ast.Assign)))
        absent = {name: ast.Constant(0) for name in self.loops - around}
        made = copy.deepcopy(substituted(key.tree, absent))
        for divisor in _divisors(made):
            self._check_divisor(key, divisor, kernel, statements)
        return made

    def _check_divisor(self, key: Key, divisor: ast.expr, kernel: str, statements: list[ast.stmt]) -> None:
        known = dict(self.program.constants)
        value = divisor.value if isinstance(divisor, ast.Constant) else known.get(ast.unparse(divisor))
        text = f"the key `{ast.unparse(key.tree)}` of `{kernel}` divides by `{ast.unparse(divisor)}`, which is 0"
        fix = "divide by a number that is never 0; a loop that a task is not in counts as 0"
        if value == 0:
            raise Refused(key.code, f"{text} where `{kernel}` stands", span=key.span, help=fix)
        if isinstance(value, int):
            return
        said = [ast.Constant(each) for each in (text, place_text(key.span), key.code, fix)]
        check = ast.Expr(ast.Call(load("require"), [built("d != 0", d=divisor), *said], []))
        statements.append(stamp(check, key.span))


def _divisors(node: ast.AST) -> Iterator[ast.expr]:
    """What an expression divides by, those inside of others first."""
    for each in ast.iter_child_nodes(node):
        yield from _divisors(each)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv | ast.Mod):
        yield node.right


def _of_key(name: str, key: ast.expr, workers: int) -> ast.expr:
    if name == "rank":
        return ast.Call(load("first_seen"), [key], [])
    return ast.Call(load("fnv1a"), [key, ast.Constant(workers)], []) if name == "digest" else key


def _name(loop: ast.For) -> str:
    return ast.unparse(loop.target)


def _is_parallel(loop: ast.For) -> bool:
    """Whether the turns of a loop do not depend on each other."""
    return isinstance(loop.iter, ast.Call) and ast.unparse(loop.iter.func) in ("P", "P.sel")


def _position(loop: ast.For) -> ast.expr:
    """Which iteration of a parallel loop runs."""
    name = load(_name(loop))
    match loop.iter:
        case ast.Call(args=[ast.Call(func=ast.Name("range"), args=[start, _, step])]):
            return built("(i - a) // s", i=name, a=start, s=step)
        case ast.Call(args=[ast.Call(func=ast.Name("range"), args=[start, _])]):
            return built("i - a", i=name, a=start)
        case _:
            return name


def _multiplies(program: Program, kernel: str, seen: set[str]) -> bool:
    """Whether a kernel, or what it calls, has a matrix product in it."""
    seen.add(kernel)
    known = {each.name: each for each in program.functions}
    for statement in known[kernel].body:
        for node in ast.walk(statement):
            match node:
                case ast.MatMult():
                    return True
                case ast.Call(func=ast.Attribute(ast.Name("tile"), "dot")):
                    return True
                case ast.Call(func=ast.Name(name)) if name in known and name not in seen:
                    if _multiplies(program, name, seen):
                        return True
                case _:
                    pass
    return False
