"""Token programs at given sizes: every count a number, every channel one channel, every branch decided.

A turn of a loop that depends on the number of the turn is written out, and turns that repeat are folded again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from htp.diagnostics import Refused
from htp.dims import sym
from htp_dialect_csp.steps import Branch, Choice, Drain, Loop, Operation, Unclear, holds, substituted, symbols_of
from htp_dialect_csp.stretches import stretches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from htp.diagnostics import Span
    from htp.dims import Expr
    from htp_dialect_csp.graph import Graph, ProcessNode
    from htp_dialect_csp.steps import End, Step, Steps

__all__ = [
    "Channel", "Close", "Net", "Node", "Nodes", "Process", "Read", "Recv", "Repeat", "Send", "Undecided", "folded",
    "net_of",
]  # fmt: skip


class Send(NamedTuple):
    """One send; `place` is a position in the process's list of places. Tuples are equal only with equal kinds."""

    channel: int
    place: int
    kind: str = "send"


class Recv(NamedTuple):
    """One receive."""

    channel: int
    place: int
    kind: str = "recv"


class Close(NamedTuple):
    """The end of a stream."""

    channel: int
    place: int
    kind: str = "close"


class Repeat(NamedTuple):
    """`body` so many times; forever where `turns` is None."""

    turns: int | None
    body: Nodes
    kind: str = "repeat"


class Read(NamedTuple):
    """`body` after each receive, until the stream has ended."""

    channel: int
    body: Nodes
    place: int
    kind: str = "read"


Node: TypeAlias = "Send | Recv | Close | Repeat | Read"
Nodes: TypeAlias = "tuple[Node, ...]"


@dataclass(frozen=True)
class Channel:
    """A channel that holds up to `capacity` tokens, 0 for a rendezvous; `sender` and `receiver` are positions."""

    name: str
    capacity: int
    initial: int
    sender: int
    receiver: int


@dataclass(frozen=True)
class Process:
    """A process, and the places that its nodes speak of."""

    name: str
    nodes: Nodes
    places: tuple[Span | None, ...] = ()


@dataclass(frozen=True)
class Net:
    """A network at given sizes."""

    channels: tuple[Channel, ...]
    processes: tuple[Process, ...]

    def with_capacities(self, capacities: Mapping[str, int]) -> Net:
        """The network with other capacities."""
        channels = tuple(
            Channel(each.name, capacities.get(each.name, each.capacity), each.initial, each.sender, each.receiver)
            for each in self.channels
        )
        return Net(channels, self.processes)


LONGEST = 32
"""The longest period that is looked for in the formulas of a loop."""
MOST = 20_000
"""Turns of loops that are written out for a process at most."""


class Undecided(Exception):
    """What a process does depends on data."""


def net_of(graph: Graph, sizes: Mapping[str, int]) -> Net:
    """The network at these sizes.

    Raises:
        Undecided: when its operations or their order depend on data.
    """
    if not graph.complete:
        raise Undecided("the network declares processes or channels depending on data")
    numbers = {each.name: k for k, each in enumerate(graph.channels)}
    channels: list[Channel] = []
    for each in graph.channels:
        ends = [
            [k for k, process in enumerate(graph.processes) if process.holds(each.name, side)]
            for side in ("send", "recv")
        ]
        if each.capacity is None or each.initial is None or any(len(found) != 1 for found in ends):
            raise Undecided(f"the capacity or the ends of '{each.name}' depend on data")
        channels.append(Channel(each.name, each.capacity, each.initial, ends[0][0], ends[1][0]))
    processes = tuple(_Writer(numbers, sizes).process(each) for each in graph.processes)
    return Net(tuple(channels), processes)


