"""Expressions over dims as C++ text.

Knows `+ - * // %`, `min` and `max` over names and numbers, which is what a dim may be.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Bug

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
FUNCTIONS: dict[type[ast.operator], str] = {ast.FloorDiv: "floordiv", ast.Mod: "mod"}


def dim_text(dim: str, names: Mapping[str, str], namespace: str = "") -> str:
    """The text of `dim` with every symbol spelled as `names` says and functions taken from `namespace`.

    >>> dim_text("(M + 7) // 8", {"M": "dims[0]"})
    'floordiv((dims[0] + i64(7)), i64(8))'
    """

    def text(node: ast.expr) -> str:
        match node:
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.Constant(value=int() as value):
                return f"{namespace}i64({value})"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{text(operand)}"
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in SIGNS:
                return f"({text(left)} {SIGNS[type(operator)]} {text(right)})"
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in FUNCTIONS:
                return f"{namespace}{FUNCTIONS[type(operator)]}({text(left)}, {text(right)})"
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=[first, *others]):
                result = text(first)
                for each in others:
                    result = f"{namespace}{name}imum({result}, {text(each)})"
                return result
            case _:
                raise Bug(f"not a dim: {ast.unparse(node)}")

    return text(ast.parse(dim, mode="eval").body)
