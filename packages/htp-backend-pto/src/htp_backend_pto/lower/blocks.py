"""Loops and branches with other statements in them.

Knows syntax only.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.liveness import loads, writes
from htp.program import origin_of, stamp
from htp_backend_pto.lower.sites import site_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Compound", "changed", "exposed", "with_blocks"]

Compound = ast.For | ast.While | ast.If


def with_blocks(statement: ast.stmt, body: list[ast.stmt], orelse: list[ast.stmt] | None = None) -> ast.stmt:
    """The loop or branch with these statements in it."""
    body = body or [ast.Pass()]
    match statement:
        case ast.For():
            new: ast.stmt = ast.For(statement.target, statement.iter, body, [], lineno=0)
        case ast.While():
            new = ast.While(statement.test, body, [])
        case ast.If():
            new = ast.If(statement.test, body, orelse or [])
        case _:
            raise Bug(f"neither loop nor branch: `{ast.unparse(statement)}`")
    site = site_of(statement)
    if site is not None:
        new.site = site  # type: ignore[attr-defined]
    return stamp(new, origin_of(statement))


def changed(body: Sequence[ast.stmt], change: Callable[[ast.stmt], list[ast.stmt]]) -> list[ast.stmt]:
    """The statements with every simple one replaced by others, or by none."""
    result: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.For | ast.While):
            result.append(with_blocks(statement, changed(statement.body, change)))
        elif isinstance(statement, ast.If):
            result.append(with_blocks(statement, changed(statement.body, change), changed(statement.orelse, change)))
        else:
            result += change(statement)
    return result


def exposed(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Names that the statements read before they have certainly given them a value."""
    found: set[str] = set()
    made: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.For | ast.While):
            head = loads(statement.iter if isinstance(statement, ast.For) else statement.test)
            own = writes(statement.target) if isinstance(statement, ast.For) else frozenset[str]()
            found |= (head | (exposed(statement.body) - own)) - made
        elif isinstance(statement, ast.If):
            found |= (loads(statement.test) | exposed(statement.body) | exposed(statement.orelse)) - made
            made |= _certain(statement.body) & _certain(statement.orelse)
        else:
            found |= loads(statement) - made
            made |= writes(statement)
    return frozenset(found)


def _certain(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Names that the statements certainly assign."""
    found: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.If):
            found |= _certain(statement.body) & _certain(statement.orelse)
        elif not isinstance(statement, ast.For | ast.While):
            found |= writes(statement)
    return frozenset(found)
