"""The pass that turns tiles into loops: every run of tile statements becomes fused loop nests over buffers.

Knows control flow, scopes and liveness; what one run becomes is written by `runs.py`.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from htp.capabilities import Loops, Normalized, OpUse, Parallel, Simplified, Typed
from htp.diagnostics import Bug
from htp.dims import const
from htp.infer.engine import infer
from htp.infer.state import VERSION
from htp.infer.values import Index, Region, Value
from htp.liveness import Liveness, writes
from htp.lowering.build import asserted, call, expression, subscript
from htp.names import RESERVED
from htp.passes import Pass
from htp.program import origin_of, stamp
from htp.rewriting import Rewriter
from htp_backend_cpu.lower import graph
from htp_backend_cpu.lower.buffers import Buffer, Memory
from htp_backend_cpu.lower.reading import Run
from htp_backend_cpu.lower.runs import RunWriter
from htp_backend_cpu.lower.sizes import with_sizes
from htp_backend_cpu.lower.tokens import acts, is_token, stays_in_hand, token_names
from htp_backend_cpu.lower.walks import copied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.dims import Expr
    from htp.infer.state import Inference
    from htp.program import Function, Program


@dataclass(frozen=True)
class LowerToLoops(Pass):
    """Tile operations become fused loops over elements and buffers."""

    name = "cpu.loops"
    requires = (Normalized(), Simplified(), Parallel())
    provides = (Loops(),)
    invalidates = (Normalized(), Simplified(), Typed())
    may_introduce = (OpUse("tile.*"),)

    def apply(self, program: Program) -> Program:
        """The program in explicit loops."""
        return program.replace(*(_FunctionLowering(program, each).lowered() for each in program.functions))


class _FunctionLowering:
    def __init__(self, program: Program, function: Function) -> None:
        self.source = function
        self.known = infer(program, function)
        self.live = Liveness(function.body)
        names = {node.id for each in function.body for node in ast.walk(each) if isinstance(node, ast.Name)}
        names -= self.tiles(function.body) - self.crossing(function.body) - token_names(function.body)
        taken = (
            names | set(RESERVED) | {each.name for each in function.params} | {name for name, _ in program.constants}
        )
        self.memory = Memory(taken | {each.name for each in program.functions}, self.known.last)
        self.buffers: dict[str, Value] = {}
        self.views: dict[str, graph.Load] = {}
        self.stable = {each.name for each in function.params if each.direction == "in"}
        self.counts = _assignments(function.body)
        self.asked = _asked(function.body)
        self.inside_parallel = False
        self.depth = 0

    def lowered(self) -> Function:
        body = self.block(self.source.body)
        variables = _variables(self.source.body, self.known)
        if variables:
            body = _Spelled(variables).statements(body)
        return replace(self.source, body=with_sizes(self.source, body))

    def tiles(self, statements: Sequence[ast.stmt]) -> set[str]:
        """Names of tile variables."""
        walk = (node for each in statements for node in ast.walk(each))
        return {
            name
            for node in walk
            if isinstance(node, ast.stmt) and self.is_tile_statement(node)
            for name in writes(node)
        }

    def crossing(self, statements: Sequence[ast.stmt]) -> set[str]:
        """Tile variables that live on behind the run that makes them; they keep their names."""
        found: set[str] = set()
        for number, statement in enumerate(statements):
            for body in (getattr(statement, "body", None), getattr(statement, "orelse", None)):
                found |= self.crossing(body) if body else set[str]()
            following = statements[number + 1] if number + 1 < len(statements) else None
            if self.is_tile_statement(statement) and (following is None or not self.is_tile_statement(following)):
                found |= self.live.behind(statement)
        return found

    # blocks -----------------------------------------------------------------------------------------------------

    def block(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        pending: list[ast.stmt] = []
        for number, statement in enumerate(statements):
            if isinstance(statement, ast.AnnAssign) and self.is_tile_statement(statement) and is_token(statement.value):
                out += self.flush(pending)
                pending = []
                out += self.token(statement, stays=stays_in_hand(statements, number, self.live))
            elif self.is_tile_statement(statement):
                pending.append(statement)
            elif isinstance(statement, ast.AnnAssign) and not self.reads_tiles(statement) and not acts(statement):
                # New scalars depend on no tile of the run, and nothing of the run reads their old value.
                out.append(statement)
            else:
                out += self.flush(pending)
                pending = []
                out += self.other(statement)
        return out + self.flush(pending)

    def is_tile_statement(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            return isinstance(self.known.types.get(id(statement.value)), Value | Region)
        if not isinstance(statement, ast.Assign):
            return False
        target = statement.targets[0]
        return isinstance(target, ast.Subscript) or (isinstance(target, ast.Tuple) and not self.is_sizes(statement))

    def is_sizes(self, statement: ast.Assign) -> bool:
        return not (isinstance(statement.value, ast.Call))

    def reads_tiles(self, statement: ast.stmt) -> bool:
        return any(isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) for each in ast.walk(statement))

    def flush(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """The loops of a run."""
        if not statements:
            return []
        self.memory.facts = self.known.facts_at(statements[0])
        before: list[ast.stmt] = []
        run = Run(self.known, self.memory, self.views, before)
        for statement in statements:
            run.add(statement)
        live = self.live.behind(statements[-1])
        finals: dict[str, graph.Node] = {}
        for name, node in run.values.items():
            if isinstance(node, graph.Held) or name not in live:
                continue
            if (
                isinstance(node, graph.Load)
                and node.root in self.stable
                and self.counts.get(name) == 1
                and name not in self.asked
            ):
                self.views[name] = node
                continue
            finals[name] = node
            before += self.declare(name, Value(node.dtype, node.dims), node.origin)
        parallel = not self.inside_parallel
        return before + RunWriter(self.memory, run, finals, parallel=parallel).write()

    def token(self, statement: ast.AnnAssign, *, stays: bool) -> list[ast.stmt]:
        """A token is a buffer that lies in its channel; it is copied where the hand may hold another one too early."""
        name, origin = ast.unparse(statement.target), origin_of(statement)
        known = self.known.of(statement.value) if statement.value is not None else None
        value = known.value if isinstance(known, Region) else known
        if not isinstance(value, Value):
            raise Bug(f"not a token of a tile: {ast.unparse(statement)}")
        if stays and self.counts.get(name) == 1:
            self.buffers[name] = value
            return [statement]
        self.memory.facts = self.known.facts_at(statement)
        hand = self.memory.fresh(f"{name}_hand")
        taken = stamp(ast.AnnAssign(ast.Name(hand, ast.Store()), statement.annotation, statement.value, 1), origin)
        zeros, kept = tuple(const(0) for _ in value.dims), tuple(True for _ in value.dims)
        load = graph.Load(value.dtype, value.dims, hand, zeros, kept, origin=origin)
        loops = [stamp(each, origin) for each in copied(self.memory, load, Buffer(name))]
        return [taken, *self.declare(name, value, origin), *loops]

    def declare(self, name: str, value: Value, origin: object) -> list[ast.stmt]:
        """The buffer of a tile variable, if it has none yet."""
        if name in self.buffers:
            return []
        self.buffers[name] = value
        return [stamp(self.memory.allocate(name, value.dtype, value.dims), origin)]  # type: ignore[arg-type]

    # other statements -------------------------------------------------------------------------------------------

    def other(self, statement: ast.stmt) -> list[ast.stmt]:
        self.memory.facts = self.known.facts_at(statement)
        if isinstance(statement, ast.For | ast.While | ast.If):
            return self.compound(statement)
        if isinstance(statement, ast.Assert):
            origin = origin_of(statement)
            place = f"{origin.file.rsplit('/', 1)[-1]}:{origin.line}" if origin is not None else ""
            text = ast.Constant(asserted(statement))
            required = call("require", self.items(statement.test), text, ast.Constant(place))
            return [stamp(ast.Expr(required), origin)]
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            run = Run(self.known, self.memory, self.views, before := list[ast.stmt]())
            run.origin = origin_of(statement)
            effect = stamp(ast.Expr(self.effect(statement.value, run)), run.origin)
            return [*before, effect]
        if isinstance(statement, ast.Pass):
            return []
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            new: ast.stmt = ast.AnnAssign(statement.target, statement.annotation, self.items(statement.value), 1)
        elif isinstance(statement, ast.Assign):
            new = ast.Assign(statement.targets, self.items(statement.value), lineno=0)
        else:
            return [statement]
        return [stamp(new, origin_of(statement))]

    def items(self, node: ast.expr) -> ast.expr:
        """The expression with `tile.item` of a buffer as `tile.item` of its only element."""
        return _Items({name: value for name, value in self.buffers.items() if value.dims}).visit(copy.deepcopy(node))

    def compound(self, statement: ast.For | ast.While | ast.If) -> list[ast.stmt]:
        """A loop or branch: variables that live on behind it get their buffers before it."""
        before: list[ast.stmt] = []
        behind = self.live.behind(statement)
        for inner in ast.walk(statement):
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name) and inner.target.id in behind:
                known = self.known.types.get(id(inner.value))
                if isinstance(known, Value | Region) and inner.target.id not in self.views:
                    value = known.value if isinstance(known, Region) else known
                    before += self.declare(inner.target.id, value, origin_of(inner))
        new = _copy(statement)
        if isinstance(new, ast.While | ast.If):
            new.test = self.items(new.test)
        parallel = isinstance(statement, ast.For) and _is_parallel(statement)
        outer = self.inside_parallel
        self.inside_parallel = outer or parallel
        new.body = self.scoped(statement.body)
        if isinstance(new, ast.If) and isinstance(statement, ast.If):
            new.orelse = self.scoped(statement.orelse) if statement.orelse else []
        self.inside_parallel = outer
        return [*before, stamp(new, origin_of(statement))]

    def scoped(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        buffers, views = dict(self.buffers), dict(self.views)
        lowered = self.block(body) or [ast.Pass()]
        self.buffers, self.views = buffers, views
        return lowered

    def effect(self, node: ast.Call, run: Run) -> ast.expr:
        """A kernel call with its tiles as slices of their buffers, or printing."""
        if isinstance(node.func, ast.Attribute):
            return call("print_tile", *(self.memory_of(each, run) for each in node.args))
        positional = [self.memory_of(each, run) for each in node.args]
        named = [ast.keyword(each.arg, self.memory_of(each.value, run)) for each in node.keywords]
        return ast.Call(node.func, positional, named)

    def memory_of(self, node: ast.expr, run: Run) -> ast.expr:
        known = self.known.types.get(id(node))
        if isinstance(known, Region) and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            starts = run.inside(known.root, known.box.start, known.box.kept)
            parts = zip(node.slice.elts, starts, known.box.kept, strict=True)
            return subscript(known.root, [part if keep else expression(start) for part, start, keep in parts])
        if not isinstance(node, ast.Name) or not isinstance(known, Value) or not known.dims:
            return node
        if node.id in self.views:
            view = self.views[node.id]
            inner = iter(view.dims)
            parts = [
                _box(start, next(inner)) if keep else expression(start)
                for start, keep in zip(view.starts, view.kept, strict=True)
            ]
            return subscript(view.root, parts)
        return subscript(node.id, [ast.Slice(None, expression(size)) for size in known.dims])


class _Items(ast.NodeTransformer):
    def __init__(self, buffers: Mapping[str, Value]) -> None:
        self.buffers = buffers

    def visit_Call(self, node: ast.Call) -> ast.expr:
        argument = node.args[0] if _is_item(node) and node.args else None
        if isinstance(argument, ast.Name) and argument.id in self.buffers:
            zeros = [ast.Constant(0) for _ in self.buffers[argument.id].dims]
            return call("tile.item", subscript(argument.id, zeros))
        self.generic_visit(node)
        return node


class _Spelled(Rewriter):
    """Symbols of loop-carried integers as the variables that hold them."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    def visit_Name(self, node: ast.Name) -> ast.AST:  # noqa: N802
        name = self.variables.get(node.id)
        return node if name is None else ast.Name(name, node.ctx)


