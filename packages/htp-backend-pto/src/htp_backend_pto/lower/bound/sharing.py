"""Slices of memory that a kernel loads more than once, and does not write in between, are loaded once.

Knows loads and stores; does not know instructions.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.infer.engine import infer
from htp.infer.values import Region
from htp.liveness import loads, writes
from htp.rewriting import Rewriter
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from htp.program import Function, Program

__all__ = ["shared"]


def shared(program: Program, kernel: Function) -> Function:
    """The kernel with one load for equal slices of what an array holds."""
    sharing = _Sharing(program, kernel)
    body = sharing.block(kernel.body, {})
    return kernel if not sharing.same else replace(kernel, body=tuple(_Renamed(sharing.same).statements(body)))


@dataclass(frozen=True)
class _Load:
    """A name, the slice that it is loaded from as text, and its array."""

    name: str
    text: str
    array: str


class _Sharing:
    """Finds loads that repeat an earlier one of the same block, or of one around it."""

    def __init__(self, program: Program, kernel: Function) -> None:
        self.known = infer(program, kernel)
        self.arrays = {each.name for each in kernel.params}
        self.stores = {id(each.node): each.root for each in self.known.accesses if each.writes}
        simple = (each for each in walk(kernel.body) if not isinstance(each, ast.For | ast.While | ast.If))
        self.times = Counter(name for each in simple for name in writes(each))
        self.same: dict[str, str] = {}

    def block(self, body: Sequence[ast.stmt], earlier: Iterable[_Load]) -> list[ast.stmt]:
        """The statements without such loads; `earlier` is there in front of them."""
        seen = [*earlier]
        result: list[ast.stmt] = []
        for statement in body:
            still = [each for each in seen if each.array not in self.written(statement)]
            load = self.load(statement)
            first = next((each for each in seen if load is not None and each.text == load.text), None)
            if isinstance(statement, ast.For | ast.While):  # a turn comes behind the stores of the one before
                result.append(with_blocks(statement, self.block(statement.body, still)))
            elif isinstance(statement, ast.If):
                inner = self.block(statement.body, seen)
                result.append(with_blocks(statement, inner, self.block(statement.orelse, seen)))
            elif load is not None and first is not None:
                self.same[load.name] = first.name
            else:
                still += [load] if load is not None else []
                result.append(statement)
            seen = still
        return result

    def written(self, statement: ast.stmt) -> frozenset[str]:
        """The arrays that a statement, or one in it, stores to."""
        return frozenset(self.stores[id(node)] for node in ast.walk(statement) if id(node) in self.stores)

    def load(self, statement: ast.stmt) -> _Load | None:
        """A load that is the same wherever it stands; `None` for anything else."""
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                known = self.known.types.get(id(value))
            case _:
                return None
        if not isinstance(known, Region) or known.root not in self.arrays:
            return None
        steady = all(self.times[each] <= 1 for each in (name, *loads(value)))
        return _Load(name, ast.unparse(value), known.root) if steady else None


class _Renamed(Rewriter):
    """Names of later loads as those of the first."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        """A name, or that of the load that it repeats."""
        name = self.names.get(node.id)
        return node if name is None else ast.Name(name, node.ctx)
