"""What a condition says of sizes where it holds, and where it does not.

Knows comparisons of integers; everything else says nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.infer.slicing import Slicing
from htp.infer.values import Index

if TYPE_CHECKING:
    from htp.dims import Expr, Facts

NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


class Conditions(Slicing):
    """The part of the engine that learns from conditions; `branching` while the condition is that of a branch."""

    branching: bool = False

    def assume(self, test: ast.expr, facts: Facts, *, holds: bool = True) -> Facts:
        """The facts plus what `test` being true (or false) says of sizes."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) == holds:
            for each in test.values:
                facts = self.assume(each, facts, holds=holds)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.assume(test.operand, facts, holds=not holds)
        if isinstance(test, ast.Compare) and (holds or len(test.ops) == 1):
            operands = [test.left, *test.comparators]
            for left, operator, right in zip(operands, test.ops, operands[1:], strict=False):
                facts = self._assume_one(left, operator, right, facts, holds)
        return facts

    def _assume_one(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, facts: Facts, holds: bool) -> Facts:
        one, two = self.result.types.get(id(left)), self.result.types.get(id(right))
        if not isinstance(one, Index) or not isinstance(two, Index):
            return facts
        kind = type(operator) if holds else NEGATED[type(operator)]
        a, b = one.value, two.value
        if kind is ast.Eq:
            if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mod) and b.constant == 0:
                divisor, divided = self.result.types[id(left.right)], self.result.types[id(left.left)]
                if isinstance(divisor, Index) and divisor.value.constant and isinstance(divided, Index):
                    return facts.with_divides(divisor.value.constant, divided.value)
            if self.branching and (a.constant is not None or b.constant is not None):
                # The size keeps its name in the branch, so that a tile has one type behind all branches.
                return facts
            return facts.with_equal(a, b)
        if kind is ast.NotEq:
            for difference in (a - b, b - a):
                if facts.nonnegative(difference):
                    return facts.with_nonnegative(difference - 1)
            return facts
        gaps: dict[type[ast.cmpop], Expr] = {ast.Lt: b - a - 1, ast.LtE: b - a, ast.Gt: a - b - 1, ast.GtE: a - b}
        gap = gaps.get(kind)
        return facts.with_nonnegative(gap) if gap is not None else facts
