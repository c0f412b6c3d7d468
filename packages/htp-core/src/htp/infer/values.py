"""What inference knows of a value: its type, and for integers also which integer it is.

Knows no syntax and no operations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.types import ScalarType, TensorType, TileType

if TYPE_CHECKING:
    from htp.dims import Expr, Facts
    from htp.types import DType


@dataclass(frozen=True)
class Index:
    """A Python integer whose value is a symbolic expression."""

    value: Expr

    def __str__(self) -> str:
        return f"the integer {self.value}"


@dataclass(frozen=True)
class Number:
    """A Python float or bool; `constant` when it is known."""

    kind: Literal["float", "bool"]
    constant: float | bool | None = None

    def __str__(self) -> str:
        return f"a Python {self.kind}"


@dataclass(frozen=True)
class Value:
    """A tile: an on-chip array value."""

    dtype: DType
    dims: tuple[Expr, ...]

    @property
    def type(self) -> TileType | ScalarType:
        """The annotation of a local that holds it."""
        return TileType(self.dtype, self.dims) if self.dims else ScalarType(self.dtype)

    def __str__(self) -> str:
        return str(TileType(self.dtype, self.dims))


@dataclass(frozen=True)
class Box:
    """Where a slice lies in its tensor: start, extent and keptness per dimension of the tensor."""

    start: tuple[Expr, ...]
    extent: tuple[Expr, ...]
    kept: tuple[bool, ...]


@dataclass(frozen=True)
class Region:
    """A tensor in memory or a slice of it: reading takes a snapshot, assigning to it stores."""

    dtype: DType
    dims: tuple[Expr, ...]
    root: str
    box: Box

    @property
    def value(self) -> Value:
        """The tile that reading it gives."""
        return Value(self.dtype, self.dims)

    @property
    def type(self) -> TensorType:
        """The annotation of a parameter of this type."""
        return TensorType(self.dtype, self.dims)

    def __str__(self) -> str:
        return str(self.type)


@dataclass(frozen=True)
class Group:
    """A tuple: a shape, or the several results of an operation."""

    items: tuple[Known, ...]

    def __str__(self) -> str:
        return f"a tuple of {len(self.items)}"


@dataclass(frozen=True)
class Type:
    """A dtype used as a value."""

    dtype: DType

    def __str__(self) -> str:
        return f"the type {self.dtype.name}"


@dataclass(frozen=True)
class Text:
    """A string literal or None: only a few operations take one."""

    text: str | None


@dataclass(frozen=True)
class End:
    """A channel, or one end of it: what it carries, and what a process may do with it, which is nothing once it has
    given the end to a process that it starts.
    """

    carries: TensorType | TileType | ScalarType
    side: Literal["send", "recv", "both", "none"]
    name: str

    def __str__(self) -> str:
        return {"send": f"Send[{self.carries}]", "recv": f"Recv[{self.carries}]"}.get(self.side, "a channel")


Known = Index | Number | Value | Region | Group | Type | Text | End


@dataclass(frozen=True)
class Access:
    """One read or write of a region, with the facts, loops and conditions around it."""

    root: str
    box: Box
    writes: bool
    node: object = field(compare=False)
    facts: Facts = field(compare=False)
    loops: tuple[str, ...] = ()
    conditional: bool = False


def slot_symbol(name: str) -> str:
    """The symbol of the integer that a slot holds: a variable that is called so does not hide the slot itself."""
    return f"value_of_{name}"
