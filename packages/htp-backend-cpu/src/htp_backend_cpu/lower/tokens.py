"""Words of the process form among tile statements: which change what is in the hand, and which tokens stay there.

Knows words and the order of statements; what becomes of a token is decided in `loops.py`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import writes
from htp.names import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.liveness import Liveness

PURE = frozenset(("one_of", "token", "token_size"))
"""Words that only read what is in the hand."""
ACTING = frozenset(STREAMS) - PURE
TAKES = frozenset(("advance", "advance_any", "peek", "spawn_process", "try_advance"))
"""Words behind which another token may be in the hand, also in that of a process that was given the end."""


def is_token(node: ast.expr | None) -> bool:
    """Whether an expression is the token in the hand."""
    return isinstance(node, ast.Call) and _word(node) == "token"


def acts(statement: ast.AST) -> bool:
    """Whether a statement does something with channels beyond reading what is in the hand."""
    return any(_word(each) in ACTING for each in ast.walk(statement) if isinstance(each, ast.Call))


def token_names(body: Sequence[ast.stmt]) -> set[str]:
    """The names that tokens are given."""
    return {
        name
        for each in body
        for node in ast.walk(each)
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_token(node.value)
        for name in writes(node)
    }


def stays_in_hand(block: Sequence[ast.stmt], number: int, live: Liveness) -> bool:
    """Whether nobody reads the token of a statement of the block when another one may be in the hand."""
    (name,), ends = writes(block[number]), _ends(block[number])
    for before, each in zip(block[number:], block[number + 1 :], strict=False):
        if any(_takes(node, ends) for node in ast.walk(each)):
            return name not in live.behind(before)
    return name not in live.behind(block[-1])


def _ends(statement: ast.stmt) -> set[str]:
    """The names in what a token is taken from: an end, or several and what chooses one."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    given = value.args if isinstance(value, ast.Call) else ()
    return {node.id for each in given for node in ast.walk(each) if isinstance(node, ast.Name)}


def _takes(node: ast.AST, ends: set[str]) -> bool:
    return isinstance(node, ast.Call) and _word(node) in TAKES and not ends.isdisjoint(map(ast.unparse, node.args))


def _word(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""
