"""Tiles as kernels write them: the type that stands behind a variable's name, and the room it names.

Knows annotations; does not know what computes a tile.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from htp.diagnostics import Bug
from htp.dims import parse
from htp.types import TileType, dtype_named
from htp_backend_pto import layouts
from htp_backend_pto.layouts import OnChip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from htp.dims import Expr

__all__ = ["annotation_of", "declared", "room_of", "tile_type", "with_room"]


def tile_type(annotation: ast.expr) -> TileType | None:
    """The type that `Tile[f32, "min(64, M - i)", 8, ub(64, 8)]` spells; `None` for anything that is no tile.

    >>> import ast
    >>> print(tile_type(ast.parse('Tile[f32, "M", 8, ub(64, 8)]', mode="eval").body))
    Tile[f32, "M", 8, ub(64, 8)]
    """
    match annotation:
        case ast.Subscript(value=ast.Name(id="Tile"), slice=ast.Tuple(elts=[ast.Name(id=name), *items])):
            pass
        case _:
            return None
    dtype = dtype_named(name)
    dims = tuple(_dim(each) for each in items if isinstance(each, ast.Constant))
    facets = tuple(_facet(each) for each in items if isinstance(each, ast.Call))
    if dtype is None or len(dims) + len(facets) != len(items):
        raise Bug(f"no type of a tile: {ast.unparse(annotation)}")
    return TileType(dtype, dims, facets)


def room_of(type_: TileType) -> OnChip | None:
    """Where on the chip a tile lies, if that is known."""
    return next((each for each in type_.facets if isinstance(each, OnChip)), None)


def with_room(type_: TileType, room: OnChip | None) -> TileType:
    """The type with its room, or with none."""
    others = tuple(each for each in type_.facets if not isinstance(each, OnChip))
    return replace(type_, facets=(*others, *((room,) if room is not None else ())))


def annotation_of(type_: TileType) -> ast.expr:
    """The type as it stands behind a name."""
    return ast.parse(str(type_), mode="eval").body


def declared(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.AnnAssign, str, TileType]]:
    """Every statement of a body, nested ones included, that gives a tile to a name: the statement, name and type."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                type_ = tile_type(node.annotation)
                if type_ is not None:
                    yield node, node.target.id, type_


def _dim(node: ast.Constant) -> Expr:
    return parse(str(node.value))


def _facet(node: ast.expr) -> OnChip:
    match node:
        case ast.Call(func=ast.Name(id=maker)) if maker in OnChip.MAKERS:
            make = cast("Callable[..., OnChip]", getattr(layouts, maker))
            arguments: list[object] = [ast.literal_eval(each) for each in node.args]
            named: dict[str, object] = {each.arg: ast.literal_eval(each.value) for each in node.keywords if each.arg}
            return make(*arguments, **named)
        case _:
            raise Bug(f"no room of a tile: {ast.unparse(node)}")
