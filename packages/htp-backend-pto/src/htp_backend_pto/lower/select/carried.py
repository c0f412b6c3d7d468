"""Columns of flags that outlive a block: flags have no columns on the chip, so that numbers stand for them there.

Within a block a column of flags is a row under another name; what is known of rows ends with the block.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from typing import TYPE_CHECKING

from htp.liveness import loads, writes
from htp.lowering.build import constant
from htp.types import bool_, f16
from htp_backend_pto.lower.select.choices import Choices
from htp_backend_pto.lower.writing import is_column
from htp_backend_pto.tiles import declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from htp.types import TileType

__all__ = ["Carried"]


class Carried(Choices):
    """Writes columns of flags."""

    @functools.cached_property
    def carried(self) -> dict[str, str]:
        """Columns of flags that more than one block knows, each with the name of its numbers."""
        flags = {name for _, name, type_ in declared(self.kernel.body) if type_.dtype is bool_ and is_column(type_)}
        blocks = Counter(name for each in _blocks(self.kernel.body) for name in flags & each)
        return {name: self.fresh(name) for name in sorted(flags) if blocks[name] > 1}

    def row(self, name: str) -> str:
        """The tile itself, or a column as a row; flags of another block are made of their numbers."""
        if name in self.rows or name not in self.carried:
            return super().row(name)
        numbers = self.row(self.carried[name])
        made = self.compared(None, self.flag_row(self.types[name]), "ne", numbers, constant(0.0))
        self.rows[name] = made
        return made

    def column(self, target: str | None, type_: TileType, row: str) -> str:
        """A row as the column that it is meant to be; for flags that other blocks read, as numbers."""
        if target is None or target not in self.carried:
            return super().column(target, type_, row)
        numbers = self.sized(type_, f16)
        self.column(self.carried[target], numbers, self.flags(None, self.as_row_type(numbers), row))
        self.forget(target)
        self.types[target] = type_
        self.rows[target] = row
        return target


def _blocks(body: Sequence[ast.stmt]) -> Iterator[frozenset[str]]:
    """The names that the statements of every block read or make, without those of blocks inside."""
    simple = [each for each in body if not isinstance(each, ast.For | ast.While | ast.If)]
    yield frozenset(name for each in simple for name in (*loads(each), *writes(each)))
    for each in body:
        if isinstance(each, ast.For | ast.While | ast.If):
            yield from _blocks(each.body)
            yield from _blocks(each.orelse)
