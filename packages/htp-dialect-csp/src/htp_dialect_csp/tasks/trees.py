"""Small pieces of Python trees that routines of tasks are written with. Knows no channels and no processes."""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp_dialect_csp.lower.trees import assigned, call, integer, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Axis", "add", "both", "compare", "element", "exposed", "item", "region", "subtract", "text"]


@dataclass(frozen=True)
class Axis:
    """A stretch of an array along one of its axes; one that is not `kept` is a single index."""

    start: ast.expr
    extent: ast.expr
    kept: bool = True


def text(node: ast.AST) -> str:
    """The expression as it is written."""
    return ast.unparse(node)


def add(one: ast.expr, two: ast.expr) -> ast.expr:
    """The sum, computed where both are known."""
    match one, two:
        case ast.Constant(value=int() as a), ast.Constant(value=int() as b):
            return integer(a + b)
        case ast.Constant(value=0), _:
            return copy.deepcopy(two)
        case _, ast.Constant(value=0):
            return copy.deepcopy(one)
        case _:
            return ast.BinOp(copy.deepcopy(one), ast.Add(), copy.deepcopy(two))


def subtract(one: ast.expr, two: ast.expr) -> ast.expr:
    """The difference, computed where both are known."""
    match one, two:
        case ast.Constant(value=int() as a), ast.Constant(value=int() as b):
            return integer(a - b)
        case _, ast.Constant(value=0):
            return copy.deepcopy(one)
        case _:
            return ast.BinOp(copy.deepcopy(one), ast.Sub(), copy.deepcopy(two))


def compare(one: ast.expr, operator: ast.cmpop, two: ast.expr) -> ast.expr:
    """A comparison."""
    return ast.Compare(copy.deepcopy(one), [operator], [copy.deepcopy(two)])


def both(parts: Sequence[ast.expr]) -> ast.expr:
    """Whether all of them hold."""
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), list(parts))


def region(array: str, axes: Iterable[Axis], *, store: bool = False) -> ast.expr:
    """`array[start:start + extent, …]`."""
    parts: list[ast.expr] = []
    for each in axes:
        if each.kept:
            lower = None if text(each.start) == "0" else copy.deepcopy(each.start)
            parts.append(ast.Slice(lower, add(each.start, each.extent)))
        else:
            parts.append(copy.deepcopy(each.start))
    index = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(load(array), index, ast.Store() if store else ast.Load())


def element(array: str, *index: ast.expr, store: bool = False) -> ast.expr:
    """`array[index, …]`."""
    parts: list[ast.expr] = [copy.deepcopy(each) for each in index]
    inner = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(load(array), inner, ast.Store() if store else ast.Load())


def item(node: ast.expr) -> ast.expr:
    """`tile.item(node)`."""
    made = call("item", node)
    return ast.Call(ast.Attribute(load("tile"), "item", ast.Load()), made.args, [])


def exposed(body: list[ast.stmt]) -> frozenset[str]:
    """Names that the statements read before they have certainly given them a value."""
    found: set[str] = set()
    made: set[str] = set()
    for statement in body:
        match statement:
            case ast.For():
                found |= (loads(statement.iter) | (exposed(statement.body) - writes(statement.target))) - made
            case ast.While():
                found |= (loads(statement.test) | exposed(statement.body)) - made
            case ast.If():
                both = exposed(statement.body) | exposed(statement.orelse)
                found |= (loads(statement.test) | both) - made
                made |= assigned(statement.body) & assigned(statement.orelse)
            case _:
                found |= loads(statement) - made
                made |= writes(statement)
    return frozenset(found)
