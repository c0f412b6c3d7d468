"""Dimension text, a small part of Python's expressions, to canonical expressions.

Knows the grammar of dimensions; it does not know what the names stand for.
"""

from __future__ import annotations

import ast
from functools import lru_cache

from htp.diagnostics import Refused
from htp.dims.expr import Expr, const, sym
from htp.dims.forms import maximum, minimum

TEXT_LIMIT = 4000
TERM_LIMIT = 256
INTEGER_LIMIT = 2**63

_GRAMMAR = "a dimension is made of integers, names, + - * // %, min and max"


@lru_cache(maxsize=4096)
def parse(text: str) -> Expr:
    """The expression a dimension's text stands for.

    Raises:
        Refused: `type.bad-dimension` when the text is not an integer expression over names.

    >>> print(parse("(M + 7) // 8 * 8 - M + 0"))
    -M % 8
    """
    if len(text) > TEXT_LIMIT:
        raise Refused("type.bad-dimension", f"the dimension `{text[:40]}...` is longer than {TEXT_LIMIT} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _convert(tree.body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Refused("type.bad-dimension", f"`{text}` is no dimension", help=_GRAMMAR) from None


def _convert(node: ast.expr, text: str) -> Expr:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return _bounded(const(value), text)
        case ast.Name(id=name):
            return sym(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_convert(operand, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _convert(operand, text)
        case ast.BinOp(left=left, op=operator, right=right):
            return _bounded(_combined(_convert(left, text), operator, _convert(right, text), text), text)
        case ast.Call(func=ast.Name(id="min" | "max" as name), args=[_, _, *_] as args, keywords=[]):
            operands = [_convert(each, text) for each in args]
            return _bounded(minimum(*operands) if name == "min" else maximum(*operands), text)
        case _:
            raise Refused("type.bad-dimension", f"`{ast.unparse(node)}` cannot stand in a dimension", help=_GRAMMAR)


def _combined(left: Expr, operator: ast.operator, right: Expr, text: str) -> Expr:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult() if len(left.terms) * len(right.terms) <= TERM_LIMIT:
            return left * right
        case ast.FloorDiv():
            return left // right
        case ast.Mod() if len(right.terms) <= 1:
            return left % right
        case ast.Mod() if len(left.terms) * len(right.terms) <= TERM_LIMIT:
            return left % right
        case ast.Mult() | ast.Mod():
            raise Refused("type.bad-dimension", f"the dimension `{text}` has more than {TERM_LIMIT} terms")
        case _:
            raise Refused("type.bad-dimension", f"`{text}` is no dimension", help=_GRAMMAR)


def _bounded(value: Expr, text: str) -> Expr:
    if any(abs(each) >= INTEGER_LIMIT for each in (value.offset, *(times for _, times in value.terms))):
        raise Refused("type.bad-dimension", f"the dimension `{text}` has an integer of more than 64 bits")
    return value
