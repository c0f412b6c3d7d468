"""What making an axis becomes: checks of its data, where its rows begin, and the row of each position.

Knows axes in nested form; does not know who writes their data.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.program import origin_of
from htp.rewriting import Rewriter, with_origin
from htp_dialect_wsp.directives.trees import built, load, substituted
from htp_dialect_wsp.places import place_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from htp_dialect_wsp.axis_forms import AxisForm

__all__ = ["axis_checks", "size_check"]

RAGGED = """
CHECK(lengths.shape[0] == rows, "`lengths` has not one length for each row of the axis", "give one length a row")
for row in range(rows):
    CHECK(tile.item(lengths[row]) >= 0, "a length in `lengths` is negative", "a length is 0 or more")
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
CHECK(indptr.shape[0] >= 1, "`indptr` is empty", "it has one element more than there are rows, the first is 0")
CHECK(tile.item(indptr[0]) == 0, "`indptr` does not begin with 0", "let its first element be 0")
for row in range(indptr.shape[0] - 1):
    CHECK(tile.item(indptr[row]) <= tile.item(indptr[row + 1]), "`indptr` descends", "no row ends before it begins")
CHECK(
    tile.item(indptr[indptr.shape[0] - 1]) <= indices.shape[0],
    "`indptr` ends behind the last of `indices`", "its last element is the number of indices that are used"
)
for position in range(tile.item(indptr[indptr.shape[0] - 1])):
    CHECK(tile.item(indices[position]) >= 0, "an index in `indices` is negative", "an index is 0 or more")
"""
BOUND = """
for position in range(tile.item(indptr[indptr.shape[0] - 1])):
    CHECK(
        tile.item(indices[position]) < columns,
        "an index in `indices` is not below `columns`", "an index is 0 or more and below `columns`"
    )
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
    body = [substituted(each, parts) for each in ast.parse(text).body]
    return [with_origin(each, statement) for each in _Checks(statement).statements(body)]


def size_check(statement: ast.stmt, size: ast.expr) -> list[ast.stmt]:
    """The statement in place of the one that makes a dense axis."""
    words = (f"the size `{ast.unparse(size)}` of an axis is negative", "a size is 0 or more")
    check = ast.Call(load("CHECK"), [built("size >= 0", size=size), *map(ast.Constant, words)], [])
    return [with_origin(each, statement) for each in _Checks(statement).statements([ast.Expr(check)])]


class _Checks(Rewriter):
    """`CHECK(condition, text, help)` as what the routine requires."""

    def __init__(self, statement: ast.stmt) -> None:
        self.said = (place_text(origin_of(statement)), "wsp.axis-data")

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802 - named after the node
        """The check, with its place and its code."""
        match node:
            case ast.Call(func=ast.Name("CHECK"), args=[condition, text, help]):
                return ast.Call(load("require"), [condition, text, *map(ast.Constant, self.said), help], [])
            case _:
                return self.generic_visit(node)
