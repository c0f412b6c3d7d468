"""A workload as a plain routine of core, for what core can infer: loops over ranges, branches, calls.

Knows the words of the dialect; what only the run knows becomes an integer of which nothing is known.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.program import origin_of, stamp
from htp.rewriting import Rewriter
from htp_dialect_wsp.reference import size_named
from htp_dialect_wsp.selections import Branches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.program import Function

__all__ = ["POSITION", "plain"]

POSITION = "_position"
"""Ends the name of a loop over positions that has no name of its own."""
AXES = ("Dense", "DenseDyn", "Ragged", "Sparse")


def plain(function: Function) -> Function:
    """`function` as a routine that calls the same kernels, with the same nodes, in the same order.

    A routine is itself. Loops of several coordinates become loops in each other, axes the ranges they stand for.
    """
    if function.kind == "routine":
        return function
    return replace(function, kind="routine", body=tuple(_Plain(function).block(function.body)))


class _Plain:
    """The rewriting; `axes` are the coordinates of axes that have names."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.axes: dict[str, _Axis] = {}

    def block(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        """The statements of a routine."""
        new: list[ast.stmt] = []
        for each in Branches().block(list(statements)):
            new += (stamp(made, origin_of(each)) for made in self.statement(each))
        return _Starts().statements(new)

    def statement(self, statement: ast.stmt) -> list[ast.stmt]:
        """What stands for one statement."""
        match statement:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name(word)) as value) if word in AXES:
                self.axes[name] = self.axis(value)
                return []
            case ast.Expr(ast.Call(ast.Name("combine" | "sequential"), args=parts)):
                return [each for part in parts for each in self.statement(ast.Expr(part))]
            case ast.Expr(ast.Call(function)) if _root(function) in ("scheduled", "barrier"):
                return []
            case ast.For(target, over, body):
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                return self.loops(names, self.walk(over), self.block(body), _selects(over))
            case ast.While(test, body):
                return [ast.While(test, self.block(body), [])]
            case ast.If(test, body, orelse):
                return [ast.If(test, self.block(body), self.block(orelse))]
            case _:
                return [statement]

    def loops(
        self, names: Sequence[ast.expr], over: Sequence[ast.expr], body: list[ast.stmt], selects: bool
    ) -> list[ast.stmt]:
        """One loop for each range, the first outermost; names without a range are unknown, and so are selected ones."""
        known = [] if selects else list(names[: len(over)])
        unknown = list(names[len(known) :])
        body = [*(ast.Assign([each], _unknown(), lineno=0) for each in unknown), *body]
        targets = known or [ast.Name(ast.unparse(names[0]) + POSITION, ast.Store())]
        for target, each in reversed(list(zip(targets, over, strict=False))):
            body = [ast.For(target, each, body, [], lineno=0)]
        return body

    def walk(self, over: ast.expr) -> Sequence[ast.expr]:
        """The ranges that a loop goes over."""
        match over:
            case ast.Call(ast.Name("P") | ast.Attribute(ast.Name("P"), "seq" | "sel"), args=axes):
                return [each for axis in axes for each in self.axis(axis)]
            case _:
                return [over]

    def axis(self, node: ast.expr) -> _Axis:
        """The ranges of an axis, one for each coordinate that counts up."""
        match node:
            case ast.Call(ast.Name("range")):
                return (node,)
            case ast.Call(ast.Name("Dense"), args=[size]):
                return (_range(size),)
            case ast.Call(ast.Name("DenseDyn"), args=[ast.Constant(str(name))]):
                return (_range(size_named(name, self.function.params) or _unknown()),)
            case ast.Call(ast.Name("Ragged"), args=[rows, *_]):
                return (*self.axis(rows), _range(_unknown()))
            case ast.Call(ast.Name("Sparse")):
                return (_range(_unknown()), _range(_unknown()))
            case ast.Subscript(ast.Name(name)) if name in self.axes:
                return self.axes[name][1:] or (_range(_unknown()),)
            case ast.Name(name) if name in self.axes:
                return self.axes[name]
            case _:
                return (_range(node),)


_Axis = tuple[ast.expr, ...]


class _Starts(Rewriter):
    """`axis.start(row)` and `axis.row(position)` depend on data."""

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802 - named after the node
        """An unknown integer for them."""
        match node:
            case ast.Call(ast.Attribute(ast.Name(), "start" | "row")):
                return _unknown()
            case _:
                return self.generic_visit(node)


def _range(size: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("range", ast.Load()), [size], [])


def _unknown() -> ast.expr:
    """An integer of which inference knows nothing."""
    return ast.Call(ast.Name("int", ast.Load()), [ast.Constant(0.5)], [])


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _selects(over: ast.expr) -> bool:
    return isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr == "sel"
