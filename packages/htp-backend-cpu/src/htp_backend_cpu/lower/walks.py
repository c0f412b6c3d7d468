"""Operations with loops of their own: joining, outer reductions, running sums, sorting, picking the best, scattering.

Knows these loops; elementwise values and products are written elsewhere.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.dims import Expr, sym
from htp.lowering.build import annotated, assigned, binary, call, expression, loop, stored, subscript
from htp_backend_cpu.lower.combining import combined, finished, initial
from htp_backend_cpu.lower.elements import ZERO, Index, Writing, element
from htp_backend_cpu.lower.writing import nest, under

if TYPE_CHECKING:
    from htp_backend_cpu.lower import graph
    from htp_backend_cpu.lower.buffers import Buffer, Memory


def written(buffer: Buffer, index: Index, value: ast.expr) -> ast.stmt:
    """`buffer[index] = value`."""
    return stored(subscript(buffer.name, [expression(each) for each in index], store=True), value)


def read(buffer: str, index: Index) -> ast.expr:
    """`buffer[index]`."""
    return subscript(buffer, [expression(each) for each in index])


def copied(memory: Memory, node: graph.Node, target: Buffer, into: Index | None = None) -> list[ast.stmt]:
    """Every element of `node` into the buffer, behind the offsets `into`."""
    index, loops = nest(memory, node.dims)
    body: list[ast.stmt] = []
    value = element(node, index, Writing(memory, body))
    where = tuple(each + start for each, start in zip(index, into, strict=True)) if into else index
    body.append(written(target, where, value))
    return under(loops, body)


def joined(memory: Memory, node: graph.Joined, target: Buffer) -> list[ast.stmt]:
    """One loop nest for each part."""
    result: list[ast.stmt] = []
    offset = ZERO
    for part in node.parts:
        into = tuple(offset if axis == node.axis else ZERO for axis in range(len(node.dims)))
        result += copied(memory, part, target, into)
        offset += part.dims[node.axis]
    return result


def outer_reduction(memory: Memory, node: graph.Reduced, target: Buffer) -> list[ast.stmt]:
    """A reduction over an axis that is not the innermost: whole rows are combined into the target."""
    start, start_loops = nest(memory, node.dims)
    result = under(start_loops, [written(target, start, initial(node.how, node.dtype))])
    index, loops = nest(memory, node.source.dims)
    where = tuple(ZERO if axis == node.axis else each for axis, each in enumerate(index))
    body: list[ast.stmt] = []
    value = element(node.source, index, Writing(memory, body))
    total = memory.fresh("so_far")
    body.append(memory.scalar(total, node.dtype, read(target.name, where)))
    body.append(written(target, where, combined(node.how, total, value, node.source.dtype)))
    result += under(loops, body)
    if node.how == "mean":
        end, end_loops = nest(memory, node.dims)
        total = memory.fresh("total")
        body = [memory.scalar(total, node.dtype, read(target.name, end))]
        body.append(written(target, end, finished("mean", total, node.dtype, node.source.dims[node.axis])))
        result += under(end_loops, body)
    return result


def walked(memory: Memory, node: graph.Walked, target: Buffer, second: Buffer | None) -> list[ast.stmt]:
    """The loops of a walked operation."""
    if node.how == "cumsum":
        return _running_sum(memory, node, target)
    if node.how == "scatter":
        return _scattered(memory, node, target)
    return _rows(memory, node, target, second)


def _lines(memory: Memory, dims: tuple[Expr, ...], axis: int) -> tuple[Index, list[tuple[str, Expr]]]:
    """Indices over all axes but one, whose place is zero."""
    index, loops = nest(memory, tuple(size for number, size in enumerate(dims) if number != axis))
    return (*index[:axis], ZERO, *index[axis:]), loops


def _at(index: Index, axis: int, place: Expr) -> Index:
    return (*index[:axis], place, *index[axis + 1 :])


def _running_sum(memory: Memory, node: graph.Walked, target: Buffer) -> list[ast.stmt]:
    index, loops = _lines(memory, node.dims, node.axis)
    total, step = memory.fresh("total"), memory.fresh("k")
    at = _at(index, node.axis, sym(step))
    body: list[ast.stmt] = []
    value = element(node.sources[0], at, Writing(memory, body))
    body += [assigned(total, binary(total, ast.Add(), value)), written(target, at, ast.Name(total, ast.Load()))]
    start = memory.scalar(total, node.dtype, initial("sum", node.dtype))
    return under(loops, [start, loop(step, node.dims[node.axis], body=body)])


def _row(buffer: str, index: Index, axis: int, extent: Expr) -> ast.expr:
    parts = [
        ast.Slice(None, expression(extent)) if number == axis else expression(each) for number, each in enumerate(index)
    ]
    return subscript(buffer, parts)


def _rows(memory: Memory, node: graph.Walked, target: Buffer, second: Buffer | None) -> list[ast.stmt]:
    source = memory.homes[id(node.sources[0])]
    dims, axis = node.sources[0].dims, node.axis
    index, loops = _lines(memory, dims, axis)
    row = _row(source.name, index, axis, dims[axis])
    if node.how in ("argmax", "argmin"):
        return under(loops, [written(target, index, call(f"{node.how}_row", row))])
    if node.how == "topk":
        results = [_row(each.name, index, axis, node.dims[axis]) for each in (target, second) if each is not None]
        return under(loops, [ast.Expr(call("topk_row", *results, row))])
    descending = node.options.get("descending", ast.Constant(False))
    if node.how == "argsort":
        return under(
            loops, [ast.Expr(call("argsort_row", _row(target.name, index, axis, dims[axis]), row, descending))]
        )
    return [
        *copied(memory, node.sources[0], target),
        *under(loops, [ast.Expr(call("sort_row", _row(target.name, index, axis, dims[axis]), descending))]),
    ]


def _scattered(memory: Memory, node: graph.Walked, target: Buffer) -> list[ast.stmt]:
    source, indices, updates = node.sources
    index, loops = nest(memory, indices.dims)
    body: list[ast.stmt] = []
    writing = Writing(memory, body)
    place = writing.position(element(indices, index, writing), source.dims[node.axis], node.origin)
    at = _at(index, node.axis, place)
    value = element(updates, index, writing)
    mode = node.options.get("mode")
    how = mode.value if isinstance(mode, ast.Constant) else "set"
    if how != "set":
        old = memory.fresh("old")
        body.append(annotated(old, f"Scalar[{node.dtype.name}]", read(target.name, at)))
        value = combined({"add": "sum"}.get(str(how), str(how)), old, value, node.dtype)
    body.append(written(target, at, value))
    return [*copied(memory, source, target), *under(loops, body)]
