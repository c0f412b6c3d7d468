"""Names in normal form: identifiers of integers, and names of tiles at each of their types.

Knows how things are called; does not know expressions.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, sym
from htp.infer.state import VERSION
from htp.lowering.build import annotated, call
from htp.names import RESERVED
from htp.program import stamp
from htp.types import ScalarType, TileType

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp.infer.state import Inference
    from htp.infer.values import Value
    from htp.program import Function


class Naming:
    """Writes statements and gives names."""

    def __init__(self, source: Function, known: Inference) -> None:
        self.source = source
        self.known = known
        self.out: list[ast.stmt] = []
        self.place: Span | None = source.origin
        used = {node.id for each in source.body for node in ast.walk(each) if isinstance(node, ast.Name)}
        self.taken: set[str] = set(RESERVED) | used
        self.tiles: dict[str, str] = {}
        self.tile_names: dict[str, list[tuple[Value, str]]] = {}
        self.facts = known.last
        self.identifiers: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.sizes_named: set[str] = {
            name for each in source.params if not isinstance(each.type, ScalarType | None)
            for size in each.type.dims for name in size.symbols
        }  # fmt: skip
        self.tasks = "open_tasks" in used
        self.checked: set[int] = set()
        self.declared: set[str] = set()

    def emit(self, statement: ast.stmt, origin: Span | None = None) -> None:
        """Appends a statement that comes from `origin`, or from the statement at work."""
        self.out.append(stamp(statement, origin or self.place))

    def fresh(self, base: str = "t") -> str:
        """A name that nothing has."""
        number = 1
        while f"{base}_{number}" in self.taken if base != "t" else f"t{number}" in self.taken:
            number += 1
        name = f"{base}_{number}" if base != "t" else f"t{number}"
        self.taken.add(name)
        return name

    def named(self, symbol: str) -> str:
        """The identifier that spells an integer's symbol."""
        if symbol not in self.identifiers:
            base = symbol.split(VERSION)[0]
            plain = symbol == base and base not in self.sizes_named and base not in RESERVED
            self.identifiers[symbol] = base if plain else self.fresh(base)
        return self.identifiers[symbol]

    def size(self, value: Expr) -> Expr:
        """The size expression in terms of identifiers; a slice bound of unknown sign is computed first."""
        for symbol in sorted(value.symbols):
            if symbol in self.known.clips and symbol not in self.identifiers:
                bound, extent = self.known.clips[symbol]
                clipped = call("clip_index", self.size(bound), self.size(extent))
                self.emit(annotated(self.named(symbol), "i64", clipped))
        return value.substitute(
            {each: sym(self.identifiers[each]) for each in value.symbols if each in self.identifiers}
        )

    def variable(self, name: str) -> str:
        """The name of a scalar variable of the user; sizes of the signature keep theirs."""
        if name not in self.variables:
            self.variables[name] = self.fresh(name) if name in self.sizes_named else name
        return self.variables[name]

    def tile_name(self, name: str, tile: Value) -> str:
        """The name of the user's tile variable at this type; another type gets another name."""
        known = self.tile_names.setdefault(name, [])
        for at, chosen in known:
            alike = at.dtype is tile.dtype and len(at.dims) == len(tile.dims)
            if alike and all(self.facts.equal(a, b) for a, b in zip(at.dims, tile.dims, strict=True)):
                return chosen
        free = not known and name not in self.sizes_named and name not in self.declared
        chosen = name if free else self.fresh(name)
        known.append((tile, chosen))
        return chosen

    def type_text(self, tile: Value) -> str:
        """The annotation of a tile."""
        dims = tuple(self.size(each) for each in tile.dims)
        return str(TileType(tile.dtype, dims)) if dims else str(ScalarType(tile.dtype))
