"""Small pieces of Python trees, and the refusal of what has no process form. Knows no channels."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeVar

from htp.diagnostics import Refused
from htp.program import origin_of
from htp.rewriting import with_origin

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["assign", "assigned", "call", "effect", "integer", "load", "not_compiled", "placed", "used", "words_of"]

Node = TypeVar("Node", bound=ast.AST)


def load(name: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(name, ast.Load())


def integer(value: int) -> ast.Constant:
    """A literal."""
    return ast.Constant(value)


def call(name: str, /, *args: ast.expr, **named: ast.expr) -> ast.Call:
    """A call of a plain name."""
    return ast.Call(load(name), list(args), [ast.keyword(each, value) for each, value in named.items()])


def assign(name: str, value: ast.expr) -> ast.stmt:
    """`name = value`."""
    return ast.Assign([ast.Name(name, ast.Store())], value, lineno=0)


def effect(value: ast.expr) -> ast.stmt:
    """An expression as a statement."""
    return ast.Expr(value)


def placed(nodes: Iterable[Node], source: ast.AST) -> list[Node]:
    """New nodes at the place of an old one."""
    return [with_origin(each, source) for each in nodes]


def assigned(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that are assigned somewhere in some nodes."""
    every = (node for each in nodes for node in ast.walk(each))
    return frozenset(node.id for node in every if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def used(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The names that are read somewhere in some nodes."""
    every = (node for each in nodes for node in ast.walk(each))
    return frozenset(node.id for node in every if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))


def words_of(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Every name in some nodes."""
    return frozenset(node.id for each in nodes for node in ast.walk(each) if isinstance(node, ast.Name))


def not_compiled(node: ast.AST, what: str, help: str) -> Refused:
    """The refusal of something that runs in Python and has no process form."""
    return Refused("csp.not-compiled", f"{what} cannot be compiled", span=origin_of(node), help=help)
