"""The uses of a captured program: the dialects it is written in and the operations it calls, with their places.

Knows syntax; does not know who understands what.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.capabilities import DialectUse, FacetUse, OpUse, Use
from htp.program import origin_of
from htp.types import ScalarType

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp.program import Program

OPERATORS: dict[type[ast.operator], str] = {ast.MatMult: "tile.dot"}


def with_uses(program: Program) -> Program:
    """The program with its uses filled in, in order of name."""
    spans: dict[tuple[str, str], list[Span]] = {}
    for function in program.functions:
        spans.setdefault(("dialect", "host" if function.kind == "routine" else "tile"), []).append(function.origin)
        for param in function.params:
            if param.type is not None and not isinstance(param.type, ScalarType):
                for facet in param.type.facets:
                    kind = getattr(facet, "KIND", type(facet).__name__)
                    spans.setdefault(("facet", str(kind)), []).append(function.origin)
        for node in (node for each in function.body for node in ast.walk(each)):
            name = _operation(node)
            place = origin_of(node)
            if name is not None and place is not None:
                spans.setdefault(("op", name), []).append(place)
    classes: dict[str, type[Use]] = {"dialect": DialectUse, "facet": FacetUse, "op": OpUse}
    uses = tuple(classes[kind](name, spans=tuple(places)) for (kind, name), places in sorted(spans.items()))
    return replace(program, uses=uses)


def _operation(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        return f"tile.{node.func.attr}" if node.func.value.id == "tile" else None
    return OPERATORS.get(type(node.op)) if isinstance(node, ast.BinOp) else None
