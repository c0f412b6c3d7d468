"""What definitions of the register form say: annotations, and the calls that make buffers.

Knows syntax; what becomes of a definition is printed by `statements`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp_backend_cpu.scope import DTYPES, not_register_form

if TYPE_CHECKING:
    from collections.abc import Sequence


def annotated(node: ast.expr) -> tuple[str, list[ast.expr] | None]:
    """The dtype of an annotation and its dims, None for a scalar."""
    match node:
        case ast.Name(id=name) if name in DTYPES:
            return name, None
        case ast.Subscript(value=ast.Name(id="Scalar"), slice=ast.Name(id=name)) if name in DTYPES:
            return name, None
        case ast.Subscript(value=ast.Name(id="Tile" | "Tensor"), slice=ast.Tuple(elts=[ast.Name(id=name), *dims])):
            return name, dims
        case ast.Subscript(value=ast.Name(id="Tile" | "Tensor"), slice=ast.Name(id=name)):
            return name, []
        case _:
            return not_register_form(node, "not a type of the register form")


def space_of(call: ast.Call) -> str:
    """The space that `alloc` names."""
    for each in call.keywords:
        if each.arg == "space" and isinstance(each.value, ast.Constant):
            return str(each.value.value)
    return "scratch"


def dtype_name(node: ast.expr) -> str:
    """The dtype that an argument names."""
    return node.id if isinstance(node, ast.Name) else not_register_form(node, "not a dtype")


def called(node: ast.expr, names: Sequence[str]) -> str | None:
    """Which of the functions of these names is called, if one is."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in names:
            return name
        case _:
            return None
