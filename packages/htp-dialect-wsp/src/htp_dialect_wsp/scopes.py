"""What names stand for while a workload is composed, and the sizes that axes are named by.

Knows expressions; does not know statements.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.program import origin_of
from htp.rewriting import Rewriter
from htp.types import ScalarType
from htp_dialect_wsp.axis_forms import AxisForm
from htp_dialect_wsp.reference import size_named

if TYPE_CHECKING:
    from htp.types import Param

__all__ = ["Scope", "Sizes"]


@dataclass
class Scope:
    """What names stand for in one block: expressions in their place, and axes; `outer` names are not to be rebound."""

    params: tuple[Param, ...]
    tensors: set[str]
    names: dict[str, ast.expr] = field(default_factory=dict[str, ast.expr])
    axes: dict[str, AxisForm] = field(default_factory=dict[str, AxisForm])
    outer: frozenset[str] = frozenset()

    def inner(self) -> Scope:
        """The scope of a block inside."""
        return Scope(
            self.params, self.tensors, dict(self.names), dict(self.axes), self.outer | frozenset(self.names)
        )


class Sizes(Rewriter):
    """Dense axes become their sizes, which `found` has, and positions of sparse axes elements of `indptr`."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.found: list[ast.expr] = []

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """An axis, or a position of one."""
        match node:
            case ast.Call(func=ast.Name("Dense"), args=[size], keywords=[]):
                return self._dense(self.expression(size))
            case ast.Call(func=ast.Name("DenseDyn"), args=[ast.Constant(str(name)), *given], keywords=[]):
                size = given[0] if given else size_named(name, self.scope.params)
                return self._dense(size if size is not None else self._unknown(name, node))
            case ast.Call(func=ast.Attribute(ast.Name(axis), "start"), args=[row]) if (
                axis in self.scope.axes and self.scope.axes[axis].indices is not None
            ):
                return self.scope.axes[axis].start(row)
            case _:
                return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # noqa: N802
        """The size of a dense axis, which its name stands for."""
        match node:
            case ast.Attribute(ast.Name() as axis, "size"):
                return axis
            case _:
                return self.generic_visit(node)

    def _dense(self, size: ast.expr) -> ast.expr:
        self.found.append(size)
        return size

    def _unknown(self, name: str, node: ast.Call) -> ast.expr:
        known = [each.name for each in self.scope.params if isinstance(each.type, ScalarType)]
        known += [str(dim) for each in self.scope.params for dim in getattr(each.type, "dims", ())]
        near = get_close_matches(name, known, 1, 0.4)
        raise Refused(
            "wsp.unknown-size",
            f"no parameter and no size of the signature is called `{name}`",
            span=origin_of(node),
            help=f"did you mean `{near[0]}`?" if near else f"name one of {', '.join(dict.fromkeys(known)) or 'them'}",
        )
