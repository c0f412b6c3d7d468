"""What the printer knows of the names in scope: arrays, registers, vectors, scalars and the strip that is open.

Knows C++ block scope; does not print anything.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import NoReturn

from htp.diagnostics import Bug

INTEGERS = frozenset({"i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"})
FLOATS = frozenset({"f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2"})
DTYPES = INTEGERS | FLOATS | {"bool_"}


@dataclass(frozen=True)
class Kind:
    """What an expression yields: `lanes` elements of `dtype`, one when 0; `int` and `float` adapt to other dtypes."""

    dtype: str
    lanes: int = 0


INT = Kind("int")
FLOAT = Kind("float")
BOOL = Kind("bool_")


@dataclass(frozen=True)
class ArrayName:
    """A parameter or buffer: a view with a rank."""

    dtype: str
    rank: int


@dataclass(frozen=True)
class BufferName(ArrayName):
    """A buffer that is given away when it is sent."""


@dataclass(frozen=True)
class RegisterName:
    """A vector accumulator of `width` lanes."""

    dtype: str
    width: int


@dataclass(frozen=True)
class SlotName:
    """A value that can change between runs."""

    dtype: str


@dataclass(frozen=True)
class EndName:
    """An end of a channel of tiles with `rank` axes, of numbers when it is 0, or of whole buffers."""

    dtype: str
    rank: int
    buffers: bool = False

    @property
    def arguments(self) -> str:
        """The template arguments of what it is in C++."""
        return f"{f'Owned<{self.dtype}>' if self.buffers else self.dtype}, {self.rank}"

    @property
    def number(self) -> Kind:
        """What a token of numbers is: a Python number."""
        return INT if self.dtype in INTEGERS else FLOAT if self.dtype in FLOATS else BOOL


@dataclass(frozen=True)
class ChannelName(EndName):
    """A channel before its ends are given to processes."""


Meaning = Kind | ArrayName | RegisterName | SlotName | EndName


@dataclass(frozen=True)
class Strip:
    """The strip that is open: the name of its lane count and its width."""

    lanes: str
    width: int


@dataclass(frozen=True)
class Region:
    """The task region that is open.

    `ordered` are the arrays whose accesses order tasks, `independent` written ones that are proven to need no order;
    with `bytes` the window counts what tasks write.
    """

    ordered: frozenset[str]
    independent: frozenset[str]
    bytes: bool


@dataclass
class Network:
    """The network that is open; `named` is what its next process is called."""

    named: str | None = None


@dataclass(frozen=True)
class Scope:
    """The names of one C++ block; names of enclosing blocks are seen through it."""

    outer: Scope | None = None
    strip: Strip | None = None
    region: Region | None = None
    network: Network | None = None
    names: dict[str, Meaning] = field(default_factory=dict[str, Meaning])

    def inner(
        self, strip: Strip | None = None, region: Region | None = None, network: Network | None = None
    ) -> Scope:
        """A block inside this one."""
        return Scope(self, strip or self.strip, region or self.region, network or self.network)

    def find(self, name: str) -> Meaning | None:
        """What `name` means here, None when nothing of that name is in scope."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None


def not_register_form(node: ast.AST, why: str) -> NoReturn:
    """Stops at a node that the register form does not have."""
    raise Bug(f"not register form: `{ast.unparse(node)}` ({why})")
