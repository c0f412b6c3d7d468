"""What a channel carries, as it is written in a network. Knows dtypes and sizes; does not know statements."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, parse
from htp.rewriting import Rewriter
from htp.types import ScalarType, TensorType, TileType, dtype_named
from htp_dialect_csp.lower.trees import not_compiled
from htp_dialect_csp.symbols import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.program import Function
    from htp_dialect_csp.symbols import Value

    Carried = TensorType | TileType | ScalarType

__all__ = ["dim_expression", "payload"]


def payload(node: ast.expr, values: Mapping[str, Value], sizes: Mapping[str, Expr]) -> Carried:
    """The type that an annotation writes; `sizes` are what the names in it stand for.

    Raises:
        Refused: `csp.not-compiled`.
    """
    match node:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id="Scalar"), slice=ast.Name(id=name)):
            if (dtype := dtype_named(name)) is not None:
                return ScalarType(dtype)
        case ast.Subscript(value=ast.Name(id=form), slice=ast.Tuple(elts=[ast.Name(id=name), *dims])):
            dtype = dtype_named(name)
            if dtype is not None and form in ("Tile", "Tensor"):
                known = tuple(_dim(each, values, sizes) for each in dims)
                return (TileType if form == "Tile" else TensorType)(dtype, known)
        case _:
            pass
    raise not_compiled(node, f"a channel of `{ast.unparse(node)}`", "write Channel[Tile[f32, 16, 64]](capacity=2)")


def _dim(node: ast.expr, values: Mapping[str, Value], sizes: Mapping[str, Expr]) -> Expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        size = parse(node.value)
        if size.symbols <= set(sizes):
            return size.substitute(dict(sizes))
    elif isinstance(found := value_of(node, values), Expr):
        return found
    raise not_compiled(
        node, f"a channel whose size `{ast.unparse(node)}` nobody bounds",
        "give it a number, or the name of a size of the network's parameters",
    )  # fmt: skip


def dim_expression(size: Expr, network: Function) -> ast.expr:
    """A size over the names of a network's sizes, as the network computes it."""
    if size.constant is not None:
        return ast.Constant(size.constant)
    names = {
        str(dim): f"{param.name}.shape[{axis}]"
        for param in reversed(network.params)
        if isinstance(param.type, TensorType | TileType) and not param.is_end
        for axis, dim in enumerate(param.type.dims)
        if str(dim) in dim.symbols
    }
    return _Sizes(names).expression(ast.parse(str(size), mode="eval").body)


class _Sizes(Rewriter):
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        text = self.names.get(node.id)
        return ast.parse(text, mode="eval").body if text is not None else node

