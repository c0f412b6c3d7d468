"""Why a network is stuck: who waits for whom, the cycle in it if there is one, and what would help.

A cycle in which somebody waits for a slot is `artificial`: more capacity lets it go on. A cycle of processes that wait
for tokens is `true`. Without a cycle somebody waits for a process that has ended, which is `starvation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from htp.diagnostics import Label, Refused, Span
from htp.places import user_frame, user_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import FrameType

    from htp.links import Link
    from htp.networks import Network
    from htp.processes import Process

__all__ = ["Blocked", "BlockedChannel", "BlockedProcess", "Deadlock", "DeadlockReport", "deadlock"]

TRUE = "add an initial token or break the cycle"
NO_CLOSE = "producer terminated without close()"
NO_RECEIVE = "consumer terminated before it received every token"
OWN = ("htp", "threading")
"""What is not the user's in the frames of a process."""
_NOT_IN_TABLES = ("name", "sender", "receiver")


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """One operation that cannot complete: its channels, what is in them, and the processes at their other ends."""

    process: str
    clock: int
    operation: Literal["send", "recv", "select"]
    channels: tuple[str, ...]
    held: tuple[int, ...]
    capacities: tuple[int, ...]
    waits_for: tuple[str, ...]
    terminated: tuple[str, ...] = ()
    span: Span | None = None

    def __str__(self) -> str:
        state = "full" if self.operation == "send" else "empty"
        fill = ", ".join(f"{held}/{capacity}" for held, capacity in zip(self.held, self.capacities, strict=True))
        peers = [f"{each} (terminated)" if each in self.terminated else each for each in self.waits_for]
        return (
            f"  {self.process} @t={self.clock}: {self.operation} on {', '.join(self.channels)} ({state} {fill}), "
            f"waits for {', '.join(peers) or 'nobody'}"
        )


class BlockedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel when nothing could go on; stalls in cycles, `sender` and `receiver` as in `ChannelRun`."""

    name: str
    capacity: int
    high_water: int
    sends: int
    receives: int
    stall_full: int
    stall_empty: int
    closed: bool
    sender: str = ""
    receiver: str = ""


class BlockedProcess(msgspec.Struct, frozen=True, kw_only=True):
    """A process when nothing could go on; `line` is that of the operation that is blocked, 0 if it has ended."""

    name: str
    clock: int
    busy: int
    stall_in: int
    stall_out: int
    line: int = 0


class DeadlockReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a network that is stuck at `time`.

    With kind `artificial`, `raise_channel` is the smallest full channel of the cycle, and `raise_to` the smallest
    capacity with which the cycle goes on.
    """

    kind: Literal["artificial", "true", "starvation"]
    time: int
    blocked: tuple[Blocked, ...]
    cycle: tuple[str, ...] = ()
    hint: str
    raise_channel: str = ""
    raise_to: int = 0
    channels: tuple[BlockedChannel, ...] = ()
    processes: tuple[BlockedProcess, ...] = ()

    @property
    def text(self) -> str:
        """The report without its tables."""
        lines = [f"csp.deadlock[{self.kind}] at t={self.time}: {len(self.blocked)} blocked", *map(str, self.blocked)]
        if self.cycle:
            lines.append(f"  cycle: {' -> '.join((*self.cycle, self.cycle[0]))}")
        return "\n".join((*lines, f"  hint: {self.hint}"))

    @property
    def tables(self) -> str:
        """A line for each channel and for each process, under headings."""
        return "\n".join((*_table("channel", self.channels), *_table("process", self.processes)))


class Deadlock(Refused):
    """No process of a network can go on; `report` says why."""

    def __init__(self, report: DeadlockReport, span: Span | None, labels: tuple[Label, ...]) -> None:
        super().__init__(
            "csp.deadlock", f"{report.text}\n{report.tables}", span=span, labels=labels, help=_help(report)
        )
        self.report = report


def deadlock(network: Network) -> Deadlock:
    """The refusal of a network none of whose live processes can go on."""
    stuck = [each for each in network.processes if not each.ended]
    for each in stuck:
        network.name_channels(_frame(each))
    cycle = _cycle(stuck)
    full = [each.pending.links[0] for each in cycle if each.pending.kind == "send"]
    smallest = min(full, key=lambda each: each.time.capacity, default=None)
    hint = _starved(stuck) if not cycle else TRUE if smallest is None else f"raise capacity of {smallest.name}"
    places = {each.name: _place(each) for each in stuck}
    report = DeadlockReport(
        kind="starvation" if not cycle else "true" if smallest is None else "artificial",
        time=network.makespan,
        blocked=tuple(_blocked(each, places[each.name]) for each in stuck),
        cycle=tuple(each.name for each in cycle),
        hint=hint,
        raise_channel="" if smallest is None else smallest.name,
        raise_to=0 if smallest is None else smallest.time.capacity + 1,
        channels=tuple(_channel(each) for each in network.links),
        processes=tuple(_process(each, places.get(each.name)) for each in network.processes),
    )
    marked = [Label(span=each.span, text=f"`{each.process}` waits") for each in report.blocked if each.span is not None]
    return Deadlock(report, marked[0].span if marked else None, tuple(marked[1:]))


