"""Names and memory of one function that is being lowered.

Knows where a value lives and how large its buffer is; does not know loops.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from htp.dims import Expr, const
from htp.lowering.build import annotated, call, expression, subscript, tuple_of
from htp.types import ScalarType, TileType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.dims import Facts
    from htp.types import DType
    from htp_backend_cpu.lower.elements import Index
    from htp_backend_cpu.lower.graph import Node

# A buffer of known size up to this many bytes lies on the stack, larger ones in the thread's arena.
STACK_BYTES = 128 * 1024
# A buffer whose bound exceeds this takes the size that it has at run time: a slice may be cut from much less.
BOUND_BYTES = 64 * 1024 * 1024
# Rows of known length are padded to whole strips of this many elements.
LANES = 16


@dataclass(frozen=True)
class Variable:
    """A value in a scalar variable."""

    name: str


@dataclass(frozen=True)
class Buffer:
    """A value in memory; of a `row` buffer only the innermost index counts."""

    name: str
    row: bool = False


@dataclass(frozen=True)
class Placed:
    """A value in the slice of memory that a later store of the same group overwrites anyway."""

    name: str
    starts: tuple[Expr, ...]
    stays: tuple[bool, ...]


Home = Variable | Buffer | Placed


def place_of(home: Buffer | Placed, index: Index) -> Index:
    """Where in its memory the element at `index` of a value lies."""
    if isinstance(home, Placed):
        inner = iter(index)
        return tuple(
            start + next(inner) if stays else start for start, stays in zip(home.starts, home.stays, strict=True)
        )
    return index[-1:] if home.row else index


class Memory:
    """Fresh names, and the home of every kept value."""

    def __init__(self, taken: set[str], facts: Facts) -> None:
        self.taken = taken
        self.facts = facts
        self.homes: dict[int, Home] = {}

    def fresh(self, base: str) -> str:
        """A name that nothing has: the base itself, or with a number behind it."""
        name, number = base, 1
        while name in self.taken:
            number += 1
            name = f"{base}{number}" if not base[-1].isdigit() else f"{base}_{number}"
        self.taken.add(name)
        return name

    def kept(self, node: Node, index: Index) -> ast.expr | None:
        """The element of a value that has a home."""
        home = self.homes.get(id(node))
        if home is None:
            return None
        if isinstance(home, Variable):
            return ast.Name(home.name, ast.Load())
        return subscript(home.name, [expression(each) for each in place_of(home, index)])

    def allocate(self, name: str, dtype: DType, dims: Sequence[Expr]) -> ast.stmt:
        """`name: Tile[…] = alloc(…)`, as large as the dims can get; a value of rank 0 is a scalar."""
        if not dims:
            return self.scalar(name, dtype, call(dtype.name, _zero(dtype)))
        sizes = [self.largest(each) for each in dims]
        last = sizes[-1].constant
        if len(sizes) > 1 and last is not None and last > 1:
            sizes[-1] = const(-(-last // LANES) * LANES)
        known = prod(1 if size.constant is None else size.constant for size in sizes) * max(dtype.bits, 8) // 8
        if known > BOUND_BYTES:
            sizes = list(dims)
        constant = all(size.constant is not None for size in sizes)
        space = "stack" if constant and known <= STACK_BYTES else "scratch"
        value = call("alloc", tuple_of(sizes), dtype.name, space=ast.Constant(space))
        return annotated(name, str(TileType(dtype, tuple(sizes))), value)

    def largest(self, size: Expr) -> Expr:
        """A constant that the size never exceeds, or the size itself."""
        bound = self.facts.upper_bound(size)
        return const(max(bound, 1)) if bound is not None else size

    def scalar(self, name: str, dtype: DType, value: ast.expr) -> ast.stmt:
        """`name: Scalar[…] = value`."""
        return annotated(name, str(ScalarType(dtype)), value)


def _zero(dtype: DType) -> ast.expr:
    return ast.Constant(False if dtype.kind == "bool" else 0.0 if dtype.kind == "float" else 0)
