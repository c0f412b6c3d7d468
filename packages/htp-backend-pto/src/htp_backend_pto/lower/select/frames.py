"""Functions on the way of both runs: what becomes of names in loops and branches.

Knows control; which statements there are, and what becomes of rows, the kinds of functions say.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.liveness import Liveness
from htp_backend_pto.lower.blocks import exposed
from htp_backend_pto.lower.select.lost import Known, Lost, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function

__all__ = ["Both", "Frame"]


@dataclass
class Both:
    """Both runs at one place of the program, where the `chosen` extremes give anything for a NaN."""

    chosen: frozenset[int]
    rows: Rows


class Frame:
    """One function on the way: its own names, and what becomes of them in loops and branches."""

    def __init__(self, run: Both, function: Function, prefix: str) -> None:
        self.run = run
        self.function = function
        self.prefix = prefix
        self.params = {each.name for each in function.params}
        self.live = Liveness(function.body)

    def key(self, name: str) -> str:
        """What a name is called among those of all functions."""
        return self.prefix + name

    def known(self, name: str) -> Known:
        """What is known of a name."""
        return self.run.rows.of(self.key(name))

    def same(self, node: ast.AST) -> bool:
        """Whether all that is read is the same in both runs; shapes are."""
        return all(self.known(each).same for each in _values(node))

    def ask(self, node: ast.AST) -> None:
        """Gives up where something that is read may differ."""
        if not self.same(node):
            raise Lost

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Statements one after the other."""
        for each in body:
            match each:
                case ast.For() | ast.While():
                    self.ask(each.iter if isinstance(each, ast.For) else each.test)
                    self.loop(each)
                case ast.If():
                    self.ask(each.test)
                    before = self.run.rows
                    self.block(each.body)
                    taken, self.run.rows = self.run.rows, before
                    self.block(each.orelse)
                    self.run.rows = taken.or_(self.run.rows)
                case _:
                    self.statement(each)

    def loop(self, loop: ast.For | ast.While) -> None:
        """As many turns as tell something new."""
        needed = {self.key(each) for each in self.params | self.live.behind(loop) | exposed(loop.body)}
        self.forget(needed)
        while True:
            before = self.run.rows
            self.block(loop.body)
            self.forget(needed)
            self.run.rows = before.or_(self.run.rows)
            if self.run.rows == before.or_(before):
                return

    def forget(self, needed: set[str]) -> None:
        """Drops what nobody reads any more; names of other functions stay."""
        own = (each for each in self.run.rows.known if self.owns(each))
        self.run.rows = self.run.rows.without([each for each in own if each not in needed])

    def owns(self, key: str) -> bool:
        """Whether a name is one of this function."""
        return key.startswith(self.prefix) if self.prefix else "." not in key

    def statement(self, node: ast.stmt) -> None:
        """One simple statement."""
        raise NotImplementedError


def _values(node: ast.AST) -> frozenset[str]:
    """The names that are read for more than their shapes."""
    shapes = {
        id(each.value) for each in ast.walk(node) if isinstance(each, ast.Attribute) and each.attr == "shape"
    }  # fmt: skip
    return frozenset(
        each.id for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and id(each) not in shapes
    )  # fmt: skip
