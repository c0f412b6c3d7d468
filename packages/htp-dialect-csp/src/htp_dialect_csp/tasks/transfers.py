"""What a process does with channels, as steps: waits for tokens and for room, and work on slots.

Knows the words of process form; loops and branches are `machine`'s business.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.infer.values import Value
from htp.names import STREAMS
from htp.program import origin_of
from htp.rewriting import with_origin
from htp_dialect_csp.lower.trees import assign, integer, load
from htp_dialect_csp.tasks.declared import no_tasks
from htp_dialect_csp.tasks.steps import Marker, State, Steps, closed, sent, slot, taken
from htp_dialect_csp.tasks.trees import Axis, add, compare, element, item, subtract, text
from htp_dialect_csp.tasks.work import Part, Reading, Work, loading, storing

if TYPE_CHECKING:
    from htp.infer.values import Known
    from htp_dialect_csp.tasks.declared import Stream

__all__ = ["Transfers", "has_token", "is_there", "words_in"]

TIMED = {
    "try_advance": "try_recv", "peek": "peek", "advance_any": "select", "try_send": "try_send", "full": "full",
    "occupancy": "len",
}  # fmt: skip
"""Words whose answer depends on the time, by what the user wrote."""


class Transfers(Steps):
    """Writes words about channels."""

    def host(self, node: ast.stmt) -> None:
        """A statement about numbers, which the routine computes."""
        raise NotImplementedError

    def test(self, node: ast.expr) -> ast.expr:
        """A condition; a token that it asks for is waited for before."""
        raise NotImplementedError

    def refuse(self, node: ast.AST, words: set[str]) -> None:
        """Refuses what depends on the time."""
        timed = sorted(words & TIMED.keys())
        if timed:
            raise Refused(
                "csp.timed",
                f"`{TIMED[timed[0]]}` depends on the time, which no order of tasks knows",
                span=origin_of(node),
                notes=(f"'{self.running.name}' becomes tasks, whose order is fixed before they run",),
                help="receive from each channel in an order of its own: `a.recv()`, `b.recv()`; or compile for `cpu`",
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
            case ast.Call(func=ast.Name(id="token" | "token_size"), args=[ast.Name(id=end), *_]):
                self.look(name, end, value, node)
            case ast.Call(
                func=ast.Name(id="token" | "token_size"), args=[ast.Call(func=ast.Name(id="one_of"), args=ends), *_]
            ):
                self.chosen(name, ends[0], [text(each) for each in ends[1:]], value, node)
            case _:
                raise no_tasks(node, f"`{text(node)}`", "receive and send in statements of their own")

    def advance(self, end: str, there: str, *, sure: bool = False) -> str:
        """Waits for a token or the end of the stream; the variable says which it was."""
        stream = self.scope.ends[end]
        if stream in self.work.tokens or stream in self.open:
            self.flush()
            self.held |= self.open & {stream}
            self.open -= {stream}
        self.wait(stream, has_token(stream))
        self.put(assign(there, is_there(stream)))
        if sure:
            self.mark(Marker(stream=stream, early=True))
            self.open.add(stream)
            return there
        self.held.add(stream)
        count = taken(stream)
        self.state.body.append(ast.If(load(there), [assign(count, add(load(count), integer(1)))], []))
        return there

    def chosen(self, name: str, at: ast.expr, ends: list[str], value: ast.Call, node: ast.stmt) -> None:
        """Looks at the token of the end that a number chooses, in a branch for each of them."""
        self.flush()
        self.held |= self.open
        self.open = set()
        behind, ways = State(), [State() for _ in ends]
        choice: list[ast.stmt] = [self.jump(ways[-1])]
        for number in reversed(range(len(ends) - 1)):
            test = self.test(compare(at, ast.Eq(), integer(number)))
            choice = [ast.If(test, [self.jump(ways[number])], choice)]
        self.state.body += [with_origin(each, node) for each in choice]
        for end, way in zip(ends, ways, strict=True):
            self.enter(way)
            self.look(name, end, value, node)
            self.flush()
            way.body = [with_origin(each, node) for each in (*way.body, self.jump(behind))]
        self.enter(behind)

    def look(self, name: str, end: str, value: ast.Call, node: ast.stmt) -> None:
        """Looks at the token in the hand, or at a size of it."""
        stream = self.net.streams[self.scope.ends[end]]
        if name in self.work.names:
            self.flush()
        match value:
            case ast.Call(func=ast.Name(id="token"), args=[_]):
                self.token(name, end, stream, value, node)
            case ast.Call(func=ast.Name(id="token_size"), args=[_, ast.Constant(value=int(axis))]):
                told = axis in self.net.sized(stream.name)
                size = item(element(f"{stream.name}_{axis}", slot(stream.name, "take"))) if told else stream.shape[axis]
                self.put(assign(self.scope.local(name), size))
            case _:
                raise no_tasks(node, f"`{text(node)}`", "receive and send in statements of their own")

    def token(self, name: str, end: str, stream: Stream, value: ast.Call, node: ast.stmt) -> None:
        """Looks at the token in the hand."""
        if stream.is_number:
            self.put(assign(self.scope.local(name), item(element(stream.name, slot(stream.name, "take")))))
            if stream.name in self.open:
                self.open.discard(stream.name)
                self.mark(Marker(stream=stream.name))
            return
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
        work = Work(first=node, last=node)
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


def words_in(node: ast.AST) -> set[str]:
    """The words of process form that a statement uses."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & set(STREAMS)


def _requires(statement: ast.stmt | None, name: str) -> bool:
    """Whether it is `require(name, …)`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id="require"), args=[ast.Name(id=asked), *_])):
            return asked == name
        case _:
            return False


def is_there(stream: str) -> ast.expr:
    """Whether a token can be taken."""
    return compare(load(sent(stream)), ast.Gt(), load(taken(stream)))


def has_token(stream: str) -> ast.expr:
    """Whether a receive ends: with a token, or at the end of the stream."""
    return ast.BoolOp(ast.Or(), [is_there(stream), load(closed(stream))])
