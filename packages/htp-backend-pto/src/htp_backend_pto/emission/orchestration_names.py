"""What the names of a routine are in its orchestration: scalars, sizes, elements and slots.

Knows which C++ text stands for each and where it is declared; does not know statements.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Facts
from htp.fresh_names import fresh
from htp.types import ScalarType
from htp_backend_pto.emission.regions import as_dim, region_of
from htp_backend_pto.emission.scalars import Text, cpp_name, dim_node, kind_of, scalar_text, unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.dims import Expr
    from htp.program import Function, Program
    from htp_backend_pto.emission.regions import Region
    from htp_backend_pto.emission.scalars import Kind
    from htp_backend_pto.emission.sites import Buffer, Sites
    from htp_backend_pto.profile import Profile

__all__ = ["Names"]

ELEMENTS = {
    "f32": "float", "i64": "int64_t", "i32": "int32_t", "i16": "int16_t", "i8": "int8_t",
    "u64": "uint64_t", "u32": "uint32_t", "u16": "uint16_t", "u8": "uint8_t", "bool_": "uint8_t",
}  # fmt: skip
"""The C++ types of elements that orchestration can compute with."""


class Names:
    """The names of one routine; a `scalars.Meanings`."""

    def __init__(self, program: Program, function: Function, sites: Sites, profile: Profile) -> None:
        self.program, self.sites, self.profile = program, sites, profile
        self.kinds: dict[str, Kind] = {}
        self.own: frozenset[str] = frozenset()
        self.declared: dict[str, str] = {}
        self.used: dict[str, None] = {}
        self._taken = {cpp_name(each.name) for each in function.params}
        nodes = (node for each in function.body for node in ast.walk(each))
        self._taken |= {cpp_name(each.id) for each in nodes if isinstance(each, ast.Name)}
        for name, value in program.constants:
            self.kinds[name] = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"
        for param in function.params:
            if isinstance(param.type, ScalarType):
                self.kinds[param.name] = kind_of(param.type.dtype.name)
        self._sizes(sites)

    def _sizes(self, sites: Sites) -> None:
        """Where the symbols of the parameters' extents are read."""
        for name, each in sites.buffers.items():
            for axis, dim in enumerate(each.dims if each.direction != "scratch" else ()):
                text = f"{cpp_name(name)}.{self.profile.shapes}[{axis}]"
                plain = str(dim) if str(dim) in dim.symbols else ""
                if plain and plain not in self.declared:
                    self.declared[plain] = text
                    self.kinds[plain] = "int"
                    self._taken.add(cpp_name(plain))

    def unique(self, base: str) -> str:
        """A C++ name that nothing else has: `base` or `base` with a number."""
        return fresh(base, self._taken)

    def facts(self) -> Facts:
        """What is known of all sizes: none is below 0."""
        facts = Facts()
        for name in self.declared:
            facts = facts.with_dim(name)
        return facts

    def buffer(self, name: str, node: ast.expr) -> Buffer:
        """The array of this name."""
        if name not in self.sites.buffers:
            raise unprintable(node, f"`{name}` is no array")
        return self.sites.buffers[name]

    def text(self, node: ast.expr) -> Text:
        """A scalar expression in C++."""
        return scalar_text(node, self)

    def cpp(self, node: ast.expr) -> str:
        """The text alone."""
        return self.text(node).cpp

    def dim(self, dim: Expr) -> str:
        """A dim in C++."""
        return self.cpp(dim_node(dim))

    def extents(self) -> Mapping[str, tuple[Expr, ...]]:
        """The extents of all arrays."""
        return {name: each.dims for name, each in self.sites.buffers.items()}

    def region(self, node: ast.expr) -> Region:
        """The part of an array that an expression names."""
        return region_of(node, self.extents())

    def name(self, node: ast.Name) -> Text:
        """A scalar of this name."""
        if node.id not in self.kinds:
            raise unprintable(node, f"`{node.id}` has no value here that orchestration knows")
        self.used[node.id] = None
        return Text(cpp_name(node.id), self.kinds[node.id])

    def size(self, array: str, axis: int, node: ast.expr) -> Text:
        """The extent of an array along an axis."""
        buffer = self.buffer(array, node)
        dim = buffer.dims[axis]
        if buffer.direction == "scratch" or dim.constant is not None or str(dim) in self.declared:
            return self.text(dim_node(dim))
        return Text(f"int64_t({cpp_name(array)}.{self.profile.shapes}[{axis}])", "int")

    def slot(self, name: str, node: ast.expr) -> Text:
        """A value that may change between runs."""
        if name not in dict(self.program.slots):
            raise unprintable(node, f"`{name}` is no slot")
        self.used[name] = None
        return Text(cpp_name(name), kind_of(dict(self.program.slots)[name].dtype.name))

    def element(self, node: ast.Subscript) -> Text:
        """One element of an array, without checks of its indices."""
        region = self.region(node)
        if region.kept:
            raise unprintable(node, "it is a part of an array, not one element")
        buffer = self.buffer(region.array, node)
        if buffer.dtype not in ELEMENTS:
            raise unprintable(node, f"elements of `{buffer.dtype}` cannot be read outside of kernels")
        indices = [self.text(each.start) for each in region.axes]
        kind = kind_of(buffer.dtype)
        if region.array in self.own:
            return Text(f"{cpp_name(region.array)}[{self._flat(buffer, indices)}]", kind)
        at = ", ".join(each.cpp for each in indices)
        return Text(f"htp::item<{ELEMENTS[buffer.dtype]}>({cpp_name(region.array)}, {{{at or 0}}})", kind)

    def _flat(self, buffer: Buffer, indices: list[Text]) -> str:
        """Where an element lies when rows follow rows."""
        if not indices:
            return "0"
        found = indices[0]
        for index, dim in zip(indices[1:], buffer.dims[1:], strict=True):
            extent = self.text(dim_node(dim))
            found = Text(f"{found.within(2)} * {extent.within(1)} + {index.within(2)}", "int", 3)
        return found.cpp

    def in_range(self, index: ast.expr, extent: Expr, facts: Facts) -> bool:
        """Whether an index is one of an axis for sure."""
        known = as_dim(index)
        if known is None:
            return False
        return facts.nonnegative(known) and facts.nonnegative(extent - known - 1)
