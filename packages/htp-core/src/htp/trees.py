"""Statements as a tree: no node stands in two places.

What is known of an expression is kept by its identity, so a node that stood twice would have one type for both places.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["as_tree"]

Node = TypeVar("Node", bound=ast.AST)
SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
"""Nodes that say no more than their class, which the parser itself shares."""


def as_tree(body: tuple[ast.stmt, ...]) -> tuple[ast.stmt, ...]:
    """The statements, with copies wherever a node stands once more; the given ones where none does."""
    nodes = [id(each) for each in _nodes(body)]
    if len(set(nodes)) == len(nodes):
        return body
    seen: set[int] = set()
    return tuple(_own(each, seen) for each in body)


def _nodes(body: tuple[ast.stmt, ...]) -> Iterator[ast.AST]:
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        yield node
        left.extend(each for each in ast.iter_child_nodes(node) if not isinstance(each, SHARED))


def _own(node: Node, seen: set[int]) -> Node:
    """The node, rebuilt where it or something under it was seen before."""
    again = id(node) in seen
    seen.add(id(node))
    changed: dict[str, object] = {}
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST) and not isinstance(value, SHARED):
            new: object = _own(value, seen)
        elif isinstance(value, list):
            items = cast("list[object]", value)
            new = [_own(each, seen) if isinstance(each, ast.AST) and not isinstance(each, SHARED) else each
                   for each in items]  # fmt: skip
            new = items if not again and all(a is b for a, b in zip(items, new, strict=True)) else new
        else:
            continue
        if new is not value:
            changed[name] = new
    if not again and not changed:
        return node
    rebuilt = copy.copy(node)
    for name, value in changed.items():
        setattr(rebuilt, name, value)
    return rebuilt
