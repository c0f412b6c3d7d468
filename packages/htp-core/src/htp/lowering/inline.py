"""Inlining of `@func` helpers: every call becomes the helper's statements and its result expression.

Knows substitution and renaming; does not know types.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from htp.capabilities import Captured, Inlined
from htp.diagnostics import Refused
from htp.fresh_names import numbered
from htp.passes import Pass
from htp.program import origin_of, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from htp.program import Function, Program


@dataclass(frozen=True)
class InlineHelpers(Pass):
    """Calls of `@func` helpers become the helpers' bodies."""

    name = "inline"
    requires = (Captured(),)
    provides = (Inlined(),)

    def apply(self, program: Program) -> Program:
        """The program without helpers."""
        helpers = {each.name: each for each in program.functions if each.kind == "func"}
        kept = tuple(each for each in program.functions if each.kind != "func")
        inlined = tuple(Inliner(helpers, each).function() for each in kept)
        return replace(program, functions=inlined)


class Inliner:
    """Puts bodies in place of calls in one function; `helpers` are the bodies by the name they are called by.

    With `nested`, calls inside the bodies are replaced too.
    """

    nested: ClassVar[bool] = True

    def __init__(self, helpers: Mapping[str, Function], function: Function) -> None:
        self.helpers = helpers
        self.target = function
        self.taken = {node.id for each in function.body for node in ast.walk(each) if isinstance(node, ast.Name)}
        self.taken |= {each.name for each in function.params}

    def called(self, node: ast.AST) -> str | None:
        """The name of the helper that `node` calls, if it is such a call."""
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
        return name if name in self.helpers else None

    def decided(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """A helper's statements with the arguments in place, before they are inlined."""
        return body

    def function(self) -> Function:
        """The function without calls of helpers; the same one if it has none."""
        if not any(self._calls(each) for each in self.target.body):
            return self.target
        return replace(self.target, body=tuple(self.block(self.target.body)))

    def _calls(self, node: ast.AST) -> bool:
        return any(self.called(each) is not None for each in ast.walk(node))

    def block(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        """The statements with every call in place."""
        return [new for each in statements for new in self._statement(each)]

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if not self._calls(statement):
            return [statement]
        before: list[ast.stmt] = []
        new = copy.copy(statement)
        for name, value in ast.iter_fields(statement):
            if name in ("body", "orelse"):
                setattr(new, name, self.block(value))
            elif name == "items":
                setattr(new, name, [ast.withitem(self._expression(each.context_expr, before)) for each in value])
            elif isinstance(value, ast.expr):
                setattr(new, name, self._expression(value, before))
        if isinstance(new, ast.While) and before:
            raise Refused(
                "capture.unsupported-call",
                "a helper with statements cannot be called in the condition of a `while`",
                span=origin_of(statement),
                help="compute the condition into a variable, before the loop and at the end of its body",
            )
        return [*before, new]

    def _expression(self, node: ast.expr, before: list[ast.stmt]) -> ast.expr:
        """The expression without helper calls; what must run first is appended to `before`."""
        if not self._calls(node):
            return node
        new = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(new, name, self._expression(value, before))
            elif isinstance(value, list):
                setattr(new, name, [self._item(each, before) for each in value])  # type: ignore[misc]
        called = self.called(new)
        return (
            self._call(new, self.helpers[called], before) if called is not None and isinstance(new, ast.Call) else new
        )

    def _item(self, item: object, before: list[ast.stmt]) -> object:
        if isinstance(item, ast.keyword):
            value = self._expression(item.value, before)
            return ast.keyword(item.arg, value)
        return self._expression(item, before) if isinstance(item, ast.expr) else item

    def _call(self, call: ast.Call, helper: Function, before: list[ast.stmt]) -> ast.expr:
        """Binds the arguments, inlines the body, and gives the helper's result."""
        names = [each.name for each in helper.params]
        given = dict(zip(names, call.args, strict=False)) | {each.arg or "": each.value for each in call.keywords}
        if len(call.args) > len(names) or set(given) != set(names):
            raise Refused(
                "type.bad-arguments", f"`{helper.name}` takes ({', '.join(names)})", span=origin_of(call),
                help="pass one argument for each parameter",
            )  # fmt: skip
        stored = {
            node.id
            for each in helper.body
            for node in ast.walk(each)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        names_of: dict[str, ast.expr] = {}
        for name in names:
            argument = given[name]
            if name not in stored and isinstance(argument, ast.Name | ast.Constant):
                names_of[name] = argument
                continue
            fresh = self._fresh(name)
            names_of[name] = ast.Name(fresh, ast.Load())
            binding = ast.Assign([ast.Name(fresh, ast.Store())], argument, lineno=0)
            before.append(stamp(binding, origin_of(call)))
        for name in sorted(stored - set(names)):
            names_of[name] = ast.Name(self._fresh(name), ast.Load())
        body = self.decided([_Renamer(names_of).visit(copy.deepcopy(each)) for each in helper.body])
        last = body.pop() if body and isinstance(body[-1], ast.Return) else None
        result = last if isinstance(last, ast.Return) else None
        before.extend(self.block(body) if self.nested else body)
        if result is None or result.value is None:
            return stamp(ast.Constant(None), origin_of(call))
        return self._expression(result.value, before) if self.nested else result.value

    def _fresh(self, name: str) -> str:
        if name in self.taken:
            return numbered(name, self.taken)
        self.taken.add(name)
        return name


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        new = self.names.get(node.id)
        if new is None:
            return node
        renamed = ast.Name(new.id, node.ctx) if isinstance(new, ast.Name) else copy.copy(new)
        renamed.origin = origin_of(node)  # type: ignore[attr-defined]
        return renamed
