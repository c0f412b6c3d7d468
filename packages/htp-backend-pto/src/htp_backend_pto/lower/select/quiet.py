"""Extremes whose NaN comes out anyway: the largest of a row that is only taken from the row, in a softmax.

Knows statements in normal form; does not know instructions.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp_backend_pto.lower.units import called, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Quiet"]


class Quiet:
    """The extremes of one kernel for which it makes no difference what they are of a row with a NaN.

    `e = exp(x - max(x))` has a NaN where x has one, so that the sum of the row is NaN, and with it all of `e / sum(e)`.
    """

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self.made: dict[str, list[ast.expr | None]] = defaultdict(list)
        self.readers: dict[str, list[ast.stmt]] = defaultdict(list)
        for each in walk(body):
            if isinstance(each, ast.For | ast.While | ast.If):
                continue
            for name in writes(each):
                self.made[name].append(getattr(each, "value", None))
            for name in loads(each):
                self.readers[name].append(each)

    def quiet(self, statement: ast.stmt, x: str) -> bool:
        """Whether an extreme of the rows of `x` is only used so."""
        name = self._target(statement)
        shifted = [self._target(each) for each in self.readers[name]]
        powers = [self._target(each) for one in shifted for each in self.readers[one]]
        alone = all(len(self.made[each]) == 1 for each in (name, x, *shifted, *powers))
        if not (name and shifted and powers and alone):
            return False
        taken = all(self._is_pair(self.made[each][0], ast.Sub, x, name) for each in shifted)
        return taken and all(self._is_power(each) and self._shared_out(each) for each in powers)

    def _target(self, statement: ast.stmt) -> str:
        target = statement.target if isinstance(statement, ast.AnnAssign) else None
        return target.id if isinstance(target, ast.Name) else ""

    def _is_power(self, name: str) -> bool:
        return called(self.made[name][0]) == "tile.exp" if name else False

    def _is_pair(self, node: ast.expr | None, operator: type[ast.operator], left: str, right: str) -> bool:
        match node:
            case ast.BinOp(left=ast.Name(id=one), op=op, right=ast.Name(id=two)):
                return isinstance(op, operator) and (one, two) == (left, right)
            case _:
                return False

    def _shared_out(self, power: str) -> bool:
        """Whether powers are only added up by row, and divided by those sums, and both happens."""
        names = [self._target(each) for each in self.readers[power]]
        sums = [each for each in names if each and self._is_sum(self.made[each][0])]
        shares = [each for each in names if each not in sums]
        divided = all(
            each and any(self._is_pair(self.made[each][0], ast.Div, power, total) for total in sums) for each in shares
        )
        only = all(self._target(reader) in shares for total in sums for reader in self.readers[total])
        return bool(sums) and bool(shares) and divided and only

    def _is_sum(self, node: ast.expr | None) -> bool:
        if called(node) != "tile.sum" or not isinstance(node, ast.Call):
            return False
        return any(each.arg == "axis" and ast.unparse(each.value) == "1" for each in node.keywords)
