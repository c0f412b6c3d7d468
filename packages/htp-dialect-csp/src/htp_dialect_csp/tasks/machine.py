"""A process as steps, so that a routine can do the steps of all in turn.

Knows statements: which are work, which the routine computes, and in which loops and branches the process waits.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from htp.infer.values import Value
from htp.liveness import loads, writes
from htp.rewriting import with_origin
from htp_dialect_csp.lower.trees import assign, assigned, call, effect, integer, load
from htp_dialect_csp.tasks.declared import no_tasks
from htp_dialect_csp.tasks.steps import LAST, Marker, State, closed
from htp_dialect_csp.tasks.transfers import Transfers, has_token, is_there, words_in
from htp_dialect_csp.tasks.trees import add, compare, element, exposed, item, region, text
from htp_dialect_csp.tasks.work import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp_dialect_csp.tasks.trees import Axis

__all__ = ["Machine"]


class Machine(Transfers):
    """Writes the steps of one process."""

    def build(self) -> Machine:
        """All steps.

        Raises:
            Refused: `csp.timed`, `csp.no-tasks`.
        """
        for each in self.scope.scalars:
            self.put(assign(each, self.scope.running.arguments[each]), each, name=self.scope.local(each))
        self.block(self.scope.kernel.body)
        for param in self.scope.kernel.params:
            if param.direction == "send":
                self.state.body.append(assign(closed(self.scope.ends[param.name]), ast.Constant(True)))
        self.state.body.append(assign(self.at, integer(LAST)))
        return self

    # statements ---------------------------------------------------------------------------------------------------

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Statements one after the other; work does not go on behind them."""
        for number, each in enumerate(body):
            mark = len(self.state.body)
            state = self.state
            self.statement(each, body[number + 1] if number + 1 < len(body) else None)
            start = mark if state is self.state else 0
            self.state.body[start:] = [with_origin(one, each) for one in self.state.body[start:]]
        self.flush()
        self.held |= self.open
        self.open = set()

    def statement(self, node: ast.stmt, following: ast.stmt | None) -> None:
        """One statement."""
        words = words_in(node)
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id="work"))):
                return  # the runtime keeps no clock
            case ast.Assign(value=ast.Call(func=ast.Name(id="empty"))):
                return  # the routine makes it
            case ast.For() | ast.While() | ast.If() if words or self.steers(node):
                self.control(node)
            case _ if words:
                self.channel(node, words, following)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as made) if name in self.kernels:
                self.called(made)
            case _ if self.is_work(node):
                self.add(Reading(self.scope, node).of(node))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Subscript() as value) if self.is_tile(value):
                self.scope.numbers.add(name)
                self.host(ast.Assign([ast.Name(name, ast.Store())], item(value), lineno=0))
            case _:
                self.host(node)

    def is_tile(self, node: ast.AST) -> bool:
        """Whether an expression is a tile or a part of an array."""
        return self.scope.tile_of(node) is not None

    def is_work(self, node: ast.stmt) -> bool:
        """Whether a statement computes, moves or stores tiles."""
        match node:
            case ast.For() | ast.While() | ast.If():
                return any(self.is_work(each) for each in (*node.body, *node.orelse))
            case ast.AnnAssign(value=ast.Subscript() as value):
                found = self.scope.tile_of(value)
                return found is not None and bool(found.dims)
            case ast.AnnAssign(value=ast.expr() as value):
                return self.is_tile(value) and isinstance(node.annotation, ast.Subscript)
            case ast.Assign(targets=[ast.Subscript()]):
                return True
            case ast.Assign(targets=[ast.Tuple()]):
                return True
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
                return name in self.kernels
            case _:
                return False

    def steers(self, node: ast.For | ast.While | ast.If) -> bool:
        """Whether a statement with work in it computes numbers that something else depends on."""
        if not self.is_work(node):
            return False
        targets = writes(node.target) if isinstance(node, ast.For) else frozenset[str]()
        inner = assigned((node,)) - targets
        tiles = {
            each.target.id for each in ast.walk(node)
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None
            and self.is_tile(each.value)
        }  # fmt: skip
        inside = {id(each) for each in ast.walk(node)}
        outside = {
            each.id for statement in self.scope.kernel.body for each in ast.walk(statement)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and id(each) not in inside
        }  # fmt: skip
        carried = exposed([node]) & inner
        return bool((inner - tiles) & (outside | carried))

    def host(self, node: ast.stmt) -> None:
        """A statement about numbers, which the routine computes."""
        changed = writes(node)
        if changed & self.work.names or self._reads_written(node):
            self.flush()
        tiles = loads(node) & self.tiles.keys()
        if tiles:
            self.flush()
        made = self.scope.statement(_Asked(self, tiles).statements([copy.deepcopy(node)])[0])
        waits, self.scope.waits = self.scope.waits, []
        if waits:
            self.flush()
            self.state.body.append(effect(call("wait_for", *waits)))
        self.put(made)

    def _reads_written(self, node: ast.stmt) -> bool:
        names = loads(node) & self.scope.views.keys()
        return any(self.scope.views[each].written for each in names)

    def called(self, made: ast.Call) -> None:
        """A call of a kernel, a routine or a workload in a process."""
        self.flush()
        arguments: list[ast.expr] = []
        for each in made.args:
            known = self.scope.known.types.get(id(each))
            if isinstance(known, Value) and isinstance(each, ast.Name) and each.id in self.tiles:
                if any(dim.constant is None for dim in known.dims):
                    raise no_tasks(each, f"passing the tile `{text(each)}` to a kernel", "store it to an array first")
                self.asked.add(each.id)
                arguments.append(load(self.scope.local(each.id)))
            elif isinstance(each, ast.Name) and each.id in self.scope.views:
                view = self.scope.views[each.id]
                arguments.append(_part(view.root, view.axes))
            elif isinstance(each, ast.Subscript) and self.is_tile(each):
                name, axes = self.scope.part(each)
                arguments.append(_part(self.scope.views[name].root, self.scope.views[name].inside(axes)))
            else:
                arguments.append(self.scope.named(each))
        self.state.body.append(effect(ast.Call(made.func, arguments, [])))

    # control ------------------------------------------------------------------------------------------------------

    def control(self, node: ast.For | ast.While | ast.If) -> None:
        """A loop or branch in which the process waits."""
        self.flush()
        self.held |= self.open
        self.open = set()
        match node:
            case ast.If():
                self.branch(node)
            case ast.While():
                self.repetition(node)
            case ast.For():
                self.counted(node)

    def branch(self, node: ast.If) -> None:
        """A branch on numbers."""
        test = self.test(node.test)
        body, orelse, behind = State(), State(), State()
        self.state.body.append(ast.If(test, [self.jump(body)], [self.jump(orelse)]))
        for state, statements in ((body, node.body), (orelse, node.orelse)):
            self.enter(state)
            self.block(statements)
            self.state.body.append(self.jump(behind))
        self.enter(behind)

    def repetition(self, node: ast.While) -> None:
        """A loop on a condition, or until a stream ends."""
        head, body, behind = State(), State(), State()
        self.state.body.append(self.jump(head))
        match node.test:
            case ast.Call(func=ast.Name(id="advance"), args=[ast.Name(id=end)]):
                stream = self.scope.ends[end]
                head.guard = has_token(stream)
                self.enter(head)
                self.state.body.append(ast.If(is_there(stream), [self.jump(body)], [self.jump(behind)]))
                self.enter(body)
                self.mark(Marker(stream=stream, early=True))
                self.open.add(stream)
            case _:
                self.enter(head)
                test = self.test(node.test)
                self.state.body.append(ast.If(test, [self.jump(body)], [self.jump(behind)]))
                self.enter(body)
        self.block(node.body)
        self.state.body.append(self.jump(head))
        self.enter(behind)

    def counted(self, node: ast.For) -> None:
        """A loop over a range."""
        match node:
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=args)):
                bounds = [self.scope.named(each) for each in args]
            case _:
                raise no_tasks(node, f"a loop over `{text(node.iter)}` in which a process waits", "use `range`")
        start, stop = (integer(0), bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        step = bounds[2] if len(bounds) == 3 else integer(1)
        turn, end = self.scope.local(f"{name}_next"), self.scope.local(f"{name}_end")
        self.put(assign(turn, start))
        self.put(assign(end, stop))
        body, behind = State(), State()
        down = text(step).startswith("-")
        test = compare(load(turn), ast.Gt() if down else ast.Lt(), load(end))
        self.state.body.append(ast.If(test, [self.jump(body)], [self.jump(behind)]))
        self.enter(body)
        self.put(assign(self.scope.local(name), load(turn)))
        self.block(node.body)
        self.put(assign(turn, add(load(turn), step)))
        self.state.body.append(ast.If(copy.deepcopy(test), [self.jump(body)], [self.jump(behind)]))
        self.enter(behind)

    def test(self, node: ast.expr) -> ast.expr:
        """A condition; a token that it asks for is waited for before."""
        words = words_in(node)
        if not words:
            holder = ast.Expr(copy.deepcopy(node))
            tiles = loads(node) & self.tiles.keys()
            made = self.scope.statement(_Asked(self, tiles).statements([holder])[0])
            waits, self.scope.waits = self.scope.waits, []
            if waits:
                self.state.body.append(effect(call("wait_for", *waits)))
            return made.value if isinstance(made, ast.Expr) else node
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return ast.UnaryOp(ast.Not(), self.test(inner))
            case ast.Call(func=ast.Name(id="advance"), args=[ast.Name(id=end)]):
                return load(self.advance(end, self.scope.local(f"{end}_there")))
            case _:
                self.refuse(node, words)
                raise no_tasks(
                    node, f"waiting within `{text(node)}`", "receive in a statement of its own: `x = c.recv()`"
                )


class _Asked(ast.NodeTransformer):
    """Numbers that are taken out of tiles, which lie in buffers then."""

    def __init__(self, machine: Machine, tiles: frozenset[str]) -> None:
        self.machine, self.tiles = machine, tiles

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements with elements of buffers in place of tiles."""
        return [self.visit(each) for each in body]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`tile.item(t)`."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="tile"), attr="item"), args=[ast.Name(id=name)]) if (
                name in self.tiles
            ):
                self.machine.asked.add(name)
                count = len(self.machine.tiles[name][0].dims)
                place = element(self.machine.scope.local(name), *(integer(0) for _ in range(count)))
                self.machine.scope.waits.append(place)
                return item(copy.deepcopy(place))
            case _:
                return self.generic_visit(node)


def _part(root: str, axes: tuple[Axis, ...]) -> ast.expr:
    """A part of an array as an argument."""
    sizes = f"{root}.shape"
    whole = all(each.kept and text(each.start) == "0" and text(each.extent).startswith(sizes) for each in axes)
    return load(root) if whole else region(root, axes)
