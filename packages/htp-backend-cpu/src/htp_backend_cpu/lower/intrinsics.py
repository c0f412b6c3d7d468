"""Calls that handlers write: their operands and their result as slices of memory, exactly as large as the values.

Knows where the values of a call lie; what happens inside is the handler's business.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Bug
from htp.lowering.build import expression, span_of, subscript
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.buffers import Buffer, Memory, Placed, Variable

if TYPE_CHECKING:
    from htp.dims import Expr
    from htp_backend_cpu.lower.buffers import Home


def written(memory: Memory, node: graph.Intrinsic, home: Home) -> ast.stmt:
    """`target[…] = owner.name(operand[…], …)`; a value of rank 0 is a variable."""
    operands = [_operand(memory, each) if isinstance(each, graph.Node) else each for each in node.operands]
    call = ast.Call(node.form.func, operands, node.form.keywords)
    return ast.Assign([_region(home, node.dims, store=True)], call, lineno=0)


def _operand(memory: Memory, node: graph.Node) -> ast.expr:
    home = memory.homes.get(id(node))
    if home is None and isinstance(node, graph.Load):
        home = Placed(node.root, node.starts, node.kept)
    if home is None:
        raise Bug(f"an operand of an intrinsic has no memory: {node}")
    return _region(home, node.dims)


def _region(home: Home, dims: tuple[Expr, ...], *, store: bool = False) -> ast.expr:
    """The slice of memory that a value lies in; its buffer may be larger."""
    if isinstance(home, Variable):
        return ast.Name(home.name, ast.Store() if store else ast.Load())
    if isinstance(home, Buffer):
        return subscript(home.name, [span_of(0, size) for size in dims], store=store)
    sizes = iter(dims)
    parts = [
        span_of(start, next(sizes)) if stays else expression(start)
        for start, stays in zip(home.starts, home.stays, strict=True)
    ]
    return subscript(home.name, parts or [ast.Constant(...)], store=store)
