"""Sizes of the signature that a lowered body asks for.

Knows where the sizes of parameters are; does not know what they are needed for.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp.lowering.build import assigned
from htp.program import stamp
from htp.types import ScalarType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.program import Function


def with_sizes(function: Function, body: Sequence[ast.stmt]) -> tuple[ast.stmt, ...]:
    """The body behind `M = a.shape[0]` for every size that it reads and nothing defines: checks ask for such sizes."""
    read = {name for each in body for name in loads(each)}
    known = {name for each in body for name in writes(each)} | {each.name for each in function.params}
    missing: list[ast.stmt] = []
    for param in function.params:
        if param.type is None or param.is_end or isinstance(param.type, ScalarType):
            continue
        for axis, size in enumerate(param.type.dims):
            name = str(size)
            if size.symbols == frozenset([name]) and name in read - known:
                known.add(name)
                shape = ast.Attribute(ast.Name(param.name, ast.Load()), "shape", ast.Load())
                value = ast.Subscript(shape, ast.Constant(axis), ast.Load())
                missing.append(stamp(assigned(name, value), function.origin))
    return (*missing, *body)
