"""Which expressions may be evaluated twice, or not at all, without anyone noticing.

Knows names of pure functions; does not know what they compute.
"""

from __future__ import annotations

import ast

from htp.foreign import intrinsic_called, intrinsic_named
from htp.names import BUILTINS, DTYPES

__all__ = ["has_effect"]

IMPURE_TILE = frozenset(("print",))
PURE_WORDS = frozenset(("iota", "clip_index", "fnv1a", "one_of", "token", "token_size"))
PURE_METHODS = frozenset(
    ("astype", "reshape", "transpose", "sum", "mean", "max", "min", "prod", "any", "all", "argmax", "argmin")
)


def has_effect(node: ast.AST) -> bool:
    """Whether evaluating `node` may do more than yield a value.

    Calls are effects unless they are known to be pure: `htp.tile` operations other than `print`, dtype constructors,
    integer builtins and hashes, the methods of tile values, and intrinsics that are not declared to have effects.
    Reading a tensor is not an effect within one statement.
    """
    impure = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return any(isinstance(each, impure) or (isinstance(each, ast.Call) and not _pure(each)) for each in ast.walk(node))


def _pure(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in DTYPES or function.id in BUILTINS or function.id in PURE_WORDS
    if isinstance(function, ast.Attribute):
        if isinstance(function.value, ast.Name) and function.value.id == "tile":
            return function.attr not in IMPURE_TILE
        if (name := intrinsic_called(call)) is not None and (intrinsic := intrinsic_named(name)) is not None:
            return not intrinsic.effects
        return function.attr in PURE_METHODS
    return False
