"""Statements that nothing needs any more.

Knows reads and effects; does not know instructions.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.effects import has_effect
from htp.liveness import loads, writes
from htp.program import origin_of, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function

__all__ = ["alive", "with_sizes"]


def alive(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements without values that nobody reads, until none is left."""
    while True:
        read = {name for each in body for name in loads(each)}
        fewer = _without(body, read)
        if sum(1 for each in fewer for _ in ast.walk(each)) == sum(1 for each in body for _ in ast.walk(each)):
            return fewer
        body = fewer


def _without(body: Sequence[ast.stmt], read: set[str]) -> list[ast.stmt]:
    result: list[ast.stmt] = []
    for node in body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                if name not in read and not has_effect(value):
                    continue
                new: ast.stmt = node
            case ast.For():
                inner = _without(node.body, read)
                if not inner:
                    continue
                new = stamp(ast.For(node.target, node.iter, inner, [], lineno=0), origin_of(node))
            case ast.While():
                new = stamp(ast.While(node.test, _without(node.body, read) or [ast.Pass()], []), origin_of(node))
            case ast.If():
                inner, orelse = _without(node.body, read), _without(node.orelse, read)
                if not inner and not orelse:
                    continue
                new = stamp(ast.If(node.test, inner or [ast.Pass()], orelse), origin_of(node))
            case ast.Assign(targets=[ast.Name(id=name)]) if name not in read and not has_effect(node.value):
                continue
            case ast.Pass():
                continue
            case _:
                new = node
        result.append(new)
    return result


def with_sizes(function: Function, body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The body behind `m = x.shape[0]` for every size of the signature that it computes with and nobody names."""
    named = {name for each in body for name in writes(each)} | {each.name for each in function.params}
    missing = {name for each in body for name in loads(each)} - named
    heads: list[ast.stmt] = []
    for param in function.params:
        for axis, size in enumerate(getattr(param.type, "dims", ())):
            if str(size) in missing:
                missing.remove(str(size))
                shape = ast.parse(f"{param.name}.shape[{axis}]", mode="eval").body
                heads.append(stamp(ast.Assign([ast.Name(str(size), ast.Store())], shape, lineno=0), function.origin))
    return [*heads, *body]
