"""Kernels of vector work that may be given arrays without elements: they are called only where there are some.

Where there are none, another kernel stores what nothing reduces to. Loads of nothing are not instructions.
Knows divided programs; does not know instructions.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.dims import Expr, const
from htp.infer.engine import infer
from htp.infer.values import Index, Region, Value
from htp.lowering.build import call, constant, expression, tuple_of
from htp.program import origin_of, stamp
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.lower.gangs import is_gang, is_member
from htp_backend_pto.lower.neutral import neutral
from htp_backend_pto.lower.split.guarding import Guarding
from htp_backend_pto.lower.tidy import alive, with_sizes
from htp_backend_pto.lower.units import called, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from htp.program import Function, Program

__all__ = ["with_nothing"]

REDUCED = ("sum", "prod", "max", "min", "any", "all")


def with_nothing(program: Program) -> Program:
    """The program whose kernels are given arrays without elements only where they would store nothing either."""
    kernels = [each for each in program.functions if each.kind == "kernel"]
    program = program.replace(*(_Empty(program, each).stated() for each in kernels))
    done = frozenset[tuple[str, Expr]]()
    while True:
        found = (_Empty(program, each).with_lengths(done) for each in program.functions if each.kind == "kernel")
        kernels = {each.kernel.name: each for each in found if each.lengths}
        if not kernels:
            return program
        program = Guarding(program, kernels, "nothing", _present(program.main)).program()
        done |= {(name, each.lengths[0]) for name, each in kernels.items()}


def _present(entry: Function) -> list[Expr]:
    """The sizes that everything an entry writes has: without elements to write, no task is submitted."""
    written = [getattr(each.type, "dims", ()) for each in entry.params if each.direction in ("out", "inout")]
    first = written[0] if written else ()
    return [each for each in first if str(each) in each.symbols and all(each in dims for dims in written)]


class _Empty:
    """The sizes of one kernel that leave it without elements to load, and what it stores then."""

    def __init__(self, program: Program, kernel: Function) -> None:
        self.kernel = kernel
        self.known = infer(program, kernel)
        self.lengths: list[Expr] = []
        dots = any(called(getattr(each, "value", None)) == "tile.dot" for each in walk(kernel.body))
        self.plain = not dots and not is_gang(kernel) and not is_member(kernel)

    def with_lengths(self, done: AbstractSet[tuple[str, Expr]]) -> _Empty:
        """With the sizes that matter, less those that are done."""
        if self.plain:
            self.lengths = [e for e in self._sizes() if (self.kernel.name, e) not in done and self._matters(e)]
        return self

    def stated(self) -> Function:
        """The kernel without the tiles whose type says that they are empty."""
        none = const(0)
        body = self._block(self.kernel.body, none) if self.plain and self._matters(none) else None
        return self.kernel if body is None else replace(self.kernel, body=tuple(alive(body)))

    def _sizes(self) -> Iterator[Expr]:
        dims = dict.fromkeys(dim for each in self.kernel.params for dim in getattr(each.type, "dims", ()))
        yield from (each for each in dims if str(each) in each.symbols)

    def _matters(self, size: Expr) -> bool:
        """Whether something is stored although tiles have no elements where this size is zero."""
        left = list(self._left(self.kernel.body, size))
        makes = any(self._is_empty(each.target, size) for each in left if isinstance(each, ast.AnnAssign))
        stores = any(isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Subscript) for each in left)
        return makes and stores

    def _left(self, body: Sequence[ast.stmt], size: Expr) -> Iterator[ast.stmt]:
        """The simple statements that run, and do not store nothing, where a size is zero."""
        for each in body:
            if isinstance(each, ast.For | ast.While | ast.If):
                if not self._is_idle(each, size):
                    yield from self._left([*each.body, *each.orelse], size)
            elif not (isinstance(each, ast.Assign) and self._is_empty(each.targets[0], size)):
                yield each

    def _is_idle(self, node: ast.stmt, size: Expr) -> bool:
        """Whether a loop has no turns where a size is zero."""
        bounds = node.iter.args[:2] if isinstance(node, ast.For) and isinstance(node.iter, ast.Call) else []
        found = [self.known.types.get(id(each)) for each in bounds]
        values = [_without(each.value, size) for each in found if isinstance(each, Index)]
        return bool(values) and len(values) == len(bounds) and (values[-1] - (values[0] if len(values) > 1 else 0)) == 0

    def _is_empty(self, node: ast.expr, size: Expr) -> bool:
        known = self.known.types.get(id(node))
        return isinstance(known, Value | Region) and any(_without(each, size) == 0 for each in known.dims)

    def instead(self, name: str) -> Function | None:
        """A kernel that makes and stores what has elements where the size that counts is zero."""
        body = self._block(self.kernel.body, self.lengths[0])
        if body is None:
            return None
        doc = f"What `{self.kernel.name}` stores where it is given nothing."
        return replace(self.kernel, name=name, doc=doc, body=tuple(with_sizes(self.kernel, alive(body))))

    def _block(self, body: Sequence[ast.stmt], size: Expr) -> list[ast.stmt] | None:
        """The statements without empty tiles; `None` where something else than a reduction is made of one."""
        result: list[ast.stmt] = []
        for each in body:
            if isinstance(each, ast.For | ast.While | ast.If):
                inner = self._block(each.body, size)
                orelse = [] if isinstance(each, ast.For | ast.While) else self._block(each.orelse, size)
                if inner is None or orelse is None:
                    return None
                result += [] if self._is_idle(each, size) else [with_blocks(each, inner, orelse)]
                continue
            target = each.target if isinstance(each, ast.AnnAssign) else getattr(each, "targets", [None])[0]
            if target is not None and self._is_empty(target, size):
                continue
            nodes = (node for node in ast.walk(each) if isinstance(node, ast.expr))
            if _is_shape(each) or not any(self._is_empty(node, size) for node in nodes):
                result.append(each)
            elif (made := self._filled(each)) is not None:
                result.append(made)
            else:
                return None
        return result

    def _filled(self, node: ast.stmt) -> ast.stmt | None:
        """The statement that makes what an empty tile reduces to."""
        if not isinstance(node, ast.AnnAssign):
            return None
        known, how = self.known.types.get(id(node.target)), called(node.value).removeprefix("tile.")
        if how not in REDUCED or not isinstance(known, Value):
            return None
        dims = tuple_of([expression(each) for each in known.dims])
        full = call("tile.full", dims, constant(neutral(how, known.dtype)), known.dtype.name)
        return stamp(ast.AnnAssign(node.target, node.annotation, full, 1), origin_of(node))


def _without(value: Expr, size: Expr) -> Expr:
    """An integer where a size is zero; as it is where the size is no symbol."""
    return value.substitute({str(size): const(0)})


def _is_shape(node: ast.stmt) -> bool:
    """Whether it is `M = a.shape[0]`."""
    match node:
        case ast.Assign(value=ast.Subscript(value=ast.Attribute(attr="shape"))):
            return True
        case _:
            return False
