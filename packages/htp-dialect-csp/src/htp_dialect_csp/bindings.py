"""What statements do to what names stand for: assignments, loops over several things, ways that meet.

Knows names and values (`symbols`); does not know what a process does with its channels (`token_program` does).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import const
from htp_dialect_csp.steps import Choice, channels_of
from htp_dialect_csp.symbols import ArrayValue, ChannelValue, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp_dialect_csp.steps import End
    from htp_dialect_csp.symbols import Scope, Value

__all__ = ["assign", "channels_in", "end_of", "every_channel", "forget", "give", "items", "join"]


def assign(target: ast.expr, value: ast.expr, scope: Scope) -> None:
    """`target = value`."""
    known = value_of(value, scope)
    forget((ast.Assign([target], value),), scope)
    give(target, known, scope)


def give(target: ast.expr, value: Value, scope: Scope) -> None:
    """A value becomes what a name stands for, or its parts what several names do."""
    if isinstance(target, ast.Name):
        scope[target.id] = value
    elif isinstance(target, ast.Tuple):
        known = value if isinstance(value, tuple) and len(value) == len(target.elts) else (None,) * len(target.elts)
        for each, one in zip(target.elts, known, strict=True):
            give(each, one, scope)


def forget(nodes: Iterable[ast.AST], scope: Scope) -> None:
    """Nothing is known any longer of the names that are assigned in some nodes."""
    for each in nodes:
        for node in ast.walk(each):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                scope[node.id] = None


def join(scope: Scope, one: Scope, two: Scope) -> None:
    """What is known where two ways meet: what both of them say, of an array each size that both of them say."""
    for name in {**one, **two}:
        left, right = one.get(name), two.get(name)
        if isinstance(left, ArrayValue) and isinstance(right, ArrayValue) and len(left.dims) == len(right.dims):
            pairs = zip(left.dims, right.dims, strict=True)
            scope[name] = ArrayValue(tuple(each if each == other else None for each, other in pairs))
        else:
            scope[name] = left if left == right else None


def items(node: ast.expr, scope: Mapping[str, Value]) -> tuple[Value, ...] | None:
    """What a loop goes over, one by one: a tuple, or `enumerate` or `zip` of tuples; None where that is not known."""
    match node:
        case ast.Call(func=ast.Name(id="enumerate"), args=[argument]):
            inner = items(argument, scope)
            return tuple((const(k), each) for k, each in enumerate(inner)) if inner is not None else None
        case ast.Call(func=ast.Name(id="zip"), args=args):
            lists = [items(each, scope) for each in args]
            known = [each for each in lists if each is not None]
            return tuple(zip(*known, strict=False)) if known and len(known) == len(lists) else None
        case _:
            value = value_of(node, scope)
            return value if isinstance(value, tuple) else None


def end_of(value: Value) -> End | None:
    """The channel that a value is."""
    return value.name if isinstance(value, ChannelValue) else value if isinstance(value, Choice) else None


def channels_in(value: Value) -> tuple[str, ...]:
    """The channels that a value is made of, or may be."""
    if isinstance(value, tuple):
        return tuple(name for each in value for name in channels_in(each))
    end = end_of(value)
    return channels_of(end) if end is not None else ()


def every_channel(scope: Mapping[str, Value]) -> tuple[str, ...]:
    """All channels that some name stands for."""
    return tuple(dict.fromkeys(name for value in scope.values() for name in channels_in(value)))
