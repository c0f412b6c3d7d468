"""Editing syntax trees without changing them: names replaced, statements put in place of others, expressions built.

Knows Python syntax; does not know loops or tasks.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING, cast

from htp.rewriting import Rewriter, with_origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeVar

    Node = TypeVar("Node", bound=ast.AST)

__all__ = [
    "assigned_names", "blocks", "built", "folded", "load", "names_in", "replaced", "store", "substituted",
]  # fmt: skip


def load(name: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(name, ast.Load())


def store(name: str) -> ast.Name:
    """A name that is assigned to."""
    return ast.Name(name, ast.Store())


def names_in(*nodes: ast.AST) -> frozenset[str]:
    """Every name in the trees."""
    return frozenset(each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name))


def assigned_names(*nodes: ast.AST) -> frozenset[str]:
    """The names that the trees assign to, as targets of loops too."""
    found = (each for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name))
    return frozenset(each.id for each in found if isinstance(each.ctx, ast.Store))


def blocks(statement: ast.stmt) -> Iterable[tuple[str, list[ast.stmt]]]:
    """The blocks of a compound statement by the field that holds them."""
    for field in ("body", "orelse"):
        inner: list[ast.stmt] | None = getattr(statement, field, None)
        if inner:
            yield field, inner


def replaced(body: Sequence[ast.stmt], old: ast.stmt, new: Sequence[ast.stmt]) -> tuple[ast.stmt, ...]:
    """The statements with `new` in place of `old`, which may lie at any depth; what lies elsewhere is shared."""
    result: list[ast.stmt] = []
    for statement in body:
        if statement is old:
            result += new
            continue
        changed = {field: replaced(inner, old, new) for field, inner in blocks(statement)}
        kept = all(
            len(after) == len(inner) and all(a is b for a, b in zip(after, inner, strict=True))
            for (_, inner), after in zip(blocks(statement), changed.values(), strict=True)
        )
        if not kept:
            statement = copy.copy(statement)
            for field, after in changed.items():
                setattr(statement, field, list(after))
        result.append(statement)
    return tuple(result)


class _Names(Rewriter):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802 - named after the node
        new = self.names.get(node.id)
        if new is None:
            return node
        if isinstance(new, ast.Name):
            return ast.Name(new.id, node.ctx)
        return copy.deepcopy(new)


def substituted(node: Node, names: Mapping[str, ast.expr]) -> Node:
    """The tree with expressions in place of names, its integer arithmetic folded where that changed it.

    The tree itself is left as it is, and no node of the result is shared with it.
    """
    fresh = copy.deepcopy(node)
    if not names_in(fresh) & set(names):
        return fresh
    changed = cast("Node", _Names(names).visit(fresh))
    return cast("Node", _Folding().visit(changed))


def built(template: str, place: ast.AST | None = None, /, **parts: ast.expr | int) -> ast.expr:
    """The expression that `template` spells, with parts in place of its names, folded.

    >>> ast.unparse(built("(b - a + s - 1) // s", a=0, b=ast.Name("M"), s=1))
    'M'
    """
    names = {name: ast.Constant(part) if isinstance(part, int) else part for name, part in parts.items()}
    tree = ast.parse(template, mode="eval").body
    result = folded(substituted(tree, names))
    return with_origin(result, place) if place is not None else result


def folded(node: ast.expr) -> ast.expr:
    """The expression with integer arithmetic on constants done, and what adds 0 or multiplies by 1 left out."""
    return _Folding().expression(copy.deepcopy(node))


class _Folding(Rewriter):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: N802
        node = self.generic_visit(node)
        left, right = _integer(node.left), _integer(node.right)
        if left is not None and right is not None:
            return _computed(node, left, right)
        match node.op:
            case ast.Add() if left == 0:
                return node.right
            case ast.Add() | ast.Sub() if right == 0:
                return node.left
            case ast.Add() | ast.Sub() if right is not None:
                return _joined(node, right)
            case ast.Mult() if left == 1:
                return node.right
            case ast.Mult() | ast.FloorDiv() if right == 1:
                return node.left
            case ast.Mult() if 0 in (left, right):
                return ast.Constant(0)
            case ast.Mod() if right == 1:
                return ast.Constant(0)
            case _:
                return node


def _integer(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))) if not isinstance(value, bool):
            return -value
        case _:
            return None


def _computed(node: ast.BinOp, left: int, right: int) -> ast.AST:
    match node.op:
        case ast.Add():
            return ast.Constant(left + right)
        case ast.Sub():
            return ast.Constant(left - right)
        case ast.Mult():
            return ast.Constant(left * right)
        case ast.FloorDiv() if right:
            return ast.Constant(left // right)
        case ast.Mod() if right:
            return ast.Constant(left % right)
        case _:
            return node


def _joined(node: ast.BinOp, right: int) -> ast.AST:
    """`x + 2 - 1` as `x + 1`."""
    added = right if isinstance(node.op, ast.Add) else -right
    if not isinstance(node.left, ast.BinOp) or not isinstance(node.left.op, ast.Add | ast.Sub):
        return node
    inner = _integer(node.left.right)
    if inner is None:
        return node
    total = added + (inner if isinstance(node.left.op, ast.Add) else -inner)
    if total == 0:
        return node.left.left
    return ast.BinOp(node.left.left, ast.Add() if total > 0 else ast.Sub(), ast.Constant(abs(total)))
