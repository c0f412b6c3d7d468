"""Reads what the body of a network declares: channels, processes, and what is asserted on the way.

Knows the words of a network; what a process does is `token_program`'s. What a network does depending on data is not in
the graph, which then is not `complete`.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from htp.dims import Expr, const
from htp.networks import unique
from htp.program import origin_of
from htp.types import ScalarType, TensorType, TileType
from htp_dialect_csp.bindings import channels_in
from htp_dialect_csp.carried import carried_type
from htp_dialect_csp.given import agreed, names_of
from htp_dialect_csp.graph import ChannelNode, Graph, Held, ProcessNode, Used
from htp_dialect_csp.matching import not_a_process, not_an_array, not_an_end, uneven
from htp_dialect_csp.steps import Compare, Drain, Given, Operation, holds
from htp_dialect_csp.symbols import ArrayValue, ChannelValue, Memory, parameter, test_of, value_of
from htp_dialect_csp.token_program import token_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.diagnostics import Span
    from htp.program import Function, Program
    from htp_dialect_csp.carried import Carried
    from htp_dialect_csp.steps import Test
    from htp_dialect_csp.symbols import Scope, Value

__all__ = ["graph_of"]


def graph_of(program: Program, network: Function) -> Graph:
    """The graph of one network.

    Raises:
        Refused: `csp.not-an-end`, `csp.replicate`, `type.bad-arguments`.
    """
    reader = _Reader(program)
    scope: Scope = {name: const(value) for name, value in program.constants if type(value) is int}
    scope |= {each.name: parameter(each) for each in network.params}
    reader.block(network.body, scope)
    return Graph(
        network.name,
        tuple(reader.channels),
        tuple(reader.processes),
        tuple(reader.unread),
        names_of(network.params),
        tuple(dict.fromkeys(reader.given)),
        network.origin,
        tuple(each.name for each in network.params if each.direction == "in"),
    )


class _Reader:
    """Reads the body of a network and of the networks that it calls."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.functions = {each.name: each for each in program.functions}
        self.kinds = {each.name: each.kind for each in program.functions}
        self.channels: list[ChannelNode] = []
        self.processes: list[ProcessNode] = []
        self.unread: list[Span | None] = []
        self.given: list[Test] = []
        self.buffers = 0

    # statements -------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        for each in body:
            self.statement(each, scope)

    def statement(self, statement: ast.stmt, scope: Scope) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                scope[name] = self.value(value, scope, name)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value) if all(
                isinstance(each, ast.Name) for each in names
            ):
                self.unpack([ast.unparse(each) for each in names], value, scope)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if name in ("replicate", "broadcast"):
                (self.replicate if name == "replicate" else self.broadcast)(call, scope)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if name in self.functions:
                self.called(self.functions[name], call, scope)
            case ast.For(target=ast.Name(id=name), iter=iterable, body=body):
                self.loop(name, iterable, body, scope, origin_of(statement))
            case ast.If():
                self.branch(statement, scope)
            case ast.Assert(test=test):
                self.given += [known] if (known := test_of(test, scope)) is not None else []
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case _:
                self.unread.append(origin_of(statement))

    def loop(self, name: str, iterable: ast.expr, body: Sequence[ast.stmt], scope: Scope, place: Span | None) -> None:
        items = value_of(iterable, scope)
        if not isinstance(items, tuple):
            self.unread.append(place)
            return
        for each in items:
            scope[name] = each
            self.block(body, scope)

    def branch(self, branch: ast.If, scope: Scope) -> None:
        test = test_of(branch.test, scope)
        if isinstance(test, Compare) and test.value.constant is not None:
            self.block(branch.body if holds(test, {}) else branch.orelse, scope)
        else:
            self.unread.append(origin_of(branch))

    def unpack(self, names: Sequence[str], value: ast.expr, scope: Scope) -> None:
        made = self.made(value, scope)
        found: list[Value]
        if made is not None and len(made) == len(names):
            found = [self.call_it(each, name) for each, name in zip(made, names, strict=True)]
        else:
            known = self.value(value, scope, names[0])
            found = list(known) if isinstance(known, tuple) and len(known) == len(names) else [None] * len(names)
        scope.update(zip(names, found, strict=True))

    # channels ---------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr, scope: Scope, name: str) -> Value:
        """What an expression of a network stands for; channels that it makes are called after `name`."""
        made = self.made(node, scope)
        if made is None:
            return self.buffer(value_of(node, scope), node, name)
        several = len(made) != 1 or not _one(node)
        named = [self.call_it(each, f"{name}{k}" if several else name) for k, each in enumerate(made)]
        return tuple(named) if several else named[0]

    def buffer(self, value: Value, node: ast.expr, name: str) -> Value:
        """The value of an expression; a buffer that it makes is memory of its own."""
        match node:
            case ast.Call(func=ast.Name(id="empty")) if isinstance(value, ArrayValue):
                self.buffers += 1
                return replace(value, memory=Memory.whole(f"{name} {self.buffers}", value.dims))
            case _:
                return value

    def made(self, node: ast.expr, scope: Scope) -> list[ChannelValue] | None:
        """The channels that an expression makes; None where it makes none, or not only channels."""
        match node:
            case ast.Call(func=ast.Subscript(value=ast.Name(id="Channel"), slice=carried)):
                return [self.make(carried, node, scope)]
            case ast.Call(func=ast.Attribute(ast.Subscript(ast.Name(id="Channel"), carried), "array")):
                given = [*node.args, *(each.value for each in node.keywords if each.arg == "count")]
                count = value_of(given[0], scope) if given else None
                number = count.constant if isinstance(count, Expr) else None
                if number is None:
                    self.unread.append(origin_of(node))
                return [self.make(carried, node, scope) for _ in range(number or 0)]
            case ast.Tuple(elts=items) | ast.List(elts=items) if items:
                lists = [self.made(each, scope) if _one(each) else None for each in items]
                known = [each for each in lists if each is not None]
                return [each for one in known for each in one] if len(known) == len(lists) else None
            case _:
                return None

    def make(self, carried: ast.expr, call: ast.Call, scope: Scope) -> ChannelValue:
        given = {each.arg: each.value for each in call.keywords}

        def number(name: str, otherwise: int) -> int | None:
            value = value_of(given[name], scope) if name in given else const(otherwise)
            return value.constant if isinstance(value, Expr) else None

        initial = given.get("initial", ast.Tuple([]))
        count = len(initial.elts) if isinstance(initial, ast.Tuple | ast.List) else None
        name = f"(channel {len(self.channels)})"
        sizes = {name: each.constant for name, each in scope.items() if isinstance(each, Expr)}
        self.channels.append(
            ChannelNode(
                name,
                capacity=number("capacity", 1),
                latency=number("latency", 0),
                response=number("response", 0),
                initial=count,
                carried=carried_type(carried, sizes),
                place=origin_of(call),
            )
        )
        return ChannelValue(name)

    def call_it(self, value: ChannelValue, name: str) -> ChannelValue:
        at = next(k for k, each in enumerate(self.channels) if each.name == value.name)
        known = self.channels[at]
        name = unique(name, [each.name for each in self.channels if each is not known])
        self.channels[at] = replace(known, name=name)
        return ChannelValue(name)

    # processes --------------------------------------------------------------------------------------------------

    def called(self, function: Function, call: ast.Call, scope: Scope) -> None:
        values = self.arguments(function, call, scope)
        if values is None or function.kind not in ("process", "network"):
            self.unread.append(origin_of(call))
            return
        _check_kinds(function, values, origin_of(call))
        if function.kind == "network":
            self.given += agreed(function.params, values)
            constants: Scope = {name: const(value) for name, value in self.program.constants if type(value) is int}
            self.block(function.body, {**constants, **_renamed_dims(function, values)})
        else:
            self.declare(function, function.name, values, origin_of(call))

    def arguments(self, function: Function, call: ast.Call, scope: Scope) -> dict[str, Value] | None:
        """What the parameters stand for; channels made in the call itself have no variable to be called after."""
        names = [each.name for each in function.params]
        given = self.passed(call.args, scope)
        if given is None or len(given) > len(names):
            return None
        named = {each.arg: self.value(each.value, scope, "channel") for each in call.keywords if each.arg is not None}
        return dict(zip(names, given, strict=False)) | named

    def passed(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Value] | None:
        """What positional arguments stand for; None where it is not known how many they are."""
        found: list[Value] = []
        for each in nodes:
            if not isinstance(each, ast.Starred):
                found.append(self.value(each, scope, "channel"))
            elif isinstance(several := self.value(each.value, scope, "channel"), tuple):
                found += several
            else:
                return None
        return found

    def declare(self, function: Function, name: str, values: Mapping[str, Value], place: Span | None) -> None:
        scope: Scope = {name: const(value) for name, value in self.program.constants if type(value) is int}
        scope |= _renamed_dims(function, values)
        ends: list[Held] = []
        for param in function.params:
            if param.is_end:
                given = values.get(param.name)
                for k, each in enumerate(channels_in(given)):
                    side: Literal["send", "recv"] = "send" if param.direction == "send" else "recv"
                    end = f"{param.name}[{k}]" if isinstance(given, tuple) else param.name
                    ends.append(Held(each, side, param.type, end))
        name = unique(name, [each.name for each in self.processes])
        steps = token_program(function.body, scope, self.kinds)
        self.given += (*agreed(function.params, values), *(each.test for each in steps if isinstance(each, Given)))
        self.processes.append(ProcessNode(name, steps, tuple(ends), function.name, place, _used(function, values)))

    def replicate(self, call: ast.Call, scope: Scope) -> None:
        match call.args:
            case [ast.Name(id=name), count, *args] if name in self.functions:
                function = self.functions[name]
            case _:
                self.unread.append(origin_of(call))
                return
        if function.kind != "process":
            raise not_a_process("replicate", name, function.kind, origin_of(call))
        number = value_of(count, scope)
        inner = ast.Call(ast.Name(name), args, call.keywords)
        values = self.arguments(function, inner, scope)
        if not isinstance(number, Expr) or number.constant is None or values is None:
            self.unread.append(origin_of(call))
            return
        named = {each.arg for each in call.keywords}
        for index, (each, value) in enumerate(values.items()):
            if isinstance(value, tuple) and len(value) != number.constant:
                argument = each if each in named else index
                raise uneven(name, number.constant, len(value), argument, origin_of(call))
        for k in range(number.constant):
            own = {name: _dealt(each, k) for name, each in values.items()}
            _check_kinds(function, own, origin_of(call))
            self.declare(function, f"{name}{k}", own, origin_of(call))

    def broadcast(self, call: ast.Call, scope: Scope) -> None:
        place = origin_of(call)
        named = [name for each in self.passed(call.args, scope) or () for name in channels_in(each)]
        if len(named) < 2:
            self.unread.append(place)
            return
        inp, *outs = named
        copies = tuple(Operation("send", each, place) for each in outs)
        ends = (Held(inp, "recv"), *(Held(each, "send", self.carried_by(inp)) for each in outs))
        name = unique("broadcast", [each.name for each in self.processes])
        self.processes.append(ProcessNode(name, (Drain(inp, copies, place),), ends, "broadcast", place))

    def carried_by(self, name: str) -> Carried | None:
        return next((each.carried for each in self.channels if each.name == name), None)


