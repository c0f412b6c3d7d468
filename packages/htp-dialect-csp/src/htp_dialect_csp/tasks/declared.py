"""What a routine in process form declares: channels, and processes with what they are given. Knows no bodies."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.fresh_names import unused
from htp.program import origin_of
from htp.types import TileType, dtype_named
from htp_dialect_csp.lower.trees import integer
from htp_dialect_csp.tasks.trees import Axis, add, subtract, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program
    from htp.types import DType

__all__ = ["Net", "Running", "Stream", "View", "net_of", "no_tasks", "view_of"]


@dataclass(frozen=True)
class Stream:
    """A channel: tiles of up to `shape`, or numbers, which have none."""

    name: str
    dtype: DType
    shape: tuple[ast.expr, ...]
    capacity: int
    initial: tuple[ast.expr, ...]
    place: ast.stmt

    @property
    def is_number(self) -> bool:
        """Whether its tokens are numbers."""
        return not self.shape


@dataclass(frozen=True)
class View:
    """The part of an array that a process is given; its kept axes are the axes that the process sees."""

    root: str
    axes: tuple[Axis, ...]
    written: bool

    def inside(self, axes: Sequence[Axis]) -> tuple[Axis, ...]:
        """A part of the part, in the array's own axes."""
        inner = iter(axes)
        made: list[Axis] = []
        for each in self.axes:
            if each.kept:
                own = next(inner)
                made.append(Axis(add(each.start, own.start), own.extent, own.kept))
            else:
                made.append(each)
        return tuple(made)


@dataclass(frozen=True)
class Running:
    """A process: its name, its kernel, and what is passed for the parameters."""

    name: str
    kernel: Function
    arguments: dict[str, ast.expr]
    place: ast.stmt


@dataclass
class Net:
    """A network as a routine declares it; `before` are the statements of the routine that stay."""

    before: list[ast.stmt] = field(default_factory=list[ast.stmt])
    behind: list[ast.stmt] = field(default_factory=list[ast.stmt])
    streams: dict[str, Stream] = field(default_factory=dict[str, Stream])
    running: list[Running] = field(default_factory=list[Running])
    place: ast.stmt | None = None

    def peer(self, process: Running, stream: str) -> str:
        """The process at the other end of a channel."""
        ends = [each.name for each in self.running for given in each.arguments.values() if text(given) == stream]
        others = [each for each in ends if each != process.name]
        return others[0] if others else process.name

    def meet(self, process: Running, one: str, two: str) -> bool:
        """Whether what lies behind two channels of a process is connected without it."""
        start, goal = self.peer(process, one), self.peer(process, two)
        seen, left = {process.name}, [start]
        if process.name in (start, goal):
            return True
        while left:
            name = left.pop()
            if name == goal:
                return True
            if name in seen:
                continue
            seen.add(name)
            own = next(each for each in self.running if each.name == name)
            left += [self.peer(own, text(each)) for each in own.arguments.values() if text(each) in self.streams]
        return False

    def sized(self, stream: str) -> tuple[int, ...]:
        """The axes along which tokens of a channel may be smaller than it says."""
        found: set[int] = set()
        for running in self.running:
            for param in running.kernel.params:
                if param.is_end and text(running.arguments[param.name]) == stream and isinstance(param.type, TileType):
                    found |= {axis for axis, dim in enumerate(param.type.dims) if dim.constant is None}
        return tuple(sorted(found))


def no_tasks(node: ast.AST, what: str, help: str) -> Refused:
    """The refusal of something that runs in processes and that no tasks can do."""
    return Refused("csp.no-tasks", f"{what} cannot be done by tasks", span=origin_of(node), help=help)


def net_of(program: Program, routine: Function) -> Net | None:
    """The network that a routine opens; none for other routines.

    Raises:
        Refused: `csp.no-tasks`.
    """
    kernels = {each.name: each for each in program.functions if any(param.is_end for param in each.params)}
    reader = _Reader(kernels)
    for each in routine.body:
        reader.statement(each)
    return reader.net if reader.net.place is not None else None


