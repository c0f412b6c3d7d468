"""What a handler for the CPU is given, and what its text may rely on.

A handler is `emit(cx, dst, *operands) -> str`; `cx` is a `CpuEmitter`:

- `dst` and the operands are names in C++. `dst` is a `T*` and the operand of a tile a `const T*`, where `T` is the
  dtype under its name in `htp`: `f32` is `float`, `i64` is `long long`; `f16` and `bf16` are classes that compute in
  `f32` and round. The operand of a number is a value of its dtype.
- `cx.dims(name)` are the sizes that a tile has when the program runs, never their bounds; `cx.strides(name)` are the
  steps along its axes, counted in elements. Both are C++ expressions of integers, first axis first. Sizes may be zero.
- `dst` overlaps no operand. Its elements have no value before; the text gives each of them one.
- The text is the body of a function without a result: one or more statements, which may `return`. Calls run on several
  threads at the same time: what a call remembers is in local variables and in `cx.scratch_like(name)`, which lives as
  long as the call; its elements lie row after row.
- `cx.helper(text)` adds C++ in front of all handlers' functions, once for equal texts. Lines that begin with `#include`
  go to the top of the file.

Knows the names in one function; `handlers.py` knows where the function stands and who calls it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.intrinsics import Attribute
    from htp.types import TileType


@dataclass(frozen=True)
class TileName:
    """A tile in a handler's function: the names of its pointer and of the region behind it, and its type."""

    name: str
    region: str
    type: TileType


class CpuEmitter:
    """What a handler for the CPU may ask about the call that it emits; names are those that it was given."""

    def __init__(self, tiles: Sequence[TileName], attributes: Mapping[str, Attribute]) -> None:
        self.scratch: list[str] = []
        self.helpers: list[str] = []
        self._tiles = {each.name: each for each in tiles}
        self._attributes = attributes

    def tile_type(self, name: str) -> TileType:
        """Dtype and dims of an operand or of the result; the dtype's name is also the name of the C++ type."""
        return self._tile(name).type

    def dims(self, name: str) -> tuple[str, ...]:
        """The sizes of a tile as C++ expressions; those that the intrinsic fixes are numbers."""
        tile = self._tile(name)
        return tuple(
            f"{tile.region}.dim({axis})" if size.constant is None else str(size.constant)
            for axis, size in enumerate(tile.type.dims)
        )

    def strides(self, name: str) -> tuple[str, ...]:
        """The steps along the axes of a tile, in elements, as C++ expressions."""
        tile = self._tile(name)
        return tuple(f"{tile.region}.stride({axis})" for axis in range(len(tile.type.dims)))

    def scratch_like(self, name: str) -> str:
        """The name of a pointer to another tile of the same type, whose elements have no value yet."""
        like = self._tile(name)
        own = f"scratch{len(self._tiles)}"
        tile = TileName(own, f"{own}_region", like.type)
        dtype, sizes = like.type.dtype.name, [f"i64({each})" for each in self.dims(name)]
        self.scratch += [
            f"Scratch<{dtype}> {own}_memory(ctx, {' * '.join(sizes) or '1'});",
            f"const auto {tile.region} = region({', '.join([f'{own}_memory.data', *sizes])});",
            f"{dtype}* const {own} = {tile.region}.data;",
        ]
        self._tiles[own] = tile
        return own

    def attribute(self, name: str) -> Attribute:
        """The value of an attribute, as Python has it."""
        if name not in self._attributes:
            raise LookupError(f"the intrinsic has no attribute `{name}`")
        return self._attributes[name]

    def helper(self, text: str) -> None:
        """Adds C++ in front of all handlers' functions, once for equal texts; `#include` lines go to the top."""
        self.helpers.append(text)

    def _tile(self, name: str) -> TileName:
        if name not in self._tiles:
            known = ", ".join(f"`{each}`" for each in self._tiles)
            raise LookupError(f"`{name}` is no tile of this call; its tiles are {known}")
        return self._tiles[name]