def peers(process: Process) -> Iterator[Process]:
    """The processes at the other ends of the channels that a blocked process waits for."""
    for link in process.pending.links:
        if process.pending.kind != "send" and link.time.closed is not None:
            continue  # an ended stream of a select: nobody can help there
        other = link.holder("recv" if process.pending.kind == "send" else "send")
        if other is not None:
            yield other


def _place(process: Process) -> Span | None:
    """The line at which a process stands, or at least the one that declares it."""
    frame = process.frame()
    return (user_line(frame, own=OWN) if frame is not None else None) or process.place


def _frame(process: Process) -> FrameType | None:
    """The user's frame in which a process stands."""
    frame = process.frame()
    return user_frame(frame, own=OWN) if frame is not None else None


def _cycle(stuck: Sequence[Process]) -> list[Process]:
    """A cycle of the wait-for graph, first of all one in which somebody waits for a slot; it begins with the first."""
    found = [cycle for each in stuck for cycle in _cycles_from(each)]
    chosen = next((each for each in found if any(p.pending.kind == "send" for p in each)), found[0] if found else [])
    first = min(range(len(chosen)), key=lambda k: chosen[k].index, default=0)
    return [*chosen[first:], *chosen[:first]]


def _cycles_from(start: Process) -> Iterator[list[Process]]:
    """Cycles that are reached from `start`, by a walk that visits every process once."""
    path: list[Process] = []
    seen: set[Process] = set()
    walks = [iter((start,))]
    while walks:
        each = next(walks[-1], None)
        if each is None:
            walks.pop()
            if path:
                path.pop()
        elif each in path:
            yield path[path.index(each) :]
        elif each not in seen and not each.ended:
            seen.add(each)
            path.append(each)
            walks.append(peers(each))


def _starved(stuck: Iterable[Process]) -> str:
    waits = next((each for each in stuck if all(peer.ended for peer in peers(each))), None)
    return NO_RECEIVE if waits is not None and waits.pending.kind == "send" else NO_CLOSE


def _blocked(process: Process, place: Span | None) -> Blocked:
    links, others = process.pending.links, list(peers(process))
    kind = process.pending.kind
    return Blocked(
        process=process.name,
        clock=process.clock,
        operation="send" if kind == "send" else "select" if kind == "select" else "recv",
        channels=tuple(each.name for each in links),
        held=tuple(each.time.held for each in links),
        capacities=tuple(each.time.capacity for each in links),
        waits_for=tuple(each.name for each in others),
        terminated=tuple(each.name for each in others if each.ended),
        span=place,
    )


def _channel(link: Link) -> BlockedChannel:
    time, sender, receiver = link.time, link.holder("send"), link.holder("recv")
    return BlockedChannel(
        name=link.name,
        capacity=time.capacity,
        high_water=time.high_water,
        sends=time.sends,
        receives=time.receives,
        stall_full=time.stall_full,
        stall_empty=time.stall_empty,
        closed=time.closed is not None,
        sender="" if sender is None else sender.name,
        receiver="" if receiver is None else receiver.name,
    )


def _process(process: Process, place: Span | None) -> BlockedProcess:
    return BlockedProcess(
        name=process.name,
        clock=process.clock,
        busy=process.busy,
        stall_in=process.stall_in,
        stall_out=process.stall_out,
        line=place.line if place is not None and not process.ended else 0,
    )


def _help(report: DeadlockReport) -> str:
    if report.kind == "artificial":
        name, least = report.raise_channel, report.raise_to
        return f"give `{name}` more capacity: with {least} this cycle goes on, a later one may need more"
    if report.kind == "true":
        return "give a channel of the cycle an initial token: Channel[…](capacity=1, initial=(…,))"
    if report.hint == NO_RECEIVE:
        return "receive as many tokens as are sent, or iterate: `for x in channel`"
    return "let the producer return or call close()"


def _table(what: str, rows: Sequence[msgspec.Struct]) -> Iterator[str]:
    """Names to the left, numbers to the right, each in its column."""
    if not rows:
        return
    names = [field for field in type(rows[0]).__struct_fields__ if field not in _NOT_IN_TABLES]
    texts = [[_cell(getattr(each, name)) for name in ("name", *names)] for each in rows]
    widths = [max(map(len, column)) for column in zip((what, *names), *texts, strict=True)]
    for first, *rest in ((what, *names), *texts):
        cells = (text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))


def _cell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
