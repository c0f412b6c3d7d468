"""Networks as routines in process form write them: channels, and processes with what they are given.

Knows which networks a cluster of one cube core and two vector cores can run; does not rewrite anything.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Refused
from htp.names import STREAMS
from htp.program import origin_of
from htp.types import dtype_named
from htp_backend_pto.lower.units import called, walk

if TYPE_CHECKING:
    from htp.program import Function, Program
    from htp.types import DType
    from htp_backend_pto.lower.units import Unit

__all__ = ["Net", "Process", "Stream", "net_of", "no_cluster"]

MOVED = ("f32", "f16", "bf16", "i32", "i16", "i8", "u32", "u16", "u8")
"""Elements that go through pipes."""
WORDS = frozenset(("advance", "token", "token_size", "send", "close"))
"""What a process in a cluster may do with its channels."""
INSTEAD = "compile without the pin of `pto.cluster`: then what a process does between two waits is a task of its own"
POLLING = {
    "advance_any": "`select`", "try_advance": "`try_recv`", "try_send": "`try_send`",
    "peek": "`peek`", "occupancy": "`len`", "full": "`full`", "stop_process": "`stop`", "spawn_process": "`spawn`",
    "channel": "a channel of a process's own",
}  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """A channel of tiles of up to `shape`, with the tokens that are in it at the beginning."""

    name: str
    dtype: DType
    shape: tuple[int, int]
    capacity: int
    initial: tuple[ast.expr, ...]
    statement: ast.Assign


@dataclass(frozen=True)
class Process:
    """A process: its kernel, the unit that computes it, and what is passed for its parameters."""

    kernel: Function
    unit: Unit
    arguments: dict[str, ast.expr]
    statement: ast.stmt

    def end(self, stream: str) -> str | None:
        """The parameter that is an end of a channel."""
        names = (each.name for each in self.kernel.params if each.is_end)
        return next((name for name in names if ast.unparse(self.arguments[name]) == stream), None)


@dataclass
class Net:
    """The network of a routine; `before` and `behind` are the other statements."""

    routine: Function
    place: ast.stmt
    before: list[ast.stmt] = field(default_factory=list[ast.stmt])
    behind: list[ast.stmt] = field(default_factory=list[ast.stmt])
    streams: dict[str, Stream] = field(default_factory=dict[str, Stream])
    processes: list[Process] = field(default_factory=list[Process])

    def producer(self, stream: str) -> tuple[Process, str]:
        """The process that sends on a channel, and its end."""
        return self._side(stream, "send")

    def consumer(self, stream: str) -> tuple[Process, str]:
        """The process that receives from a channel, and its end."""
        return self._side(stream, "recv")

    def _side(self, stream: str, side: str) -> tuple[Process, str]:
        for process in self.processes:
            end = process.end(stream)
            if end is not None and process.kernel.param(end).direction == side:
                return process, end
        raise Bug(f"nobody is at the {side} end of '{stream}'")


def no_cluster(node: ast.AST, what: str, help: str = INSTEAD) -> Refused:
    """The refusal of something that a cluster does not do."""
    return Refused("pto.no-cluster", f"{what} cannot be done in one task", span=origin_of(node), help=help)


def net_of(program: Program, routine: Function) -> Net | None:
    """The network that a routine opens; none for other routines.

    Raises:
        Refused: `pto.no-cluster` for a network that is not one of a cube process and a vector process.
    """
    places = [each for each in routine.body if _word(each) == "open_network"]
    if not places:
        return None
    net = Net(routine, places[0])
    kernels = {each.name: each for each in program.functions if any(param.is_end for param in each.params)}
    closed = False
    for each in routine.body:
        match each:
            case ast.Expr(value=ast.Call(func=ast.Name(id="open_network" | "process_name"))):
                pass
            case ast.Expr(value=ast.Call(func=ast.Name(id="close_network"))):
                closed = True
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="channel")) as made):
                net.streams[name] = _stream(name, made, each)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as made) if name in kernels:
                net.processes.append(_process(kernels[name], made, each))
            case ast.If() | ast.For() | ast.While() if {n.id for n in ast.walk(each) if isinstance(n, ast.Name)} & (
                kernels.keys() | {"channel"}
            ):
                raise no_cluster(each, "a network with processes or channels that are there in some runs only")
            case _:
                (net.behind if closed else net.before).append(each)
    _check(net)
    return net


def _check(net: Net) -> None:
    units = sorted(each.unit for each in net.processes)
    if units != ["cube", "vector"]:
        told = ", ".join(f"`{each.kernel.name}` ({each.unit})" for each in net.processes)
        raise no_cluster(
            net.place, f"a network of {told}",
            "join the processes, so that one computes products and the other one everything else; or compile without "
            "the pin of `pto.cluster`",
        )  # fmt: skip
    for name, stream in net.streams.items():
        ends = net.producer(name), net.consumer(name)
        if ends[0][0] is ends[1][0]:
            raise no_cluster(stream.statement, f"a channel from `{ends[0][0].kernel.name}` to itself")
        if ends[0][0].unit == "vector":
            _check_reads(ends[0][0])


def _check_reads(process: Process) -> None:
    """Refuses a sender of the vector unit that reads what it writes: one of its two cores stores, and both send."""
    written = {each.name for each in process.kernel.params if each.direction in ("out", "inout")}
    for statement in walk(process.kernel.body):
        value = statement.value if isinstance(statement, ast.AnnAssign) else None
        if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name) and value.value.id in written:
            raise no_cluster(
                statement, f"reading `{value.value.id}`, which a process writes that sends to the cube cores",
                "keep the tile in a variable",
            )  # fmt: skip


def _process(kernel: Function, made: ast.Call, statement: ast.stmt) -> Process:
    names = [each.name for each in kernel.params]
    given = dict(zip(names, made.args, strict=False)) | {each.arg or "": each.value for each in made.keywords}
    for each in (node for one in kernel.body for node in ast.walk(one)):
        word = called(each) if isinstance(each, ast.Call) else ""
        if word == "one_of":
            raise no_cluster(each, "receiving from a channel that a number chooses")
        if word in STREAMS and word not in WORDS:
            raise no_cluster(
                each, POLLING.get(word, f"`{word}`"),
                "receive with `recv` or `for x in channel`; or compile for `cpu`, where processes can look at channels",
            )  # fmt: skip
    values = (each.value for each in walk(kernel.body) if isinstance(each, ast.AnnAssign | ast.Assign))
    unit: Unit = "cube" if any(called(each) == "tile.dot" for each in values) else "vector"
    return Process(kernel, unit, given, statement)


def _stream(name: str, made: ast.Call, statement: ast.Assign) -> Stream:
    given = {each.arg or "": each.value for each in made.keywords}
    dtype = dtype_named(ast.unparse(made.args[0]))
    shape = made.args[1].elts if isinstance(made.args[1], ast.Tuple) else []
    sizes = [each.value for each in shape if isinstance(each, ast.Constant) and isinstance(each.value, int)]
    if dtype is None or "region" in given or len(sizes) != len(shape) or len(sizes) != 2:
        raise no_cluster(
            statement, f"a channel of {'buffers' if 'region' in given else 'anything but tiles of constant size'}",
            "send tiles of rows and columns: `Channel[Tile[f32, 64, 64]]`",
        )  # fmt: skip
    if dtype.name not in MOVED:
        raise no_cluster(statement, f"a channel of {dtype.name}", f"send one of {', '.join(MOVED)}")
    if sizes[1] % 16 or sizes[1] * dtype.bits % 256:
        raise no_cluster(
            statement, f"a channel of tiles of {sizes[1]} columns",
            "send tiles whose columns are a multiple of 16, and of 32 bytes",
        )  # fmt: skip
    capacity, initial = given.get("capacity", ast.Constant(1)), given.get("initial", ast.Tuple([], ast.Load()))
    if not isinstance(capacity, ast.Constant) or not isinstance(capacity.value, int):
        raise no_cluster(statement, f"a capacity of '{name}' that depends on data", "write a constant")
    tokens = tuple(initial.elts) if isinstance(initial, ast.Tuple) else ()
    return Stream(name, dtype, (sizes[0], sizes[1]), capacity.value, tokens, statement)


def _word(statement: ast.stmt) -> str:
    return called(statement.value) if isinstance(statement, ast.Expr) else ""
