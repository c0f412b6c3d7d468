"""Scalars in normal form: integers are size expressions, the rest is spelled in place, behind what has to run first.

Knows scalars; `operands.py` knows tiles.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.infer.state import VERSION
from htp.infer.values import Index, Number
from htp.lowering.build import annotated, assigned, call, constant, expression
from htp.lowering.naming import Naming
from htp.names import STREAMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.infer.values import Known


class Scalars(Naming):
    """Writes scalar expressions."""

    def tile(self, node: ast.expr, wanted: str | None = None) -> ast.expr:
        """The name of the tile that `node` gives."""
        raise NotImplementedError

    def word(self, node: ast.Call) -> ast.Call:
        """A word of the process form."""
        raise NotImplementedError

    def arguments(self, node: ast.Call) -> tuple[str, dict[str, ast.expr]]:
        """The operation and its arguments by name, of a call or a method call."""
        return self.known.operations[id(node)]

    def scalar(self, node: ast.expr) -> ast.expr:
        """A scalar expression in terms of names that hold where it stands."""
        known = self.known.of(node)
        if isinstance(known, Index):
            self.settle(node)
            return expression(self.size(known.value))
        if isinstance(known, Number) and known.constant is not None:
            self.settle(node)
            return constant(known.constant)
        return self._spelled(node)

    def settle(self, node: ast.AST) -> None:
        """Writes statements for the integers in `node` that are no expression of sizes, and the checks of its divisors.

        What Python runs only under a condition is left to the expression that decides it.
        """
        for child in _always(node):
            self.settle(child)
        known = self.known.types.get(id(node))
        if not isinstance(known, Index) or not isinstance(node, ast.Call | ast.IfExp | ast.BinOp | ast.Attribute):
            return
        if isinstance(node, ast.BinOp):
            self._check_divisor(node, self.scalar(node.right) if id(node) in self.known.divisors else node.right)
        symbol = str(known.value)
        if symbol in known.value.symbols and symbol not in self.identifiers and self._makes(node, symbol):
            # The text is spelled before the symbol has a name: it stands for the value's definition.
            value = self._spelled(node)
            self.emit(annotated(self.named(symbol), "i64", value))

    def _check_divisor(self, node: ast.BinOp, divisor: ast.expr) -> None:
        """Python refuses to divide by zero; the program says so wherever it may happen."""
        if id(node) in self.known.divisors and id(node) not in self.checked:
            self.checked.add(id(node))
            self.emit(ast.Assert(ast.Compare(divisor, [ast.NotEq()], [ast.Constant(0)]), None))

    def _makes(self, node: ast.AST, symbol: str) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "value"
        return VERSION in symbol or (symbol not in self.sizes_named and not self._is_param(symbol))

    def _is_param(self, symbol: str) -> bool:
        return any(each.name == symbol for each in self.source.params)

    def _spelled(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name):
            return ast.Name(self.variable(node.id), ast.Load())
        if isinstance(node, ast.BinOp):
            left, right = self.scalar(node.left), self.scalar(node.right)
            self._check_divisor(node, right)
            return ast.BinOp(left, node.op, right)
        if isinstance(node, ast.UnaryOp):
            return ast.UnaryOp(node.op, self.scalar(node.operand))
        if isinstance(node, ast.Compare):
            return ast.Compare(self.scalar(node.left), node.ops, [self.scalar(each) for each in node.comparators])
        if isinstance(node, ast.BoolOp):
            return self._connected(node)
        if isinstance(node, ast.IfExp):
            return self._choice(node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return ast.Attribute(ast.Name(node.value.id, ast.Load()), node.attr, ast.Load())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STREAMS:
            return self.word(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return ast.Call(node.func, [self.scalar(each) for each in node.args], [])
        if isinstance(node, ast.Call):
            return call("tile.item", self.tile(self.arguments(node)[1]["x"]))
        raise Bug(f"not a scalar: {ast.unparse(node)}")

    # what runs only under a condition ---------------------------------------------------------------------------

    def aside(self, node: ast.expr) -> tuple[list[ast.stmt], ast.expr]:
        """A scalar expression, and the statements that it needs first."""
        outer, self.out = self.out, []
        identifiers, checked = dict(self.identifiers), set(self.checked)
        value = self.scalar(node)
        first, self.out = self.out, outer
        self.identifiers, self.checked = identifiers, checked
        return first, value

    def _choice(self, node: ast.IfExp) -> ast.expr:
        """`a if c else b`; a statement where a or b need statements."""
        test = self.scalar(node.test)
        (first, one), (second, two) = self.aside(node.body), self.aside(node.orelse)
        if not first and not second:
            return ast.IfExp(test, one, two)
        name = self._declared(self.known.of(node))
        self.emit(ast.If(test, [*first, assigned(name, one)], [*second, assigned(name, two)]))
        return ast.Name(name, ast.Load())

    def _connected(self, node: ast.BoolOp) -> ast.expr:
        """`a and b`; a statement where b needs statements, which run only when a does not decide."""
        first = self.scalar(node.values[0])
        rest = [self.aside(each) for each in node.values[1:]]
        if not any(statements for statements, _ in rest):
            return ast.BoolOp(node.op, [first, *(value for _, value in rest)])
        name = self._declared(Number("bool"))
        self.emit(assigned(name, first))
        self.emit(self._onwards(name, isinstance(node.op, ast.And), rest))
        return ast.Name(name, ast.Load())

    def _onwards(self, name: str, go: bool, rest: Sequence[tuple[list[ast.stmt], ast.expr]]) -> ast.stmt:
        flag = ast.Name(name, ast.Load())
        (statements, value), *more = rest
        body = [*statements, assigned(name, value), *([self._onwards(name, go, more)] if more else [])]
        return ast.If(flag if go else ast.UnaryOp(ast.Not(), flag), body, [])

    def _declared(self, known: Known) -> str:
        """A new variable for a scalar."""
        kind, zero = ("i64", 0) if isinstance(known, Index) else ("f64", 0.0)
        if isinstance(known, Number) and known.kind == "bool":
            kind, zero = "bool_", False
        name = self.fresh("c")
        self.emit(annotated(name, kind, ast.Constant(zero)))
        return name

    def condition(self, node: ast.expr, entries: dict[str, str]) -> tuple[list[ast.stmt], ast.expr]:
        """The condition of a `while`: it reads the variables themselves, not what they were at the body's head."""
        before = dict(self.identifiers)
        self.identifiers.update({symbol: self.variable(name) for name, symbol in entries.items()})
        result = self.aside(node)
        self.identifiers = before
        return result


def _always(node: ast.AST) -> list[ast.AST]:
    """The parts of an expression that run whenever it does."""
    if isinstance(node, ast.IfExp):
        return [node.test]
    return [node.values[0]] if isinstance(node, ast.BoolOp) else list(ast.iter_child_nodes(node))
