"""What is asked of the processes of a cluster, and done with each before anything is known of its channels.

Knows units and first tokens; does not know how often a process sends.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.fresh_names import unused
from htp.infer.engine import infer
from htp.infer.values import Region
from htp.liveness import loads
from htp.lowering.build import assigned, call, expression
from htp.program import origin_of, stamp
from htp.types import TensorType, TileType
from htp_backend_pto.lower.cluster.nests import turns_of
from htp_backend_pto.lower.cluster.reading import Process, no_cluster
from htp_backend_pto.lower.cluster.sizes import used_names
from htp_backend_pto.lower.split.prepare import forwarded
from htp_backend_pto.lower.units import Units, accumulated, called, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Function, Program
    from htp.types import Param
    from htp_backend_pto.lower.cluster.reading import Net
    from htp_backend_pto.lower.cluster.sizes import Member

__all__ = ["alone", "carried_sums", "fixed", "loaded", "pushed", "single", "summed"]


def alone(program: Program, net: Net) -> tuple[Program, Net]:
    """The network with kernels that nobody else calls."""
    mine = {id(node) for each in net.processes for node in ast.walk(each.statement)}
    others = {
        node.id for each in program.functions for one in each.body for node in ast.walk(one)
        if isinstance(node, ast.Name) and id(node) not in mine
    }  # fmt: skip
    names = {each.name for each in program.functions}
    functions = list(program.functions)
    for number, each in enumerate(net.processes):
        if each.kernel.name in others:
            copy = replace(each.kernel, name=unused(f"{net.routine.name}_{each.kernel.name}", names))
            names.add(copy.name)
            functions.insert(0, copy)
            net.processes[number] = replace(each, kernel=copy)
    return replace(program, functions=tuple(functions)), net


def fixed(program: Program, net: Net) -> Program:
    """The program in which the processes know the sizes that are numbers where they are called."""
    known = infer(program, net.routine)
    for number, each in enumerate(net.processes):
        sizes = _numbers(each, known)
        params = tuple(_with_sizes(param, sizes) for param in each.kernel.params)
        kernel = replace(each.kernel, params=params)
        net.processes[number] = replace(each, kernel=kernel)
        program = program.replace(kernel)
    return program


def loaded(program: Program, net: Net) -> Program:
    """The program in which the process of products takes parts of tiles that it loads from where they come."""
    for number, each in enumerate(net.processes):
        if each.unit == "cube":
            kernel = forwarded(program, each.kernel)
            net.processes[number] = replace(each, kernel=kernel)
            program = program.replace(kernel)
    return program


def _numbers(process: Process, known: Inference) -> dict[str, Expr]:
    found: dict[str, Expr] = {}
    for param in process.kernel.params:
        region = known.types.get(id(process.arguments[param.name]))
        if isinstance(param.type, TensorType) and isinstance(region, Region):
            pairs = zip(param.type.dims, region.dims, strict=True)
            found |= {str(own): size for own, size in pairs if str(own) in own.symbols and size.constant is not None}
    return found


def _with_sizes(param: Param, sizes: Mapping[str, Expr]) -> Param:
    if not isinstance(param.type, TensorType | TileType):
        return param
    dims = tuple(each.substitute(sizes) for each in param.type.dims)
    return replace(param, type=replace(param.type, dims=dims))


def summed(member: Member, known: Inference, spelled: Mapping[str, str]) -> list[tuple[ast.expr, ast.For]]:
    """What must hold, at which loop, so that sums of the process of products begin with their first product.

    Raises:
        Refused: `pto.no-cluster` for sums in loops whose bounds are no sizes.
    """
    found: dict[str, tuple[ast.expr, ast.For]] = {}
    for loop in walk(member.process.kernel.body):
        if not isinstance(loop, ast.For) or not carried_sums(loop):
            continue
        turns = turns_of(loop, known)
        length = turns.stop - turns.start
        if length.constant is not None and length.constant > 0:
            continue
        if length.symbols - member.sizes.keys():
            raise no_cluster(loop, "a sum that may have no products", "add up over a size, from begin to end")
        test = ast.Compare(expression(member.outside(length, spelled)), [ast.Gt()], [ast.Constant(0)])
        found.setdefault(ast.unparse(test), (test, loop))
    return list(found.values())


def carried_sums(loop: ast.For) -> set[str]:
    """The sums that a loop adds to and does not begin."""
    added, begun = set[str](), set[str]()
    for each in walk(loop.body):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            (added if accumulated(each.value) is not None else begun).add(each.target.id)
    return added - begun


def single(program: Program, process: Process) -> None:
    """Refuses a process of products that computes other tiles too.

    Raises:
        Refused: `pto.no-cluster`.
    """
    if process.unit == "vector":
        return
    kernel = process.kernel
    known = infer(program, kernel)
    units = Units(kernel, known)
    for each in walk(kernel.body):
        if isinstance(each, ast.For | ast.While | ast.If) or units.unit(each) != "vector":
            continue
        value = each.value if isinstance(each, ast.AnnAssign | ast.Assign) else None
        if called(value) != "token":
            text = ast.unparse(value) if value is not None and called(value) else ast.unparse(each)
            raise no_cluster(
                each, f"`{text}` in a process of products",
                "let the other process compute it, to which the product is sent; or compile without the pin of "
                "`pto.cluster`",
            )  # fmt: skip
    for each in walk(kernel.body):
        match each:
            case ast.Expr(value=ast.Call(func=ast.Name("send"), args=[_, ast.Name(id=name)])) if not _is_product(
                units, name
            ):
                raise no_cluster(
                    each, f"sending `{name}`, which is no product", "let the process load it to which it is sent"
                )
            case _:
                pass


def _is_product(units: Units, name: str) -> bool:
    values = [each.value for each in units.definitions[name] if isinstance(each, ast.AnnAssign)]
    return name in units.accumulators or all(called(each) == "tile.dot" for each in values)


def pushed(program: Program, net: Net) -> list[Function]:
    """The senders of channels with tokens at the beginning, which they send before anything else.

    Raises:
        Refused: `pto.no-cluster` for tokens that are not made of one number, and for those of the cube process.
    """
    made: dict[str, Function] = {}
    tiles = {each.target.id: each.value for each in net.before
             if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)}  # fmt: skip
    for name, stream in net.streams.items():
        process, end = net.producer(name)
        heads: list[ast.stmt] = []
        kernel = made.get(process.kernel.name, program.function(process.kernel.name))
        for token in stream.initial:
            value = tiles.get(token.id, token) if isinstance(token, ast.Name) else token
            if value is None or called(value) != "tile.full" or process.unit == "cube":
                raise no_cluster(
                    stream.statement, f"beginning with a token of '{name}' that the vector process does not make",
                    "begin with `tile.full` or `tile.zeros`, in a channel from the vector process to the cube process",
                )  # fmt: skip
            local = unused(f"{name}_first", used_names(kernel) | {n for each in heads for n in loads(each)})
            heads += [assigned(local, value), ast.Expr(call("send", end, local))]
        net.streams[name] = replace(stream, initial=())
        if heads:
            place = origin_of(stream.statement)
            made[kernel.name] = replace(kernel, body=(*(stamp(each, place) for each in heads), *kernel.body))
    return list(made.values())
