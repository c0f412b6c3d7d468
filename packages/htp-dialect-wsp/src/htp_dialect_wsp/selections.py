"""Selections of tasks as branches: `with P.when(…):`, `with P.otherwise():` and `with P.case(…):` become `if`.

Knows canonical syntax; does not know what conditions read.
"""

from __future__ import annotations

import ast
import copy

from htp.diagnostics import Refused
from htp.program import origin_of
from htp.rewriting import with_origin
from htp_dialect_wsp.reference import Selections

__all__ = ["Branches", "bad_selection"]


class Branches(Selections):
    """Selections as branches on what they select by."""

    def test(self, statement: ast.With) -> ast.expr:
        """The condition itself; a case compares."""
        context = statement.items[0].context_expr
        match context:
            case ast.Call(func=ast.Attribute(attr="when"), args=[condition], keywords=[]):
                return condition
            case ast.Call(func=ast.Attribute(attr="case"), args=[number, ast.Set(choices)], keywords=[]):
                tests: list[ast.expr] = [_equal(number, each) for each in choices]
                return with_origin(ast.BoolOp(ast.Or(), tests) if len(tests) > 1 else tests[0], context)
            case ast.Call(func=ast.Attribute(attr="case"), args=[number, choice], keywords=[]):
                return with_origin(_equal(number, choice), context)
            case _:
                raise bad_selection(statement)


def _equal(number: ast.expr, choice: ast.expr) -> ast.expr:
    return ast.Compare(copy.deepcopy(number), [ast.Eq()], [choice])


def bad_selection(statement: ast.With) -> Refused:
    """The refusal of a `with` that selects nothing, or follows no selection."""
    text = f"with {', '.join(ast.unparse(each) for each in statement.items)}:"
    lone = "otherwise" in text
    return Refused(
        "wsp.bad-selection",
        f"`{text}` follows no selection" if lone else f"`{text}` is no selection of tasks",
        span=origin_of(statement),
        help="put it right behind a `with P.when(…):` or `with P.case(…):`"
        if lone
        else "write `with P.when(condition):`, `with P.otherwise():` or `with P.case(number, {0, 1}):`",
    )
