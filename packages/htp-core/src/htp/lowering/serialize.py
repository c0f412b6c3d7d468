"""The task form taken away again: a routine whose tasks run one after the other, as Python runs them.

Knows the words of the form; does not know targets.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import Captured, DialectUse
from htp.effects import has_effect
from htp.lowering.simplify import nested, used_names
from htp.passes import Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from htp.program import Function, Program

__all__ = ["Serialize"]

WORDS = ("open_tasks", "close_tasks", "task", "wait_for", "barrier")


@dataclass(frozen=True)
class Serialize(Pass):
    """Tasks become plain calls in program order, for targets without a task runtime."""

    name = "tasks.serialize"
    requires = (Captured(),)
    eliminates = (DialectUse("tasks"),)

    def apply(self, program: Program) -> Program:
        """The program without the words of the task form."""
        return program.replace(*(_serial(each) for each in program.functions if _has_tasks(each)))


def _has_tasks(function: Function) -> bool:
    return any(_word(each) in WORDS for each in _statements(function.body))


def _serial(function: Function) -> Function:
    """The function without the words, and without the variables that only they read."""
    plain = _without(function.body, lambda each: _word(each) in WORDS)
    unread = _unread(plain) - _unread(function.body)
    return replace(function, body=tuple(_without(plain, lambda each: _variable(each) in unread)))


def _word(statement: ast.stmt) -> str | None:
    """The name that a statement calls."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name
        case _:
            return None


def _variable(statement: ast.stmt) -> str | None:
    """The variable that a statement gives a value, and does nothing else."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=value)
            | ast.AugAssign(target=ast.Name(id=name), value=value)
        ) if value is not None and not _does_something(value):
            return name
        case _:
            return None


def _does_something(value: ast.expr) -> bool:
    """Whether a value's computation is missed when nobody reads it; the count of a key is not."""
    match value:
        case ast.Call(func=ast.Name(id="first_seen"), args=[key]):
            return has_effect(key)
        case _:
            return has_effect(value)


def _without(body: Iterable[ast.stmt], gone: Callable[[ast.stmt], bool]) -> list[ast.stmt]:
    """The statements that are not gone; a loop or branch that thereby does nothing goes too."""
    result: list[ast.stmt] = []
    for statement in body:
        if gone(statement):
            continue
        left = nested(statement, lambda inner: _without(inner, gone))
        if left is not statement and _idle(left):
            continue
        result.append(left)
    return result


def _idle(statement: ast.stmt) -> bool:
    """Whether a loop or branch has nothing left in it; one of a body that was cut gets a `pass` if it must stay."""
    if not isinstance(statement, ast.For | ast.While | ast.If) or statement.body:
        return False
    head = statement.iter if isinstance(statement, ast.For) else statement.test
    if not isinstance(statement, ast.While) and not statement.orelse and not has_effect(head):
        return True
    statement.body = [ast.Pass()]
    return False


def _unread(body: Iterable[ast.stmt]) -> set[str]:
    """Variables that are read by nothing but by assignments to such variables."""
    reads: dict[str, set[str]] = {}
    live: set[str] = set()
    for statement in _statements(body):
        name = _variable(statement)
        own = used_names(_own(statement))
        if name is None:
            live |= own
        else:
            reads.setdefault(name, set()).update(own)
    waiting = list(live & reads.keys())
    while waiting:
        new = reads[waiting.pop()] - live
        live |= new
        waiting += new & reads.keys()
    return reads.keys() - live


def _own(statement: ast.stmt) -> list[ast.AST]:
    """A statement without the statements in it."""
    return [each for each in ast.iter_child_nodes(statement) if not isinstance(each, ast.stmt)]


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for each in body:
        yield from (node for node in ast.walk(each) if isinstance(node, ast.stmt))
