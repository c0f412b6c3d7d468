"""Calls of kernels under a condition on sizes, with another kernel where it does not hold.

Knows calls; does not know what kernels compute.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from htp.dims import const, sym
from htp.fresh_names import unused
from htp.infer.engine import infer
from htp.infer.values import Index, Region
from htp.lowering.build import expression
from htp.program import Function, origin_of, stamp
from htp.types import ScalarType, TensorType
from htp_backend_pto.lower.bounds import arguments_of
from htp_backend_pto.lower.sites import marked, site_of
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.translate import spelled_symbols
from htp_backend_pto.lower.units import called

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Program

__all__ = ["Guarding", "Special"]


class Special(Protocol):
    """A kernel that is not called where one of some sizes is zero: `lengths`, of which one counts."""

    kernel: Function
    lengths: list[Expr]

    def instead(self, name: str) -> Function | None:
        """The kernel that is called there; `None` where there is none."""
        ...


class Guarding:
    """Puts calls of kernels under the condition that a size is above zero; `NAME_suffix` are those called instead."""

    def __init__(
        self, program: Program, kernels: Mapping[str, Special], suffix: str, present: Iterable[Expr] = ()
    ) -> None:
        self.source = program
        self.present = tuple(present)
        """Sizes of the entry that are above zero wherever something runs."""
        self.kernels = kernels
        self.suffix = suffix
        self.known: Inference = infer(program, program.main)
        self.spelled = {each: sym(name) for each, name in spelled_symbols(program.main.body, self.known).items()}
        self.made: dict[str, Function] = {}
        """What is called instead, by the kernel's name."""

    def program(self) -> Program:
        """The program with its calls under conditions; the same one where none is."""
        body = self._block(self.source.main.body)
        if not self.made:
            return self.source
        main = replace(self.source.main, body=tuple(with_sizes(self.source.main, body)))
        others = [each for each in self.source.functions if each.name != main.name]
        return replace(self.source, functions=(*others, *self.made.values(), main))

    def _block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for each in body:
            if isinstance(each, ast.For):
                new: ast.stmt = ast.For(each.target, each.iter, self._block(each.body), [], lineno=0)
            elif isinstance(each, ast.While):
                new = ast.While(each.test, self._block(each.body), [])
            elif isinstance(each, ast.If):
                new = ast.If(each.test, self._block(each.body), self._block(each.orelse))
            else:
                result += self._call(each, result)
                continue
            result.append(_marked_like(new, each))
        return result

    def _call(self, node: ast.stmt, before: list[ast.stmt]) -> list[ast.stmt]:
        value = node.value if isinstance(node, ast.Expr) else None
        function = value.func if isinstance(value, ast.Call) else None
        special = self.kernels.get(function.id) if isinstance(function, ast.Name) else None
        if special is None or not isinstance(value, ast.Call):
            return [node]
        length = self._outside(special, value)
        facts = self.known.facts_at(node)
        for each in self.present:
            facts = facts.with_nonnegative(each - 1)
        if length is None or facts.nonnegative(length - 1):
            return [node]
        kernel = special.kernel.name
        if kernel not in self.made:
            taken = {each.name for each in (*self.source.functions, *self.made.values())}
            made = special.instead(unused(f"{kernel}_{self.suffix}", taken))
            if made is None:
                return [node]
            self.made[kernel] = made
        told: list[ast.stmt] = []
        while before and called(getattr(before[-1], "value", None)) == "task":
            told.insert(0, before.pop())
        other = ast.Expr(ast.Call(ast.Name(self.made[kernel].name, ast.Load()), value.args, value.keywords))
        test = ast.Compare(expression(length.substitute(self.spelled)), [ast.Gt()], [ast.Constant(0)])
        instead = [*told, stamp(other, origin_of(node))]
        return [_marked_like(ast.If(test, [*told, node], instead), node)]

    def _outside(self, special: Special, node: ast.Call) -> Expr | None:
        """The size that counts, in what the routine knows."""
        meanings: dict[str, Expr] = {}
        for param, argument in arguments_of(special.kernel, node):
            known = self.known.types.get(id(argument))
            if isinstance(param.type, TensorType) and isinstance(known, Region):
                for size, extent in zip(param.type.dims, known.dims, strict=True):
                    if str(size) in size.symbols:
                        meanings.setdefault(str(size), extent)
            elif isinstance(param.type, ScalarType) and isinstance(known, Index):
                meanings[param.name] = known.value
        length = special.lengths[0]
        if not length.symbols <= meanings.keys() or length == const(0):
            return None
        return length.substitute(meanings)


def _marked_like(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    """A statement in the place of another one."""
    return marked(stamp(new, origin_of(old)), site_of(old))
