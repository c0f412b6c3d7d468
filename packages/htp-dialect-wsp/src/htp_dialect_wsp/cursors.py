"""Cursors: loops as a schedule holds them, and the expressions made of them.

Knows names and operators; does not know which loops a workload has.
"""

from __future__ import annotations

import ast

from htp_dialect_wsp.values import bad_argument

__all__ = ["Cursor", "Expression", "expression_text"]


class Expression:
    """A number computed from loop variables: a key or a priority, as text in Python's syntax."""

    def __init__(self, tree: ast.expr) -> None:
        self.tree = tree

    def _combined(self, operator: ast.operator, other: Expression | int, *, swapped: bool = False) -> Expression:
        left, right = self.tree, _tree(other)
        return Expression(ast.BinOp(right, operator, left) if swapped else ast.BinOp(left, operator, right))

    def __add__(self, other: Expression | int) -> Expression:
        return self._combined(ast.Add(), other)

    def __radd__(self, other: int) -> Expression:
        return self._combined(ast.Add(), other, swapped=True)

    def __sub__(self, other: Expression | int) -> Expression:
        return self._combined(ast.Sub(), other)

    def __rsub__(self, other: int) -> Expression:
        return self._combined(ast.Sub(), other, swapped=True)

    def __mul__(self, other: Expression | int) -> Expression:
        return self._combined(ast.Mult(), other)

    def __rmul__(self, other: int) -> Expression:
        return self._combined(ast.Mult(), other, swapped=True)

    def __floordiv__(self, other: Expression | int) -> Expression:
        return self._combined(ast.FloorDiv(), other)

    def __rfloordiv__(self, other: int) -> Expression:
        return self._combined(ast.FloorDiv(), other, swapped=True)

    def __mod__(self, other: Expression | int) -> Expression:
        return self._combined(ast.Mod(), other)

    def __rmod__(self, other: int) -> Expression:
        return self._combined(ast.Mod(), other, swapped=True)

    def __truediv__(self, other: object) -> Expression:
        text = _text(other)
        raise bad_argument(
            f"`{self} / {text}` is a fraction, and numbers of loops are whole", f"write `{self} // {text}`"
        )

    def __rtruediv__(self, other: object) -> Expression:
        text = _text(other)
        raise bad_argument(
            f"`{text} / {self}` is a fraction, and numbers of loops are whole", f"write `{text} // {self}`"
        )

    def __neg__(self) -> Expression:
        return Expression(ast.UnaryOp(ast.USub(), self.tree))

    def __str__(self) -> str:
        return ast.unparse(self.tree)

    __repr__ = __str__


class Cursor(Expression):
    """A loop, by the name of its variable."""

    def __init__(self, name: str) -> None:
        super().__init__(ast.Name(name, ast.Load()))
        self.name = name


def expression_text(value: object) -> str:
    """A key or priority as text: an expression over cursors, an int, or the text of one.

    Raises:
        Refused: `wsp.bad-argument`, at the user's line.
    """
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        try:
            return ast.unparse(ast.parse(value, mode="eval"))
        except SyntaxError:
            raise bad_argument(f"{value!r} is not an expression", "write for instance `i * 8 + j`") from None
    raise bad_argument(f"{value!r} is no key", "combine cursors and ints, as in `i * 8 + j`")


def _text(value: object) -> str:
    return str(value) if isinstance(value, Expression) else repr(value)


def _tree(value: object) -> ast.expr:
    if isinstance(value, Expression):
        return value.tree
    if isinstance(value, int) and not isinstance(value, bool):
        return ast.Constant(value)
    raise bad_argument(f"{value!r} cannot be combined with a loop", "combine cursors with cursors and ints")
