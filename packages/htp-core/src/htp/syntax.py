"""The accepted Python subset: checks every construct and spells every name canonically.

Knows syntax and how names resolve; does not know the meaning of calls.
"""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from htp._impl.constructs import INSTEAD, SPOKEN
from htp.diagnostics import Refused, Span
from htp.names import BUILTINS, DTYPES, LOOPS, RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable

    from htp.diagnostics import Diagnostic
    from htp.program import Constant, Node

OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult,
    ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift,
)  # fmt: skip
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
ATTRIBUTES = ("shape", "T", "dtype", "ndim", "size", "value")

SEVERAL = 5


class Resolver:
    """What a captured name outside the function means; live objects and stage text share this face."""

    def lookup(self, name: str) -> object:
        """The object a name is bound to.

        Raises:
            KeyError: nothing is bound to it.
        """
        raise NotImplementedError

    def visible(self) -> list[str]:
        """Names that exist, for suggestions."""
        raise NotImplementedError

    def function(self, value: object) -> str | None:
        """The canonical name of a kernel, helper or routine; None when `value` is none of these."""
        raise NotImplementedError

    def constant(self, name: str, value: Constant) -> str:
        """The canonical name of a captured constant."""
        raise NotImplementedError

    def slot(self, name: str, value: object) -> str | None:
        """The canonical name of a slot; None when `value` is none."""
        raise NotImplementedError