def _one(node: ast.expr) -> bool:
    """Whether an expression makes one channel."""
    match node:
        case ast.Call(func=ast.Subscript(value=ast.Name(id="Channel"))):
            return True
        case _:
            return False


def _renamed_dims(function: Function, values: Mapping[str, Value]) -> Scope:
    """What the parameters of a callee stand for; a size that it names is that of what is passed."""
    return {each.name: _passed(values.get(each.name), each.type) for each in function.params}


def _passed(value: Value, declared: Carried | None) -> Value:
    """An array has the sizes of its parameter where these are constant."""
    if isinstance(value, ArrayValue) and isinstance(declared, TensorType | TileType):
        known = zip(value.dims, declared.dims, strict=False)
        return ArrayValue(tuple(dim if dim.constant is not None else size for size, dim in known), value.memory)
    return value


def _check_kinds(function: Function, values: Mapping[str, Value], place: Span | None) -> None:
    """Nothing when channels are passed for ends, and for nothing else."""
    for param in function.params:
        value = values.get(param.name)
        if not param.is_end and isinstance(value, ChannelValue):
            raise not_an_array(function.name, param, value.name, place)
        if param.is_end and isinstance(value, ArrayValue | Expr):
            what = "a tensor" if isinstance(value, ArrayValue) else "a number"
            raise not_an_end(function.name, param, what, place)


def _used(function: Function, values: Mapping[str, Value]) -> tuple[Used, ...]:
    """The arrays that are passed."""
    return tuple(
        Used(param.name, param.direction != "in", value.memory if isinstance(value, ArrayValue) else None)
        for param in function.params
        if not param.is_end and not isinstance(param.type, ScalarType) and param.name in values
        for value in (values[param.name],)
    )


def _dealt(value: Value, number: int) -> Value:
    """What one of several processes gets of an argument."""
    return value[number] if isinstance(value, tuple) and number < len(value) else value
