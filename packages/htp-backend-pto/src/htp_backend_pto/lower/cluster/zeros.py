"""A network whose sums have no products: the process of everything else by itself, whose tokens are zeros.

Knows when nothing but such sums is sent; does not know pipes.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.fresh_names import unused
from htp.lowering.build import assigned, call, expression, tuple_of
from htp_backend_pto.lower.blocks import changed
from htp_backend_pto.lower.cluster.members import carried_sums
from htp_backend_pto.lower.units import called, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.program import Function, Program
    from htp_backend_pto.lower.cluster.reading import Net
    from htp_backend_pto.lower.cluster.sizes import Member

__all__ = ["sends_sums", "with_zeros"]


def sends_sums(kernel: Function) -> bool:
    """Whether a process of products has no effect but that it sends sums of its loops."""
    sums = {name for each in walk(kernel.body) if isinstance(each, ast.For) for name in carried_sums(each)}
    calls = [each.value for each in walk(kernel.body) if isinstance(each, ast.Expr)]
    sent = {ast.unparse(each.args[1]) for each in calls if isinstance(each, ast.Call) and called(each) == "send"}
    return sent <= sums and all(each.direction not in ("out", "inout") for each in kernel.params)


def with_zeros(
    program: Program, net: Net, member: Member, spelled: Mapping[str, str]
) -> tuple[Function, list[ast.expr]]:
    """The process of everything else without the other one, and what the routine of the network calls it with."""
    kernel = program.function(member.process.kernel.name)
    tokens = {param: net.streams[name] for name in net.streams if (param := member.process.end(name)) is not None}

    def alone(node: ast.stmt) -> list[ast.stmt]:
        match node:
            case ast.Expr(value=ast.Call() as made) if called(made) in ("advance", "send"):
                return []
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made) if called(made) == "token":
                stream = tokens[ast.unparse(made.args[0])]
                sizes = made.args[1:] or [expression(each) for each in stream.shape]
                zero = 0.0 if stream.dtype.name in ("f32", "f16", "bf16") else 0
                return [assigned(name, call("tile.full", tuple_of(sizes), zero, stream.dtype.name))]
            case _:
                return [node]

    params = [each for each in (*member.process.kernel.params, *member.more) if not each.is_end]
    name = unused(f"{kernel.name}_zeros", {each.name for each in program.functions})
    passed = (each for each in member.passed if not isinstance(each, ast.Name) or each.id not in net.streams)
    made = replace(kernel, name=name, params=tuple(params), body=tuple(changed(kernel.body, alone)))
    return made, [_outside(each, member, spelled) for each in passed]


def _outside(given: ast.expr, member: Member, spelled: Mapping[str, str]) -> ast.expr:
    """What a process is given in its gang, as the routine of the network says it."""
    gang = member.gang
    if not isinstance(given, ast.Name):
        return given
    if given.id in gang.arguments:
        return gang.arguments[given.id]
    size = gang.sizes.get(given.id, sym(given.id))
    return expression(size.substitute({each: sym(spelled[each]) for each in size.symbols if each in spelled}))