class _Writer:
    """Writes one process out."""

    def __init__(self, numbers: Mapping[str, int], sizes: Mapping[str, int]) -> None:
        self.numbers = numbers
        self.values = dict(sizes)
        self.written = 0
        self.places: dict[Span | None, int] = {}

    def process(self, process: ProcessNode) -> Process:
        nodes = self.steps(process.steps)
        return Process(process.name, nodes, tuple(self.places))

    def steps(self, steps: Steps) -> Nodes:
        return tuple(node for each in steps for node in self.step(each))

    def step(self, step: Step) -> Nodes:
        if isinstance(step, Operation):
            made = Send if step.kind == "send" else Recv if step.kind == "recv" else Close
            return (made(self.channel(step.end), self.place(step.place)),)
        if isinstance(step, Loop):
            return self.loop(step)
        if isinstance(step, Drain):
            return (Read(self.channel(step.end), self.steps(step.body), self.place(step.place)),)
        if isinstance(step, Branch):
            return self.branch(step)
        if isinstance(step, Unclear):
            raise Undecided(step.what)
        return ()

    def branch(self, step: Branch) -> Nodes:
        if step.test is not None:
            return self.steps(step.then if holds(step.test, self.values) else step.other)
        then, other = self.steps(step.then), self.steps(step.other)
        if _shape(then) != _shape(other):
            raise Undecided(step.text)
        return then

    def loop(self, step: Loop) -> Nodes:
        if step.endless:
            return (Repeat(None, self.steps(step.body)),)
        if step.count is None:
            if self.steps(step.body):
                raise Undecided("a loop")
            return ()
        count = self.number(step.count)
        if count <= 0:
            return ()
        if step.variable not in symbols_of(step.body):
            return repeated(count, self.steps(step.body))
        return tuple(
            node
            for turns, body in stretches(step, count, self.values)
            for node in self.stretch(replace(step, body=body), turns)
        )

    def stretch(self, step: Loop, turns: range) -> Nodes:
        """Some turns of a loop."""
        count = len(turns)
        if step.variable not in symbols_of(step.body):
            return repeated(count, self.steps(step.body))
        period = (_symbolic_period(step) if count > LONGEST else 0) or count
        once, rest = self.turns(step, turns[:period]), count % period
        return (*repeated(count // period, folded(once)), *folded(once[:rest]))

    def turns(self, step: Loop, turns: range) -> list[Nodes]:
        """The turns of a loop, each by itself."""
        found: list[Nodes] = []
        for self.values[step.variable] in turns:
            self.written += 1
            if self.written > MOST:
                raise Undecided(f"more than {MOST} turns of loops are different")
            found.append(self.steps(step.body))
        return found

    def number(self, value: Expr) -> int:
        try:
            return value.evaluate(self.values)
        except Refused:
            raise Undecided(str(value)) from None

    def channel(self, end: End) -> int:
        if isinstance(end, Choice):
            at = self.number(end.index)
            if not -len(end.channels) <= at < len(end.channels):
                raise Undecided(str(end.index))
            end = end.channels[at]
        return self.numbers[end]

    def place(self, place: Span | None) -> int:
        return self.places.setdefault(place, len(self.places))


def folded(turns: Sequence[Nodes]) -> Nodes:
    """The turns one behind the other, the shortest period of which they are a repetition written once."""
    period = _period(turns)
    times, rest = divmod(len(turns), period)
    once = tuple(node for each in turns[:period] for node in each)
    tail = tuple(node for each in turns[:rest] for node in each)
    return (*repeated(times, once), *tail)


def _symbolic_period(loop: Loop) -> int:
    """The least number of turns behind which a loop does the same again, by its formulas; 0 if unknown."""
    turn = sym(loop.variable)
    for each in range(2, LONGEST + 1):
        if substituted(loop.body, {loop.variable: turn + each}) == loop.body:
            return each
    return 0


def repeated(times: int, body: Nodes) -> Nodes:
    """The body so many times; a loop of nothing but a loop is one loop."""
    if times == 1 or not body:
        return body
    match body:
        case (Repeat(turns=int(inner), body=innermost),):
            return (Repeat(times * inner, innermost),)
        case _:
            return (Repeat(times, body),)


def _period(items: Sequence[Nodes]) -> int:
    """The least p with `items[k] == items[k - p]` for all k, by the failure function of Knuth, Morris and Pratt."""
    failure = [0] * len(items)
    matched = 0
    for k in range(1, len(items)):
        while matched and items[k] != items[matched]:
            matched = failure[matched - 1]
        matched += items[k] == items[matched]
        failure[k] = matched
    return len(items) - failure[-1] if items else 1


def _shape(nodes: Nodes) -> tuple[object, ...]:
    """The nodes without their places."""
    return tuple(
        (each.kind, each.turns, _shape(each.body))
        if isinstance(each, Repeat)
        else (each.kind, each.channel, _shape(each.body) if isinstance(each, Read) else ())
        for each in nodes
    )
