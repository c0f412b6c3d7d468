"""Channels as processes use them: their two ends, and what can be done with each.

Knows the operations and the order of their checks; the times are `channel_time`'s, whose turn it is is `networks`'.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

from htp.channel_refusals import already_closed, end_shared, not_selected, selected_badly
from htp.diagnostics import Refused
from htp.payloads import check_payload, handed_over
from htp.places import user_line
from htp.processes import running
from htp.signals import EOS, NONE, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.channel_time import ChannelTime
    from htp.diagnostics import Span
    from htp.processes import Process
    from htp.types import ScalarType, TensorType, TileType
    from htp.values import Number

__all__ = [
    "EOS",
    "NONE",
    "Channel",
    "End",
    "Link",
    "Receiver",
    "Sender",
    "Side",
    "Signal",
    "fan_out",
    "select",
]

T = TypeVar("T")
Side = Literal["send", "recv"]
OPERATIONS = {
    "send": "sending", "try_send": "sending", "close": "sending",
    "recv": "receiving", "try_recv": "receiving", "peek": "receiving",
}  # fmt: skip
"""The end that each operation is of."""


@dataclass(eq=False)
class Link:
    """What is known of a channel: its name and type, the tokens in it, its times, and the process at each end.

    `hand` is the token that the receiver took or looked at last, where it asks for it in a second step.
    `held_by` maps a side to its process and the line that gave it; `maker` is the process that made the channel.
    `named` is False while nobody knows the variable that the name is taken from; `wanted` is the name if it says so.
    """

    carried: TensorType | TileType | ScalarType
    time: ChannelTime
    name: str = ""
    named: bool = False
    wanted: str = ""
    tokens: deque[object] = field(default_factory=deque[object])
    held_by: dict[Side, tuple[Process, Span | None]] = field(default_factory=dict[Side, "tuple[Process, Span | None]"])
    maker: Process | None = None
    closed_at: Span | None = None
    hand: object = None

    def process(self, side: Side) -> Process | None:
        """The process at that end."""
        return self.held_by[side][0] if side in self.held_by else None

    def holder(self, side: Side) -> Process | None:
        """The process at that end; while nobody has it, the one that made the channel."""
        return self.process(side) or self.maker

    def hand_over(self, side: Side, parent: Process) -> None:
        """The end is no longer that of a process that gives it to one that it starts."""
        if self.process(side) is parent:
            del self.held_by[side]

    def claim(self, side: Side, process: Process, place: Span | None) -> None:
        """Gives an end to a process.

        Raises:
            Refused: `csp.endpoint-shared` when another process has it.
        """
        first = self.held_by.setdefault(side, (process, place))
        process.held.append(self)
        if first[0] is not process:
            raise _shared(self, side, first, (process, place))

    def use(self, side: Side, process: Process) -> None:
        """Gives an end to the process that uses it first.

        Raises:
            Refused: `csp.endpoint-shared` when another process has it.
        """
        if self.process(side) is not process:
            self.claim(side, process, user_line())

    def close(self, now: int, place: Span | None) -> None:
        """Ends the stream."""
        self.time.closed = now
        self.closed_at = place
        self.wake("recv")

    def wake(self, side: Side, *, at_once: bool = False) -> None:
        """Lets the process at that end look again whether it can go on."""
        process = self.process(side)
        if process is not None:
            process.network.wake(process, at_once=at_once)

    def taken(self, asked: int, now: int) -> object:
        """The next token, which is gone from the channel."""
        met = not self.time.held
        self.time.take(asked, now)
        self.wake("send", at_once=met)
        return self.tokens.popleft()


@dataclass(frozen=True)
class Sending:
    """A send that waits for a slot, or at a rendezvous for the receiver."""

    link: Link
    since: int
    kind = "send"

    @property
    def links(self) -> tuple[Link, ...]:
        """The channels that are waited for."""
        return (self.link,)

    def ready(self) -> int | None:
        """When it completes, as far as is known."""
        time = self.link.time
        if time.capacity:
            return time.accept_time(self.since)
        return None if time.offered is not None else time.resume_time()


@dataclass(frozen=True)
class Receiving:
    """A receive from the first of some channels that has a visible token, or until all have ended."""

    links: tuple[Link, ...]
    since: int
    kind: Literal["recv", "select"] = "recv"

    def ready(self) -> int | None:
        """When it completes, as far as is known."""
        times = [each for link in self.links if (each := link.time.visible_time()) is not None]
        if times:
            return max(self.since, min(times))
        ends = [each for link in self.links if (each := link.time.end_time()) is not None]
        return max(self.since, *ends) if len(ends) == len(self.links) else None


class End:
    """An end of a channel, or both: `len` and `full` ask how many tokens are in the channel now."""

    __slots__ = ("link",)

    def __init__(self, link: Link) -> None:
        self.link = link

    def __getattr__(self, name: str) -> object:
        """Says of an operation of the other end whose it is.

        Raises:
            Refused: `csp.wrong-end`.
        """
        side = OPERATIONS.get(name)
        if side is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        form, other = ("Send", "receiving") if side == "sending" else ("Recv", "sending")
        raise Refused(
            "csp.wrong-end",
            f"`{name}` is for the {side} end of '{self.link.name}', and this is the {other} end",
            span=user_line(),
            help=f"declare the parameter as {form}[…], and give that end to no other process",
        )

    def __len__(self) -> int:
        """How many tokens are in the channel at the time of the process that asks: entered, and not taken.

        Raises:
            Refused: `csp.no-network` outside of a process.
        """
        process = running(f"len({self.link.name})")
        process.pause()
        return self.link.time.occupancy(process.clock)

    def full(self) -> bool:
        """Whether a `try_send` would fail at the time of the process that asks.

        Raises:
            Refused: `csp.no-network` outside of a process.
        """
        process = running(f"{self.link.name}.full()")
        process.pause()
        time = self.link.time
        return time.full(process.clock) if time.capacity else not _awaited(self.link, process.clock)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link.name}: {self.link.carried}>"


class Sender(End, Generic[T]):
    """The end of a channel that sends; one process has it, and closes it when it returns."""

    __slots__ = ()

    def send(self, value: T | Number) -> None:
        """Waits while the channel is full, then puts `value` into it: a copy of a tile or number, a buffer itself.

        Raises:
            Refused: `csp.payload`, `csp.no-token`, `csp.send-after-close`, `csp.endpoint-shared`, `csp.no-network`.
        """
        process, link = self._open("send"), self.link
        check_payload(link.name, link.carried, value)
        token = handed_over(link.carried, value)
        since = process.clock
        if link.time.capacity:
            process.turn(Sending(link, since))
            link.time.accept(since, process.clock)
            link.tokens.append(token)
            link.wake("recv")
        else:
            # An offer stands from the moment its sender reaches it, and the sender waits until it is taken.
            link.time.offer(since)
            link.tokens.append(token)
            link.wake("recv")
            process.turn(Sending(link, since))
        process.waited("full", link, since)

    def try_send(self, value: T | Number) -> bool:
        """Puts `value` into the channel if a slot is free now; at a rendezvous, if the receiver is waiting.

        Returns:
            Whether it did.

        Raises:
            Refused: as `send`.
        """
        process, link = self._open("send"), self.link
        check_payload(link.name, link.carried, value)
        process.pause()
        now = process.clock
        if link.time.accept_time(now) != now and not _awaited(link, now):
            return False
        link.time.accept(now, now)
        link.tokens.append(handed_over(link.carried, value))
        link.wake("recv")
        return True

    def close(self) -> None:
        """Ends the stream: the receiver gets the tokens that are in the channel and then `EOS`.

        Raises:
            Refused: `csp.double-close`, `csp.endpoint-shared`, `csp.no-network`.
        """
        process = self._open("close")
        process.pause()
        self.link.close(process.clock, user_line())

    def _open(self, operation: Literal["send", "close"]) -> Process:
        link = self.link
        process = running(f"{operation} on '{link.name}'")
        link.use("send", process)
        if link.time.closed is None:
            return process
        line = link.closed_at.line if link.closed_at is not None else 0
        raise already_closed(operation, link.name, line, user_line())


class Receiver(End, Generic[T]):
    """The end of a channel that receives; one process has it."""

    __slots__ = ()

    def recv(self) -> T:
        """Waits while the channel is empty, then takes the next token; `EOS` when the stream has ended.

        Raises:
            Refused: `csp.endpoint-shared`, `csp.no-network`.
        """
        process, link = self._owner("recv"), self.link
        since = process.clock
        process.turn(Receiving((link,), since))
        found = _take_first((self,), process, since)
        return cast("T", found[1] if found is not EOS else EOS)

    def try_recv(self) -> T | Literal[Signal.NONE, Signal.EOS]:
        """The next token if it is visible now, else `NONE`; `EOS` when the stream has ended.

        Raises:
            Refused: as `recv`.
        """
        process, link = self._owner("try_recv"), self.link
        process.pause()
        seen = self._seen(process)
        return cast("T", link.taken(process.clock, process.clock)) if not isinstance(seen, Signal) else seen

    def peek(self) -> T | Literal[Signal.NONE, Signal.EOS]:
        """What `try_recv` would give; the token stays.

        Raises:
            Refused: as `recv`.
        """
        process = self._owner("peek")
        process.pause()
        return self._seen(process)

    def __iter__(self) -> Iterator[T]:
        """The tokens, one after the other, until the stream has ended.

        Raises:
            Refused: as `recv`.
        """
        while (token := self.recv()) is not EOS:
            yield token

    def _owner(self, operation: str) -> Process:
        process = running(f"{operation} on '{self.link.name}'")
        self.link.use("recv", process)
        return process

    def _seen(self, process: Process) -> T | Literal[Signal.NONE, Signal.EOS]:
        visible, end = self.link.time.visible_time(), self.link.time.end_time()
        if visible is not None and visible <= process.clock:
            return cast("T", self.link.tokens[0])
        return EOS if end is not None and end <= process.clock else NONE


class Channel(Sender[T], Receiver[T]):
    """A channel before its ends are given to processes; the process that made it may also use it directly."""

    __slots__ = ()


def select(ins: Sequence[Receiver[T]]) -> tuple[Receiver[T], T] | Literal[Signal.EOS]:
    """Waits until one of the channels has a visible token, then takes it; `EOS` when all streams have ended.

    It completes at the earliest possible time; of the channels that have a token then the first one listed is taken.

    Returns:
        The end whose token was taken, and the token; or `EOS`.

    Raises:
        Refused: `csp.not-an-end` for something else than ends, `type.bad-arguments` for none or for one that is listed
            twice; `csp.endpoint-shared`, `csp.no-network`.
    """
    process = running("select")
    _check_selected(ins)
    for each in ins:
        each.link.use("recv", process)
    since = process.clock
    process.turn(Receiving(tuple(each.link for each in ins), since, "select"))
    return _take_first(ins, process, since)


def _check_selected(ins: object) -> None:
    """Nothing when `ins` are ends of channels: at least one, and each of them once."""
    if isinstance(ins, End) or not isinstance(ins, Sequence):
        raise not_selected(_given(ins), user_line())
    ends = cast("Sequence[object]", ins)
    for each in ends:
        if not isinstance(each, End):
            raise not_selected(f"{_given(each)} among them", user_line())
    links = [each.link for each in ends if isinstance(each, End)]
    if (bad := selected_badly([each.name for each in links], [id(each) for each in links], user_line())) is not None:
        raise bad


def _given(value: object) -> str:
    """What is passed where the ends of channels are wanted."""
    return f"'{value.link.name}'" if isinstance(value, End) else f"a value of type {type(value).__name__}"


def fan_out(inp: Receiver[T], outs: Sequence[Sender[T]]) -> None:
    """The body of a process that sends every token of `inp` on all of `outs`, on one after the other."""
    for token in inp:
        for out in outs:
            out.send(token)


def _take_first(
    ins: Sequence[Receiver[T]], process: Process, since: int
) -> tuple[Receiver[T], T] | Literal[Signal.EOS]:
    """The token of the first channel that has a visible one, and what the process has waited for it."""
    now = process.clock
    for each in ins:
        visible = each.link.time.visible_time()
        if visible is not None and visible <= now:
            process.waited("empty", each.link, since)
            return each, cast("T", each.link.taken(since, now))
    process.waited("end", ins[0].link, since)
    return EOS


def _awaited(link: Link, now: int) -> bool:
    """Whether the receiver waits at the rendezvous for nothing but this channel, and has not been given a token."""
    receiver = link.process("recv")
    pending = receiver.pending if receiver is not None and not receiver.ended else None
    waits = isinstance(pending, Receiving) and pending.links == (link,) and pending.since <= now
    return waits and not link.time.capacity and not link.time.held


def _shared(link: Link, side: Side, first: tuple[Process, Span | None], second: tuple[Process, Span | None]) -> Refused:
    names = (first[0].name, second[0].name)
    return end_shared(link.name, side, names, (first[1], second[1]))
