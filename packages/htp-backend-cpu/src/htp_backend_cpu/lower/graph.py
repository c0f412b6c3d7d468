"""The values of one straight run of tile statements, as a graph.

Knows which value is computed from which; does not know loops or buffers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp.types import DType


@dataclass(eq=False)
class Node:
    """One tile value: its dtype, its shape, and the values it is computed from."""

    dtype: DType
    dims: tuple[Expr, ...]
    origin: Span | None = field(default=None, kw_only=True)
    name: str = field(default="", kw_only=True)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The values that this one reads."""
        return ()


@dataclass(eq=False)
class Load(Node):
    """A slice of a tensor in memory: `starts` per dimension of the tensor, `kept` where the dimension stays."""

    root: str
    starts: tuple[Expr, ...]
    kept: tuple[bool, ...]


@dataclass(eq=False)
class Held(Node):
    """A tile variable that lives in a buffer of its own name."""

    variable: str


@dataclass(eq=False)
class Pointwise(Node):
    """An elementwise expression: `form` is its syntax, with operands named `_0`, `_1`, … that broadcast."""

    form: ast.expr
    operands: tuple[Node | ast.expr, ...]
    operand_dtype: DType
    cost: int

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The operands that are tiles."""
        return tuple(each for each in self.operands if isinstance(each, Node))


@dataclass(eq=False)
class Full(Node):
    """One scalar everywhere."""

    value: Node | ast.expr

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The scalar, where it is a tile of one element."""
        return (self.value,) if isinstance(self.value, Node) else ()


@dataclass(eq=False)
class Count(Node):
    """`start + step * index` along one axis."""

    axis: int
    start: ast.expr
    step: ast.expr


@dataclass(eq=False)
class Mask(Node):
    """`source` where column - row compares with `offset` (`tril`, `triu`), zero elsewhere; `eye` has no source."""

    source: Node | None
    comparison: ast.cmpop
    offset: ast.expr

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The masked tile."""
        return (self.source,) if self.source is not None else ()


@dataclass(eq=False)
class Moved(Node):
    """`source` read at another index: transposes, reshapes, slices, broadcasts and reversals."""

    source: Node
    how: Movement

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The moved tile."""
        return (self.source,)


@dataclass(frozen=True)
class Transposed:
    """Axes in another order."""

    order: tuple[int, ...]


@dataclass(frozen=True)
class Reshaped:
    """Elements in the same order under another shape."""


@dataclass(frozen=True)
class Sliced:
    """A box of the source; dimensions that are not kept are single positions."""

    starts: tuple[Expr, ...]
    kept: tuple[bool, ...]


@dataclass(frozen=True)
class Broadcast:
    """Sizes of 1 repeated."""


@dataclass(frozen=True)
class Reversed:
    """The order of some axes reversed."""

    axes: tuple[int, ...]


Movement = Transposed | Reshaped | Sliced | Broadcast | Reversed


@dataclass(eq=False)
class Picked(Node):
    """Elements of `source` at positions given by `indices` along one axis; `aligned` as in `tile.gather`."""

    source: Node
    indices: Node
    axis: int
    aligned: bool

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The picked tile and the positions."""
        return (self.source, self.indices)


@dataclass(eq=False)
class OneHot(Node):
    """1 where the last index equals the element of `indices`, else 0."""

    indices: Node

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The positions."""
        return (self.indices,)


@dataclass(eq=False)
class Reduced(Node):
    """One axis of `source` combined into size 1."""

    source: Node
    how: str
    axis: int

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The reduced tile."""
        return (self.source,)


@dataclass(eq=False)
class Product(Node):
    """`a @ b` over the last two dimensions, plus `acc`; batches broadcast."""

    a: Node
    b: Node
    acc: Node | None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The factors and the addend."""
        return (self.a, self.b) if self.acc is None else (self.a, self.b, self.acc)


@dataclass(eq=False)
class Joined(Node):
    """Several tiles one behind the other along an axis."""

    parts: tuple[Node, ...]
    axis: int

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The parts."""
        return self.parts


@dataclass(eq=False)
class Walked(Node):
    """An operation along one axis that is written as a loop of its own: cumsum, sort, argsort, argmax, scatter, topk.

    `also` is the second result of `topk`.
    """

    how: str
    sources: tuple[Node, ...]
    axis: int
    options: dict[str, ast.expr]
    also: Node | None = None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The tiles it walks over."""
        return self.sources


@dataclass(eq=False)
class Second(Node):
    """The second result of a walked operation."""

    first: Walked | None = None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The operation that makes it."""
        return (self.first,) if self.first is not None else ()


@dataclass(eq=False)
class Intrinsic(Node):
    """A call that a handler writes: what happens inside is unknown, so its tiles and its result lie in memory.

    `form` is the call; its positional arguments are `operands`, which are tiles or scalars.
    """

    form: ast.Call
    operands: tuple[Node | ast.expr, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The operands that are tiles."""
        return tuple(each for each in self.operands if isinstance(each, Node))


@dataclass(eq=False)
class Store:
    """A tile, or a scalar, stored into a slice of memory."""

    value: Node | ast.expr
    dtype: DType
    dims: tuple[Expr, ...]
    root: str
    starts: tuple[Expr, ...]
    kept: tuple[bool, ...]
    origin: Span | None = None
