"""Slices of memory that a kernel loads more than once are loaded once.

Knows loads of arrays that nobody writes; does not know instructions.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.infer.engine import infer
from htp.infer.values import Region
from htp.liveness import loads, writes
from htp.rewriting import Rewriter
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Function, Program

__all__ = ["shared"]


def shared(program: Program, kernel: Function) -> Function:
    """The kernel with one load for equal slices of an array that it only reads."""
    sharing = _Sharing(program, kernel)
    body = sharing.block(kernel.body, {})
    return kernel if not sharing.same else replace(kernel, body=tuple(_Renamed(sharing.same).statements(body)))


class _Sharing:
    """Finds loads that repeat an earlier one of the same block, or of one around it."""

    def __init__(self, program: Program, kernel: Function) -> None:
        self.known = infer(program, kernel)
        self.inputs = {each.name for each in kernel.params if each.direction == "in"}
        simple = (each for each in walk(kernel.body) if not isinstance(each, ast.For | ast.While | ast.If))
        self.times = Counter(name for each in simple for name in writes(each))
        self.same: dict[str, str] = {}

    def block(self, body: Sequence[ast.stmt], earlier: Mapping[str, str]) -> list[ast.stmt]:
        seen = dict(earlier)
        result: list[ast.stmt] = []
        for statement in body:
            if isinstance(statement, ast.For | ast.While):
                result.append(with_blocks(statement, self.block(statement.body, seen)))
            elif isinstance(statement, ast.If):
                inner = self.block(statement.body, seen)
                result.append(with_blocks(statement, inner, self.block(statement.orelse, seen)))
            elif (load := self.load(statement)) is None:
                result.append(statement)
            elif load[1] in seen:
                self.same[load[0]] = seen[load[1]]
            else:
                seen[load[1]] = load[0]
                result.append(statement)
        return result

    def load(self, statement: ast.stmt) -> tuple[str, str] | None:
        """The name and the text of a load that is the same wherever it stands; `None` for anything else."""
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                known = self.known.types.get(id(value))
            case _:
                return None
        if not isinstance(known, Region) or known.root not in self.inputs:
            return None
        steady = all(self.times[each] <= 1 for each in (name, *loads(value)))
        return (name, ast.unparse(value)) if steady else None


class _Renamed(Rewriter):
    """Names of later loads as those of the first."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        """A name, or that of the load that it repeats."""
        name = self.names.get(node.id)
        return node if name is None else ast.Name(name, node.ctx)
