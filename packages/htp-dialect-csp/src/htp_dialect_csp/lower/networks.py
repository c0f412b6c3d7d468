"""The body of a network, and of the networks that it calls, as the body of a routine in process form.

Knows the words of networks and what is known of their numbers; kernels are made by `instances`. Channels are variables
of the routine that are called as the reference calls them.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from htp.diagnostics import Bug
from htp.dims import Expr, const, sym
from htp.fresh_names import fresh
from htp.networks import unique
from htp.program import origin_of
from htp.types import ScalarType, TensorType, TileType
from htp_dialect_csp.bindings import channels_in, items
from htp_dialect_csp.channels import OPTIONS, unknown_option
from htp_dialect_csp.lower.frames import (
    Frame,
    Renamed,
    dealt,
    declares,
    give,
    is_declaration,
    makes_one,
    symbols_of,
)
from htp_dialect_csp.lower.payloads import dim_expression, payload
from htp_dialect_csp.lower.trees import assign, assigned, call, effect, load, not_compiled, placed, words_of
from htp_dialect_csp.matching import not_an_end
from htp_dialect_csp.reading import graph_of
from htp_dialect_csp.rooms import rooms
from htp_dialect_csp.steps import Compare, holds
from htp_dialect_csp.symbols import ArrayValue, ChannelValue, parameter, test_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.program import Function, Program
    from htp_dialect_csp.lower.instances import Instances
    from htp_dialect_csp.symbols import Scope, Value

    Carried = TensorType | TileType | ScalarType
    Given: TypeAlias = "dict[str, tuple[ast.expr, Value]]"

__all__ = ["NetworkBody"]

class NetworkBody:
    """Writes the routine of one network."""

    def __init__(self, program: Program, network: Function, instances: Instances) -> None:
        self.network = network
        self.functions = {each.name: each for each in program.functions}
        self.constants: Scope = {name: const(value) for name, value in program.constants if type(value) is int}
        self.instances = instances
        self.taken = {name for name, _ in (*program.constants, *program.slots)} | set(self.functions)
        self.taken |= {each.name for each in network.params} | words_of(network.body)
        self.program = program
        self.makers: dict[str, ast.Call] = {}
        self.carried: dict[str, Carried] = {}
        self.variables: dict[str, str] = {}
        self.processes: set[str] = set()
        self.started: set[str] = set()
        self.opened = False

    def routine(self) -> Function:
        """The network as a routine.

        Raises:
            Refused: `csp.not-compiled`.
        """
        values = {**self.constants, **{each.name: parameter(each) for each in self.network.params}}
        symbols = {each for param in self.network.params for each in symbols_of(param.type)}
        body = self.block(self.network.body, Frame(values, {}, {each: sym(each) for each in symbols}, outer=True))
        self.tell_rooms()
        first = next((k for k, each in enumerate(body) if declares(each, self.started)), len(body))
        place = body[first] if first < len(body) else self.network
        opened = effect(call("open_network"))
        closed = effect(call("close_network"))
        if isinstance(place, ast.stmt):
            placed([opened, closed], place)
        return replace(self.network, kind="routine", body=(*body[:first], opened, *body[first:], closed))

    # statements -------------------------------------------------------------------------------------------------

    def block(self, statements: Iterable[ast.stmt], frame: Frame) -> list[ast.stmt]:
        """Statements of the routine."""
        return [new for each in statements for new in placed(self.statement(each, frame), each)]

    def statement(self, statement: ast.stmt, frame: Frame) -> list[ast.stmt]:
        """The statements that one of a network becomes."""
        match statement:
            case ast.Assign(targets=[target], value=value) if (made := self.made(value, frame)) is not None:
                return self.channels(target, made, frame, single=makes_one(value))
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if channels_in(value_of(value, frame.values)):
                frame.values[name] = value_of(value, frame.values)
                return []
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as node):
                return self.declaration(name, node, frame)
            case ast.For():
                return self.loop(statement, frame)
            case ast.If():
                return self.branch(statement, frame)
            case _:
                return [self.plain(statement, frame)]

    def plain(self, statement: ast.stmt, frame: Frame) -> ast.stmt:
        """A statement that has nothing to do with channels, its names as they are in the routine."""
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known = value_of(value, frame.values)
            case _:
                name, known = "", None
        new = self.named(statement, frame)
        frame.values.update(dict.fromkeys(assigned((statement,))))
        if name:
            frame.values[name] = known
        return new

    def named(self, node: ast.stmt, frame: Frame) -> ast.stmt:
        """A statement with names as they are in the routine."""
        return Renamed(frame).statements([node])[0]

    def expression(self, node: ast.expr, frame: Frame) -> ast.expr:
        """An expression with names as they are in the routine."""
        return Renamed(frame).expression(node)

    def fresh(self, name: str) -> str:
        """A variable that there is not yet."""
        return fresh(name, self.taken)

    def loop(self, loop: ast.For, frame: Frame) -> list[ast.stmt]:
        """A loop over constants, turn by turn, if it declares anything."""
        if not any(is_declaration(node, self.functions) for each in loop.body for node in ast.walk(each)):
            frame.values.update(dict.fromkeys(assigned((loop,))))
            return [self.named(loop, frame)]
        turns = items(loop.iter, frame.values)
        if turns is None:
            raise not_compiled(
                loop, f"a loop over `{ast.unparse(loop.iter)}` in which processes or channels are made",
                "loop over constants, or over channels that have a name",
            )  # fmt: skip
        made: list[ast.stmt] = []
        for each in turns:
            give(loop.target, each, frame)
            made += self.block(copy.deepcopy(loop.body), frame)
        return made

    def branch(self, branch: ast.If, frame: Frame) -> list[ast.stmt]:
        """The branch that is taken, where that is known; both otherwise."""
        test = test_of(branch.test, frame.values)
        if isinstance(test, Compare) and test.value.constant is not None:
            return self.block(branch.body if holds(test, {}) else branch.orelse, frame)
        inner = [replace(frame, values=dict(frame.values), names=dict(frame.names)) for _ in range(2)]
        body, orelse = self.block(branch.body, inner[0]), self.block(branch.orelse, inner[1])
        frame.values.update(dict.fromkeys(assigned((branch,))))
        frame.names |= {**inner[0].names, **inner[1].names}
        return [ast.If(self.expression(branch.test, frame), body, orelse)]

    # channels ---------------------------------------------------------------------------------------------------

    def made(self, node: ast.expr, frame: Frame) -> list[ast.Call] | None:
        """The calls that make one channel each; None for an expression that makes none."""
        match node:
            case ast.Call(func=ast.Subscript(value=ast.Name(id="Channel"))):
                return [node]
            case ast.Call(func=ast.Attribute(ast.Subscript(ast.Name(id="Channel")) as form, "array")):
                given = [*node.args, *(each.value for each in node.keywords if each.arg == "count")]
                number = value_of(given[0], frame.values) if given else None
                if not isinstance(number, Expr) or number.constant is None:
                    raise not_compiled(node, "a number of channels that depends on data", "write a constant")
                keywords = [each for each in node.keywords if each.arg != "count"]
                return [ast.Call(form, [], keywords) for _ in range(number.constant)]
            case ast.Tuple(elts=items) if items:
                lists = [self.made(each, frame) for each in items]
                known = [each[0] for each in lists if each is not None and len(each) == 1]
                return known if len(known) == len(lists) else None
            case _:
                return None

    def channels(self, target: ast.expr, made: Sequence[ast.Call], frame: Frame, *, single: bool) -> list[ast.stmt]:
        """Makes channels and calls them after the variable, or after the variables."""
        if isinstance(target, ast.Tuple) and len(target.elts) == len(made):
            pairs = zip(target.elts, made, strict=True)
            return [new for each, one in pairs for new in self.channels(each, [one], frame, single=True)]
        if not isinstance(target, ast.Name):
            raise not_compiled(target, "channels that are assigned to something else than names", "give each a name")
        names = [target.id] if single else [f"{target.id}{k}" for k in range(len(made))]
        known: list[ChannelValue] = []
        statements: list[ast.stmt] = []
        for name, each in zip(names, made, strict=True):
            chosen = unique(name, self.carried)
            known.append(ChannelValue(chosen))
            statements += self.channel(chosen, each, frame, frame.names.get(target.id) if single else None)
        frame.values[target.id] = known[0] if single else tuple(known)
        return statements

    def channel(self, name: str, node: ast.Call, frame: Frame, own: ast.expr | None) -> list[ast.stmt]:
        """The line that makes a channel."""
        if not isinstance(node.func, ast.Subscript):
            raise Bug(f"not a channel: `{ast.unparse(node)}`")
        carried = payload(node.func.slice, frame.values, frame.sizes)
        self.carried[name] = carried
        if isinstance(own, ast.Name) and own.id not in self.variables.values():
            variable = own.id
        else:
            plain = frame.outer and name in words_of(self.network.body) and name not in self.variables.values()
            variable = name if plain else self.fresh(name)
        self.variables[name] = variable
        if node.args or any(each.arg not in OPTIONS for each in node.keywords):
            raise unknown_option(ast.unparse(node), origin_of(node))
        given = {each.arg or "": self.expression(each.value, frame) for each in node.keywords}
        if variable != name:
            given["name"] = ast.Constant(name)
        if isinstance(carried, TensorType):
            given["region"] = ast.Constant(True)
        dims = () if isinstance(carried, ScalarType) else carried.dims
        shape = ast.Tuple([dim_expression(each, self.network) for each in dims], ast.Load())
        self.makers[name] = call("channel", load(carried.dtype.name), shape, **given)
        return [assign(variable, self.makers[name])]

    def tell_rooms(self) -> None:
        """Writes on the lines that make channels what room these need, as far as it is known."""
        for name, room in rooms(graph_of(self.program, self.network)).items():
            known = {"least": room.least, "whole_turns": room.whole_turns}
            if name in self.makers:
                told = [ast.keyword(word, ast.Constant(size)) for word, size in known.items() if size is not None]
                self.makers[name].keywords += told

    # processes --------------------------------------------------------------------------------------------------

    def declaration(self, name: str, node: ast.Call, frame: Frame) -> list[ast.stmt]:
        """What a call in a network does."""
        if name == "replicate":
            return self.replicate(node, frame)
        if name == "broadcast":
            return self.broadcast(node, frame)
        function = self.functions.get(name)
        if function is None or function.kind not in ("process", "network"):
            if function is not None and (self.carried or self.processes):
                raise not_compiled(
                    node, f"a call of `{name}` behind channels and processes of a network",
                    f"call `{name}` before the first channel and process, or in a process",
                )  # fmt: skip
            return [effect(self.expression(node, frame))]
        made, given = self.arguments(function, node, frame)
        if function.kind == "process":
            return [*made, *self.declare(function, function.name, given, frame)]
        return [*made, *self.inlined(function, given)]

    def arguments(self, function: Function, node: ast.Call, frame: Frame) -> tuple[list[ast.stmt], Given]:
        """What is passed for every parameter; channels that are made in the call itself come first."""
        names = [each.name for each in function.params]
        nodes = dict(zip(names, node.args, strict=False)) | {each.arg or "": each.value for each in node.keywords}
        if len(node.args) > len(names) or set(nodes) != set(names):
            raise not_compiled(node, f"this call of `{function.name}`", "pass one argument for each parameter")
        before: list[ast.stmt] = []
        given: Given = {}
        for name in names:
            each = nodes[name]
            made = self.made(each, frame)
            if made is not None:
                variable = self.fresh(f"{name}_channel")
                before += self.channels(ast.Name(variable, ast.Store()), made, frame, single=makes_one(each))
                each = load(variable)
            given[name] = (each, value_of(each, frame.values))
        return before, given

    def declare(self, function: Function, name: str, given: Given, frame: Frame) -> list[ast.stmt]:
        """A process, which is called `name` unless another one is."""
        carried: dict[str, list[Carried]] = {}
        arguments: list[ast.expr] = []
        for param in function.params:
            node, value = given[param.name]
            if not param.is_end:
                arguments.append(self.expression(node, frame))
                continue
            channels = channels_in(value)
            if isinstance(value, ArrayValue | Expr):
                what = "a tensor" if isinstance(value, ArrayValue) else "a number"
                raise not_an_end(function.name, param, what, origin_of(node))
            if not channels or (not param.several and len(channels) != 1):
                raise not_compiled(node, f"`{ast.unparse(node)}` for the end `{param.name}`", "pass channels by name")
            carried[param.name] = [self.carried[each] for each in channels]
            arguments += [load(self.variables[each]) for each in channels]
        kernel = self.instances.kernel(function, carried)
        return self.call(kernel, name, arguments)

    def call(self, kernel: str, name: str, arguments: Sequence[ast.expr]) -> list[ast.stmt]:
        """The line that declares a process, and the one that names it."""
        wanted, plain = unique(name, self.processes), unique(kernel, self.processes)
        self.processes.add(wanted)
        self.started.add(kernel)
        said = [effect(call("process_name", ast.Constant(wanted)))] if wanted != plain else []
        return [*said, effect(call(kernel, *arguments))]

    def inlined(self, network: Function, given: Given) -> list[ast.stmt]:
        """The processes of a network that this one calls."""
        values: Scope = {**self.constants}
        names: dict[str, ast.expr] = {}
        sizes: dict[str, Expr] = {}
        for param in network.params:
            node, value = given[param.name]
            values[param.name] = value
            if not param.is_end:
                names[param.name] = node
            if isinstance(value, ArrayValue) and isinstance(param.type, TensorType | TileType):
                pairs = zip(param.type.dims, value.dims, strict=False)
                sizes |= {str(dim): have for dim, have in pairs if str(dim) in dim.symbols and have is not None}
        inner = {each: load(self.fresh(each)) for each in sorted(assigned(network.body)) if each not in values}
        return self.block(copy.deepcopy(list(network.body)), Frame(values, {**names, **inner}, sizes))

    def replicate(self, node: ast.Call, frame: Frame) -> list[ast.stmt]:
        """Processes that are alike."""
        match node.args:
            case [ast.Name(id=name), count, *args] if name in self.functions:
                function = self.functions[name]
            case _:
                raise not_compiled(node, "this `replicate`", "write `replicate(process, count, …)`")
        number = value_of(count, frame.values)
        if not isinstance(number, Expr) or number.constant is None:
            raise not_compiled(node, "a number of processes that depends on data", "write a constant")
        inner = ast.Call(ast.Name(name, ast.Load()), args, node.keywords)
        made, given = self.arguments(function, inner, frame)
        for k in range(number.constant):
            own = {each: dealt(*passed, k, number.constant) for each, passed in given.items()}
            made += self.declare(function, f"{name}{k}", own, frame)
        return made

    def broadcast(self, node: ast.Call, frame: Frame) -> list[ast.stmt]:
        """A process that copies tokens."""
        plain = [each.value if isinstance(each, ast.Starred) else each for each in node.args]
        channels = [name for each in plain for name in channels_in(value_of(each, frame.values))]
        place = origin_of(node)
        if len(channels) < 2 or place is None:
            raise not_compiled(node, "this `broadcast`", "pass one channel that is received from and some to send on")
        kernel = self.instances.broadcast(self.carried[channels[0]], len(channels) - 1, place)
        return self.call(kernel, "broadcast", [load(self.variables[each]) for each in channels])
