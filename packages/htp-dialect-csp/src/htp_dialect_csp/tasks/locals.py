"""One process as tasks see it: what its names are in the routine, how large its tiles can be, what it is given.

Knows names, types and sizes; does not know when anything happens.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from typing import TYPE_CHECKING

from htp.dims import const, sym
from htp.infer.engine import infer
from htp.infer.values import Index, Region, Value
from htp.liveness import loads, writes
from htp.lowering.build import asserted, expression
from htp.rewriting import Rewriter
from htp.types import ScalarType, TensorType
from htp_dialect_csp.lower.trees import assigned, call, integer, load
from htp_dialect_csp.tasks.declared import View, no_tasks, view_of
from htp_dialect_csp.tasks.trees import Axis, element, exposed, item, subtract, text

if TYPE_CHECKING:
    from htp.dims import Expr, Facts
    from htp.program import Program
    from htp.types import DType
    from htp_dialect_csp.tasks.declared import Net, Running

__all__ = ["Locals"]


class Locals(Rewriter):
    """Expressions of one process in the routine's names."""

    def __init__(self, program: Program, net: Net, running: Running) -> None:
        kernel = running.kernel
        self.net, self.running, self.kernel = net, running, kernel
        self.known = infer(program, kernel)
        self.scalars = {each.name: each for each in kernel.params if each.direction == "scalar"}
        self.own = assigned(kernel.body) | self.scalars.keys()
        self.ends = {each.name: text(running.arguments[each.name]) for each in kernel.params if each.is_end}
        self.views: dict[str, View] = {}
        self.extents: dict[str, ast.expr] = {}
        self.waits: list[ast.expr] = []
        self.numbers: set[str] = set()
        """Names of tiles without axes that the routine holds as numbers."""
        self.singles: dict[str, int] = {}
        """Tiles of one element that tasks compute, with the axes that they have there."""
        self.kinds: dict[str, str] = {}
        """The dtypes of numbers."""
        self.limits: list[Expr] = []
        self.buffers: dict[str, ast.Call] = {}
        """Buffers of the process: the routine makes each once."""
        self._arrays()
        self._spell()
        self._own_buffers()
        self.steady = self._steady()

    def _arrays(self) -> None:
        for each in self.kernel.params:
            if each.is_end or not isinstance(each.type, TensorType):
                continue
            argument = self.running.arguments[each.name]
            sizes = [
                integer(dim.constant) if dim.constant is not None
                else ast.parse(f"{text(argument)}.shape[{number}]", mode="eval").body
                for number, dim in enumerate(each.type.dims)
            ]  # fmt: skip
            view = view_of(argument, len(sizes), written=each.direction != "in", sizes=sizes)
            self.views[each.name] = view
            kept = [axis for axis in view.axes if axis.kept]
            for dim, axis in zip(each.type.dims, kept, strict=True):
                if str(dim) in dim.symbols:
                    self.extents.setdefault(str(dim), axis.extent)

    def _spell(self) -> None:
        """Takes note of the variables of normal form by the symbols that inference has for their values.

        A variable that changes has many values.
        """
        self.spelled: dict[str, str] = {}
        nodes = [node for each in self.kernel.body for node in ast.walk(each)]
        stored = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        for node in nodes:
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if isinstance(node.annotation, ast.Name):
                self.kinds[node.target.id] = node.annotation.id
            value = self.known.types.get(id(node.target))
            symbol = str(value.value) if isinstance(value, Index) else ""
            if symbol.isidentifier() and symbol != node.target.id and stored[node.target.id] == 1:
                self.spelled.setdefault(symbol, node.target.id)
            match node.value:
                case ast.Call(func=ast.Name(id="token_size"), args=[taken, ast.Constant(value=int(axis))]):
                    self._limit(symbol, taken, axis)
                case _:
                    pass

    def _limit(self, symbol: str, taken: ast.expr, axis: int) -> None:
        """Takes note that a size of a token is not larger than its channel says, or than any that it may be from."""
        names = [taken] if isinstance(taken, ast.Name) else taken.args[1:] if isinstance(taken, ast.Call) else []
        limits = [self.net.streams[self.ends[text(each)]].shape[axis] for each in names]
        known = [each.value for each in limits if isinstance(each, ast.Constant) and isinstance(each.value, int)]
        if len(known) == len(limits) and symbol.isidentifier():
            self.limits += [const(max(known)) - sym(symbol), sym(symbol)]

    def _own_buffers(self) -> None:
        for node in (node for each in self.kernel.body for node in ast.walk(each)):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="empty")) as made):
                    sizes = [self.outer(each) for each in self.known.roots[name]]
                    known = [each for each in sizes if each is not None]
                    if len(known) < len(sizes):
                        raise no_tasks(node, f"a buffer `{name}` of a size that changes", "give it a constant size")
                    root = self.local(name)
                    self.buffers[root] = call("empty", ast.Tuple(known, ast.Load()), made.args[1])
                    self.views[name] = View(root, tuple(Axis(integer(0), each) for each in known), written=True)
                case _:
                    pass

    def _steady(self) -> frozenset[str]:
        """Names that are given a value in one place, and read in the turn of every loop in which that was."""
        stores = Counter(
            node.id for each in self.kernel.body for node in ast.walk(each)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )  # fmt: skip
        loops = (node for each in self.kernel.body for node in ast.walk(each) if isinstance(node, ast.For | ast.While))
        carried = {name for each in loops for name in exposed(each.body)}
        changed = {name for name, count in stores.items() if count > 1} | (carried & stores.keys())
        return frozenset(self.own - changed)

    # types --------------------------------------------------------------------------------------------------------

    def tile_of(self, node: ast.AST) -> Value | None:
        """The tile that an expression is, or that a slice of an array gives; `None` for anything else."""
        known = self.known.types.get(id(node))
        if isinstance(known, Region):
            return known.value
        return known if isinstance(known, Value) else None

    def facts(self, statement: ast.AST) -> Facts:
        """What is known before a statement, with the sizes of tokens."""
        found = self.known.facts_at(statement)
        for each in self.limits:
            found = found.with_nonnegative(each)
        return found

    def dim(self, value: Expr) -> Expr:
        """A size in the names of the process."""
        return value.substitute({each: sym(self.spelled[each]) for each in value.symbols if each in self.spelled})

    def size(self, value: Expr) -> ast.expr:
        """A size in the names of the routine."""
        return self.named(expression(self.dim(value)))

    def outer(self, value: Expr) -> ast.expr | None:
        """A size that is known before the process runs, or nothing."""
        if not value.symbols <= self.extents.keys():
            return None
        return _Replaced(self.extents).expression(expression(value))

    def dtype(self, name: str) -> DType | None:
        """The dtype of a parameter that is a number."""
        found = self.scalars.get(name)
        return found.type.dtype if found is not None and isinstance(found.type, ScalarType) else None

    # names --------------------------------------------------------------------------------------------------------

    def local(self, name: str) -> str:
        """A name of the process in the routine."""
        return f"{self.running.name}_{name}"

    def named(self, node: ast.expr) -> ast.expr:
        """An expression in the routine's names; what it reads of arrays that tasks write is added to `waits`."""
        return self.expression(copy.deepcopy(node))

    def statement(self, node: ast.stmt) -> ast.stmt:
        """A statement about numbers in the routine's names."""
        (made,) = self.statements([copy.deepcopy(node)])
        return made

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """A name of the process, or a size of what it is given."""
        if node.id in self.own:
            return ast.Name(self.local(node.id), node.ctx)
        return copy.deepcopy(self.extents[node.id]) if node.id in self.extents else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:  # noqa: N802
        """A number, whose type is found anew."""
        value = self.expression(node.value) if node.value is not None else integer(0)
        return ast.Assign([self.expression(node.target)], value, lineno=0)

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:  # noqa: N802
        """An assertion, which says what it says in the process."""
        return ast.Assert(self.expression(node.test), ast.Constant(asserted(node)))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:  # noqa: N802
        """A size of an array."""
        match node:
            case ast.Subscript(
                value=ast.Attribute(value=ast.Name(id=name), attr="shape"), slice=ast.Constant(value=int() as axis)
            ) if name in self.views:
                kept = [each for each in self.views[name].axes if each.kept]
                return copy.deepcopy(kept[axis].extent)
            case _:
                return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.expr:  # noqa: N802
        """An element that is taken out of an array."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tile"), attr="item"), args=[ast.Name(id=name)]) if (
                name in self.numbers
            ):
                return load(self.local(name))
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="tile"), attr="item"),
                args=[ast.Subscript(value=ast.Name(id=name)) as inner],
            ) if name in self.views:
                return self.element(inner)
            case _:
                return self.generic_visit(node)

    def element(self, node: ast.Subscript) -> ast.expr:
        """An element of an array as a number."""
        name, axes = self.part(node)
        view = self.views[name]
        inside = view.inside(axes)
        if view.written:
            self.waits.append(element(view.root, *(each.start for each in inside)))
        return item(element(view.root, *(each.start for each in inside)))

    def part(self, node: ast.Subscript) -> tuple[str, list[Axis]]:
        """The array of a slice, and the part of it, in the process's own axes and the routine's names."""
        if not isinstance(node.value, ast.Name):
            raise TypeError(text(node))
        name = node.value.id
        kept = [each for each in self.views[name].axes if each.kept]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        made: list[Axis] = []
        for part, axis in zip(parts, kept, strict=True):
            if isinstance(part, ast.Slice):
                start = self.named(part.lower) if part.lower is not None else integer(0)
                stop = self.named(part.upper) if part.upper is not None else axis.extent
                made.append(Axis(start, subtract(stop, start)))
            else:
                made.append(Axis(self.named(part), integer(1), kept=False))
        return name, made

    def host_names(self, node: ast.AST) -> frozenset[str]:
        """The numbers of the process that an expression depends on."""
        return (loads(node) | writes(node)) & self.own


class _Replaced(Rewriter):
    """Names as the expressions that they stand for."""

    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        """What the name stands for."""
        return copy.deepcopy(self.values[node.id]) if node.id in self.values else node
