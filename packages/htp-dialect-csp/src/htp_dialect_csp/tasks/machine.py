"""A process as steps: what it does from one wait to the next, so that a routine can do the steps of all in turn.

Knows the words of process form. What lies in a channel is counted: a token is sent once there is room, taken once it
was sent. Slots of channels are written as names that the routine replaces once it knows how many a channel has.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.infer.values import Value
from htp.liveness import loads, writes
from htp.names import STREAMS
from htp.program import origin_of
from htp.rewriting import with_origin
from htp_dialect_csp.lower.trees import assign, assigned, call, effect, integer, load
from htp_dialect_csp.tasks.declared import no_tasks
from htp_dialect_csp.tasks.locals import Locals
from htp_dialect_csp.tasks.trees import Axis, add, compare, element, exposed, item, region, subtract, text
from htp_dialect_csp.tasks.work import Part, Reading, Tiles, Work, loading, storing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from htp.infer.values import Known
    from htp.program import Program
    from htp_dialect_csp.tasks.declared import Net, Running

__all__ = ["Machine", "Marker", "State", "slot"]

TIMED = {
    "try_advance": "try_recv", "peek": "peek", "advance_any": "select", "try_send": "try_send", "full": "full",
    "occupancy": "len",
}  # fmt: skip
"""Words whose answer depends on the time, by what the user wrote."""
LAST = -1


@dataclass(frozen=True)
class Marker:
    """Something that is written once all processes are known: work, or a token that is given free.

    `early` says that the token is counted as taken before it is read, which needs a slot more.
    """

    work: Work | None = None
    stream: str = ""
    early: bool = False


@dataclass(eq=False)
class State:
    """A step of a process: it waits for `guard`, and then does `body`."""

    guard: ast.expr | None = None
    body: list[ast.stmt] = field(default_factory=list[ast.stmt])
    number: int = 0


def slot(stream: str, way: str) -> ast.expr:
    """The slot of the token that is taken or sent next."""
    return load(f"@{stream}@{way}")


def sent(stream: str) -> str:
    """The routine's count of tokens sent."""
    return f"{stream}_sent"


def taken(stream: str) -> str:
    """The routine's count of tokens taken."""
    return f"{stream}_taken"


def closed(stream: str) -> str:
    """Whether the routine has seen the end of a stream."""
    return f"{stream}_closed"


