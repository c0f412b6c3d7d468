"""Turns of kernels' loops that may store nothing: what stands in them runs only where there is something to store.

Loads and stores of nothing are not instructions. Knows loops of divided programs; does not know instructions.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from htp.dims import sym
from htp.effects import has_effect
from htp.infer.engine import infer
from htp.infer.values import Index, Region
from htp.liveness import loads, writes
from htp.lowering.build import expression
from htp.program import origin_of, stamp
from htp_backend_pto.lower.blocks import exposed, with_blocks
from htp_backend_pto.lower.gangs import is_gang, is_member
from htp_backend_pto.lower.translate import spelled_symbols
from htp_backend_pto.lower.units import walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.dims import Expr
    from htp.program import Function, Program

__all__ = ["with_turns"]


def with_turns(program: Program) -> Program:
    """The program whose kernels leave out the turns of loops that begin past the end of what they store to."""
    kernels = [each for each in program.functions if each.kind == "kernel" and not is_gang(each)]
    return program.replace(*(_Turns(program, each).function() for each in kernels if not is_member(each)))


class _Turns:
    def __init__(self, program: Program, kernel: Function) -> None:
        self.kernel = kernel
        self.known = infer(program, kernel)
        self.spelled = {symbol: sym(name) for symbol, name in spelled_symbols(kernel.body, self.known).items()}

    def function(self) -> Function:
        """The kernel; the same one where every turn stores something."""
        body = self._block(self.kernel.body)
        same = all(one is other for one, other in zip(body, self.kernel.body, strict=True))
        return self.kernel if same else replace(self.kernel, body=tuple(body))

    def _block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [self._statement(each, body[number + 1 :]) for number, each in enumerate(body)]

    def _statement(self, node: ast.stmt, behind: Sequence[ast.stmt]) -> ast.stmt:
        if not isinstance(node, ast.For | ast.While | ast.If):
            return node
        heads = list(takewhile(self._is_number, node.body))
        rest = node.body[len(heads) :]
        if isinstance(node, ast.For) and (length := self._length(node, rest, behind)) is not None:
            test = ast.Compare(expression(length), [ast.Gt()], [ast.Constant(0)])
            inner = stamp(ast.If(test, rest, []), origin_of(node))
            return with_blocks(node, [*heads, inner])
        inside, orelse = self._block(node.body), self._block(node.orelse)
        same = all(one is other for one, other in zip([*inside, *orelse], [*node.body, *node.orelse], strict=True))
        return node if same else with_blocks(node, inside, orelse)

    def _is_number(self, node: ast.stmt) -> bool:
        """Whether a statement computes an integer, such as where a slice begins."""
        target = node.target if isinstance(node, ast.AnnAssign) else None
        return isinstance(self.known.types.get(id(target)), Index)

    def _length(self, node: ast.For, rest: Sequence[ast.stmt], behind: Sequence[ast.stmt]) -> Expr | None:
        """The size that all stores of a turn have and that may be zero, where a turn does nothing but store.

        `rest` is what is left of a turn behind the numbers that it begins with.
        """
        body = list(walk(rest))
        used = exposed(node.body) | {name for each in behind for name in loads(each)}
        effects = any(isinstance(each, ast.Expr) and has_effect(each.value) for each in body)
        if effects or not rest or any(writes(each) & used for each in node.body):
            return None
        sizes = list(self._stored(body))
        shared = [each for each in sizes[0] if all(each in other for other in sizes[1:])] if sizes else []
        facts = self.known.facts_at(rest[0])
        names = {node.id for each in self.kernel.body for node in ast.walk(each) if isinstance(node, ast.Name)}
        names -= {name for each in rest for name in writes(each)}
        open_ = (each for each in shared if each.constant is None and not facts.nonnegative(each - 1))
        spelled = (each.substitute(self.spelled) for each in open_)
        return next((each for each in spelled if each.symbols <= names), None)

    def _stored(self, body: Sequence[ast.stmt]) -> Iterator[tuple[Expr, ...]]:
        for each in body:
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Subscript):
                region = self.known.types.get(id(each.targets[0]))
                yield region.dims if isinstance(region, Region) else ()
