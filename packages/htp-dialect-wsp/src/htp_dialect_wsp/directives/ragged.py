"""`fuse_loops` over a ragged axis: rows and what is in them become one loop over all positions of the axis.

Knows how a ragged axis looks in nested form; does not know where its rows begin, which the axis says when it runs.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.rewriting import Rewriter
from htp_dialect_wsp.axis_forms import axis_made
from htp_dialect_wsp.directives.nests import Range, made_loop
from htp_dialect_wsp.directives.trees import blocks, built, load, names_in, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.program import Program
    from htp_dialect_wsp.directives.nests import Loop
    from htp_dialect_wsp.directives.site import Site

__all__ = ["flat_axis", "flattened"]


def flat_axis(site: Site, outer: Loop, inner: Loop) -> ast.Assign | None:
    """The ragged axis of which one loop goes over all rows and the other over one of them, where there is one."""
    rows, row = site.range(outer), site.range(inner)
    there = {ast.unparse(each.targets[0]): each for each in _before(site, outer)}
    for statement in there.values():
        form = axis_made(statement.value) if isinstance(statement.value, ast.Call) else None
        if form is None or form.indices is not None:
            continue
        item = built("tile.item(d[r])", d=form.data, r=load(outer.name))
        whole = Range(ast.Constant(0), form.rows, 1), Range(ast.Constant(0), item, 1)
        if [_said(each) for each in whole] == [_said(rows), _said(row)]:
            return statement
    return None


def flattened(site: Site, outer: Loop, inner: Loop, axis: ast.Assign) -> Program:
    """The program with one loop `r_i` over the positions of the axis.

    `axis.start(r) + i` is the position. Where the row or the place in it is used otherwise, it is assigned first.
    """
    made, name = load(ast.unparse(axis.targets[0])), load(site.unused(f"{outer.name}_{inner.name}"))
    row, place = load(outer.name), load(inner.name)
    body = _Position(built("a.start(r)", a=made, r=row), place, name).statements(inner.body)
    used = names_in(*body) | site.keyed
    if place.id in used:
        value = built("f - a.start(r)", f=name, a=made, r=row)
        body = [ast.Assign([store(place.id)], value, lineno=0), *body]
    if row.id in used or place.id in used:
        body = [ast.Assign([store(row.id)], built("a.row(f)", a=made, f=name), lineno=0), *body]
    kind = outer.kind if outer.kind == inner.kind else "seq"
    total = built("a.start(n)", a=made, n=site.range(outer).stop)
    new = made_loop(name.id, kind, Range(ast.Constant(0), total, 1), body, outer.node)
    result = site.replaced(outer.node, [new])
    # Keys go on naming the row and the place, which are assigned.
    return site.with_body(site.with_keys(result, {row.id: row, place.id: place}, name.id))


def _before(site: Site, loop: Loop) -> Iterator[ast.Assign]:
    """The assignments that have run when a loop begins."""
    path = (*loop.path, loop.node)
    lists = [site.main.body, *(inner for each in loop.path for _, inner in blocks(each))]
    for block in lists:
        place = next((index for index, each in enumerate(block) if each in path), 0)
        yield from (each for each in block[:place] if isinstance(each, ast.Assign))


def _said(over: Range) -> tuple[str, str, int]:
    return ast.unparse(over.start), ast.unparse(over.stop), over.step


class _Position(Rewriter):
    """`axis.start(r) + i` becomes the position."""

    def __init__(self, start: ast.expr, place: ast.expr, position: ast.expr) -> None:
        self.sums = {ast.unparse(built("a + b", a=a, b=b)) for a, b in ((start, place), (place, start))}
        self.position = position

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:  # noqa: N802 - named after the node
        """The sum as it may be written."""
        return self.position if ast.unparse(node) in self.sums else self.generic_visit(node)
