"""Processes that call workloads whose task window ends the run when it is full: it must have room for all their tasks.

Every call of a workload has a window of its own and returns when its tasks are over, so a window that makes the process
wait is never in the way of others. Knows how workloads are written; does not know when their tasks run.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Diagnostic, Refused
from htp.dims import Expr, const, maximum, sym
from htp.program import origin_of
from htp_dialect_csp.bindings import assign, forget, give
from htp_dialect_csp.graph import ProcessNode
from htp_dialect_csp.steps import Call, walk
from htp_dialect_csp.symbols import TURN, range_of, value_of
from htp_dialect_csp.tallies import summed
from htp_dialect_csp.token_program import token_program

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp_dialect_csp.graph import Graph
    from htp_dialect_csp.symbols import Scope, Value

__all__ = ["check_windows", "most_tasks"]


def check_windows(program: Program, graph: Graph) -> tuple[Diagnostic, ...]:
    """A warning `csp.window-risk` for each call of a workload that may issue more tasks than its window holds.

    Raises:
        Refused: `csp.window` when the call issues more in every run.
    """
    found: list[Diagnostic] = []
    for process in (*graph.processes, *_started(program, graph)):
        for each in walk(process.steps):
            if isinstance(each, Call) and (window := _window(program.function(each.function))) is not None:
                found += _checked(program, graph, process, each, *window)
    return tuple(found)


def _started(program: Program, graph: Graph) -> Iterator[ProcessNode]:
    """The processes that others start with `spawn`, of whose arguments nothing is known."""
    functions = {each.name: each for each in program.functions}
    kinds = {each.name: each.kind for each in program.functions}
    scope = {name: const(value) for name, value in program.constants if type(value) is int}
    found: set[str] = set()
    open_ = [each.function for each in graph.processes if each.function in functions]
    while open_:
        for node in (node for each in functions[open_.pop()].body for node in ast.walk(each)):
            match node:
                case ast.Call(func=ast.Name(id="spawn"), args=[ast.Name(id=name), *_]) if (
                    name in functions and name not in found
                ):
                    found.add(name)
                    open_.append(name)
                    steps = token_program(functions[name].body, scope, kinds)
                    yield ProcessNode(name, steps, (), name, functions[name].origin)
                case _:
                    pass


def _checked(
    program: Program, graph: Graph, process: ProcessNode, call: Call, size: int | None, place: Span | None
) -> Iterator[Diagnostic]:
    most = most_tasks(program, program.function(call.function), call.arguments)
    if most is not None and size is not None and graph.facts.nonnegative(size - most):
        return
    holds = f"{size} tasks" if size is not None else "a number of bytes"
    if most is not None and size is not None and graph.facts.nonnegative(most - (size + 1)):
        raise Refused(
            "csp.window",
            f"'{process.name}' issues {most} tasks of `{call.function}` between two of its channel operations, "
            f"and the window of {holds} ends the run when it is full",
            span=call.place or place,
            help=f'say task_window({most}), or mode="stall", which waits for room',
        )
    number = f"{most} tasks" if most is not None else "a number of tasks that depends on data"
    yield Diagnostic(
        code="csp.window-risk",
        message=f"'{process.name}' issues {number} of `{call.function}` between two of its channel operations, "
        f"and the window of {holds} ends the run when it is full",
        severity="warning",
        span=call.place or place,
        help=('say mode="stall", which waits for room, or give the window room for the most that there can be',),
    )


def _window(function: Function) -> tuple[int | None, Span | None] | None:
    """Size, None if it is not in tasks, and place of the window of a workload that ends the run when it is full."""
    for statement in function.body:
        match statement:
            case ast.Expr(ast.Call(func=ast.Attribute(attr="task_window"), args=[ast.Constant(int(size))]) as call):
                said = {each.arg: each.value.value for each in call.keywords if isinstance(each.value, ast.Constant)}
                if said.get("mode") == "abort":
                    return size if said.get("unit", "tasks") == "tasks" else None, origin_of(statement)
            case _:
                pass
    return None


# tasks of a workload --------------------------------------------------------------------------------------------------


def most_tasks(program: Program, workload: Function, arguments: Sequence[Value]) -> Expr | None:
    """The most tasks that a call of a workload issues; None where that depends on data."""
    scope: Scope = {name: const(value) for name, value in program.constants if type(value) is int}
    scope |= {param.name: value for param, value in zip(workload.params, arguments, strict=False)}
    return _Counter(program).block(workload.body, scope)


class _Counter:
    """Counts the tasks of some statements."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.functions = {each.name: each for each in program.functions}
        self.number = 0

    def block(self, body: Iterable[ast.stmt], scope: Scope) -> Expr | None:
        total = const(0)
        for each in body:
            found = self.statement(each, scope)
            if found is None:
                return None
            total = total + found
        return total

    def statement(self, statement: ast.stmt, scope: Scope) -> Expr | None:
        match statement:
            case ast.For(target=target, iter=iterable, body=body):
                names = [*target.elts] if isinstance(target, ast.Tuple) else [target]
                return self.loop(names, _ranges(iterable), body, dict(scope))
            case ast.If(body=body, orelse=orelse):
                arms = [self.block(each, dict(scope)) for each in (body, orelse)]
                forget((statement,), scope)
                return maximum(arms[0], arms[1]) if arms[0] is not None and arms[1] is not None else None
            case ast.With(body=body):
                return self.block(body, scope)
            case ast.Assign(targets=[target], value=value):
                assign(target, value, scope)
                return const(0)
            case ast.Expr(value=ast.Call() as call):
                return self.call(call, scope)
            case _:
                forget((statement,), scope)
                return const(0) if not isinstance(statement, ast.While) else None

    def loop(
        self, names: Sequence[ast.expr], ranges: Sequence[ast.expr], body: Sequence[ast.stmt], scope: Scope
    ) -> Expr | None:
        """The tasks of a loop over several ranges at once."""
        if not ranges:
            return self.block(body, scope)
        found = range_of(ranges[0], scope)
        if found is None or len(names) != len(ranges):
            return None
        self.number += 1
        variable = f"turn__{self.number}"
        give(names[0], found[0].substitute({TURN: sym(variable)}), scope)
        inner = self.loop(names[1:], ranges[1:], body, scope)
        return summed(inner, variable, found[1]) if inner is not None else None

    def call(self, call: ast.Call, scope: Scope) -> Expr | None:
        function = self.functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if function is not None and function.kind == "workload":
            return most_tasks(self.program, function, [value_of(each, scope) for each in call.args])
        if function is not None:
            return const(1 if function.kind == "kernel" else 0)
        # `combine(first(a), second(b))` and the like
        return self.block([ast.Expr(each) for each in call.args if isinstance(each, ast.Call)], scope)


def _ranges(node: ast.expr) -> list[ast.expr]:
    """What a loop goes over: the axes of `P(…)` and `P.seq(…)`, where a number is a range, or the one of a range."""
    match node:
        case ast.Call(func=ast.Name(id="P") | ast.Attribute(value=ast.Name(id="P"), attr="seq"), args=args):
            return [_range(each) for each in args]
        case _:
            return [node]


def _range(node: ast.expr) -> ast.expr:
    is_range = isinstance(node, ast.Call) and ast.unparse(node.func) == "range"
    return node if is_range else ast.Call(ast.Name("range", ast.Load()), [node], [])
