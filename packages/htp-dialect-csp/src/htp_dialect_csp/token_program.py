"""From the body of a process to its token program.

Knows statements and the order in which Python evaluates what stands in them; integers are followed symbolically
(`symbols`). What depends on data becomes a step without a count, or an `Unclear` one that names its channels.
"""

from __future__ import annotations

import ast
from itertools import count
from typing import TYPE_CHECKING

from htp.dims import Expr, const, sym
from htp.program import origin_of
from htp_dialect_csp.steps import (
    Branch,
    Choice,
    Compare,
    Drain,
    Loop,
    Operation,
    Task,
    Unclear,
    Work,
    channels_of,
    walk,
)
from htp_dialect_csp.symbols import TURN, ChannelValue, range_of, test_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from htp_dialect_csp.steps import End, Step, Steps
    from htp_dialect_csp.symbols import Scope, Value

__all__ = ["token_program"]

METHODS = {"send": "send", "recv": "recv", "close": "close"}
TIMED = ("try_send", "try_recv", "peek", "full")
CONDITIONAL = (ast.IfExp, ast.BoolOp, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Lambda)


def token_program(body: Sequence[ast.stmt], scope: Mapping[str, Value], kinds: Mapping[str, str]) -> Steps:
    """The steps of a process whose parameters stand for what `scope` says; it can call functions of these `kinds`."""
    return _Reader(kinds).block(body, dict(scope))


class _Reader:
    """Reads one process."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds
        self.numbers = count()
        self.depth = 0

    # statements -------------------------------------------------------------------------------------------------

    def nested(self, body: Sequence[ast.stmt], scope: Scope) -> Steps:
        """The steps of statements that may run never or more than once."""
        self.depth += 1
        steps = self.block(body, scope)
        self.depth -= 1
        return steps

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> Steps:
        """The steps of some statements; `scope` is what names stand for, and is brought up to date."""
        steps: list[Step] = []
        for position, statement in enumerate(body):
            if isinstance(statement, ast.Return | ast.Break | ast.Continue):
                rest = body[position:] if isinstance(statement, ast.Return) else ()
                return (*steps, *self.leaving(statement, scope, rest))
            steps += self.statement(statement, scope)
        return tuple(steps)

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
                _bind(target, value, scope)
            case ast.AugAssign(target=target, value=value):
                yield from self.expression(value, scope)
                _forget((statement,), scope)
            case ast.With(body=body):
                yield from self.unclear("a `with`", (statement,), scope)
                _forget(body, scope)
            case _:
                yield from self.expression(statement, scope)
                _forget((statement,), scope)

    def leaving(self, statement: ast.stmt, scope: Scope, rest: Sequence[ast.stmt]) -> Iterator[Step]:
        yield from self.expression(statement, scope)
        if rest and not self.depth:
            return  # behind the last step of the process
        yield Unclear(f"`{ast.unparse(statement)}`", _all_channels(scope), origin_of(statement))

    def loop(self, loop: ast.For, scope: Scope) -> Iterator[Step]:
        place = origin_of(loop)
        if (found := range_of(loop.iter, scope)) is not None and isinstance(loop.target, ast.Name):
            variable = f"{loop.target.id}__{next(self.numbers)}"
            value = found[0].substitute({TURN: sym(variable)})
            steps = self.inner(loop.body, scope, loop.target, value)
            yield from (Loop(variable, found[1], steps, place=place),) if steps else ()
        elif (end := _end(value_of(loop.iter, scope))) is not None:
            yield Drain(end, self.inner(loop.body, scope, loop.target), place)
        elif (items := _items(loop.iter, scope)) is not None and _mentions(items):
            for each in items:
                _give(loop.target, each, scope)
                yield from self.nested(loop.body, scope)
        else:
            yield from self.expression(loop.iter, scope)
            steps = self.inner(loop.body, scope, loop.target)
            yield from (Loop(f"turn__{next(self.numbers)}", None, steps, place=place),) if steps else ()
        _forget((loop,), scope)

    def inner(
        self, body: Sequence[ast.stmt], scope: Scope, target: ast.expr | None = None, value: Value = None
    ) -> Steps:
        """The steps of one turn of a loop, in which nothing is known of what other turns assign."""
        inside = dict(scope)
        _forget(body, inside)
        if target is not None:
            _give(target, value, inside)
        if any(isinstance(each, ast.Break | ast.Continue) for each in _own(body)):
            return tuple(self.unclear("a loop that is left early", body, inside))
        return self.nested(body, inside)

    def repetition(self, loop: ast.While, scope: Scope) -> Iterator[Step]:
        place = origin_of(loop)
        drained = _drain_form(loop, scope)
        if drained is not None:
            end, body = drained
            yield Drain(end, self.inner(body, scope), place)
        elif isinstance(loop.test, ast.Constant) and loop.test.value:
            breaks = any(isinstance(each, ast.Break) for each in _own(loop.body))
            returns = any(isinstance(each, ast.Return) for inner in loop.body for each in ast.walk(inner))
            if breaks or returns:
                yield from self.unclear("a loop that is left early", loop.body, scope)
            else:
                steps = self.inner(loop.body, scope)
                yield Loop(f"turn__{next(self.numbers)}", None, steps, endless=True, place=place)
        else:
            steps = (*self.expression(loop.test, scope), *self.inner(loop.body, scope))
            yield from (Loop(f"turn__{next(self.numbers)}", None, steps, place=place),) if steps else ()
        _forget((loop,), scope)

    def branch(self, branch: ast.If, scope: Scope) -> Iterator[Step]:
        yield from self.expression(branch.test, scope)
        test = test_of(branch.test, scope)
        if isinstance(test, Compare) and test.value.constant is not None:
            taken = (test.value.constant == 0) == (test.sign == "==")
            if test.sign in ("==", "!="):
                yield from self.block(branch.body if taken else branch.orelse, scope)
                return
        then, other = (self.nested(each, dict(scope)) for each in (branch.body, branch.orelse))
        _forget((branch,), scope)
        if then or other:
            yield Branch(test, ast.unparse(branch.test), then, other, origin_of(branch))

    # expressions ------------------------------------------------------------------------------------------------

    def expression(self, node: ast.AST, scope: Scope) -> Iterator[Step]:
        """What evaluating an expression does, in order."""
        if isinstance(node, CONDITIONAL):
            yield from self.unclear("a conditional expression", (node,), scope)
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
            end = _end(value_of(node.func.value, scope))
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
        given = [name for each in node.args for name in _channels(value_of(each, scope))]
        if (given and name != "len") or name in ("select", "spawn", "stop"):
            yield Unclear(name or ast.unparse(node.func), tuple(given) or _all_channels(scope), place)
        elif given:
            yield Unclear("len", tuple(given), place)
        elif (kind := self.kinds.get(name)) is not None and kind != "func":
            yield Task(name, kind != "kernel", place)

    def unclear(self, what: str, nodes: Iterable[ast.AST], scope: Scope) -> Iterator[Step]:
        """One step for nodes in which there are operations, and none for others; calls of kernels stay."""
        inside = dict(scope)
        found: list[Step] = []
        for each in nodes:
            statements = [each] if isinstance(each, ast.stmt) else []
            for node in ast.walk(each):
                if isinstance(node, ast.Call):
                    found += self.call(node, inside)
                if isinstance(node, ast.For):
                    found += [Unclear(what, _channels(value_of(node.iter, inside)))]
            _forget(statements, inside)
        channels = [name for each in walk(found) for name in _touched(each)]
        if channels:
            places = [place for each in nodes if (place := origin_of(each)) is not None]
            yield Unclear(what, tuple(dict.fromkeys(channels)), places[0] if places else None)
        yield from (Task(each.kernel, True, each.place) for each in found if isinstance(each, Task))


# names --------------------------------------------------------------------------------------------------------------


def _bind(target: ast.expr, value: ast.expr, scope: Scope) -> None:
    known = value_of(value, scope)
    _forget((ast.Assign([target], value),), scope)
    _give(target, known, scope)


def _give(target: ast.expr, value: Value, scope: Scope) -> None:
    if isinstance(target, ast.Name):
        scope[target.id] = value
    elif isinstance(target, ast.Tuple):
        known = value if isinstance(value, tuple) and len(value) == len(target.elts) else (None,) * len(target.elts)
        for each, one in zip(target.elts, known, strict=True):
            _give(each, one, scope)


def _forget(nodes: Iterable[ast.AST], scope: Scope) -> None:
    """Nothing is known any longer of the names that are assigned in some statements."""
    for each in nodes:
        for node in ast.walk(each):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                scope[node.id] = None


def _own(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a loop that are not in a loop in it."""
    for each in body:
        yield each
        if isinstance(each, ast.If):
            yield from _own((*each.body, *each.orelse))
        elif isinstance(each, ast.With):
            yield from _own(each.body)


