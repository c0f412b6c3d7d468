"""One element of a value as a scalar expression: the heart of fusion.

Knows how each kind of value is computed at an index; does not know which values are kept or in which loop they run.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING, Protocol

from htp.diagnostics import Bug
from htp.dims import Expr, const, sym
from htp.infer.state import VERSION
from htp.lowering.build import annotated, binary, call, expression, subscript
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.reading import zero

if TYPE_CHECKING:
    from htp.diagnostics import Span
    from htp.types import DType
    from htp_backend_cpu.lower.graph import Node

Index = tuple[Expr, ...]
ZERO = const(0)


class Body(Protocol):
    """Where elements are computed: the statements of a loop body, or a dry run that only looks."""

    def kept(self, node: Node, index: Index) -> ast.expr | None:
        """The element of a value that is kept in a buffer or a variable; None when it is computed on the spot."""
        ...

    def loaded(self, root: str, index: Index) -> ast.expr:
        """An element of memory."""
        ...

    def position(self, value: ast.expr, extent: Expr, origin: Span | None) -> Expr:
        """A data-dependent index, checked against `extent`, as an integer that can be used in an index."""
        ...


def element(node: Node, index: Index, body: Body) -> ast.expr:
    """The element of `node` at `index`, as a scalar expression."""
    held = body.kept(node, index)
    if held is not None:
        return held
    return computed(node, index, body)


def computed(node: Node, index: Index, body: Body) -> ast.expr:
    """The element computed from the node's operands, even if the node itself is kept."""
    match node:
        case graph.Load():
            return body.loaded(node.root, at_region(node.starts, node.kept, index))
        case graph.Pointwise():
            return _pointwise(node, index, body)
        case graph.Full():
            return _full(node, body)
        case graph.Count():
            return _count(node, index)
        case graph.Mask():
            return _mask(node, index, body)
        case graph.Moved():
            return element(node.source, moved(node, index), body)
        case graph.Picked():
            return element(node.source, _picked(node, index, body), body)
        case graph.OneHot():
            source = element(node.indices, index[:-1], body)
            hit = ast.Compare(source, [ast.Eq()], [integer(node.indices.dtype, index[-1])])
            return call("tile.where", hit, _one(node.dtype), zero(node.dtype))
        case _:
            raise Bug(f"{type(node).__name__} has no elementwise meaning")


def at_region(starts: tuple[Expr, ...], kept: tuple[bool, ...], index: Index) -> Index:
    """The index in memory of an element of a slice."""
    inner = iter(index)
    return tuple(start + next(inner) if keep else start for start, keep in zip(starts, kept, strict=True))


def broadcast_index(dims: tuple[Expr, ...], index: Index) -> Index:
    """The index into an operand of shape `dims` that broadcasts to where `index` lies."""
    tail = index[len(index) - len(dims) :]
    return tuple(ZERO if size.constant == 1 else position for size, position in zip(dims, tail, strict=True))


def integer(dtype: DType, value: Expr) -> ast.expr:
    """A position as a value of `dtype`."""
    return ast.Call(ast.Name(dtype.name, ast.Load()), [expression(value)], [])


def typed_scalar(dtype: DType, value: ast.expr) -> ast.expr:
    """A Python scalar as a value of `dtype`."""
    return ast.Call(ast.Name(dtype.name, ast.Load()), [value], [])


def _one(dtype: DType) -> ast.expr:
    value = True if dtype.kind == "bool" else 1.0 if dtype.kind == "float" else 1
    return ast.Call(ast.Name(dtype.name, ast.Load()), [ast.Constant(value)], [])


class _Filled(ast.NodeTransformer):
    def __init__(self, operands: dict[str, ast.expr]) -> None:
        self.operands = operands

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.operands.get(node.id, node)


def _pointwise(node: graph.Pointwise, index: Index, body: Body) -> ast.expr:
    filled: dict[str, ast.expr] = {}
    for number, operand in enumerate(node.operands):
        if isinstance(operand, graph.Node):
            filled[f"_{number}"] = element(operand, broadcast_index(operand.dims, index), body)
        else:
            filled[f"_{number}"] = typed_scalar(node.operand_dtype, operand)
    return _Filled(filled).visit(copy.deepcopy(node.form))


def _full(node: graph.Full, body: Body) -> ast.expr:
    if isinstance(node.value, graph.Node):
        return element(node.value, tuple(ZERO for _ in node.value.dims), body)
    return typed_scalar(node.dtype, node.value)


def _count(node: graph.Count, index: Index) -> ast.expr:
    position = index[node.axis]
    plain = (
        isinstance(node.start, ast.Constant)
        and node.start.value == 0
        and isinstance(node.step, ast.Constant)
        and node.step.value == 1
    )
    if plain:
        return integer(node.dtype, position)
    if node.dtype.kind != "float" and not _fractional(node.start) and not _fractional(node.step):
        spread = ast.BinOp(node.start, ast.Add(), ast.BinOp(node.step, ast.Mult(), expression(position)))
        return typed_scalar(node.dtype, spread)
    scaled = binary(typed_scalar(node.dtype, node.step), ast.Mult(), integer(node.dtype, position))
    return binary(typed_scalar(node.dtype, node.start), ast.Add(), scaled)


