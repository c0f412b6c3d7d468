"""What is known of names while the body of a network is read, and what loops and calls deal out.

Knows values and names; what is made of them is `networks`' business.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.dims import Expr
from htp.rewriting import Rewriter
from htp.types import ScalarType
from htp_dialect_csp.lower.trees import used

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from htp.program import Function
    from htp.types import TensorType, TileType
    from htp_dialect_csp.symbols import Scope, Value

    Carried = TensorType | TileType | ScalarType

__all__ = [
    "Frame", "Renamed", "dealt", "declares", "give", "is_declaration", "makes_one", "symbols_of",
]  # fmt: skip


@dataclass
class Frame:
    """One network while its body is read: what its names stand for, and what they are called in the routine."""

    values: Scope
    names: dict[str, ast.expr]
    sizes: dict[str, Expr] = field(default_factory=dict[str, Expr])
    outer: bool = False


class Renamed(Rewriter):
    """Names of a network as they are in the routine; numbers of unrolled loops are written out."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """The name in the routine."""
        known = self.frame.names.get(node.id)
        if known is None:
            return node
        new = copy.deepcopy(known)
        if isinstance(new, ast.Name):
            new.ctx = node.ctx
        return new


def makes_one(node: ast.expr) -> bool:
    """Whether an expression that makes channels makes one, not several."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)


def symbols_of(carried: Carried | None) -> frozenset[str]:
    """The names in the sizes of a type."""
    dims = () if carried is None or isinstance(carried, ScalarType) else carried.dims
    return frozenset(name for each in dims for name in each.symbols)


def declares(statement: ast.stmt, started: Set[str]) -> bool:
    """Whether a statement of the routine makes a channel or starts one of these kernels as a process."""
    return not used((statement,)).isdisjoint({"channel", "process_name", *started})


def is_declaration(node: ast.AST, functions: Mapping[str, Function]) -> bool:
    """Whether a name makes channels or declares processes."""
    if not isinstance(node, ast.Name):
        return False
    function = functions.get(node.id)
    return node.id in ("Channel", "replicate", "broadcast") or (
        function is not None and function.kind in ("process", "network")
    )


def give(target: ast.expr, value: Value, frame: Frame) -> None:
    """What a loop's variable stands for in one turn."""
    if isinstance(target, ast.Tuple) and isinstance(value, tuple):
        for each, one in zip(target.elts, value, strict=False):
            give(each, one, frame)
    elif isinstance(target, ast.Name):
        frame.values[target.id] = value
        if isinstance(value, Expr) and value.constant is not None:
            frame.names[target.id] = ast.Constant(value.constant)


def dealt(node: ast.expr, value: Value, index: int, count: int) -> tuple[ast.expr, Value]:
    """What one of several processes is given of an argument."""
    if not isinstance(value, tuple) or len(value) != count:
        return node, value
    one = value[index]
    if isinstance(node, ast.Tuple):
        return node.elts[index], one
    if isinstance(one, Expr) and one.constant is not None:
        return ast.Constant(one.constant), one
    return ast.Subscript(node, ast.Constant(index), ast.Load()), one