def _variables(body: Sequence[ast.stmt], known: Inference) -> dict[str, str]:
    """The variables of normal form by the symbols of their values: `above_1: i64 = above` at the head of a loop."""
    found: dict[str, str] = {}
    for statement in (node for each in body for node in ast.walk(each)):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            value = known.types.get(id(statement.target))
            symbol = str(value.value) if isinstance(value, Index) else ""
            if VERSION in symbol and symbol.isidentifier():
                found.setdefault(symbol, statement.target.id)
    return found


def _is_item(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "item"


def _asked(body: Sequence[ast.stmt]) -> set[str]:
    """Tiles that scalar expressions ask for an element of: they are kept under their names."""
    calls = (node for each in body for node in ast.walk(each) if _is_item(node))
    return {each.id for node in calls for each in ast.walk(node) if isinstance(each, ast.Name)}


def _box(start: Expr, extent: Expr) -> ast.Slice:
    return ast.Slice(expression(start), expression(start + extent))


def _is_parallel(node: ast.For) -> bool:
    return isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name) and node.iter.func.id == "parallel"


def _copy(statement: ast.For | ast.While | ast.If) -> ast.For | ast.While | ast.If:
    if isinstance(statement, ast.For):
        return ast.For(statement.target, statement.iter, [], [], lineno=0)
    return ast.While(statement.test, [], []) if isinstance(statement, ast.While) else ast.If(statement.test, [], [])


def _assignments(body: Sequence[ast.stmt]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                counts[node.target.id] = counts.get(node.target.id, 0) + 1
    return counts
