"""Short names for the long types of a kernel, written once above it.

Knows names; does not know what the types mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from htp.fresh_names import fresh

__all__ = ["Aliases"]

TILE = re.compile(r"Tile(?P<kind>Left|Right|Acc)?<(?:TileType::(?P<memory>\w+), )?(?P<element>\w+), (?P<rows>\d+), "
                  r"(?P<columns>\d+), (?P<rest>.*)>")  # fmt: skip
VIEW = re.compile(r"GlobalTensor<(?P<element>\w+), (?P<shape>pto::Shape<.*?>), (?P<stride>pto::Stride<.*?>)"
                  r"(?P<rest>.*)>")  # fmt: skip


@dataclass
class Aliases:
    """The types of one kernel that have names; `lines` are the declarations, in the order in which they are needed."""

    taken: set[str]
    names: dict[str, str] = field(default_factory=dict[str, str])
    lines: list[str] = field(default_factory=list[str])

    def tile(self, type_: str) -> str:
        """The name of a tile's type: where it lies, its element unless that is float, and its size.

        >>> Aliases(set()).tile("Tile<TileType::Vec, float, 64, 8, BLayout::RowMajor, -1, -1>")
        'Vec64x8'
        """
        found = TILE.fullmatch(type_)
        if found is None:
            return type_
        kind = found["kind"] or found["memory"]
        upright = "Column" if kind == "Vec" and "BLayout::ColMajor" in found["rest"] else ""
        return self._named(type_, f"{kind}{_word(found['element'])}{upright}{found['rows']}x{found['columns']}")

    def view(self, type_: str, arguments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """The name of a view's type, and its arguments, in which shape and stride have names too.

        >>> view = "GlobalTensor<float, pto::Shape<1, 1, 1, -1, 8>, pto::Stride<1, 1, 1, -1, 1>>"
        >>> Aliases(set()).view(view, ("x", "pto::Shape<1, 1, 1, -1, 8>(m)", "pto::Stride<1, 1, 1, -1, 1>(m)"))
        ('GmFloat', ('x', 'GmFloatShape(m)', 'GmFloatStride(m)'))
        """
        found = VIEW.fullmatch(type_)
        if found is None:
            return type_, arguments
        name = self._fresh(type_, f"Gm{_word(found['element']) or 'Float'}")
        if type_ not in self.names:
            self.names[type_] = name
            self.lines.append(f"using {name}Shape = {found['shape']};")
            self.lines.append(f"using {name}Stride = {found['stride']};")
            parts = f"{found['element']}, {name}Shape, {name}Stride{found['rest']}"
            self.lines.append(f"using {name} = GlobalTensor<{parts}>;")
        start, shape, stride = arguments
        shape = shape.replace(found["shape"], f"{name}Shape", 1)
        return name, (start, shape, stride.replace(found["stride"], f"{name}Stride", 1))

    def _named(self, type_: str, wanted: str) -> str:
        name = self._fresh(type_, wanted)
        if type_ not in self.names:
            self.names[type_] = name
            self.lines.append(f"using {name} = {type_};")
        return name

    def _fresh(self, type_: str, wanted: str) -> str:
        return self.names[type_] if type_ in self.names else fresh(wanted, self.taken)


def _word(element: str) -> str:
    """An element as part of a name; the usual one is left out."""
    return "" if element == "float" else element.removesuffix("_t").capitalize()
