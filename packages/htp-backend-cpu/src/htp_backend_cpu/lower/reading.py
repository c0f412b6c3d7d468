"""From statements in normal form to the graph of a run.

Knows how normal form is spelled; does not know how values are lowered.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from htp.diagnostics import Bug, Span
from htp.dims import Expr, sym
from htp.foreign import intrinsic_called
from htp.infer.values import Group, Region, Value
from htp.lowering.build import annotated, call
from htp.program import origin_of, stamp
from htp.types import bool_, i64
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.graph import Node, Store

if TYPE_CHECKING:
    from htp.infer.state import Inference
    from htp.types import DType
    from htp_backend_cpu.lower.buffers import Memory

REDUCTIONS = ("sum", "mean", "max", "min", "prod", "any", "all")
WALKED = ("cumsum", "sort", "argsort", "argmax", "argmin")
# Rough cost of an elementwise operation in vector instructions: what decides between computing again and keeping.
COSTLY = {"exp": 12, "exp2": 10, "log": 14, "log2": 14, "tanh": 20, "erf": 20, "sigmoid": 16, "gelu": 26, "silu": 18,
          "sin": 16, "cos": 16, "sqrt": 6, "rsqrt": 8}  # fmt: skip


class Run:
    """The graph of one run: the latest value of every variable, and the stores in order."""

    def __init__(self, known: Inference, memory: Memory, views: dict[str, graph.Load], before: list[ast.stmt]) -> None:
        self.known = known
        self.memory = memory
        self.views = views
        self.before = before
        self.origin: Span | None = None
        self.values: dict[str, Node] = {}
        self.held: list[graph.Held] = []
        self.order: list[Node | Store] = []

    def add(self, statement: ast.stmt) -> None:
        """Appends one tile statement."""
        origin = self.origin = origin_of(statement)
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and statement.value is not None
        ):
            node = self.node(statement.value)
            if (node.name and node.name != statement.target.id) or isinstance(node, graph.Held):
                node = self.keep(graph.Moved(node.dtype, node.dims, node, graph.Broadcast()))
            node.origin, node.name = origin, statement.target.id
            self.values[statement.target.id] = node
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple):
            self.topk(statement)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
            self.order.append(self.store(statement.targets[0], statement.value))
        else:
            raise Bug(f"not a tile statement: {ast.unparse(statement)}")

    def keep(self, node: Node) -> Node:
        """Appends the value to the order of the run."""
        self.order.append(node)
        return node

    def topk(self, statement: ast.Assign) -> None:
        """`values, indices = tile.topk(x, k)`: one walk with two results."""
        call, target = statement.value, statement.targets[0]
        known = self.known.of(call)
        if not isinstance(call, ast.Call) or not isinstance(target, ast.Tuple) or not isinstance(known, Group):
            raise Bug(f"not a tile statement: {ast.unparse(statement)}")
        values, indices = (each for each in known.items if isinstance(each, Value))
        names = [each.id for each in target.elts if isinstance(each, ast.Name)]
        second = graph.Second(i64, indices.dims)
        source = _node(self.operand(call.args[0]))
        options = {"k": call.args[1]}
        first = graph.Walked(values.dtype, values.dims, "topk", (source,), self.axis(call), options, second)
        second.first = first
        for name, node in zip(names, (first, second), strict=True):
            node.origin, node.name = self.origin, name
            self.values[name] = self.keep(node)

    def store(self, target: ast.Subscript, value: ast.expr) -> Store:
        """`target = value` for a slice of memory."""
        region = self.known.of(target)
        if not isinstance(region, Region):
            raise Bug(f"not a store: {ast.unparse(target)}")
        operand = self.operand(value)
        starts = self.inside(region.root, region.box.start, region.box.kept)
        return Store(operand, region.dtype, region.dims, region.root, starts, region.box.kept, self.origin)

    def inside(self, root: str, starts: tuple[Expr, ...], kept: tuple[bool, ...]) -> tuple[Expr, ...]:
        """Starts of a box in a tensor; single positions that may lie outside are checked at run time."""
        sizes = self.known.roots[root]
        return tuple(
            start if keep else self.position(start, size) for start, keep, size in zip(starts, kept, sizes, strict=True)
        )

    def position(self, index: Expr, size: Expr) -> Expr:
        """An index that lies in `[0, size)`, by proof or by a check that runs before the run."""
        facts = self.memory.facts
        if facts.nonnegative(index) and facts.nonnegative(size - index - 1):
            return index
        name = self.memory.fresh("p")
        place = f"{self.origin.file.rsplit('/', 1)[-1]}:{self.origin.line}" if self.origin is not None else ""
        checked = call("checked", index, size, ast.Constant(place))
        self.before.append(stamp(annotated(name, "i64", checked), self.origin))
        return sym(name)

    # expressions ------------------------------------------------------------------------------------------------

    def operand(self, node: ast.expr) -> Node | ast.expr:
        """The value of a name; a scalar stays syntax."""
        if isinstance(node, ast.Name) and node.id in self.values:
            return self.values[node.id]
        known = self.known.types.get(id(node))
        if isinstance(node, ast.Name) and node.id in self.views:
            view = self.views[node.id]
            seen = graph.Load(
                view.dtype, view.dims, view.root, view.starts, view.kept, origin=self.origin, name=node.id
            )
            self.values[node.id] = seen
            return self.keep(seen)
        if isinstance(node, ast.Name) and isinstance(known, Value):
            held = graph.Held(known.dtype, known.dims, node.id)
            self.held.append(held)
            self.values[node.id] = held
            return held
        if isinstance(known, Region):
            return self.node(node)
        return self.node(node) if isinstance(known, Value) else node

    def node(self, node: ast.expr) -> Node:
        """The value that the right side of a statement makes."""
        known = self.known.of(node)
        if isinstance(node, ast.Name):
            return _node(self.operand(node))
        if isinstance(node, ast.Subscript):
            return self.keep(self.subscript(node))
        if not isinstance(known, Value):
            raise Bug(f"not a tile: {ast.unparse(node)}")
        if isinstance(node, ast.BinOp):
            return self.pointwise(known, ast.BinOp(_slot(0), node.op, _slot(1)), [node.left, node.right], 1)
        if isinstance(node, ast.UnaryOp):
            return self.pointwise(known, ast.UnaryOp(node.op, _slot(0)), [node.operand], 1)
        if isinstance(node, ast.Compare):
            return self.pointwise(
                known, ast.Compare(_slot(0), node.ops, [_slot(1)]), [node.left, node.comparators[0]], 1
            )
        if isinstance(node, ast.Call):
            return self.keep(self.call(node, known))
        raise Bug(f"not a tile: {ast.unparse(node)}")

    def pointwise(self, known: Value, form: ast.expr, operands: list[ast.expr], cost: int) -> Node:
        """An operator applied element by element."""
        taken = tuple(self.operand(each) for each in operands)
        dtype = next((each.dtype for each in taken if isinstance(each, Node)), known.dtype)
        return self.keep(graph.Pointwise(known.dtype, known.dims, form, taken, dtype, cost))

    def subscript(self, node: ast.Subscript) -> Node:
        """A slice of memory, or of a tile."""
        known = self.known.of(node)
        if isinstance(known, Region):
            starts = self.inside(known.root, known.box.start, known.box.kept)
            return graph.Load(known.dtype, known.dims, known.root, starts, known.box.kept)
        source = _node(self.operand(node.value))
        starts, _, kept, dims = self.known.slices[id(node)]
        inside = tuple(
            start if keep else self.position(start, size)
            for start, keep, size in zip(starts, kept, source.dims, strict=True)
        )
        return graph.Moved(source.dtype, dims, source, graph.Sliced(inside, tuple(kept)))

    def call(self, node: ast.Call, known: Value) -> Node:
        """A call of `htp.tile`, of an intrinsic, or a typed constant."""
        if isinstance(node.func, ast.Name):
            return graph.Full(known.dtype, known.dims, node.args[0])
        if intrinsic_called(node) is not None:
            operands = tuple(self.operand(each) for each in node.args)
            return graph.Intrinsic(known.dtype, known.dims, node, operands)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in REDUCTIONS:
            return graph.Reduced(known.dtype, known.dims, _node(self.operand(node.args[0])), name, self.axis(node))
        if name in WALKED:
            options = {each.arg or "": each.value for each in node.keywords}
            return graph.Walked(
                known.dtype, known.dims, name, (_node(self.operand(node.args[0])),), self.axis(node), options
            )
        handler = getattr(self, f"_read_{name}", None)
        if handler is not None:
            return handler(node, known)
        return self.elementwise(node, known, name)

    def elementwise(self, node: ast.Call, known: Value, name: str) -> Node:
        """A function applied element by element."""
        operands = [self.operand(each) for each in node.args]
        form = ast.Call(node.func, [_slot(index) for index in range(len(operands))], node.keywords)
        tiles = [each for each in operands if isinstance(each, Node)]
        dtype = tiles[-1].dtype if name == "where" and len(tiles) > 1 else tiles[0].dtype
        return graph.Pointwise(
            known.dtype, known.dims, form, tuple(operands), dtype, COSTLY.get(name, 2 if name == "where" else 1)
        )

    def _read_cast(self, node: ast.Call, known: Value) -> Node:
        source = _node(self.operand(node.args[0]))
        form = ast.Call(node.func, [_slot(0), ast.Name(known.dtype.name, ast.Load())], [])
        return graph.Pointwise(known.dtype, known.dims, form, (source,), source.dtype, 1)

    def _read_where(self, node: ast.Call, known: Value) -> Node:
        operands = tuple(self.operand(each) for each in node.args)
        form = ast.Call(node.func, [_slot(0), _slot(1), _slot(2)], [])
        return graph.Pointwise(known.dtype, known.dims, form, operands, known.dtype, 2)

    def _read_full(self, node: ast.Call, known: Value) -> Node:
        return graph.Full(known.dtype, known.dims, self.operand(node.args[1]))

    def _read_reshape(self, node: ast.Call, known: Value) -> Node:
        return graph.Moved(known.dtype, known.dims, _node(self.operand(node.args[0])), graph.Reshaped())

    def _read_broadcast_to(self, node: ast.Call, known: Value) -> Node:
        return graph.Moved(known.dtype, known.dims, _node(self.operand(node.args[0])), graph.Broadcast())

    def _read_transpose(self, node: ast.Call, known: Value) -> Node:
        source = node.args[0]
        return graph.Moved(
            known.dtype, known.dims, _node(self.operand(source)), graph.Transposed(self.known.axes[id(source)])
        )

    def _read_flip(self, node: ast.Call, known: Value) -> Node:
        source = node.args[0]
        return graph.Moved(
            known.dtype, known.dims, _node(self.operand(source)), graph.Reversed(self.known.axes[id(source)])
        )

    def _read_dot(self, node: ast.Call, known: Value) -> Node:
        named = {each.arg: each.value for each in node.keywords}
        acc = _node(self.operand(named["acc"])) if "acc" in named else None
        a, b = (self.widened(_node(self.operand(each)), known.dtype) for each in node.args[:2])
        return graph.Product(known.dtype, known.dims, a, b, acc)

    def widened(self, factor: Node, dtype: DType) -> Node:
        """A factor of a product in the dtype that the product accumulates in."""
        if factor.dtype is dtype:
            return factor
        form = ast.Call(
            ast.Attribute(ast.Name("tile", ast.Load()), "cast", ast.Load()),
            [_slot(0), ast.Name(dtype.name, ast.Load())],
            [],
        )
        return self.keep(graph.Pointwise(dtype, factor.dims, form, (factor,), factor.dtype, 1, origin=self.origin))

    def _read_concat(self, node: ast.Call, known: Value) -> Node:
        parts = tuple(_node(self.operand(each)) for each in node.args[0].elts)  # type: ignore[attr-defined]
        return graph.Joined(known.dtype, known.dims, parts, self.axis(node) % len(known.dims))

    def _read_iota(self, node: ast.Call, known: Value) -> Node:
        axis = self.axis(node) % len(known.dims)
        return graph.Count(known.dtype, known.dims, axis, ast.Constant(0), ast.Constant(1))

    def _read_arange(self, node: ast.Call, known: Value) -> Node:
        named = {each.arg: each.value for each in node.keywords}
        bounded = "stop" in named
        start = named["start"] if bounded else ast.Constant(0)
        return graph.Count(known.dtype, known.dims, 0, start, named.get("step", ast.Constant(1)))

    def _read_eye(self, node: ast.Call, known: Value) -> Node:
        return graph.Mask(known.dtype, known.dims, None, ast.Eq(), ast.Constant(0))

    def _read_tril(self, node: ast.Call, known: Value) -> Node:
        return self._triangle(node, known, ast.LtE())

    def _read_triu(self, node: ast.Call, known: Value) -> Node:
        return self._triangle(node, known, ast.GtE())

    def _triangle(self, node: ast.Call, known: Value, comparison: ast.cmpop) -> Node:
        named = {each.arg: each.value for each in node.keywords}
        return graph.Mask(
            known.dtype, known.dims, _node(self.operand(node.args[0])), comparison, named.get("k", ast.Constant(0))
        )

    def _read_one_hot(self, node: ast.Call, known: Value) -> Node:
        return graph.OneHot(known.dtype, known.dims, _node(self.operand(node.args[0])))

    def _read_take(self, node: ast.Call, known: Value) -> Node:
        source, indices = (_node(self.operand(each)) for each in node.args[:2])
        return graph.Picked(known.dtype, known.dims, source, indices, self.axis(node), aligned=False)

    def _read_gather(self, node: ast.Call, known: Value) -> Node:
        source, indices = (_node(self.operand(each)) for each in node.args[:2])
        return graph.Picked(known.dtype, known.dims, source, indices, self.axis(node), aligned=True)

    def _read_scatter(self, node: ast.Call, known: Value) -> Node:
        named = {each.arg or "": each.value for each in node.keywords}
        positional = [self.operand(each) for each in node.args]
        updates = positional[2] if len(positional) > 2 else named.pop("updates")
        source, indices = _node(positional[0]), _node(positional[1])
        if not isinstance(updates, Node):
            updates = self.keep(graph.Full(source.dtype, indices.dims, updates))
        return graph.Walked(known.dtype, known.dims, "scatter", (source, indices, updates), self.axis(node), named)

    def axis(self, node: ast.Call) -> int:
        """The constant axis of a call in normal form."""
        for each in node.keywords:
            if each.arg == "axis" and isinstance(each.value, ast.Constant) and isinstance(each.value.value, int):
                return each.value.value
        return 0


def _node(operand: Node | ast.expr) -> Node:
    if not isinstance(operand, Node):
        raise Bug(f"not a tile: {ast.unparse(operand)}")
    return operand


def _slot(number: int) -> ast.Name:
    return ast.Name(f"_{number}", ast.Load())


def zero(dtype: DType) -> ast.expr:
    """The zero of a dtype, as a typed constant."""
    value = False if dtype is bool_ else 0.0 if dtype.kind == "float" else 0
    return ast.Call(ast.Name(dtype.name, ast.Load()), [ast.Constant(value)], [])