def _fractional(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Constant) and isinstance(each.value, float) for each in ast.walk(node))


def _mask(node: graph.Mask, index: Index, body: Body) -> ast.expr:
    from htp.types import i64

    row, column = index[-2], index[-1]
    limit: ast.expr = expression(row)
    if not (isinstance(node.offset, ast.Constant) and node.offset.value == 0):
        limit = ast.BinOp(expression(row), ast.Add(), node.offset)
    test = ast.Compare(integer(i64, column), [node.comparison], [typed_scalar(i64, limit)])
    inside = element(node.source, index, body) if node.source is not None else _one(node.dtype)
    return call("tile.where", test, inside, zero(node.dtype))


def moved(node: graph.Moved, index: Index) -> Index:
    """Where in its source the element at `index` of a moved value lies."""
    source, how = node.source, node.how
    match how:
        case graph.Transposed():
            places = dict(zip(how.order, index, strict=True))
            return tuple(places[axis] for axis in range(len(source.dims)))
        case graph.Broadcast():
            return broadcast_index(source.dims, index)
        case graph.Sliced():
            return at_region(how.starts, how.kept, index)
        case graph.Reversed():
            return tuple(
                size - 1 - position if axis in how.axes else position
                for axis, (size, position) in enumerate(zip(source.dims, index, strict=True))
            )
        case graph.Reshaped():
            return _reshaped(source.dims, node.dims, index)


def _reshaped(source: tuple[Expr, ...], result: tuple[Expr, ...], index: Index) -> Index:
    old = [axis for axis, size in enumerate(source) if size.constant != 1]
    new = [(size, position) for size, position in zip(result, index, strict=True) if size.constant != 1]
    found = [ZERO] * len(source)
    # Equal sizes at the end keep their positions, which keeps the innermost axis contiguous.
    while old and new and source[old[-1]] == new[-1][0]:
        found[old.pop()] = new.pop()[1]
    linear = ZERO
    for size, position in new:
        linear = linear * size + position
    for axis in reversed(old):
        last = axis == old[0]
        found[axis] = linear if last else linear % source[axis]
        linear = linear // source[axis]
    return tuple(found)


def _picked(node: graph.Picked, index: Index, body: Body) -> Index:
    source = node.source
    if node.aligned:
        at = element(node.indices, broadcast_index(node.indices.dims, index), body)
        position = body.position(at, source.dims[node.axis], node.origin)
        return tuple(position if axis == node.axis else each for axis, each in enumerate(index))
    count = len(node.indices.dims)
    at = element(node.indices, index[node.axis : node.axis + count], body)
    position = body.position(at, source.dims[node.axis], node.origin)
    return (*index[: node.axis], position, *index[node.axis + count :])


class Looking:
    """A dry run: which kept values and which memory an element reads, and where."""

    def __init__(self, kept: set[int], skip: Node | None = None) -> None:
        self._kept = kept
        self._skip = skip
        self.values: list[tuple[Node, Index]] = []
        self.memory: list[tuple[str, Index]] = []
        self.picks = 0

    def kept(self, node: Node, index: Index) -> ast.expr | None:
        """Notes a read of a kept value."""
        if isinstance(node, graph.Held):
            self.memory.append((node.variable, index))
            return ast.Constant(0)
        if id(node) in self._kept and node is not self._skip:
            self.values.append((node, index))
            return ast.Constant(0)
        return None

    def loaded(self, root: str, index: Index) -> ast.expr:
        """Notes a read of memory."""
        self.memory.append((root, index))
        return ast.Constant(0)

    def position(self, value: ast.expr, extent: Expr, origin: Span | None) -> Expr:
        """A position that nothing is known of."""
        self.picks += 1
        return sym(f"picked{VERSION}{self.picks}")


class Writing:
    """A loop body being written: elements are expressions, and values used again get names."""

    def __init__(self, lookup: Lookup, out: list[ast.stmt], local: dict[tuple[int, Index], str] | None = None) -> None:
        self.lookup = lookup
        self.out = out
        self.local = dict(local or {})

    def kept(self, node: Node, index: Index) -> ast.expr | None:
        """The element of a kept value, by its local name or out of its buffer."""
        name = self.local.get((id(node), index))
        return ast.Name(name, ast.Load()) if name is not None else self.lookup.kept(node, index)

    def loaded(self, root: str, index: Index) -> ast.expr:
        """An element of memory."""
        return subscript(root, [expression(each) for each in index] or [ast.Constant(...)])

    def position(self, value: ast.expr, extent: Expr, origin: Span | None) -> Expr:
        """A checked position under a name of its own."""
        name = self.lookup.fresh("p")
        place = f"{origin.file.rsplit('/', 1)[-1]}:{origin.line}" if origin is not None else ""
        checked = call("checked", call("tile.cast", value, "i64"), expression(extent), ast.Constant(place))
        self.out.append(annotated(name, "Scalar[i64]", checked))
        return sym(name)


class Lookup(Protocol):
    """Where kept values are, and fresh names."""

    def kept(self, node: Node, index: Index) -> ast.expr | None:
        """The element of a kept value; None when it is not kept."""
        ...

    def fresh(self, base: str) -> str:
        """A name that nothing has."""
        ...
