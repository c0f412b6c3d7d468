"""Sums of products of which there are none: what such a kernel stores is zero, which the vector unit writes.

Knows divided programs; does not know instructions. The cube unit has no way to write zeros of its own.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.infer.engine import infer
from htp.infer.values import Index, Region, Value
from htp.lowering.build import call, expression, tuple_of
from htp.program import Function, origin_of, stamp
from htp.types import TileType
from htp_backend_pto.lower.split.guarding import Guarding
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.units import accumulated, called, walk
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.program import Program

__all__ = ["with_zeros"]


def with_zeros(program: Program) -> Program:
    """The program whose kernels of products are called only where something is added; else zeros are stored."""
    kernels = {each.name: _Sums(program, each) for each in program.functions if each.kind == "kernel"}
    kernels = {name: each for name, each in kernels.items() if each.lengths}
    return Guarding(program, kernels, "zeros").program() if kernels else program


class _Sums:
    """What one kernel adds up, and what it stores."""

    def __init__(self, program: Program, kernel: Function) -> None:
        self.kernel = kernel
        self.known = infer(program, kernel)
        self.plain = True
        self.stores: list[ast.Assign] = []
        self.lengths: list[Expr] = []
        if any(called(getattr(each, "value", None)) == "tile.dot" for each in walk(kernel.body)):
            self._read(kernel.body, ())

    def _read(self, body: Sequence[ast.stmt], loops: tuple[Expr, ...]) -> None:
        for each in body:
            match each:
                case ast.For():
                    length = self._length(each)
                    self.plain &= not loops and length is not None
                    if length is not None:
                        self._read(each.body, (*loops, length))
                case ast.While() | ast.If():
                    self.plain = False
                case ast.Assign(targets=[ast.Subscript()]):
                    self.plain &= not loops
                    self.stores.append(each)
                case ast.AnnAssign(value=ast.Call() as value) if called(value) == "tile.dot":
                    self._product(value, loops)
                case _:
                    pass

    def _length(self, node: ast.For) -> Expr | None:
        bounds = node.iter.args if isinstance(node.iter, ast.Call) else []
        known = [self.known.types.get(id(each)) for each in bounds]
        values = [each.value for each in known if isinstance(each, Index)]
        if not values or len(values) < len(bounds):
            return None
        return values[0] if len(values) == 1 else values[1] - values[0]

    def _product(self, node: ast.Call, loops: tuple[Expr, ...]) -> None:
        left = self.known.types.get(id(node.args[0]))
        left = left.value if isinstance(left, Region) else left
        if loops:
            self.lengths.append(loops[0])
        elif isinstance(left, Value) and accumulated(node) is None:
            self.lengths.append(left.dims[1])
        else:
            self.plain = False

    def instead(self, name: str) -> Function | None:
        """A kernel that stores zeros to the same places; `None` where that is not all it would have to do."""
        if not self.plain or not self.stores or len(set(self.lengths)) > 1:
            return None
        body: list[ast.stmt] = []
        for number, each in enumerate(self.stores):
            region = self.known.types.get(id(each.targets[0]))
            if not isinstance(region, Region):
                return None
            zero = ast.Constant(0.0 if region.dtype.kind == "float" else 0)
            made = call("tile.full", tuple_of([expression(size) for size in region.dims]), zero, region.dtype.name)
            annotation = annotation_of(TileType(region.dtype, region.dims))
            tile = ast.Name(f"zeros_{number}", ast.Store())
            stored = ast.Assign(each.targets, ast.Name(f"zeros_{number}", ast.Load()), lineno=0)
            body += [stamp(ast.AnnAssign(tile, annotation, made, 1), origin_of(each)), stamp(stored, origin_of(each))]
        doc = f"The zeros that `{self.kernel.name}` would store where it adds nothing up."
        # Sizes are those of what is stored to, where it has them: the sum's operands are then of no use.
        stored = [each for each in self.kernel.params if each.direction != "in"]
        sized = replace(self.kernel, params=(*stored, *self.kernel.params))
        return replace(self.kernel, name=name, doc=doc, body=tuple(with_sizes(sized, body)))