class Machine:
    """The steps of one process, in the order of its text."""

    def __init__(self, program: Program, net: Net, running: Running) -> None:
        self.net, self.running = net, running
        self.kernels = {each.name for each in program.functions}
        self.scope = Locals(program, net, running)
        self.states: list[State] = [State()]
        self.jumps: list[tuple[ast.Constant, State]] = []
        self.markers: dict[int, Marker] = {}
        self.work = Work()
        self.works: list[Work] = []
        self.tiles: dict[str, tuple[Tiles, ast.AST]] = {}
        self.open: set[str] = set()
        """Channels of which a token was taken and not yet read."""
        self.held: set[str] = set()
        """Channels of which a token stays in its slot while the process waits for what may depend on it."""
        self.asked: set[str] = set()
        """Tiles of which the routine takes a number."""
        self.variables: set[str] = set()
        self.at = self.scope.local("at")

    @property
    def state(self) -> State:
        """The step that is being written."""
        return self.states[-1]

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

    # steps --------------------------------------------------------------------------------------------------------

    def put(self, statement: ast.stmt, *_: str, name: str = "") -> None:
        """A line about numbers in the step that is being written."""
        if name and isinstance(statement, ast.Assign):
            statement.targets = [ast.Name(name, ast.Store())]
        self.variables |= writes(statement)
        self.state.body.append(statement)

    def jump(self, state: State) -> ast.stmt:
        """The line that goes on with another step."""
        number = integer(0)
        self.jumps.append((number, state))
        return assign(self.at, number)

    def enter(self, state: State) -> None:
        """Writes another step from here on."""
        self.states.append(state)

    def wait(self, stream: str, guard: ast.expr) -> None:
        """A step that begins when something is there, or there is room; work that is pending is done in it."""
        for each in (*self.work.tokens, *self.open):
            if each == stream or self.net.meet(self.running, each, stream):
                self.held.add(each)
        state = State(guard)
        self.state.body.append(self.jump(state))
        self.enter(state)

    def mark(self, marker: Marker) -> None:
        """Something that is written later."""
        made = ast.Pass()
        self.markers[id(made)] = marker
        self.state.body.append(made)

    def flush(self) -> None:
        """Does the work that is pending."""
        if not self.work:
            return
        work, self.work = self.work, Work()
        self.works.append(work)
        self.mark(Marker(work))
        for each in sorted(work.tokens):
            self.mark(Marker(stream=each))

    def add(self, work: Work) -> None:
        """Adds to the work that is pending."""
        if self.work.clashes(work):
            self.flush()
        for name, each in work.tiles.items():
            self.tiles.setdefault(name, (each, work.first or self.running.place))
        self.work.join(work)

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
        words = _words(node)
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
                self.host(ast.Assign([ast.Name(name, ast.Store())], _item(value), lineno=0))
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
        test = self.test(node.test)
        body, orelse, behind = State(), State(), State()
        self.state.body.append(ast.If(test, [self.jump(body)], [self.jump(orelse)]))
        for state, statements in ((body, node.body), (orelse, node.orelse)):
            self.enter(state)
            self.block(statements)
            self.state.body.append(self.jump(behind))
        self.enter(behind)

    def repetition(self, node: ast.While) -> None:
        head, body, behind = State(), State(), State()
        self.state.body.append(self.jump(head))
        match node.test:
            case ast.Call(func=ast.Name(id="advance"), args=[ast.Name(id=end)]):
                stream = self.scope.ends[end]
                head.guard = _has_token(stream)
                self.enter(head)
                self.state.body.append(ast.If(_is_there(stream), [self.jump(body)], [self.jump(behind)]))
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
        words = _words(node)
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

    # channels -----------------------------------------------------------------------------------------------------

    def refuse(self, node: ast.AST, words: set[str]) -> None:
        """Refuses what depends on the time."""
        timed = sorted(words & TIMED.keys())
        if timed:
            raise Refused(
                "csp.timed",
                f"`{TIMED[timed[0]]}` depends on the time, which no order of tasks knows",
                span=origin_of(node),
                notes=(f"'{self.running.name}' becomes tasks, whose order is fixed before they run",),
                help="receive from each channel in an order of your own: `a.recv()`, then `b.recv()`; or compile for `cpu`",
            )
        if "stop_process" in words:
            raise no_tasks(node, "`stop()`", "return from the process, or compile for `cpu`")

    def channel(self, node: ast.stmt, words: set[str], following: ast.stmt | None) -> None:
        """A statement with a word about channels."""
        self.refuse(node, words)
        match node:
            case ast.Expr(value=ast.Call(func=ast.Name(id="send"), args=[ast.Name(id=end), value])):
                self.send(self.scope.ends[end], value, node)
            case ast.Expr(value=ast.Call(func=ast.Name(id="close"), args=[ast.Name(id=end)])):
                self.flush()
                self.state.body.append(assign(closed(self.scope.ends[end]), ast.Constant(True)))
            case ast.Expr(value=ast.Call(func=ast.Name(id="advance"), args=[ast.Name(id=end)])):
                self.advance(end, self.scope.local(f"{end}_there"))
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as value)
                | ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value)
            ):
                self.received(name, value, node, following)
            case _:
                raise no_tasks(node, f"`{text(node)}`", "receive and send in statements of their own")

    def received(self, name: str, value: ast.Call, node: ast.stmt, following: ast.stmt | None) -> None:
        """What a word about channels gives, as a variable."""
        match value:
            case ast.Call(func=ast.Name(id="advance"), args=[ast.Name(id=end)]):
                self.advance(end, self.scope.local(name), sure=_requires(following, name))
            case ast.Call(func=ast.Name(id="token"), args=[ast.Name(id=end)]):
                self.token(name, end, node)
            case ast.Call(func=ast.Name(id="token_size"), args=[ast.Name(id=end), ast.Constant(value=int(axis))]):
                if name in self.work.names:
                    self.flush()
                stream = self.scope.ends[end]
                self.put(assign(self.scope.local(name), item(element(f"{stream}_{axis}", slot(stream, "take")))))
            case _:
                raise no_tasks(node, f"`{text(node)}`", "receive and send in statements of their own")

    def advance(self, end: str, there: str, *, sure: bool = False) -> str:
        """Waits for a token or the end of the stream; the variable says which it was."""
        stream = self.scope.ends[end]
        if stream in self.work.tokens or stream in self.open:
            self.flush()
            self.held |= self.open & {stream}
            self.open -= {stream}
        self.wait(stream, _has_token(stream))
        self.put(assign(there, _is_there(stream)))
        if sure:
            self.mark(Marker(stream=stream, early=True))
            self.open.add(stream)
            return there
        self.held.add(stream)
        count = taken(stream)
        self.state.body.append(ast.If(load(there), [assign(count, add(load(count), integer(1)))], []))
        return there

    def token(self, name: str, end: str, node: ast.stmt) -> None:
        """Looks at the token in the hand."""
        stream = self.net.streams[self.scope.ends[end]]
        if name in self.work.names:
            self.flush()
        if stream.is_number:
            self.put(assign(self.scope.local(name), item(element(stream.name, slot(stream.name, "take")))))
            if stream.name in self.open:
                self.open.discard(stream.name)
                self.mark(Marker(stream=stream.name))
            return
        value = node.value if isinstance(node, ast.AnnAssign | ast.Assign) else node
        known: Known | None = self.scope.known.types.get(id(value))
        if not isinstance(known, Value):
            raise no_tasks(node, f"a buffer that '{stream.name}' hands on", "send tiles")
        work = self._transfer(stream.name, end, known, "read", node)
        work.statements.append(loading(name, next(iter(work.parts.values()))))
        work.tiles[name] = Reading(self.scope, node).tiles(known)
        work.tokens.add(stream.name)
        if stream.name in self.open:
            self.open.discard(stream.name)
        else:
            self.held.add(stream.name)
        self.add(work)

    def _transfer(self, stream: str, end: str, value: Value, use: str, node: ast.stmt) -> Work:
        """Work on the slot of a channel."""
        reading = Reading(self.scope, node)
        dims = tuple(self.scope.dim(each) for each in value.dims)
        limits: list[int | None] = []
        for each, size in zip(dims, self.net.streams[stream].shape, strict=True):
            known = size.value if isinstance(size, ast.Constant) and isinstance(size.value, int) else None
            own = reading.limit(each)
            limits.append(own if known is None else known if own is None else min(own, known))
        place = Axis(slot(stream, "take" if use == "read" else "send"), integer(1), kept=False)
        axes = (place, *(Axis(integer(0), self.scope.size(each)) for each in value.dims))
        whole = (None, *self.net.streams[stream].shape)
        part = Part(stream, axes, dims, tuple(limits), value.dtype, whole, end, [use])
        work = Work(first=node)
        work.parts[part.key] = part
        work.names |= {name for each in dims for name in each.symbols if name in self.scope.own}
        return work

    def send(self, stream: str, value: ast.expr, node: ast.stmt) -> None:
        """Sends a token once there is room."""
        carried = self.net.streams[stream]
        room = max(1, carried.capacity)
        if carried.is_number:
            self.flush()
        self.wait(stream, compare(subtract(load(sent(stream)), load(taken(stream))), ast.Lt(), integer(room)))
        if carried.is_number:
            self.host(ast.Assign([element(stream, slot(stream, "send"), store=True)], copy.deepcopy(value), lineno=0))
        else:
            self._send_tile(stream, value, node)
        count = sent(stream)
        self.state.body.append(assign(count, add(load(count), integer(1))))
        if carried.capacity == 0:
            self.wait(stream, compare(load(taken(stream)), ast.Eq(), load(count)))

    def _send_tile(self, stream: str, value: ast.expr, node: ast.stmt) -> None:
        known = self.scope.known.types.get(id(value))
        if not isinstance(value, ast.Name) or not isinstance(known, Value):
            raise no_tasks(node, f"sending `{text(value)}`", "send a tile that has a name")
        end = next(each for each, name in self.scope.ends.items() if name == stream)
        work = self._transfer(stream, end, known, "write", node)
        work.statements.append(storing(next(iter(work.parts.values())), value.id))
        for axis in self.net.sized(stream):
            target = element(f"{stream}_{axis}", slot(stream, "send"), store=True)
            self.state.body.append(ast.Assign([target], self.scope.size(known.dims[axis]), lineno=0))
        self.add(work)
        self.flush()


class _Asked(ast.NodeTransformer):
    """Numbers that are taken out of tiles, which lie in buffers then."""

    def __init__(self, machine: Machine, tiles: frozenset[str]) -> None:
        self.machine, self.tiles = machine, tiles

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements with elements of buffers in place of tiles."""
        return [self.visit(each) for each in body]

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802
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


def _item(node: ast.expr) -> ast.expr:
    return item(node)


def _part(root: str, axes: tuple[Axis, ...]) -> ast.expr:
    whole = all(each.kept and text(each.start) == "0" and text(each.extent).startswith(f"{root}.shape") for each in axes)
    return load(root) if whole else region(root, axes)


def _words(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & set(STREAMS)


def _requires(statement: ast.stmt | None, name: str) -> bool:
    """Whether it is `require(name, …)`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="require"), args=[ast.Name(id=asked), *_])):
            return asked == name
        case _:
            return False


def _is_there(stream: str) -> ast.expr:
    return compare(load(sent(stream)), ast.Gt(), load(taken(stream)))


def _has_token(stream: str) -> ast.expr:
    return ast.BoolOp(ast.Or(), [_is_there(stream), load(closed(stream))])
