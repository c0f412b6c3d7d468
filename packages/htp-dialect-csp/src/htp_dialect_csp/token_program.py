"""From the body of a process to its token program.

Knows statements and the order in which Python evaluates what stands in them; integers are followed symbolically
(`symbols`). What depends on data becomes a step without a count, or an `Unclear` one that names its channels.
"""

from __future__ import annotations

import ast
from itertools import count
from typing import TYPE_CHECKING

from htp.dims import Expr, sym
from htp.program import origin_of
from htp_dialect_csp.bindings import assign, channels_in, end_of, every_channel, forget, give, items, join
from htp_dialect_csp.steps import Branch, Call, Compare, Drain, Given, Loop, Operation, Unclear, Work, channels_of
from htp_dialect_csp.symbols import TURN, range_of, test_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from htp_dialect_csp.steps import End, Step, Steps
    from htp_dialect_csp.symbols import Scope, Value

__all__ = ["token_program"]

METHODS = {"send": "send", "recv": "recv", "close": "close"}


def token_program(body: Sequence[ast.stmt], scope: Mapping[str, Value], kinds: Mapping[str, str]) -> Steps:
    """The steps of a process whose parameters stand for what `scope` says; it can call functions of these `kinds`."""
    return _Reader(kinds).block(body, dict(scope))


