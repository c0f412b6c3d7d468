"""Sums of products of which there are none: what such a kernel stores is zero, which the vector unit writes.

Knows divided programs; does not know instructions. The cube unit has no way to write zeros of its own.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.dims import const
from htp.infer.engine import infer
from htp.infer.values import Index, Region, Value
from htp.lowering.build import call, expression, tuple_of
from htp.program import Function, origin_of, stamp
from htp.types import ScalarType, TensorType, TileType
from htp_backend_pto.lower.bounds import arguments_of
from htp_backend_pto.lower.sites import marked, site_of
from htp_backend_pto.lower.tidy import with_sizes
from htp_backend_pto.lower.units import accumulated, called, walk
from htp_backend_pto.tiles import annotation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Program

__all__ = ["with_zeros"]


def with_zeros(program: Program) -> Program:
    """The program whose kernels of products are called only where something is added; else zeros are stored."""
    kernels = {each.name: _Sums(program, each) for each in program.functions if each.kind == "kernel"}
    kernels = {name: each for name, each in kernels.items() if each.lengths}
    return _Guarding(program, kernels).program() if kernels else program


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

    def zeros(self, name: str) -> Function | None:
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
        return replace(self.kernel, name=name, doc=doc, body=tuple(with_sizes(self.kernel, body)))


class _Guarding:
    """Puts calls of kernels under the condition that they add something up."""

    def __init__(self, program: Program, kernels: dict[str, _Sums]) -> None:
        self.source = program
        self.kernels = kernels
        self.known: Inference = infer(program, program.main)
        self.made: dict[str, Function] = {}

    def program(self) -> Program:
        body = self._block(self.source.main.body)
        if not self.made:
            return self.source
        main = replace(self.source.main, body=tuple(with_sizes(self.source.main, body)))
        others = [each for each in self.source.functions if each.name != main.name]
        return replace(self.source, functions=(*others, *self.made.values(), main))

    def _block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for each in body:
            if isinstance(each, ast.For):
                new: ast.stmt = ast.For(each.target, each.iter, self._block(each.body), [], lineno=0)
            elif isinstance(each, ast.While):
                new = ast.While(each.test, self._block(each.body), [])
            elif isinstance(each, ast.If):
                new = ast.If(each.test, self._block(each.body), self._block(each.orelse))
            else:
                result += self._call(each, result)
                continue
            result.append(marked_like(new, each))
        return result

    def _call(self, node: ast.stmt, before: list[ast.stmt]) -> list[ast.stmt]:
        value = node.value if isinstance(node, ast.Expr) else None
        function = value.func if isinstance(value, ast.Call) else None
        sums = self.kernels.get(function.id) if isinstance(function, ast.Name) else None
        if sums is None or not isinstance(value, ast.Call):
            return [node]
        length = self._outside(sums, value)
        facts = self.known.facts_at(node)
        if length is None or facts.nonnegative(length - 1):
            return [node]
        name = f"{sums.kernel.name}_zeros"
        if name not in self.made:
            zeros = sums.zeros(name)
            if zeros is None:
                return [node]
            self.made[name] = zeros
        told: list[ast.stmt] = []
        while before and called(getattr(before[-1], "value", None)) == "task":
            told.insert(0, before.pop())
        other = ast.Expr(ast.Call(ast.Name(name, ast.Load()), value.args, value.keywords))
        test = ast.Compare(expression(length), [ast.Gt()], [ast.Constant(0)])
        instead = [*told, stamp(other, origin_of(node))]
        return [marked_like(ast.If(test, [*told, node], instead), node)]

    def _outside(self, sums: _Sums, node: ast.Call) -> Expr | None:
        """How much is added up, in what the routine knows."""
        meanings: dict[str, Expr] = {}
        for param, argument in arguments_of(sums.kernel, node):
            known = self.known.types.get(id(argument))
            if isinstance(param.type, TensorType) and isinstance(known, Region):
                for size, extent in zip(param.type.dims, known.dims, strict=True):
                    if str(size) in size.symbols:
                        meanings.setdefault(str(size), extent)
            elif isinstance(param.type, ScalarType) and isinstance(known, Index):
                meanings[param.name] = known.value
        length = sums.lengths[0]
        if not length.symbols <= meanings.keys() or length == const(0):
            return None
        return length.substitute(meanings)


def marked_like(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    """A statement in the place of another one."""
    return marked(stamp(new, origin_of(old)), site_of(old))
