"""Small constructors of syntax: the statements and expressions that lowering passes write.

Knows spelling only.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp._impl.signatures import Attribute
    from htp.types import DType

Operand = ast.expr | Expr | str | int | float


def expression(operand: Operand) -> ast.expr:
    """A name, number, size expression or finished syntax as an expression."""
    if isinstance(operand, ast.expr):
        return operand
    if isinstance(operand, str):
        return ast.Name(operand, ast.Load())
    if isinstance(operand, Expr):
        return _Signed().visit(ast.parse(str(operand), mode="eval").body)
    return constant(operand)


class _Signed(ast.NodeTransformer):
    """Negative numbers as constants, as captured programs have them."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        if (
            isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
            and isinstance(node.operand.value, int)
        ):
            return ast.Constant(-node.operand.value)
        return node


def constant(value: float) -> ast.expr:
    """A number, spelled so that it can be read back: infinities and NaN as `float("inf")`."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(repr(value))], [])
    return ast.Constant(value)


def literal(value: Attribute) -> ast.expr:
    """An attribute of an intrinsic as it is written."""
    if isinstance(value, type):
        return ast.Name(value.name, ast.Load())
    return ast.Constant(value) if isinstance(value, str) else constant(value)


def call(function: str, *arguments: Operand, **named: Operand) -> ast.Call:
    """`function(…)`; a dotted name is an attribute."""
    owner, _, attribute = function.rpartition(".")
    callee: ast.expr = (
        ast.Attribute(ast.Name(owner, ast.Load()), attribute, ast.Load()) if owner else ast.Name(attribute, ast.Load())
    )
    keywords = [ast.keyword(name, expression(value)) for name, value in named.items()]
    return ast.Call(callee, [expression(each) for each in arguments], keywords)


def tuple_of(items: Sequence[Operand]) -> ast.Tuple:
    """`(a, b)`."""
    return ast.Tuple([expression(each) for each in items], ast.Load())


def annotated(name: str, annotation: str, value: ast.expr) -> ast.AnnAssign:
    """`name: annotation = value`."""
    return ast.AnnAssign(ast.Name(name, ast.Store()), ast.parse(annotation, mode="eval").body, value, 1)


def assigned(name: str, value: Operand) -> ast.Assign:
    """`name = value`."""
    return ast.Assign([ast.Name(name, ast.Store())], expression(value), lineno=0)


def stored(target: ast.expr, value: Operand) -> ast.Assign:
    """`target = value` for a subscript."""
    return ast.Assign([target], expression(value), lineno=0)


def asserted(node: ast.Assert) -> str:
    """What is said where an assertion does not hold: its own text, or else the condition."""
    return str(node.msg.value) if isinstance(node.msg, ast.Constant) else ast.unparse(node.test)


def subscript(base: str, parts: Sequence[ast.expr], *, store: bool = False) -> ast.Subscript:
    """`base[a, b:c]`."""
    index = parts[0] if len(parts) == 1 else ast.Tuple(list(parts), ast.Load())
    return ast.Subscript(ast.Name(base, ast.Load()), index, ast.Store() if store else ast.Load())


def span_of(start: Operand, extent: Operand) -> ast.Slice:
    """`start:start + extent`."""
    if isinstance(start, Expr | int) and isinstance(extent, Expr | int):
        stop = start + extent
        return ast.Slice(expression(start) if start != 0 else None, expression(stop))
    if isinstance(start, Expr | int) and start == 0:
        return ast.Slice(None, expression(extent))
    return ast.Slice(expression(start), ast.BinOp(expression(start), ast.Add(), expression(extent)))


def loop(target: str, *bounds: Operand, body: list[ast.stmt]) -> ast.For:
    """`for target in range(bounds):`."""
    return ast.For(ast.Name(target, ast.Store()), call("range", *bounds), body, [], lineno=0)


def binary(left: Operand, operator: ast.operator, right: Operand) -> ast.BinOp:
    """`left operator right`."""
    return ast.BinOp(expression(left), operator, expression(right))


def typed(dtype: DType, value: float) -> ast.Call:
    """`f32(0.5)`."""
    return ast.Call(ast.Name(dtype.name, ast.Load()), [constant(value)], [])
