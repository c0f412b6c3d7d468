"""The pass that finds loops whose iterations are independent and lets them run at the same time.

Knows how they are marked; `htp.independence` knows which they are.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import Normalized, Parallel, Simplified
from htp.independence import Independence
from htp.infer.engine import infer
from htp.passes import Pass
from htp.program import origin_of, stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function, Program


@dataclass(frozen=True)
class Parallelize(Pass):
    """Outermost loops of kernels with independent iterations become `parallel`; perfect nests become one."""

    name = "cpu.parallelize"
    requires = (Normalized(), Simplified())
    provides = (Parallel(),)

    def apply(self, program: Program) -> Program:
        """The program with its independent loops marked."""
        kernels = [each for each in program.functions if each.kind == "kernel"]
        return program.replace(*(_Finder(program, each).function() for each in kernels))


class _Finder:
    def __init__(self, program: Program, function: Function) -> None:
        self.source = function
        self.loops = Independence(function, infer(program, function))

    def function(self) -> Function:
        return replace(self.source, body=tuple(self.statement(each) for each in self.source.body))

    def statement(self, statement: ast.stmt) -> ast.stmt:
        if isinstance(statement, ast.For):
            nest = self.loops.nest(statement)
            if nest:
                return self.marked(nest)
            new: ast.stmt = ast.For(statement.target, statement.iter, self.block(statement.body), [], lineno=0)
        elif isinstance(statement, ast.While):
            new = ast.While(statement.test, self.block(statement.body), [])
        elif isinstance(statement, ast.If):
            new = ast.If(statement.test, self.block(statement.body), self.block(statement.orelse))
        else:
            return statement
        return stamp(new, origin_of(statement))

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        return [self.statement(each) for each in statements]

    def marked(self, nest: list[ast.For]) -> ast.stmt:
        ranges = [each.iter for each in nest]
        names = [each.target for each in nest]
        target = names[0] if len(names) == 1 else ast.Tuple(names, ast.Store())
        call = ast.Call(ast.Name("parallel", ast.Load()), ranges, [])
        return stamp(ast.For(target, call, nest[-1].body, [], lineno=0), origin_of(nest[0]))
