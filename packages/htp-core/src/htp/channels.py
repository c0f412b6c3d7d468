"""Channels as processes use them: their two ends, and what can be done with each.

Knows the operations and the order of their checks; the times are `channel_time`'s, whose turn it is is `networks`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

from htp.channel_refusals import already_closed, not_selected, selected_badly
from htp.diagnostics import Refused
from htp.links import Link, Receiving, Sending
from htp.payloads import check_payload, handed_over
from htp.places import user_line
from htp.processes import running
from htp.signals import EOS, NONE, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.processes import Process
    from htp.values import Number

__all__ = [
    "EOS",
    "NONE",
    "Channel",
    "End",
    "Receiver",
    "Sender",
    "Signal",
    "fan_out",
    "select",
]

T = TypeVar("T")
OPERATIONS = {
    "send": "sending", "try_send": "sending", "close": "sending",
    "recv": "receiving", "try_recv": "receiving", "peek": "receiving",
}  # fmt: skip
"""The end that each operation is of."""


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