class _Reader:
    """Reads the statements of a routine."""

    def __init__(self, kernels: dict[str, Function]) -> None:
        self.kernels = kernels
        self.net = Net()
        self.name = ""
        self.closed = False

    def statement(self, statement: ast.stmt) -> None:
        """One statement of the routine."""
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id="open_network"))):
                self.net.place = statement
            case ast.Expr(value=ast.Call(func=ast.Name(id="close_network"))):
                self.closed = True
            case ast.Expr(value=ast.Call(func=ast.Name(id="process_name"), args=[ast.Constant(value=str(name))])):
                self.name = name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="channel")) as made):
                self.net.streams[name] = _stream(name, made, statement)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as made) if name in self.kernels:
                self.process(self.kernels[name], made, statement)
            case ast.If() | ast.For() | ast.While() if _declares(statement, self.kernels):
                raise no_tasks(
                    statement, "a network with processes that are there in some runs only",
                    "declare them always, or compile for `cpu`",
                )  # fmt: skip
            case _:
                (self.net.behind if self.closed else self.net.before).append(statement)

    def process(self, kernel: Function, made: ast.Call, place: ast.stmt) -> None:
        names = [each.name for each in kernel.params]
        arguments = dict(zip(names, made.args, strict=False)) | {each.arg or "": each.value for each in made.keywords}
        wanted, self.name = self.name or kernel.name, ""
        taken = {each.name for each in self.net.running}
        self.net.running.append(Running(unused(wanted, taken), kernel, arguments, place))


def _declares(statement: ast.stmt, kernels: dict[str, Function]) -> bool:
    words = {"channel", "open_network", *kernels}
    return any(isinstance(node, ast.Name) and node.id in words for node in ast.walk(statement))


def _stream(name: str, made: ast.Call, place: ast.stmt) -> Stream:
    given = {each.arg or "": each.value for each in made.keywords}
    dtype = dtype_named(text(made.args[0]))
    shape = made.args[1]
    capacity = given.get("capacity", integer(1))
    initial = given.get("initial", ast.Tuple([], ast.Load()))
    if dtype is None or not isinstance(shape, ast.Tuple):
        raise Bug(f"not a channel: `{text(made)}`")
    if "region" in given:
        raise no_tasks(place, f"handing a buffer on through '{name}'", "send tiles: Channel[Tile[f32, 16, 64]]")
    if not isinstance(capacity, ast.Constant) or not isinstance(capacity.value, int):
        raise no_tasks(place, f"a capacity of '{name}' that depends on data", "write a constant")
    if not isinstance(initial, ast.Tuple):
        raise no_tasks(place, f"`{text(initial)}` as initial tokens", "write them out: `initial=(0.0,)`")
    return Stream(name, dtype, tuple(shape.elts), capacity.value, tuple(initial.elts), place)


def view_of(argument: ast.expr, rank: int, *, written: bool, sizes: Sequence[ast.expr]) -> View:
    """The part of an array that an argument names; `sizes` are what the process's own axes are long."""
    match argument:
        case ast.Name(id=root):
            return View(root, tuple(Axis(integer(0), each) for each in sizes), written)
        case ast.Subscript(value=ast.Name(id=root), slice=index):
            parts = index.elts if isinstance(index, ast.Tuple) else [index]
            return View(root, tuple(_axis(root, number, each) for number, each in enumerate(parts)), written)
        case _:
            raise Bug(f"not an array of {rank} axes: `{text(argument)}`")


def _axis(root: str, number: int, part: ast.expr) -> Axis:
    if not isinstance(part, ast.Slice):
        return Axis(part, integer(1), kept=False)
    size = ast.parse(f"{root}.shape[{number}]", mode="eval").body
    start = part.lower if part.lower is not None else integer(0)
    return Axis(start, subtract(part.upper if part.upper is not None else size, start))