# channels -----------------------------------------------------------------------------------------------------------


def _end(value: Value) -> End | None:
    return value.name if isinstance(value, ChannelValue) else value if isinstance(value, Choice) else None


def _channels(value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(name for each in value for name in _channels(each))
    end = _end(value)
    return channels_of(end) if end is not None else ()


def _all_channels(scope: Scope) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in scope.values() for name in _channels(value)))


def _touched(step: Step) -> tuple[str, ...]:
    if isinstance(step, Unclear):
        return step.channels
    return channels_of(step.end) if isinstance(step, Operation | Drain) else ()


def _mentions(items: Iterable[Value]) -> bool:
    """Whether a loop goes over channels, so that its turns have to be told apart."""
    return any(_channels(each) for each in items)


def _items(node: ast.expr, scope: Scope) -> tuple[Value, ...] | None:
    """What a loop goes over one by one: a tuple, or `enumerate` or `zip` of tuples."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate"), args=[argument]):
            inner = _items(argument, scope)
            return tuple((const(k), each) for k, each in enumerate(inner)) if inner is not None else None
        case ast.Call(func=ast.Name(id="zip"), args=args):
            lists = [_items(each, scope) for each in args]
            known = [each for each in lists if each is not None]
            return tuple(zip(*known, strict=False)) if known and len(known) == len(lists) else None
        case _:
            value = value_of(node, scope)
            return value if isinstance(value, tuple) else None


def _drain_form(loop: ast.While, scope: Scope) -> tuple[End, Sequence[ast.stmt]] | None:
    """The channel and the body of a `while` that means the same as a `for` over the channel."""
    match loop.test, loop.body:
        case ast.Compare(left=ast.NamedExpr(value=received), ops=[ast.IsNot()], comparators=[ast.Name(id="EOS")]), body:
            end = _received(received, scope)
        case (
            ast.Constant(value=True),
            [
                ast.Assign(targets=[ast.Name(id=token)], value=received),
                ast.If(
                    test=ast.Compare(left=ast.Name(id=asked), ops=[ast.Is()], comparators=[ast.Name(id="EOS")]),
                    body=[ast.Break()],
                    orelse=[],
                ),
                *body,
            ],
        ) if token == asked:
            end = _received(received, scope)
        case _:
            return None
    return (end, body) if end is not None else None


def _received(node: ast.expr, scope: Scope) -> End | None:
    match node:
        case ast.Call(func=ast.Attribute(value=base, attr="recv"), args=[]):
            return _end(value_of(base, scope))
        case _:
            return None
