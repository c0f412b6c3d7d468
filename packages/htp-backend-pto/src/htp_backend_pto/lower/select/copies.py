"""Second names of tiles: whoever reads one reads the tile itself, as long as both are the same.

Knows statements in normal form; does not know instructions.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from htp.liveness import Liveness, loads, writes
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter
from htp_backend_pto.lower.blocks import with_blocks
from htp_backend_pto.tiles import declared, tile_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.program import Function
    from htp.types import TileType

__all__ = ["without_copies"]


def without_copies(kernel: Function) -> Function:
    """The kernel without second names that are read only where the tile is still what it was when they were given."""
    types: dict[str, set[TileType]] = defaultdict(set)
    for _, name, type_ in declared(kernel.body):
        types[name].add(type_)
    return replace(kernel, body=tuple(_block(list(kernel.body), Liveness(kernel.body), types)))


def _block(body: list[ast.stmt], live: Liveness, types: Mapping[str, set[TileType]]) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.For | ast.While | ast.If):
            orelse = _block(list(statement.orelse), live, types)
            made.append(with_blocks(statement, _block(list(statement.body), live, types), orelse))
        else:
            made.append(statement)
    behind = live.behind(body[-1]) if body else frozenset[str]()
    for statement in made:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Name(id=other)) if types.get(other) == {
                tile_type(statement.annotation)
            }:
                made = _without(made, statement, name, other, behind)
            case _:
                pass
    return made


def _without(body: list[ast.stmt], copy: ast.stmt, name: str, other: str, behind: frozenset[str]) -> list[ast.stmt]:
    """The block without a copy, where all that read it can read the other name; `behind` is read behind the block."""
    at = next((index for index, each in enumerate(body) if each is copy), None)
    if at is None:
        return body  # a copy of a copy, which reads another name by now
    end = next((index for index in range(at + 1, len(body)) if name in writes(body[index])), None)
    if end is None and name in behind:
        return body
    readers = body[at + 1 : None if end is None else end + 1]
    last = max((index for index, each in enumerate(readers) if name in loads(each)), default=-1)
    inside = end is not None and isinstance(readers[-1], ast.For | ast.While | ast.If)
    if inside or any(other in writes(each) for each in readers[:last]) or _compound_writes(readers, last, other):
        return body
    changed = [*_Renamed(name, other).statements(readers)] if last >= 0 else readers
    return [*body[:at], *changed, *body[at + 1 + len(readers) :]]


def _compound_writes(readers: Sequence[ast.stmt], last: int, other: str) -> bool:
    """Whether the last reader is a loop or branch that gives the other name something else."""
    return last >= 0 and isinstance(readers[last], ast.For | ast.While | ast.If) and other in writes(readers[last])


class _Renamed(Rewriter):
    """Reads of one name as reads of another."""

    def __init__(self, name: str, other: str) -> None:
        self.name = name
        self.other = other

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """A name that is read."""
        if node.id != self.name or not isinstance(node.ctx, ast.Load):
            return node
        return stamp(ast.Name(self.other, ast.Load()), origin_of(node))
