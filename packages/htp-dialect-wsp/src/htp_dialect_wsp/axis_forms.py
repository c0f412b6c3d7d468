"""Axes as syntax: which coordinates a loop over them has, and what each of these goes over in nested form.

Knows expressions; does not know where loops stand or how their variables are called in the end.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.program import origin_of
from htp_dialect_wsp.directives.trees import built, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from htp.program import Function

__all__ = ["AxisForm", "Coordinate", "axis_made", "coordinates", "refuse_written_axes", "root_of"]


_RAGGED = "write `Ragged(lengths.shape[0], lengths)`, where lengths is a tensor of integers, one for each row"
_SPARSE = "write `Sparse(indptr, indices)`, where both are tensors of integers"


@dataclass(frozen=True)
class AxisForm:
    """A ragged axis of `rows` rows with `data` lengths; with `indices` a sparse one, whose `data` is its indptr."""

    rows: ast.expr
    data: ast.expr
    indices: ast.expr | None = None

    def start(self, row: ast.expr) -> ast.expr:
        """The first position of a row of a sparse axis."""
        return _item(self.data, row)


@dataclass(frozen=True)
class Coordinate:
    """One coordinate: what a loop goes over, or, with `bound`, what it is in every iteration of the loop around it.

    `over` is made when the variables of the coordinates before it are known; `hidden` coordinates have no name.
    """

    over: Callable[[list[ast.expr]], ast.expr]
    bound: bool = False
    hidden: bool = False


def axis_made(call: ast.Call) -> AxisForm | None:
    """The axis that a call makes, if it makes one whose rows differ."""
    match call:
        case ast.Call(func=ast.Name("Ragged")):
            rows, lengths = _arguments(call, "outer", "lengths", _RAGGED)
            return AxisForm(rows, lengths)
        case ast.Call(func=ast.Name("Sparse")):
            indptr, indices = _arguments(call, "indptr", "indices", _SPARSE)
            return AxisForm(built("indptr.shape[0] - 1", indptr=indptr), indptr, indices)
        case _:
            return None


def _arguments(call: ast.Call, first: str, second: str, meant: str) -> tuple[ast.expr, ast.expr]:
    """What the axis is made of: an integer or arrays, none of which a name in quotes stands for."""
    given = dict(zip((first, second), call.args, strict=False))
    given |= {each.arg: each.value for each in call.keywords if each.arg is not None}
    for name in (first, second):
        match given.get(name):
            case None:
                wrong = f"`{ast.unparse(call)}` is an axis without `{name}`"
            case ast.Constant(str()) as text:
                wrong = f"`{ast.unparse(text)}` is text and cannot be `{name}` of the axis `{ast.unparse(call)}`"
            case _:
                continue
        raise Refused("wsp.bad-axis", wrong, span=origin_of(call), help=meant)
    return given[first], given[second]


def coordinates(axis: ast.expr, axes: Mapping[str, AxisForm], *, selected: bool = False) -> list[Coordinate]:
    """The coordinates of one argument of a walk; `selected` those of `P.sel`.

    Raises:
        Refused: `wsp.bad-axis` for `P.sel` of anything but a row of a sparse axis.
    """
    match axis:
        case ast.Name(name) if name in axes:
            return [] if selected else _whole(axes[name])
        case ast.Subscript(ast.Name(name), row) if name in axes:
            form = axes[name]
            if form.indices is not None:
                return _sparse_row(form, form.indices, lambda _: row, hidden=selected)
            if not selected:
                return [Coordinate(lambda _: _item(form.data, row))]
        case _ if not selected:
            return [Coordinate(lambda _: axis)]
        case _:
            pass
    raise Refused(
        "wsp.bad-axis",
        "`P.sel` goes over one row of a sparse axis",
        span=origin_of(axis),
        help="write `P.sel(axis[r])`, where axis is Sparse(indptr, indices)",
    )


def _whole(form: AxisForm) -> list[Coordinate]:
    rows = Coordinate(lambda _: form.rows)
    if form.indices is None:
        return [rows, Coordinate(lambda before: _item(form.data, before[-1]))]
    return [rows, *_sparse_row(form, form.indices, lambda before: before[-1], hidden=False)]


def _sparse_row(
    form: AxisForm, indices: ast.expr, row: Callable[[list[ast.expr]], ast.expr], *, hidden: bool
) -> list[Coordinate]:
    def positions(before: list[ast.expr]) -> ast.expr:
        here = row(before)
        return built("range(a, b)", a=form.start(here), b=form.start(built("r + 1", r=here)))

    return [Coordinate(positions, hidden=hidden), Coordinate(lambda before: _item(indices, before[-1]), bound=True)]


def _item(data: ast.expr, index: ast.expr) -> ast.expr:
    """`tile.item(data[index])`."""
    element = ast.Subscript(data, index, ast.Load())
    return ast.Call(ast.Attribute(load("tile"), "item", ast.Load()), [element], [])


def root_of(region: ast.expr) -> str | None:
    """The tensor that a region lies in."""
    while isinstance(region, ast.Subscript):
        region = region.value
    return region.id if isinstance(region, ast.Name) else None


def refuse_written_axes(body: Sequence[ast.stmt], kernels: dict[str, Function]) -> None:
    """Refuses tasks that write what an axis was made of, from where it is made to the end."""
    made: dict[str, ast.stmt] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and axis_made(node.value) is not None:
                roots = (root_of(each) for each in (*node.value.args, *(word.value for word in node.value.keywords)))
                made |= {root: node for root in roots if root is not None}
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kernels):
                continue
            callee = kernels[node.func.id]
            given = dict(zip((each.name for each in callee.params), node.args, strict=False))
            for param in callee.params:
                root = root_of(given[param.name]) if param.name in given else None
                if root in made and param.direction in ("out", "inout"):
                    raise Refused(
                        "wsp.axis-written",
                        f"`{callee.name}` writes `{root}`, of which an axis was made before",
                        span=origin_of(node),
                        help="make the axis behind the task that writes its data",
                    )
