"""Networks that are stuck natively, told as `htp.deadlocks` tells them: the same classes, words and tables.

Knows the record that `native/htp_told.hpp` writes; who waits for whom, and what would help, is found by core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from htp.channel_time import ChannelTime
from htp.deadlocks import deadlock
from htp.links import Link, Receiving, Sending
from htp.loops import span_of
from htp.networks import Network
from htp.types import ScalarType, i64

if TYPE_CHECKING:
    from htp.deadlocks import Deadlock

__all__ = ["stuck"]


class _Channel(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    capacity: int
    sends: int
    receives: int
    high_water: int
    stall_full: int
    stall_empty: int
    sender: int
    receiver: int
    closed: int


class _Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process; one that has ended waits for nothing."""

    name: str
    clock: int
    busy: int
    stall_in: int
    stall_out: int
    waits: Literal["send", "recv", "select", "go on", ""] = ""
    place: str = ""
    channels: tuple[int, ...] = ()


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    channels: tuple[_Channel, ...]
    processes: tuple[_Process, ...]


@dataclass
class _Counted(ChannelTime):
    """A channel of which only counts are known, not every time."""

    counts: _Channel | None = None

    @property
    def sends(self) -> int:
        return self.counts.sends if self.counts is not None else 0

    @property
    def receives(self) -> int:
        return self.counts.receives if self.counts is not None else 0

    @property
    def high_water(self) -> int:
        return self.counts.high_water if self.counts is not None else 0


def stuck(name: str, text: bytes) -> Deadlock:
    """The refusal of the network that native code describes so."""
    record = msgspec.json.decode(text, type=_Record)
    network = Network(name)
    for each in record.channels:
        time = _Counted(each.capacity, counts=each)
        time.stall_full, time.stall_empty = each.stall_full, each.stall_empty
        time.closed = 0 if each.closed else None
        network.links.append(Link(ScalarType(i64), time, each.name))
    for each in record.processes:
        made = network.add(each.name, _nothing, span_of(each.place), each.clock)
        made.busy, made.stall_in, made.stall_out = each.busy, each.stall_in, each.stall_out
        made.ended = not each.waits
        links = tuple(network.links[number] for number in each.channels)
        if each.waits == "send":
            made.pending = Sending(links[0], each.clock)
        elif each.waits in ("recv", "select"):
            made.pending = Receiving(links, each.clock, each.waits)
    for link, each in zip(network.links, record.channels, strict=True):
        for side, number in (("send", each.sender), ("recv", each.receiver)):
            if number >= 0:
                link.held_by["send" if side == "send" else "recv"] = (network.processes[number], None)
    return deadlock(network)


def _nothing() -> None:
    """The body of a process that has run elsewhere."""
