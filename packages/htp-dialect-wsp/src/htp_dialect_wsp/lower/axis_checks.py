"""What making an axis becomes: checks of its data, where its rows begin, and the row of each position.

Knows ragged and sparse axes in nested form; does not know who writes their data.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.program import origin_of
from htp.rewriting import with_origin
from htp_dialect_wsp.directives.trees import load, substituted
from htp_dialect_wsp.places import place_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp_dialect_wsp.axis_forms import AxisForm

__all__ = ["axis_checks"]

RAGGED = """
CHECK(lengths.shape[0] == rows, "there is not one length in `lengths` for each row of the axis")
for row in range(rows):
    CHECK(tile.item(lengths[row]) >= 0, "a length in `lengths` is negative")
"""
STARTS = """
starts = empty((rows + 1,), i64)
starts[0] = 0
for row in range(rows):
    starts[row + 1] = tile.item(starts[row]) + tile.item(lengths[row])
"""
ROWS = """
total = tile.item(starts[rows])
row_of = empty((total,), i64)
for row in range(rows):
    for position in range(tile.item(lengths[row])):
        row_of[tile.item(starts[row]) + position] = row
"""
SPARSE = """
CHECK(indptr.shape[0] >= 1, "`indptr` is empty, and begins with 0")
CHECK(tile.item(indptr[0]) == 0, "`indptr` does not begin with 0")
for row in range(indptr.shape[0] - 1):
    CHECK(tile.item(indptr[row]) <= tile.item(indptr[row + 1]), "`indptr` descends, and no row ends before it begins")
CHECK(tile.item(indptr[indptr.shape[0] - 1]) <= indices.shape[0], "`indptr` ends behind the last of `indices`")
for position in range(tile.item(indptr[indptr.shape[0] - 1])):
    CHECK(tile.item(indices[position]) >= 0, "an index in `indices` is negative")
"""
BOUND = """
for position in range(tile.item(indptr[indptr.shape[0] - 1])):
    CHECK(tile.item(indices[position]) < columns, "an index in `indices` is not below `columns`")
"""


def axis_checks(
    statement: ast.Assign,
    axis: AxisForm,
    columns: ast.expr | None,
    buffers: Mapping[str, str],
    fresh: Callable[[str], str],
) -> list[ast.stmt]:
    """The statements in place of the one that makes an axis.

    `buffers` are the names of those that are asked for: `start` holds where rows begin, `row` the row of each position.
    """
    if axis.indices is None:
        text = RAGGED + (STARTS if buffers else "") + (ROWS if "row" in buffers else "")
        parts = {"rows": axis.rows, "lengths": axis.data}
    else:
        text = SPARSE + (BOUND if columns is not None else "")
        parts = {"indptr": axis.data, "indices": axis.indices}
    if columns is not None:
        parts["columns"] = columns
    for name, word in (("starts", "start"), ("row_of", "row")):
        if word in buffers:
            parts[name] = load(buffers[word])
    for name in ("row", "position", "total"):
        parts[name] = load(fresh(name))
    for name in ("lengths", "indptr", "indices", "columns"):
        if name in parts:
            text = text.replace(f"`{name}`", f"`{ast.unparse(parts[name])}`")
    where = place_text(origin_of(statement))
    text = text.replace("CHECK(", "require(").replace('")\n', f'", {where!r}, "wsp.axis-data")\n')
    return [with_origin(substituted(each, parts), statement) for each in ast.parse(text).body]
