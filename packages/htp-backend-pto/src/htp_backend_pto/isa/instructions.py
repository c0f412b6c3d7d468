"""What an instruction is: its C++ name, the pipe that carries it out, and what each operand is for.

Knows no single instruction; those are in `table.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["VARIANTS", "Dtypes", "Instruction", "Operand", "Pipe", "Role", "Route", "Space", "Variant"]

Variant = Literal["a2a3sim", "a2a3"]
Pipe = Literal["MTE2", "MTE1", "V", "M", "FIX", "MTE3", "S"]
Role = Literal["dst", "src", "inout", "scratch", "scalar", "attribute"]
Space = Literal["gm", "ub", "l1", "l0a", "l0b", "l0c", "bias", "scaling"]
Dtypes = tuple[str, ...]

VARIANTS: tuple[Variant, ...] = ("a2a3sim", "a2a3")


@dataclass(frozen=True)
class Operand:
    """One operand by the name of its parameter; the result is `dst`. Numbers and attributes have no forms."""

    name: str
    role: Role
    forms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """Memories in which the tiles of one call may lie, the result's first, and the pipe for these."""

    spaces: tuple[Space, ...]
    pipe: Pipe


@dataclass(frozen=True)
class Instruction:
    """One instruction as an intrinsic.

    `routes` are the memories it works on: one entry for each tile, in the order of `tiles`. `dtypes` are, for each
    variant, the dtypes that the variables of the signature may be together, in the order of `variables`; a variant that
    lacks the instruction has none. `call` is its C++ with operands in braces.
    """

    name: str
    cpp: str
    routes: tuple[Route, ...]
    operands: tuple[Operand, ...]
    variables: tuple[str, ...]
    dtypes: Mapping[Variant, tuple[Dtypes, ...]]
    call: str
    summary: str
    notes: tuple[str, ...] = ()

    @property
    def pipe(self) -> Pipe:
        """The pipe of the first route, which is the only one of most instructions."""
        return self.routes[0].pipe

    @property
    def tiles(self) -> tuple[Operand, ...]:
        """The operands that are tiles or regions of global memory, the result first."""
        return tuple(each for each in self.operands if each.role in ("dst", "src", "inout", "scratch"))

    @property
    def inout(self) -> str | None:
        """The operand in whose place the result must lie."""
        return next((each.name for each in self.operands if each.role == "inout"), None)

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants that have it."""
        return tuple(each for each in VARIANTS if self.dtypes[each])

    def operand(self, name: str) -> Operand:
        """The operand of that name.

        Raises:
            LookupError: There is none.
        """
        found = next((each for each in self.operands if each.name == name), None)
        if found is None:
            raise LookupError(f"`pto.{self.name}` has no operand `{name}`")
        return found

    def route(self, dst: Space, *others: Space) -> Route | None:
        """The route whose result lies in `dst`, and its next tiles in the memories that are given."""
        given = (dst, *others)
        return next((each for each in self.routes if each.spaces[: len(given)] == given), None)

    def takes(self, variant: Variant, *dtypes: str) -> bool:
        """Whether a variant has it for these dtypes of its variables."""
        return dtypes in self.dtypes[variant]

    def text(self, names: Mapping[str, str]) -> str:
        """Its C++, with the names of operands in their places."""
        return self.call.format(**names)
