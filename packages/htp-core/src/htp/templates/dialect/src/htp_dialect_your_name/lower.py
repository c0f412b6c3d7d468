"""The pass `your-name.lower`: loops over blocks become loops over `range`."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from htp.capabilities import DialectUse
from htp.passes import VisitorPass


@dataclass(frozen=True)
class LowerBlocks(VisitorPass):
    """`blocks(extent, size)` becomes `range(0, extent, size)`; every target understands that."""

    name = "your-name.lower"
    eliminates = (DialectUse("your-name"),)

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
        """One call; the dialect's name stands alone, as it was imported."""
        match node:
            case ast.Call(ast.Name("blocks"), [extent, size], []):
                return ast.Call(ast.Name("range", ast.Load()), [ast.Constant(0), extent, size], [])
            case _:
                return self.generic_visit(node)
