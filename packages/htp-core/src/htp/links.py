"""What lies between the two ends of a channel, and what it is to wait for it.

Knows who holds which end, the tokens and when a waiting operation completes; what processes do with an end is
`channels`'.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from htp.channel_refusals import end_shared
from htp.places import user_line

if TYPE_CHECKING:
    from htp.channel_time import ChannelTime
    from htp.diagnostics import Refused, Span
    from htp.processes import Process
    from htp.types import ScalarType, TensorType, TileType

__all__ = ["Link", "Receiving", "Sending", "Side"]

Side = Literal["send", "recv"]


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


def _shared(link: Link, side: Side, first: tuple[Process, Span | None], second: tuple[Process, Span | None]) -> Refused:
    names = (first[0].name, second[0].name)
    return end_shared(link.name, side, names, (first[1], second[1]))
