"""Networks as a package declares them, before any run: read from the text of its first stage in process form.

Knows the words of the process form; does not know what a run of them does, nor how they are drawn.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from htp.networks import unique
from htp.views.differences import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.artifact.read import Package

__all__ = ["DeclaredChannel", "DeclaredNetwork", "DeclaredProcess", "networks_in", "networks_of"]

NUMBERS = ("capacity", "latency", "response", "least", "whole_turns")
"""What is written of a channel that is a number."""


@dataclass(frozen=True)
class DeclaredProcess:
    """A process, the kernel that it runs, and the user's line."""

    name: str
    kernel: str
    place: str = ""


@dataclass(frozen=True)
class DeclaredChannel:
    """A channel with what is written of it; `sender` and `receiver` are processes, empty where there is none.

    Numbers are texts: a capacity may be a size that is known only when the program runs. `least` is the capacity with
    which the network does not get stuck, `whole_turns` the one with which processes do whole turns of their loops;
    empty where compiling did not find out.
    """

    name: str
    payload: str
    capacity: str = "1"
    latency: str = "0"
    response: str = "0"
    initial: int = 0
    sender: str = ""
    receiver: str = ""
    least: str = ""
    whole_turns: str = ""


@dataclass(frozen=True)
class DeclaredNetwork:
    """The processes and channels of a network, in the order in which they are declared."""

    name: str
    processes: tuple[DeclaredProcess, ...]
    channels: tuple[DeclaredChannel, ...]


def networks_of(package: Package) -> tuple[DeclaredNetwork, ...]:
    """The networks of a package; none where no stage is in process form."""
    for stage in package.stages:
        if "open_network" in (text := package.stage_text(stage.id)):
            return networks_in(text)
    return ()


def networks_in(text: str) -> tuple[DeclaredNetwork, ...]:
    """The networks that a stage in process form opens."""
    functions = {each.name: each for each in ast.parse(text).body if isinstance(each, ast.FunctionDef)}
    places = _places(text)
    return tuple(
        network for each in functions.values() if (network := _Reader(functions, places).network(each)) is not None
    )


def _places(text: str) -> dict[int, str]:
    """The user's line of every line; one without a comment belongs to the one before it."""
    found: dict[int, str] = {}
    place = ""
    for line in lines_of(text):
        place = line.origin or place
        found[line.number] = place
    return found


@dataclass
class _Reader:
    """Reads the statements between `open_network` and `close_network`."""

    functions: dict[str, ast.FunctionDef]
    places: dict[int, str]
    processes: dict[str, DeclaredProcess] = field(default_factory=dict[str, DeclaredProcess])
    channels: dict[str, DeclaredChannel] = field(default_factory=dict[str, DeclaredChannel])
    variables: dict[str, str] = field(default_factory=dict[str, str])
    named: str = ""

    def network(self, function: ast.FunctionDef) -> DeclaredNetwork | None:
        inside, opened = False, False
        for statement in _statements(function.body):
            word = _called(statement)
            if word in ("open_network", "close_network"):
                inside = word == "open_network"
                opened = opened or inside
            elif inside:
                self.statement(statement, word)
        if not opened:
            return None
        return DeclaredNetwork(function.name, tuple(self.processes.values()), tuple(self.channels.values()))

    def statement(self, statement: ast.stmt, word: str) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=variable)], value=ast.Call() as call) if word == "channel":
                self.channel(variable, call)
            case ast.Expr(value=ast.Call(args=[ast.Constant(value=str(name))])) if word == "process_name":
                self.named = name
            case ast.Expr(value=ast.Call() as call) if word in self.functions:
                self.process(self.functions[word], call)
            case _:
                pass

    def channel(self, variable: str, call: ast.Call) -> None:
        given = {each.arg or "": each.value for each in call.keywords}
        said, initial = given.get("name"), given.get("initial")
        wanted = said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else variable
        name = unique(wanted, self.channels)
        dtype, shape = (ast.unparse(each) for each in call.args)
        sizes = shape.strip("()").rstrip(",")
        form = "Tensor" if "region" in given else "Tile" if sizes else "Scalar"
        self.variables[variable] = name
        numbers = {each: ast.unparse(given[each]) for each in NUMBERS if each in given}
        self.channels[name] = replace(
            DeclaredChannel(name, f"{form}[{dtype}, {sizes}]" if sizes else f"{form}[{dtype}]"),
            initial=len(initial.elts) if isinstance(initial, ast.Tuple) else 0,
            **numbers,
        )

    def process(self, kernel: ast.FunctionDef, call: ast.Call) -> None:
        name = unique(self.named or kernel.name, self.processes)
        self.named = ""
        self.processes[name] = DeclaredProcess(name, kernel.name, self.places.get(call.lineno, ""))
        given = dict(zip((each.arg for each in kernel.args.args), call.args, strict=False))
        given |= {each.arg: each.value for each in call.keywords if each.arg is not None}
        for parameter in kernel.args.args:
            end, value = _end(parameter), given.get(parameter.arg)
            channel = self.variables.get(value.id) if isinstance(value, ast.Name) else None
            if end and channel is not None:
                self.channels[channel] = replace(self.channels[channel], **{end: name})


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement, those of branches included."""
    for each in body:
        yield each
        if isinstance(each, ast.If | ast.For):
            yield from _statements([*each.body, *each.orelse])


def _called(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(value=ast.Call(func=ast.Name(id=name))) | ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name
        case _:
            return ""


def _end(parameter: ast.arg) -> str:
    """Which field of a channel a parameter of a kernel gives."""
    match parameter.annotation:
        case ast.Subscript(value=ast.Name(id="Send")):
            return "sender"
        case ast.Subscript(value=ast.Name(id="Recv")):
            return "receiver"
        case _:
            return ""