class _Reader:
    """Reads one process."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.numbers = count()
        self.timed: set[str] = set()
        self.own: set[str] = set()

    # statements -------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> Steps:
        """The steps of some statements; `scope` is what names stand for, and is brought up to date."""
        return tuple(step for each in body for step in self.statement(each, scope))

    def statement(self, statement: ast.stmt, scope: Scope) -> Iterator[Step]:
        match statement:
            case ast.For():
                yield from self.loop(statement, scope)
            case ast.While():
                yield from self.repetition(statement, scope)
            case ast.If():
                yield from self.branch(statement, scope)
            case ast.Assign(targets=[target], value=value):
                yield from self.expression(value, scope)
                if self.is_timed(value, scope):
                    self.timed |= {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
                # Channels that the process itself makes are not the network's, which is what is read here.
                self.own |= {node.id for node in ast.walk(target) if isinstance(node, ast.Name) and _makes(value)}
                assign(target, value, scope)
            case ast.AugAssign(target=target, value=value):
                yield from self.expression(value, scope)
                forget((statement,), scope)
            case ast.Assert(test=test) if (known := test_of(test, scope)) is not None:
                yield Given(known)
            case _:
                yield from self.expression(statement, scope)
                forget((statement,), scope)

    def loop(self, loop: ast.For, scope: Scope) -> Iterator[Step]:
        place = origin_of(loop)
        if (found := range_of(loop.iter, scope)) is not None and isinstance(loop.target, ast.Name):
            variable = f"{loop.target.id}__{next(self.numbers)}"
            value = found[0].substitute({TURN: sym(variable)})
            steps = self.inner(loop.body, scope, loop.target, value)
            yield from (Loop(variable, found[1], steps, place=place),) if steps else ()
        elif (end := end_of(value_of(loop.iter, scope))) is not None:
            yield Drain(end, self.inner(loop.body, scope, loop.target), place)
        elif (several := items(loop.iter, scope)) is not None and any(channels_in(each) for each in several):
            for each in several:
                give(loop.target, each, scope)
                yield from self.block(loop.body, scope)
        else:
            yield from self.expression(loop.iter, scope)
            steps = self.inner(loop.body, scope, loop.target)
            yield from (Loop(f"turn__{next(self.numbers)}", None, steps, place=place),) if steps else ()
        forget((loop,), scope)

    def inner(
        self, body: Sequence[ast.stmt], scope: Scope, target: ast.expr | None = None, value: Value = None
    ) -> Steps:
        """The steps of one turn of a loop, in which nothing is known of what other turns assign."""
        inside = dict(scope)
        forget(body, inside)
        if target is not None:
            give(target, value, inside)
        return self.block(body, inside)

    def repetition(self, loop: ast.While, scope: Scope) -> Iterator[Step]:
        place = origin_of(loop)
        drained = _drained(loop.test, scope)
        if drained is not None:
            yield Drain(drained, self.inner(loop.body, scope), place)
        elif isinstance(loop.test, ast.Constant) and loop.test.value:
            steps = self.inner(loop.body, scope)
            yield Loop(f"turn__{next(self.numbers)}", None, steps, endless=True, place=place)
        else:
            steps = (*self.expression(loop.test, scope), *self.inner(loop.body, scope))
            yield from (Loop(f"turn__{next(self.numbers)}", None, steps, place=place),) if steps else ()
        forget((loop,), scope)

    def branch(self, branch: ast.If, scope: Scope) -> Iterator[Step]:
        yield from self.expression(branch.test, scope)
        test = test_of(branch.test, scope)
        if isinstance(test, Compare) and test.value.constant is not None:
            taken = (test.value.constant == 0) == (test.sign == "==")
            if test.sign in ("==", "!="):
                yield from self.block(branch.body if taken else branch.orelse, scope)
                return
        scopes = dict(scope), dict(scope)
        then, other = (self.block(each, own) for each, own in zip((branch.body, branch.orelse), scopes, strict=True))
        join(scope, *scopes)
        if then or other:
            timed = self.is_timed(branch.test, scope)
            yield Branch(test, ast.unparse(branch.test), then, other, timed, origin_of(branch))

    def is_timed(self, node: ast.expr, scope: Scope) -> bool:
        """Whether an expression asks what there is in a channel now, or whether a stream has ended."""
        for each in ast.walk(node):
            match each:
                case ast.Name(id=name) if name in ("EOS", "NONE") or name in self.timed:
                    return True
                case (
                    ast.Call(func=ast.Attribute(value=base, attr="try_send" | "try_recv" | "peek" | "full"))
                    | ast.Call(func=ast.Name(id="len"), args=[base])
                ) if end_of(value_of(base, scope)) is not None:
                    return True
                case _:
                    pass
        return False

    # expressions ------------------------------------------------------------------------------------------------

    def expression(self, node: ast.AST, scope: Scope) -> Iterator[Step]:
        """What evaluating an expression does, in order."""
        if isinstance(node, ast.IfExp | ast.BoolOp):
            yield from self.unclear("a conditional expression", node, scope)
            return
        if not isinstance(node, ast.Call):
            for each in ast.iter_child_nodes(node):
                yield from self.expression(each, scope)
            return
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from self.expression(each, scope)
        yield from self.call(node, scope)

    def call(self, node: ast.Call, scope: Scope) -> Iterator[Step]:
        place = origin_of(node)
        if isinstance(node.func, ast.Attribute):
            end = end_of(value_of(node.func.value, scope))
            if end is not None and node.func.attr in METHODS:
                yield Operation(METHODS[node.func.attr], end, place)  # type: ignore[arg-type]
                return
            if end is not None:
                yield Unclear(node.func.attr, channels_of(end), place)
                return
            yield from self.expression(node.func.value, scope)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "work" and len(node.args) == 1:
            cycles = value_of(node.args[0], scope)
            yield Work(cycles if isinstance(cycles, Expr) else None)
            return
        passed = (*node.args, *(keyword.value for keyword in node.keywords))
        given = [name for each in passed for name in channels_in(value_of(each, scope))]
        if name == "spawn":  # the process that is started touches nothing but what it is given
            yield Unclear(name, tuple(given), place)
        elif (given and name != "len") or name in ("select", "stop"):
            names = {each.id for one in passed for each in ast.walk(one) if isinstance(each, ast.Name)}
            others = () if names and names <= self.own else every_channel(scope)
            yield Unclear(name or ast.unparse(node.func), tuple(given) or others, place)
        elif given:
            yield Unclear("len", tuple(given), place)
        elif self.kinds.get(name) == "workload":
            yield Call(name, tuple(value_of(each, scope) for each in node.args), place)

    def unclear(self, what: str, node: ast.expr, scope: Scope) -> Iterator[Step]:
        """One step for an expression of which it is not known what of it is evaluated; calls of workloads stay."""
        found = [step for each in ast.walk(node) if isinstance(each, ast.Call) for step in self.call(each, scope)]
        channels = [name for each in found for name in _touched(each)]
        if channels:
            yield Unclear(what, tuple(dict.fromkeys(channels)), origin_of(node))
        yield from (each for each in found if isinstance(each, Call))


def _makes(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "Channel" for each in ast.walk(node))


def _touched(step: Step) -> tuple[str, ...]:
    if isinstance(step, Unclear):
        return step.channels
    return channels_of(step.end) if isinstance(step, Operation) else ()


def _drained(test: ast.expr, scope: Scope) -> End | None:
    """The channel of `while (t := inp.recv()) is not EOS`, which means the same as a `for` over it."""
    match test:
        case ast.Compare(
            left=ast.NamedExpr(value=ast.Call(func=ast.Attribute(value=base, attr="recv"), args=[])),
            ops=[ast.IsNot()],
            comparators=[ast.Name(id="EOS")],
        ):
            return end_of(value_of(base, scope))
        case _:
            return None
