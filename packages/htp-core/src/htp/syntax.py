"""The accepted Python subset: checks every construct and spells every name canonically.

Knows syntax and how names resolve; does not know the meaning of calls.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp._impl.spelling import Spelling
from htp.diagnostics import Refused
from htp.foreign import construct_allowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.diagnostics import Diagnostic

OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult,
    ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift,
)  # fmt: skip
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
ATTRIBUTES = ("shape", "T", "dtype", "ndim", "size", "value")

SEVERAL = 5


class Canonical(Spelling):
    """Rewrites a function body into canonical spelling, or refuses it at the first construct that is not accepted."""

    # statements -------------------------------------------------------------------------------------------------

    def body(self, statements: list[ast.stmt]) -> tuple[ast.stmt, ...]:
        """The canonical statements of a function body, without `pass`.

        Raises:
            Refused: `capture.*`, with the first problem of each of several statements.
        """
        result: list[ast.stmt] = []
        problems: dict[tuple[str, str], Diagnostic] = {}
        for each in statements:
            try:
                if not isinstance(each, ast.Pass):
                    result.append(self.statement(each, last=each is statements[-1]))
            except Refused as refusal:
                for problem in refusal.diagnostics:
                    problems.setdefault((problem.code, problem.message), problem)
        if problems:
            raise Refused.of(*list(problems.values())[:SEVERAL])
        return tuple(result)

    def statement(self, node: ast.stmt, *, last: bool = False) -> ast.stmt:
        """One canonical statement; `last` allows a helper's `return`."""
        handler: Callable[..., ast.stmt] | None = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if isinstance(node, ast.Return) and self.kind == "func" and last and node.value is not None:
            handler = self._on_final_return
        if handler is None:
            raise self.unsupported(node)
        return self.keep(node, handler(node))

    def _on_assign(self, node: ast.Assign) -> ast.stmt:
        if len(node.targets) != 1:
            raise self.unsupported(node, "a chained assignment", "write one assignment a line")
        return ast.Assign([self._target(node.targets[0])], self.visit(node.value), lineno=node.lineno)

    def _on_augassign(self, node: ast.AugAssign) -> ast.stmt:
        self._operator(node, node.op)
        return ast.AugAssign(self._place(node.target), node.op, self.visit(node.value))

    def _on_annassign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            raise self.unsupported(node, "a declaration without a value", "assign a value")
        return ast.AnnAssign(self._place(node.target), node.annotation, self.visit(node.value), node.simple)

    def _on_for(self, node: ast.For) -> ast.stmt:
        if node.orelse:
            raise self.unsupported(node, "`for … else`", "put the else part after the loop")
        call = node.iter
        own = {"range", "strips", "parallel"}
        known = isinstance(call, ast.Call) and (self.word(call.func) or self.callee(call) in own)
        if not known and not construct_allowed(self.kind, "For"):
            raise self.unsupported(node.iter, "a loop over something other than `range`", "write `for i in range(…):`")
        iterator = self.visit(call)
        target = self._target(node.target)
        return ast.For(target, iterator, list(self.body(node.body)), [], lineno=node.lineno)

    def _on_while(self, node: ast.While) -> ast.stmt:
        if node.orelse:
            raise self.unsupported(node, "`while … else`", "put the else part after the loop")
        return ast.While(self.visit(node.test), list(self.body(node.body)), [])

    def _on_with(self, node: ast.With) -> ast.stmt:
        items: list[ast.withitem] = []
        for each in node.items:
            context = each.context_expr
            if not (isinstance(context, ast.Call) and self.word(context.func)) or each.optional_vars is not None:
                raise self.unsupported(node)
            items.append(ast.withitem(self.visit(context), None))
        return ast.With(items, list(self.body(node.body)))

    def _on_if(self, node: ast.If) -> ast.stmt:
        return ast.If(self.visit(node.test), list(self.body(node.body)), list(self.body(node.orelse)))

    def _on_assert(self, node: ast.Assert) -> ast.stmt:
        return ast.Assert(self.visit(node.test), node.msg if isinstance(node.msg, ast.Constant) else None)

    def _on_expr(self, node: ast.Expr) -> ast.stmt:
        if not isinstance(node.value, ast.Call):
            raise self.unsupported(node, "an expression that does nothing", "assign it, or delete the line")
        return ast.Expr(self.visit(node.value))

    def _on_final_return(self, node: ast.Return) -> ast.stmt:
        return ast.Return(self.visit(node.value) if node.value is not None else None)

    def _place(self, node: ast.expr) -> ast.Name | ast.Subscript:
        target = self._target(node)
        if not isinstance(target, ast.Name | ast.Subscript):
            raise self.unsupported(node, "this assignment target", "assign to a name, or to a slice of a tensor")
        return target

    def _target(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name):
            return self.keep(node, ast.Name(self.local[node.id], ast.Store()))
        if isinstance(node, ast.Tuple) and all(isinstance(each, ast.Name) for each in node.elts):
            return self.keep(node, ast.Tuple([self._target(each) for each in node.elts], ast.Store()))
        if isinstance(node, ast.Subscript):
            return self.keep(node, ast.Subscript(self.visit(node.value), self.visit(node.slice), ast.Store()))
        raise self.unsupported(node, "this assignment target", "assign to a name, or to a slice of a tensor")

    # expressions ------------------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> ast.expr:  # type: ignore[override]
        """One canonical expression, with its place stamped."""
        handler: Callable[..., ast.expr] | None = getattr(self, f"_at_{type(node).__name__.lower()}", None)
        if handler is None:
            raise self.unsupported(node)
        return self.keep(node, handler(node))

    def _at_constant(self, node: ast.Constant) -> ast.expr:
        if node.value is not None and node.value is not ... and not isinstance(node.value, int | float | str):
            raise self.unsupported(node, f"the literal {node.value!r}", "use numbers and booleans")
        return ast.Constant(node.value)

    def _at_name(self, node: ast.Name) -> ast.expr:
        if (word := self.word(node)) is not None:
            return word
        if node.id in self.local:
            return ast.Name(self.local[node.id], ast.Load())
        return self.spell(node, node.id, self.lookup(node, node.id))

    def _at_attribute(self, node: ast.Attribute) -> ast.expr:
        if (word := self.word(node)) is not None:
            return word
        found, value = self.static(node)
        if found:
            return self.spell(node, node.attr, value)
        if node.attr not in ATTRIBUTES:
            raise self.unsupported(
                node, f"the attribute `.{node.attr}`", "use .shape, .T, .dtype or an operation of htp.tile"
            )
        return ast.Attribute(self.visit(node.value), node.attr, ast.Load())

    def _at_subscript(self, node: ast.Subscript) -> ast.expr:
        return ast.Subscript(self.visit(node.value), self.visit(node.slice), ast.Load())

    def _at_slice(self, node: ast.Slice) -> ast.expr:
        parts = [self.visit(each) if each is not None else None for each in (node.lower, node.upper, node.step)]
        return ast.Slice(*parts)

    def _at_tuple(self, node: ast.Tuple) -> ast.expr:
        return ast.Tuple([self.visit(each) for each in node.elts], ast.Load())

    def _at_list(self, node: ast.List) -> ast.expr:
        return ast.Tuple([self.visit(each) for each in node.elts], ast.Load())

    def _at_binop(self, node: ast.BinOp) -> ast.expr:
        self._operator(node, node.op)
        return ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))

    def _at_unaryop(self, node: ast.UnaryOp) -> ast.expr:
        operand = self.visit(node.operand)
        if (
            isinstance(node.op, ast.USub)
            and isinstance(operand, ast.Constant)
            and isinstance(operand.value, int | float)
        ):
            return ast.Constant(-operand.value)
        return ast.UnaryOp(node.op, operand)

    def _at_compare(self, node: ast.Compare) -> ast.expr:
        for operator in node.ops:
            identity = isinstance(operator, ast.Is | ast.IsNot) and construct_allowed(self.kind, "Is")
            if not isinstance(operator, COMPARISONS) and not identity:
                raise self.unsupported(node, "this comparison", "use < <= > >= == !=")
        return ast.Compare(self.visit(node.left), node.ops, [self.visit(each) for each in node.comparators])

    def _at_boolop(self, node: ast.BoolOp) -> ast.expr:
        return ast.BoolOp(node.op, [self.visit(each) for each in node.values])

    def _at_ifexp(self, node: ast.IfExp) -> ast.expr:
        return ast.IfExp(self.visit(node.test), self.visit(node.body), self.visit(node.orelse))

    def _at_call(self, node: ast.Call) -> ast.expr:
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self.unsupported(node, "`**` arguments", "write the arguments out")
        argument = self.visit if self.word(node.func) is None else self._word_argument
        keywords = [ast.keyword(each.arg, argument(each.value)) for each in node.keywords]
        arguments = [argument(each) for each in node.args]
        if isinstance(node.func, ast.Attribute) and not self.static(node.func)[0]:
            method = ast.Attribute(self.visit(node.func.value), node.func.attr, ast.Load())
            return ast.Call(self.keep(node.func, method), arguments, keywords)
        return ast.Call(self.visit(node.func), arguments, keywords)

    def _at_namedexpr(self, node: ast.NamedExpr) -> ast.expr:
        if not construct_allowed(self.kind, "NamedExpr"):
            raise self.unsupported(node)
        target = self._target(node.target)
        return ast.NamedExpr(target, self.visit(node.value))  # type: ignore[arg-type]

    def _at_starred(self, node: ast.Starred) -> ast.expr:
        if not construct_allowed(self.kind, "Starred"):
            raise self.unsupported(node)
        return ast.Starred(self.visit(node.value), ast.Load())

    def _word_argument(self, node: ast.expr) -> ast.expr:
        """An argument of a dialect's word, which may also be a set of numbers."""
        if not isinstance(node, ast.Set):
            return self.visit(node)
        numbers = [self.visit(each) for each in node.elts]
        if not all(isinstance(each, ast.Constant) and isinstance(each.value, int | float) for each in numbers):
            raise self.unsupported(node, "a set of anything but numbers", "write the numbers: `{0, 1}`")
        return self.keep(node, ast.Set(numbers))

    def _operator(self, node: ast.AST, operator: ast.operator) -> None:
        if not isinstance(operator, OPERATORS):
            raise self.unsupported(node)
