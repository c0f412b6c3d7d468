"""Which variables are still read behind each statement.

Knows reads and writes of names; does not know values.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Liveness", "loads", "writes"]


class Liveness:
    """The names that are read behind every statement of a function body."""

    def __init__(self, body: Sequence[ast.stmt]) -> None:
        self._behind: dict[int, frozenset[str]] = {}
        self._before: dict[int, frozenset[str]] = {}
        self._block(body, frozenset())

    def behind(self, statement: ast.stmt) -> frozenset[str]:
        """Names whose values are read after the statement."""
        return self._behind[id(statement)]

    def before(self, loop: ast.For | ast.While) -> frozenset[str]:
        """Names that the loop's body reads before it writes them: what one iteration hands to the next."""
        return self._before[id(loop)]

    def _block(self, body: Sequence[ast.stmt], live: frozenset[str]) -> frozenset[str]:
        for statement in reversed(body):
            self._behind[id(statement)] = self._behind.get(id(statement), frozenset[str]()) | live
            live = self._statement(statement, live)
        return live

    def _statement(self, statement: ast.stmt, live: frozenset[str]) -> frozenset[str]:
        if isinstance(statement, ast.If):
            both = self._block(statement.body, live) | self._block(statement.orelse, live)
            return both | loads(statement.test)
        if isinstance(statement, ast.For | ast.While):
            header = loads(statement.iter if isinstance(statement, ast.For) else statement.test)
            own = writes(statement.target) if isinstance(statement, ast.For) else frozenset[str]()
            once = self._before[id(statement)] = self._block(statement.body, frozenset()) - own
            again = self._block(statement.body, live | once | header)
            return live | once | (again - own) | header
        return (live - writes(statement)) | loads(statement)


def loads(node: ast.AST) -> frozenset[str]:
    """Names that are read."""
    return frozenset(
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    )


def writes(node: ast.AST) -> frozenset[str]:
    """Names that are assigned."""
    return frozenset(
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )
