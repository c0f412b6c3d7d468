"""Statements in normal form, written again in other names: what moving code from one function to another takes.

Knows syntax and what was inferred of it; subclasses know what things are called where the code goes.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.dims import const, parse
from htp.infer.values import Box, Index, Number, Region
from htp.lowering.build import expression, span_of
from htp.program import origin_of, stamp
from htp_backend_pto.tiles import annotation_of, tile_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference

__all__ = ["Translation", "box_text", "integer", "spelled_symbols", "written_box"]


class Translation:
    """Rewrites statements of one function; every node is made anew, with the place of the old one."""

    def __init__(self, known: Inference, spelled: dict[str, str]) -> None:
        self.known = known
        self.spelled = spelled
        """The identifiers of symbols that no variable is called like."""

    # what subclasses say ------------------------------------------------------------------------------------------

    def size(self, value: Expr) -> Expr:
        """An integer in the new names."""
        raise NotImplementedError

    def region(self, root: str, box: Box, *, store: bool) -> ast.expr:
        """A slice of an array in the new names; the box is written in the old ones."""
        raise NotImplementedError

    def number(self, name: str) -> ast.expr:
        """A number that no integer expression describes."""
        raise NotImplementedError

    def local(self, name: str) -> str:
        """The new name of a variable that the code assigns."""
        return name

    # statements ---------------------------------------------------------------------------------------------------

    def block(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        """The statements, one for one."""
        return [self.statement(each) for each in body]

    def statement(self, node: ast.stmt) -> ast.stmt:
        """One statement with everything in it."""
        return stamp(self._statement(node), origin_of(node))

    def _statement(self, node: ast.stmt) -> ast.stmt:
        match node:
            case ast.For():
                target = self._target(node.target)
                return ast.For(target, self.expression(node.iter), self.block(node.body), [], lineno=0)
            case ast.While():
                return ast.While(self.expression(node.test), self.block(node.body), [])
            case ast.If():
                return ast.If(self.expression(node.test), self.block(node.body), self.block(node.orelse))
            case ast.AnnAssign(value=ast.expr() as value):
                annotation = self.annotation(node.annotation)
                return ast.AnnAssign(self._target(node.target), annotation, self.expression(value), 1)  # type: ignore[arg-type]
            case ast.Assign(targets=[target]):
                return ast.Assign([self._target(target)], self.expression(node.value), lineno=0)
            case ast.Expr():
                return ast.Expr(self.expression(node.value))
            case ast.Assert():
                return ast.Assert(self.expression(node.test), node.msg)
            case _:
                return node

    def _target(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Name():
                return stamp(ast.Name(self.local(node.id), ast.Store()), origin_of(node))
            case ast.Tuple():
                return ast.Tuple([self._target(each) for each in node.elts], ast.Store())
            case _:
                known = self.known.of(node)
                return self._region(node, known, store=True) if isinstance(known, Region) else self.expression(node)

    def annotation(self, node: ast.expr) -> ast.expr:
        """The type of a variable: sizes of tiles are called by their new names."""
        type_ = tile_type(node)
        return node if type_ is None else annotation_of(replace(type_, dims=tuple(map(self.size, type_.dims))))

    # expressions --------------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr) -> ast.expr:
        """One expression, in which integers are written anew and arrays by their new names."""
        return stamp(self._expression(node), origin_of(node))

    def _expression(self, node: ast.expr) -> ast.expr:
        known = self.known.types.get(id(node))
        if isinstance(known, Index) and (value := integer(node)) is not None:
            return expression(self.size(value))
        if isinstance(known, Region) and isinstance(node, ast.Subscript | ast.Name):
            return self._region(node, known, store=False)
        match node:
            case ast.Name():
                return self.number(node.id) if isinstance(known, Number) else self._name(node)
            case ast.Call():
                keywords = [ast.keyword(each.arg, self.expression(each.value)) for each in node.keywords]
                return ast.Call(node.func, [self.expression(each) for each in node.args], keywords)
            case ast.Subscript():
                return ast.Subscript(self.expression(node.value), self._index(node.slice), ast.Load())
            case ast.Tuple():
                return ast.Tuple([self.expression(each) for each in node.elts], ast.Load())
            case ast.BinOp():
                return ast.BinOp(self.expression(node.left), node.op, self.expression(node.right))
            case ast.UnaryOp():
                return ast.UnaryOp(node.op, self.expression(node.operand))
            case ast.BoolOp():
                return ast.BoolOp(node.op, [self.expression(each) for each in node.values])
            case ast.Compare():
                return ast.Compare(
                    self.expression(node.left), node.ops, [self.expression(each) for each in node.comparators]
                )
            case ast.IfExp():
                return ast.IfExp(self.expression(node.test), self.expression(node.body), self.expression(node.orelse))
            case _:
                return node

    def _region(self, node: ast.expr, region: Region, *, store: bool) -> ast.expr:
        return self.region(region.root, written_box(node, region, self.known.roots[region.root]), store=store)

    def _name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.local(node.id), ast.Load())

    def _index(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Tuple():
                return ast.Tuple([self._index(each) for each in node.elts], ast.Load())
            case ast.Slice():
                lower, upper = (None if each is None else self.expression(each) for each in (node.lower, node.upper))
                return ast.Slice(lower, upper, None)
            case _:
                return self.expression(node)


def integer(node: ast.expr) -> Expr | None:
    """An integer expression over variables, as it is written; `None` where it is none of sizes."""
    try:
        return parse(ast.unparse(node))
    except Refused:
        return None


def written_box(node: ast.expr, region: Region, sizes: Sequence[Expr]) -> Box:
    """The box that a slice of an array is, over the variables that its text names; normal form leaves none out."""
    if not isinstance(node, ast.Subscript):
        return region.box
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    if len(parts) > len(sizes):
        return region.box  # a new axis
    parts += [ast.Slice()] * (len(sizes) - len(parts))
    found = [_interval(part, size) for part, size in zip(parts, sizes, strict=True)]
    if any(each is None for each in found):
        return region.box
    starts, ends = zip(*(each for each in found if each is not None), strict=True)
    extents = tuple(stop - start for start, stop in zip(starts, ends, strict=True))
    return Box(starts, extents, tuple(isinstance(each, ast.Slice) for each in parts))


def _interval(part: ast.expr, size: Expr) -> tuple[Expr, Expr] | None:
    if not isinstance(part, ast.Slice):
        start = integer(part)
        return None if start is None else (start, start + 1)
    start = const(0) if part.lower is None else integer(part.lower)
    stop = size if part.upper is None else integer(part.upper)
    return None if start is None or stop is None else (start, stop)


def box_text(root: str, box: Box, sizes: Sequence[Expr], *, store: bool) -> ast.Subscript:
    """A slice of the array `root`, which has these sizes; the whole of an axis is a colon, a whole array its name."""
    parts: list[ast.expr] = []
    for start, extent, kept, size in zip(box.start, box.extent, box.kept, sizes, strict=True):
        if not kept:
            parts.append(expression(start))
        elif start == 0 and extent == size:
            parts.append(ast.Slice())
        else:
            parts.append(span_of(start, extent))
    index = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
    return ast.Subscript(ast.Name(root, ast.Load()), index, ast.Store() if store else ast.Load())


def spelled_symbols(body: Iterable[ast.stmt], known: Inference) -> dict[str, str]:
    """The variables of normal form by the symbols of their values: `above_1: i64 = above` at the head of a loop.

    A variable that changes, such as `above`, has many values.
    """
    found: dict[str, str] = {}
    nodes = [node for each in body for node in ast.walk(each)]
    stored = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    for statement in nodes:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if stored[statement.target.id] > 1:
                continue
            value = known.types.get(id(statement.target))
            symbol = str(value.value) if isinstance(value, Index) else ""
            if symbol.isidentifier() and symbol != statement.target.id:
                found.setdefault(symbol, statement.target.id)
    return found