class Canonical(ast.NodeTransformer):
    """Rewrites a function body into canonical spelling, or refuses it at the first construct that is not accepted."""

    def __init__(self, resolver: Resolver, place: Callable[[ast.AST], Span], local: frozenset[str], kind: str) -> None:
        self.resolver = resolver
        self.place = place
        self.kind = kind
        self.local = {name: _free_name(name, local) for name in local}

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
            raise self._unsupported(node)
        return self._keep(node, handler(node))

    def _on_assign(self, node: ast.Assign) -> ast.stmt:
        if len(node.targets) != 1:
            raise self._unsupported(node, "a chained assignment", "write one assignment a line")
        return ast.Assign([self._target(node.targets[0])], self.visit(node.value), lineno=node.lineno)

    def _on_augassign(self, node: ast.AugAssign) -> ast.stmt:
        self._operator(node, node.op)
        return ast.AugAssign(self._place(node.target), node.op, self.visit(node.value))

    def _on_annassign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            raise self._unsupported(node, "a declaration without a value", "assign a value")
        return ast.AnnAssign(self._place(node.target), node.annotation, self.visit(node.value), node.simple)

    def _on_for(self, node: ast.For) -> ast.stmt:
        if node.orelse:
            raise self._unsupported(node, "`for … else`", "put the else part after the loop")
        call = node.iter
        if not (isinstance(call, ast.Call) and self._callee(call) in {"range", "strips", "parallel"}):
            raise self._unsupported(node.iter, "a loop over something other than `range`", "write `for i in range(…):`")
        iterator = self.visit(call)
        target = self._target(node.target)
        return ast.For(target, iterator, list(self.body(node.body)), [], lineno=node.lineno)

    def _on_while(self, node: ast.While) -> ast.stmt:
        if node.orelse:
            raise self._unsupported(node, "`while … else`", "put the else part after the loop")
        return ast.While(self.visit(node.test), list(self.body(node.body)), [])

    def _on_if(self, node: ast.If) -> ast.stmt:
        return ast.If(self.visit(node.test), list(self.body(node.body)), list(self.body(node.orelse)))

    def _on_assert(self, node: ast.Assert) -> ast.stmt:
        return ast.Assert(self.visit(node.test), node.msg if isinstance(node.msg, ast.Constant) else None)

    def _on_expr(self, node: ast.Expr) -> ast.stmt:
        if not isinstance(node.value, ast.Call):
            raise self._unsupported(node, "an expression that does nothing", "assign it, or delete the line")
        return ast.Expr(self.visit(node.value))

    def _on_final_return(self, node: ast.Return) -> ast.stmt:
        return ast.Return(self.visit(node.value) if node.value is not None else None)

    def _place(self, node: ast.expr) -> ast.Name | ast.Subscript:
        target = self._target(node)
        if not isinstance(target, ast.Name | ast.Subscript):
            raise self._unsupported(node, "this assignment target", "assign to a name, or to a slice of a tensor")
        return target

    def _target(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Name):
            return self._keep(node, ast.Name(self.local[node.id], ast.Store()))
        if isinstance(node, ast.Tuple) and all(isinstance(each, ast.Name) for each in node.elts):
            return self._keep(node, ast.Tuple([self._target(each) for each in node.elts], ast.Store()))
        if isinstance(node, ast.Subscript):
            return self._keep(node, ast.Subscript(self.visit(node.value), self.visit(node.slice), ast.Store()))
        raise self._unsupported(node, "this assignment target", "assign to a name, or to a slice of a tensor")

    # expressions ------------------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> ast.expr:  # type: ignore[override]
        """One canonical expression, with its place stamped."""
        handler: Callable[..., ast.expr] | None = getattr(self, f"_at_{type(node).__name__.lower()}", None)
        if handler is None:
            raise self._unsupported(node)
        return self._keep(node, handler(node))

    def _at_constant(self, node: ast.Constant) -> ast.expr:
        if node.value is not None and node.value is not ... and not isinstance(node.value, int | float | str):
            raise self._unsupported(node, f"the literal {node.value!r}", "use numbers and booleans")
        return ast.Constant(node.value)

    def _at_name(self, node: ast.Name) -> ast.expr:
        if node.id in self.local:
            return ast.Name(self.local[node.id], ast.Load())
        return self._spell(node, node.id, self._lookup(node, node.id))

    def _at_attribute(self, node: ast.Attribute) -> ast.expr:
        found, value = self._static(node)
        if found:
            return self._spell(node, node.attr, value)
        if node.attr not in ATTRIBUTES:
            raise self._unsupported(
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
            if not isinstance(operator, COMPARISONS):
                raise self._unsupported(node, "this comparison", "use < <= > >= == !=")
        return ast.Compare(self.visit(node.left), node.ops, [self.visit(each) for each in node.comparators])

    def _at_boolop(self, node: ast.BoolOp) -> ast.expr:
        return ast.BoolOp(node.op, [self.visit(each) for each in node.values])

    def _at_ifexp(self, node: ast.IfExp) -> ast.expr:
        return ast.IfExp(self.visit(node.test), self.visit(node.body), self.visit(node.orelse))

    def _at_call(self, node: ast.Call) -> ast.expr:
        for keyword in node.keywords:
            if keyword.arg is None:
                raise self._unsupported(node, "`**` arguments", "write the arguments out")
        keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        arguments = [self.visit(each) for each in node.args]
        if isinstance(node.func, ast.Attribute) and not self._static(node.func)[0]:
            method = ast.Attribute(self.visit(node.func.value), node.func.attr, ast.Load())
            return ast.Call(self._keep(node.func, method), arguments, keywords)
        return ast.Call(self.visit(node.func), arguments, keywords)

    # names ------------------------------------------------------------------------------------------------------

    def _lookup(self, node: ast.AST, name: str) -> object:
        try:
            return self.resolver.lookup(name)
        except KeyError:
            from htp.ops import OPS

            operations = [f"tile.{op.name}" for op in OPS if op.name == name]
            near = difflib.get_close_matches(name, [*self.local, *self.resolver.visible()], n=1)
            hint = operations or near
            raise Refused(
                "capture.undefined-name",
                f"`{name}` is not defined",
                span=self.place(node),
                help=f"did you mean `{hint[0]}`?" if hint else f"assign `{name}` before this line, or pass it in",
            ) from None

    def _static(self, node: ast.AST) -> tuple[bool, object]:
        """Follows `module.attribute` chains that do not start at a local name."""
        if isinstance(node, ast.Name):
            return (False, None) if node.id in self.local else (True, self._lookup(node, node.id))
        if not isinstance(node, ast.Attribute):
            return False, None
        found, owner = self._static(node.value)
        if not found or self.resolver.slot("", owner) is not None:
            return False, None
        if hasattr(owner, node.attr):
            return True, getattr(owner, node.attr)
        near = difflib.get_close_matches(node.attr, dir(owner), n=1)
        owner_name = ast.unparse(node.value)
        raise Refused(
            "capture.undefined-name",
            f"`{owner_name}` has no `{node.attr}`",
            span=self.place(node),
            help=f"did you mean `{owner_name}.{near[0]}`?"
            if near
            else "`htp explain capture.undefined-name` lists operations",
        )

    def _callee(self, call: ast.Call) -> str | None:
        if isinstance(call.func, ast.Name) and call.func.id not in self.local:
            spelled = self._spell(call.func, call.func.id, self._lookup(call.func, call.func.id))
        elif isinstance(call.func, ast.Attribute):
            found, value = self._static(call.func)
            if not found:
                return None
            spelled = self._spell(call.func, call.func.attr, value)
        else:
            return None
        return spelled.id if isinstance(spelled, ast.Name) else None

    def _spell(self, node: ast.AST, name: str, value: object) -> ast.expr:
        if (number := _number(value)) is not None:
            return ast.Name(self.resolver.constant(name, number), ast.Load())
        if (function := self.resolver.function(value)) is not None:
            return ast.Name(function, ast.Load())
        if (slot := self.resolver.slot(name, value)) is not None:
            return ast.Name(slot, ast.Load())
        if (known := _public_spelling(value)) is not None:
            return known
        shown = type(value).__name__ if not isinstance(value, type | type(ast)) else getattr(value, "__name__", "?")
        if callable(value):
            module = getattr(value, "__module__", "") or ""
            same = "decorate it with @htp.func, or use operations of htp.tile"
            if _has_op(name):
                same = f"use `tile.{name}` on tiles; compute numbers outside, as constants"
            raise Refused(
                "capture.unsupported-call",
                f"`{ast.unparse(node)}` ({module.split('.')[0] or 'Python'}) cannot be called in a kernel",
                span=self.place(node),
                help=same,
            )
        raise Refused(
            "capture.unsupported-value",
            f"`{ast.unparse(node)}` is a captured {shown}; numbers, types, kernels, helpers and slots can be captured",
            span=self.place(node),
            help="pass it as a parameter",
        )

    # reporting --------------------------------------------------------------------------------------------------

    def _operator(self, node: ast.AST, operator: ast.operator) -> None:
        if not isinstance(operator, OPERATORS):
            raise self._unsupported(node)

    def _keep(self, old: ast.AST, new: Node) -> Node:
        new.origin = self.place(old)  # type: ignore[attr-defined]
        return new

    def _unsupported(self, node: ast.AST, what: str = "", instead: str = "") -> Refused:
        return Refused(
            "capture.unsupported-syntax",
            f"{what or SPOKEN.get(type(node), f'`{type(node).__name__.lower()}`')} is not part of the kernel language",
            span=self.place(node),
            help=instead or INSTEAD.get(type(node), "see the language reference for what is accepted"),
        )


def _free_name(name: str, local: frozenset[str]) -> str:
    while name in RESERVED:
        name += "_"
        while name in local:
            name += "_"
    return name


def _number(value: object) -> Constant | None:
    """The Python number that a captured number is, NumPy's scalars included."""
    if isinstance(value, bool | int | float):
        return value
    if type(value).__module__ != "numpy" or getattr(value, "ndim", 1) != 0:
        return None
    item: Callable[[], object] | None = getattr(value, "item", None)
    found = item() if item is not None else None
    return found if isinstance(found, bool | int | float) else None


def _has_op(name: str) -> bool:
    from htp.ops import OPS

    return any(op.name == name for op in OPS)


def _public_spelling(value: object) -> ast.expr | None:
    """The canonical spelling of a dtype, the module `tile`, a tile operation, a loop construct or a builtin."""
    import builtins

    import htp.loops
    import htp.tile
    import htp.types

    name = getattr(value, "__name__", None)
    if value is htp.tile:
        return ast.Name("tile", ast.Load())
    if not isinstance(name, str):
        return None
    if name in DTYPES and getattr(htp.types, name, None) is value:
        return ast.Name(name, ast.Load())
    if name in BUILTINS and getattr(builtins, name) is value:
        return ast.Name(name, ast.Load())
    if (name in LOOPS or name == "empty") and getattr(htp.loops, name, None) is value:
        return ast.Name(name, ast.Load())
    for public in (name, name.rstrip("_")):
        if getattr(htp.tile, public, None) is value and public in htp.tile.__all__:
            return ast.Attribute(ast.Name("tile", ast.Load()), public, ast.Load())
    return None
